//! What a configuration that is read again changes at once, and what it does not.

use super::*;

fn config(more: &[&str]) -> Config {
    Config::load(sets(more)).unwrap()
}

#[test]
fn some_keys_change_at_once_and_the_others_are_named() {
    let old = config(&["limits.key_package_pool=100"]);
    let new = config(&[
        "server.registration=open",
        "http.workers=7",
        "limits.session_lifetime=1h",
        "limits.log_cache=1 MiB",
    ]);
    let Change {
        config,
        taken,
        waiting,
    } = old.adopt(&new, &[]);
    assert_eq!(
        taken,
        [
            "limits.key_package_pool",
            "limits.session_lifetime",
            "server.registration"
        ]
    );
    assert_eq!(waiting, ["http.workers", "limits.log_cache"]);
    assert_eq!(config.server.registration, Registration::Open);
    assert_eq!(config.limits.session_lifetime.as_secs(), 3600);
    assert_eq!(
        (config.limits.key_package_pool, config.http.workers),
        (200, 2)
    );
    assert_eq!(config.limits.log_cache, old.limits.log_cache);

    // What waits is named again until it holds.
    let again = config.adopt(&new, &[]);
    assert_eq!((again.taken.len(), again.waiting.len()), (0, 2));
}

#[test]
fn the_same_value_from_elsewhere_is_no_change() {
    let old = config(&[]);
    let change = old.adopt(
        &config(&["http.workers=2", "server.registration=invite"]),
        &[],
    );
    assert_eq!((change.taken, change.waiting), (Vec::new(), Vec::new()));
}

#[test]
fn what_does_not_fit_together_waits_as_a_whole() {
    let old = config(&[]);
    let tls = [
        "server.domain=a.example",
        "http.tls_certificate=/c.pem",
        "http.tls_key=/k.pem",
        "telemetry.log=debug",
    ];
    let new = Config::load(LoadOptions {
        sets: tls.iter().map(|&set| set.to_owned()).collect(),
        ..LoadOptions::default()
    })
    .unwrap();
    let change = old.adopt(&new, &[]);
    assert_eq!(change.taken, ["telemetry.log"]);
    assert_eq!(
        change.waiting,
        ["http.plain_http", "http.tls_certificate", "http.tls_key"]
    );
    assert_eq!(change.config.http.transport, Transport::Plain);

    // From one certificate to another nothing waits, unless somebody says that it could not be
    // read.
    let mut other = tls.map(str::to_owned).to_vec();
    other.push("http.tls_key=/other.pem".to_owned());
    let other = Config::load(LoadOptions {
        sets: other,
        ..LoadOptions::default()
    })
    .unwrap();
    assert_eq!(new.adopt(&other, &[]).taken, ["http.tls_key"]);
    let kept = new.adopt(&other, &["http.tls_certificate", "http.tls_key"]);
    assert_eq!((kept.taken, kept.waiting), (Vec::new(), Vec::new()));
    assert_eq!(kept.config.http.transport, new.http.transport);
}
