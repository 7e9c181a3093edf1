//! An open profile: settings, database and the way to the server, put together.

use std::fs;
use std::time::Duration;

use grove_core::{CallError, Client, FindRoomError, StoreError, TransportError};
use grove_sqlite::{Key, SqliteStore};
use grove_wire::uri::RoomUri;
use tokio::time::timeout;

use crate::args::Arguments;
use crate::clock::Machine;
use crate::commands::failures::failed;
use crate::endpoint::ServerUrl;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, RoomNames};
use crate::profile::{Directories, Profile, Unlock, create_private};
use crate::secrets;
use crate::transport::HttpTransport;

/// How long catching up may take before a command goes on without.
const PATIENCE: Duration = Duration::from_secs(30);

/// A registered profile, open.
pub(crate) struct Session {
    /// The profile.
    pub(crate) profile: Profile,
    /// Where its server answers, in this run.
    pub(crate) server: ServerUrl,
    /// The way there.
    pub(crate) transport: HttpTransport,
    /// The engine.
    pub(crate) client: Client<SqliteStore, HttpTransport, Machine>,
}

impl Session {
    /// Opens the profile that the command line names, or the only one.
    ///
    /// # Errors
    /// What is wrong with the profile or its database.
    pub(crate) fn open(arguments: &Arguments, directories: &Directories) -> Result<Self, Failure> {
        let profile = Profile::choose(directories, arguments.profile.as_ref())?;
        Self::of(profile, arguments.server.clone())
    }

    /// Opens a profile; its server answers where its settings say, unless it is said here.
    ///
    /// # Errors
    /// What is wrong with the profile or its database.
    pub(crate) fn of(profile: Profile, server: Option<ServerUrl>) -> Result<Self, Failure> {
        let server = server.unwrap_or_else(|| profile.settings.server.clone());
        let transport = HttpTransport::new(server.clone(), profile.roots()?.as_deref())?;
        let store = open_store(&profile)?;
        let client = Client::open(store, transport.clone(), Machine)?;
        Ok(Self {
            profile,
            server,
            transport,
            client,
        })
    }

    /// Reads what arrived and sends what waits. What cannot be done now is not this command's
    /// concern: `grove sync` tells of it.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or the database fails.
    pub(crate) async fn catch_up(&mut self) -> Result<(), Failure> {
        match timeout(PATIENCE, self.client.sync(Duration::ZERO)).await {
            Ok(caught) => Ok(caught.map(drop).map_err(failed)?),
            Err(_elapsed) => Err(failed(CallError::from(TransportError::Timeout))),
        }
    }

    /// The same for a command that makes do with what is stored: without the server it says so.
    ///
    /// # Errors
    /// When the server refuses or the database fails.
    pub(crate) async fn catch_up_if_possible(
        &mut self,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        match self.catch_up().await {
            Ok(()) => Ok(()),
            Err(failure) if failure.exit.is_passing() || self.client.is_revoked()? => {
                output.note(format_args!(
                    "{}; this is what is stored here",
                    failure.message
                ));
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// After a command has done its work: sends what else waits and does what is due. Trouble with
    /// that does not undo the work, so it is only told.
    pub(crate) async fn settle(&mut self, output: &mut Output<'_>) {
        if let Err(error) = self.client.settle().await {
            output.note(failed(error).message);
        }
    }

    /// What the rooms are called.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn room_names(&mut self) -> Result<RoomNames, Failure> {
        let rooms = self.client.rooms()?;
        Ok(RoomNames::new(
            rooms.into_iter().map(|view| (view.room, view.name)),
        ))
    }

    /// The room that is meant; the server is asked for new ones when none is known.
    ///
    /// # Errors
    /// When none or several are meant.
    pub(crate) async fn find_room(&mut self, named: &str) -> Result<RoomUri, Failure> {
        match self.client.find_room(named) {
            Err(FindRoomError::Unknown) => {}
            found => return Ok(found?),
        }
        match self.catch_up().await {
            // Without the server it stays unknown, and that is what the person should hear.
            Err(failure) if !failure.exit.is_passing() => Err(failure),
            _ => Ok(self.client.find_room(named)?),
        }
    }
}

/// Opens the database of a profile, or makes an empty one.
///
/// # Errors
/// What is wrong with the key or the database.
pub(crate) fn open_store(profile: &Profile) -> Result<SqliteStore, Failure> {
    let database = profile.database();
    // One that was made and never written to has no key yet.
    let is_new = fs::metadata(&database).map_or(true, |found| found.len() == 0);
    let key = match profile.settings.unlock {
        Unlock::File => Key::Raw(profile.key()?),
        Unlock::Passphrase if is_new => Key::Passphrase(secrets::new_passphrase()?),
        Unlock::Passphrase => Key::Passphrase(secrets::passphrase()?),
    };
    if !database.exists() {
        // SQLite gives its other files the permissions of this one.
        drop(create_private(&database)?);
    }
    SqliteStore::open(&database, &key).map_err(|error| {
        let failure = Failure::from(error.clone());
        match (error, profile.settings.unlock) {
            (StoreError::WrongKey, Unlock::Passphrase) => {
                Failure::new(Exit::Storage, "this passphrase does not open the database")
                    .advise("try again; without the passphrase the messages here cannot be read")
            }
            _ => failure,
        }
    })
}
