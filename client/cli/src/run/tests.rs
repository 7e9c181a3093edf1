//! Usage errors for programs, and what is logged.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use tracing::subscriber::with_default;

use super::{Exit, filter, misused, wants_json};
use crate::args::Arguments;

fn arguments(text: &str) -> Vec<std::ffi::OsString> {
    text.split(' ').map(Into::into).collect()
}

#[test]
fn the_option_counts_wherever_it_stands() {
    assert!(wants_json(arguments("grove --json bogus")));
    assert!(wants_json(arguments("grove history --limit x --json")));
    assert!(!wants_json(arguments("grove send Garden -- --json")));
    assert!(!wants_json(arguments("--json")));
}

#[test]
fn a_usage_error_has_its_parts_in_one_line_each() {
    for (line, message) in [
        ("grove --json histroy", "unrecognized subcommand 'histroy'"),
        (
            "grove history a --limit x",
            "invalid value 'x' for '--limit",
        ),
        ("grove", "a command is missing"),
        (
            "grove history",
            "the following required arguments were not provided",
        ),
        (
            "grove history a --bogus",
            "unexpected argument '--bogus' found",
        ),
    ] {
        let failure = misused(&Arguments::try_parse_from(arguments(line)).unwrap_err());
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.starts_with(message), "{failure:?}");
        let advice = failure.advice.unwrap();
        assert!(!advice.is_empty());
        assert!(!failure.message.contains('\n') && !advice.contains('\n'));
    }
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(verbose: u8) -> String {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(verbose))
        .with_writer(move || writer.clone())
        .finish();
    with_default(subscriber, || {
        tracing::error!(target: "rustls::conn", "of rustls");
        tracing::error!(target: "openmls", "of openmls");
        tracing::error!(target: "grove_core::sync", "ours");
        tracing::warn!(target: "grove_core::sync", "our warning");
    });
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn libraries_log_nothing_unless_asked() {
    let quiet = logged(0);
    assert!(quiet.contains("ours"), "{quiet}");
    assert_eq!(quiet.lines().count(), 1, "{quiet}");
    let loud = logged(1);
    assert!(loud.contains("of rustls") && loud.contains("our warning"));
}
