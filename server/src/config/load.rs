//! Reading the layers: what was set, where, and every name that does not exist.
//!
//! Nothing stops at the first fault: an operator wants to hear of all of them at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::{fmt, fs};

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::keys::{self, Variable};
use super::{ConfigError, Source};

/// Where to read from.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The configuration file; it must exist if named.
    pub file: Option<PathBuf>,
    /// Environment variables, all of them; those of the form `GROVE_<SECTION>__<KEY>` count.
    pub env: Vec<(String, String)>,
    /// `section.key=value`, as given to `--set`; the last one wins.
    pub sets: Vec<String>,
}

/// A value that somebody set.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// Without the value, which may be a secret.
impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set by {}", self.source)
    }
}

/// Reads all layers: what was set, by whole key. Keys left at their defaults are not there. What is
/// wrong is added to `errors`.
pub(super) fn read(
    options: LoadOptions,
    errors: &mut Vec<ConfigError>,
) -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    if let Some(file) = options.file {
        read_file(&file, &mut settings, errors);
    }
    for (name, value) in options.env {
        match keys::variable(&name) {
            Variable::Foreign => {}
            Variable::Key(key) => {
                add(
                    &mut settings,
                    errors,
                    key,
                    &value,
                    Source::Environment { name },
                );
            }
            Variable::Nearly(right) => errors.push(ConfigError::UnknownKey {
                place: None,
                key: format!("{name} in the environment"),
                nearest: Some(right),
            }),
        }
    }
    for set in options.sets {
        match set.split_once('=') {
            Some((key, value)) => {
                let key = key.trim().to_owned();
                let source = Source::Set { key: key.clone() };
                add(&mut settings, errors, key, value, source);
            }
            None => errors.push(ConfigError::MalformedSet(set)),
        }
    }
    settings
}

/// Adds a value that was given as text.
fn add(
    settings: &mut BTreeMap<String, Setting>,
    errors: &mut Vec<ConfigError>,
    key: String,
    text: &str,
    source: Source,
) {
    let Some(default) = keys::defaults().remove(&key) else {
        errors.push(unknown(key, source));
        return;
    };
    let value = match default {
        // A key whose values are text takes text as it is; quotes may stand around it.
        None | Some(Value::String(_)) => match Value::from_str(text.trim()) {
            Ok(Value::String(inner)) => Value::String(inner),
            _ => Value::String(text.to_owned()),
        },
        Some(_) => {
            Value::from_str(text.trim()).unwrap_or_else(|_no_value| Value::String(text.to_owned()))
        }
    };
    let _before = settings.insert(key, Setting { value, source });
}

fn read_file(file: &Path, settings: &mut BTreeMap<String, Setting>, errors: &mut Vec<ConfigError>) {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(source) => {
            let file = file.to_owned();
            errors.push(ConfigError::Unreadable { file, source });
            return;
        }
    };
    let (table, faults) = DeTable::parse_recoverable(&text);
    let place = |span: Range<usize>| place(file, &text, span.start);
    if !faults.is_empty() {
        errors.extend(faults.into_iter().map(|fault| ConfigError::NotToml {
            place: place(fault.span().unwrap_or_default()),
            // Only the message: the whole error quotes the line, which may hold a password.
            reason: fault.message().to_owned(),
        }));
        return;
    }
    let mut found = Vec::new();
    collect("", table.get_ref(), &mut found);
    for Found {
        key,
        key_at,
        value_at,
        value,
    } in found
    {
        if !keys::is_known(&key) {
            if !(matches!(value, Value::Table(_)) && keys::is_section(&key)) {
                errors.push(unknown(key, place(key_at)));
            }
            continue;
        }
        let source = place(value_at);
        let _only = settings.insert(key, Setting { value, source });
    }
}

fn unknown(key: String, source: Source) -> ConfigError {
    ConfigError::UnknownKey {
        place: Some(source),
        nearest: keys::nearest(&key),
        key,
    }
}

/// A value of the file. An empty table is one too.
struct Found {
    key: String,
    key_at: Range<usize>,
    value_at: Range<usize>,
    value: Value,
}

fn collect(above: &str, table: &DeTable<'_>, found: &mut Vec<Found>) {
    for (name, value) in table {
        let key = if above.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{above}.{}", name.get_ref())
        };
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => collect(&key, inner, found),
            _ => found.push(Found {
                key,
                key_at: name.span(),
                value_at: value.span(),
                value: plain(value),
            }),
        }
    }
}

/// A value without its places. What has no counterpart is kept as the text of its kind, to be
/// refused by its type.
fn plain(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(
                |_large| Value::String(number.as_str().to_owned()),
                Value::Integer,
            ),
        DeValue::Float(number) => number.as_str().parse().map_or_else(
            |_odd| Value::String(number.as_str().to_owned()),
            Value::Float,
        ),
        DeValue::Boolean(yes) => Value::Boolean(*yes),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(values) => Value::Array(values.iter().map(plain).collect()),
        DeValue::Table(inner) => Value::Table(
            inner
                .iter()
                .map(|(name, value)| (name.get_ref().to_string(), plain(value)))
                .collect(),
        ),
    }
}

/// Line and column of a byte of the file.
fn place(file: &Path, text: &str, at: usize) -> Source {
    let before = text.get(..at).unwrap_or(text);
    let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
    let in_line = before.get(line_begin..).unwrap_or_default();
    Source::File {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: in_line.chars().count() + 1,
    }
}
