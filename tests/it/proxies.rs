//! `groved` behind a reverse proxy, with the configurations that the manual shows: two people at
//! terminals register, meet in a room, and talk.
//!
//! Where a proxy is not installed its tests say so and are left out.

mod running;

use std::net::{IpAddr, Ipv4Addr};

use grove_wire::limits::MAX_ROOM_BODY_BYTES;
use grove_wire::uri::RoomUri;
use harness::terminal::Conversation;
use harness::wait::eventually;
use harness::{Setup, Terminal, World};
use reqwest::StatusCode;

use self::running::{Kind, Proxy};

/// What the manual says about `groved` behind a proxy.
const TRUSTED: &str = r#"http.trusted_proxies=["127.0.0.1"]"#;

/// The next message that somebody who listens hears.
async fn hears(listening: &mut Conversation) -> String {
    loop {
        let event = listening.hear().await;
        if let Some(text) = event["message"]["text"].as_str() {
            return text.to_owned();
        }
    }
}

/// Somebody who registers through the proxy.
async fn register(world: &World, proxy: &Proxy, name: &str) -> Terminal {
    let terminal = Terminal::at(world.home(name), proxy.url.clone());
    let (address, roots) = (format!("{name}@a.example"), proxy.roots());
    let arguments = [
        "register", &address, "--server", &proxy.url, "--ca", &roots, "--json",
    ];
    terminal.run(&arguments, "").await.ok();
    terminal
}

/// Starts to listen, and waits until the server has so many WebSockets.
async fn listen(world: &World, who: &Terminal, connected: u64) -> Conversation {
    let listening = who.start(&["listen"]);
    eventually("a WebSocket is open", async || {
        (world.counter("grove_connected_devices", "").await == connected).then_some(())
    })
    .await;
    listening
}

/// Two people do through the proxy what people do.
async fn two_talk(world: &World, proxy: &Proxy) {
    let alice = register(world, proxy, "alice").await;
    let bob = register(world, proxy, "bob").await;
    alice.makes_room("Garden", &["bob"]).await;
    bob.run(&["sync"], "").await.ok();
    let mut bob_listens = listen(world, &bob, 1).await;
    let mut alice_listens = listen(world, &alice, 2).await;
    alice
        .run(&["send", "Garden", "the tomatoes are ripe"], "")
        .await
        .ok();
    // What one's own device has said is heard too.
    for listening in [&mut alice_listens, &mut bob_listens] {
        assert_eq!(hears(listening).await, "the tomatoes are ripe");
    }
    bob.run(&["send", "Garden", "and the beans"], "").await.ok();
    for listening in [&mut alice_listens, &mut bob_listens] {
        assert_eq!(hears(listening).await, "and the beans");
    }
    for listening in [alice_listens, bob_listens] {
        assert_eq!(listening.is_interrupted().await.code, 0);
    }
    let members = bob.run(&["rooms", "members", "Garden", "--json"], "");
    assert_eq!(members.await.json_lines().len(), 2);
}

/// The greatest body is taken, and one that is too large is refused by `groved` and in its words.
async fn bodies_pass(world: &World, proxy: &Proxy) {
    let direct = world.hand("carol").await;
    let token = direct.api.token.expect("a session");
    for (bytes, said) in [
        (MAX_ROOM_BODY_BYTES, "malformed"),
        (MAX_ROOM_BODY_BYTES + 1, "too-large"),
    ] {
        let asking = proxy
            .client(None)
            .post(format!("{}/v1/rooms", proxy.url))
            .bearer_auth(&token)
            .header("content-type", "application/octet-stream")
            .body(vec![0; bytes]);
        let answer = asking.send().await.expect("an answer");
        let text = answer.text().await.expect("a text");
        assert!(
            text.contains(&format!("urn:grove:problem:{said}")),
            "{text}"
        );
    }
}

/// Two statuses: what a room's log says to strangers when it is asked for by the segment of today,
/// and by the whole URI, percent-encoded. 401 where the path leads to the log, 404 where to
/// nothing.
async fn asked_in_two_forms(proxy: &Proxy) -> (StatusCode, StatusCode) {
    let room = "mimi://a.example/r/aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq";
    let segment = RoomUri::parse(room).expect("a room").path_segment();
    let encoded = room.replace(':', "%3A").replace('/', "%2F");
    let ask = async |room: &str| {
        let path = format!("{}/v1/rooms/{room}/log", proxy.url);
        let answer = proxy.client(None).get(path).send().await;
        answer.expect("an answer").status()
    };
    (ask(&segment).await, ask(&encoded).await)
}

/// People have the limits of their own addresses, and cannot say that they have another.
async fn addresses_pass(kind: Kind) {
    let setup = Setup::default()
        .set(TRUSTED)
        .set("rate_limits.address_sign_in=1/hour burst 1");
    let world = setup.start().await;
    let Some(proxy) = Proxy::start(&world, kind).await else {
        return;
    };
    let challenge = async |host: u8, claimed: &str| {
        let from = IpAddr::from(Ipv4Addr::new(127, 0, 0, host));
        let asking = proxy
            .client(Some(from))
            .post(format!("{}/v1/challenges", proxy.url))
            .header("x-forwarded-for", claimed);
        asking.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(challenge(11, "192.0.2.1").await, 200);
    assert_eq!(challenge(11, "192.0.2.2").await, 429);
    assert_eq!(challenge(12, "192.0.2.1").await, 200);
}

async fn everything_passes(kind: Kind) {
    let world = Setup::default().process().set(TRUSTED).start().await;
    let Some(proxy) = Proxy::start(&world, kind).await else {
        return;
    };
    two_talk(&world, &proxy).await;
    bodies_pass(&world, &proxy).await;
    // Whether an encoded slash comes out as a slash: this is what paths have to survive.
    let found = match kind {
        Kind::NginxThatDecodes => StatusCode::NOT_FOUND,
        Kind::Nginx | Kind::Caddy => StatusCode::UNAUTHORIZED,
    };
    let asked = asked_in_two_forms(&proxy).await;
    assert_eq!(asked, (StatusCode::UNAUTHORIZED, found));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_through_nginx() {
    everything_passes(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_through_an_nginx_that_decodes_paths() {
    everything_passes(Kind::NginxThatDecodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_through_caddy() {
    everything_passes(Kind::Caddy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_behind_nginx_have_addresses_of_their_own() {
    addresses_pass(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_behind_caddy_have_addresses_of_their_own() {
    addresses_pass(Kind::Caddy).await;
}
