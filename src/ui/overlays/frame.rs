//! The box that every overlay is drawn in: its place, its lines with title and keys, and what it says of rows out of sight.

use crate::app::{App, offers};
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells, count};
use crate::ui::hints::key;
use ratatui::layout::Rect;

/// A box of this size in the upper part of `screen`.
pub(super) fn place(screen: Rect, width: u16, height: u16) -> Rect {
    // One that is nearly as wide as the place takes all of it, so that no letters remain at the sides.
    let width = if width + 8 >= screen.width { screen.width } else { width };
    let height = height.min(screen.height.saturating_sub(2));
    let (x, y) = ((screen.width - width) / 2, (screen.height - height) / 3);
    Rect { x: screen.x + x, y: screen.y + y, width, height }
}

/// Draws an empty box; returns the place inside it. Its keys are on its lower line.
pub(super) fn frame(app: &App, canvas: &mut Canvas, area: Rect, title: &str, right: &str) -> Rect {
    canvas.stand_on(StyleRole::Overlay);
    canvas.fill(area, StyleRole::Overlay);
    let [top_left, top_right, bottom_left, bottom_right] = canvas.glyphs().corners;
    let (end, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
    for (y, left, right) in [(area.y, top_left, top_right), (bottom, bottom_left, bottom_right)] {
        canvas.rule(area.x + 1, y, area.width.saturating_sub(2));
        canvas.put(area.x, y, 1, left, StyleRole::Border);
        canvas.put(end, y, 1, right, StyleRole::Border);
    }
    canvas.bar(area.x, area.y + 1, area.height.saturating_sub(2));
    canvas.bar(end, area.y + 1, area.height.saturating_sub(2));
    let room = area.width.saturating_sub(4);
    canvas.put(area.x + 2, area.y, room, &format!(" {title} "), StyleRole::Heading);
    if !right.is_empty() {
        canvas.put_right(
            end - 1,
            area.y,
            room.saturating_sub(cells(title) + 3),
            &format!(" {right} "),
            StyleRole::Muted,
        );
    }
    keys_line(app, canvas, area, bottom);
    Rect { x: area.x + 2, y: area.y + 1, width: room, height: area.height.saturating_sub(2) }
}

fn keys_line(app: &App, canvas: &mut Canvas, area: Rect, y: u16) {
    let mut x = area.x + 2;
    for offer in offers::offers(app).iter().filter(|offer| offer.entry.hint) {
        let key = key(offer);
        let wide = cells(&key) + cells(offer.entry.label) + 3;
        if x + wide > area.right().saturating_sub(2) {
            break;
        }
        let label = format!(" {} ", offer.entry.label);
        x += canvas.put_all(x, y, wide, &[(" ", StyleRole::Text), (&key, StyleRole::Key), (&label, StyleRole::Text)]);
    }
}

/// How many rows there are above and below what is visible.
pub(super) fn more(canvas: &mut Canvas, area: Rect, first: usize, shown: usize, all: usize) {
    let below = all.saturating_sub(first + shown);
    if below > 0 {
        let text = format!(" {below} more below ");
        canvas.put_right(area.right(), area.bottom(), area.width, &text, StyleRole::Muted);
    }
    if first > 0 {
        let text = format!(" {first} more above ");
        canvas.put_right(area.right(), area.y.saturating_sub(1), area.width, &text, StyleRole::Muted);
    }
}

/// Columns of the widest of `lines`.
pub(super) fn widest<'a>(lines: impl Iterator<Item = &'a str>) -> u16 {
    lines.map(cells).max().unwrap_or(0)
}

/// A number of rows, at least one.
pub(super) fn rows(n: usize) -> u16 {
    count(n).max(1)
}
