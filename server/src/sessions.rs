//! Sessions: a device proves its key once and then shows a token.
//!
//! The database holds only the SHA-256 of a token. A bounded cache stands in front of it; whoever
//! ends sessions tells the cache ([`Sessions::forget`]), which also tells sockets and long polls
//! ([`ended()`]). This module knows nothing of HTTP.

mod ended;
mod nonce;
mod seen;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grove_mls::identity::{PublicKey, SessionProof};
use grove_wire::api::Base64Url;
use grove_wire::api::sessions::{Challenge, SessionRequest, SessionResponse};
use grove_wire::uri::{ClientUri, UserUri};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::{broadcast, watch};

use self::nonce::Nonces;
use self::seen::Seen;
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{self, NewSession, SessionRow};
use crate::rng::{RandomError, Rng};

pub(crate) use self::ended::{Ended, ended};
pub(crate) use self::seen::{keep as keep_seen, last_seen, note as note_seen};

/// How long the cache believes that a session it saw still stands, should nobody tell it otherwise.
const CACHED_FOR: Duration = Duration::from_mins(1);
/// At most so many sessions stand in the cache: about 50 MB when full.
const CACHED: u64 = 100_000;
/// A device that opens more sessions than this ends its oldest.
const MAX_SESSIONS_PER_DEVICE: i64 = 8;

/// A device that proved who it is.
#[derive(Clone, Debug)]
pub(crate) struct ClientAuth {
    pub(crate) client: ClientUri,
    pub(crate) user: UserUri,
    pub(crate) device_id: i64,
    pub(crate) user_id: i64,
    /// When the session ends by itself.
    pub(crate) expires_at: Timestamp,
    session: TokenHash,
    /// When it was last noted that the device was seen, in milliseconds since 1970.
    seen_at: Arc<AtomicU64>,
}

/// SHA-256 of a token: what the database and the cache know sessions by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

/// What stands in front of the sessions table.
pub(crate) struct Sessions {
    cache: Cache<TokenHash, ClientAuth>,
    nonces: Nonces,
    /// Moves whenever sessions are ended.
    changes: watch::Sender<u64>,
    ends: broadcast::Sender<Ended>,
    seen: Seen,
}

impl Sessions {
    pub(crate) fn new(rng: Rng) -> Result<Self, RandomError> {
        let cache = Cache::builder()
            .max_capacity(CACHED)
            .time_to_live(CACHED_FOR)
            .build();
        Ok(Self {
            cache,
            nonces: Nonces::new(rng)?,
            changes: watch::Sender::new(0),
            ends: broadcast::Sender::new(ended::KEPT_ENDS),
            seen: Seen::default(),
        })
    }

    /// To be called after sessions were ended in the database (committed).
    ///
    /// The number moves before the cache forgets: a reader that looked at the database before the
    /// change sees that it moved and does not keep what it read. Who waits is told last, and finds
    /// nothing in the cache any more.
    pub(crate) fn forget(&self, ended: Ended) {
        self.changes
            .send_modify(|generation| *generation = generation.wrapping_add(1));
        match &ended {
            Ended::Devices(_) | Ended::User(_) => self.cache.invalidate_all(),
            Ended::Sessions(sessions) => sessions
                .iter()
                .for_each(|session| self.cache.invalidate(session)),
        }
        // Perhaps nobody waits.
        let _listeners = self.ends.send(ended).unwrap_or_default();
    }
}

/// No session has this token, or the database cannot say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthenticateError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("no session has this token")]
    Unknown,
}

/// Who holds this token.
pub(crate) async fn authenticate(app: &App, token: &str) -> Result<ClientAuth, AuthenticateError> {
    let hash = TokenHash(Sha256::digest(token.as_bytes()).into());
    let auth = find_open(app, hash)
        .await?
        .ok_or(AuthenticateError::Unknown)?;
    seen::note(app, &auth);
    Ok(auth)
}

/// True if the session behind `auth` has neither expired nor been ended.
async fn is_open(app: &App, auth: &ClientAuth) -> Result<bool, db::Error> {
    Ok(find_open(app, auth.session).await?.is_some())
}

async fn find_open(app: &App, hash: TokenHash) -> Result<Option<ClientAuth>, db::Error> {
    let found = match app.sessions.cache.get(&hash) {
        Some(auth) => Some(auth),
        None => look_up(app, hash).await?,
    };
    Ok(found.filter(|auth| app.clock.now() < auth.expires_at))
}

async fn look_up(app: &App, hash: TokenHash) -> Result<Option<ClientAuth>, db::Error> {
    let sessions = &app.sessions;
    let generation = *sessions.changes.borrow();
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let row = tx.find_session(&hash.0).await?;
    tx.commit().await?;
    let Some(auth) = row.map(|row| from_row(app, hash, &row)).transpose()? else {
        return Ok(None);
    };
    sessions.cache.insert(hash, auth.clone());
    if *sessions.changes.borrow() != generation {
        sessions.cache.invalidate(&hash);
    }
    Ok(Some(auth))
}

fn from_row(app: &App, session: TokenHash, row: &SessionRow) -> Result<ClientAuth, db::Error> {
    let client =
        ClientUri::parse(&row.client).map_err(|_invalid| db::Error::corrupt("client URI"))?;
    let user =
        UserUri::new(&app.domain, &row.name).map_err(|_invalid| db::Error::corrupt("user name"))?;
    Ok(ClientAuth {
        client,
        user,
        device_id: row.device_id,
        user_id: row.user_id,
        expires_at: row.expires_at,
        session,
        seen_at: Arc::new(row.last_seen_at.map_or(0, Timestamp::ms).into()),
    })
}

/// A nonce for the next [`open`].
pub(crate) fn challenge(app: &App) -> Result<Challenge, RandomError> {
    // By the steady time: a clock that is set back must not make a used nonce good again.
    let (nonce, expires_at) = app.sessions.nonces.issue(app.rng, app.clock.steady())?;
    Ok(Challenge {
        nonce: nonce.to_vec().into(),
        expires_at: expires_at.ms(),
    })
}

/// A challenge of ours that came back in time, and can be used up.
pub(crate) struct Answered {
    pub(crate) nonce: [u8; 32],
    expires_at: Timestamp,
}

impl Answered {
    /// None if it is not ours or has expired.
    pub(crate) fn read(app: &App, nonce: &Base64Url, expires_at: u64) -> Option<Self> {
        let nonce: [u8; 32] = nonce.as_bytes().try_into().ok()?;
        let expires_at = Timestamp::from_ms(expires_at);
        let ours = app
            .sessions
            .nonces
            .is_ours(&nonce, expires_at, app.clock.steady());
        ours.then_some(Self { nonce, expires_at })
    }

    /// Uses it up, once the proof over it holds. False if it was used before.
    pub(crate) fn redeem(&self, app: &App) -> bool {
        let now = app.clock.steady();
        app.sessions
            .nonces
            .redeem(&self.nonce, self.expires_at, now)
    }
}

/// Why no session was opened. All but the last two are told apart by nobody who has not got the
/// device's key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("no such device, or it is revoked, or its user is disabled")]
    ClientUnknown,
    #[error("the challenge is not ours, has expired or was answered before")]
    NonceInvalid,
    #[error("the device's key did not sign this")]
    SignatureInvalid,
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("no randomness")]
    Random(#[from] RandomError),
}

/// Opens a session for a device that signed a challenge.
#[tracing::instrument(name = "sessions.open", skip_all)]
pub(crate) async fn open(
    app: &App,
    request: &SessionRequest,
) -> Result<SessionResponse, OpenError> {
    let now = app.clock.now();
    let challenge =
        Answered::read(app, &request.nonce, request.expires_at).ok_or(OpenError::NonceInvalid)?;
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let device = tx
        .find_device(request.client.as_str())
        .await?
        .ok_or(OpenError::ClientUnknown)?;
    let proof = SessionProof {
        domain: app.domain.clone(),
        client: request.client.clone(),
        nonce: challenge.nonce,
        expires_at: request.expires_at,
    };
    proof
        .verify(
            &PublicKey::from_bytes(device.signature_key),
            request.signature.as_ref(),
        )
        .map_err(|_bad| OpenError::SignatureInvalid)?;
    if !challenge.redeem(app) {
        return Err(OpenError::NonceInvalid);
    }
    let token = URL_SAFE_NO_PAD.encode(app.rng.bytes::<32>()?);
    let expires_at = now.plus(app.live.now().limits.session_lifetime);
    tx.add_session(&NewSession {
        token_hash: Sha256::digest(token.as_bytes()).into(),
        device_id: device.device_id,
        created_at: now,
        expires_at,
    })
    .await?;
    let ended = tx
        .remove_surplus_sessions(device.device_id, MAX_SESSIONS_PER_DEVICE)
        .await?;
    tx.commit().await?;
    if !ended.is_empty() {
        let ended = ended.into_iter().map(TokenHash).collect();
        app.sessions.forget(Ended::Sessions(ended));
    }
    Ok(SessionResponse {
        token,
        expires_at: expires_at.ms(),
    })
}

/// Ends the session behind `auth`.
#[tracing::instrument(name = "sessions.close", skip_all)]
pub(crate) async fn close(app: &App, auth: &ClientAuth) -> Result<(), db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.remove_session(&auth.session.0).await?;
    tx.commit().await?;
    app.sessions
        .forget(Ended::Sessions(Arc::new([auth.session])));
    Ok(())
}
