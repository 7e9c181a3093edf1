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

/// A proof against a server that never was.
fn proof() -> Vec<u8> {
    let (device, server) = (DeviceKey::from_seed([1; 32]), ServerKey::from_seed([2; 32]));
    let creator = UserUri::parse("alice@b.example").expect("a user");
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
    assert_eq!(shown["signed"][1]["head"], "02".repeat(32));
    let piped = stranger
        .run(&["evidence", "verify", "-"], &of(proof()))
        .await
        .ok();
    assert!(
        piped.starts_with("b.example has signed two contents"),
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
