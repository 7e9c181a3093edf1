//! What a person holds: the client engine behind every front end.
//!
//! It takes what arrived ([`Client::receive`]), does what must be done ([`Client::settle`]) and
//! keeps everything in one store. It must not know sockets, SQL, a clock or a screen: those come in
//! as [`Store`], [`Transport`] and [`Environment`], so that the same engine runs in a terminal and
//! in a browser.
//!
//! The fact that surprises: there is no state outside the store that matters. Ratchet state,
//! plaintext, cursor and outgoing bytes change in one transaction, so that a client killed at any
//! point goes on where it was, and two processes can work on one profile at once.
//!
//! A front end registers once ([`Client::register`]), opens ([`Client::open`]), then either calls
//! [`Client::sync`] now and then, or keeps a WebSocket: give each binary message to
//! [`Client::receive`], send back its `ack`, and call [`Client::settle`] when it says so.

mod account_room;
mod call;
mod client;
mod clock;
mod devices;
mod draft;
mod environment;
mod event;
mod evidence;
mod failure;
mod history;
mod home;
mod key_packages;
mod link;
pub mod message;
mod names;
mod notes;
mod outbox;
mod receive;
mod recover;
mod register;
mod rooms;
mod send;
mod session;
mod settle;
mod status;
mod step;
pub mod store;
mod sync;
mod tally;
pub mod transport;
mod trouble;
mod trust;

pub use account_room::AccountRoomError;
pub use call::{CallError, Refusal};
pub use client::{Client, OpenError, RecoveryWords};
pub use clock::ClockOff;
pub use devices::{
    DeviceProgress, DeviceView, DevicesError, PendingRoom, PublishError, RenameDeviceError,
    RetireDeviceError, RevokeDeviceError,
};
pub use environment::Environment;
pub use event::{Event, Loss, Numbered, RoomChange, WarningKind};
pub use evidence::{
    EvidenceFile, EvidenceView, FindEvidenceError, ResumeError, SignedView, verify_evidence,
};
pub use failure::{Class, Classified, with_causes};
pub use history::Query;
pub use home::{HomeError, ask_server};
pub use key_packages::RefillError;
pub use link::{
    Approval, ApproveLinkError, ConfirmLinkError, LinkCode, LinkCodeError, Linking, LinkingError,
};
pub use message::{Draft, Message, MessageId, MessageKind, MessageStatus, NotAMessageId};
pub use names::visible_name;
pub use notes::{KeepError, MAX_DRAFT_BYTES};
pub use outbox::{FlushError, FlushReport};
pub use receive::{CatchUpError, ReceiveError, Received};
pub use recover::{OtherDevices, RecoverError, Recovery};
pub use register::{RegisterError, Registration};
pub use rooms::{
    CommitError, CreateRoomError, FindRoomError, HandshakeError, InviteError, Invited, JoinError,
    LeaveError, LostView, MemberView, MembersError, RemoveError, RoomView,
};
pub use send::{MAX_TEXT_BYTES, SendError, Sent};
pub use settle::{RejoinError, RoomsDue, SettleError, Settled};
pub use status::{Status, Whoami};
pub use step::GroupError;
pub use store::{Store, StoreError, Tx};
pub use sync::{SyncError, Synced};
pub use transport::{Body, MaybeSend, Method, Request, Response, Transport, TransportError};
pub use trouble::Trouble;
pub use trust::{
    AcceptIdentityError, IdentityView, SafetyNumber, SafetyNumberError, Trust, TrustError,
};
