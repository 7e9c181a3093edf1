//! Rooms: one verb per file. What all changes of a room share stands in `commit` and `handshake`.

mod commit;
mod create;
mod find;
mod handshake;
mod invite;
mod join;
mod leave;
mod list;
mod members;
pub(crate) mod profile;
mod remove;

pub use commit::CommitError;
pub use create::CreateRoomError;
pub use find::FindRoomError;
pub use handshake::HandshakeError;
pub use invite::{InviteError, Invited};
pub use join::JoinError;
pub use leave::LeaveError;
pub use list::{LostView, RoomView};
pub use members::{MemberView, MembersError};
pub use remove::RemoveError;

pub(crate) use commit::STUCK;
pub(crate) use create::begin_room;
pub(crate) use handshake::Accepted;
pub(crate) use join::Entry;
pub(crate) use members::role_name;
