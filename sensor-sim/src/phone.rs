//! The way of a phone to its page: the address as a QR code on the terminal. [`qr_code`].

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use qrcode::types::QrError;

/// Black on bright white, and both as they were.
const LINE_START: &str = "\x1b[30;107m";
const LINE_END: &str = "\x1b[0m";

/// A text as a QR code of half blocks, black on white whatever the terminal's colours, each line ending in a line feed.
///
/// # Errors
///
/// [`QrError::DataTooLong`] above some 2,900 bytes.
pub fn qr_code(text: &str) -> Result<String, QrError> {
    let code = QrCode::new(text)?;
    // A dark module is a block in the colour of text.
    let picture = code.render::<Dense1x2>().build();
    Ok(picture
        .lines()
        .map(|line| format!("{LINE_START}{line}{LINE_END}\n"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_matrix_of_its_text_two_modules_a_character() {
        let text = "https://192.168.1.20:9001/phone";
        let code = QrCode::new(text).unwrap();
        // Four light modules all around.
        let (width, quiet) = (code.width() as i32 + 8, 4);
        let is_dark = |x: i32, y: i32| {
            let inside = |v: i32| (quiet..width - quiet).contains(&v);
            let at = |v: i32| (v - quiet) as usize;
            inside(x) && inside(y) && code[(at(x), at(y))] == qrcode::Color::Dark
        };
        let shown = qr_code(text).unwrap();
        assert_eq!(shown.lines().count() as i32, (width + 1) / 2);
        for (row, line) in (0_i32..).zip(shown.lines()) {
            let modules = line
                .strip_prefix(LINE_START)
                .and_then(|line| line.strip_suffix(LINE_END));
            for (x, module) in (0_i32..).zip(modules.unwrap().chars()) {
                let expected = match (is_dark(x, 2 * row), is_dark(x, 2 * row + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                };
                assert_eq!(module, expected, "line {row}, column {x}");
            }
        }
        assert!(qr_code(&"x".repeat(5_000)).is_err());
    }
}
