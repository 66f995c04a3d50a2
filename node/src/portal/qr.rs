//! QR codes, as an image for pages and in characters for terminals.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder, QRCode};

/// Modules that stay light on every side, so that readers find the code (ISO/IEC 18004).
const MARGIN: usize = 4;
/// The largest code that a telephone reads from paper or a screen: version 25.
const MODULES_MAX: usize = 117;

/// A code of `text`; none where it is too long to be read by a telephone. Upper-case hexadecimal takes the least room.
fn code(text: &str) -> Option<QRCode> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    (code.size <= MODULES_MAX).then_some(code)
}

/// A code of `text` as an SVG image with a name; none where it is too long.
pub(crate) fn svg(text: &str, name: &str) -> Option<String> {
    let code = code(text)?;
    let side = code.size + 2 * MARGIN;
    let mut path = String::new();
    for row in 0..code.size {
        for column in (0..code.size).filter(|column| code[row][*column].value()) {
            // Writing to a string cannot fail.
            write!(path, "M{} {}h1v1h-1z", column + MARGIN, row + MARGIN).ok();
        }
    }
    let name = super::html::Html::text(name);
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"qr\" role=\"img\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><title>{name}</title><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

/// A code of `text` in characters, two modules in each, light ones drawn; none where it is too long.
pub(crate) fn characters(text: &str) -> Option<String> {
    let code = code(text)?;
    let end = code.size + MARGIN;
    let is_light = |row: usize, column: usize| {
        let within = |at: usize| (MARGIN..end).contains(&at);
        !(within(row) && within(column) && code[row - MARGIN][column - MARGIN].value())
    };
    let mut drawn = String::new();
    for row in (0..end + MARGIN).step_by(2) {
        for column in 0..end + MARGIN {
            drawn.push(match (is_light(row, column), is_light(row + 1, column)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        drawn.push('\n');
    }
    Some(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_margin_and_are_never_too_large_to_be_read() {
        let drawn = characters(&"0".repeat(64)).expect("it fits");
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines[..2].iter().all(|line| line.chars().all(|c| c == '█')), "{drawn}");
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()));
        assert!(lines[2].contains(' ') || lines[2].contains('▄') || lines[2].contains('▀'));
        assert!(svg(&"A".repeat(5_000), "x").is_none() && characters(&"A".repeat(5_000)).is_none());
        assert!(svg("A", "<b>").expect("it fits").contains("<title>&lt;b&gt;</title>"));
    }
}
