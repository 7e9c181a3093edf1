//! What could not be done now, of all that was due: told at the end, so that one room in trouble
//! never holds up another.
//!
//! The surprise: whether a failure is one room's is not seen by its looks. A time-out or a 503 on
//! the way to one room says nothing of the next; but when nobody answers at all, a hundred rooms
//! would wait for it a hundred times. So the server is asked something small before the rest is
//! given up.

use std::time::Duration;

use grove_wire::api::accounts::Whoami;
use grove_wire::uri::RoomUri;

use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified, with_causes};
use crate::store::Store;
use crate::transport::{Body, Method, Transport};

/// How long the small question may take.
const GLANCE: Duration = Duration::from_secs(5);

/// Something that could not be done now. What waits for it goes on waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The room, if it is one room's.
    pub room: Option<RoomUri>,
    /// What to do about it.
    pub class: Class,
    /// What went wrong, for a person, with its causes.
    pub text: String,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Keeps trouble that is one room's, or one thing's; gives back what concerns all.
    pub(crate) async fn pass_over<F: std::error::Error + Classified + 'static>(
        &mut self,
        done: Result<(), F>,
        room: Option<&RoomUri>,
    ) -> Result<(), F> {
        let Err(error) = done else {
            return Ok(());
        };
        if self.concerns_all(error.class()).await {
            return Err(error);
        }
        self.note_trouble(room, &error);
        Ok(())
    }

    /// Whether a failure of this class is likely to meet whatever is tried next.
    pub(crate) async fn concerns_all(&mut self, class: Class) -> bool {
        match class {
            Class::Insecure | Class::Revoked | Class::Store => true,
            Class::Unavailable | Class::Unreachable => !self.is_answered().await,
            Class::Contended
            | Class::Failure
            | Class::Identity
            | Class::NotRegistered
            | Class::Refused
            | Class::Unknown => false,
        }
    }

    async fn is_answered(&mut self) -> bool {
        let asked = self
            .ask_patiently(Method::Get, "/v1/whoami", Body::None, GLANCE)
            .await;
        asked.and_then(|answer| answer.json::<Whoami>()).is_ok()
    }

    /// Keeps trouble until it is told.
    pub(crate) fn note_trouble(
        &mut self,
        room: Option<&RoomUri>,
        error: &(impl std::error::Error + Classified + 'static),
    ) {
        let logged: &dyn std::error::Error = error;
        tracing::warn!(room = room.map(RoomUri::as_str), error = logged, "not now");
        let trouble = Trouble {
            room: room.cloned(),
            class: error.class(),
            text: with_causes(error),
        };
        if !self.memory.troubles.contains(&trouble) {
            self.memory.troubles.push(trouble);
        }
    }

    /// The trouble since this was last asked.
    pub(crate) fn take_troubles(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.memory.troubles)
    }
}
