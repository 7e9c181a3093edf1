//! One round of reading without a WebSocket: ask what is new, take it, acknowledge, settle.

use std::time::Duration;

use crate::call::{CallError, PATIENCE};
use crate::client::Client;
use crate::environment::Environment;
use crate::event::Numbered;
use crate::failure::{Class, Classified};
use crate::receive::{ReceiveError, Received};
use crate::settle::SettleError;
use crate::store::Store;
use crate::transport::{Body, Method, Transport};
use crate::trouble::Trouble;

/// Rounds without an end are cut; the next call goes on.
const ROUNDS: usize = 1000;

/// What one round of reading came to.
#[derive(Debug, Clone, Default)]
pub struct Synced {
    /// What happened, in order.
    pub events: Vec<Numbered>,
    /// What could not be done now. It waits.
    pub troubles: Vec<Trouble>,
}

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
    pub async fn sync(&mut self, wait: Duration) -> Result<Synced, SyncError> {
        let mut synced = Synced::default();
        let mut wait = wait;
        let mut acknowledged = None;
        for _ in 0..ROUNDS {
            let received = match self.poll(wait).await {
                Ok(received) => received,
                Err(error) => {
                    // What waits to be sent need not wait for what does not come.
                    self.pass_over(Err(error), None).await?;
                    Received::default()
                }
            };
            synced.events.extend(received.events);
            let settled = self.settle().await?;
            synced.events.extend(settled.events);
            // What could not be done in one round is tried in the next, unless it was put off.
            synced.troubles.retain(|told| self.is_put_off(told));
            add_new(&mut synced.troubles, settled.troubles);
            let nothing_new = self.rooms_due().waiting == 0
                && (received.ack.is_none() || received.ack == acknowledged);
            if let Some(ack) = received.ack {
                let done = self.acknowledge(ack.clone()).await;
                self.pass_over(done, None).await?;
                acknowledged = Some(ack);
            }
            if nothing_new {
                break;
            }
            wait = Duration::ZERO;
        }
        add_new(&mut synced.troubles, self.take_troubles());
        Ok(synced)
    }

    async fn poll(&mut self, wait: Duration) -> Result<Received, SyncError> {
        let path = format!("/v1/poll?wait_s={}", wait.as_secs());
        let patience = wait.saturating_add(PATIENCE);
        let answer = self
            .ask_patiently(Method::Get, &path, Body::None, patience)
            .await?;
        Ok(self.receive(answer.octets()?)?)
    }

    async fn acknowledge(&mut self, ack: Vec<u8>) -> Result<(), SyncError> {
        let answer = self
            .ask(Method::Post, "/v1/acks", Body::Octets(ack))
            .await?;
        Ok(answer.done()?)
    }
}

fn add_new(told: &mut Vec<Trouble>, troubles: Vec<Trouble>) {
    for trouble in troubles {
        if !told.contains(&trouble) {
            told.push(trouble);
        }
    }
}
