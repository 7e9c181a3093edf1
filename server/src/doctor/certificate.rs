//! The certificate, judged by the same verifier that clients use.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{Finding, chain};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Transport};
use crate::http;

const CHECK: &str = "certificate";
/// Somebody should have renewed it by then.
const SOON: Duration = Duration::from_hours(14 * 24);
/// Later than any certificate: they know years of four digits.
const FAR: Duration = Duration::from_hours(8000 * 365 * 24);
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(super) fn examine(config: &Config, clock: &Clock) -> Vec<Finding> {
    match &config.http.transport {
        Transport::Plain => vec![Finding::ok(
            CHECK,
            "none: plain HTTP on loopback, TLS is the business of a proxy",
        )],
        Transport::Tls { certificate, key } => {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            let _counts = roots.add_parsable_certificates(found.certs);
            judge(
                certificate,
                key,
                config.server.domain.domain(),
                &roots,
                clock.now(),
            )
        }
    }
}

fn judge(
    certificate: &Path,
    key: &Path,
    domain: &str,
    roots: &RootCertStore,
    now: Timestamp,
) -> Vec<Finding> {
    let pair = match http::read_certificate(certificate, key) {
        Ok(pair) => pair,
        Err(error) => {
            let remedy =
                "put http.tls_certificate and http.tls_key right; both must belong together";
            return vec![Finding::fail(CHECK, chain(&error), remedy)];
        }
    };
    let shown = certificate.display();
    let Some((first, between)) = pair.cert.split_first() else {
        return vec![Finding::fail(
            CHECK,
            format!("{shown} holds none"),
            "set http.tls_certificate",
        )];
    };
    let parsed = match ParsedCertificate::try_from(first) {
        Ok(parsed) => parsed,
        Err(error) => {
            return vec![Finding::fail(
                CHECK,
                format!("{shown}: {error}"),
                "get a certificate with a domain in it",
            )];
        }
    };
    vec![
        Finding::ok(CHECK, format!("{shown} and its key belong together")),
        secrecy(key),
        name(&parsed, domain),
        expiry(&parsed, roots, between, now),
        trust(&parsed, roots, between, now),
    ]
}

/// Who else may read the private key.
fn secrecy(key: &Path) -> Finding {
    let shown = key.display();
    match fs::metadata(key).map(|found| found.mode() & 0o777) {
        Ok(mode) if mode & 0o007 != 0 => Finding::warn(
            CHECK,
            format!("everybody on this machine may use {shown} (mode {mode:o})"),
            format!("chmod 640 {shown}, with the server's group"),
        ),
        Ok(mode) => Finding::ok(
            CHECK,
            format!("its key is kept from others (mode {mode:o})"),
        ),
        Err(error) => Finding::fail(
            CHECK,
            format!("{shown}: {error}"),
            "run this as the server's user, or as root",
        ),
    }
}

fn name(parsed: &ParsedCertificate<'_>, domain: &str) -> Finding {
    let matches =
        ServerName::try_from(domain).is_ok_and(|name| verify_server_name(parsed, &name).is_ok());
    if matches {
        Finding::ok(CHECK, format!("it is for {domain}"))
    } else {
        let remedy = "right if clients are given another name with --server; otherwise get one for the domain";
        Finding::warn(CHECK, format!("it is not for {domain}"), remedy)
    }
}

/// When the certificate ends: the verifier says so when it is asked about the far future.
fn expiry(
    parsed: &ParsedCertificate<'_>,
    roots: &RootCertStore,
    between: &[CertificateDer<'_>],
    now: Timestamp,
) -> Finding {
    const RENEW: &str = "renew it; groved finds new files within a minute";
    if let Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { .. })) =
        verify(parsed, roots, between, now)
    {
        return Finding::fail(
            CHECK,
            "it is not valid yet",
            "look at the clock of this machine",
        );
    }
    let Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) =
        verify(parsed, roots, between, now.plus(FAR))
    else {
        return Finding::warn(
            CHECK,
            "its end cannot be read",
            "look at it: openssl x509 -noout -enddate",
        );
    };
    let end = Timestamp::from_ms(not_after.as_secs().saturating_mul(1000));
    let days = end.since(now).as_millis() / u128::from(DAY_MS);
    if end <= now {
        Finding::fail(CHECK, "it has expired", RENEW)
    } else if end <= now.plus(SOON) {
        Finding::warn(CHECK, format!("it expires in {days} days"), RENEW)
    } else {
        Finding::ok(CHECK, format!("it expires in {days} days"))
    }
}

fn trust(
    parsed: &ParsedCertificate<'_>,
    roots: &RootCertStore,
    between: &[CertificateDer<'_>],
    now: Timestamp,
) -> Finding {
    match verify(parsed, roots, between, now) {
        Ok(()) => Finding::ok(CHECK, "its chain leads to a root that this machine trusts"),
        Err(error) => {
            let remedy = "put the whole chain into the file; with an authority of your own, clients must trust that";
            Finding::warn(
                CHECK,
                format!("its chain is not trusted here: {error}"),
                remedy,
            )
        }
    }
}

fn verify(
    parsed: &ParsedCertificate<'_>,
    roots: &RootCertStore,
    between: &[CertificateDer<'_>],
    at: Timestamp,
) -> Result<(), Error> {
    let at = UnixTime::since_unix_epoch(Duration::from_millis(at.ms()));
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(parsed, roots, between, at, algorithms.all)
}
