//! KeyPackages: a stock at the server, so that others can add this device while it sleeps.
//!
//! Private halves are stored before the public ones leave. If the upload then fails they are never
//! used; that costs a few kilobytes and no security.

use grove_mls::key_package::{self, LastResort};
use grove_mls::suite::Suite;
use grove_wire::api::key_packages::{KeyPackageCounts, UploadKeyPackages};

use crate::call::{self, CallError};
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::store::{Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// The stock the server holds after a refill.
const STOCK: u32 = 50;
/// The server is asked for the stock this often without a reason, in milliseconds.
const COUNT_EVERY_MS: u64 = 60 * 60 * 1000;

/// The stock of KeyPackages could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum RefillError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A KeyPackage could not be made.
    #[error("a KeyPackage cannot be made")]
    Make(#[source] key_package::MakeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for RefillError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Make(_) => Class::Failure,
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Asks for the stock if there is a reason to, and fills it up.
    pub(crate) async fn look_after_key_packages(&mut self) -> Result<(), RefillError> {
        let now = self.environment.now();
        let due = self
            .memory
            .key_packages_counted
            .is_none_or(|at| now >= at.saturating_add(COUNT_EVERY_MS));
        if due {
            self.refill_key_packages().await?;
        }
        Ok(())
    }

    /// Fills the stock of each suite up to its full size.
    pub(crate) async fn refill_key_packages(&mut self) -> Result<(), RefillError> {
        let response = self
            .ask(Method::Get, "/v1/key-packages", Body::None)
            .await?;
        let counts: KeyPackageCounts = response.json()?;
        let suites = self.transaction(|step| step.account())?.suites;
        for suite in suites.into_iter().filter_map(Suite::from_code) {
            let count = counts
                .counts
                .iter()
                .find(|count| count.cipher_suite == suite.code());
            let available = count.map_or(0, |count| count.available);
            if count.is_none_or(|count| count.low) || available < STOCK / 2 {
                self.upload_key_packages(suite, STOCK.saturating_sub(available))
                    .await?;
            }
        }
        self.memory.key_packages_counted = Some(self.environment.now());
        Ok(())
    }

    async fn upload_key_packages(&mut self, suite: Suite, wanted: u32) -> Result<(), RefillError> {
        let upload = self.transaction(|step| {
            step.records(|storage, identity| {
                let make = |last_resort| {
                    key_package::make(storage, &identity.device, suite, last_resort)
                        .map(|made| made.message.into_bytes().into())
                        .map_err(RefillError::Make)
                };
                Ok::<_, RefillError>(UploadKeyPackages {
                    cipher_suite: suite.code(),
                    key_packages: (0..wanted)
                        .map(|_| make(LastResort::No))
                        .collect::<Result<_, _>>()?,
                    last_resort: Some(make(LastResort::Yes)?),
                })
            })
        })?;
        let uploaded = self
            .ask(Method::Put, "/v1/key-packages", call::json(&upload)?)
            .await?;
        let KeyPackageCounts { .. } = uploaded.json()?;
        Ok(())
    }
}
