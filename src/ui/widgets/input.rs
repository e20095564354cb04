//! A line being typed, with the real cursor in it.

use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, count};

/// A line with the cursor at column `cursor` of `text` (in display columns); shows the part around the cursor.
pub(in crate::ui) fn line(canvas: &mut Canvas, x: u16, y: u16, width: u16, text: &str, cursor: usize, scroll: usize) {
    let mut skipped = 0;
    let rest = text.char_indices().find(|(_, c)| {
        let here = skipped;
        skipped += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
        here >= scroll
    });
    let shown = if scroll == 0 { text } else { rest.map_or("", |(at, _)| text.get(at..).unwrap_or_default()) };
    let blank = " ".repeat(usize::from(width));
    canvas.put(x, y, width, &blank, StyleRole::Focus);
    canvas.put(x, y, width, shown, StyleRole::Focus);
    canvas.cursor_at(x + count(cursor.saturating_sub(scroll)).min(width.saturating_sub(1)), y);
}
