//! Links: how a new device and an old one of the same user meet, with bytes that mean nothing to
//! the server.

mod waits;

use std::time::Duration;

use grove_wire::api::links::{LinkBytes, LinkOpened, LinkPhase, LinkState};
use grove_wire::limits::MAX_LINK_BYTES;
use harness::{Answer, Api, Hand, Setup, World};

/// A newcomer with its link.
struct Newcomer {
    api: Api,
    path: String,
    expires_at: u64,
}

impl Newcomer {
    async fn begin(world: &World) -> Self {
        let opened: LinkOpened = open(world).await.ok().json();
        assert!(opened.token.starts_with("link-"));
        assert_eq!(opened.link.as_bytes().len(), 16);
        Self {
            api: world.api().with_token(Some(&opened.token)),
            path: format!("/v1/links/{}", opened.link.encode()),
            expires_at: opened.expires_at,
        }
    }

    async fn look(&self, by: &Api) -> Answer {
        by.get(&self.path).await
    }

    async fn phase(&self, by: &Api) -> LinkPhase {
        self.look(by).await.ok().json::<LinkState>().phase
    }

    async fn answer(&self, by: &Api, bytes: &[u8]) -> Answer {
        self.leave(by, "answer", bytes).await
    }

    async fn reveal(&self, by: &Api, bytes: &[u8]) -> Answer {
        self.leave(by, "reveal", bytes).await
    }

    async fn package(&self, by: &Api, bytes: &[u8]) -> Answer {
        self.leave(by, "package", bytes).await
    }

    async fn leave(&self, by: &Api, what: &str, bytes: &[u8]) -> Answer {
        let body = LinkBytes {
            bytes: bytes.to_vec().into(),
        };
        by.put_json(&format!("{}/{what}", self.path), &body).await
    }

    async fn cancel(&self, by: &Api) -> Answer {
        by.delete(&self.path).await
    }

    /// Waits until the link is in another phase than this.
    async fn wait(&self, by: &Api, seen: &str) -> Answer {
        by.get(&format!("{}?seen={seen}&wait_s=60", self.path))
            .await
    }
}

async fn open(world: &World) -> Answer {
    world.api().post("/v1/links", *b"").await
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, name: &str) {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (status, name),
        "{}",
        answer.text()
    );
}

#[track_caller]
fn assert_left(answer: &Answer) {
    assert_eq!(answer.status, 204, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_and_an_old_one_exchange_what_they_have() {
    let world = World::new().await;
    let alice = world.hand("alice").await;
    let link = Newcomer::begin(&world).await;
    let lifetime = link.expires_at - world.clock.now().ms();
    assert_eq!(lifetime, 10 * 60 * 1000);
    let state: LinkState = link.look(&alice.api).await.ok().json();
    let nothing = LinkState {
        phase: LinkPhase::Open,
        answer: None,
        reveal: None,
        package: None,
        expires_at: link.expires_at,
    };
    assert_eq!(state, nothing);

    assert_left(&link.answer(&alice.api, b"answer").await);
    let state: LinkState = link.look(&link.api).await.ok().json();
    assert_eq!(state.phase, LinkPhase::Answered);
    assert_eq!(state.answer, Some(b"answer".to_vec().into()));
    assert_left(&link.reveal(&link.api, b"reveal").await);
    let state: LinkState = link.look(&alice.api).await.ok().json();
    assert_eq!(state.phase, LinkPhase::Revealed);
    assert_eq!(state.reveal, Some(b"reveal".to_vec().into()));
    assert_left(&link.package(&alice.api, b"package").await);

    let shown: LinkState = link.look(&alice.api).await.ok().json();
    assert_eq!(
        (shown.phase, shown.package),
        (LinkPhase::Sealed, None),
        "the package is for the newcomer only"
    );
    let state: LinkState = link.look(&link.api).await.ok().json();
    assert_eq!(state.package, Some(b"package".to_vec().into()));
    // The same again, because an answer was lost, changes nothing.
    assert_left(&link.answer(&alice.api, b"answer").await);
    assert_left(&link.reveal(&link.api, b"reveal").await);
    assert_left(&link.package(&alice.api, b"package").await);
    assert_eq!(link.phase(&link.api).await, LinkPhase::Sealed);

    // Once it has the package, the newcomer ends the link, and nothing is left.
    assert_left(&link.cancel(&link.api).await);
    assert_problem(&link.look(&alice.api).await, 404, "not-found");
    assert_problem(&link.look(&link.api).await, 404, "not-found");
    assert_eq!(world.count("SELECT count(*) FROM links").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_is_taken_once_in_its_order_and_by_its_party() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let sibling = alice.sibling(&world, 0).await;
    let bob = world.hand("bob").await;
    let link = Newcomer::begin(&world).await;
    let other = Newcomer::begin(&world).await;
    // Out of order, each refused where its neighbour below is taken.
    assert_problem(&link.reveal(&link.api, b"early").await, 409, "conflict");
    assert_problem(&link.package(&alice.api, b"early").await, 409, "conflict");
    assert_problem(&link.cancel(&bob.api).await, 404, "not-found");

    assert_left(&link.answer(&alice.api, b"answer").await);
    assert_problem(&link.answer(&alice.api, b"another").await, 409, "conflict");
    for late in [&sibling.api, &bob.api] {
        assert_problem(&link.answer(late, b"answer").await, 409, "conflict");
        assert_problem(&link.look(late).await, 404, "not-found");
        assert_problem(&link.cancel(late).await, 404, "not-found");
    }
    assert_problem(&link.package(&alice.api, b"early").await, 409, "conflict");
    // Another link's newcomer is nobody here, and a session reveals nothing.
    assert_problem(&link.look(&other.api).await, 404, "not-found");
    assert_problem(&link.reveal(&other.api, b"reveal").await, 404, "not-found");
    assert_problem(&link.reveal(&alice.api, b"r").await, 401, "unauthenticated");
    assert_problem(&link.answer(&link.api, b"a").await, 401, "unauthenticated");
    assert_left(&link.reveal(&link.api, b"reveal").await);
    for foreign in [&sibling.api, &bob.api] {
        let refused = link.package(foreign, b"forged").await;
        assert_problem(&refused, 404, "not-found");
    }
    assert_left(&link.package(&alice.api, b"package").await);
    assert_problem(&link.package(&alice.api, b"another").await, 409, "conflict");
    let state: LinkState = link.look(&link.api).await.ok().json();
    assert_eq!(state.package, Some(b"package".to_vec().into()));
    assert_eq!(state.answer, Some(b"answer".to_vec().into()));
    assert_eq!(other.phase(&other.api).await, LinkPhase::Open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_looked_at_by_its_token_or_a_session_only() {
    let world = World::new().await;
    let alice = world.hand("alice").await;
    let link = Newcomer::begin(&world).await;
    for token in [None, Some("no such token")] {
        let stranger = world.api().with_token(token);
        assert_problem(&link.look(&stranger).await, 401, "unauthenticated");
        assert_problem(&link.cancel(&stranger).await, 401, "unauthenticated");
    }
    let guessed = world.api().with_token(Some("link-guessed"));
    assert_problem(&link.look(&guessed).await, 404, "not-found");
    for name in ["AAAA", "not+base64url!", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let path = format!("/v1/links/{name}");
        assert_problem(&alice.api.get(&path).await, 404, "not-found");
    }
    // A link's token opens nothing else.
    let whoami = link.api.get("/v1/whoami").await;
    assert_problem(&whoami, 401, "unauthenticated");
    let large = vec![0; MAX_LINK_BYTES + 1];
    let refused = link.answer(&alice.api, &large).await;
    assert_problem(&refused, 413, "too-large");
    assert_left(&link.answer(&alice.api, &large[1..]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_not_guessed() {
    let world = Setup::default()
        .set("rate_limits.address_links=10/min burst 10")
        .start()
        .await;
    let alice = world.hand("alice").await;
    let link = Newcomer::begin(&world).await;
    for round in 0..10_u8 {
        let guessed = world.api().with_token(Some(&format!("link-{round}")));
        let refused = match round % 3 {
            0 => link.look(&guessed).await,
            1 => link.reveal(&guessed, b"guess").await,
            _ => link.cancel(&guessed).await,
        };
        assert_problem(&refused, 404, "not-found");
    }
    let guessed = world.api().with_token(Some("link-once-more"));
    for refused in [
        link.look(&guessed).await,
        link.reveal(&guessed, b"guess").await,
        link.cancel(&guessed).await,
    ] {
        assert_problem(&refused, 429, "rate-limited");
        assert!(refused.header("retry-after").is_some());
    }
    // Who has a session goes on, and who has the token does when it was told to.
    assert_left(&link.answer(&alice.api, b"answer").await);
    let early = link.reveal(&link.api, b"reveal").await;
    assert_problem(&early, 429, "rate-limited");
    world.pass(Duration::from_secs(12));
    assert_left(&link.reveal(&link.api, b"reveal").await);
    assert_eq!(link.phase(&link.api).await, LinkPhase::Revealed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_cancels_for_ever() {
    let world = World::new().await;
    let alice = world.hand("alice").await;
    for by_newcomer in [true, false] {
        let link = Newcomer::begin(&world).await;
        assert_left(&link.answer(&alice.api, b"answer").await);
        assert_left(&link.reveal(&link.api, b"reveal").await);
        let by = if by_newcomer { &link.api } else { &alice.api };
        assert_left(&link.cancel(by).await);
        for side in [&link.api, &alice.api] {
            let state: LinkState = link.look(side).await.ok().json();
            assert_eq!(state.phase, LinkPhase::Cancelled);
            assert_eq!(
                (state.answer, state.reveal, state.package),
                (None, None, None)
            );
            assert_left(&link.cancel(side).await);
        }
        for answer in [
            link.answer(&alice.api, b"answer").await,
            link.reveal(&link.api, b"reveal").await,
            link.package(&alice.api, b"package").await,
        ] {
            assert_problem(&answer, 409, "conflict");
        }
    }
    // A package that was sealed can be taken back until it is fetched.
    let link = Newcomer::begin(&world).await;
    assert_left(&link.answer(&alice.api, b"answer").await);
    assert_left(&link.reveal(&link.api, b"reveal").await);
    assert_left(&link.package(&alice.api, b"package").await);
    assert_left(&link.cancel(&alice.api).await);
    let state: LinkState = link.look(&link.api).await.ok().json();
    assert_eq!((state.phase, state.package), (LinkPhase::Cancelled, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loses_no_link() {
    let mut world = World::new().await;
    let alice = world.hand("alice").await;
    let link = Newcomer::begin(&world).await;
    assert_left(&link.answer(&alice.api, b"answer").await);
    world.restart().await;
    assert_left(&link.reveal(&link.api, b"reveal").await);
    world.restart().await;
    assert_left(&link.package(&alice.api, b"package").await);
    world.restart().await;
    let state: LinkState = link.look(&link.api).await.ok().json();
    assert_eq!(state.package, Some(b"package".to_vec().into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_so_many_links_and_no_more() {
    let world = World::new().await;
    let fill = "INSERT INTO links (link, token_hash, created_at, expires_at, phase)
                SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(repeat('00', 32), 'hex'), 0, $1, 1
                FROM generate_series(1, 999) n";
    let end = i64::try_from(world.clock.now().ms() + 60_000).expect("not so far");
    let database = world.database().await;
    database.execute(fill, &[&end]).await.expect("999 links");
    let last = Newcomer::begin(&world).await;
    let refused = open(&world).await;
    assert_problem(&refused, 429, "rate-limited");
    assert!(refused.header("retry-after").is_some());
    // One that is cancelled makes no room before its time; one that is through does.
    assert_left(&last.cancel(&last.api).await);
    assert_problem(&open(&world).await, 429, "rate-limited");
    world.pass(Duration::from_secs(60));
    open(&world).await.ok();
    assert_eq!(
        world.count("SELECT count(*) FROM links").await,
        2,
        "what has expired is removed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_do_not_open_too_many_links() {
    let world = World::new().await;
    let fill = "INSERT INTO links (link, token_hash, created_at, expires_at, phase)
                SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(repeat('00', 32), 'hex'), 0, $1, 1
                FROM generate_series(1, 990) n";
    let end = i64::try_from(world.clock.now().ms() + 60_000).expect("not so far");
    let database = world.database().await;
    database.execute(fill, &[&end]).await.expect("990 links");
    let answers = futures_util::future::join_all((0..40).map(|_| open(&world))).await;
    let opened = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(opened.count(), 10);
    assert_eq!(world.count("SELECT count(*) FROM links").await, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_links_nobody() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let stolen = alice.sibling(&world, 0).await;
    let link = Newcomer::begin(&world).await;
    let untouched = Newcomer::begin(&world).await;
    for one in [&link, &untouched] {
        let by = if std::ptr::eq(one, &link) {
            &stolen
        } else {
            &alice
        };
        assert_left(&one.answer(&by.api, b"answer").await);
        assert_left(&one.reveal(&one.api, b"reveal").await);
    }
    assert_left(&link.package(&stolen.api, b"package").await);
    revoke(&mut alice, &stolen).await;
    let state: LinkState = link.wait(&link.api, "sealed").await.ok().json();
    assert_eq!((state.phase, state.package), (LinkPhase::Cancelled, None));
    assert_eq!(untouched.phase(&alice.api).await, LinkPhase::Revealed);
}

async fn revoke(alice: &mut Hand, stolen: &Hand) {
    let client = stolen.identity.client.clone();
    assert_left(&alice.revoke(&client).await);
}
