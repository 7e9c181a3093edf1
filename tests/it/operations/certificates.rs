//! Certificates are renewed while the server runs, and nobody's connection is dropped for it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use harness::Setup;
use harness::site::Site;
use harness::wait::eventually;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::version::TLS13;

use crate::doors::client;

/// A certificate that vouches for itself, and its key, both as PEM.
pub(crate) struct Made {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Made {
    /// For this name, and longer than anybody looks.
    pub(crate) fn of(name: &str) -> Self {
        Self::with(CertificateParams::new([name.to_owned()]).expect("a name"))
    }

    /// Good until the first day of this year.
    pub(super) fn until(name: &str, year: i32) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = date_time_ymd(year, 1, 1);
        Self::with(params)
    }

    /// Good from the first day of this year on.
    pub(super) fn from(name: &str, year: i32) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(year, 1, 1);
        Self::with(params)
    }

    fn with(params: CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// Puts both where the configuration of the site then says they are.
    pub(super) fn install(&self, site: &mut Site) {
        self.write(site);
        site.unset("http.plain_http");
        for (key, name) in [
            ("http.tls_certificate", "certificate.pem"),
            ("http.tls_key", "key.pem"),
        ] {
            let path = site.path(name);
            site.set(key, path.to_str().expect("text"));
        }
    }

    /// Overwrites the files only.
    fn write(&self, site: &Site) {
        let key = site.path("key.pem");
        fs::write(site.path("certificate.pem"), &self.certificate).expect("a file");
        fs::write(&key, &self.key).expect("a file");
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
}

/// Whether a client gets an answer.
async fn answers(client: &reqwest::Client, url: &str) -> bool {
    match client.get(url).send().await {
        Ok(answer) => {
            assert_eq!(answer.status(), 200);
            // Read to its end, so that the connection can be used again.
            answer.bytes().await.is_ok()
        }
        Err(_refused) => false,
    }
}

fn named(url: &str) -> String {
    assert!(url.starts_with("https://"), "{url}");
    format!("{}/v1/server", url.replace("127.0.0.1", "localhost"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_taken_on_sighup_and_connections_stay() {
    let mut site = Site::new().await;
    let (old, new) = (Made::of("localhost"), Made::of("localhost"));
    old.install(&mut site);
    let mut groved = site.serve().await;
    let url = named(&groved.url);
    let connected = client(&old.certificate, &TLS13);
    assert!(answers(&connected, &url).await);
    assert!(
        !answers(&client(&new.certificate, &TLS13), &url).await,
        "not yet"
    );

    new.write(&site);
    groved.hang_up();
    groved.says("the certificate was read again").await;
    groved.says("the configuration was read again").await;
    // Who trusts the old one only, and is connected, goes on; who connects now meets the new one.
    assert!(
        answers(&connected, &url).await,
        "the connection was dropped"
    );
    assert!(!answers(&client(&old.certificate, &TLS13), &url).await);
    assert!(answers(&client(&new.certificate, &TLS13), &url).await);

    // What cannot be used is not taken: not even half of it.
    for (certificate, key) in [
        (old.certificate.as_str(), new.key.as_str()),
        ("no certificate", old.key.as_str()),
        (old.certificate.as_str(), ""),
    ] {
        fs::write(site.path("certificate.pem"), certificate).expect("a file");
        fs::write(site.path("key.pem"), key).expect("a file");
        groved.hang_up();
        let said = groved.says("the certificate could not be read again").await;
        assert!(said.contains("stays in use"), "{said}");
        groved.says("the configuration was read again").await;
        assert!(answers(&client(&new.certificate, &TLS13), &url).await);
        assert!(!answers(&client(&old.certificate, &TLS13), &url).await);
        // Asked in each round, as an idle connection is dropped after 75 s.
        assert!(
            answers(&connected, &url).await,
            "the connection was dropped"
        );
    }

    // Another place for the files is taken too, unless there is nothing of use.
    let third = Made::of("localhost");
    fs::write(site.path("third.pem"), &third.certificate).expect("a file");
    fs::write(site.path("third-key.pem"), &third.key).expect("a file");
    for (key, name) in [
        ("http.tls_certificate", "third.pem"),
        ("http.tls_key", "third-key.pem"),
    ] {
        let path = site.path(name);
        site.set(key, path.to_str().expect("text"));
    }
    groved.hang_up();
    groved.says("the certificate was read again").await;
    let said = groved.says("the configuration was read again").await;
    assert!(
        said.contains("http.tls_certificate, http.tls_key"),
        "{said}"
    );
    assert!(answers(&client(&third.certificate, &TLS13), &url).await);
    assert!(
        answers(&connected, &url).await,
        "the connection was dropped"
    );
    groved.terminate().await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_found_by_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| directory.path().join(name));
    let write = |made: &Made| {
        fs::write(&certificate, &made.certificate).expect("a file");
        fs::write(&key, &made.key).expect("a file");
    };
    let (old, new) = (Made::of("localhost"), Made::of("localhost"));
    write(&old);
    let world = Setup::default()
        .set("http.plain_http=false")
        .set(&format!("http.tls_certificate={}", certificate.display()))
        .set(&format!("http.tls_key={}", key.display()))
        .start()
        .await;
    let url = named(world.url());
    write(&new);
    assert!(
        answers(&client(&old.certificate, &TLS13), &url).await,
        "nobody has looked yet"
    );
    assert!(!answers(&client(&new.certificate, &TLS13), &url).await);
    world.pass(Duration::from_secs(61));
    eventually("the new certificate is in use", async || {
        answers(&client(&new.certificate, &TLS13), &url)
            .await
            .then_some(())
    })
    .await;
    assert!(!answers(&client(&old.certificate, &TLS13), &url).await);
}
