//! The characters of the screen in two sets: one cell wide each, no emoji; and plain ASCII for other locales.

/// One set of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Horizontal line.
    pub line: &'static str,
    /// Vertical line.
    pub bar: &'static str,
    /// Where a vertical line begins at a horizontal one.
    pub tee: &'static str,
    /// Corners of overlays: top left, top right, bottom left, bottom right.
    pub corners: [&'static str; 4],
    /// The row of the cursor.
    pub cursor: &'static str,
    /// Opens a list of values.
    pub open: &'static str,
    /// Cut text.
    pub more: &'static str,
    /// Unchanged lines left out.
    pub skip: &'static str,
    /// From a driver to the next.
    pub arrow: &'static str,
    /// Full and empty part of a bar.
    pub full: &'static str,
    /// See `full`.
    pub empty: &'static str,
    /// What is chosen in a list.
    pub chosen: &'static str,
    /// Good.
    pub ok: &'static str,
    /// Warning.
    pub warn: &'static str,
    /// Error.
    pub error: &'static str,
    /// Not checked.
    pub unknown: &'static str,
    /// Note.
    pub info: &'static str,
    /// Steps: to do, here, done, done with warnings, with errors, skipped, changed since seen.
    pub steps: [&'static str; 7],
    /// Check boxes: off, on, partly.
    pub boxes: [&'static str; 3],
}

/// For UTF-8 locales.
pub const UNICODE: Glyphs = Glyphs {
    line: "─",
    bar: "│",
    tee: "┬",
    corners: ["╭", "╮", "╰", "╯"],
    cursor: "▸",
    open: "▾",
    more: "…",
    skip: "··",
    arrow: "→",
    full: "█",
    empty: "░",
    chosen: "✓",
    ok: "✓",
    warn: "!",
    error: "✗",
    unknown: "?",
    info: "i",
    steps: ["○", "●", "✓", "!", "✗", "–", "~"],
    boxes: ["[ ]", "[x]", "[-]"],
};

/// For every other locale.
pub const ASCII: Glyphs = Glyphs {
    line: "-",
    bar: "|",
    tee: "+",
    corners: ["+", "+", "+", "+"],
    cursor: ">",
    open: "v",
    more: ">",
    skip: "..",
    arrow: "->",
    full: "#",
    empty: ".",
    chosen: "*",
    ok: "+",
    warn: "!",
    error: "E",
    unknown: "?",
    info: "i",
    steps: ["[ ]", "[>]", "[+]", "[!]", "[E]", "[-]", "[~]"],
    boxes: ["[ ]", "[x]", "[-]"],
};

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn every_sign_is_one_cell_and_every_fallback_is_ascii() {
        let signs = [UNICODE.line, UNICODE.bar, UNICODE.tee, UNICODE.cursor, UNICODE.open, UNICODE.more, UNICODE.ok];
        for sign in signs.iter().chain(&UNICODE.steps).chain(&UNICODE.corners) {
            assert_eq!(sign.width(), 1, "{sign}");
        }
        assert!(format!("{ASCII:?}").is_ascii());
    }
}
