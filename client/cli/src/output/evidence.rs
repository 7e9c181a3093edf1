//! Proofs that a server has lied, each as one JSON object and as text. The field names are
//! documented in `docs/cli.md`.

use std::fmt;

use grove_core::EvidenceView;
use serde::Serialize;

use super::time::Minute;

/// A proof.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct EvidenceLine(pub(crate) EvidenceView);

impl fmt::Display for EvidenceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evidence = &self.0;
        if evidence.number > 0 {
            write!(f, "{}  {}  ", evidence.number, Minute(evidence.found_ms))?;
        }
        let hub = evidence.hub.as_str().trim_start_matches("mimi://");
        write!(
            f,
            "{hub} has signed two contents for entry {} of {}:",
            evidence.seq, evidence.room
        )?;
        write_signed(f, evidence)
    }
}

fn write_signed(f: &mut fmt::Formatter<'_>, evidence: &EvidenceView) -> fmt::Result {
    evidence.signed.iter().try_for_each(|signed| {
        write!(
            f,
            "\n    {} UTC, epoch {}, head {}",
            Minute(signed.time_ms),
            signed.epoch,
            signed.head
        )
    })
}

/// With what the key of a proof was compared. Where it differs there is no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyIs {
    /// With the one that the person gave.
    Given,
    /// With nothing.
    NotCompared,
    /// With the one that a profile knows of its own server.
    OwnServer,
}

/// A proof that somebody gave, checked.
#[derive(Debug, Serialize)]
pub(crate) struct VerifiedLine {
    /// The proof.
    #[serde(flatten)]
    pub(crate) evidence: EvidenceView,
    /// With what its key was compared.
    pub(crate) key_is: KeyIs,
}

impl fmt::Display for VerifiedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evidence = &self.evidence;
        let hub = evidence.hub.as_str().trim_start_matches("mimi://");
        write!(
            f,
            "the holder of the key {} has signed two contents for entry {} of {}:",
            evidence.key.encode(),
            evidence.seq,
            evidence.room
        )?;
        write_signed(f, evidence)?;
        write!(f, "\nThe room's maker calls that server {hub}. ")?;
        match self.key_is {
            KeyIs::Given => f.write_str("It is the key that you gave."),
            KeyIs::OwnServer => f.write_str("It is the key of your own server."),
            KeyIs::NotCompared => write!(
                f,
                "Whether it is its key was not compared: get the key from the server (server_key of \
                 https://{hub}/v1/server) and name it with --key"
            ),
        }
    }
}

/// A proof was written to a file.
#[derive(Debug, Serialize)]
pub(crate) struct Exported {
    /// Its number.
    pub(crate) number: u64,
    /// The file.
    pub(crate) file: String,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} holds the proof; anybody can check it: grove evidence verify {}",
            self.file, self.file
        )
    }
}
