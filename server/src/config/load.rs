//! Reading the layers, and finding out which of them an error came from.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::Kind,
    providers::{Format as _, Toml},
    value::{Dict, Map, Value},
};

use super::{ConfigError, Raw};

/// What environment variables of ours begin with.
const PREFIX: &str = "GROVE_";
/// What stands between section and key in an environment variable.
const SEPARATOR: &str = "__";
/// Keys without a default: they are in no [`Raw::default`].
pub(super) const OPTIONAL_KEYS: [&str; 7] = [
    "database.binaries",
    "database.password_file",
    "database.url",
    "http.tls_certificate",
    "http.tls_key",
    "server.data_dir",
    "server.domain",
];

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

/// Reads all layers.
pub(super) fn read(options: LoadOptions) -> Result<Raw, ConfigError> {
    let mut figment = Figment::new();
    if let Some(file) = options.file {
        figment = figment.merge(Toml::string(&text(&file)?).named_after(&file));
    }
    for (name, value) in options.env {
        if let Some(key) = env_key(&name)? {
            figment = figment.merge(Pair {
                place: format!("environment variable {name}"),
                key,
                value,
            });
        }
    }
    for set in options.sets {
        let (key, value) = set
            .split_once('=')
            .ok_or_else(|| ConfigError::MalformedSet(set.clone()))?;
        let (place, key, value) = (
            format!("--set {set}"),
            key.trim().to_owned(),
            value.to_owned(),
        );
        figment = figment.merge(Pair { place, key, value });
    }
    figment.extract().map_err(explain)
}

fn text(file: &Path) -> Result<String, ConfigError> {
    let text = fs::read_to_string(file).map_err(|source: io::Error| ConfigError::Unreadable {
        file: file.to_owned(),
        source,
    })?;
    // Figment's error for a file that is not TOML names no line; this one does.
    toml::from_str::<toml::Table>(&text).map_err(|error| ConfigError::NotToml {
        file: file.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(text)
}

/// `GROVE_HTTP__LISTEN` is `http.listen`; variables that are not ours give `None`. One that is nearly ours, such as
/// `GROVE_HTTP_LISTEN`, is an error, because it would be ignored in silence.
fn env_key(name: &str) -> Result<Option<String>, ConfigError> {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    if rest.contains(SEPARATOR) {
        return Ok(Some(rest.to_ascii_lowercase().replace(SEPARATOR, ".")));
    }
    let meant = known_keys()
        .into_iter()
        .map(|key| env_name(&key))
        .find(|known| known.replace(SEPARATOR, "_") == name);
    match meant {
        Some(nearest) => Err(ConfigError::UnknownKey {
            place: "environment".to_owned(),
            key: name.to_owned(),
            nearest: Some(nearest),
        }),
        None => Ok(None),
    }
}

fn env_name(key: &str) -> String {
    format!(
        "{PREFIX}{}",
        key.to_ascii_uppercase().replace('.', SEPARATOR)
    )
}

/// One key and its value as a layer of its own, so that an error can say where the value was set.
struct Pair {
    place: String,
    key: String,
    value: String,
}

impl Provider for Pair {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        // Parsing never fails: what is no TOML value is a string.
        let value: Value = self.value.parse().unwrap_or_else(|never| match never {});
        let nested = self.key.rsplit('.').fold(value, |inner, name| {
            Value::from(Dict::from([(name.to_owned(), inner)]))
        });
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// A TOML text with the name of the file it came from.
trait NamedAfter {
    fn named_after(self, file: &Path) -> impl Provider;
}

struct Named<P> {
    file: String,
    inner: P,
}

impl<P: Provider> NamedAfter for P {
    fn named_after(self, file: &Path) -> impl Provider {
        Named {
            file: file.display().to_string(),
            inner: self,
        }
    }
}

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.file.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.inner.data()
    }
}

fn explain(error: figment::Error) -> ConfigError {
    let place = error
        .metadata
        .as_ref()
        .map_or("defaults".to_owned(), |found| found.name.to_string());
    let mut path = error.path.clone();
    match error.kind {
        Kind::UnknownField(field, _siblings) => {
            if path.last() != Some(&field) {
                path.push(field);
            }
            let key = path.join(".");
            let nearest = nearest(&key);
            ConfigError::UnknownKey {
                place,
                key,
                nearest,
            }
        }
        kind => ConfigError::Invalid {
            place,
            key: path.join("."),
            reason: kind.to_string(),
        },
    }
}

/// The known key most like `key`: the same name in another section, or a few letters away.
fn nearest(key: &str) -> Option<String> {
    let name = key.rsplit('.').next().unwrap_or(key);
    let scored = known_keys().into_iter().map(|known| {
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

/// Every key, with its section.
pub(super) fn known_keys() -> Vec<String> {
    let mut keys: Vec<String> = OPTIONAL_KEYS.iter().map(|&key| key.to_owned()).collect();
    let defaults = toml::Table::try_from(Raw::default()).unwrap_or_default();
    for (section, values) in defaults {
        let names = values.as_table().into_iter().flat_map(toml::Table::keys);
        keys.extend(names.map(|name| format!("{section}.{name}")));
    }
    keys.sort();
    keys
}
