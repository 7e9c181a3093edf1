//! TLS 1.3 for the client door, and certificates that can be renewed under way.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tracing::{info, warn};

use crate::app::App;

/// How often the files of the certificate are looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} could not be read", file.display())]
    Pem {
        file: PathBuf,
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    #[error("the certificate and its key could not be used")]
    Rustls(#[from] rustls::Error),
}

impl TlsError {
    /// With its sources, on one line.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(inner) = source {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            source = inner.source();
        }
        text
    }
}

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Certificate(RwLock<InUse>);

#[derive(Debug)]
struct InUse {
    chain: PathBuf,
    key: PathBuf,
    /// How the files looked when they were read last, with success or without.
    seen: [Option<Look>; 2],
    certificate: Arc<CertifiedKey>,
}

/// What changes when somebody replaces or writes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    modified: (i64, i64),
    inode: u64,
    length: u64,
}

impl Certificate {
    pub(crate) fn load(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let seen = looks(chain, key);
        Ok(Self(RwLock::new(InUse {
            chain: chain.to_owned(),
            key: key.to_owned(),
            seen,
            certificate: Arc::new(read(chain, key)?),
        })))
    }

    /// Takes what is in these files now, and watches them from now on; on an error everything stays
    /// as it is.
    pub(crate) fn take(&self, chain: &Path, key: &Path) -> Result<(), TlsError> {
        let Self(new) = Self::load(chain, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            new.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(())
    }

    /// Takes what is in the files if they look different from when they were read last; false if
    /// they do not.
    fn take_if_new(&self) -> Result<bool, TlsError> {
        let (chain, key) = {
            let mut in_use = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let seen = looks(&in_use.chain, &in_use.key);
            if seen == in_use.seen {
                return Ok(false);
            }
            // Files that are broken are told of once.
            in_use.seen = seen;
            (in_use.chain.clone(), in_use.key.clone())
        };
        self.take(&chain, &key).map(|()| true)
    }
}

/// Looks after new files each [`LOOK_EVERY`], until the server stops.
pub(super) fn watch(app: &Arc<App>, certificate: Arc<Certificate>) {
    let mut interval = app.tasks.interval(&app.clock, LOOK_EVERY);
    app.tasks.spawn("certificate", async move {
        while interval.tick().await {
            match certificate.take_if_new() {
                Ok(false) => {}
                Ok(true) => info!("a new certificate was found and is in use"),
                Err(error) => {
                    warn!(error = %error.chain(), "a new certificate was found and cannot be used; the old one stays in use");
                }
            }
        }
    });
}

fn looks(chain: &Path, key: &Path) -> [Option<Look>; 2] {
    [chain, key].map(|file| {
        let found = fs::metadata(file).ok()?;
        Some(Look {
            modified: (found.mtime(), found.mtime_nsec()),
            inode: found.ino(),
            length: found.len(),
        })
    })
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let in_use = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&in_use.certificate))
    }
}

/// TLS 1.3 only, with the hybrid post-quantum key exchange preferred.
pub(crate) fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, TlsError> {
    Ok(
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(certificate),
    )
}

/// The certificate in these files, if its key is that in the other.
pub(crate) fn read(chain: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let pem = |file: &Path| {
        let file = file.to_owned();
        move |source| TlsError::Pem { file, source }
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(pem(chain))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(chain.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
    Ok(CertifiedKey::from_der(
        certificates,
        key,
        &aws_lc_rs::default_provider(),
    )?)
}
