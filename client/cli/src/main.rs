//! The command-line client `grove`.

use std::process::ExitCode;

fn main() -> ExitCode {
    grove_cli::run()
}
