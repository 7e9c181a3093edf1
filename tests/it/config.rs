//! `groved config`: what is wrong is told with its place and the nearest right name, what is in
//! force with where it came from, and every key is explained.

use harness::program;
use harness::site::Site;
use serde_json::Value;

/// `groved config check` with this file, these `--set` and this environment, and nothing else.
async fn check(file: Option<&str>, sets: &[&str], env: &[(&str, &str)]) -> program::Ended {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = tokio::process::Command::new(program::groved());
    command.env_clear();
    if let Some(text) = file {
        let path = directory.path().join("grove.toml");
        std::fs::write(&path, text).expect("a file");
        command.arg("--config").arg(path);
    }
    for set in sets {
        command.args(["--set", set]);
    }
    command.args(["config", "check"]).envs(env.iter().copied());
    program::run(command, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_is_refused_with_place_key_and_remedy() {
    let plain = ["server.domain=a.example", "http.plain_http=true"];
    for (file, sets, env, expected) in [
        (
            Some("[server]\ndomian = \"a.example\"\n"),
            &["http.plain_http=true"][..],
            &[][..],
            [
                "grove.toml:2:1: ",
                "server.domian",
                "did you mean server.domain?",
            ],
        ),
        (
            Some("[limits]\npool_size = 3\n"),
            &plain,
            &[],
            [
                "grove.toml:2:1: ",
                "limits.pool_size",
                "did you mean database.pool_size?",
            ],
        ),
        (
            Some("[http]\nworkers = \"many\"\n"),
            &plain,
            &[],
            ["grove.toml:2:11: ", "http.workers", "expected usize"],
        ),
        (
            Some("[server\n"),
            &plain,
            &[],
            ["grove.toml:1:", "groved: ", ""],
        ),
        (
            None,
            &[
                "server.domain=a.example",
                "http.plain_http=true",
                "http.lissten=1",
            ],
            &[],
            ["--set", "http.lissten", "http.listen"],
        ),
        (
            None,
            &plain,
            &[("GROVE_HTTP_LISTEN", "127.0.0.1:1")],
            ["environment", "GROVE_HTTP_LISTEN", "GROVE_HTTP__LISTEN"],
        ),
        (
            None,
            &["http.plain_http=true"],
            &[],
            ["server.domain", "not set", ""],
        ),
        (
            None,
            &["server.domain=a.example"],
            &[],
            ["http.tls_certificate", "http.plain_http", "loopback"],
        ),
        (
            None,
            &[
                "server.domain=a.example",
                "http.plain_http=true",
                "http.listen=0.0.0.0:1",
            ],
            &[],
            ["http.plain_http", "loopback", ""],
        ),
    ] {
        let ended = check(file, sets, env).await;
        assert_eq!(ended.code, 3, "{sets:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
        for part in expected {
            assert!(
                ended.stderr.contains(part),
                "{:?} does not name {part:?}",
                ended.stderr
            );
        }
    }
    // The control.
    assert_eq!(
        check(None, &plain, &[]).await.ok(),
        "ok (there is no configuration file)\n"
    );
    let good = "[server]\ndomain = \"a.example\"\n[http]\nplain_http = true\n";
    let shown = check(Some(good), &[], &[]).await.ok();
    assert!(shown.ends_with("grove.toml: ok\n"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_is_wrong_is_told_at_once_a_line_each() {
    let mut site = Site::new().await;
    site.set("http.workers", 0);
    site.set("limits.session_lifetime", "soon");
    site.set("telemetry.lgo", "info");
    site.set("database.url", "postgresql://grove:hunter2@[/");
    let ended = site.run(&["config", "check"]).await;
    assert_eq!(ended.code, 3);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    for key in [
        "database.url",
        "http.workers",
        "limits.session_lifetime",
        "telemetry.lgo",
    ] {
        let told = lines.iter().find(|line| line.contains(key)).expect(key);
        assert!(
            told.starts_with("groved: ") && told.contains("grove.toml:"),
            "{told}"
        );
    }
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    // Every command that needs it refuses it alike.
    for command in [&["serve"][..], &["migrate"], &["config", "dump"]] {
        let refused = site.run(command).await;
        assert_eq!(
            (refused.code, refused.stderr.as_str()),
            (3, ended.stderr.as_str()),
            "{command:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_says_what_is_in_force_and_why_and_no_secret() {
    let mut site = Site::new().await;
    site.set("database.url", "postgresql://grove:hunter2@localhost/grove");
    let dump = |arguments: &'static [&'static str]| {
        let mut command = site.groved(&["--set", "http.workers=5"]);
        command
            .args(arguments)
            .env("GROVE_LIMITS__LOG_CACHE", "1 MiB");
        program::run(command, "")
    };
    let text = dump(&["config", "dump"]).await.ok();
    for line in [
        "workers = 5 # --set http.workers",
        "log_cache = \"1 MiB\" # environment variable GROVE_LIMITS__LOG_CACHE",
        "key_package_pool = 200 # default",
        "# tls_key is not set",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let of_file = text
        .lines()
        .find(|line| line.starts_with("domain = "))
        .expect("a domain");
    assert!(
        of_file.starts_with("domain = \"a.example\" # ") && of_file.contains("grove.toml:"),
        "{of_file}"
    );
    let json = dump(&["config", "dump", "--json"]).await;
    assert!(
        !json.stdout.contains("hunter2") && !text.contains("hunter2"),
        "a secret is shown"
    );
    let json = json.json();
    assert_eq!(json["http.workers"]["value"], 5);
    assert_eq!(json["http.workers"]["from"], "set");
    assert_eq!(json["server.domain"]["from"], "file");
    assert!(json["server.domain"]["line"].as_u64().expect("a line") > 1);
    assert_eq!(json["limits.key_package_pool"]["from"], "default");
    assert_eq!(json["http.tls_key"]["value"], Value::Null);
    // What a dump without secrets says is a configuration, and the same one.
    site.set("database.url", "postgresql://grove@localhost/grove");
    let before = site.run(&["config", "dump", "--json"]).await.json();
    let text = site.run(&["config", "dump"]).await.ok();
    std::fs::write(site.file(), text).expect("a file");
    let after = site.run(&["config", "dump", "--json"]).await.json();
    let values = |of: &Value| -> Vec<(String, Value)> {
        let keys = of.as_object().expect("an object").iter();
        keys.map(|(key, one)| (key.clone(), one["value"].clone()))
            .collect()
    };
    assert_eq!(values(&after), values(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_is_explained() {
    let mut site = Site::new().await;
    site.set("limits.session_lifetime", "2 days");
    let told = site
        .run(&["config", "explain", "limits.session_lifetime"])
        .await
        .ok();
    for part in [
        "limits.session_lifetime\n",
        "How long a session lasts",
        "duration, longer than 0",
        "default    \"30 days\"",
        "in force   \"2 days\" (",
        "grove.toml:",
        "take effect at a reload",
        "GROVE_LIMITS__SESSION_LIFETIME",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = site.run(&["config", "explain", "http.workers"]).await.ok();
    assert!(
        told.contains("1 to 1024") && told.contains("take effect at a restart"),
        "{told}"
    );

    let unknown = site
        .run(&["config", "explain", "limits.session_lifetme"])
        .await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown
            .stderr
            .contains("did you mean limits.session_lifetime?"),
        "{}",
        unknown.stderr
    );

    let all = site.run(&["config", "explain"]).await.ok();
    let dump = site.run(&["config", "dump", "--json"]).await.json();
    let keys = dump.as_object().expect("an object");
    assert_eq!(all.lines().count(), keys.len(), "{all}");
    for key in keys.keys() {
        let line = all
            .lines()
            .find(|line| line.split_whitespace().next() == Some(key));
        assert!(
            line.is_some_and(|line| line.ends_with('.')),
            "{key}: {line:?}"
        );
    }

    // A configuration with faults keeps nobody from learning what a key means.
    site.set("http.workers", 0);
    let told = site.run(&["config", "explain", "http.workers"]).await.ok();
    assert!(
        told.contains("the configuration has faults") && told.contains("1 to 1024"),
        "{told}"
    );
}
