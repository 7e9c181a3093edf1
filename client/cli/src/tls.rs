//! Whom this client believes to be the server: TLS 1.3 with the machine's trusted roots.
//!
//! Knows certificates, not what is said over the connection. One configuration serves requests and
//! the event WebSocket, so that both trust the same servers; only the protocol offered differs.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Builds the configuration from the machine's roots and the extra ones, in PEM.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn with_roots(extra_pem: Option<&[u8]>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a trusted root of this machine was not read");
    }
    let (_, unusable) = roots.add_parsable_certificates(native.certs);
    tracing::debug!(trusted = roots.len(), unusable, "roots of this machine");
    if let Some(pem) = extra_pem {
        add_extra(&mut roots, pem)?;
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    build(roots)
}

/// A configuration that trusts nobody, for a server reached without TLS.
///
/// # Errors
/// [`TlsError::Protocol`].
pub(crate) fn without_roots() -> Result<ClientConfig, TlsError> {
    build(RootCertStore::empty())
}

/// Checks that a PEM file holds trusted roots.
///
/// # Errors
/// [`TlsError::ExtraRoots`].
pub(crate) fn check_extra(pem: &[u8]) -> Result<(), TlsError> {
    add_extra(&mut RootCertStore::empty(), pem)
}

fn add_extra(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), TlsError> {
    let mut added = 0_u32;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| TlsError::ExtraRoots(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| TlsError::ExtraRoots(error.to_string()))?;
        added = added.saturating_add(1);
    }
    if added == 0 {
        return Err(TlsError::ExtraRoots(
            "there is no certificate in it".to_owned(),
        ));
    }
    Ok(())
}

fn build(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Protocol)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Whether a connection failed because whoever answered does not prove to be the server, or does
/// not speak TLS 1.3 as a server does. That the line broke is not among it.
pub(crate) fn is_distrust(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        // An error that came through a stream hides there, and is not its own source.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// Why there is no TLS configuration.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsError {
    /// The extra roots are not what they should be.
    #[error("the extra trusted roots are not usable: {0}")]
    ExtraRoots(String),
    /// Nobody to trust.
    #[error("this machine has no trusted roots")]
    NoRoots,
    /// The TLS library refused TLS 1.3.
    #[error("TLS 1.3 is not available")]
    Protocol(#[source] rustls::Error),
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{TlsError, check_extra, with_roots, without_roots};

    #[test]
    fn extra_roots_are_read_and_rubbish_is_refused() {
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let pem = made.cert.pem();
        check_extra(pem.as_bytes()).unwrap();
        with_roots(Some(pem.as_bytes())).unwrap();
        for rubbish in ["", "no certificate", &pem.replacen("MII", "AAA", 1)] {
            assert!(matches!(
                check_extra(rubbish.as_bytes()),
                Err(TlsError::ExtraRoots(_))
            ));
        }
        without_roots().unwrap();
    }
}
