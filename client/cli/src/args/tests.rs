//! The command line is what the manual says.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use clap::{CommandFactory as _, Parser as _};

use super::{Arguments, Command, Rooms};

fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line)
}

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_is_in_the_manual() {
    fn check(command: &clap::Command, path: &str, manual: &str) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            if sub.has_subcommands() {
                check(sub, &path, manual);
                continue;
            }
            assert!(
                manual.contains(&format!("`{path}")),
                "docs/cli.md lacks {path}"
            );
            for option in sub.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(
                    manual.contains(&format!("--{option}")),
                    "docs/cli.md lacks --{option}"
                );
            }
        }
    }
    let manual = include_str!("../../../../docs/cli.md");
    check(&Arguments::command(), "grove", manual);
}

#[test]
fn no_argument_holds_a_secret() {
    fn check(command: &clap::Command) {
        // The key that a proof is compared with is the public one of a server.
        let public = command.get_name() == "verify";
        for argument in command.get_arguments().filter_map(clap::Arg::get_long) {
            let is_secret = ["invite-token", "token", "password", "key"].contains(&argument);
            assert!(!is_secret || public, "{argument}");
        }
        command.get_subcommands().for_each(check);
    }
    check(&Arguments::command());
    assert!(
        parse(&[
            "grove",
            "register",
            "alice@a.example",
            "--passphrase",
            "secret"
        ])
        .is_err()
    );
}

#[test]
fn global_options_stand_anywhere() {
    for line in [
        ["grove", "--json", "--profile", "work", "whoami"],
        ["grove", "whoami", "--json", "--profile", "work"],
    ] {
        let arguments = parse(&line).unwrap();
        assert!(arguments.json);
        assert_eq!(arguments.profile.unwrap().as_str(), "work");
    }
}

#[test]
fn addresses_are_checked_and_made_canonical() {
    let arguments = parse(&[
        "grove",
        "rooms",
        "invite",
        "Garden",
        "Bob@A.Example.",
        "carol@a.example",
    ]);
    let Command::Rooms(Rooms::Invite { room, users }) = arguments.unwrap().command else {
        panic!("another command");
    };
    assert_eq!(room, "Garden");
    let users: Vec<String> = users
        .iter()
        .map(grove_wire::uri::UserUri::address)
        .collect();
    assert_eq!(users, ["bob@a.example", "carol@a.example"]);

    let error = parse(&["grove", "register", "alice"])
        .unwrap_err()
        .to_string();
    assert!(error.contains("alice@a.example"), "{error}");
    assert!(parse(&["grove", "rooms", "invite", "Garden"]).is_err());
}

#[test]
fn a_message_is_about_one_thing_at_most() {
    let id = "5d".repeat(32);
    assert!(parse(&["grove", "send", "Garden", "-"]).is_ok());
    assert!(parse(&["grove", "send", "Garden", "--", "-5 degrees"]).is_ok());
    assert!(parse(&["grove", "send", "Garden", "--reply-to", &id, "yes"]).is_ok());
    assert!(parse(&["grove", "send", "Garden", "--delete", &id]).is_ok());
    assert!(parse(&["grove", "send", "Garden", "--delete", &id, "text"]).is_err());
    assert!(
        parse(&[
            "grove",
            "send",
            "Garden",
            "--edit",
            &id,
            "--react-to",
            &id,
            "x"
        ])
        .is_err()
    );
    assert!(parse(&["grove", "send", "Garden", "--reply-to", "5d", "yes"]).is_err());
}

#[test]
fn usage_errors_end_with_two() {
    for line in [
        &["grove"][..],
        &["grove", "rooms"],
        &["grove", "sned"],
        &["grove", "history", "Garden", "--limit", "0"],
        &["grove", "--server", "http://a.example", "whoami"],
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line:?}");
    }
    assert_eq!(parse(&["grove", "--help"]).unwrap_err().exit_code(), 0);
}

#[test]
fn the_long_help_shows_examples_and_exit_codes() {
    let help = Arguments::command().render_long_help().to_string();
    assert!(help.contains("grove register alice@a.example"), "{help}");
    assert!(help.contains("  4  the server does not answer"), "{help}");
    for name in ["register", "send", "listen", "history", "completions"] {
        let mut command = Arguments::command();
        let help = command
            .find_subcommand_mut(name)
            .unwrap()
            .render_long_help()
            .to_string();
        assert!(help.contains("Example"), "{name} has no example");
    }
}
