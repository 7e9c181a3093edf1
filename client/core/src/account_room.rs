//! The room that a user's own devices share: made by the first device that links another, found by
//! every device that comes in.
//!
//! Knows how it comes to be and how it is recognised; what is said in it is the business of
//! `notes`.
//!
//! The surprise: it is an ordinary room of the home server, and the server can put a user on the
//! list of any room. So a room is taken for this one only while nobody but the user is in it; what
//! is said there holds keys.

use grove_mls::content::AccountNote;
use grove_mls::identity::{PublicKey, account_room_nonce, is_account_room};
use grove_mls::member::Group;
use grove_wire::uri::{RoomUri, UserUri};
use zeroize::Zeroizing;

use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::rooms::{self, CreateRoomError, HandshakeError, JoinError};
use crate::settle::SettleError;
use crate::step::{GroupError, Step};
use crate::store::{Outgoing, RoomState, Store, StoreError};
use crate::transport::Transport;
use crate::{devices, notes, trust};

/// The room of the user's own devices could not be made or found.
#[derive(Debug, thiserror::Error)]
pub enum AccountRoomError {
    /// It could not be made.
    #[error(transparent)]
    Create(#[from] CreateRoomError),
    /// It could not be brought to an end.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// It is there, and this device could not join it.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Whether another device has made it could not be seen.
    #[error("the user's rooms could not be gone through")]
    Rooms(#[source] Box<SettleError>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for AccountRoomError {
    fn class(&self) -> Class {
        match self {
            Self::Create(error) => error.class(),
            Self::Handshake(error) => error.class(),
            Self::Join(error) => error.class(),
            Self::Rooms(error) => error.class(),
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The room, in which this device is; made if there is none.
    pub(crate) async fn ensure_account_room(&mut self) -> Result<RoomUri, AccountRoomError> {
        if let Some(room) = self.enter_account_room().await? {
            return Ok(room);
        }
        // Another device may have made it, which this one was not told.
        let looked = self.join_all_rooms().await;
        looked.map_err(|error| AccountRoomError::Rooms(Box::new(error)))?;
        if let Some(room) = self.enter_account_room().await? {
            return Ok(room);
        }
        let outgoing = self.transaction(make)?;
        self.submit_creation(&outgoing).await?;
        Ok(outgoing.room)
    }

    /// The room that is known, unless there is none or it never came about.
    async fn enter_account_room(&mut self) -> Result<Option<RoomUri>, AccountRoomError> {
        let Some(room) = self.transaction(|step| step.account())?.account_room else {
            return Ok(None);
        };
        self.resume_handshakes(&room).await?;
        match self.transaction(|step| step.tx.find_room(&room))? {
            Some(known) if known.state == RoomState::Joined => return Ok(Some(room)),
            Some(known) if known.state != RoomState::Joining => return Ok(None),
            _ => {}
        }
        match self.join(&room).await {
            Ok(()) => Ok(Some(room)),
            Err(JoinError::NotListed) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes the room's group and remembers the room as ours, before the hub hears of it.
fn make(step: &mut Step<'_>) -> Result<Outgoing, CreateRoomError> {
    let nonce = account_room_nonce(&step.identity.user);
    let (_room, outgoing) = rooms::begin_room(step, nonce)?;
    let mut account = step.account()?;
    account.account_room = Some(outgoing.room.clone());
    step.tx.put_account(&account)?;
    Ok(outgoing)
}

/// Looks whether the room that was just joined is the one of the user's devices, and remembers it.
/// The others there hear what this device is called; whoever has come with a new key, by the
/// recovery words, hands it to the others there.
pub(crate) fn recognise(step: &mut Step<'_>, room: &RoomUri) -> Result<(), GroupError> {
    let user = step.identity.user.clone();
    let root = *step.identity.device.credential.identity().root();
    if !step.group(room, |group, _, _| is_ours(group, &user, &root))? {
        return Ok(());
    }
    let mut account = step.account()?;
    match &account.account_room {
        Some(known) if known == room => {}
        // Two devices that knew nothing of each other made one each: all choose the same.
        Some(known) if known.as_str() < room.as_str() && is_usable(step, known)? => return Ok(()),
        _ => {
            account.account_room = Some(room.clone());
            step.tx.put_account(&account)?;
        }
    }
    hand_key_over(step, room)?;
    // Behind the key: who does not have it yet believes nothing else from here.
    Ok(introduce(step)?)
}

/// The user's other devices hear what this one is called: the server was not told, and they were
/// not.
fn introduce(step: &mut Step<'_>) -> Result<(), StoreError> {
    let mut names = step.tx.list_device_names()?.into_iter();
    let Some((client, name)) = names.find(|(client, _)| *client == step.identity.client) else {
        return Ok(());
    };
    notes::send(step, &AccountNote::DeviceName { client, name })
}

fn is_usable(step: &Step<'_>, room: &RoomUri) -> Result<bool, StoreError> {
    let known = step.tx.find_room(room)?;
    Ok(known.is_some_and(|room| matches!(room.state, RoomState::Joined | RoomState::Creating)))
}

/// Whether the user has made the room for their devices: by name, and by the key that nobody else
/// has.
fn is_ours(group: &Group, user: &UserUri, root: &PublicKey) -> Result<bool, GroupError> {
    let record = group.record();
    let is_made_by_us = record.record().creator == *user && record.record().root == *root;
    Ok(is_account_room(record) && is_made_by_us && is_private(group, user)?)
}

/// Whether nobody but the user is in a room: keys are said in no other.
pub(crate) fn is_private(group: &Group, user: &UserUri) -> Result<bool, GroupError> {
    let participants = group.state().participants.iter();
    let members = group
        .members()
        .map_err(|error| GroupError::Unusable(Box::new(error)))?;
    Ok(participants.into_iter().all(|one| one.user == *user)
        && members.iter().all(|member| member.leaf.user == *user))
}

/// The user's other devices get the key of the identity that the recovery words have made, if they
/// stand in the room without it. It waits in the outbox until the devices that were revoked are out
/// of the room.
fn hand_key_over(step: &mut Step<'_>, room: &RoomUri) -> Result<(), GroupError> {
    let list = devices::own_list(step)?;
    if !step.identity.has_key_of(&list) || !devices::has_siblings(step)? {
        return Ok(());
    }
    let newest = list.list().identity.rank();
    let members = step.group(room, |group, _, _| trust::members_of(group))?;
    if members.iter().all(|leaf| leaf.identity.rank() >= newest) {
        return Ok(());
    }
    let note = AccountNote::NewUik {
        seed: Zeroizing::new(*step.account()?.uik.bytes()),
        list: list.as_bytes().to_vec(),
    };
    Ok(notes::send(step, &note)?)
}
