//! Step 1: templates and presets with their place in the stack, and what the one under the cursor sets.

use super::super::canvas::{Canvas, cells, count};
use super::super::widgets::table::{Table, column};
use super::page::{in_rows, paragraph};
use crate::app::steps::logic;
use crate::app::steps::template::{is_used, position, row, sets};
use crate::app::{App, StepId};
use crate::spec::Origin;
use crate::ui::StyleRole;
use ratatui::layout::Rect;

/// Draws list and details, each in one half, so that the details keep their place.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect) {
    let rows = logic(StepId::Template).rows(app);
    if rows == 0 {
        let text = "no templates and no presets yet; w saves what you set as a preset";
        canvas.put(area.x + 3, area.y, area.width.saturating_sub(3), text, StyleRole::Muted);
        return;
    }
    let half = (area.height / 2).max(5);
    let columns = [column("USED", 6), column("NAME", 24), column("KIND", 8), column("WHAT FOR", 0)];
    let table = Table { columns: &columns, rows, at: app.cursor().row, focused: in_rows(app) };
    let [off, on, _] = canvas.glyphs().boxes;
    table.draw(canvas, Rect { height: half, ..area }, |at| {
        let Some((origin, saved)) = row(app, at) else { return Vec::new() };
        let kind = if matches!(origin, Origin::Template(_)) { "template" } else { "preset" };
        let used = match position(app, &origin) {
            Some(at) => format!("{on} {at}"),
            None if is_used(app, &origin) => on.to_owned(),
            None => off.to_owned(),
        };
        let (text, role) = match &saved.spec {
            Ok(_) => (saved.description.clone(), StyleRole::Muted),
            Err(why) => (format!("cannot be used: {why}"), StyleRole::Error),
        };
        vec![
            (used, StyleRole::Value),
            (saved.name.clone(), StyleRole::Value),
            (kind.to_owned(), StyleRole::Muted),
            (text, role),
        ]
    });
    details(app, canvas, Rect { y: area.y + half, height: area.height.saturating_sub(half), ..area });
}

fn details(app: &App, canvas: &mut Canvas, area: Rect) {
    let Some((_, saved)) = row(app, app.cursor().row) else { return };
    canvas.heading(area.x, area.y + 1, area.width, &format!("Values set by {}", saved.name));
    let width = area.width.saturating_sub(3);
    let text = match &saved.spec {
        Ok(_) => &saved.description,
        Err(why) => why,
    };
    let described = Rect { x: area.x + 3, y: area.y + 2, width, height: 2.min(area.height.saturating_sub(2)) };
    let used = paragraph(canvas, described, text, StyleRole::Muted);
    let Ok(spec) = &saved.spec else { return };
    let top = area.y + 3 + used;
    let lines = sets(spec);
    let names = lines.iter().map(|(name, _)| cells(name)).max().unwrap_or(0).min(28) + 2;
    let room = area.bottom().saturating_sub(top);
    for (y, (name, value)) in (top..area.bottom()).zip(&lines) {
        canvas.put(area.x + 3, y, names.saturating_sub(1), name, StyleRole::Label);
        let x = area.x + 3 + names;
        canvas.put(x, y, area.right().saturating_sub(x), value, StyleRole::Value);
    }
    if count(lines.len()) > room {
        canvas.put_right(area.right(), area.bottom().saturating_sub(1), 12, "  more below", StyleRole::Muted);
    }
}
