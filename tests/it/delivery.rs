//! How messages reach devices: WebSockets that resume, acknowledgements, long-polls, and readers
//! that are slow.

use grove_wire::api::events::ClientFrame;
use grove_wire::api::rooms::RoomList;
use grove_wire::codec;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::RoomUri;
use harness::cutter::Wire;
use harness::entries::{entries_of, private_message, text_of};
use harness::socket::Socket;
use harness::wait::soon;
use harness::{Hand, Setup, World};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// A room with a speaker and a listener.
async fn pair(world: &World) -> (Hand, Hand, RoomUri) {
    let [mut speaker, mut listener] = world.hands(["speaker", "listener"]).await;
    let room = speaker.make_room().await;
    speaker.add(&room, &listener.user).await;
    listener.join().await;
    (speaker, listener, room)
}

async fn say(speaker: &mut Hand, room: &RoomUri, text: &str) -> u64 {
    let message = speaker.seal(room, text);
    speaker.submit(room, &message).await.seq()
}

async fn position(hand: &Hand, room: &RoomUri) -> u64 {
    let list: RoomList = hand.api.get("/v1/rooms").await.ok().json();
    list.rooms
        .iter()
        .find(|summary| summary.room == *room)
        .expect("the room")
        .position
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_hears_what_is_said() {
    let world = World::new().await;
    let (mut speaker, listener, room) = pair(&world).await;
    let mut socket = Socket::open(world.url(), listener.api.token.as_deref())
        .await
        .expect("a socket");
    for number in 0..3 {
        let seq = say(&mut speaker, &room, &format!("message {number}")).await;
        let (heard, entry) = socket.entries(&room, 1).await.remove(0);
        assert_eq!(heard, seq);
        let text = text_of(&listener.receive(&room, &entry.message));
        assert_eq!(text, Some(format!("message {number}")));
    }
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_resumes_where_the_device_has_acknowledged() {
    let mut world = World::new().await;
    let (mut speaker, listener, room) = pair(&world).await;
    let token = listener.api.token.clone();
    let mut seqs = Vec::new();
    for number in 0..4 {
        seqs.push(say(&mut speaker, &room, &format!("message {number}")).await);
    }
    let mut socket = Socket::open(world.url(), token.as_deref())
        .await
        .expect("a socket");
    let heard: Vec<u64> = socket
        .entries(&room, 4)
        .await
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    assert_eq!(heard, seqs);
    // Cumulative: the second covers the first; what came after it does not count as stored.
    socket.ack(vec![(room.clone(), seqs[1])], None).await;
    socket.close().await;
    let mut socket = Socket::open(world.url(), token.as_deref())
        .await
        .expect("a socket");
    let heard: Vec<u64> = socket
        .entries(&room, 2)
        .await
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    assert_eq!(heard, seqs[2..]);
    // An older acknowledgement moves nothing back, one beyond the end nothing too far.
    socket.ack(vec![(room.clone(), seqs[0])], None).await;
    socket.ack(vec![(room.clone(), seqs[3] + 100)], None).await;
    socket.close().await;
    // It survives a restart of the server.
    world.restart().await;
    assert!(position(&listener, &room).await <= seqs[3]);
    let next = say(&mut speaker, &room, "after the restart").await;
    let mut socket = Socket::open(world.url(), token.as_deref())
        .await
        .expect("a socket");
    let heard = socket.entries(&room, 1).await;
    assert!(
        heard.iter().any(|(seq, _)| *seq == next)
            || socket
                .entries(&room, 1)
                .await
                .iter()
                .any(|(seq, _)| *seq == next)
    );
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_gives_the_same_bytes() {
    let world = World::new().await;
    let (mut speaker, listener, room) = pair(&world).await;
    for number in 0..3 {
        say(&mut speaker, &room, &format!("message {number}")).await;
    }
    let polled = listener.api.get("/v1/poll?wait_s=0").await.ok().body;
    let again = listener.api.get("/v1/poll?wait_s=0").await.ok().body;
    assert_eq!(polled, again, "nothing was acknowledged");
    let mut socket = Socket::open(world.url(), listener.api.token.as_deref())
        .await
        .expect("a socket");
    let mut pushed = Vec::new();
    while pushed.len() < polled.len() {
        pushed.extend(socket.next().await.expect("a frame"));
    }
    assert_eq!(pushed, polled);
    socket.close().await;

    let last = entries_of(&polled, &room).last().expect("entries").0;
    let ack = ClientFrame::Ack {
        positions: vec![(room.clone(), last)],
        inbox: None,
    };
    listener
        .api
        .post("/v1/acks", codec::encode(&ack).expect("a frame"))
        .await
        .ok();
    let rest = listener.api.get("/v1/poll?wait_s=0").await.ok().body;
    assert!(
        entries_of(&rest, &room).is_empty(),
        "acknowledged over HTTP as well"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_waits_for_what_comes() {
    let world = World::new().await;
    let (mut speaker, listener, room) = pair(&world).await;
    acknowledge_all(&listener, &room).await;
    let waiting = listener.api.get("/v1/poll?wait_s=30");
    let speaking = say(&mut speaker, &room, "now");
    let (answer, seq) = soon("the poll answers", async {
        tokio::join!(waiting, speaking)
    })
    .await;
    let heard: Vec<u64> = entries_of(&answer.ok().body, &room)
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    assert_eq!(heard, [seq]);
}

async fn acknowledge_all(listener: &Hand, room: &RoomUri) {
    let frames = listener.api.get("/v1/poll?wait_s=0").await.ok().body;
    let positions = entries_of(&frames, room)
        .last()
        .map(|(seq, _)| (room.clone(), *seq));
    let ack = ClientFrame::Ack {
        positions: positions.into_iter().collect(),
        inbox: Some(u64::MAX >> 1),
    };
    listener
        .api
        .post("/v1/acks", codec::encode(&ack).expect("a frame"))
        .await
        .ok();
    let rest = listener.api.get("/v1/poll?wait_s=0").await.ok().body;
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_socket_of_a_device_takes_over() {
    let world = World::new().await;
    let (mut speaker, listener, room) = pair(&world).await;
    let token = listener.api.token.clone();
    let mut first = Socket::open(world.url(), token.as_deref())
        .await
        .expect("a socket");
    let mut second = Socket::open(world.url(), token.as_deref())
        .await
        .expect("a socket");
    let reason = loop {
        if let Err(reason) = first.next().await {
            break reason;
        }
    };
    assert_eq!(reason.expect("a reason").code, CloseCode::Library(4000));
    let seq = say(&mut speaker, &room, "to the second").await;
    while !second
        .entries(&room, 1)
        .await
        .iter()
        .any(|(heard, _)| *heard == seq)
    {}
    second.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_socket_must_not_say_closes_it() {
    let world = World::new().await;
    let listener = world.hand("listener").await;
    let token = listener.api.token.clone();
    for (message, code) in [
        (Message::Text("hello".into()), CloseCode::Unsupported),
        (Message::Binary(vec![0xff; 9].into()), CloseCode::Invalid),
    ] {
        let mut socket = Socket::open(world.url(), token.as_deref())
            .await
            .expect("a socket");
        socket.send(message).await;
        let reason = socket
            .next()
            .await
            .expect_err("it closes")
            .expect("a reason");
        assert_eq!(reason.code, code);
    }
    for bad in [None, Some("no such token")] {
        assert_eq!(Socket::open(world.url(), bad).await.err(), Some(401));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_ended_ends_its_socket() {
    let world = World::new().await;
    let listener = world.hand("listener").await;
    let mut socket = Socket::open(world.url(), listener.api.token.as_deref())
        .await
        .expect("a socket");
    listener
        .api
        .call(
            grove_core::Method::Delete,
            "/v1/sessions/current",
            grove_core::Body::None,
        )
        .await
        .ok();
    assert_eq!(listener.api.get("/v1/whoami").await.status, 401);
    // The socket looks at its session again with the next ping.
    world.pass(std::time::Duration::from_secs(21));
    let reason = socket
        .next()
        .await
        .expect_err("it closes")
        .expect("a reason");
    assert_eq!(reason.code, CloseCode::Library(4001));
}

/// A message of about 60 kB, which costs nothing to make: the hub never opens it.
fn large(room: &RoomUri, epoch: u64, number: u32) -> MlsMessage {
    let mut bytes = private_message(room, epoch, 1, 60_000);
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&number.to_be_bytes());
    MlsMessage::from_bytes(bytes).expect("a PrivateMessage")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_everything_and_costs_nobody_anything() {
    const COUNT: u32 = 700;
    let world = Setup::default()
        .process()
        .set("limits.log_cache=1 MiB")
        .start()
        .await;
    let [mut speaker, mut slow, mut quick] = world.hands(["speaker", "slow", "quick"]).await;
    let room = speaker.make_room().await;
    for listener in [&slow.user, &quick.user] {
        let listener = listener.clone();
        speaker.add(&room, &listener).await;
    }
    slow.join().await;
    quick.join().await;
    let wire = Wire::to(world.url()).await;
    let mut slow_socket = Socket::open(&wire.url(), slow.api.token.as_deref())
        .await
        .expect("a socket");
    let mut quick_socket = Socket::open(world.url(), quick.api.token.as_deref())
        .await
        .expect("a socket");
    wire.hold();
    let epoch = speaker.group(&room).epoch();
    let before = world.process().resident_bytes();
    let mut last = 0;
    for number in 0..COUNT {
        last = speaker
            .submit(&room, &large(&room, epoch, number))
            .await
            .seq();
        // The quick one hears each at once, whatever the slow one does.
        while !quick_socket
            .entries(&room, 1)
            .await
            .iter()
            .any(|(heard, _)| *heard == last)
        {}
        // Pings are held with all else, and whoever does not answer them is hung up on after 40 s;
        // what it says by itself gets through.
        slow_socket.send(Message::Pong(Vec::new().into())).await;
    }
    let grown = world.process().resident_bytes().saturating_sub(before);
    assert!(
        grown < 24 << 20,
        "42 MB wait for one slow reader, and the server grew by {grown} bytes"
    );
    wire.release();
    let mut heard = Vec::new();
    while heard.last() != Some(&last) {
        heard.extend(
            slow_socket
                .entries(&room, 1)
                .await
                .into_iter()
                .map(|(seq, _)| seq),
        );
    }
    assert!(
        heard.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "in order, without a gap"
    );
    assert!(heard.len() >= COUNT as usize);
    slow_socket.close().await;
    quick_socket.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_is_cut_loses_nothing() {
    let world = World::new().await;
    let (mut speaker, listener, room) = pair(&world).await;
    let wire = Wire::to(world.url()).await;
    let token = listener.api.token.clone();
    let mut socket = Socket::open(&wire.url(), token.as_deref())
        .await
        .expect("a socket");
    let first = say(&mut speaker, &room, "first").await;
    while !socket
        .entries(&room, 1)
        .await
        .iter()
        .any(|(heard, _)| *heard == first)
    {}
    wire.cut();
    assert!(socket.next().await.is_err());
    let second = say(&mut speaker, &room, "second").await;
    wire.release();
    let mut socket = Socket::open(&wire.url(), token.as_deref())
        .await
        .expect("a socket");
    let mut heard = Vec::new();
    while heard.last() != Some(&second) {
        heard.extend(
            socket
                .entries(&room, 1)
                .await
                .into_iter()
                .map(|(seq, _)| seq),
        );
    }
    assert!(heard.contains(&first), "it was not acknowledged");
    socket.close().await;
}
