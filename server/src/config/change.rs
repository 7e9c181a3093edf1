//! A configuration read again under way: what of it can hold at once, and what has to wait for a
//! restart.

use std::collections::BTreeSet;

use super::explain::{self, Applies};
use super::{Config, ConfigError, keys};

/// What a configuration that was read again changes.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// What holds from now on: the new values of keys that a reload applies, the old ones of the
    /// others.
    pub(crate) config: Config,
    /// Changed keys whose new values hold.
    pub(crate) taken: Vec<String>,
    /// Changed keys whose new values need a restart.
    pub(crate) waiting: Vec<String>,
}

impl Config {
    /// What holds when `new` was read while `self` is in force. Keys of `kept` stay as they are,
    /// whatever `new` says, and are not mentioned.
    pub(crate) fn adopt(&self, new: &Self, kept: &[&str]) -> Change {
        let live: BTreeSet<String> = explain::descriptions()
            .into_iter()
            .filter(|description| description.applies == Applies::Reload)
            .map(|description| description.key)
            .filter(|key| !kept.contains(&key.as_str()))
            .collect();
        let mut held_back: BTreeSet<String> = BTreeSet::new();
        loop {
            let is_taken = |key: &str| {
                live.contains(key)
                    && !held_back
                        .iter()
                        .any(|section| keys::in_section(key, section))
            };
            let mut settings = self.settings.clone();
            let (mut taken, mut waiting) = (Vec::new(), Vec::new());
            for (key, _default) in keys::defaults() {
                let (old, fresh) = (self.settings.get(&key), new.settings.get(&key));
                let changed = old.map(|set| &set.value) != fresh.map(|set| &set.value)
                    && self.value(&key) != new.value(&key);
                if changed && !is_taken(&key) {
                    if !kept.contains(&key.as_str()) {
                        waiting.push(key);
                    }
                    continue;
                }
                let _before = match fresh {
                    Some(set) => settings.insert(key.clone(), set.clone()),
                    None => settings.remove(&key),
                };
                if changed {
                    taken.push(key);
                }
            }
            match Self::of(settings, Vec::new()) {
                Ok(config) => {
                    return Change {
                        config,
                        taken,
                        waiting,
                    };
                }
                // New and old values do not fit together, as when TLS takes the place of plain
                // HTTP: that section waits.
                Err(errors) => {
                    let before = held_back.len();
                    held_back.extend(
                        errors
                            .iter()
                            .filter_map(ConfigError::key)
                            .map(|key| key.split('.').next().unwrap_or(key).to_owned()),
                    );
                    if held_back.len() == before {
                        return Change {
                            config: self.clone(),
                            taken: Vec::new(),
                            waiting: [taken, waiting].concat(),
                        };
                    }
                }
            }
        }
    }

    /// The value of a key in force, its default included.
    fn value(&self, key: &str) -> Option<toml::Value> {
        match self.settings.get(key) {
            Some(set) => Some(set.value.clone()),
            None => keys::defaults().remove(key).flatten(),
        }
    }
}
