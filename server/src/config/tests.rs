//! Tests of the configuration as a whole.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{load::known_keys, *};

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
        format!("{file}: unknown key http.listen_on; did you mean http.listen?")
    );

    assert_eq!(
        refusal(sets(&["limits.session_lifetme=1h"])),
        "--set limits.session_lifetme=1h: unknown key limits.session_lifetme; did you mean limits.session_lifetime?",
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
        "environment: unknown key GROVE_HTTP_LISTEN; did you mean GROVE_HTTP__LISTEN?",
    );
}

#[test]
fn a_wrong_value_is_refused_with_its_place_and_key() {
    let typed = refusal(sets(&["database.pool_size=many"]));
    assert!(
        typed.starts_with("--set database.pool_size=many: database.pool_size: "),
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
    assert!(refusal(options).starts_with(&file.display().to_string()));
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
fn effective_values_hold_no_password_and_load_again() {
    let config = Config::load(sets(&[
        "database.url=postgresql://grove:hunter2@localhost/grove",
    ]))
    .unwrap();
    let effective = config.effective().unwrap();
    assert!(!effective.contains("hunter2"), "{effective}");
    assert!(!format!("{:?}", config.database).contains("hunter2"));

    let config = Config::load(sets(&["database.url=postgresql://grove@localhost/grove"])).unwrap();
    let effective = config.effective().unwrap();
    assert!(
        effective.contains("postgresql://grove@localhost/grove"),
        "{effective}"
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grove.toml");
    fs::write(&file, &effective).unwrap();
    let again = Config::load(LoadOptions {
        file: Some(file),
        ..LoadOptions::default()
    })
    .unwrap();
    assert_eq!(again.effective().unwrap(), effective);
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

/// The example holds every key: those with a default uncommented and with that default, the others commented out.
#[test]
fn the_example_lists_every_key_with_its_default() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/grove.example.toml");
    let text = fs::read_to_string(path).unwrap();
    let mut written: toml::Table = toml::from_str(&text).unwrap();
    let domain = written["server"].as_table_mut().unwrap().remove("domain");
    assert!(
        domain.is_some(),
        "server.domain is the one key everybody must set"
    );
    assert_eq!(written, toml::Table::try_from(Raw::default()).unwrap());

    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.split_once(" = ").is_some_and(|(name, _)| is_name(name)) => {
                format!("{key}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let whole: toml::Table = toml::from_str(&uncommented).unwrap();
    let listed: BTreeSet<String> = whole
        .iter()
        .flat_map(|(section, keys)| {
            keys.as_table()
                .unwrap()
                .keys()
                .map(move |key| format!("{section}.{key}"))
        })
        .collect();
    assert_eq!(listed, known_keys().into_iter().collect());
    let _read: Raw = toml::from_str(&uncommented).unwrap();
}

fn is_name(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
