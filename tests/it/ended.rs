//! How whoever waits with a session learns of its end when the way it usually goes is broken:
//! nobody told, or the database was lost in the middle of the commit.

use std::time::Duration;

use grove_server::admin::{Reply, Request};
use harness::socket::Socket;
use harness::{Hand, World};

use crate::sockets::ReadSocket;

/// From now on whoever ends a session is cut off when it commits, and does not learn whether that
/// was done. (It was not.)
const CUT_OFF: &str = "
    CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER cut_off AFTER DELETE ON sessions DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION cut_off()";

const CLOSED_AS_ENDED: u16 = 4001;

async fn listen(world: &World, hand: &Hand) -> ReadSocket {
    let opened = Socket::open(world.url(), hand.api.token.as_deref()).await;
    ReadSocket::new(opened.expect("a socket"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_nobody_told_of_is_seen_within_the_hour() {
    let world = World::new().await;
    let [alice, bob, carol] = world.hands(["alice", "bob", "carol"]).await;
    let (lost, kept) = (listen(&world, &alice).await, listen(&world, &bob).await);
    let end = "DELETE FROM sessions USING devices
               WHERE devices.device_id = sessions.device_id AND client LIKE '%/alice/%'";
    let ended = world.database().await.execute(end, &[]).await;
    assert_eq!(ended.expect("a statement"), 1);
    // What is remembered of sessions is forgotten, by the end of yet another.
    let user = "carol".to_owned();
    let told = world
        .ask(Request::SessionsEnd {
            user: Some(user),
            client: None,
        })
        .await;
    assert!(matches!(told, Reply::Ended { sessions: 1, .. }), "{told:?}");
    assert_eq!(carol.api.get("/v1/whoami").await.status, 401);
    world.pass(Duration::from_hours(1));
    assert_eq!(lost.closed_with().await, CLOSED_AS_ENDED);
    // The control: whose session stands is left alone. It was looked at in the same hour.
    assert_eq!(bob.api.get("/v1/whoami").await.status, 200);
    assert!(kept.is_open());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_have_been_ended_is_told_so() {
    let user = "alice".to_owned();
    for request in [
        Request::SessionsEnd {
            user: Some(user.clone()),
            client: None,
        },
        Request::UsersDisable { user },
    ] {
        let world = World::new().await;
        let [alice, bob] = world.hands(["alice", "bob"]).await;
        let database = world.database().await;
        database.batch_execute(CUT_OFF).await.expect("a trigger");
        let (socket, kept) = (listen(&world, &alice).await, listen(&world, &bob).await);
        let reply = world.ask(request).await;
        assert!(matches!(reply, Reply::Failed { .. }), "{reply:?}");
        assert_eq!(socket.closed_with().await, CLOSED_AS_ENDED);
        // It was not ended after all, so all goes on. (Whoever gets the connection that was cut
        // off is told to come again.)
        let api = alice.api.clone().insisting();
        assert_eq!(api.get("/v1/whoami").await.status, 200);
        assert!(kept.is_open());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_may_have_been_revoked_is_told_so() {
    let world = World::new().await;
    let mut alice = world.user("alice").await;
    let phone = alice.link(&world, "phone").await;
    let opened = Socket::open(world.url(), phone.api().token.as_deref()).await;
    let socket = ReadSocket::new(opened.expect("a socket"));
    let database = world.database().await;
    database.batch_execute(CUT_OFF).await.expect("a trigger");
    let (gone, words) = (phone.client.whoami().client, alice.words().to_owned());
    let revoked = alice.client.revoke_device(&gone, &words).await;
    assert!(revoked.is_err(), "{revoked:?}");
    assert_eq!(socket.closed_with().await, CLOSED_AS_ENDED);
    let api = phone.api().insisting();
    assert_eq!(api.get("/v1/whoami").await.status, 200);
}
