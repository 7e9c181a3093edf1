//! The values in force, each with where it came from.

use std::collections::BTreeMap;

use serde::Serialize;
use toml::Value;

use super::source::Remark;
use super::{Config, Source, keys};

/// Shown in place of a secret.
const HIDDEN: &str = "(holds a password, not shown)";

/// A value in force.
#[derive(Clone, Debug, Serialize)]
pub struct Effective {
    /// The value, `None` if the key is not set and has no default. Secrets are hidden.
    pub value: Option<Value>,
    /// Where it came from.
    #[serde(flatten)]
    pub source: Source,
}

impl Config {
    /// All values in force, by key. A password inside `database.url` is left out.
    pub fn effective(&self) -> BTreeMap<String, Effective> {
        let effective = |(key, default): (String, Option<Value>)| {
            let (value, source) = match self.settings.get(&key) {
                Some(set) => (Some(set.value.clone()), set.source.clone()),
                None => (default.or_else(|| self.found(&key)), Source::Default),
            };
            let value = if key == "database.url" && self.database_url_is_secret() {
                Some(Value::String(HIDDEN.to_owned()))
            } else {
                value
            };
            (key, Effective { value, source })
        };
        keys::defaults().into_iter().map(effective).collect()
    }

    /// The values in force as TOML, each with a comment that says where it came from. Keys that are
    /// not set and have no default stand there as comments.
    pub fn dump(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        let mut section = String::new();
        for (key, Effective { value, source }) in self.effective() {
            let Some((name, rest)) = key.split_once('.') else {
                continue;
            };
            if name != section {
                if !section.is_empty() {
                    lines.push(String::new());
                }
                lines.push(format!("[{name}]"));
                name.clone_into(&mut section);
            }
            lines.push(match value {
                Some(value) => format!("{rest} = {value} # {}", Remark(&source)),
                None => format!("# {rest} is not set"),
            });
        }
        lines.join("\n")
    }

    /// A default that depends on who asks.
    fn found(&self, key: &str) -> Option<Value> {
        let path = self.server.data_dir.display();
        (key == "server.data_dir").then(|| Value::String(path.to_string()))
    }

    fn database_url_is_secret(&self) -> bool {
        self.settings
            .get("database.url")
            .and_then(|set| set.value.as_str())
            .is_some_and(super::database::holds_a_password)
    }
}
