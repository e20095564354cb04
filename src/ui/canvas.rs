//! What the pieces of the screen draw on: cells, roles, and the place of the real cursor. Owns cutting by display
//! width, so that no text ever runs over its column.

use super::{Glyphs, Look, StyleRole};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use std::borrow::Cow;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The screen while it is drawn.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    look: &'a Look,
    /// The role whose ground lies under all others.
    ground: StyleRole,
    /// Where the real cursor goes.
    pub(super) cursor: Option<Position>,
}

/// Columns of a text.
pub(super) fn cells(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// A length as columns or rows.
pub(super) fn count(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// The longest beginning of `text` that fits in `width` columns, with `more` at its end where something is cut.
pub(super) fn clip<'a>(text: &'a str, width: u16, more: &str) -> Cow<'a, str> {
    if cells(text) <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(cells(more));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let next = used + count(c.width().unwrap_or(0));
        if next > room {
            break;
        }
        used = next;
        out.push(c);
    }
    if width >= cells(more) {
        out.push_str(more);
    }
    Cow::Owned(out)
}

/// `text` in lines of at most `width` columns, broken at blanks where possible.
pub(super) fn wrap(text: &str, width: u16) -> Vec<String> {
    let options = Options::new(usize::from(width.max(1)))
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    text.lines().flat_map(|line| textwrap::wrap(line, &options)).map(Cow::into_owned).collect()
}

impl<'a> Canvas<'a> {
    /// A canvas over `buffer`.
    pub(super) fn new(buffer: &'a mut Buffer, look: &'a Look) -> Self {
        Self { buffer, look, ground: StyleRole::Text, cursor: None }
    }

    /// The characters to draw with.
    pub(super) fn glyphs(&self) -> &'a Glyphs {
        &self.look.glyphs
    }

    /// The style of a role on the ground as it is.
    pub(super) fn style(&self, role: StyleRole) -> Style {
        let mut style = self.look.style(role);
        if style.bg == self.look.style(StyleRole::Text).bg {
            style.bg = self.look.style(self.ground).bg;
        }
        style
    }

    /// From now on everything stands on the ground of `role`.
    pub(super) fn stand_on(&mut self, role: StyleRole) {
        self.ground = role;
    }

    /// Empties `area` in the style of `role`.
    pub(super) fn fill(&mut self, area: Rect, role: StyleRole) {
        let area = area.intersection(self.buffer.area);
        let mut blank = Cell::EMPTY;
        blank.set_style(self.style(role));
        for y in area.y..area.bottom() {
            for cell in self.cells_of(area.x, y, area.width) {
                cell.reset();
                (cell.fg, cell.bg, cell.modifier) = (blank.fg, blank.bg, blank.modifier);
            }
        }
    }

    /// The cells of a piece of one row; none where it is not on the screen.
    fn cells_of(&mut self, x: u16, y: u16, width: u16) -> &mut [Cell] {
        let area = self.buffer.area;
        let start = usize::from(y) * usize::from(area.width) + usize::from(x);
        self.buffer.content.get_mut(start..start + usize::from(width)).unwrap_or_default()
    }

    /// Writes `text` in at most `width` columns; gives the columns used.
    pub(super) fn put(&mut self, x: u16, y: u16, width: u16, text: &str, role: StyleRole) -> u16 {
        let area = self.buffer.area;
        if y >= area.bottom() || x >= area.right() {
            return 0;
        }
        let width = width.min(area.right() - x);
        let style = self.style(role);
        // Most texts are short ones of plain letters: one cell each, nothing to measure or to cut.
        if text.len() <= usize::from(width) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            for (cell, byte) in self.cells_of(x, y, count(text.len())).iter_mut().zip(text.bytes()) {
                cell.set_char(char::from(byte)).set_style(style);
            }
            return count(text.len());
        }
        let text = clip(text, width, self.look.glyphs.more);
        let (end, _) = self.buffer.set_stringn(x, y, &text, usize::from(width), style);
        end - x
    }

    /// Writes pieces of text one behind the other; gives the columns used.
    pub(super) fn put_all(&mut self, x: u16, y: u16, width: u16, pieces: &[(&str, StyleRole)]) -> u16 {
        let mut used = 0;
        for (text, role) in pieces {
            used += self.put(x + used, y, width.saturating_sub(used), text, *role);
        }
        used
    }

    /// Writes `text` so that it ends before column `end`, in at most `width` columns; gives the columns used.
    pub(super) fn put_right(&mut self, end: u16, y: u16, width: u16, text: &str, role: StyleRole) -> u16 {
        let wide = cells(text).min(width);
        self.put(end.saturating_sub(wide), y, wide, text, role)
    }

    /// A horizontal line.
    pub(super) fn rule(&mut self, x: u16, y: u16, width: u16) {
        let area = self.buffer.area;
        if y >= area.bottom() || x >= area.right() {
            return;
        }
        let (style, line) = (self.style(StyleRole::Border), self.glyphs().line);
        for cell in self.cells_of(x, y, width.min(area.right() - x)) {
            cell.set_symbol(line).set_style(style);
        }
    }

    /// `Disk 0 ── create`: what a heading is about, and what there is to say of it.
    pub(super) fn titled(&self, name: &str, of_it: &str) -> String {
        let line = self.glyphs().line;
        if of_it.is_empty() { name.to_owned() } else { format!("{name} {line}{line} {of_it}") }
    }

    /// A horizontal line that begins with a heading: ` Disk 0 ── create ───`.
    pub(super) fn heading(&mut self, x: u16, y: u16, width: u16, text: &str) {
        let used = self.put(x, y, width, text, StyleRole::Heading) + 1;
        if used < width {
            self.rule(x + used, y, width - used);
        }
    }

    /// A vertical line.
    pub(super) fn bar(&mut self, x: u16, y: u16, height: u16) {
        for row in 0..height {
            self.put(x, y + row, 1, self.glyphs().bar, StyleRole::Border);
        }
    }

    /// Marks a row that has the focus: the sign, the ground of the row, and the real cursor.
    pub(super) fn focus_row(&mut self, x: u16, y: u16, width: u16) {
        let style = self.style(StyleRole::Selection);
        let area = Rect { x, y, width, height: 1 }.intersection(self.buffer.area);
        let whole = style.bg != self.look.style(self.ground).bg || style.add_modifier.contains(Modifier::REVERSED);
        let mut blanks = 0;
        for (at, cell) in self.cells_of(area.x, area.y, area.width).iter_mut().enumerate() {
            // Where the row has no ground of its own its first column stands out, and few bytes move the cursor.
            blanks = if cell.symbol() == " " { blanks + 1 } else { 0 };
            if !whole && at > 3 && blanks > 1 {
                break;
            }
            cell.modifier.insert(style.add_modifier);
            cell.bg = style.bg.unwrap_or(cell.bg);
        }
        self.put(x, y, 2, self.glyphs().cursor, StyleRole::Accent);
        self.cursor_at(x, y);
    }

    /// Puts the real cursor.
    pub(super) fn cursor_at(&mut self, x: u16, y: u16) {
        self.cursor = Some(Position { x: x.min(self.buffer.area.right().saturating_sub(1)), y });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cutting_counts_columns_and_says_that_something_is_missing() {
        assert_eq!(clip("gpu-ws-01-vda", 8, "…"), "gpu-ws-…");
        assert_eq!(clip("仮想マシン", 5, "…"), "仮想…");
        assert_eq!(clip("short", 8, "…"), "short");
        assert_eq!(clip("anything", 0, "…"), "");
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("use 1239 GiB or less", 9), ["use 1239", "GiB or", "less"]);
        assert_eq!(wrap("/a/very/long/path x", 7), ["/a/very", "/long/p", "ath x"]);
        assert_eq!(wrap("  indented\n\nb", 20), ["  indented", "", "b"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked(text in "\\PC{0,60}", width in 2u16..20) {
            prop_assert!(cells(&clip(&text, width, "…")) <= width);
            for line in wrap(&text, width) {
                prop_assert!(cells(&line) <= width, "{line:?}");
            }
        }
    }
}
