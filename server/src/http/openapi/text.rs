//! Descriptions: rustdoc's words in a document that knows no rustdoc.

use grove_wire::limits::{
    MAX_KEY_PACKAGES_PER_UPLOAD, MAX_LINK_BYTES, MAX_LINK_ID_BYTES, MAX_USER_ROOMS,
};
use serde_json::Value;

/// Limits that descriptions of bodies name.
const LIMITS: [(&str, usize); 4] = [
    ("MAX_KEY_PACKAGES_PER_UPLOAD", MAX_KEY_PACKAGES_PER_UPLOAD),
    ("MAX_LINK_BYTES", MAX_LINK_BYTES),
    ("MAX_LINK_ID_BYTES", MAX_LINK_ID_BYTES),
    ("MAX_USER_ROOMS", MAX_USER_ROOMS),
];

/// Makes every description of a document plain.
pub(super) fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(text) if key == "description" => *text = plain(text),
                    other => tidy(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// A text without rustdoc's links: a limit becomes its figure, anything else keeps its name.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else {
            break;
        };
        out.push_str(before);
        if let Some((_, figure)) = LIMITS.iter().find(|(limit, _)| *limit == name) {
            out.push_str(&figure.to_string());
        } else {
            out.push('`');
            out.push_str(name);
            out.push('`');
        }
        rest = match after
            .strip_prefix('(')
            .and_then(|path| path.split_once(')'))
        {
            Some((_path, after)) => after,
            None => after,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn links_become_words_and_limits_figures() {
        for (text, expected) in [
            ("no link", "no link"),
            (
                "With [`Self::TooLarge`]. Unit: bytes.",
                "With `Self::TooLarge`. Unit: bytes.",
            ),
            (
                "At most [`MAX_USER_ROOMS`](crate::limits::MAX_USER_ROOMS).",
                "At most 1000.",
            ),
            ("[`A`](b) and [`C`]", "`A` and `C`"),
            ("open [`A", "open [`A"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
