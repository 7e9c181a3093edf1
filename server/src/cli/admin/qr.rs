//! A QR code drawn in a terminal, two modules per character.

use std::io::IsTerminal as _;

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// White on black, whatever the terminal's colours.
const COLOURS: &str = "\u{1b}[97;40m";
const PLAIN: &str = "\u{1b}[0m";

/// The code of a text; none if it is too long for one. Blocks are the light modules; on a terminal
/// they are white on black, elsewhere they depend on what shows them.
pub(super) fn draw(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    if !std::io::stdout().is_terminal() {
        return Some(drawn);
    }
    let lines: Vec<String> = drawn
        .lines()
        .map(|line| format!("{COLOURS}{line}{PLAIN}"))
        .collect();
    Some(lines.join("\n"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::draw;

    #[test]
    fn a_link_becomes_a_square_and_a_book_does_not() {
        let code = draw("https://a.example/invite#k7q2").unwrap();
        let (lines, first) = (
            code.lines().count(),
            code.lines().next().unwrap().chars().count(),
        );
        assert_eq!(lines, first.div_ceil(2));
        assert!(draw(&"k".repeat(3000)).is_none());
    }
}
