//! KeyPackages: a stock at the server, so that others can add this device while it sleeps.
//!
//! Private halves are stored before the public ones leave. If the upload then fails they are never
//! used; that costs a few kilobytes and no security.

use grove_mls::key_package::{self, LastResort};
use grove_mls::suite::Suite;
use grove_wire::api::key_packages::{KeyPackageCounts, UploadKeyPackages};
use grove_wire::problem::ProblemType;

use crate::call::{self, CallError};
use crate::client::Client;
use crate::clock::ClockOff;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::store::{Store, StoreError};
use crate::transport::{Body, Method, Transport};

mod kept;

use kept::Kept;

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
    /// The server refuses them for their lifetime, which this device's clock has decided.
    #[error(
        "the server does not take this device's KeyPackages, because its clock is {0}: set the \
         clock, then run the same command again"
    )]
    Clock(ClockOff),
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
            Self::Clock(_) => Class::Refused,
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
            // A clock that was put back does not put this off.
            .is_none_or(|at| now < at || now >= at.saturating_add(COUNT_EVERY_MS));
        if due {
            self.refill_key_packages().await?;
        }
        Ok(())
    }

    /// Fills the stock of each suite up to its full size, and renews the last resort when half of
    /// its time is over.
    pub(crate) async fn refill_key_packages(&mut self) -> Result<(), RefillError> {
        let (counts, clock_off) = self.count_key_packages().await?;
        if let Some(now) = self.agreed_now() {
            self.transaction(|step| kept::forget_ended(step, now))?;
        }
        let suites = self.transaction(|step| step.account())?.suites;
        for suite in suites.into_iter().filter_map(Suite::from_code) {
            let count = counts
                .counts
                .iter()
                .find(|count| count.cipher_suite == suite.code());
            let available = count.map_or(0, |count| count.available);
            let is_low = count.is_none_or(|count| count.low) || available < STOCK / 2;
            let wanted = if is_low {
                STOCK.saturating_sub(available)
            } else {
                0
            };
            let uploaded = self.upload_key_packages(suite, wanted).await;
            uploaded.map_err(|error| explain(error, clock_off))?;
        }
        self.memory.key_packages_counted = Some(self.environment.now());
        Ok(())
    }

    /// Asks for the stock, and hears the server's time with it.
    pub(crate) async fn count_key_packages(
        &mut self,
    ) -> Result<(KeyPackageCounts, Option<ClockOff>), RefillError> {
        let answer = self
            .ask(Method::Get, "/v1/key-packages", Body::None)
            .await?;
        let counts: KeyPackageCounts = answer.json()?;
        let clock_off = self.hear_time(counts.time)?;
        Ok((counts, clock_off))
    }

    async fn upload_key_packages(&mut self, suite: Suite, wanted: u32) -> Result<(), RefillError> {
        let made = self.transaction(|step| {
            let now = step.now;
            let renews = !kept::has_last_resort(step, suite, now)?;
            let kinds = (0..wanted)
                .map(|_| LastResort::No)
                .chain(renews.then_some(LastResort::Yes));
            let made = step.records(|storage, identity| {
                kinds
                    .map(|kind| {
                        let made = key_package::make(storage, &identity.device, suite, kind);
                        Ok((kind, made.map_err(RefillError::Make)?))
                    })
                    .collect::<Result<Vec<_>, RefillError>>()
            })?;
            kept::add(
                step,
                made.iter().map(|(kind, made)| Kept::of(suite, *kind, made)),
            )?;
            Ok::<_, RefillError>(made)
        })?;
        if made.is_empty() {
            return Ok(());
        }
        let mut upload = UploadKeyPackages {
            cipher_suite: suite.code(),
            key_packages: Vec::new(),
            last_resort: None,
        };
        let mut last_resort = None;
        for (kind, one) in made {
            let bytes = one.message.into_bytes().into();
            match kind {
                LastResort::No => upload.key_packages.push(bytes),
                LastResort::Yes => {
                    upload.last_resort = Some(bytes);
                    last_resort = Some(one.reference);
                }
            }
        }
        let uploaded = self
            .ask(Method::Put, "/v1/key-packages", call::json(&upload)?)
            .await?;
        let KeyPackageCounts { .. } = uploaded.json()?;
        if let Some(reference) = last_resort {
            self.transaction(|step| kept::accepted(step, &reference))?;
        }
        Ok(())
    }
}

/// Names the clock, if it is why the server refuses KeyPackages.
fn explain(error: RefillError, clock_off: Option<ClockOff>) -> RefillError {
    match (error, clock_off) {
        (RefillError::Call(call), Some(off))
            if call.problem() == Some(ProblemType::KeyPackageInvalid) && off.is_too_far() =>
        {
            RefillError::Clock(off)
        }
        (error, _) => error,
    }
}
