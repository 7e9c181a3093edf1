//! `grove evidence` and `grove rooms resume`, as a person and a stranger use them.

use std::fs;

use grove_mls::identity::{
    CREATION_RECORD_VERSION, CreationRecord, DeviceKey, Evidence, Receipt, RecoveryKey, ServerKey,
    SignedCreationRecord, SignedReceipt,
};
use grove_wire::api::Base64Url;
use grove_wire::uri::UserUri;
use harness::{Setup, Terminal};
use serde_json::json;

/// A server's key, as `GET /v1/server` spells it.
fn key_text(seed: u8) -> String {
    let key = ServerKey::from_seed([seed; 32]).public();
    Base64Url::from(key.as_bytes().to_vec()).encode()
}

/// A proof against a server that never was.
fn proof() -> Vec<u8> {
    proof_against("b.example")
}

/// A proof that anybody can make up: that server's name, and a key of one's own.
fn proof_against(domain: &str) -> Vec<u8> {
    let (device, server) = (DeviceKey::from_seed([1; 32]), ServerKey::from_seed([2; 32]));
    let creator = UserUri::parse(&format!("alice@{domain}")).expect("a user");
    let record = CreationRecord {
        version: CREATION_RECORD_VERSION,
        hub: creator.provider(),
        hub_key: server.public(),
        creator,
        root: RecoveryKey::from_seed([3; 32]).public(),
        device_key: device.public(),
        cipher_suite: 1,
        time: 0,
        nonce: [4; 32],
        predecessor: None,
    };
    let record = SignedCreationRecord::sign(&device, record).expect("a record");
    let receipt = |head| Receipt {
        room: record.room_uri(),
        seq: 7,
        epoch: 3,
        head: [head; 32],
        time: 1_700_000_000_000,
    };
    let signed = [1, 2].map(|head| SignedReceipt::sign(&server, receipt(head)));
    let evidence = Evidence::new(record, signed);
    evidence.expect("a proof").to_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_is_checked_by_a_stranger_without_an_account() {
    let world = Setup::default().process().start().await;
    let stranger = Terminal::new(&world, "stranger");
    fs::create_dir_all(&stranger.home).expect("a home");
    let file = stranger.home.join("proof.json");
    let path = file.to_str().expect("a path");
    let check = async |contents: &str| {
        fs::write(&file, contents).expect("a file");
        stranger
            .run(&["evidence", "verify", path, "--json"], "")
            .await
    };
    let of = |bytes: Vec<u8>| json!({ "evidence": Base64Url::from(bytes) }).to_string();
    let shown = check(&of(proof())).await.json();
    assert_eq!(shown["hub"], "mimi://b.example");
    assert_eq!(shown["seq"], 7);
    assert_eq!(shown["key"], key_text(2));
    assert_eq!(shown["key_is"], "not_compared");
    assert_eq!(shown["signed"][1]["head"], "02".repeat(32));
    let piped = stranger
        .run(&["evidence", "verify", "-"], &of(proof()))
        .await
        .ok();
    assert!(
        piped.starts_with(&format!(
            "the holder of the key {} has signed two contents",
            key_text(2)
        )) && piped.contains("calls that server b.example.")
            && piped.contains("was not compared"),
        "{piped}"
    );

    let mut altered = proof();
    altered[100] ^= 1;
    for contents in [of(altered), of(Vec::new()), "{}".to_owned(), "x".to_owned()] {
        let refused = check(&contents).await;
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(
            refused.stderr.contains("proves nothing"),
            "{}",
            refused.stderr
        );
    }
    let nowhere = stranger.run(&["evidence", "verify", "nowhere"], "").await;
    assert_eq!(nowhere.code, 8, "{}", nowhere.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_honest_server_there_is_nothing_to_show_or_to_resume() {
    let world = Setup::default().process().start().await;
    let (alice, _words) = Terminal::register(&world, "alice").await;
    alice.run(&["rooms", "create", "Garden"], "").await.ok();
    alice.run(&["send", "Garden", "hello"], "").await.ok();
    let listed = alice.run(&["evidence", "list", "--json"], "").await;
    assert_eq!(listed.json_lines().len(), 0);
    let none = alice.run(&["evidence", "export", "1"], "").await;
    assert_eq!(none.code, 8, "{}", none.stderr);
    let resumed = alice.run(&["rooms", "resume", "Garden"], "").await;
    assert_eq!(resumed.code, 5, "{}", resumed.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_made_up_proof_is_none_against_the_server_it_names() {
    let world = Setup::default().process().start().await;
    let (alice, _words) = Terminal::register(&world, "alice").await;
    let stranger = Terminal::new(&world, "stranger");
    fs::create_dir_all(&stranger.home).expect("a home");
    let made_up = json!({ "evidence": Base64Url::from(proof_against("a.example")) }).to_string();
    let verify = ["evidence", "verify", "-", "--json"];
    // Nobody who has no key can tell.
    let shown = stranger.run(&verify, &made_up).await.json();
    assert_eq!(shown["key_is"], "not_compared");
    // With the server's key it is seen.
    let server = world.api().server().await.server_key.encode();
    let refused = stranger
        .run(
            &[&verify[..], &["--key", server.as_str()]].concat(),
            &made_up,
        )
        .await;
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let said = "this is not the key of a.example: nothing is proven against it";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    // And by somebody with an account there, without it.
    let refused = alice.run(&verify, &made_up).await;
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("this is NOT the key of a.example, your own server"),
        "{}",
        refused.stderr
    );
    // The control: against its own key.
    let own = key_text(2);
    let shown = alice
        .run(&[&verify[..], &["--key", own.as_str()]].concat(), &made_up)
        .await;
    assert_eq!(shown.json()["key_is"], "given");
    let no_key = alice
        .run(&["evidence", "verify", "-", "--key", "x"], "")
        .await;
    assert_eq!(no_key.code, 2, "{}", no_key.stderr);
}
