//! Time that passes for a server with a manual clock, with what it does by itself meanwhile.

use std::time::Duration;

use grove_core::Event;
use grove_server::clock::Timestamp;

use crate::wait::eventually;
use crate::{User, World};

impl World {
    /// Sets the clock of server and clients, forward or back, as an administrator does: no time
    /// passes.
    ///
    /// # Panics
    /// When the server is a process, whose clock nobody sets.
    pub fn set_clock(&self, to: Timestamp) {
        self.hand.as_ref().expect("a manual clock").set(to);
    }

    /// Lets time pass, an hour or more, and waits until the sweep that is due by then is over.
    pub async fn sweep_after(&self, passed: Duration) {
        let database = self.database().await;
        self.pass(passed);
        let now = i64::try_from(self.clock.now().ms()).expect("a time");
        eventually("the sweep is over", async || {
            let clock = database.query_opt("SELECT seen_at FROM retention_clock", &[]);
            let seen_at: i64 = clock.await.expect("the clock of the sweep")?.get(0);
            (seen_at == now).then_some(())
        })
        .await;
    }
}

/// All read and do what is due, until what was begun has come around. Gives what each was told.
pub async fn settle(world: &World, people: &mut [&mut User]) -> Vec<Vec<Event>> {
    let mut told = vec![Vec::new(); people.len()];
    for _ in 0..4 {
        world.pass(Duration::from_secs(40));
        for (person, told) in people.iter_mut().zip(&mut told) {
            told.extend(person.catch_up().await);
        }
    }
    told
}
