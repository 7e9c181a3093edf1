//! Creating a room: its record is signed, its group made and stored, then the hub is told.

use grove_mls::identity::{
    CREATION_RECORD_VERSION, CreationRecord, MAX_ROOM_NAME_BYTES, ProfileError, RecordError,
    RoomProfile, SignedCreationRecord, SignedRoomProfile,
};
use grove_mls::member::create::{self, NewRoom};
use grove_wire::api::rooms::RoomCreated;
use grove_wire::codec;
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomUri;

use super::handshake::HandshakeError;
use crate::client::Client;
use crate::clock::ClockOff;
use crate::environment::Environment;
use crate::event::Event;
use crate::failure::{Class, Classified};
use crate::names::visible_name;
use crate::step::Step;
use crate::store::{Outgoing, OutgoingKind, Room, RoomState, Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// A room could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateRoomError {
    /// The hub refuses the room for its first leaf's lifetime, which this device's clock has
    /// decided.
    #[error(
        "the server does not take a room made by this device, because its clock is {0}: set the \
         clock, then run the same command again"
    )]
    Clock(ClockOff),
    /// The request does not fit its bounds.
    #[error("the room does not fit into a request")]
    Encode(#[from] codec::EncodeError),
    /// The hub was asked and failed, or refused.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The group could not be made.
    #[error("the room's group cannot be made")]
    Make(#[source] create::CreateError),
    /// There is nothing to see in the name.
    #[error("a room's name has something to see in it, and at most {MAX_ROOM_NAME_BYTES} bytes")]
    NoName,
    /// The name or topic is too long.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The creation record could not be made.
    #[error("the creation record cannot be made")]
    Record(#[from] RecordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for CreateRoomError {
    fn class(&self) -> Class {
        match self {
            Self::Clock(_) => Class::Refused,
            Self::Encode(_) | Self::Make(_) | Self::Record(_) => Class::Failure,
            Self::Handshake(error) => error.class(),
            Self::NoName | Self::Profile(_) => Class::Unknown,
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Creates a room on the own server, with its user as owner and the user's devices as its only
    /// members. Name and topic are content: only members ever read them.
    ///
    /// # Errors
    /// [`CreateRoomError`]. If the server cannot be reached the room is created later, by
    /// [`Client::settle`].
    pub async fn create_room(
        &mut self,
        name: &str,
        topic: Option<&str>,
    ) -> Result<RoomUri, CreateRoomError> {
        if visible_name(name).is_none() {
            return Err(CreateRoomError::NoName);
        }
        let outgoing = self.transaction(|step| make(step, name, topic.unwrap_or_default()))?;
        if let Err(error) = self.submit_creation(&outgoing).await {
            return Err(self.explain(error).await);
        }
        if let Err(error) = self.add_siblings(&outgoing.room).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(room = %outgoing.room, error, "own devices are added later");
        }
        Ok(outgoing.room)
    }

    /// Names the clock, if it is why the hub refuses a room.
    async fn explain(&mut self, error: HandshakeError) -> CreateRoomError {
        let is_refused = matches!(
            &error,
            HandshakeError::Call(call) if call.problem() == Some(ProblemType::CommitRefused)
        );
        if is_refused
            && let Ok((_counts, Some(off))) = self.count_key_packages().await
            && off.is_too_far()
        {
            return CreateRoomError::Clock(off);
        }
        error.into()
    }

    /// Tells the hub. A hub that has the room already got it from us: its id is the hash of our
    /// record.
    pub(crate) async fn submit_creation(
        &mut self,
        outgoing: &Outgoing,
    ) -> Result<(), HandshakeError> {
        let body = Body::Octets(outgoing.bytes.clone().unwrap_or_default());
        match self.ask(Method::Post, "/v1/rooms", body).await {
            Ok(answer) => {
                let RoomCreated { .. } = answer.json()?;
            }
            Err(error) if error.problem() == Some(ProblemType::Conflict) => {}
            Err(error) => {
                if error.verdict().is_some() {
                    self.transaction(|step| abandon(step, outgoing))?;
                }
                return Err(error.into());
            }
        }
        self.transaction(|step| {
            step.tx.remove_outgoing(outgoing.number)?;
            let Some(mut room) = step.tx.find_room(&outgoing.room)? else {
                return Ok(());
            };
            if room.state == RoomState::Creating {
                room.state = RoomState::Joined;
                step.tx.put_room(&room)?;
                step.tell(Event::RoomJoined { room: room.uri })?;
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(())
    }
}

fn make(step: &mut Step<'_>, name: &str, topic: &str) -> Result<Outgoing, CreateRoomError> {
    let nonce = step.random_bytes();
    let (mut room, outgoing) = begin_room(step, nonce)?;
    let profile = RoomProfile {
        room: room.uri.clone(),
        version: 1,
        name: name.to_owned(),
        topic: topic.to_owned(),
        time: step.now,
        author: step.identity.client.clone(),
    };
    let profile = SignedRoomProfile::sign(&step.identity.device.key, profile)?;
    name.clone_into(&mut room.name);
    topic.clone_into(&mut room.topic);
    room.profile = Some(profile.as_bytes().to_vec());
    room.profile_version = 1;
    step.tx.put_room(&room)?;
    Ok(outgoing)
}

/// Makes the record and the group of a room without a name, and puts its creation into the outbox.
pub(crate) fn begin_room(
    step: &mut Step<'_>,
    nonce: [u8; 32],
) -> Result<(Room, Outgoing), CreateRoomError> {
    let now = step.now;
    let suite = step.account()?.suites.first().copied().unwrap_or_default();
    let identity = step.identity;
    let record = CreationRecord {
        version: CREATION_RECORD_VERSION,
        hub: identity.user.provider(),
        hub_key: identity.server_key,
        creator: identity.user.clone(),
        root: *identity.device.credential.identity().root(),
        device_key: identity.device.key.public(),
        cipher_suite: suite,
        time: now,
        nonce,
        predecessor: None,
    };
    let record = SignedCreationRecord::sign(&identity.device.key, record)?;
    let uri = record.room_uri();
    let new_room = NewRoom {
        record,
        server_key: identity.server_key,
        franking_key: identity.server_key,
    };
    let (group, request) = step.records(|storage, identity| {
        create::create(storage, &identity.device, new_room).map_err(CreateRoomError::Make)
    })?;
    step.keep_group(&uri, group);
    let mut room = Room::new(uri.clone(), RoomState::Creating, now);
    room.head = Some(*grove_mls::identity::Head::start(&uri).as_bytes());
    step.tx.put_room(&room)?;
    let mut outgoing = Outgoing {
        number: 0,
        room: uri,
        kind: OutgoingKind::Creation,
        epoch: 0,
        bytes: Some(codec::encode(&request)?),
        message_id: None,
    };
    outgoing.number = step.tx.add_outgoing(&outgoing)?;
    Ok((room, outgoing))
}

/// A room the hub refused never was.
fn abandon(step: &mut Step<'_>, outgoing: &Outgoing) -> Result<(), crate::step::GroupError> {
    step.tx.remove_outgoing(outgoing.number)?;
    step.forget_group(&outgoing.room)?;
    if let Some(mut room) = step.tx.find_room(&outgoing.room)? {
        room.state = RoomState::Left;
        step.tx.put_room(&room)?;
    }
    Ok(())
}
