//! The exit codes of `grove`: what a script may rely on.
//!
//! Knows nothing of commands or of the engine. Codes are never renumbered: a script of last year
//! must still mean what it meant.

use std::process::ExitCode;

/// How a run of `grove` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; or, for `send`, safely queued.
    Ok,
    /// Anything that has no code of its own.
    Failure,
    /// The command line is wrong.
    Usage,
    /// No such profile, several to choose from, or none registered yet.
    Profile,
    /// The server does not answer.
    Unreachable,
    /// The server answered no.
    Refused,
    /// An identity is not what it was: sending stopped until the user decides.
    Identity,
    /// The local database or its key: locked, damaged, wrong key, loose permissions.
    Storage,
    /// No such room or message here, or the name fits several.
    NotFound,
    /// Others changed the room faster, again and again: what was begun waits, or is begun again.
    Contended,
    /// The server answers, and cannot do it now.
    Unavailable,
    /// Whoever answers does not prove to be the server.
    Insecure,
}

impl Exit {
    /// Every code, in order.
    pub(crate) const ALL: [Self; 12] = [
        Self::Ok,
        Self::Failure,
        Self::Usage,
        Self::Profile,
        Self::Unreachable,
        Self::Refused,
        Self::Identity,
        Self::Storage,
        Self::NotFound,
        Self::Contended,
        Self::Unavailable,
        Self::Insecure,
    ];

    /// The number the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Profile => 3,
            Self::Unreachable => 4,
            Self::Refused => 5,
            Self::Identity => 6,
            Self::Storage => 7,
            Self::NotFound => 8,
            Self::Contended => 9,
            Self::Unavailable => 10,
            Self::Insecure => 11,
        }
    }

    /// The word for it in `--json` errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failure => "failure",
            Self::Usage => "usage",
            Self::Profile => "profile",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Identity => "identity",
            Self::Storage => "storage",
            Self::NotFound => "not_found",
            Self::Contended => "contended",
            Self::Unavailable => "unavailable",
            Self::Insecure => "insecure",
        }
    }

    /// One line for `--help`.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done (send: accepted by the server, or safely queued)",
            Self::Failure => "something else went wrong",
            Self::Usage => "the command line is wrong",
            Self::Profile => "no such profile, several to choose from, or not registered",
            Self::Unreachable => "the server does not answer",
            Self::Refused => "the server refused",
            Self::Identity => "an identity changed: sending stopped until you decide",
            Self::Storage => "the local database or its key: locked, damaged or unsafe",
            Self::NotFound => "no such room or message here, or the name fits several",
            Self::Contended => "others changed the room faster, again and again: try again",
            Self::Unavailable => "the server answers, and cannot do it now: try again later",
            Self::Insecure => "whoever answers does not prove to be the server (TLS)",
        }
    }
}

impl Exit {
    /// Whether the same may succeed later, with what is stored until then.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Contended | Self::Insecure | Self::Unavailable | Self::Unreachable
        )
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The list of exit codes as `grove --help` shows it.
pub(crate) fn table() -> String {
    let mut text = String::from("Exit codes:");
    for exit in Exit::ALL {
        text.push_str(&format_line(exit));
    }
    text
}

fn format_line(exit: Exit) -> String {
    format!("\n  {:>2}  {}", exit.code(), exit.meaning())
}

#[cfg(test)]
mod tests {
    use super::{Exit, table};

    #[test]
    fn codes_are_what_scripts_were_promised() {
        let codes: Vec<(u8, &str)> = Exit::ALL
            .iter()
            .map(|exit| (exit.code(), exit.name()))
            .collect();
        assert_eq!(
            codes,
            [
                (0, "ok"),
                (1, "failure"),
                (2, "usage"),
                (3, "profile"),
                (4, "unreachable"),
                (5, "refused"),
                (6, "identity"),
                (7, "storage"),
                (8, "not_found"),
                (9, "contended"),
                (10, "unavailable"),
                (11, "insecure"),
            ]
        );
    }

    #[test]
    fn the_table_and_the_manual_name_every_code() {
        let manual = include_str!("../../../docs/cli.md");
        let table = table();
        for exit in Exit::ALL {
            let line = format!("{}  {}", exit.code(), exit.meaning());
            assert!(table.contains(&line), "--help lacks {line:?}");
            let row = format!(
                "| {} | `{}` | {} |",
                exit.code(),
                exit.name(),
                exit.meaning()
            );
            assert!(manual.contains(&row), "docs/cli.md lacks {row:?}");
        }
    }
}
