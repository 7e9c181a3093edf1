//! What operators see: health, readiness, metrics, and what keeps a server from starting.

use std::fs;

use harness::{Setup, World, eventually, program};
use tokio::process::Command;

use crate::held::Held;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_how_it_is() {
    let world = Setup::default().process().start().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    alice.say(&room, "hello").await;
    bob.hears(&room, "hello").await;
    assert_eq!(world.ops("/health").await.text(), "alive\n");
    // The database has two seconds to answer, which are short on a busy machine.
    let ready = eventually("the server is ready", async || {
        let ready = world.ops("/ready").await;
        (ready.status == 200).then_some(ready)
    })
    .await;
    assert_eq!(ready.text(), "ready\n");
    assert_eq!(
        world.counter("grove_accounts_registered_total", "").await,
        2
    );
    assert!(world.counter("grove_accepted_total", "").await >= 2);
    assert!(world.counter("grove_delivered_total", "").await >= 1);
    assert!(
        world
            .counter("grove_http_requests_total", "submitMessage")
            .await
            >= 1
    );
    assert!(
        world
            .counter("grove_db_statements_total", "statement=\"append_entries\"")
            .await
            >= 1
    );
    let metrics = world.ops("/metrics").await.text();
    for private in ["alice", "bob", room.as_str()] {
        assert!(!metrics.contains(private), "{private} is in the metrics");
    }
    // The doors are apart.
    assert_eq!(world.api().get("/metrics").await.status, 404);
    assert_eq!(world.ops("/v1/server").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_server_is_alive_and_not_ready() {
    let world = Setup::default().process().embedded().start().await;
    let held = Held::all(&world.data_dir()).await;
    let (health, ready) = (world.ops("/health").await, world.ops("/ready").await);
    drop(held);
    assert_eq!(health.text(), "alive\n");
    assert_eq!(ready.status, 503);
    world.until_ready().await;
}

/// A client that trusts this certificate and speaks only this version.
pub(crate) fn client(
    pem: &str,
    version: &'static rustls::SupportedProtocolVersion,
) -> reqwest::Client {
    trusting(pem, version).build().expect("a client")
}

/// The same, to be told more.
pub(crate) fn trusting(
    pem: &str,
    version: &'static rustls::SupportedProtocolVersion,
) -> reqwest::ClientBuilder {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(
            rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes())
                .expect("a certificate"),
        )
        .expect("a root");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .no_proxy()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_speaks_tls_1_3_and_nothing_older() {
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let directory = tempfile::tempdir().expect("a directory");
    let (certificate, key) = (
        directory.path().join("certificate.pem"),
        directory.path().join("key.pem"),
    );
    let pem = made.cert.pem();
    fs::write(&certificate, &pem).expect("a file");
    fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let world = Setup::default()
        .set("http.plain_http=false")
        .set(&format!("http.tls_certificate={}", certificate.display()))
        .set(&format!("http.tls_key={}", key.display()))
        .start()
        .await;
    let url = format!(
        "{}/v1/server",
        world.url().replace("127.0.0.1", "localhost")
    );
    assert!(url.starts_with("https://"));
    let answer = client(&pem, &rustls::version::TLS13)
        .get(&url)
        .send()
        .await
        .expect("TLS 1.3");
    assert_eq!(answer.status(), 200);
    assert!(
        client(&pem, &rustls::version::TLS12)
            .get(&url)
            .send()
            .await
            .is_err()
    );
    let stranger =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    assert!(
        client(&stranger.cert.pem(), &rustls::version::TLS13)
            .get(&url)
            .send()
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_do_not_share_a_data_directory() {
    let world = World::new().await;
    let mut command = Command::new(program::groved());
    command.args([
        "--set",
        "server.domain=a.example",
        "--set",
        "http.plain_http=true",
    ]);
    command
        .arg("--set")
        .arg(format!("server.data_dir={}", world.data_dir().display()));
    command.args([
        "--set",
        "http.listen=127.0.0.1:0",
        "--set",
        "ops.listen=127.0.0.1:0",
        "serve",
    ]);
    let ended = program::run(command, "").await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("another groved"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_migrated_once_and_a_newer_one_is_refused() {
    let mut world = Setup::default().process().start().await;
    world.stop().await;
    world.database().await.batch_execute(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'future', '', '0')",
    ).await.expect("a row");
    let mut command = Command::new(program::groved());
    for set in world.settings() {
        command.arg("--set").arg(set);
    }
    command.arg("serve");
    let ended = program::run(command, "").await;
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("version 999"), "{}", ended.stderr);
}
