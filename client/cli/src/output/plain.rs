//! Text of other people on this person's terminal.
//!
//! A terminal obeys what is written to it: escape sequences move the cursor, set the title, paste
//! into the clipboard; direction marks make an address read as another. So whatever came over the
//! network is shown with such characters replaced. JSON output is not: it is for programs.

use std::fmt::{self, Write as _};

const REPLACEMENT: char = '\u{fffd}';

/// One line of foreign text: control and direction characters are replaced, line ends as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a>(pub(crate) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through `pad`, so that columns can be aligned.
        f.pad(&self.0.chars().map(harmless).collect::<String>())
    }
}

/// Foreign text of several lines: each after the first is indented.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.lines().enumerate() {
            if index > 0 {
                f.write_str("\n    ")?;
            }
            line.chars()
                .map(harmless)
                .try_for_each(|c| f.write_char(c))?;
        }
        Ok(())
    }
}

fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() || is_invisible_format(c) => REPLACEMENT,
        c => c,
    }
}

/// Direction marks, embeddings, overrides and isolates, line and paragraph separators, and tags.
/// The zero-width joiner stays: emoji and several scripts need it.
fn is_invisible_format(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines};

    #[test]
    fn escape_sequences_lose_their_power() {
        let evil = "\u{1b}]0;owned\u{7}\u{9b}2Jhi\r\u{202e}gnp\u{0}";
        let shown = Line(evil).to_string();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(!shown.contains('\u{202e}'));
        assert!(shown.contains("hi"));
    }

    #[test]
    fn ordinary_text_is_untouched() {
        let text = "Gr\u{fc}\u{df}e, \u{4f60}\u{597d}, \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(Line(text).to_string(), text);
        assert_eq!(format!("{:<5}|", Line("ab")), "ab   |");
    }

    #[test]
    fn further_lines_are_indented_and_cannot_pose_as_messages() {
        let text = "one\n2026-11-22 21:07  mallory@a.example: two\r\nthree";
        assert_eq!(
            Lines(text).to_string(),
            "one\n    2026-11-22 21:07  mallory@a.example: two\n    three"
        );
        assert!(!Line("one\ntwo").to_string().contains('\n'));
    }
}
