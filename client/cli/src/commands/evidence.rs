//! `grove evidence`: proofs that a server has lied, kept here or given by others.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use grove_core::{EvidenceFile, verify_evidence};

use super::failures::failed;
use crate::args::Evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{EvidenceLine, Exported, Output};
use crate::session::Session;

/// A proof is a few KiB; more is no proof.
const MAX_FILE_BYTES: u64 = 256 * 1024;

pub(crate) fn evidence(
    session: &mut Session,
    wish: Evidence,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    match wish {
        Evidence::Export { number, file } => export(session, number, file.as_deref(), output),
        Evidence::List => {
            for evidence in session.client.evidence()? {
                output.print(&EvidenceLine(evidence))?;
            }
            Ok(())
        }
        Evidence::Verify { file } => verify(&file, output),
    }
}

fn export(
    session: &mut Session,
    number: u64,
    file: Option<&Path>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let exported = session.client.export_evidence(number).map_err(failed)?;
    let text = serde_json::to_string_pretty(&exported)
        .map_err(|error| Failure::caused(Exit::Failure, &error))?;
    let text = format!("{text}\n");
    let Some(file) = file else {
        return output.write_raw(text.as_bytes());
    };
    fs::write(file, text).map_err(|error| {
        let text = format!("{} cannot be written: {error}", file.display());
        Failure::new(Exit::Failure, text)
    })?;
    output.print(&Exported {
        number,
        file: file.display().to_string(),
    })
}

/// Checks a proof; needs nothing but the file.
pub(crate) fn verify(file: &Path, output: &mut Output<'_>) -> Result<(), Failure> {
    let shown = file.display();
    let bytes = read(file).map_err(|error| {
        Failure::new(Exit::NotFound, format!("{shown} cannot be read: {error}"))
    })?;
    let no_proof =
        |why: String| Failure::new(Exit::Failure, format!("{shown} proves nothing: {why}"));
    let parsed: EvidenceFile =
        serde_json::from_slice(&bytes).map_err(|error| no_proof(error.to_string()))?;
    let evidence =
        verify_evidence(parsed.evidence.as_bytes()).map_err(|error| no_proof(error.to_string()))?;
    output.print(&EvidenceLine(evidence))
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        io::stdin().take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    } else {
        File::open(file)?
            .take(MAX_FILE_BYTES)
            .read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
