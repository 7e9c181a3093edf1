//! Sessions: the device signs a challenge of the server and gets a bearer token.

use grove_mls::identity::SessionProof;
use grove_wire::api::sessions::{Challenge, SessionRequest, SessionResponse};
use grove_wire::problem::ProblemType;

use crate::call::{self, CallError};
use crate::client::{Client, Identity};
use crate::devices;
use crate::environment::Environment;
use crate::event::Event;
use crate::store::{BEYOND, Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// A session this close to its end is renewed before it is used, in milliseconds.
const MARGIN_MS: u64 = 60_000;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The bearer token of a live session.
    ///
    /// # Errors
    /// [`CallError`] if a new session was needed and not given.
    pub async fn session_token(&mut self) -> Result<String, CallError> {
        let account = self.transaction(|step| step.account())?;
        let fresh_until = account.token_expires_at.saturating_sub(MARGIN_MS);
        match account.token {
            Some(token) if self.environment.now() < fresh_until => Ok(token),
            _ => self.renew_session().await,
        }
    }

    /// A new session, after the server refused the old one.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn renew_session(&mut self) -> Result<String, CallError> {
        let begun = begin(&self.transport, &self.identity).await;
        if is_unknown(&begun) {
            return Err(self.revoked()?);
        }
        let session = begun?;
        self.memory.revoked = false;
        self.transaction(|step| {
            let mut account = step.account()?;
            account.token = Some(session.token.clone());
            account.token_expires_at = session.expires_at.min(BEYOND);
            step.tx.put_account(&account)
        })?;
        Ok(session.token)
    }

    /// The server knows this device no more. Told once.
    fn revoked(&mut self) -> Result<CallError, StoreError> {
        self.memory.revoked = true;
        self.transaction(|step| {
            let mut account = step.account()?;
            if account.token.take().is_some() {
                step.tx.put_account(&account)?;
                if !devices::this_is_revoked(step)? {
                    step.tell(Event::ThisDeviceRevoked)?;
                }
            }
            Ok(CallError::DeviceRevoked)
        })
    }
}

/// Whether the server says that it knows no such device, or not its key.
pub(crate) fn is_unknown(begun: &Result<SessionResponse, CallError>) -> bool {
    let problem = begun.as_ref().err().and_then(CallError::problem);
    problem == Some(ProblemType::Unauthenticated)
}

/// What the server wants signed.
pub(crate) struct Question {
    pub(crate) nonce: [u8; 32],
    pub(crate) expires_at: u64,
}

/// Asks for a challenge.
pub(crate) async fn challenge(transport: &impl Transport) -> Result<Question, CallError> {
    let response = call::ask(transport, Method::Post, "/v1/challenges", Body::None).await?;
    let challenge: Challenge = response.json()?;
    let nonce = <[u8; 32]>::try_from(challenge.nonce.as_bytes())
        .map_err(|_length| call::incompatible("a nonce has 32 bytes"))?;
    Ok(Question {
        nonce,
        expires_at: challenge.expires_at,
    })
}

/// Asks for a challenge and answers it. A challenge does not outlive a restart of the server: only
/// twice no is a verdict.
pub(crate) async fn begin(
    transport: &impl Transport,
    identity: &Identity,
) -> Result<SessionResponse, CallError> {
    let begun = begin_once(transport, identity).await;
    if is_unknown(&begun) {
        return begin_once(transport, identity).await;
    }
    begun
}

async fn begin_once(
    transport: &impl Transport,
    identity: &Identity,
) -> Result<SessionResponse, CallError> {
    let Question { nonce, expires_at } = challenge(transport).await?;
    let proof = SessionProof {
        domain: identity.client.provider(),
        client: identity.client.clone(),
        nonce,
        expires_at,
    };
    let request = SessionRequest {
        client: identity.client.clone(),
        nonce: nonce.to_vec().into(),
        expires_at,
        signature: proof.sign(&identity.device.key).to_vec().into(),
    };
    let response = call::ask(
        transport,
        Method::Post,
        "/v1/sessions",
        call::json(&request)?,
    )
    .await?;
    response.json()
}

/// Without an account there is no client, so that its absence is damage.
pub(crate) fn no_account() -> StoreError {
    StoreError::Damaged("the account is missing".to_owned())
}
