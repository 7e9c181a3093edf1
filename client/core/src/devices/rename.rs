//! Naming a device: only the user's own devices ever learn of it.

use grove_mls::content::AccountNote;
use grove_wire::limits::MAX_DEVICE_NAME_BYTES;
use grove_wire::uri::ClientUri;

use super::list::own_list;
use super::view::{quoted, short_id};
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::names::visible_name;
use crate::notes;
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::transport::Transport;

/// A device cannot be named so.
#[derive(Debug, thiserror::Error)]
pub enum RenameDeviceError {
    /// The name has control characters, nothing to see, or more than [`MAX_DEVICE_NAME_BYTES`].
    #[error(
        "a device's name has something to see in it, no control characters, and at most \
         {MAX_DEVICE_NAME_BYTES} bytes"
    )]
    Name,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The user has no such device.
    #[error("you have no such device")]
    UnknownDevice,
}

impl Classified for RenameDeviceError {
    fn class(&self) -> Class {
        match self {
            Self::Name | Self::UnknownDevice => Class::Unknown,
            Self::Store(_) => Class::Store,
        }
    }
}

/// Whether a person may call a device so; an empty text is no name, and allowed.
pub(crate) fn may_be_given(name: &str) -> bool {
    is_a_name(name) && (name.is_empty() || visible_name(name).is_some())
}

/// Whether a device may be called so by another one, of whatever version.
pub(crate) fn is_a_name(name: &str) -> bool {
    name.len() <= MAX_DEVICE_NAME_BYTES && !name.chars().any(char::is_control)
}

/// The line about a device that a sibling, `by`, has given another name: from one to the other.
pub(crate) fn renamed_text(
    step: &Step<'_>,
    client: &ClientUri,
    (before, after): (&str, &str),
    by: &ClientUri,
) -> Result<String, StoreError> {
    let before = visible_name(before).map_or_else(String::new, |before| {
        format!(", so far {},", quoted(before))
    });
    let after = visible_name(after).map_or_else(
        || "has no name now".to_owned(),
        |after| format!("is now called {}", quoted(after)),
    );
    let by = if by == client {
        "that device itself".to_owned()
    } else {
        let names = step.tx.list_device_names()?;
        let name = names.into_iter().find(|(named, _)| named == by);
        let name = name.as_ref().and_then(|(_, name)| visible_name(name));
        let name = name.map_or_else(String::new, |name| format!(" {}", quoted(name)));
        format!("your device {}{name}", short_id(by))
    };
    let id = short_id(client);
    Ok(format!("the device {id}{before} {after}, says {by}"))
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Gives a device of the user a name, here and on all of them; an empty one takes it away. The
    /// others hear of it with the next [`Client::settle`].
    ///
    /// # Errors
    /// [`RenameDeviceError`].
    pub fn rename_device(
        &mut self,
        client: &ClientUri,
        name: &str,
    ) -> Result<(), RenameDeviceError> {
        let name = name.trim();
        if !may_be_given(name) {
            return Err(RenameDeviceError::Name);
        }
        self.transaction(|step| {
            if own_list(step)?.list().find(client).is_none() {
                return Err(RenameDeviceError::UnknownDevice);
            }
            step.tx.put_device_name(client, name)?;
            notes::send(
                step,
                &AccountNote::DeviceName {
                    client: client.clone(),
                    name: name.to_owned(),
                },
            )?;
            Ok(())
        })
    }
}
