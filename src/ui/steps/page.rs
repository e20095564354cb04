//! What the pages of several steps have in common: the form below a list with the help of its field, texts, and why a list
//! is empty.

use crate::app::form::Field;
use crate::app::steps::logic;
use crate::app::{App, HostState, Zone};
use crate::facts::Fact;
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, count, wrap};
use crate::ui::widgets::form;
use crate::units::{Bytes, GIB};
use ratatui::layout::Rect;

/// True while the cursor is in the rows of the step and no overlay is open.
pub(super) fn in_rows(app: &App) -> bool {
    app.zone() == Zone::Rows && app.overlays.is_empty()
}

/// Rows of a list that grows with the spec: what the form leaves, but never so few that no list is left.
pub(super) fn list_height(app: &App, canvas: &Canvas, area: Rect, fields: &[Field]) -> u16 {
    let wanted = form::height(app, canvas, fields, area.width) + 3;
    let rows = count(logic(app.step).rows(app)) + 1;
    rows.min(area.height.saturating_sub(wanted).max(area.height / 3 + 1).max(4))
}

/// The form of the step in what `used` rows leave of `area`: heading, fields, and the help of the field in focus.
pub(super) fn with_form(app: &App, canvas: &mut Canvas, area: Rect, used: u16, fields: &[Field]) {
    let mut rest = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    let logic = logic(app.step);
    let title = canvas.titled(&logic.form_title(app), &logic.form_note(app));
    if !title.is_empty() && rest.height > 2 {
        // One blank row above the heading and one below, the latter only where rows are many.
        let gap = u16::from(area.height >= 16);
        canvas.heading(rest.x, rest.y + 1, rest.width, &title);
        rest.y += 2 + gap;
        rest.height = rest.height.saturating_sub(2 + gap);
    }
    let help = help(app, canvas, rest, fields);
    rest.height = rest.height.saturating_sub(help);
    form::draw(app, canvas, rest, fields);
}

/// The help of the field in focus, on the last rows; returns the rows kept free for it.
pub(super) fn help(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) -> u16 {
    let rows = if area.height >= 14 { 2 } else { 1 };
    let in_focus = (app.zone() == Zone::Fields).then(|| fields.get(app.cursor().field)).flatten();
    let Some(field) = in_focus else { return 0 };
    if !field.help.is_empty() {
        let width = area.width.saturating_sub(3);
        let lines = wrap(field.help, width);
        let top = area.bottom().saturating_sub(count(lines.len()).min(rows));
        for (y, line) in (top..area.bottom()).zip(&lines) {
            canvas.put(area.x + 3, y, width, line, StyleRole::Muted);
        }
    }
    rows
}

/// Why a list has no rows: the host was not asked yet, it is not known, or there is nothing.
pub(super) fn absent<T>(
    app: &App,
    canvas: &mut Canvas,
    x: u16,
    y: u16,
    width: u16,
    fact: &Fact<Vec<T>>,
    nothing: &str,
) {
    if fact.is_pending() {
        let text = match &app.host {
            HostState::Failed { text, remedy } => format!("{text} {remedy}"),
            _ => "asking the host".to_owned(),
        };
        paragraph(canvas, Rect { x, y, width, height: 3 }, &text, StyleRole::Muted);
    } else if let Some(why) = fact.why_not() {
        paragraph(canvas, Rect { x, y, width, height: 3 }, &format!("not known: {why}"), StyleRole::Warn);
    } else if fact.items().is_empty() {
        canvas.put(x, y, width, nothing, StyleRole::Muted);
    }
}

/// A text over several lines; gives the rows used.
pub(super) fn paragraph(canvas: &mut Canvas, area: Rect, text: &str, role: StyleRole) -> u16 {
    let lines = wrap(text, area.width);
    for (y, line) in (area.y..area.bottom()).zip(&lines) {
        canvas.put(area.x, y, area.width, line, role);
    }
    count(lines.len()).min(area.height)
}

/// A size for a column of sizes: in GiB, below 100 with one decimal, so that rows can be compared.
pub(super) fn size(bytes: Bytes) -> String {
    let tenths = (u128::from(bytes.0) * 10 + u128::from(GIB) / 2) / u128::from(GIB);
    match (tenths, tenths % 10) {
        (1000.., _) => format!("{} GiB", (tenths + 5) / 10),
        (0, _) if bytes.0 > 0 => "<0.1 GiB".to_owned(),
        (tenths, 0) => format!("{} GiB", tenths / 10),
        (tenths, rest) => format!("{}.{rest} GiB", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_a_column_have_one_unit() {
        for (bytes, want) in [(0, "0 GiB"), (1, "<0.1 GiB"), (200 * GIB, "200 GiB"), (GIB * 54 / 10, "5.4 GiB")] {
            assert_eq!(size(Bytes(bytes)), want);
        }
        assert_eq!(size(Bytes(2000 * GIB)), "2000 GiB");
    }
}
