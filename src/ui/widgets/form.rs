//! Forms: label, value and note of each field, the findings under their field, the cursor. The values come from the
//! step.

use super::input;
use crate::app::editor::TextInput;
use crate::app::form::{Field, FieldKind};
use crate::app::{App, Zone, focus};
use crate::checks::{Severity, Wording};
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells, count, wrap};
use crate::ui::checks::sign;
use ratatui::layout::Rect;

/// Columns of a value before its note.
const VALUE: u16 = 20;
/// Lines that a message or a remedy may take.
const LINES: usize = 2;

/// One line of a form.
enum FormLine {
    /// The heading of the fields below.
    Heading(&'static str),
    /// A field.
    Field(usize),
    /// What is wrong with the field above: sign, text, colour.
    Message(&'static str, String, StyleRole),
}

/// Columns of the labels of `fields`.
fn labels(fields: &[Field]) -> u16 {
    fields.iter().map(|field| cells(&field.label)).max().unwrap_or(0).clamp(11, 18) + 2
}

/// The lines of a form, and which of them belong to the field that has the focus.
fn lines(app: &App, canvas: &Canvas, fields: &[Field], width: u16) -> (Vec<FormLine>, std::ops::Range<usize>) {
    let focus = (app.zone() == Zone::Fields).then_some(app.cursor().field);
    let room = width.saturating_sub(labels(fields) + 6);
    let (mut lines, mut current, mut group) = (Vec::new(), 0..0, "");
    for (at, field) in fields.iter().enumerate() {
        if field.group != group {
            group = field.group;
            lines.extend((!group.is_empty()).then_some(FormLine::Heading(group)));
        }
        let start = lines.len();
        lines.push(FormLine::Field(at));
        let here = focus == Some(at);
        let finding = app.shown_finding(field).filter(|finding| here || finding.severity() <= Severity::Warning);
        if let Some(finding) = finding {
            let (sign, role) = sign(canvas, finding.severity());
            let most = if here { LINES } else { 1 };
            let mut first = sign;
            for text in cut(&finding.message(Wording::Field), room, most) {
                lines.push(FormLine::Message(std::mem::take(&mut first), text, role));
            }
            let remedy = finding.remedy(Wording::Field);
            if here && !remedy.is_empty() {
                let remedy = cut(&remedy, room, LINES).into_iter();
                lines.extend(remedy.map(|text| FormLine::Message("", text, StyleRole::Muted)));
            }
        }
        if here {
            current = start..lines.len();
        }
    }
    (lines, current)
}

/// At most `most` lines of `text`; the last one holds the rest, to be cut where it is drawn.
fn cut(text: &str, width: u16, most: usize) -> Vec<String> {
    let mut lines = wrap(text, width);
    if lines.len() > most {
        let rest = lines.split_off(most.saturating_sub(1)).join(" ");
        lines.push(rest);
    }
    lines
}

/// How many rows a form takes.
pub(in crate::ui) fn height(app: &App, canvas: &Canvas, fields: &[Field], width: u16) -> u16 {
    count(lines(app, canvas, fields, width).0.len())
}

/// Draws `fields` in `area`, scrolled so that the field that has the focus is visible.
pub(in crate::ui) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    let (lines, current) = lines(app, canvas, fields, area.width);
    let rows = usize::from(area.height);
    let first = focus::offset(current.end.saturating_sub(1), lines.len(), rows).min(current.start.max(
        // Without a focus the form is shown from its start.
        if current.is_empty() { 0 } else { current.start },
    ));
    let label = labels(fields);
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(first)) {
        match line {
            FormLine::Heading(text) => {
                canvas.put(area.x + 1, y, area.width.saturating_sub(1), text, StyleRole::Heading);
            }
            FormLine::Field(at) => {
                if let Some(known) = fields.get(*at) {
                    let here = current.contains(&(first + usize::from(y - area.y)));
                    field(app, canvas, Rect { y, height: 1, ..area }, known, label, here);
                }
            }
            FormLine::Message(sign, text, role) => {
                let x = area.x + 3 + label;
                let width = area.right().saturating_sub(x);
                canvas.put_all(x, y, width, &[(sign, *role), (if sign.is_empty() { "  " } else { " " }, *role)]);
                canvas.put(x + 2, y, width.saturating_sub(2), text, *role);
            }
        }
    }
    if first + rows < lines.len() && area.height > 1 {
        canvas.put_right(area.right(), area.bottom() - 1, 12, "  more below", StyleRole::Muted);
    }
}

fn field(app: &App, canvas: &mut Canvas, row: Rect, field: &Field, label: u16, here: bool) {
    let off = field.disabled.is_some();
    let name = if off { StyleRole::Muted } else { StyleRole::Label };
    canvas.put(row.x + 3, row.y, label.saturating_sub(1), &field.label, name);
    let x = row.x + 3 + label;
    let width = row.right().saturating_sub(x);
    let editing = app.editing().filter(|_| app.is_editing(&field.place));
    if here && app.overlays.is_empty() {
        canvas.put(row.x + 1, row.y, 2, canvas.glyphs().cursor, StyleRole::Accent);
    }
    let used = match editing.map(|editing| &editing.text) {
        Some(TextInput::Line(text)) => {
            let wide = VALUE.max(count(text.value().len()).saturating_add(1)).min(width);
            let scroll = text.visual_scroll(usize::from(wide));
            input::line(canvas, x, row.y, wide, text.value(), text.visual_cursor(), scroll);
            wide
        }
        _ => value(canvas, x, row.y, width, field, here),
    };
    if here && editing.is_none() && app.overlays.is_empty() {
        canvas.cursor_at(x, row.y);
    }
    note(canvas, x, row, used, field);
}

/// The value of the field; returns its columns.
fn value(canvas: &mut Canvas, x: u16, y: u16, width: u16, field: &Field, here: bool) -> u16 {
    let role = match () {
        () if field.disabled.is_some() => StyleRole::Muted,
        () if field.text.is_empty() => StyleRole::Placeholder,
        () if here => StyleRole::Focus,
        () => StyleRole::Value,
    };
    match &field.kind {
        FieldKind::Toggle => {
            let [off, on, _] = canvas.glyphs().boxes;
            let sign = if field.is_on() { on } else { off };
            canvas.put(x, y, width, sign, role)
        }
        FieldKind::Choice { .. } => {
            let used = canvas.put(x, y, width.saturating_sub(2), field.shown(), role);
            // The sign is in one column for all fields whose values are short.
            let at = used.max(VALUE - 3) + 1;
            canvas.put(x + at, y, 1, canvas.glyphs().open, StyleRole::Muted);
            at + 1
        }
        FieldKind::Lines => {
            let lines = field.text.lines().count();
            let text = match lines {
                0 => field.default.clone(),
                1 => field.text.clone(),
                n => format!("{n} lines: {}", field.text.lines().next().unwrap_or_default()),
            };
            canvas.put(x, y, width, &text, role)
        }
        FieldKind::Text => canvas.put(x, y, width, field.shown(), role),
    }
}

/// Beside the value: why the field is off, what the value means, where it comes from.
fn note(canvas: &mut Canvas, x: u16, row: Rect, used: u16, field: &Field) {
    let origin = field.origin.as_ref().map(|origin| format!("from {origin}"));
    let parts = match &field.disabled {
        Some(why) => vec![why.clone()],
        None => [Some(field.note.clone()).filter(|note| !note.is_empty()), origin].into_iter().flatten().collect(),
    };
    let at = x + used.max(VALUE) + 2;
    let room = row.right().saturating_sub(at);
    if room >= 8 {
        // The origin is shown where it fits: the review has it as well.
        let whole = parts.join(", ");
        let text = if cells(&whole) <= room { &whole } else { parts.first().unwrap_or(&whole) };
        canvas.put(at, row.y, room, text, StyleRole::Muted);
    }
}
