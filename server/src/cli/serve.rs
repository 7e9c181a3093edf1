//! `groved serve`: the server, its signals, and what systemd is told.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{error, warn};

use super::{Failure, Place, runtime, say};
use crate::clock::Clock;
use crate::config::Config;
use crate::{Listeners, Running, Server, telemetry};

pub(super) fn run(place: &Place) -> Result<(), Failure> {
    // First of all: it changes the environment, which no thread may be reading.
    let listeners = Listeners::inherit();
    let config = place.load()?;
    telemetry::start_logs(&config.telemetry);
    let listeners = listeners.map_err(|error| Failure::Failed(error.to_string()))?;
    raise_file_limit();
    runtime()?.block_on(serve(place, config, listeners))
}

/// Runs until a signal or a failure. A second signal does not wait for the drain.
async fn serve(place: &Place, config: Config, listeners: Listeners) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let starting = Server::start_on(config, Clock::system(), listeners);
    let running = tokio::select! {
        started = starting => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    say(format_args!(
        "ready client={} ops={}",
        running.client_url(),
        running.ops_url()
    ))?;
    tell(&[NotifyState::Ready]);
    let mut heartbeat = Heartbeat::asked_for();
    let failed = loop {
        tokio::select! {
            _ = terminate.recv() => break false,
            _ = interrupt.recv() => break false,
            _ = hangup.recv() => reload(place, &running),
            () = heartbeat.tick() => tell(&[NotifyState::Watchdog]),
            () = running.failed() => break true,
        }
    };
    tell(&[NotifyState::Stopping]);
    stop(running, async {
        tokio::select! {
            _ = terminate.recv() => {},
            _ = interrupt.recv() => {},
        }
    })
    .await?;
    if failed {
        Err(Failure::Failed(
            "the server could not go on; its log says why".to_owned(),
        ))
    } else {
        Ok(())
    }
}

/// Reads everything again, between the two messages that `systemctl reload` waits for.
fn reload(place: &Place, running: &Running) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn!(%error, "systemd could not be told of the reload"),
    }
    running.reload(place.load());
    tell(&[NotifyState::Ready]);
}

async fn stop(running: Running, impatience: impl Future<Output = ()>) -> Result<(), Failure> {
    tokio::select! {
        () = running.stop() => Ok(()),
        () = impatience => {
            error!("asked twice: not waiting for the drain");
            Err(Failure::Failed("stopped without draining".to_owned()))
        }
    }
}

/// Tells systemd, if it asked to be told (`NOTIFY_SOCKET`).
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "systemd could not be told");
    }
}

/// When systemd wants to hear that the server lives (`WATCHDOG_USEC`): twice as often as it asks.
struct Heartbeat(Option<Interval>);

impl Heartbeat {
    fn asked_for() -> Self {
        Self(sd_notify::watchdog_enabled().map(|patience| {
            let mut beat = interval((patience / 2).max(Duration::from_millis(1)));
            beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
            beat
        }))
    }

    /// The next time; never, if nobody wants to hear.
    async fn tick(&mut self) {
        match &mut self.0 {
            Some(beat) => {
                let _at = beat.tick().await;
            }
            None => std::future::pending().await,
        }
    }
}

/// Each connection is a file. The soft limit is there for programs that use `select`, which this
/// one does not.
fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        )
    {
        warn!(%error, "the limit of open files could not be raised");
    }
}
