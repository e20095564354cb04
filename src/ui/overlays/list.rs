//! Lists to choose from: commands and known values. Of a long list only the visible rows are made.

use super::frame::{frame, more, place, rows, widest};
use crate::app::options::Known;
use crate::app::overlay::{List, PaletteCommand, Purpose};
use crate::app::{App, focus};
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells, count};
use crate::ui::widgets::input;
use ratatui::layout::Rect;

/// The text that filters, on the first row; returns the rows left for the list.
fn filter<T>(canvas: &mut Canvas, inner: Rect, sign: &str, list: &List<T>) -> Rect {
    canvas.put(inner.x, inner.y, 2, sign, StyleRole::Key);
    let width = inner.width.saturating_sub(2);
    let scroll = list.filter.visual_scroll(usize::from(width));
    input::line(canvas, inner.x + 2, inner.y, width, list.filter.value(), list.filter.visual_cursor(), scroll);
    Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner }
}

/// All commands.
pub(super) fn palette(app: &App, canvas: &mut Canvas, screen: Rect, list: &List<PaletteCommand>) {
    let area = place(screen, 90, rows(list.items.len()).min(screen.height / 2) + 3);
    let inner = frame(app, canvas, area, "Commands", "");
    let body = filter(canvas, inner, ": ", list);
    let shown = usize::from(body.height);
    let first = focus::offset(list.row, list.shown.len(), shown);
    let visible = list.shown.iter().enumerate().skip(first);
    for (y, (row, at)) in (body.y..body.bottom()).zip(visible) {
        let Some(command) = list.items.get(*at) else { continue };
        let end = body.right();
        canvas.put_right(end, y, 10, &command.key, StyleRole::Key);
        let role = if command.why_not.is_some() { StyleRole::Muted } else { StyleRole::Text };
        let used = canvas.put(body.x + 2, y, 40, &command.label, role);
        let note = match &command.why_not {
            Some(why) => format!("not here: {why}"),
            None => command.place.clone(),
        };
        let wide = body.width.saturating_sub(used + 16);
        canvas.put_right(end.saturating_sub(12), y, wide, &note, StyleRole::Muted);
        mark(canvas, body, y, row == list.row);
    }
    if list.shown.is_empty() {
        canvas.put(body.x + 2, body.y, body.width, "no matching command", StyleRole::Muted);
    }
    more(canvas, body, first, shown, list.shown.len());
}

/// Known values.
pub(super) fn pick(app: &App, canvas: &mut Canvas, screen: Rect, purpose: &Purpose, list: &List<Known>) {
    let typed = list.typed().filter(|_| matches!(purpose, Purpose::Field { free: true, .. }));
    let area = place(screen, 90, rows(list.items.len() + 1).clamp(4, screen.height / 2) + 3);
    let inner = frame(app, canvas, area, &list.title, "type to filter");
    let body = filter(canvas, inner, "/ ", list);
    let shown = usize::from(body.height);
    let all = list.shown.len() + usize::from(typed.is_some());
    let first = focus::offset(list.row, all, shown);
    let visible: Vec<(usize, &Known)> = list
        .shown
        .iter()
        .enumerate()
        .skip(first)
        .take(shown)
        .filter_map(|(row, at)| Some((row, list.items.get(*at)?)))
        .collect();
    let names = widest(visible.iter().map(|(_, known)| known.value.as_str())).clamp(16, inner.width / 2 + 8) + 2;
    for (y, (row, known)) in (body.y..body.bottom()).zip(&visible) {
        canvas.put(body.x + 2, y, names.saturating_sub(1), &known.value, StyleRole::Value);
        let x = body.x + 2 + names;
        canvas.put(x, y, body.right().saturating_sub(x), &known.note, StyleRole::Muted);
        mark(canvas, body, y, *row == list.row);
    }
    let next = body.y + count(visible.len());
    if let (Some(text), true) = (typed, next < body.bottom()) {
        canvas.put(
            body.x + 2,
            next,
            body.width.saturating_sub(2),
            &format!("use \"{text}\" as typed"),
            StyleRole::Text,
        );
        mark(canvas, body, next, list.row == list.shown.len());
    } else if list.shown.is_empty() {
        let text = list.why_empty.clone().unwrap_or_else(|| "nothing matches".into());
        let width = body.width.saturating_sub(2);
        for (y, line) in (body.y..body.bottom()).zip(crate::ui::canvas::wrap(&text, width)) {
            canvas.put(body.x + 2, y, cells(&line), &line, StyleRole::Muted);
        }
    }
    more(canvas, body, first, shown, all);
}

/// Marks the chosen row; the real cursor stays in the text that filters.
fn mark(canvas: &mut Canvas, body: Rect, y: u16, chosen: bool) {
    if chosen {
        let cursor = canvas.cursor;
        canvas.focus_row(body.x, y, body.width);
        canvas.cursor = cursor;
    }
}
