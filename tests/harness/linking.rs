//! More devices of a person: linked by one there is, or made from the recovery words. Both sides
//! are the real engine, and the server between them is the real one.

use std::path::PathBuf;

use grove_cli::transport::HttpTransport;
use grove_core::{
    Approval, Client, ConfirmLinkError, LinkCode, Linking, LinkingError, OtherDevices,
    RecoverError, Recovery,
};
use grove_sqlite::SqliteStore;
use zeroize::Zeroizing;

use crate::user::{Surroundings, store, transport};
use crate::wait::soon;
use crate::{User, World};

/// Rounds in which a new device comes into all rooms; each joins several.
const ROUNDS: usize = 100;

/// A device that waits to be linked.
pub struct NewDevice {
    /// Its side of the exchange.
    pub linking: Linking<SqliteStore, HttpTransport, Surroundings>,
    home: PathBuf,
}

impl NewDevice {
    /// Opens a link for another device of a person, called like the place of its files.
    pub async fn begin(world: &World, person: &User, home: &str) -> Self {
        let (name, home) = (home, world.home(home));
        let surroundings = Surroundings::new(person.clock.clone());
        let (store, transport) = (store(&home), transport(&person.url));
        let linking =
            Linking::begin(store, transport, surroundings, person.uri.clone(), name).await;
        Self {
            linking: linking.expect("a link is opened"),
            home,
        }
    }

    /// The line on its screen.
    pub fn text(&self) -> Zeroizing<String> {
        self.linking.text()
    }

    /// An old device takes up the line, and this one says who it is: what either side then has.
    pub async fn meet(&mut self, old: &mut User) -> (Approval, LinkCode) {
        let text = self.text();
        self.meet_by(old, &text).await
    }

    /// The same with another line than the one on the screen.
    pub async fn meet_by(&mut self, old: &mut User, text: &str) -> (Approval, LinkCode) {
        let meeting = async {
            tokio::join!(
                old.client.approve_link(text),
                self.linking.wait_for_answer()
            )
        };
        let (approval, code) = soon("two devices meet", meeting).await;
        (
            approval.expect("the line is taken up"),
            code.expect("it is answered"),
        )
    }

    /// A person types this code on the old device: what either side makes of it.
    pub async fn confirm(
        &mut self,
        old: &mut User,
        approval: Approval,
        typed: LinkCode,
    ) -> (Result<(), ConfirmLinkError>, Result<(), LinkingError>) {
        let confirming = async {
            tokio::join!(
                old.client.confirm_link(approval, typed),
                self.linking.wait_for_package()
            )
        };
        soon("a link is confirmed", confirming).await
    }

    /// The whole exchange, as it should be.
    pub async fn be_approved(&mut self, old: &mut User) {
        let (approval, code) = self.meet(old).await;
        let (gave, got) = self.confirm(old, approval, code).await;
        gave.expect("the keys are given");
        got.expect("the keys are taken");
    }

    /// Has the account now, and is in no room yet.
    pub async fn arrive(self, person: &User) -> User {
        let client = self.linking.finish().await;
        person.beside(self.home, client.expect("the account is stored"))
    }
}

impl User {
    /// Links another device of this person, which comes into all rooms by itself. Its files are
    /// called `home`; its name is the person's.
    pub async fn link(&mut self, world: &World, home: &str) -> Self {
        let mut new = NewDevice::begin(world, self, home).await;
        new.be_approved(self).await;
        let mut device = new.arrive(self).await;
        device.enter_all_rooms().await;
        device
    }

    /// A new device of this person from the recovery words alone, which comes into all rooms by
    /// itself. This one may be lost.
    pub async fn recover(&self, world: &World, home: &str, others: OtherDevices) -> Self {
        let recovered = self.try_recover(world, home, &self.words, others).await;
        let mut device = recovered.expect("the account is recovered");
        device.enter_all_rooms().await;
        device
    }

    /// A new device of this person from these words, in no room yet.
    ///
    /// # Errors
    /// What the client says.
    pub async fn try_recover(
        &self,
        world: &World,
        home: &str,
        words: &str,
        others: OtherDevices,
    ) -> Result<Self, RecoverError> {
        let recovery = Recovery {
            user: self.uri.clone(),
            words: Zeroizing::new(words.to_owned()),
            others,
            name: home.to_owned(),
        };
        let home = world.home(home);
        let surroundings = Surroundings::new(self.clock.clone());
        let (store, transport) = (store(&home), transport(&self.url));
        let client = Client::recover(store, transport, surroundings, recovery).await?;
        Ok(self.beside(home, client))
    }

    /// The recovery words, as they stand on paper.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Comes into all rooms of the person that this device is not in.
    pub async fn enter_all_rooms(&mut self) {
        for _ in 0..ROUNDS {
            self.catch_up().await;
            if self.client.rooms_due().waiting == 0 {
                return;
            }
        }
        panic!("{} never comes to the last room", self.name);
    }

    /// Another device of this person.
    fn beside(
        &self,
        home: PathBuf,
        client: Client<SqliteStore, HttpTransport, Surroundings>,
    ) -> Self {
        Self {
            name: self.name.clone(),
            uri: self.uri.clone(),
            client,
            home,
            clock: self.clock.clone(),
            url: self.url.clone(),
            words: self.words.clone(),
        }
    }
}
