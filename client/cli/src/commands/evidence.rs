//! `grove evidence`: proofs that a server has lied, kept here or given by others.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use grove_core::{EvidenceFile, EvidenceView, verify_evidence};
use grove_wire::api::Base64Url;
use grove_wire::uri::Provider;
use zeroize::Zeroizing;

use super::failures::failed;
use crate::args::Evidence;
use crate::bounded;
use crate::exit::Exit;
use crate::failure::{Failure, is_full};
use crate::output::{EvidenceLine, Exported, KeyIs, Output, VerifiedLine};
use crate::profile::{self, Directories, Profile, ProfileName, Unlock};
use crate::session::Session;

/// A proof is a few KiB; more is no proof.
const MAX_FILE_BYTES: usize = 256 * 1024;

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
        // Done before a profile was opened.
        Evidence::Verify { .. } => Ok(()),
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
        if is_full(&error) {
            return Failure::full(&format_args!("{} cannot be written", file.display()));
        }
        let text = format!("{} cannot be written: {error}", file.display());
        Failure::new(Exit::Failure, text)
    })?;
    output.print(&Exported {
        number,
        file: file.display().to_string(),
    })
}

/// What a proof's key can be compared with.
pub(crate) struct Keys<'a> {
    /// The key that the person has got from the server.
    pub(crate) given: Option<&'a Base64Url>,
    /// The profile that counts; without it, all do.
    pub(crate) profile: Option<&'a ProfileName>,
    /// Where profiles are.
    pub(crate) directories: &'a Directories,
}

impl Keys<'_> {
    /// Compares the key of a proof: says with what, if with anything.
    fn compare(&self, evidence: &EvidenceView) -> Result<KeyIs, Failure> {
        let hub = evidence.hub.as_str().trim_start_matches("mimi://");
        if let Some(given) = self.given {
            if *given == evidence.key {
                return Ok(KeyIs::Given);
            }
            let text = format!("this is not the key of {hub}: nothing is proven against it");
            return Err(another_key(evidence, &text));
        }
        let own = self.of_own_servers(&evidence.hub);
        if own.contains(&evidence.key) {
            return Ok(KeyIs::OwnServer);
        }
        if own.is_empty() {
            return Ok(KeyIs::NotCompared);
        }
        let text =
            format!("this is NOT the key of {hub}, your own server: nothing is proven against it");
        Err(another_key(evidence, &text))
    }

    /// The keys that profiles know of this provider. A profile that cannot be opened without asking
    /// somebody is passed over.
    fn of_own_servers(&self, hub: &Provider) -> Vec<Base64Url> {
        let Ok(names) = profile::list(self.directories) else {
            return Vec::new();
        };
        let wanted = |name: &ProfileName| self.profile.is_none_or(|profile| profile == name);
        let open = |name: ProfileName| {
            let profile = Profile::choose(self.directories, Some(&name)).ok()?;
            let settings = &profile.settings;
            let at_hub = settings.user.provider() == *hub && settings.unlock == Unlock::File;
            let session = at_hub.then(|| Session::of(profile, None))?;
            Some(session.ok()?.client.server_key())
        };
        names.into_iter().filter(wanted).filter_map(open).collect()
    }
}

fn another_key(evidence: &EvidenceView, text: &str) -> Failure {
    let key = evidence.key.encode();
    Failure::new(Exit::Failure, text).advise(format!(
        "the proof is against the holder of the key {key}, whoever that is"
    ))
}

/// Checks a proof; needs nothing but the file, and compares its key with what there is.
pub(crate) fn verify(file: &Path, keys: &Keys<'_>, output: &mut Output<'_>) -> Result<(), Failure> {
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
    let key_is = keys.compare(&evidence)?;
    output.print(&VerifiedLine { evidence, key_is })
}

fn read(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    if file == Path::new("-") {
        bounded::read(io::stdin(), MAX_FILE_BYTES)
    } else {
        bounded::read(File::open(file)?, MAX_FILE_BYTES)
    }
}
