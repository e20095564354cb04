//! Questions with their answers, and prompts for a text.

use super::frame::{frame, place, rows, widest};
use crate::app::App;
use crate::app::overlay::{Ask, Prompt};
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells, count, wrap};
use crate::ui::widgets::input;
use ratatui::layout::Rect;

/// Columns of a question, borders included.
const WIDTH: u16 = 76;

/// A question.
pub(super) fn ask(app: &App, canvas: &mut Canvas, screen: Rect, ask: &Ask) {
    let texts = ask.lines.iter().map(String::as_str).chain(ask.answers.iter().map(|(text, _)| text.as_ref()));
    let width = widest(texts).max(cells(&ask.title) + 4).saturating_add(8).clamp(48, WIDTH.max(screen.width * 3 / 4));
    let area = place(screen, width, 0);
    let lines: Vec<String> = ask.lines.iter().flat_map(|line| wrap(line, area.width.saturating_sub(6))).collect();
    let area = place(screen, width, rows(lines.len()) + count(ask.answers.len()) + 5);
    let inner = frame(app, canvas, area, &ask.title, "");
    let answers = inner.bottom().saturating_sub(count(ask.answers.len()) + 1);
    for (y, line) in (inner.y + 1..answers).zip(&lines) {
        canvas.put(inner.x + 1, y, inner.width.saturating_sub(1), line, StyleRole::Text);
    }
    for (y, (at, (text, _))) in (answers..inner.bottom()).zip(ask.answers.iter().enumerate()) {
        canvas.put(inner.x + 3, y, inner.width.saturating_sub(3), text, StyleRole::Text);
        if at == ask.row {
            canvas.focus_row(inner.x + 1, y, inner.width.saturating_sub(1));
        }
    }
}

/// A prompt.
pub(super) fn prompt(app: &App, canvas: &mut Canvas, screen: Rect, prompt: &Prompt) {
    let error = prompt.error.as_deref().unwrap_or_default();
    let told: Vec<String> = prompt.lines.iter().flat_map(|line| wrap(line, WIDTH.saturating_sub(6))).collect();
    let told_height = if told.is_empty() { 0 } else { rows(told.len()) + 1 };
    let area = place(screen, WIDTH, 9 + told_height);
    let inner = frame(app, canvas, area, prompt.title, "");
    for (y, line) in (inner.y + 1..inner.bottom()).zip(&told) {
        canvas.put(inner.x + 1, y, inner.width.saturating_sub(1), line, StyleRole::Text);
    }
    let second = prompt.second.as_ref().map(|(label, input)| (*label, input, prompt.on_second));
    let texts = [Some((prompt.label, &prompt.input, !prompt.on_second)), second];
    let label = prompt.second.as_ref().map_or(0, |(label, _)| cells(label)).max(cells(prompt.label)) + 2;
    let x = inner.x + 1 + label;
    let width = inner.right().saturating_sub(x);
    let mut y = inner.y + 1 + told_height;
    for (name, text, active) in texts.into_iter().flatten() {
        canvas.put(inner.x + 1, y, label, name, StyleRole::Label);
        if active {
            let scroll = text.visual_scroll(usize::from(width));
            input::line(canvas, x, y, width, text.value(), text.visual_cursor(), scroll);
            if prompt.offered && !prompt.on_second {
                canvas.put(x, y, width, text.value(), StyleRole::Selection);
            }
        } else {
            canvas.put(x, y, width, text.value(), StyleRole::Value);
        }
        y += 1;
    }
    let sign = canvas.glyphs().error;
    for (at, (y, line)) in (y + 1..inner.bottom()).zip(wrap(error, width)).enumerate().filter(|_| !error.is_empty()) {
        canvas.put(x.saturating_sub(2), y, 1, if at == 0 { sign } else { "" }, StyleRole::Error);
        canvas.put(x, y, width, &line, StyleRole::Error);
    }
}
