//! Links: a place where a new device and an old one of the same user leave byte strings for each
//! other.
//!
//! The server keeps the order of the exchange and knows its two parties: the newcomer by the token
//! it got when it opened the link, the old device by its session, from its answer on. It
//! understands nothing of what they leave. The database is the truth, so that a restart loses
//! nothing; who waits is woken in this process, and then looks.
//!
//! The surprise: a link that is cancelled stays until it expires, empty, so that the other side
//! learns of it and nobody makes room for more links by cancelling.

use std::array;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grove_wire::api::links::{LINK_TOKEN_PREFIX, LinkOpened, LinkPhase, LinkState};
use grove_wire::limits::MAX_LINK_BYTES;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, watch};

use crate::app::App;
use crate::db::{self, LinkRow, LinkStep, NewLink};
use crate::rng::RandomError;
use crate::sessions::ClientAuth;

/// How long a link is there.
const LIFETIME: Duration = Duration::from_mins(10);
/// Links at one time, cancelled ones included.
const MAX_LINKS: i64 = 1000;
/// Waiters share so many bells, so that a change wakes few who wait for another link.
const BELLS: usize = 64;

/// What waits for links to change.
pub(crate) struct Links {
    bells: [watch::Sender<u64>; BELLS],
    /// Links are opened one at a time, so that there are never more than [`MAX_LINKS`].
    opening: Mutex<()>,
}

impl Links {
    pub(crate) fn new() -> Self {
        Self {
            bells: array::from_fn(|_index| watch::Sender::new(0)),
            opening: Mutex::const_new(()),
        }
    }

    fn bell(&self, link: &LinkId) -> &watch::Sender<u64> {
        let [first, rest @ ..] = &self.bells;
        let [byte, ..] = link.0;
        let index = usize::from(byte) % BELLS;
        index
            .checked_sub(1)
            .and_then(|index| rest.get(index))
            .unwrap_or(first)
    }

    fn ring(&self, link: &LinkId) {
        self.bell(link)
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The name of a link. Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkId(pub(crate) [u8; 16]);

/// What the newcomer's token is known by.
#[derive(Clone, Copy)]
pub(crate) struct Newcomer([u8; 32]);

impl Newcomer {
    /// The newcomer with this bearer token, if it has the form of a link's.
    pub(crate) fn from_token(token: &str) -> Option<Self> {
        token
            .starts_with(LINK_TOKEN_PREFIX)
            .then(|| Self(Sha256::digest(token.as_bytes()).into()))
    }
}

/// Who asks about a link.
#[derive(Clone, Copy)]
pub(crate) enum Party<'a> {
    Newcomer(Newcomer),
    Device(&'a ClientAuth),
}

/// What is left on a link, and by whom.
pub(crate) enum Left<'a> {
    /// The first device to answer has the link for good.
    Answer(&'a ClientAuth, Vec<u8>),
    Reveal(Newcomer, Vec<u8>),
    /// By the device that answered.
    Package(&'a ClientAuth, Vec<u8>),
}

/// Why no link was opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenLinkError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("too many devices are being linked at this moment")]
    Full,
    #[error("no randomness")]
    Random(#[from] RandomError),
}

/// Why something about a link was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    /// Unknown, expired, or somebody else's.
    #[error("there is no such link")]
    NotFound,
    #[error("the link has gone another way: it is {}", .0.name())]
    OtherPhase(LinkPhase),
    #[error("larger than {MAX_LINK_BYTES} bytes")]
    TooLarge,
}

/// Opens a link for a device that has nothing yet.
#[tracing::instrument(name = "links.open", skip_all)]
pub(crate) async fn open(app: &App) -> Result<LinkOpened, OpenLinkError> {
    let (link, secret) = (app.rng.bytes::<16>()?, app.rng.bytes::<32>()?);
    let token = format!("{LINK_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let now = app.clock.now();
    let expires_at = now.plus(LIFETIME);
    let new = NewLink {
        link,
        token_hash: Sha256::digest(token.as_bytes()).into(),
        now,
        expires_at,
    };
    let _alone = app.links.opening.lock().await;
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.remove_expired_links(now).await?;
    if !tx.add_link(&new, MAX_LINKS).await? {
        return Err(OpenLinkError::Full);
    }
    tx.commit().await?;
    Ok(LinkOpened {
        link: link.to_vec().into(),
        token,
        expires_at: expires_at.ms(),
    })
}

/// The link as `party` may see it, as soon as it is in another phase than `seen`, or after
/// `patience`.
#[tracing::instrument(name = "links.look", skip_all)]
pub(crate) async fn look(
    app: &App,
    link: LinkId,
    party: Party<'_>,
    seen: Option<LinkPhase>,
    patience: Duration,
) -> Result<LinkState, LinkError> {
    // Whoever listens before looking misses nothing.
    let mut changes = app.links.bell(&link).subscribe();
    let mut timeout = std::pin::pin!(app.clock.sleep(patience));
    loop {
        changes.mark_unchanged();
        let row = find(app, link).await?;
        check_party(party, &row)?;
        let left = row.expires_at.since(app.clock.now());
        let state = state(party, row)?;
        if Some(state.phase) != seen {
            return Ok(state);
        }
        tokio::select! {
            // The bell lives as long as the App.
            _changed = changes.changed() => {}
            // It is gone then.
            () = app.clock.sleep(left) => {}
            () = &mut timeout => return Ok(state),
            () = app.tasks.closing().cancelled() => return Ok(state),
        }
    }
}

/// Leaves something on a link, which enters the next phase by it. The same again changes nothing.
#[tracing::instrument(name = "links.leave", skip_all)]
pub(crate) async fn leave(app: &App, link: LinkId, left: Left<'_>) -> Result<(), LinkError> {
    if left.bytes().len() > MAX_LINK_BYTES {
        return Err(LinkError::TooLarge);
    }
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let row = tx.lock_link(&link.0, app.clock.now()).await?;
    let row = row.ok_or(LinkError::NotFound)?;
    left.check_party(&row)?;
    let phase = phase(&row.step)?;
    let Some(step) = left.advance(phase, row.step)? else {
        return Ok(());
    };
    tx.advance_link(&link.0, &step).await?;
    tx.commit().await?;
    app.links.ring(&link);
    Ok(())
}

/// Cancels a link, for ever; either side may. A newcomer that has its package ends the link by
/// this, and nothing of it is left.
#[tracing::instrument(name = "links.cancel", skip_all)]
pub(crate) async fn cancel(app: &App, link: LinkId, party: Party<'_>) -> Result<(), LinkError> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let row = tx.lock_link(&link.0, app.clock.now()).await?;
    let row = row.ok_or(LinkError::NotFound)?;
    check_party(party, &row)?;
    let phase = phase(&row.step)?;
    match party {
        // Before it has answered, a device is no side of it.
        Party::Device(_) if row.step.answered_by.is_none() => return Err(LinkError::NotFound),
        Party::Newcomer(_) if phase == LinkPhase::Sealed => tx.remove_link(&link.0).await?,
        Party::Device(_) | Party::Newcomer(_) => {
            let step = LinkStep {
                phase: to_sql(LinkPhase::Cancelled),
                answered_by: row.step.answered_by,
                answer: None,
                reveal: None,
                package: None,
            };
            tx.advance_link(&link.0, &step).await?;
        }
    }
    tx.commit().await?;
    app.links.ring(&link);
    Ok(())
}

/// To be called after these links were cancelled in the database (committed).
pub(crate) fn announce(app: &App, cancelled: &[[u8; 16]]) {
    for link in cancelled {
        app.links.ring(&LinkId(*link));
    }
}

impl Left<'_> {
    /// Any device may try to answer: that another was faster it learns by the phase.
    fn check_party(&self, row: &LinkRow) -> Result<(), LinkError> {
        match self {
            Self::Answer(..) => Ok(()),
            Self::Reveal(newcomer, _) => check_party(Party::Newcomer(*newcomer), row),
            Self::Package(who, _) => check_party(Party::Device(who), row),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Answer(_, bytes) | Self::Reveal(_, bytes) | Self::Package(_, bytes) => bytes,
        }
    }

    /// What the link becomes; none if this was left before.
    fn advance(self, phase: LinkPhase, before: LinkStep) -> Result<Option<LinkStep>, LinkError> {
        let (from, to, there) = match &self {
            Self::Answer(..) => (LinkPhase::Open, LinkPhase::Answered, &before.answer),
            Self::Reveal(..) => (LinkPhase::Answered, LinkPhase::Revealed, &before.reveal),
            Self::Package(..) => (LinkPhase::Revealed, LinkPhase::Sealed, &before.package),
        };
        let same_party = match &self {
            Self::Answer(who, _) => before.answered_by == Some(who.device_id),
            Self::Reveal(..) | Self::Package(..) => true,
        };
        if same_party && there.as_deref() == Some(self.bytes()) {
            return Ok(None);
        }
        if phase != from {
            return Err(LinkError::OtherPhase(phase));
        }
        let mut step = LinkStep {
            phase: to_sql(to),
            ..before
        };
        match self {
            Self::Answer(who, bytes) => {
                step.answered_by = Some(who.device_id);
                step.answer = Some(bytes);
            }
            Self::Reveal(_, bytes) => step.reveal = Some(bytes),
            Self::Package(_, bytes) => step.package = Some(bytes),
        }
        Ok(Some(step))
    }
}

async fn find(app: &App, link: LinkId) -> Result<LinkRow, LinkError> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let row = tx.find_link(&link.0, app.clock.now()).await?;
    tx.commit().await?;
    row.ok_or(LinkError::NotFound)
}

/// The newcomer by its token; any device until one has answered, and that one from then on.
fn check_party(party: Party<'_>, row: &LinkRow) -> Result<(), LinkError> {
    let is_side = match party {
        Party::Newcomer(newcomer) => newcomer.0 == row.token_hash,
        Party::Device(who) => row
            .step
            .answered_by
            .is_none_or(|owner| owner == who.device_id),
    };
    is_side.then_some(()).ok_or(LinkError::NotFound)
}

fn state(party: Party<'_>, row: LinkRow) -> Result<LinkState, db::Error> {
    let phase = phase(&row.step)?;
    let package = match party {
        Party::Newcomer(_) => row.step.package,
        Party::Device(_) => None,
    };
    Ok(LinkState {
        phase,
        answer: row.step.answer.map(Into::into),
        reveal: row.step.reveal.map(Into::into),
        package: package.map(Into::into),
        expires_at: row.expires_at.ms(),
    })
}

const PHASES: [LinkPhase; 5] = [
    LinkPhase::Open,
    LinkPhase::Answered,
    LinkPhase::Revealed,
    LinkPhase::Sealed,
    LinkPhase::Cancelled,
];

fn phase(step: &LinkStep) -> Result<LinkPhase, db::Error> {
    let found = PHASES.into_iter().find(|one| to_sql(*one) == step.phase);
    found.ok_or(db::Error::corrupt("link phase"))
}

const fn to_sql(phase: LinkPhase) -> i16 {
    match phase {
        LinkPhase::Open => 1,
        LinkPhase::Answered => 2,
        LinkPhase::Revealed => 3,
        LinkPhase::Sealed => 4,
        LinkPhase::Cancelled => 5,
    }
}
