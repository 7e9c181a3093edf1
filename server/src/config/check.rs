//! From what was set to what holds, with every fault on the way.
//!
//! A value that is refused is taken out and the rest is looked at again, so that one mistake does
//! not hide the next.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::load::Setting;
use super::{ConfigError, Raw, keys};

/// A configuration under examination.
pub(super) struct Check<'a> {
    settings: &'a BTreeMap<String, Setting>,
    /// Values of the right type, by section.
    table: Table,
    /// Keys that were found wrong.
    faulty: Vec<String>,
    pub(super) errors: Vec<ConfigError>,
}

impl<'a> Check<'a> {
    /// Looks at the type of each value by itself.
    pub(super) fn begin(settings: &'a BTreeMap<String, Setting>, errors: Vec<ConfigError>) -> Self {
        let mut check = Self {
            settings,
            table: Table::new(),
            faulty: Vec::new(),
            errors,
        };
        for (key, Setting { value, source }) in settings {
            let mut alone = Table::new();
            keys::put(&mut alone, key, value.clone());
            match alone.try_into::<Raw>() {
                Ok(_typed) => keys::put(&mut check.table, key, value.clone()),
                Err(error) => {
                    let error = ConfigError::value(key, error.message());
                    check.errors.push(error.at(Some(source)));
                    check.faulty.push(key.clone());
                }
            }
        }
        check
    }

    /// One section, checked; `None` after an error.
    pub(super) fn section<R: DeserializeOwned, C>(
        &mut self,
        name: &str,
        validate: impl Fn(&R) -> Result<C, ConfigError>,
    ) -> Option<C> {
        let mut values = match self.table.get(name) {
            Some(Value::Table(values)) => values.clone(),
            _ => Table::new(),
        };
        // Where a value of the wrong type was left out already, its default stands in for it.
        let mut refused = self.faulty.iter().any(|key| keys::in_section(key, name));
        loop {
            let raw: R = match values.clone().try_into() {
                Ok(raw) => raw,
                // Each value has its type; that they do not fit together cannot be.
                Err(error) => {
                    self.errors.push(ConfigError::value(name, error.message()));
                    return None;
                }
            };
            let error = match validate(&raw) {
                Ok(checked) => return (!refused).then_some(checked),
                Err(error) => error,
            };
            let Some(key) = error.key().map(str::to_owned) else {
                self.errors.push(error);
                return None;
            };
            let set = self.settings.get(&key).map(|setting| &setting.source);
            // After the first fault defaults stand in for what was wrong; only what somebody set is
            // blamed then.
            let to_blame = !refused || set.is_some();
            if to_blame && !self.faulty.contains(&key) {
                self.errors.push(error.at(set));
            }
            refused = true;
            self.faulty.push(key.clone());
            if !remove(&mut values, key.strip_prefix(name).unwrap_or(&key)) {
                return None;
            }
        }
    }
}

/// Takes a value out; false if there was none.
fn remove(table: &mut Table, key: &str) -> bool {
    let key = key.trim_start_matches('.');
    match key.split_once('.') {
        None => table.remove(key).is_some(),
        Some((name, rest)) => match table.get_mut(name) {
            Some(Value::Table(inner)) => remove(inner, rest),
            _ => false,
        },
    }
}
