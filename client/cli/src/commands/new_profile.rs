//! A profile for an account that this machine does not have yet: what registering, linking and
//! recovering share.

use std::time::Duration;

use grove_core::{Client, Store};
use grove_sqlite::SqliteStore;
use grove_wire::uri::UserUri;

use super::failures::failed;
use crate::args::{Arguments, ProfileWish};
use crate::clock::Machine;
use crate::commands::listen::Ending;
use crate::endpoint::ServerUrl;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{ArrivedLine, Output, RoomsDueLine};
use crate::profile::{Directories, Profile, ProfileName, Settings, Unlock, read_roots};
use crate::session::open_store;
use crate::tls;
use crate::transport::HttpTransport;

/// A profile as it is asked for; nothing of it is on disk yet.
pub(super) struct Plan {
    name: ProfileName,
    /// As they were begun with, or will be.
    settings: Settings,
    roots: Option<Vec<u8>>,
    is_begun: bool,
    is_new: bool,
}

impl Plan {
    /// Reads what was asked for, and what is there of it: a profile that was begun for the same
    /// user is taken up again.
    ///
    /// # Errors
    /// When the name or the certificates are not usable, or the disk is not.
    pub(super) fn read(
        arguments: &Arguments,
        address: &UserUri,
        wish: &ProfileWish,
        directories: &Directories,
    ) -> Result<Self, Failure> {
        let name = profile_name(arguments, address)?;
        let begun = Profile::find_settings(directories, &name)?;
        let is_begun = begun.is_some();
        // Without settings there may be the data of an account all the same: that is not thrown
        // away.
        let is_new = !is_begun && !directories.data_of(&name).exists();
        let settings = settings(arguments, address, wish.passphrase, begun)?;
        let roots = wish.ca.as_deref().map(read_roots).transpose()?;
        if let Some(pem) = &roots {
            tls::check_extra(pem)
                .map_err(|error| Failure::caused(Exit::Usage, &error).advise("check --ca FILE"))?;
        }
        Ok(Self {
            name,
            settings,
            roots,
            is_begun,
            is_new,
        })
    }

    /// Whether it goes on with a profile that was begun earlier.
    pub(super) const fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// The way to its server, before there is a profile.
    ///
    /// # Errors
    /// When the certificates are not usable.
    pub(super) fn transport(&self) -> Result<HttpTransport, Failure> {
        Ok(HttpTransport::new(
            self.settings.server.clone(),
            self.roots.as_deref(),
        )?)
    }

    /// Makes the profile.
    ///
    /// # Errors
    /// When the name belongs to another user's profile, or the disk is not usable.
    pub(super) fn make(self, directories: &Directories) -> Result<NewProfile, Failure> {
        let server = self.settings.server.clone();
        let profile = Profile::create(directories, self.name, &self.settings)?;
        if let Some(pem) = &self.roots {
            profile.store_roots(pem)?;
        }
        let transport = HttpTransport::new(server.clone(), profile.roots()?.as_deref())?;
        Ok(NewProfile {
            profile,
            transport,
            server,
            is_new: self.is_new,
        })
    }
}

/// The profile that is being made.
pub(super) struct NewProfile {
    pub(super) profile: Profile,
    pub(super) transport: HttpTransport,
    server: ServerUrl,
    is_new: bool,
}

impl NewProfile {
    /// Opens its database.
    ///
    /// # Errors
    /// What is wrong with the key or the database.
    pub(super) fn open_store(&self) -> Result<SqliteStore, Failure> {
        open_store(&self.profile)
    }

    /// Keeps it, with the server of this run.
    ///
    /// # Errors
    /// When the disk is not usable.
    pub(super) fn keep(&mut self, directories: &Directories) -> Result<(), Failure> {
        Ok(self.profile.move_server(directories, self.server.clone())?)
    }

    /// Takes it away again, if it was not there before.
    ///
    /// # Errors
    /// When the disk is not usable.
    pub(super) fn discard(self, directories: &Directories) -> Result<(), Failure> {
        if self.is_new {
            self.profile.discard(directories)?;
        }
        Ok(())
    }

    /// What is printed when the account is there.
    pub(super) fn arrived<S: Store>(
        &self,
        step: &'static str,
        client: &Client<S, HttpTransport, Machine>,
        others: Option<&'static str>,
    ) -> ArrivedLine {
        let me = client.whoami();
        ArrivedLine {
            step,
            address: me.user.address(),
            user: me.user,
            client: me.client,
            profile: self.profile.name.to_string(),
            server: self.profile.settings.server.to_string(),
            others,
        }
    }
}

/// Joins the rooms of the account, and says how far that is. What cannot be done now is done by
/// later commands.
///
/// # Errors
/// When standard output is closed or full.
pub(super) async fn join_rooms<S: Store>(
    client: &mut Client<S, HttpTransport, Machine>,
    ending: &mut Ending,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    loop {
        let before = client.rooms_due();
        let settled = tokio::select! {
            () = ending.wait() => break,
            settled = client.settle() => settled,
        };
        if let Err(error) = settled {
            output.note(failed(error).message);
            break;
        }
        let due = client.rooms_due();
        if due != before {
            output.print(&RoomsDueLine {
                step: "rooms",
                joined: due.joined,
                failed: due.failed,
                of: due.joined + due.failed + due.waiting,
            })?;
        }
        if due.waiting == 0 {
            let caught = tokio::select! {
                () = ending.wait() => return Ok(()),
                caught = client.sync(Duration::ZERO) => caught,
            };
            if let Err(error) = caught {
                output.note(failed(error).message);
            }
            return Ok(());
        }
    }
    output.note("the other rooms are joined by the next commands; grove sync joins all");
    Ok(())
}

/// The name that the command line gives, or the address.
///
/// # Errors
/// When the address is none that a file can be called.
fn profile_name(arguments: &Arguments, address: &UserUri) -> Result<ProfileName, Failure> {
    match &arguments.profile {
        Some(name) => Ok(name.clone()),
        None => address.address().parse().map_err(|problem: &str| {
            Failure::new(Exit::Usage, problem).advise("name --profile NAME")
        }),
    }
}

/// The settings of a new profile, or those of one that was begun, with the server of this run.
///
/// # Errors
/// When the domain is none a URL can hold, or a passphrase is wished for a profile that was begun
/// with a key file: its key lies there already.
fn settings(
    arguments: &Arguments,
    address: &UserUri,
    passphrase: bool,
    begun: Option<Settings>,
) -> Result<Settings, Failure> {
    let has_key_file = |begun: &Settings| begun.unlock == Unlock::File;
    if passphrase && begun.as_ref().is_some_and(has_key_file) {
        return Err(
            Failure::new(Exit::Usage, "this profile was begun with a key file")
                .advise("finish it without --passphrase, or begin another with --profile NAME"),
        );
    }
    let known = arguments.server.clone().or_else(|| Some(begun?.server));
    let server = match known {
        Some(server) => server,
        None => ServerUrl::of(&address.provider())
            .map_err(|error| Failure::caused(Exit::Usage, &error).advise("name --server URL"))?,
    };
    let unlock = if passphrase {
        Unlock::Passphrase
    } else {
        Unlock::File
    };
    Ok(Settings {
        user: address.clone(),
        server,
        unlock,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_passphrase_is_never_ignored() {
        let arguments = Arguments::try_parse_from(["grove", "whoami"]).unwrap();
        let alice = UserUri::parse("alice@a.example").unwrap();
        let of = |passphrase, begun| settings(&arguments, &alice, passphrase, begun);
        let with_file = of(false, None).unwrap();
        let with_passphrase = of(true, None).unwrap();
        assert_eq!(with_passphrase.unlock, Unlock::Passphrase);
        assert!(of(false, Some(with_file.clone())).is_ok());
        assert!(of(true, Some(with_passphrase)).is_ok());
        let refused = of(true, Some(with_file)).unwrap_err();
        assert_eq!(refused.exit, Exit::Usage);
    }
}
