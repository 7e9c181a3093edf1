//! What each key means: `deploy/grove.example.toml`, read by the program that it documents.
//!
//! Above each key stand comments, the last of them in parentheses: what kind of value it is, its
//! bounds, and whether a change takes effect at a reload or at a restart. A test holds these words
//! against what the program accepts.

/// The example configuration, the one place where keys are described.
pub const EXAMPLE: &str = include_str!("../../../deploy/grove.example.toml");

/// What one key means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The key, with its section.
    pub key: String,
    /// What it means, as one paragraph.
    pub meaning: String,
    /// What is true of its whole section; mostly empty.
    pub section: String,
    /// What kind of value it is: «duration», «whole number».
    pub kind: String,
    /// What values it may have, if its kind does not say so.
    pub bounds: Option<String>,
    /// What makes a change take effect.
    pub applies: Applies,
    /// The value in the example: the default, or for a key without one, an example.
    pub example: String,
}

/// What makes a change of a key take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// SIGHUP, `systemctl reload`.
    Reload,
    /// Only a new start.
    Restart,
}

impl Description {
    /// How values of its kind are written, where that is not obvious.
    pub fn unit(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "duration" => Some("as in \"30 days\", \"12h\", \"10 s\""),
            "size" => Some("as in \"512 MiB\"; units B, KiB, MiB, GiB, TiB"),
            "rate" | "rate or \"off\"" => Some("as in \"50/s burst 200\"; per s, min, hour, day"),
            _ => None,
        }
    }

    /// The first sentence of the meaning.
    pub fn summary(&self) -> &str {
        let end = self
            .meaning
            .find(". ")
            .map_or(self.meaning.len(), |at| at + 1);
        self.meaning.get(..end).unwrap_or(&self.meaning)
    }
}

/// Every key, in the order of the example.
pub fn descriptions() -> Vec<Description> {
    read(EXAMPLE)
}

/// One key.
pub fn describe(key: &str) -> Option<Description> {
    descriptions()
        .into_iter()
        .find(|description| description.key == key)
}

fn read(example: &str) -> Vec<Description> {
    let mut found = Vec::new();
    let (mut section, mut above) = (String::new(), Vec::new());
    // What stands between a section's name and the first blank line, if no key does.
    let (mut of_section, mut begun) = (String::new(), false);
    for line in example.lines() {
        let uncommented = line.strip_prefix("# ").unwrap_or(line);
        let pair = uncommented
            .split_once(" = ")
            .filter(|(name, _)| is_name(name));
        if let Some((name, value)) = pair {
            let key = format!("{section}.{name}");
            found.extend(description(key, value, &above, &of_section));
            above.clear();
            begun = false;
        } else if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
            above.clear();
            of_section.clear();
            begun = true;
        } else if let Some(comment) = line.strip_prefix('#') {
            above.push(comment.trim());
        } else {
            if begun {
                of_section = above.join(" ");
            }
            above.clear();
            begun = false;
        }
    }
    found
}

fn description(key: String, value: &str, above: &[&str], of_section: &str) -> Option<Description> {
    let (last, meaning) = above.split_last()?;
    let (kind, applies) = last
        .strip_prefix('(')?
        .strip_suffix(')')?
        .rsplit_once("; ")?;
    let applies = match applies {
        "reload" => Applies::Reload,
        "restart" => Applies::Restart,
        _ => return None,
    };
    // The values of a choice are told by its kind.
    let (kind, bounds) = match kind.split_once(", ") {
        Some((kind, bounds)) if !kind.starts_with("one of") => (kind, Some(bounds.to_owned())),
        _ => (kind, None),
    };
    let kind = kind.to_owned();
    Some(Description {
        key,
        meaning: meaning.join(" "),
        section: of_section.to_owned(),
        kind,
        bounds,
        applies,
        example: value.to_owned(),
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
