//! A person with an honest client: the real engine on a real encrypted database and real HTTP.

use std::path::PathBuf;
use std::time::Duration;

use grove_cli::transport::HttpTransport;
use grove_core::store::{Account, Store as _};
use grove_core::{
    Client, Draft, Environment, Event, Message, MessageStatus, Numbered, Query, Registration, Sent,
    StoreError, SyncError, Tx,
};
use grove_server::clock::Clock;
use grove_sqlite::{Key, SqliteStore};
use grove_wire::uri::{RoomUri, UserUri};
use zeroize::Zeroizing;

use crate::wait::soon;
use crate::{Api, World};

/// How long one poll waits for something; the whole wait is bounded elsewhere.
const POLL: Duration = Duration::from_secs(20);

/// The clock of the world, and the machine's randomness. Pauses are real: they are the engine's
/// own, and short.
#[derive(Clone, Debug)]
pub struct Surroundings(Clock);

impl Surroundings {
    /// With this clock.
    pub fn new(clock: Clock) -> Self {
        Self(clock)
    }
}

impl Environment for Surroundings {
    fn now(&self) -> u64 {
        self.0.now().ms()
    }

    fn random(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("randomness");
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A person.
pub struct User {
    /// The part of the address before the @.
    pub name: String,
    /// The address.
    pub uri: UserUri,
    /// The client.
    pub client: Client<SqliteStore, HttpTransport, Surroundings>,
    pub(crate) home: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) url: String,
    /// The recovery words, which every device of a person shares: they are on paper.
    pub(crate) words: Zeroizing<String>,
}

impl User {
    /// Registers, without an invite.
    pub async fn register(world: &World, name: &str) -> Self {
        Self::try_register(world, name, None)
            .await
            .expect("the registration succeeds")
    }

    /// Registers, perhaps with an invite.
    ///
    /// # Errors
    /// What the client says.
    pub async fn try_register(
        world: &World,
        name: &str,
        invite: Option<&str>,
    ) -> Result<Self, grove_core::RegisterError> {
        let (uri, home) = (world.address(name), world.home(name));
        let (clock, url) = (world.clock.clone(), world.url().to_owned());
        let registration = Registration {
            user: uri.clone(),
            invite: invite.map(|invite| Zeroizing::new(invite.to_owned())),
        };
        let (store, transport) = (store(&home), transport(&url));
        let (client, words) =
            Client::register(store, transport, Surroundings(clock.clone()), registration).await?;
        Ok(Self {
            name: name.to_owned(),
            uri,
            client,
            home,
            clock,
            url,
            words: Zeroizing::new(words.as_str().to_owned()),
        })
    }

    /// Closes the client and opens it again, as a new start of the program does.
    #[must_use]
    pub fn reopen(self) -> Self {
        let Self {
            name,
            uri,
            client,
            home,
            clock,
            url,
            words,
        } = self;
        drop(client);
        let client = open(&home, &url, &clock);
        Self {
            name,
            uri,
            client,
            home,
            clock,
            url,
            words,
        }
    }

    /// Another process on the same database.
    #[must_use]
    pub fn second_process(&self) -> Self {
        let client = open(&self.home, &self.url, &self.clock);
        let (name, uri, home) = (self.name.clone(), self.uri.clone(), self.home.clone());
        Self {
            name,
            uri,
            client,
            home,
            clock: self.clock.clone(),
            url: self.url.clone(),
            words: self.words.clone(),
        }
    }

    /// The client's own session, as a way to ask anything.
    pub fn api(&self) -> Api {
        let token = self.account().token.expect("a session");
        Api::new(&self.url).with_token(Some(&token))
    }

    /// The account as the database has it: keys and all.
    pub fn account(&self) -> Account {
        let found = store(&self.home).transaction(|tx| tx.find_account());
        found.expect("the database").expect("an account")
    }

    /// Acts on what the database holds, past the client.
    pub fn on_disk<R>(&self, act: impl FnOnce(&mut dyn Tx) -> R) -> R {
        let acted = store(&self.home).transaction(|tx| Ok::<_, StoreError>(act(tx)));
        acted.expect("the database")
    }

    /// Makes a room.
    pub async fn make_room(&mut self, name: &str) -> RoomUri {
        self.client
            .create_room(name, None)
            .await
            .expect("the room is made")
    }

    /// Makes a room with others in it, who are off-line.
    pub async fn make_room_with(&mut self, name: &str, others: &[&Self]) -> RoomUri {
        let room = self.make_room(name).await;
        self.invite(&room, others).await;
        room
    }

    /// Brings others into a room; all of them must get in.
    pub async fn invite(&mut self, room: &RoomUri, others: &[&Self]) {
        let users: Vec<UserUri> = others.iter().map(|other| other.uri.clone()).collect();
        self.invite_users(room, &users).await;
    }

    /// Brings users into a room; all of them must get in.
    pub async fn invite_users(&mut self, room: &RoomUri, users: &[UserUri]) {
        let invited = self
            .client
            .invite(room, users)
            .await
            .expect("the invitation succeeds");
        assert_eq!(invited.added.len(), users.len(), "{invited:?}");
        self.catch_up().await;
    }

    /// Says something, which must be accepted at once.
    pub async fn say(&mut self, room: &RoomUri, text: &str) -> Sent {
        let sent = self.client.send(room, Draft::Text(text.to_owned())).await;
        let sent = sent.unwrap_or_else(|error| panic!("{} says {text:?}: {error:?}", self.name));
        assert_eq!(
            sent.status,
            MessageStatus::Sent,
            "{} says {text:?}",
            self.name
        );
        sent
    }

    /// Reads until this text of somebody else stands in the room's history.
    pub async fn hears(&mut self, room: &RoomUri, text: &str) {
        let what = format!("{} hears {text:?}", self.name);
        let listening = async {
            while !self.texts(room).iter().any(|heard| heard == text) {
                self.sync(POLL).await;
            }
        };
        soon(&what, listening).await;
    }

    /// Reads what there is and does what follows from it.
    pub async fn catch_up(&mut self) -> Vec<Event> {
        self.sync(Duration::ZERO).await
    }

    /// Reads on until an event is what is waited for.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        let what = format!("{} waits until {what}", self.name);
        let waiting = async {
            loop {
                if let Some(event) = self.sync(POLL).await.into_iter().find(&wanted) {
                    return event;
                }
            }
        };
        soon(&what, waiting).await
    }

    async fn sync(&mut self, wait: Duration) -> Vec<Event> {
        let events = self.try_sync(wait).await;
        events.unwrap_or_else(|error| panic!("{} reads: {error:?}", self.name))
    }

    /// One round of reading, which may fail.
    ///
    /// # Errors
    /// What the client says.
    pub async fn try_sync(&mut self, wait: Duration) -> Result<Vec<Event>, SyncError> {
        let events: Vec<Numbered> = self.client.sync(wait).await?.events;
        Ok(events.into_iter().map(|numbered| numbered.event).collect())
    }

    /// The room's history.
    pub fn history(&mut self, room: &RoomUri) -> Vec<Message> {
        self.client
            .history(
                room,
                Query {
                    limit: 10_000,
                    before: None,
                },
            )
            .expect("a history")
    }

    /// The texts of the room's history, own ones too, oldest first.
    pub fn texts(&mut self, room: &RoomUri) -> Vec<String> {
        self.history(room)
            .into_iter()
            .map(|message| message.text)
            .collect()
    }

    /// Where the room's messages that were accepted stand in its log, with who said what.
    pub fn transcript(&mut self, room: &RoomUri) -> Vec<(u64, String, String)> {
        let heard = |message: Message| Some((message.seq?, message.sender.address(), message.text));
        let mut transcript: Vec<_> = self.history(room).into_iter().filter_map(heard).collect();
        transcript.sort();
        transcript
    }

    /// The room as the client has it.
    pub fn room(&mut self, room: &RoomUri) -> grove_core::RoomView {
        let rooms = self.client.rooms().expect("the rooms");
        rooms
            .into_iter()
            .find(|view| view.room == *room)
            .expect("a room of this client")
    }

    /// Names of the participants of a room, in the order of the alphabet.
    pub fn members(&mut self, room: &RoomUri) -> Vec<String> {
        let members = self.client.members(room).expect("the members");
        let mut names: Vec<String> = members
            .into_iter()
            .map(|member| member.user.localpart().to_owned())
            .collect();
        names.sort();
        names
    }

    /// The head of the hash chain, and where it stands.
    pub fn head(&self, room: &RoomUri) -> (u64, Option<[u8; 32]>) {
        let found = store(&self.home).transaction(|tx| tx.find_room(room));
        let room = found.expect("the database").expect("a room of this client");
        (room.seq, room.head)
    }
}

fn open(
    home: &std::path::Path,
    url: &str,
    clock: &Clock,
) -> Client<SqliteStore, HttpTransport, Surroundings> {
    Client::open(store(home), transport(url), Surroundings(clock.clone()))
        .expect("the client opens")
}

/// The database at a place, opened once more.
pub fn store(home: &std::path::Path) -> SqliteStore {
    let key = Key::Raw(Zeroizing::new([7; 32]));
    SqliteStore::open(&home.join("grove.db"), &key).expect("the database opens")
}

/// A way to a server.
pub fn transport(url: &str) -> HttpTransport {
    HttpTransport::new(url.parse().expect("a server's URL"), None).expect("a transport")
}
