//! Reading the configuration and the certificate again while the server runs.
//!
//! A file that is wrong changes nothing: it is refused with one line in the log, and what was in
//! force stays so. A new certificate does not wait for a configuration that is right, nor the other
//! way round.

use tracing::{info, warn};

use super::Running;
use crate::config::{Change, Config, ConfigErrors, Transport};
use crate::telemetry;

/// What names the files of the certificate.
const CERTIFICATE_KEYS: [&str; 2] = ["http.tls_certificate", "http.tls_key"];

impl Running {
    /// Puts a configuration that was read again in force, as far as that goes without a restart,
    /// and reads the certificate again. What came of it is in the log, keys by name and no values.
    pub fn reload(&self, read: Result<Config, ConfigErrors>) {
        let old = self.app.live.now();
        let new = match read {
            Ok(new) => new,
            Err(error) => {
                warn!(%error, "the configuration was refused; the old one stays in force");
                let _taken = self.take_certificate(&old.http.transport);
                return;
            }
        };
        let files = match (&old.http.transport, &new.http.transport) {
            (Transport::Tls { .. }, new @ Transport::Tls { .. }) => new,
            (old, _) => old,
        };
        let kept: &[&str] = if self.take_certificate(files) {
            &[]
        } else {
            &CERTIFICATE_KEYS
        };
        let Change {
            config,
            taken,
            waiting,
        } = old.adopt(&new, kept);
        telemetry::change_filter(&config.telemetry);
        self.app.rate_limits.adopt(&config.rate_limits);
        self.app.live.replace(config);
        let changed = Names(&taken);
        if waiting.is_empty() {
            info!(%changed, "the configuration was read again");
        } else {
            warn!(%changed, needs_restart = %Names(&waiting), "the configuration was read again; not all of it holds before a restart");
        }
    }

    /// Whether it could be read. One that is not there at all, because there is no TLS, could.
    fn take_certificate(&self, files: &Transport) -> bool {
        match (files, self.doors.take_certificate(files)) {
            (_, Err(error)) => {
                warn!(error = %error.chain(), "the certificate could not be read again; the old one stays in use");
                false
            }
            (Transport::Tls { .. }, Ok(())) => {
                info!("the certificate was read again");
                true
            }
            (Transport::Plain, Ok(())) => true,
        }
    }
}

/// Keys in a row.
struct Names<'a>(&'a [String]);

impl std::fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            f.write_str("nothing")
        } else {
            f.write_str(&self.0.join(", "))
        }
    }
}
