//! One round of reading without a WebSocket: ask what is new, take it, acknowledge, settle.

use std::time::Duration;

use crate::call::{CallError, PATIENCE};
use crate::client::Client;
use crate::environment::Environment;
use crate::event::Numbered;
use crate::failure::{Class, Classified};
use crate::receive::ReceiveError;
use crate::settle::SettleError;
use crate::store::Store;
use crate::transport::{Body, Method, Transport};

/// Rounds without an end are cut; the next call goes on.
const ROUNDS: usize = 1000;

/// Reading failed.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What it sent could not be taken.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// What followed from it could not be done.
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl Classified for SyncError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Receive(error) => error.class(),
            Self::Settle(error) => error.class(),
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Waits up to `wait` for something new, then reads until nothing is left.
    ///
    /// # Errors
    /// [`SyncError`]. What happened before stands in the journal.
    pub async fn sync(&mut self, wait: Duration) -> Result<Vec<Numbered>, SyncError> {
        let mut events = Vec::new();
        let mut wait = wait;
        let mut acknowledged = None;
        for _ in 0..ROUNDS {
            let path = format!("/v1/poll?wait_s={}", wait.as_secs());
            let answer = self
                .ask_patiently(
                    Method::Get,
                    &path,
                    Body::None,
                    wait.saturating_add(PATIENCE),
                )
                .await?;
            let received = self.receive(&answer.body)?;
            events.extend(received.events);
            let settled = self.settle().await?;
            events.extend(settled.events);
            let nothing_new = self.rooms_due().waiting == 0
                && (received.ack.is_none() || received.ack == acknowledged);
            if let Some(ack) = received.ack {
                self.ask(Method::Post, "/v1/acks", Body::Octets(ack.clone()))
                    .await?;
                acknowledged = Some(ack);
            }
            if nothing_new {
                break;
            }
            wait = Duration::ZERO;
        }
        Ok(events)
    }
}
