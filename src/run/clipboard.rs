//! The terminal's clipboard, which also works over ssh: one sequence (OSC 52) with the text in base64.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What puts `text` on the clipboard.
pub(super) fn sequence(text: &str) -> Vec<u8> {
    let mut out = b"\x1b]52;c;".to_vec();
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            out.push(if digit > three.len() { b'=' } else { DIGITS.get(value).copied().unwrap_or(b'=') });
        }
    }
    out.push(7);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_out_in_base64() {
        for (text, base64) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("ä", "w6Q=")]
        {
            assert_eq!(sequence(text), format!("\x1b]52;c;{base64}\x07").into_bytes(), "{text}");
        }
    }
}
