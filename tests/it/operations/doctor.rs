//! `groved doctor`: what is wrong is found, each with what to do; what is right is not complained
//! of.

mod report;

use std::fs;
use std::net::{SocketAddr, TcpListener};

use harness::site::{Site, files};
use harness::{Setup, eventually, program};
use tokio::process::Command;

use self::report::{Report, asked_for, doctor, healthy, mode, only_failure};
use super::certificates::Made;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_server_is_found_healthy_whether_it_runs_or_not() {
    let setup = Setup::default().set("limits.free_space_reserve=1 KiB");
    let mut world = setup.process().embedded().start().await;
    let settings = world.settings();
    let ask = async || Report::of(&doctor(&settings, &["--json"]).await);
    let report = asked_for(ask, |report| {
        report.is_well() && report.find_any("server", "is running").is_some()
    })
    .await;
    assert_eq!(
        (report.code, report.failures().len()),
        (0, 0),
        "{:#}",
        report.all
    );
    assert!(report.is_helpful(), "{:#}", report.all);
    for (check, part) in [
        ("configuration", "right"),
        ("data directory", "belongs to"),
        ("data directory", "nobody else may look"),
        ("disk space", "free, the reserve is 1 KiB"),
        ("clock", "it shows 20"),
        ("database", "private, made by PostgreSQL"),
        ("database", "answers"),
        ("database", "schema version"),
        (
            "database",
            "fsync=on synchronous_commit=on full_page_writes=on",
        ),
        ("database", "its clock agrees"),
        ("certificate", "plain HTTP on loopback"),
        ("server", "is running, the same as this"),
        ("client door", "answers"),
        ("ops door", "answers"),
    ] {
        assert_eq!(report.verdict(check, part), "ok", "{check}: {part}");
    }
    let text = eventually("the doctor says it in words", async || {
        let said = doctor(&settings, &[]).await;
        let is_well = said.code == 0 && said.stdout.contains("ok    client door: ");
        is_well.then_some(said.stdout)
    })
    .await;
    assert_eq!(text.lines().count(), report.checks().len(), "{text}");

    world.stop().await;
    let before = files(&world.data_dir());
    let ask = async || Report::of(&doctor(&settings, &["--json"]).await);
    let report = asked_for(ask, Report::is_well).await;
    assert_eq!(
        (report.code, report.failures().len()),
        (0, 0),
        "{:#}",
        report.all
    );
    for (check, part) in [
        ("database", "not running, as groved is not"),
        ("server", "none is running"),
        ("client door", "is free"),
        ("ops door", "is free"),
    ] {
        assert_eq!(report.verdict(check, part), "ok", "{check}: {part}");
    }
    assert_eq!(files(&world.data_dir()), before, "it changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_machine_and_database_is_found_with_what_to_do() {
    let (mut site, database) = healthy().await;
    mode(&site.data_dir(), 0o777);
    only_failure(&site, "data directory", "others may write", "chmod 700").await;
    mode(&site.data_dir(), 0o755);
    let listed = Report::well(&site).await;
    assert_eq!(
        (listed.code, listed.verdict("data directory", "may list")),
        (0, "warn")
    );
    mode(&site.data_dir(), 0o700);
    let file = site.file();
    site.set("server.data_dir", file.to_str().expect("text"));
    only_failure(&site, "data directory", "no directory", "server.data_dir").await;
    let data_dir = site.data_dir();
    site.set("server.data_dir", data_dir.to_str().expect("text"));

    database
        .alter_system(&[("synchronous_commit", "off")])
        .await;
    only_failure(
        &site,
        "database",
        "synchronous_commit=off",
        "set all three to on",
    )
    .await;
    database.alter_system(&[("synchronous_commit", "on")]).await;

    let client = database.connect().await;
    let future = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'x', '', '0')";
    client.batch_execute(future).await.expect("a row");
    only_failure(&site, "database", "version 999", "the newer groved").await;
    client
        .batch_execute("DELETE FROM refinery_schema_history WHERE version > 1")
        .await
        .expect("no rows");
    let old = Report::well(&site).await;
    assert_eq!(
        (old.code, old.verdict("database", "the next start does it")),
        (0, "warn")
    );
    site.set("database.migrate_on_start", false);
    only_failure(&site, "database", "schema", "groved migrate").await;
    site.unset("database.migrate_on_start");

    let nowhere = site.path("nowhere");
    site.set(
        "database.url",
        format!("host='{}' user=grove dbname=grove", nowhere.display()),
    );
    only_failure(&site, "database", "cannot be asked", "database.url").await;

    // Without a database of somebody else's there is the private one.
    site.unset("database.url");
    assert_eq!(
        Report::on(&site)
            .await
            .verdict("database", "not made before"),
        "ok"
    );
    site.set("limits.free_space_reserve", "1000 TiB");
    only_failure(&site, "disk space", "1000 TiB", "make room").await;
    site.unset("limits.free_space_reserve");
    site.set("database.binaries", nowhere.to_str().expect("text"));
    only_failure(&site, "database", "no PostgreSQL 15", "install the package").await;
    site.unset("database.binaries");

    // At an address of the site's own, where nobody else takes the port once it is free.
    let dump = site.run(&["config", "dump", "--json"]).await.json();
    let own = dump["http.listen"]["value"].as_str().expect("an address");
    let own: SocketAddr = own.parse().expect("an address");
    let held = TcpListener::bind(own).expect("a port");
    let taken = held.local_addr().expect("an address");
    site.set("http.listen", taken.to_string());
    let report = Report::on(&site).await;
    let found = report.find("client door", "is in use, and no groved answers");
    assert_eq!((report.code, found["verdict"].as_str()), (0, Some("warn")));
    drop(held);
    assert_eq!(
        Report::on(&site).await.verdict("client door", "is free"),
        "ok"
    );
    database.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_certificate_is_found_with_what_to_do() {
    let (mut site, database) = healthy().await;
    let domain = "a.example";
    Made::of(domain).install(&mut site);
    let report = Report::well(&site).await;
    // Nobody vouches for it, which may be right: clients may have been told to trust it.
    assert_eq!(
        (
            report.code,
            report.verdict("certificate", "not trusted here")
        ),
        (0, "warn")
    );
    for part in [
        "belong together",
        "kept from others",
        "it is for a.example",
        "it expires in",
    ] {
        assert_eq!(report.verdict("certificate", part), "ok", "{part}");
    }

    Made::until(domain, 2020).install(&mut site);
    only_failure(&site, "certificate", "it has expired", "renew it").await;
    Made::from(domain, 4000).install(&mut site);
    only_failure(&site, "certificate", "not valid yet", "the clock").await;

    let made = Made::of("elsewhere.example");
    made.install(&mut site);
    mode(&site.path("key.pem"), 0o644);
    let report = Report::well(&site).await;
    assert_eq!(
        report.verdict("certificate", "it is not for a.example"),
        "warn"
    );
    assert_eq!(
        report.verdict("certificate", "everybody on this machine may use"),
        "warn"
    );
    assert_eq!(report.code, 0, "{:#}", report.all);

    fs::write(site.path("key.pem"), Made::of(domain).key).expect("a file");
    only_failure(&site, "certificate", "could not be used", "belong together").await;
    fs::write(site.path("certificate.pem"), "nothing").expect("a file");
    only_failure(
        &site,
        "certificate",
        "holds no certificate",
        "http.tls_certificate",
    )
    .await;
    database.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_is_wrong_is_a_finding_and_not_the_end() {
    let mut site = Site::new().await;
    site.set("http.lissten", "127.0.0.1:1");
    let ended = site.run(&["doctor", "--json"]).await;
    let report = Report::of(&ended);
    let found = report.find(
        "configuration",
        "unknown key http.lissten; did you mean http.listen?",
    );
    assert!(
        found["remedy"]
            .as_str()
            .expect("a remedy")
            .contains("groved config explain")
    );
    assert!(
        found["found"]
            .as_str()
            .expect("text")
            .contains("grove.toml:"),
        "{found}"
    );
    assert_eq!(report.code, 1);
    assert!(ended.stderr.contains("1 check failed"), "{}", ended.stderr);
    let text = site.run(&["doctor"]).await;
    assert_eq!(text.code, 1);
    assert!(
        text.stdout.starts_with("FAIL  configuration: "),
        "{}",
        text.stdout
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_of_a_server_is_an_exit_code() {
    let mut site = Site::new().await;
    let groved = site.serve().await;
    site.keep_ports(&groved);
    // The database has two seconds to answer, which are short on a busy machine.
    let said = eventually("it is healthy", async || {
        let ended = site.run(&["health"]).await;
        (ended.code == 0).then_some(ended.stdout)
    })
    .await;
    assert_eq!(said, "ready\n");
    // The address is this site's own: nobody else answers there afterwards.
    let ops = groved.ops_url.trim_start_matches("http://").to_owned();
    groved.terminate().await.ok();
    let ended = site.run(&["health"]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains(&format!("no groved answers on {ops}:")),
        "{}",
        ended.stderr
    );
    site.set("http.plain_http", "perhaps");
    assert_eq!(site.run(&["health"]).await.code, 1, "engines know 0 and 1");

    // Alive and not ready is not healthy: below the reserve nothing may be written.
    let mut world = Setup::default()
        .set("limits.free_space_reserve=1000 TiB")
        .process()
        .embedded()
        .start()
        .await;
    eventually("it says what is wrong", async || {
        let mut command = Command::new(program::groved());
        for set in world.settings() {
            command.arg("--set").arg(set);
        }
        command.arg("health");
        let ended = program::run(command, "").await;
        assert_eq!(ended.code, 1, "{}", ended.stdout);
        // It may be the database that does not answer in time.
        let said = ended.stderr.contains("not ready: free space");
        said.then_some(())
    })
    .await;
    world.stop().await;
}
