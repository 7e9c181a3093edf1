//! The example configuration is what the program does: complete, with the true defaults and bounds.

use super::*;

/// Every kind of value there is, with the type it has in TOML.
fn type_of(kind: &str) -> &'static str {
    match kind {
        "true or false" => "boolean",
        "whole number" => "integer",
        "list of addresses" => "array",
        "address" | "domain" | "duration" | "filter" | "path" | "rate" | "rate or \"off\""
        | "size" | "text" => "string",
        choice if choice.starts_with("one of \"") => "string",
        other => panic!("{other}: no such kind; kinds are listed in this test"),
    }
}

/// The example holds every key: those with a default uncommented and with that default, the others
/// commented out.
#[test]
fn the_example_lists_every_key_with_its_default() {
    let mut written: toml::Table = toml::from_str(EXAMPLE).unwrap();
    let domain = written["server"].as_table_mut().unwrap().remove("domain");
    assert!(
        domain.is_some(),
        "server.domain is the one key everybody must set"
    );
    assert_eq!(written, toml::Table::try_from(Raw::default()).unwrap());
    let on_disk = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/grove.example.toml");
    assert_eq!(fs::read_to_string(on_disk).unwrap(), EXAMPLE);
}

#[test]
fn every_key_is_explained_once_and_nothing_else_is() {
    let described: Vec<String> = descriptions().into_iter().map(|one| one.key).collect();
    let known: Vec<String> = keys::defaults().into_keys().collect();
    let missing: Vec<&String> = known
        .iter()
        .filter(|key| !described.contains(key))
        .collect();
    assert!(
        missing.is_empty(),
        "{missing:?}: not explained in deploy/grove.example.toml; above each key stands what it means, and on the last \
         line `(kind, bounds; reload)` or `(kind, bounds; restart)`"
    );
    let unique: BTreeSet<&String> = described.iter().collect();
    assert_eq!(unique.len(), described.len(), "{described:?}");
    assert_eq!(unique, known.iter().collect());
    for one in descriptions() {
        assert!(
            !one.meaning.is_empty() && one.meaning.ends_with('.'),
            "{one:?}"
        );
        assert!(!one.meaning.contains(" = "), "{one:?}");
    }
}

#[test]
fn kinds_are_those_of_the_defaults() {
    for (key, default) in keys::defaults() {
        let described = describe(&key).unwrap();
        let value: Value = described.example.parse().unwrap();
        assert_eq!(type_of(&described.kind), value.type_str(), "{key}");
        assert_eq!(value, default.unwrap_or_else(|| value.clone()), "{key}");
        let accepts = |text: &str| {
            let set = format!("{key}={text}");
            let mut options = sets(&[]);
            options.sets.push(set);
            Config::load(options).is_ok()
        };
        match described.kind.as_str() {
            "duration" => assert!(!accepts("a while") && !accepts("0s"), "{key}"),
            "rate" => assert!(
                !accepts("off") && !accepts("often") && !accepts("0/s burst 0"),
                "{key}"
            ),
            "rate or \"off\"" => assert!(accepts("off") && !accepts("often"), "{key}"),
            "size" => assert!(!accepts("much") && accepts("64 MiB"), "{key}"),
            "true or false" => assert!(!accepts("perhaps"), "{key}"),
            "list of addresses" => assert!(
                accepts("[\"192.0.2.7\", \"2001:db8::7\"]")
                    && !accepts("[\"proxy\"]")
                    && !accepts("192.0.2.7"),
                "{key}"
            ),
            choice if choice.starts_with("one of ") => {
                assert!(!accepts("another"), "{key}");
                for value in choice.trim_start_matches("one of ").split(", ") {
                    assert!(accepts(value), "{key} = {value}");
                }
            }
            _ => {}
        }
    }
}

/// Numbers are bounded as the example says: the bounds are accepted, and the numbers beyond them
/// are not.
#[test]
fn bounds_are_as_explained() {
    let mut bounded = 0;
    for one in descriptions() {
        if one.kind != "whole number" {
            continue;
        }
        let accepts = |number: i64| Config::load(sets(&[&format!("{}={number}", one.key)])).is_ok();
        let bounds = one.bounds.as_deref().unwrap_or_default();
        if let Some((low, high)) = bounds.split_once(" to ") {
            let (low, high): (i64, i64) = (low.parse().unwrap(), high.parse().unwrap());
            assert!(accepts(low) && accepts(high), "{one:?}");
            assert!(!accepts(low - 1) && !accepts(high + 1), "{one:?}");
            bounded += 1;
        } else {
            let low: i64 = bounds.strip_suffix(" or more").unwrap().parse().unwrap();
            assert!(accepts(low) && !accepts(low - 1), "{one:?}");
        }
    }
    assert!(bounded >= 3);
}

#[test]
fn an_explanation_is_read_as_written() {
    let one = describe("limits.session_lifetime").unwrap();
    assert_eq!(
        (one.kind.as_str(), one.applies),
        ("duration", Applies::Reload)
    );
    assert_eq!(
        one.summary(),
        "How long a session lasts; a device then proves itself again, unseen by its owner."
    );
    assert!(one.unit().unwrap().contains("30 days"));
    let one = describe("server.registration").unwrap();
    assert_eq!(
        (one.kind.as_str(), one.bounds),
        ("one of \"closed\", \"invite\", \"open\"", None)
    );
    let one = describe("database.pool_size").unwrap();
    assert_eq!(
        (one.bounds.as_deref(), one.applies),
        (Some("2 to 1000"), Applies::Restart)
    );
    assert_eq!(describe("server.listen"), None);
    assert_eq!(
        Config::nearest_key("server.listen").as_deref(),
        Some("ops.listen")
    );
}
