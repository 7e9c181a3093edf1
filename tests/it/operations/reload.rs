//! SIGHUP: a configuration that is right holds as far as it can, one that is wrong changes nothing.

use std::fs;

use grove_wire::api::server::Registration;
use harness::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_holds_as_far_as_it_can_and_the_rest_is_named() {
    let mut site = Site::new().await;
    let mut groved = site.serve().await;
    assert_eq!(groved.api().server().await.registration, Registration::Open);
    site.set("server.registration", "closed");
    site.set("limits.session_lifetime", "1h");
    site.set("http.workers", 3);
    assert_eq!(
        groved.api().server().await.registration,
        Registration::Open,
        "nobody asked yet"
    );
    groved.hang_up();
    let said = groved.says("the configuration was read again").await;
    assert!(
        said.contains("changed=limits.session_lifetime, server.registration"),
        "{said}"
    );
    assert!(said.contains("needs_restart=http.workers"), "{said}");
    assert!(said.contains("WARN"), "{said}");
    assert_eq!(
        groved.api().server().await.registration,
        Registration::Closed
    );

    // What waits is named until it holds.
    groved.hang_up();
    let said = groved.says("the configuration was read again").await;
    assert!(
        said.contains("changed=nothing needs_restart=http.workers"),
        "{said}"
    );
    site.unset("http.workers");
    groved.hang_up();
    let said = groved.says("the configuration was read again").await;
    assert!(
        said.contains("changed=nothing") && said.contains("INFO"),
        "{said}"
    );
    groved.terminate().await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_wrong_is_refused_and_the_old_configuration_goes_on() {
    let mut site = Site::new().await;
    let mut groved = site.serve().await;
    site.set("server.registration", "closed");
    let good = fs::read_to_string(site.file()).expect("the file");
    for (bad, named) in [
        (
            good.replace("registration =", "registraton ="),
            "did you mean server.registration?",
        ),
        (
            good.replace("plain_http = true", "plain_http = 7"),
            "http.plain_http",
        ),
        (
            format!("{good}[limits]\nsession_lifetime = \"soon\"\n"),
            "limits.session_lifetime",
        ),
        (format!("{good}[[["), "grove.toml:"),
        (
            good.replace("host=", "postgresql://grove:hunter2@[/"),
            "database.url",
        ),
    ] {
        assert_ne!(bad, good, "{named}");
        fs::write(site.file(), bad).expect("a file");
        groved.hang_up();
        let said = groved.says("the configuration was refused").await;
        assert!(said.contains("the old one stays in force"), "{said}");
        assert!(said.contains(named), "{said} does not name {named:?}");
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(
            groved.api().server().await.registration,
            Registration::Open,
            "{named}"
        );
    }
    fs::remove_file(site.file()).expect("the file");
    groved.hang_up();
    let said = groved.says("the configuration was refused").await;
    assert!(said.contains("could not be read"), "{said}");
    assert_eq!(groved.api().server().await.registration, Registration::Open);

    // The control: put right, it holds.
    site.write();
    groved.hang_up();
    let said = groved.says("the configuration was read again").await;
    assert!(said.contains("changed=server.registration"), "{said}");
    assert_eq!(
        groved.api().server().await.registration,
        Registration::Closed
    );
    let ended = groved.terminate().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_logged_is_changed_under_way() {
    let mut site = Site::new().await;
    let mut groved = site.serve().await;
    groved.api().get("/v1/server").await.ok();
    site.set("telemetry.log", "debug");
    groved.hang_up();
    groved.says("changed=telemetry.log").await;
    groved.api().get("/v1/server").await.ok();
    let line = groved.says("answered").await;
    assert!(line.contains("/v1/server"), "{line}");
    site.set("telemetry.log", "info");
    groved.hang_up();
    groved.says("changed=telemetry.log").await;
    groved.api().get("/v1/whoami").await;
    let ended = groved.terminate().await;
    // Of the three requests the one in between was told of.
    assert_eq!(
        ended.stderr.matches("answered").count(),
        1,
        "{}",
        ended.stderr
    );
}
