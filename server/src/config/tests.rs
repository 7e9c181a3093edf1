//! Tests of the configuration as a whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use toml::Value;

use super::*;

mod changes;
mod words;

fn sets(sets: &[&str]) -> LoadOptions {
    let sets = ["server.domain=a.example", "http.plain_http=true"]
        .iter()
        .chain(sets);
    LoadOptions {
        sets: sets.map(|&set| set.to_owned()).collect(),
        ..LoadOptions::default()
    }
}

fn refusal(options: LoadOptions) -> String {
    Config::load(options).unwrap_err().to_string()
}

#[test]
fn defaults_need_a_domain_and_a_transport_only() {
    let config = Config::load(sets(&[])).unwrap();
    assert_eq!(config.server.domain.domain(), "a.example");
    assert_eq!(config.server.registration, Registration::Invite);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8448");
    assert_eq!(config.limits.free_space_reserve, ByteSize::new(512 << 20));
    assert!(matches!(
        config.database.source,
        DatabaseSource::Embedded { binaries: None }
    ));

    assert!(refusal(LoadOptions::default()).starts_with("server.domain is not set"));
    let options = LoadOptions {
        sets: vec!["server.domain=a.example".to_owned()],
        ..LoadOptions::default()
    };
    assert!(refusal(options).starts_with("http.tls_certificate is not set"));
}

#[test]
fn a_trusted_proxy_is_one_however_it_is_written() {
    let options = sets(&["http.trusted_proxies=[\"::ffff:192.0.2.7\", \"192.0.2.8\"]"]);
    let proxies = Config::load(options).unwrap().http.trusted_proxies;
    let proxies: Vec<String> = proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["192.0.2.7", "192.0.2.8"]);
    assert!(refusal(sets(&["http.trusted_proxies=[\"proxy\"]"])).contains("is not an IP address"));
}

#[test]
fn later_layers_win() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grove.toml");
    fs::write(
        &file,
        "[http]\nlisten = \"127.0.0.1:1\"\nworkers = 3\n[ops]\nlisten = \"127.0.0.1:1\"\n",
    )
    .unwrap();
    let mut options = sets(&["http.listen=127.0.0.1:3"]);
    options.file = Some(file);
    options.env = vec![
        ("GROVE_HTTP__LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
        ("GROVE_OPS__LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
        ("GROVE_PASSPHRASE_FILE".to_owned(), "not ours".to_owned()),
        ("PATH".to_owned(), "/bin".to_owned()),
    ];
    let config = Config::load(options).unwrap();
    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.ops.listen.port(), 2);
    assert_eq!(config.http.workers, 3);
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grove.toml");
    fs::write(&file, "[http]\nlisten_on = \"127.0.0.1:1\"\n").unwrap();
    let mut options = sets(&[]);
    options.file = Some(file.clone());
    let refused = refusal(options);
    let file = file.display();
    assert_eq!(
        refused,
        format!("{file}:2:1: unknown key http.listen_on; did you mean http.listen?")
    );

    assert_eq!(
        refusal(sets(&["limits.session_lifetme=1h"])),
        "--set limits.session_lifetme: unknown key limits.session_lifetme; did you mean limits.session_lifetime?",
    );
    let moved = refusal(sets(&["server.listen=x"]));
    assert!(
        moved.contains("unknown key server.listen; did you mean "),
        "{moved}"
    );
    let section = refusal(sets(&["databse.pool_size=4"]));
    assert!(section.contains("unknown key databse"), "{section}");
    let strange = refusal(sets(&["limits.zzzzzzzzzz=1"]));
    assert!(
        strange.ends_with("unknown key limits.zzzzzzzzzz"),
        "{strange}"
    );

    let mut options = sets(&[]);
    options.env = vec![("GROVE_HTTP__LISTN".to_owned(), "127.0.0.1:1".to_owned())];
    assert_eq!(
        refusal(options),
        "environment variable GROVE_HTTP__LISTN: unknown key http.listn; did you mean http.listen?",
    );
    let mut options = sets(&[]);
    options.env = vec![("GROVE_HTTP_LISTEN".to_owned(), "127.0.0.1:1".to_owned())];
    assert_eq!(
        refusal(options),
        "unknown key GROVE_HTTP_LISTEN in the environment; did you mean GROVE_HTTP__LISTEN?",
    );
}

#[test]
fn a_wrong_value_is_refused_with_its_place_and_key() {
    let typed = refusal(sets(&["database.pool_size=many"]));
    assert!(
        typed.starts_with("--set database.pool_size: database.pool_size: invalid type"),
        "{typed}"
    );
    assert!(refusal(sets(&["http.listen=localhost"])).contains("http.listen"));
    assert!(refusal(sets(&["limits.session_lifetime=soon"])).contains("limits.session_lifetime"));
    assert!(refusal(sets(&["limits.free_space_reserve=1 MB"])).contains("1 MB"));
    assert!(refusal(sets(&["server.domain=not a domain"])).contains("server.domain"));
    assert!(refusal(sets(&["telemetry.log=a=b=c"])).contains("telemetry.log"));
    assert!(refusal(sets(&["nonsense"])).contains("expected section.key=value"));

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grove.toml");
    fs::write(&file, "[http\n").unwrap();
    let mut options = sets(&[]);
    options.file = Some(file.clone());
    assert!(refusal(options).starts_with(&format!("{}:1:", file.display())));
}

fn with_file(text: &str, more: &[&str]) -> (tempfile::TempDir, LoadOptions) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grove.toml");
    fs::write(&file, text).unwrap();
    let options = LoadOptions {
        file: Some(file),
        sets: more.iter().map(|&set| set.to_owned()).collect(),
        ..LoadOptions::default()
    };
    (directory, options)
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let text = "[server]\ndomain = \"a.example\"\nregistraton = \"open\"\n\n[http]\nplain_http = true\nworkers = 0\n  \
                listen = \"ü\"\n[limits]\nkey_package_pool = \"many\"\nsession_lifetime = \"soon\"\nshutdown_grace = \"0s\"\n\
                [nowhere]\n";
    let (_directory, options) = with_file(text, &["database.pool_size=1"]);
    let errors = Config::load(options).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let begins = [
        (
            "grove.toml:3:1: unknown key server.registraton; did you mean server.registration?",
            3,
        ),
        ("grove.toml:13:2: unknown key nowhere", 13),
        (
            "grove.toml:10:20: limits.key_package_pool: invalid type",
            10,
        ),
        ("grove.toml:8:12: http.listen: ", 8),
        ("grove.toml:7:11: http.workers: must be between", 7),
        (
            "--set database.pool_size: database.pool_size: must be between",
            0,
        ),
        ("grove.toml:11:20: limits.session_lifetime: ", 11),
        ("grove.toml:12:18: limits.shutdown_grace: ", 12),
    ];
    for (begin, _line) in begins {
        assert!(
            told.iter().any(|line| line.contains(begin)),
            "{begin}: {told:#?}"
        );
    }
    assert_eq!(told.len(), begins.len(), "{told:#?}");
}

#[test]
fn a_fault_does_not_bring_others_that_are_none() {
    // Without plain_http a certificate would be missing; with it the address is wrong.
    let errors = Config::load(sets(&["http.listen=192.0.2.1:1"])).unwrap_err();
    assert_eq!(errors.iter().count(), 1, "{errors}");
    let errors = Config::load(sets(&["server.domain=not a domain"])).unwrap_err();
    assert_eq!(errors.iter().count(), 1, "{errors}");
    let errors = Config::load(sets(&["http.plain_http=perhaps"])).unwrap_err();
    assert_eq!(errors.iter().count(), 1, "{errors}");
}

#[test]
fn no_error_quotes_a_secret() {
    for text in [
        "[database]\nurl = \"postgresql://grove:hunter2@localhost/grove?sslmode=require\"\n",
        "[database]\nurl = \"postgresql://grove:hunter2@localhost/grove\n",
        "[database]\nurl = \"postgresql://grove:hunter2@[/grove\"\n",
        "[database]\nulr = \"postgresql://grove:hunter2@localhost/grove\"\n",
    ] {
        let (_directory, options) = with_file(text, &["server.domain=a.example"]);
        let errors = Config::load(options).unwrap_err();
        assert!(
            !format!("{errors} {errors:?}").contains("hunter2"),
            "{errors:?}"
        );
    }
    let mut options = sets(&["database.url=postgresql://grove:hunter2@[/grove"]);
    options.env = vec![("GROVE_DATABASE__ULR".to_owned(), "hunter2".to_owned())];
    let errors = Config::load(options).unwrap_err();
    assert_eq!(errors.iter().count(), 2, "{errors}");
    assert!(
        !format!("{errors} {errors:?}").contains("hunter2"),
        "{errors:?}"
    );
}

#[test]
fn text_may_stand_in_quotes_or_without_and_looks_like_nothing_else() {
    for written in ["4096", "\"4096\"", "'4096'"] {
        let config = Config::load(sets(&[&format!("limits.log_cache={written}")])).unwrap();
        assert_eq!(config.limits.log_cache, ByteSize::new(4096), "{written}");
    }
}

#[test]
fn plain_http_stays_on_loopback() {
    assert!(Config::load(sets(&["http.listen=[::1]:8448"])).is_ok());
    for address in ["0.0.0.0:8448", "[::]:8448", "192.0.2.1:8448"] {
        let refused = refusal(sets(&[&format!("http.listen={address}")]));
        assert!(refused.contains("loopback"), "{address}: {refused}");
    }
    let both = refusal(sets(&[
        "http.tls_certificate=/c.pem",
        "http.tls_key=/k.pem",
    ]));
    assert!(both.contains("choose one"), "{both}");
}

#[test]
fn a_dump_holds_no_password_says_where_and_loads_again() {
    let config = Config::load(sets(&[
        "database.url=postgresql://grove:hunter2@localhost/grove",
    ]))
    .unwrap();
    let dump = config.dump();
    assert!(!dump.contains("hunter2"), "{dump}");
    assert!(!format!("{config:?}").contains("hunter2"));
    let json = serde_json::to_string(&config.effective()).unwrap();
    assert!(!json.contains("hunter2"), "{json}");

    let text = "[database]\nurl = \"postgresql://grove@localhost/grove\"\n";
    let (_directory, mut options) = with_file(text, &["server.domain=a.example"]);
    options.env = vec![("GROVE_HTTP__PLAIN_HTTP".to_owned(), "true".to_owned())];
    let config = Config::load(options).unwrap();
    let dump = config.dump();
    for line in [
        "domain = \"a.example\" # --set server.domain",
        "plain_http = true # environment variable GROVE_HTTP__PLAIN_HTTP",
        "workers = 2 # default",
        "# tls_key is not set",
    ] {
        assert!(dump.lines().any(|found| found == line), "{line}: {dump}");
    }
    let url = "url = \"postgresql://grove@localhost/grove\" # ";
    let url = dump
        .lines()
        .find_map(|line| line.strip_prefix(url))
        .unwrap();
    assert!(url.ends_with("grove.toml:2"), "{url}");
    let (_again, options) = with_file(&dump, &[]);
    let again = Config::load(options).unwrap();
    let values = |config: &Config| -> Vec<Option<Value>> {
        config
            .effective()
            .into_values()
            .map(|one| one.value)
            .collect()
    };
    assert_eq!(values(&again), values(&config));
}

#[test]
fn a_remote_database_with_required_tls_is_refused_in_words() {
    let refused = refusal(sets(&[
        "database.url=postgresql://grove@db.example/grove?sslmode=require",
    ]));
    assert!(
        refused.contains("TLS to the database is not supported"),
        "{refused}"
    );
}
