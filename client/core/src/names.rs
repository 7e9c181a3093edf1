//! Names that people give to rooms and devices: whether there is anything to see in one.
//!
//! Must not know who gave it, nor what is allowed besides: lengths stand where names are stored.

use icu_properties::props::{
    BinaryProperty as _, DefaultIgnorableCodePoint, EnumeratedProperty as _, GeneralCategory,
};

/// A symbol that is drawn as nothing.
const BRAILLE_PATTERN_BLANK: char = '\u{2800}';

/// The name, if a person can see it; nothing for an empty one, blanks, and characters that are not
/// drawn (Unicode's `Default_Ignorable_Code_Point`, controls and formats among them). What has no
/// name goes by its id.
pub fn visible_name(name: &str) -> Option<&str> {
    name.chars().any(has_glyph).then_some(name)
}

fn has_glyph(c: char) -> bool {
    use GeneralCategory as G;
    !c.is_whitespace()
        && c != BRAILLE_PATTERN_BLANK
        && !DefaultIgnorableCodePoint::for_char(c)
        && !matches!(GeneralCategory::for_char(c), G::Control | G::Format)
}

#[cfg(test)]
mod tests {
    use super::visible_name;

    #[test]
    fn what_is_not_drawn_is_no_name() {
        let blanks = " \t\u{a0}\u{2003}\u{3000}\u{2028}\u{2800}";
        let ignorable = "\u{ad}\u{34f}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{17b4}\u{180e}\u{fe0f}";
        let formats = "\u{200b}\u{200d}\u{200e}\u{202e}\u{2060}\u{2064}\u{feff}\u{e0041}\u{7}";
        let all = [blanks, ignorable, formats].concat();
        for c in all.chars() {
            let name = String::from(c).repeat(3);
            assert_eq!(visible_name(&name), None, "{name:?}");
            let name = format!("{c}a");
            assert_eq!(visible_name(&name), Some(name.as_str()));
        }
        assert_eq!(visible_name(&all), None);
        assert_eq!(visible_name(""), None);
        for name in ["-", "ü", "庭", "\u{1f468}\u{200d}\u{1f469}", "\u{1b1b0}"] {
            assert_eq!(visible_name(name), Some(name));
        }
    }
}
