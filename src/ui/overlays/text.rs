//! Texts of several lines: something to read, and a field being edited.

use super::frame::{frame, more, place, rows, widest};
use crate::app::editor::TextInput;
use crate::app::focus::Focus;
use crate::app::overlay::Notice;
use crate::app::textarea::LinesEditor;
use crate::app::{App, focus};
use crate::checks::Wording;
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells, count, wrap};
use crate::ui::checks::sign;
use ratatui::layout::Rect;

/// Something to read.
pub(super) fn notice(app: &App, canvas: &mut Canvas, screen: Rect, notice: &Notice) {
    let width = widest(notice.lines.iter().map(String::as_str)).max(cells(&notice.title) + 4).saturating_add(6);
    let width = place(screen, width.max(48), 0).width;
    let visible = notice.lines.iter().skip(notice.top);
    let lines: Vec<String> = visible.flat_map(|line| wrap(line, width.saturating_sub(6))).collect();
    let all = notice.lines.iter().map(|line| wrap(line, width.saturating_sub(6)).len()).sum();
    let area = place(screen, width, rows(all) + 4);
    let inner = frame(app, canvas, area, &notice.title, "");
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(2), ..inner };
    for (y, line) in (body.y..body.bottom()).zip(&lines) {
        canvas.put(body.x + 1, y, body.width.saturating_sub(1), line, StyleRole::Text);
    }
    canvas.cursor_at(body.x, body.y);
    more(canvas, inner, notice.top, usize::from(body.height), lines.len() + notice.top);
}

/// The field of several lines that is being edited, if one is: over the whole step.
pub(super) fn editor(app: &App, canvas: &mut Canvas, body: Rect) {
    let Focus::Typing { place, text, .. } = &app.focus else { return };
    let TextInput::Lines(text) = &text.text else { return };
    let field = app.fields().into_iter().find(|field| field.place == *place);
    let title = field.as_ref().map_or("Text", |field| &field.label);
    let finding = field.as_ref().and_then(|field| app.shown_finding(field));
    let area = Rect { height: body.height.max(6), ..body };
    let at = format!("line {} of {}", text.cursor().0 + 1, text.lines().len());
    let inner = frame(app, canvas, area, title, &at);
    let help = field.as_ref().map_or("", |field| field.help);
    let foot = inner.bottom().saturating_sub(1);
    match finding {
        Some(finding) => {
            let (glyph, role) = sign(canvas, finding.severity());
            let text = format!("{glyph} {}", finding.message(Wording::Full));
            canvas.put(inner.x, foot, inner.width, &text, role);
        }
        None => {
            canvas.put(inner.x, foot, inner.width, help, StyleRole::Muted);
        }
    }
    lines(canvas, Rect { height: inner.height.saturating_sub(2), ..inner }, text);
}

fn lines(canvas: &mut Canvas, area: Rect, text: &LinesEditor) {
    let (row, column) = text.cursor();
    let first = focus::offset(row, text.lines().len(), usize::from(area.height));
    let before: String = text.lines().get(row).map(|line| line.chars().take(column).collect()).unwrap_or_default();
    let at = cells(&before);
    // All lines move together, by half widths, so that the cursor is visible.
    let half = (area.width / 2).max(1);
    let left = if at < area.width { 0 } else { (at / half).saturating_sub(1) * half };
    for (y, (number, line)) in (area.y..area.bottom()).zip(text.lines().iter().enumerate().skip(first)) {
        let mut skipped = 0;
        let shown: String = line
            .chars()
            .skip_while(|c| {
                let here = skipped;
                skipped += count(unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0));
                here < left
            })
            .collect();
        let role = if number == row { StyleRole::CursorLine } else { StyleRole::Text };
        canvas.put(area.x, y, area.width, &shown.replace('\t', " "), role);
    }
    canvas.cursor_at(area.x + at.saturating_sub(left), area.y + count(row - first.min(row)));
}
