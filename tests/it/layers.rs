//! Who may know whom: each folder's source has no word of what it must not know.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder (or a file) and the words its source must not have. The most specific rule counts.
const RULES: &[(&str, &[&str])] = &[
    (
        "wire/src",
        &[
            "actix",
            "grove_mls",
            "openmls",
            "rand::",
            "std::fs",
            "std::net",
            "std::time",
            "tokio",
        ],
    ),
    (
        "mls/src",
        &[
            "actix",
            "reqwest",
            "rusqlite",
            "std::fs",
            "std::net",
            "SystemTime",
            "Instant::now",
            "tokio",
        ],
    ),
    (
        "federation/src",
        &["actix", "openmls", "rusqlite", "tokio_postgres"],
    ),
    // Services decide: no HTTP, no SQL, no MLS library.
    (
        "server/src",
        &[
            "actix",
            "deadpool",
            "grove_core",
            "openmls",
            "StatusCode",
            "tokio_postgres::",
        ],
    ),
    (
        "server/src/http",
        &[
            "deadpool",
            "grove_core",
            "openmls",
            "tokio_postgres",
            "crate::db::Tx",
        ],
    ),
    (
        "server/src/db",
        &[
            "actix",
            "crate::http",
            "crate::rooms",
            "crate::delivery",
            "grove_mls",
            "openmls",
        ],
    ),
    // The pieces that put everything together may name their tools.
    ("server/src/config/database.rs", &["actix", "openmls"]),
    ("server/src/doctor/database.rs", &["actix", "openmls"]),
    // It silences a library by its name.
    (
        "server/src/telemetry.rs",
        &["deadpool", "openmls", "tokio_postgres"],
    ),
    ("server/src/server.rs", &["actix", "openmls"]),
    ("server/src/cli.rs", &["actix", "openmls", "tokio_postgres"]),
    (
        "client/core/src",
        &[
            "actix",
            "openmls",
            "reqwest",
            "rusqlite",
            "std::fs",
            "std::net",
            "SystemTime",
            "tokio",
        ],
    ),
    (
        "client/sqlite/src",
        &["grove_mls", "openmls", "reqwest", "tokio"],
    ),
    (
        "client/cli/src",
        &["actix", "openmls", "rusqlite", "tokio_postgres"],
    ),
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the repository")
        .to_owned()
}

/// Every Rust file below a folder, relative to the repository.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                found.extend(sources(&path));
            }
        } else if name.ends_with(".rs") {
            found.push(path.strip_prefix(root()).expect("below it").to_owned());
        }
    }
    found
}

/// The rule of a folder holds for the file of its name beside it, too.
fn rule(path: &Path) -> Option<&'static (&'static str, &'static [&'static str])> {
    let module = path.with_extension("");
    RULES
        .iter()
        .filter(|(folder, _)| path.starts_with(folder) || module == Path::new(folder))
        .max_by_key(|(folder, _)| folder.len())
}

/// The forbidden words of a source, outside comments, with their lines. Tests inside a file may
/// know more.
fn found(text: &str, forbidden: &[&'static str]) -> Vec<(usize, &'static str)> {
    let mut hits = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        if code.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        hits.extend(
            forbidden
                .iter()
                .filter(|word| code.contains(*word))
                .map(|word| (number + 1, *word)),
        );
    }
    hits
}

#[test]
fn no_folder_knows_what_it_must_not() {
    let mut read = 0;
    let mut broken = Vec::new();
    for path in sources(&root()) {
        let Some((folder, forbidden)) = rule(&path) else {
            continue;
        };
        let is_test = path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        if is_test {
            continue;
        }
        read += 1;
        let text = fs::read_to_string(root().join(&path)).expect("text");
        let hits = found(&text, forbidden);
        broken.extend(hits.into_iter().map(|(line, word)| {
            format!("{}:{line}: {folder} must not know {word}", path.display())
        }));
    }
    assert!(read > 100, "only {read} files were read");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_source_has_a_rule() {
    let free = |path: &Path| {
        ["tests", "fuzz"]
            .iter()
            .any(|folder| path.starts_with(folder))
            || path.components().any(|part| part.as_os_str() == "tests")
    };
    let without: Vec<_> = sources(&root())
        .into_iter()
        .filter(|path| rule(path).is_none() && !free(path))
        .collect();
    assert!(without.is_empty(), "{without:?}");
    for (folder, _) in RULES {
        assert!(
            root().join(folder).exists(),
            "{folder} has a rule and does not exist"
        );
    }
}

#[test]
fn a_word_that_does_not_belong_is_found() {
    let source = "use std::io;\n// tokio in a comment\nuse tokio::net; // here\n#[cfg(test)]\nmod tests { use tokio; }\n";
    assert_eq!(found(source, &["tokio"]), [(3, "tokio")]);
    let made_up = Path::new("wire/src/made_up.rs");
    assert_eq!(rule(made_up).map(|(folder, _)| *folder), Some("wire/src"));
    assert_eq!(
        rule(Path::new("server/src/db/log.rs")).map(|(folder, _)| *folder),
        Some("server/src/db")
    );
    assert_eq!(
        rule(Path::new("server/src/http.rs")).map(|(folder, _)| *folder),
        Some("server/src/http")
    );
}
