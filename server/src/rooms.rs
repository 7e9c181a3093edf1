//! Rooms this server is the hub of: what may happen in them, as functions `(app, who, what)`.
//!
//! Application messages go through [`append`] and never touch MLS; handshakes go through
//! [`mod@update`], where the group is held, checked and moved on. It must not know HTTP or SQL. The
//! fact a newcomer would get wrong: the hub never knows who wrote an application message, only
//! which user vouches for it.

mod append;
mod create;
mod group_info;
mod groups;
mod key_material;
mod list;
mod standing;
mod submit;
mod tree;
mod update;

use std::sync::Arc;

use bytes::Bytes;
use grove_mls::identity::ServerKey;
use grove_wire::uri::RoomUri;
use moka::sync::Cache;

use self::append::Appender;
use self::groups::Groups;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Db, Mark, RoomId};
use crate::delivery::Delivery;
use crate::tasks::Tasks;

pub(crate) use self::append::AppendError;
pub(crate) use self::create::{CreateError, create};
pub(crate) use self::group_info::{GroupInfoError, group_info};
pub(crate) use self::groups::GroupError;
pub(crate) use self::key_material::{KeyMaterialError, key_material};
pub(crate) use self::list::{list, list_of_user, read_log};
pub(crate) use self::standing::StandingError;
pub(crate) use self::submit::{SubmitError, submit};
pub(crate) use self::tree::{TreeError, tree};
pub(crate) use self::update::{UpdateError, update};

/// Rooms whose id is remembered by their URI: about 20 MB when full.
const KNOWN_ROOMS: u64 = 100_000;
/// Bytes of trees kept for those who were just added.
const TREE_CACHE_BYTES: u64 = 64 << 20;

/// A room, by both its names. They never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) uri: RoomUri,
}

/// What the services of this module share.
#[derive(Debug)]
pub(crate) struct Rooms {
    appender: Appender,
    groups: Groups,
    known: Cache<RoomUri, Arc<Room>>,
    trees: Cache<(RoomId, u64), Bytes>,
}

/// A message or handshake that is in the log.
#[derive(Debug)]
pub(crate) struct Submitted {
    pub(crate) mark: Mark,
    /// The signed receipt.
    pub(crate) receipt: Bytes,
}

impl Rooms {
    /// Starts the append task and the one that keeps snapshots young.
    pub(crate) fn start(
        db: &Db,
        clock: &Clock,
        tasks: &Tasks,
        _server_key: &Arc<ServerKey>,
        config: &Config,
        delivery: Delivery,
    ) -> Self {
        let bytes = usize::try_from(config.limits.group_cache.bytes()).unwrap_or(usize::MAX);
        let groups = Groups::new(bytes);
        groups.keep_snapshots_young(db, clock, tasks);
        let weight =
            |_key: &(RoomId, u64), tree: &Bytes| u32::try_from(tree.len()).unwrap_or(u32::MAX);
        Self {
            appender: Appender::start(db, clock, tasks, delivery),
            groups,
            known: Cache::new(KNOWN_ROOMS),
            trees: Cache::builder()
                .max_capacity(TREE_CACHE_BYTES)
                .weigher(weight)
                .build(),
        }
    }

    /// The room with this URI, if it is hosted here.
    async fn find(&self, db: &Db, uri: &RoomUri) -> Result<Option<Arc<Room>>, db::Error> {
        if let Some(room) = self.known.get(uri) {
            return Ok(Some(room));
        }
        let mut connection = db.connect().await?;
        let tx = connection.begin().await?;
        let id = tx.find_room_id(uri).await?;
        tx.commit().await?;
        let Some(id) = id else { return Ok(None) };
        let room = Arc::new(Room {
            id,
            uri: uri.clone(),
        });
        self.known.insert(uri.clone(), Arc::clone(&room));
        Ok(Some(room))
    }
}

/// The receipt of an entry that is not, or no longer, in memory.
fn submitted(app: &App, room: &Room, mark: Mark) -> Submitted {
    Submitted {
        mark,
        receipt: mark.sign(&app.server_key, &room.uri),
    }
}
