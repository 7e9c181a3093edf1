//! The program `groved`.

use std::process::ExitCode;

fn main() -> ExitCode {
    grove_server::cli::run()
}
