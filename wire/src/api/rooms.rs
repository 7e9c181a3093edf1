//! Making and listing rooms. What happens in them is said in MIMI's bodies.

use serde::{Deserialize, Serialize};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::Opaque;
use crate::limits::{MAX_CONFIRMATION_TAG_BYTES, MAX_RECORD_BYTES};
use crate::mls::{GroupInfo, RatchetTree};
use crate::uri::RoomUri;

/// Makes a room on this server (TLS presentation).
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct CreateRoomRequest {
    /// The signed creation record.
    pub record: Opaque<MAX_RECORD_BYTES>,
    /// The group as its creator made it; without a ratchet tree.
    pub group_info: GroupInfo,
    /// Its tree, of one leaf.
    pub ratchet_tree: RatchetTree,
}

/// What somebody who was added needs beside the Welcome (TLS presentation).
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct EpochTree {
    /// The confirmation tag of the commit that began the epoch, as its members have it. Whoever
    /// makes a Welcome could lead the one it is for into another epoch than everybody else.
    pub confirmation_tag: Opaque<MAX_CONFIRMATION_TAG_BYTES>,
    /// The ratchet tree.
    pub ratchet_tree: RatchetTree,
}

/// The room was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomCreated {
    /// The room.
    pub room: RoomUri,
    /// Its epoch.
    pub epoch: u64,
}

/// A room as the session's device sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomSummary {
    /// The room.
    pub room: RoomUri,
    /// Its epoch.
    pub epoch: u64,
    /// The newest entry of its log; 0 when there is none.
    pub seq: u64,
    /// The first entry this device may read.
    pub from_seq: u64,
    /// The last entry this device has acknowledged.
    pub position: u64,
}

/// The rooms of the session's device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomList {
    /// In no particular order.
    pub rooms: Vec<RoomSummary>,
}

/// A room on whose list the session's user stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserRoom {
    /// The room.
    pub room: RoomUri,
    /// Its epoch.
    pub epoch: u64,
    /// Whether the session's device is in its group.
    pub member: bool,
}

/// The rooms of the session's user: what a new device joins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserRooms {
    /// In the order of their URIs, at most [`MAX_USER_ROOMS`](crate::limits::MAX_USER_ROOMS).
    pub rooms: Vec<UserRoom>,
    /// Whether there are more, to be asked for with `after` as the last one here.
    pub more: bool,
}
