//! QR codes on a terminal: two modules in each character, half above half.
//!
//! Must not know what the code says. Colours are set explicitly, since a code drawn in a terminal's
//! own colours may come out inverted, which some cameras cannot read.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around a code, in each direction. The standard asks for four; cameras are content
/// with two, and terminals are narrow.
const QUIET: usize = 2;
/// Black on white, whatever the terminal's colours are.
const COLOURS: &str = "\u{1b}[38;5;16;48;5;231m";
const RESET: &str = "\u{1b}[0m";

/// A text as a code, unless it is wider than so many columns or too long for any code.
pub(crate) fn draw(text: &str, columns: usize) -> Option<String> {
    // In upper case the text needs little more than half the modules.
    let text = text.to_ascii_uppercase();
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let side = width + 2 * QUIET;
    if side > columns {
        return None;
    }
    let modules = code.to_colors();
    let is_dark = |row: usize, column: usize| {
        let (Some(row), Some(column)) = (row.checked_sub(QUIET), column.checked_sub(QUIET)) else {
            return false;
        };
        column < width && modules.get(row * width + column) == Some(&Color::Dark)
    };
    let mut drawn = String::new();
    for row in (0..side).step_by(2) {
        drawn.push_str(COLOURS);
        for column in 0..side {
            drawn.push(match (is_dark(row, column), is_dark(row + 1, column)) {
                (false, false) => ' ',
                (false, true) => '\u{2584}',
                (true, false) => '\u{2580}',
                (true, true) => '\u{2588}',
            });
        }
        drawn.push_str(RESET);
        drawn.push('\n');
    }
    Some(drawn)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use qrcode::{Color, EcLevel, QrCode};

    use super::{COLOURS, QUIET, RESET, draw};

    /// What a camera sees.
    fn modules(drawn: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in drawn.lines() {
            let line = line.strip_prefix(COLOURS).unwrap();
            let line: Vec<char> = line.strip_suffix(RESET).unwrap().chars().collect();
            let is = |some: [char; 2]| line.iter().map(|c| some.contains(c)).collect();
            rows.push(is(['\u{2580}', '\u{2588}']));
            rows.push(is(['\u{2584}', '\u{2588}']));
        }
        rows
    }

    #[test]
    fn what_is_drawn_is_the_code_with_a_margin() {
        let drawn = draw("grove-link:abc", 80).unwrap();
        let code = QrCode::with_error_correction_level("GROVE-LINK:ABC", EcLevel::L).unwrap();
        let seen = modules(&drawn);
        let width = code.width();
        for row in 0..width {
            for column in 0..width {
                let dark = code[(column, row)] == Color::Dark;
                let found = seen
                    .get(row + QUIET)
                    .and_then(|row| row.get(column + QUIET));
                assert_eq!(found, Some(&dark), "{row} {column}");
            }
        }
        assert!(seen.first().unwrap().iter().all(|dark| !dark));
        assert!(
            seen.iter()
                .all(|row| !row.first().unwrap() && !row.last().unwrap())
        );
    }

    #[test]
    fn a_narrow_terminal_gets_none() {
        let width = QrCode::with_error_correction_level("X", EcLevel::L)
            .unwrap()
            .width();
        assert!(draw("x", width + 2 * QUIET).is_some());
        assert!(draw("x", width + 2 * QUIET - 1).is_none());
        assert!(draw(&"x".repeat(10_000), 10_000).is_none());
    }
}
