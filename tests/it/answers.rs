//! What a person at a terminal is told, and what becomes of their messages, when something between
//! them and the server answers in its place.

use harness::intruder::{Intruder, Intrusion};
use harness::{Setup, Terminal, World};
use serde_json::Value;

async fn person(world: &World, intruder: &Intruder, name: &str) -> Terminal {
    let person = Terminal::at(world.home(name), intruder.url());
    person.registers(name).await.ok();
    person
}

/// Every answer of a status without a word of Grove's, a page of a hotel, and a body that is cut.
fn odd_answers(request: &'static str) -> Vec<Intrusion> {
    let statuses = [
        301, 302, 401, 403, 404, 408, 413, 415, 429, 500, 502, 503, 200,
    ];
    let mut odd: Vec<_> = statuses
        .into_iter()
        .map(|status| Intrusion::page(request, status))
        .collect();
    let cut = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
               Content-Length: 1000\r\nConnection: close\r\n\r\nnot all";
    odd.push(Intrusion {
        answer: cut.into(),
        ..Intrusion::page(request, 200)
    });
    odd.push(Intrusion {
        answer: Vec::new(),
        ..Intrusion::page(request, 200)
    });
    odd
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_proxy_fails_no_message_and_sync_says_so() {
    let world = Setup::default().process().start().await;
    let intruder = Intruder::before(world.url()).await;
    let alice = person(&world, &intruder, "alice").await;
    alice.makes_room("Garden", &[]).await;
    intruder.does(Some(Intrusion::page("POST /v1/submitMessage/", 404)));
    let sent = alice.run(&["send", "Garden", "kept", "--json"], "").await;
    assert_eq!(sent.json()["status"], "queued");
    for odd in odd_answers("POST /v1/submitMessage/") {
        let what = format!("{odd:?}");
        intruder.does(Some(odd));
        let synced = alice.run(&["sync", "--json"], "").await;
        assert_eq!(synced.code, 4, "{what}: {}", synced.stderr);
        let caught: Value = serde_json::from_str(&synced.stdout).expect("JSON");
        assert_eq!(caught["queued"], 1, "{what}");
        let history = alice.run(&["history", "Garden", "--json"], "").await.json();
        assert_eq!(history["status"], "queued", "{what}");
    }
    // Nothing answers at all as it should: what waits is named all the same.
    intruder.does(Some(Intrusion::page("", 502)));
    let synced = alice.run(&["sync"], "").await;
    assert_eq!(synced.code, 4);
    assert!(
        synced.stderr.contains("1 message waits"),
        "{}",
        synced.stderr
    );
    intruder.does(None);
    let synced = alice.run(&["sync", "--json"], "").await.json();
    assert_eq!(synced["queued"], 0);
    let kept = "SELECT count(*) FROM room_log WHERE kind = 1";
    assert_eq!(world.count(kept).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_answer_was_lost_is_finished_by_the_same_command() {
    let world = Setup::default().process().start().await;
    let intruder = Intruder::before(world.url()).await;
    for (name, odd) in ["alice", "bob", "carol"].into_iter().zip([
        Intrusion::page("POST /v1/accounts", 404),
        Intrusion::page("POST /v1/accounts", 302),
        Intrusion::page("POST /v1/sessions", 403),
    ]) {
        intruder.does(Some(Intrusion {
            passes_on: true,
            ..odd
        }));
        let terminal = Terminal::at(world.home(name), intruder.url());
        let broken = terminal.registers(name).await;
        assert_eq!(broken.code, 4, "{}", broken.stderr);
        intruder.does(None);
        // With other keys the name would be taken.
        terminal.registers(name).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_goes_on_past_pages_and_without_a_websocket() {
    let world = Setup::default().process().start().await;
    let intruder = Intruder::before(world.url()).await;
    let alice = person(&world, &intruder, "alice").await;
    let (bob, _) = Terminal::register(&world, "bob").await;
    bob.makes_room("Garden", &["alice"]).await;
    alice.run(&["sync"], "").await.ok();
    intruder.does(Some(Intrusion::page("GET /v1/events", 404)));
    let mut listening = alice.start(&["listen"]);
    bob.run(&["send", "Garden", "over a poll"], "").await.ok();
    loop {
        let told = listening.hear().await;
        if told["event"] == "message" {
            assert_eq!(told["message"]["text"], "over a poll");
            break;
        }
    }
    // For a moment nothing gets through.
    intruder.does(Some(Intrusion::page("", 404)));
    bob.run(&["send", "Garden", "meanwhile"], "").await.ok();
    intruder.does(None);
    bob.run(&["send", "Garden", "afterwards"], "").await.ok();
    for expected in ["meanwhile", "afterwards"] {
        let told = listening.hear().await;
        assert_eq!(told["message"]["text"], expected, "{told}");
    }
    let ended = listening.is_interrupted().await;
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("polling instead"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_prove_itself_is_not_called_away() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let made = made.expect("a certificate");
    let directory = tempfile::tempdir().expect("a directory");
    let certificate = directory.path().join("certificate.pem");
    let key = directory.path().join("key.pem");
    std::fs::write(&certificate, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let world = Setup::default()
        .set("http.plain_http=false")
        .set(&format!("http.tls_certificate={}", certificate.display()))
        .set(&format!("http.tls_key={}", key.display()))
        .start()
        .await;
    let url = world.url().replace("127.0.0.1", "localhost");
    let alice = Terminal::at(world.home("alice"), url);
    let refused = alice.registers("alice").await;
    assert_eq!(refused.code, 11, "{}", refused.stderr);
    assert!(!refused.stderr.contains("cannot be reached"));
    let ca = format!("--ca={}", certificate.display());
    let address = "alice@a.example";
    let trusting = ["register", address, "--server", &alice.url, "--json", &ca];
    alice.run(&trusting, "").await.ok();
    // Somebody else answers in the server's place, with a certificate of their own.
    let listening = alice.run(&["listen", "--once"], "").await;
    listening.ok();
}
