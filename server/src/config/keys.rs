//! The names of all keys, and the one most like a name that does not exist.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Raw;

/// What environment variables of ours begin with.
const PREFIX: &str = "GROVE_";
/// What stands between section and key in an environment variable.
const SEPARATOR: &str = "__";
/// Keys without a default: they are in no [`Raw::default`]. All are text.
const OPTIONAL: [&str; 7] = [
    "database.binaries",
    "database.password_file",
    "database.url",
    "http.tls_certificate",
    "http.tls_key",
    "server.data_dir",
    "server.domain",
];

/// Every key, with its section, and its default if it has one.
pub(super) fn defaults() -> BTreeMap<String, Option<Value>> {
    let table = Table::try_from(Raw::default()).unwrap_or_default();
    let mut found = BTreeMap::new();
    for (key, value) in flat(table) {
        let _only = found.insert(key, Some(value));
    }
    for key in OPTIONAL {
        let _absent = found.entry(key.to_owned()).or_insert(None);
    }
    found
}

/// Whether a key, with its section, exists.
pub(super) fn is_known(key: &str) -> bool {
    defaults().contains_key(key)
}

/// Whether the name is that of a section (or of a table in one).
pub(super) fn is_section(name: &str) -> bool {
    let below = |key: &String| {
        key.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    defaults().keys().any(below)
}

/// Whether a key belongs to the section.
pub(super) fn in_section(key: &str, section: &str) -> bool {
    key.split('.').next() == Some(section)
}

/// The values of a table by their whole names. An empty table stands for itself.
pub(super) fn flat(table: Table) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) if !inner.is_empty() => found.extend(
                flat(inner)
                    .into_iter()
                    .map(|(rest, value)| (format!("{name}.{rest}"), value)),
            ),
            other => found.push((name, other)),
        }
    }
    found
}

/// Puts a value at its place in a table of tables.
pub(super) fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            let _before = table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table
                .entry(section.to_owned())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// The known key most like `key`: the same name in another section, or a few letters away.
pub(super) fn nearest(key: &str) -> Option<String> {
    let name = key.rsplit('.').next().unwrap_or(key);
    let scored = defaults().into_keys().map(|known| {
        let known_name = known.rsplit('.').next().unwrap_or(&known);
        let whole = strsim::normalized_damerau_levenshtein(&known, key);
        let moved = if known_name == name { 0.9 } else { 0.0 };
        (f64::max(whole, moved), known)
    });
    scored
        .filter(|(score, _)| *score > 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// What an environment variable's name says.
pub(super) enum Variable {
    /// Nothing of ours.
    Foreign,
    /// A key, which may not exist.
    Key(String),
    /// Nearly a key: it would be ignored in silence. The right name.
    Nearly(String),
}

/// `GROVE_HTTP__LISTEN` is `http.listen`; `GROVE_HTTP_LISTEN` is nearly that.
pub(super) fn variable(name: &str) -> Variable {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return Variable::Foreign;
    };
    if rest.contains(SEPARATOR) {
        return Variable::Key(rest.to_ascii_lowercase().replace(SEPARATOR, "."));
    }
    defaults()
        .into_keys()
        .map(|key| variable_name(&key))
        .find(|known| known.replace(SEPARATOR, "_") == name)
        .map_or(Variable::Foreign, Variable::Nearly)
}

/// The environment variable that sets a key.
pub(super) fn variable_name(key: &str) -> String {
    let key = key.to_ascii_uppercase().replace('.', SEPARATOR);
    format!("{PREFIX}{key}")
}
