//! Bars by month as an image that is made here: inline SVG with a title, a description and no script. The table with the
//! same numbers always stands beside it, so nothing is told by shape or colour alone.

use std::fmt::Write as _;

use askama::Template;

use super::html::Html;

const WIDTH: u32 = 360;
const HEIGHT: u32 = 200;
/// Where the bars begin and end.
const LEFT: u32 = 52;
const TOP: u32 = 12;
const BOTTOM: u32 = 172;

/// A month with the parts of its bar, from below.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) parts: Vec<u64>,
}

/// A chart of bars.
#[derive(Template)]
#[template(path = "chart.html")]
pub(super) struct Chart {
    id: String,
    title: String,
    description: String,
    /// What the parts are, from below; none where bars have one.
    legend: Vec<String>,
    /// The inside of the image.
    drawing: String,
    width: u32,
    height: u32,
}

impl Chart {
    pub(super) fn new(id: String, title: String, description: String, legend: Vec<String>, bars: &[Bar]) -> Self {
        let drawing = draw(bars);
        Self { id, title, description, legend, drawing, width: WIDTH, height: HEIGHT }
    }

    /// As markup.
    pub(super) fn html(&self) -> Html {
        Html::of(self)
    }
}

/// The next number above that axes are marked with: 1, 2 or 5 times a power of ten.
fn ceiling(most: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            let mark = power.saturating_mul(step);
            if mark >= most {
                return mark;
            }
        }
        power = power.saturating_mul(10);
    }
}

fn draw(bars: &[Bar]) -> String {
    let sum = |bar: &Bar| bar.parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part));
    let top = ceiling(bars.iter().map(sum).max().unwrap_or(0).max(1));
    // Products of heights and numbers need more than 64 bits.
    let rise = |value: u64| (u128::from(value) * u128::from(BOTTOM - TOP) / u128::from(top)) as u32;
    let mut text = String::new();
    for quarter in [0, 2, 4] {
        let mark = (u128::from(top) * quarter / 4) as u64;
        let y = BOTTOM - rise(mark);
        let (end, label) = (WIDTH - 4, super::html::grouped(mark));
        write!(text, "<path class=\"grid\" d=\"M{LEFT} {y}H{end}\"/>").ok();
        write!(text, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>", LEFT - 6, y + 4).ok();
    }
    let step = (WIDTH - 4 - LEFT) / u32::try_from(bars.len().max(1)).unwrap_or(1).max(4);
    for (at, bar) in (0..).zip(bars) {
        let (x, mut below) = (LEFT + at * step + step / 8, 0_u64);
        for (place, part) in bar.parts.iter().enumerate().filter(|(_, part)| **part > 0) {
            let (low, high) = (rise(below), rise(below.saturating_add(*part)));
            below = below.saturating_add(*part);
            let (y, height, width) = (BOTTOM - high, (high - low).max(1), step * 3 / 4);
            write!(text, "<rect class=\"part-{place}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>")
                .ok();
        }
        let middle = LEFT + at * step + step / 2;
        let label = Html::text(&bar.label);
        write!(text, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", BOTTOM + 18).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_within_the_image_whatever_the_numbers() {
        let bar = |parts: &[u64]| Bar { label: "<1>".into(), parts: parts.to_vec() };
        let text = draw(&[bar(&[u64::MAX, u64::MAX]), bar(&[]), bar(&[0, 1]), bar(&[7])]);
        assert!(!text.contains("<1>") && text.contains("&lt;1&gt;"), "{text}");
        for rect in text.split("<rect ").skip(1) {
            let number = |name: &str| -> u32 {
                let rest = rect.split(&format!(" {name}=\"")).nth(1).expect("an attribute");
                rest.split('"').next().and_then(|digits| digits.parse().ok()).expect("a number")
            };
            assert!(number("y") >= TOP && number("y") + number("height") <= BOTTOM + 1, "{rect}");
            assert!(number("x") + number("width") <= WIDTH, "{rect}");
        }
        assert_eq!([0, 1, 3, 7, 11, 99, 101].map(ceiling), [1, 1, 5, 10, 20, 100, 200]);
    }
}
