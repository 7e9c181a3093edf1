//! The tools every service may use, built once. No logic lives here.

use std::sync::Arc;

use grove_mls::identity::ServerKey;
use grove_wire::uri::Provider;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::delivery::Delivery;
use crate::disk::Disk;
use crate::links::Links;
use crate::live::Live;
use crate::rate_limits::RateLimits;
use crate::rng::Rng;
use crate::rooms::Rooms;
use crate::sessions::Sessions;
use crate::tasks::Tasks;

/// The server's tools; shared as `Arc<App>`.
pub(crate) struct App {
    pub(crate) clock: Clock,
    /// What the server was started with; for keys that a reload applies see [`App::live`].
    pub(crate) config: Arc<Config>,
    pub(crate) db: Db,
    pub(crate) delivery: Delivery,
    pub(crate) disk: Disk,
    /// The domain this server answers for.
    pub(crate) domain: Provider,
    pub(crate) links: Links,
    /// The configuration in force.
    pub(crate) live: Live,
    pub(crate) rate_limits: RateLimits,
    pub(crate) rng: Rng,
    pub(crate) rooms: Rooms,
    pub(crate) server_key: Arc<ServerKey>,
    pub(crate) sessions: Sessions,
    pub(crate) tasks: Tasks,
}

/// What an [`App`] is made of; all of it outlives the App.
pub(crate) struct Parts {
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
    pub(crate) db: Db,
    pub(crate) disk: Disk,
    pub(crate) rng: Rng,
    pub(crate) server_key: ServerKey,
    pub(crate) sessions: Sessions,
    pub(crate) tasks: Tasks,
}

impl App {
    /// Puts the tools together and starts the background work of rooms and delivery.
    pub(crate) fn assemble(parts: Parts) -> Self {
        let Parts {
            clock,
            config,
            db,
            disk,
            rng,
            server_key,
            sessions,
            tasks,
        } = parts;
        let server_key = Arc::new(server_key);
        let delivery = Delivery::new(&db, &clock, &tasks, &config);
        let rooms = Rooms::start(&db, &clock, &tasks, &server_key, &config, delivery.clone());
        let domain = config.server.domain.clone();
        let live = Live::new(Arc::clone(&config));
        let rate_limits = RateLimits::new(&config.rate_limits, &clock);
        Self {
            clock,
            config,
            db,
            delivery,
            disk,
            domain,
            links: Links::new(),
            live,
            rate_limits,
            rng,
            rooms,
            server_key,
            sessions,
            tasks,
        }
    }
}
