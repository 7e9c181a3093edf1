//! The socket itself: who may use it, and what it makes of nonsense.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use grove_server::admin::{CallError, Reply, Request, call};
use harness::wait::soon;
use harness::{Setup, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// Sends these bytes and reads to the end.
async fn say(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(world.data_dir().join("admin.sock"))
        .await
        .expect("the socket");
    // The server may have heard enough before the end.
    drop(stream.write_all(bytes).await);
    drop(stream.shutdown().await);
    let mut answer = Vec::new();
    drop(soon("an answer", stream.read_to_end(&mut answer)).await);
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_does_not_keep_the_server_from_stopping() {
    let mut world = Setup::default().process().start().await;
    let silent = UnixStream::connect(world.data_dir().join("admin.sock")).await;
    let mut silent = silent.expect("the socket");
    let ended = world.take_process().terminate().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("did not finish"), "{}", ended.stderr);
    let said = silent.read(&mut [0; 16]).await;
    assert!(matches!(said, Ok(0) | Err(_)), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_makes_the_server_neither_older_nor_younger() {
    let world = World::new().await;
    let day = Duration::from_hours(24);
    let uptime = async || match world.ask(Request::Statistics {}).await {
        Reply::Statistics(shown) => shown.uptime_s,
        other => panic!("{other:?}"),
    };
    world.set_clock(world.clock.now().plus(day));
    assert_eq!(uptime().await, 0);
    world.pass(day);
    world.set_clock(world.clock.now().minus(day * 3));
    assert_eq!(uptime().await, day.as_secs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_for_its_owner_only_and_survives_nonsense() {
    let world = World::new().await;
    let meta = fs::metadata(world.data_dir().join("admin.sock")).expect("the socket");
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);

    for nonsense in [
        &b""[..],
        b"\n",
        b"{}\n",
        b"{\"command\":\"rooms-read\"}\n",
        b"{\"command\":\"statistics\",\"more\":1}\n",
        b"\xff\xfe\n",
        &[b'x'; 100_000],
    ] {
        let answer = say(&world, nonsense).await;
        let refused: Option<Reply> = serde_json::from_slice(&answer).ok();
        assert!(
            matches!(refused, None | Some(Reply::Refused { .. })),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let (here, nowhere) = (world.data_dir(), world.home("nowhere"));
    let asked = tokio::task::spawn_blocking(move || {
        let request = Request::Statistics {};
        (call(&here, &request), call(&nowhere, &request))
    });
    let (answered, unheard) = soon("both calls", asked).await.expect("no panic");
    assert!(matches!(answered, Ok(Reply::Statistics(_))), "{answered:?}");
    assert!(
        matches!(unheard, Err(CallError::NotRunning(_))),
        "{unheard:?}"
    );
}
