//! Tables: a head, and of the rows only those that are visible. Columns keep their place whatever the rows hold.

use crate::app::focus;
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, count};
use ratatui::layout::Rect;

/// One column.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Column {
    /// Its name; upper case.
    pub title: &'static str,
    /// Its width; 0 for the one column that takes what the others leave.
    pub width: u16,
    /// Numbers are aligned at the right.
    pub right: bool,
}

/// A column of texts.
pub(in crate::ui) const fn column(title: &'static str, width: u16) -> Column {
    Column { title, width, right: false }
}

/// A column of numbers.
pub(in crate::ui) const fn number(title: &'static str, width: u16) -> Column {
    Column { title, width, right: true }
}

/// What a cell holds.
pub(in crate::ui) type Cell = (String, StyleRole);

/// A table to draw.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Table<'a> {
    /// Its columns.
    pub columns: &'a [Column],
    /// How many rows there are.
    pub rows: usize,
    /// The row of the cursor.
    pub at: usize,
    /// The cursor is in the table.
    pub focused: bool,
}

/// Columns between two columns.
const GAP: u16 = 2;

impl Table<'_> {
    /// Draws head and visible rows; `cells` is called for those alone.
    pub(in crate::ui) fn draw(&self, canvas: &mut Canvas, area: Rect, cells: impl Fn(usize) -> Vec<Cell>) {
        let x = area.x + 3;
        let widths = self.widths(area.width.saturating_sub(3));
        let titles = self.columns.iter().map(|column| (column.title.to_owned(), StyleRole::Muted)).collect();
        self.row(canvas, x, area.y, &widths, titles);
        let rows = usize::from(area.height.saturating_sub(1));
        let first = focus::offset(self.at, self.rows, rows);
        for (y, row) in (area.y + 1..area.bottom()).zip(first..self.rows) {
            self.row(canvas, x, y, &widths, cells(row));
            if row == self.at && self.focused {
                canvas.focus_row(area.x + 1, y, area.width.saturating_sub(1));
            }
        }
        if self.rows > rows {
            let text = format!("  {} to {} of {}", first + 1, (first + rows).min(self.rows), self.rows);
            canvas.put_right(area.right(), area.y.saturating_sub(1), area.width, &text, StyleRole::Muted);
        }
    }

    fn widths(&self, width: u16) -> Vec<u16> {
        let gaps = GAP * count(self.columns.len().saturating_sub(1));
        let fixed: u16 = self.columns.iter().map(|column| column.width).sum();
        let rest = width.saturating_sub(fixed + gaps);
        self.columns.iter().map(|column| if column.width == 0 { rest } else { column.width }).collect()
    }

    fn row(&self, canvas: &mut Canvas, x: u16, y: u16, widths: &[u16], cells: Vec<Cell>) {
        let mut x = x;
        for ((column, width), (text, role)) in self.columns.iter().zip(widths).zip(cells) {
            if column.right {
                canvas.put_right(x + width, y, *width, &text, role);
            } else {
                canvas.put(x, y, *width, &text, role);
            }
            x += width + GAP;
        }
    }
}
