//! A user's devices: which there are, what they are called, and how one is taken away.
//!
//! Knows the device list and what follows from a new one for this device. It must not know how a
//! device is linked, nor how a commit is made.
//!
//! The surprise: how far a change has come is stored nowhere. It is read off the groups: a device
//! is gone when no room has a leaf of it.

mod list;
mod progress;
mod rename;
mod retire;
mod revoke;
mod view;

pub use list::PublishError;
pub use progress::{DeviceProgress, PendingRoom};
pub use rename::RenameDeviceError;
pub use retire::RetireDeviceError;
pub use revoke::RevokeDeviceError;
pub use view::{DeviceView, DevicesError};

pub(crate) use list::{
    Took, adopt_seed, has_siblings, next_list, own_list, put_pending, sign_first, take_list,
    this_is_revoked,
};
pub(crate) use progress::{Unwanted, duty};
pub(crate) use rename::{is_a_name, may_be_given, renamed_text};
pub(crate) use retire::idle_text;
pub(crate) use view::name_of;
