//! Linking a device: the new one gets the user's keys from an old one, through a server that learns
//! none of them.
//!
//! The new device shows a line ([`Linking::text`]); the old one takes it
//! ([`Client::approve_link`]); both then know one code. The person types the new device's code into
//! the old one ([`Client::confirm_link`]), and only if it is the same are the keys sealed. What the
//! bytes mean is said in `grove_mls::linking`; here is who sends which of them when.
//!
//! The surprise: nothing of a link is stored on either side before it is over. Whoever is
//! interrupted begins anew with another line.
//!
//! [`Client::approve_link`]: crate::Client::approve_link
//! [`Client::confirm_link`]: crate::Client::confirm_link

mod approve;
mod newcomer;

pub use grove_mls::linking::{Code as LinkCode, CodeError as LinkCodeError};

pub use approve::{Approval, ApproveLinkError, ConfirmLinkError};
pub use newcomer::{Linking, LinkingError};

use std::time::Duration;

use grove_wire::api::Base64Url;
use grove_wire::api::links::{LinkBytes, LinkPhase, LinkState};
use grove_wire::problem::ProblemType;

use crate::call::{self, Answer, CallError, PATIENCE};
use crate::environment::Environment;
use crate::transport::{Body, Method};

/// How long the server may keep a question, in seconds.
const WAIT_S: u64 = 25;
/// How long the answer to such a question may take.
const LOOK_PATIENCE: Duration = Duration::from_secs(WAIT_S).saturating_add(PATIENCE);
/// Between two questions when the first had no news.
const PAUSE: Duration = Duration::from_millis(200);
/// So many questions in a row may go unanswered; the pause doubles after each.
const FAILURES: u32 = 5;
/// The pause after the first of them.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Why there is nothing more to wait for on a link.
#[derive(Debug)]
enum Over {
    Call(CallError),
    Cancelled,
    Expired,
}

impl From<CallError> for Over {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// A link at the server, by its id.
#[derive(Debug, Clone, Copy)]
struct LinkPath([u8; 16]);

impl LinkPath {
    fn whole(self) -> String {
        format!("/v1/links/{}", Base64Url::from(self.0.to_vec()).encode())
    }

    fn look(self, seen: LinkPhase) -> String {
        format!("{}?seen={}&wait_s={WAIT_S}", self.whole(), seen.name())
    }

    fn glance(self) -> String {
        format!("{}?wait_s=0", self.whole())
    }

    fn part(self, part: &str) -> String {
        format!("{}/{part}", self.whole())
    }
}

/// One side's way to a link: by the link's token, or by a session.
trait Side {
    /// Asks the server as this side.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
        patience: Duration,
    ) -> Result<Answer, CallError>;

    /// The clock and the timer.
    fn environment(&self) -> &impl Environment;
}

/// Waits until the link has left the phase `seen`, at most until it ends by itself. A server that
/// is away for a moment does not matter.
async fn wait_past(
    side: &mut impl Side,
    link: LinkPath,
    seen: LinkPhase,
    expires_at: u64,
) -> Result<LinkState, Over> {
    let mut failures = 0;
    while side.environment().now() < expires_at {
        let asked = side
            .ask(Method::Get, &link.look(seen), Body::None, LOOK_PATIENCE)
            .await;
        match asked {
            Ok(response) => {
                failures = 0;
                let state: LinkState = response.json()?;
                match state.phase {
                    LinkPhase::Cancelled => return Err(Over::Cancelled),
                    phase if phase > seen => return Ok(state),
                    _ => side.environment().sleep(PAUSE).await,
                }
            }
            Err(error) if error.problem() == Some(ProblemType::NotFound) => {
                return Err(Over::Expired);
            }
            Err(error) if error.is_temporary() && failures < FAILURES => {
                let pause = FIRST_PAUSE.saturating_mul(1 << failures);
                failures += 1;
                side.environment().sleep(pause).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Over::Expired)
}

/// Leaves bytes on a link. The same again changes nothing, so that it is tried again when the
/// answer is lost.
async fn leave(
    side: &mut impl Side,
    link: LinkPath,
    part: &str,
    bytes: Vec<u8>,
) -> Result<(), Over> {
    let body = call::json(&LinkBytes {
        bytes: bytes.into(),
    })?;
    let mut failures = 0;
    loop {
        let asked = side
            .ask(Method::Put, &link.part(part), body.clone(), PATIENCE)
            .await;
        match asked {
            Ok(answer) => return Ok(answer.done()?),
            Err(error) => match error.problem() {
                // Behind a lost answer they may as well mean that all went well, and is over by
                // now.
                Some(ProblemType::NotFound) if failures == 0 => return Err(Over::Expired),
                Some(ProblemType::Conflict) if failures == 0 => return Err(Over::Cancelled),
                _ if error.is_temporary() && failures < FAILURES => {
                    let pause = FIRST_PAUSE.saturating_mul(1 << failures);
                    failures += 1;
                    side.environment().sleep(pause).await;
                }
                _ => return Err(error.into()),
            },
        }
    }
}

/// Cancels a link. What cannot be cancelled ends by itself within minutes.
async fn cancel(side: &mut impl Side, link: LinkPath) {
    let asked = side
        .ask(Method::Delete, &link.whole(), Body::None, PATIENCE)
        .await;
    if let Err(error) = asked {
        let error: &dyn std::error::Error = &error;
        tracing::debug!(error, "the link was not cancelled");
    }
}
