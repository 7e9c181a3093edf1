//! How whoever waits for long learns that the session it waits for has ended.
//!
//! Requests are short and look the session up each time; sockets and long polls hold one [`ended`]
//! beside their work. The surprise: all of them are told of every end and compare it with their own
//! session, so that a revocation costs the database nothing, however many are connected.

use std::sync::Arc;
use std::time::Duration;

use grove_wire::uri::UserUri;
use tokio::sync::broadcast::error::RecvError;

use super::{ClientAuth, TokenHash, is_open};
use crate::app::App;

/// Ends not yet taken up by the slowest waiter; beyond that it asks the database.
pub(super) const KEPT_ENDS: usize = 1024;
/// How soon a database that could not say is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How soon the end of a session is seen when the clock was set beyond it, or when nobody told of
/// it.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// Whose sessions were ended.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// All of these devices.
    Devices(Arc<[i64]>),
    /// All of this user.
    User(UserUri),
    /// These.
    Sessions(Arc<[TokenHash]>),
}

impl Ended {
    fn concerns(&self, auth: &ClientAuth) -> bool {
        match self {
            Self::Devices(devices) => devices.contains(&auth.device_id),
            Self::User(user) => *user == auth.user,
            Self::Sessions(sessions) => sessions.contains(&auth.session),
        }
    }
}

/// Returns once the session behind `auth` is over: ended, or expired.
pub(crate) async fn ended(app: &App, auth: &ClientAuth) {
    let mut ends = app.sessions.ends.subscribe();
    // What ended before this line is found by looking.
    let mut look = true;
    loop {
        let mut pause = auth.expires_at.since(app.clock.now()).min(LOOK_EVERY);
        if look {
            match is_open(app, auth).await {
                Ok(true) => look = false,
                Ok(false) => return,
                Err(_unavailable) => pause = pause.min(ASK_AGAIN),
            }
        }
        tokio::select! {
            end = ends.recv() => match end {
                Ok(end) if end.concerns(auth) => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => look = true,
                // The sender lives as long as the App.
                Err(RecvError::Closed) => return,
            },
            () = app.clock.sleep(pause) => {
                if app.clock.now() >= auth.expires_at {
                    return;
                }
                // Whoever ended it may have been cut off before saying so.
                look = true;
            }
        }
    }
}
