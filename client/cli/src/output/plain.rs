//! Text of other people on this person's terminal.
//!
//! A terminal obeys what is written to it: escape sequences move the cursor, set the title, paste
//! into the clipboard; direction marks make an address read as another. So whatever came over the
//! network is shown with such characters replaced. JSON output is not: it is for programs.
//!
//! Nor may it look like what this program says: a run of blanks would pass for the space between
//! columns, or push words to the beginning of the terminal's next row. So a run is one blank within
//! a line, and a few at the beginning of a further line of a message, where it is indented.

use std::fmt;

/// So many blanks in a row stay in a message, for what is set out in it.
const MAX_BLANKS: usize = 4;

const REPLACEMENT: char = '\u{fffd}';

/// One line of foreign text: control and direction characters are replaced, line ends as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a>(pub(crate) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through `pad`, so that columns can be aligned.
        f.pad(&collapsed(self.0, 1))
    }
}

/// A line whose characters are harmless, with no more than so many blanks in a row.
fn collapsed(line: &str, blanks: usize) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut run = 0;
    for c in line.chars().map(harmless) {
        if is_blank(c) {
            run += 1;
            if run <= blanks {
                shown.push(' ');
            }
        } else {
            // What has no width of its own does not end a run.
            if !is_without_width(c) {
                run = 0;
            }
            shown.push(c);
        }
    }
    shown
}

/// A name that somebody else chose, in «…», so that it cannot pass for what stands around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = Line(self.0).to_string();
        let inside = line.trim().replace('\u{ab}', "\u{2039}");
        let inside = inside.replace('\u{bb}', "\u{203a}");
        f.pad(&format!("\u{ab}{inside}\u{bb}"))
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
            f.write_str(&collapsed(line, MAX_BLANKS))?;
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

/// Blanks of any width, and letters that are drawn as nothing: the Braille blank and the fillers of
/// Hangul.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
        )
}

/// Joiners, marks of where a word may break, and selectors of a variant.
fn is_without_width(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}')
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
    use super::{Line, Lines, Quoted};

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

    #[test]
    fn a_name_cannot_pass_for_a_line() {
        let evil = "Garden  alice@a.example: yes, give him the key          ";
        assert_eq!(
            Quoted(evil).to_string(),
            "«Garden alice@a.example: yes, give him the key»"
        );
        assert_eq!(Quoted("a»: b «c").to_string(), "«a›: b ‹c»");
    }

    #[test]
    fn blanks_of_all_kinds_are_one() {
        for blank in [
            ' ', '\t', '\u{a0}', '\u{2003}', '\u{2800}', '\u{3000}', '\u{3164}',
        ] {
            let run: String = [blank, '\u{200d}'].repeat(40).into_iter().collect();
            let shown = Line(&format!("a{run}b")).to_string();
            assert_eq!(shown.matches(' ').count(), 1, "{blank:?}: {shown:?}");
            assert!(!shown.contains(|c: char| c != ' ' && super::is_blank(c)));
            let shown = Lines(&format!("a{run}b")).to_string();
            assert_eq!(shown.matches(' ').count(), 4, "{blank:?}: {shown:?}");
        }
        // Of a line of 200 characters that is mostly blanks a few are left.
        let padded = format!("yes{}2026-11-22 21:07  bob@a.example: no", " ".repeat(160));
        let shown = Lines(&padded).to_string();
        assert_eq!(shown, "yes    2026-11-22 21:07  bob@a.example: no");
    }
}
