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
        for signed in &evidence.signed {
            write!(
                f,
                "\n    {} UTC, epoch {}, head {}",
                Minute(signed.time_ms),
                signed.epoch,
                signed.head
            )?;
        }
        Ok(())
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
