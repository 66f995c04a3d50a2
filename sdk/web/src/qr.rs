//! QR codes, written and read.

use fast_qr::{ECL, QRBuilder, convert::svg::SvgBuilder};
use wasm_bindgen::prelude::wasm_bindgen;

/// The most pixels of a picture that is searched for a code.
const PIXELS_MAX: usize = 64 << 20;

/// A QR code of `text` as SVG; empty when it is too long for one.
#[wasm_bindgen]
pub fn qr_svg(text: &str) -> String {
    match QRBuilder::new(text).ecl(ECL::M).build() {
        Ok(code) => SvgBuilder::default().to_str(&code),
        Err(_) => String::new(),
    }
}

/// The text of a QR code in a picture, given as one byte of brightness a pixel, row by row; nothing when none is found.
#[wasm_bindgen]
pub fn read_qr(width: u32, height: u32, luma: &[u8]) -> Option<String> {
    let (width, height) = (width as usize, height as usize);
    let pixels = width.checked_mul(height)?;
    if pixels == 0 || pixels > PIXELS_MAX || luma.len() != pixels {
        return None;
    }
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| luma[y * width + x]);
    picture.detect_grids().into_iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}
