//! Step 3: the pools of the host, and the one that disks live in.

use super::super::canvas::Canvas;
use super::super::widgets::table::{Table, column, number};
use super::page::{absent, in_rows, size, with_form};
use crate::app::App;
use crate::app::form::Field;
use crate::app::steps::storage::{chosen, planned};
use crate::ui::StyleRole;
use ratatui::layout::Rect;

/// Rows of the form below the list.
const FORM: u16 = 6;

/// Draws the list; the form is at the bottom, so that it does not move when the pools arrive.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    let pools = app.facts.pools.items();
    let columns = [
        column("", 1),
        column("POOL", 16),
        column("TYPE", 7),
        number("FREE", 9),
        number("THIS VM", 9),
        number("SIZE", 9),
        column("PATH", 0),
    ];
    let table = Table { columns: &columns, rows: pools.len(), at: app.cursor().row, focused: in_rows(app) };
    let ok = canvas.glyphs().chosen;
    let height = area.height.saturating_sub(FORM).max(4);
    table.draw(canvas, Rect { height, ..area }, |at| {
        let Some(pool) = pools.get(at) else { return Vec::new() };
        let mark = if chosen(app) == Some(pool.name.as_str()) { ok } else { "" };
        let taken = planned(app, pool);
        let taken = if taken.0 == 0 { (String::new(), StyleRole::Muted) } else { (size(taken), StyleRole::Value) };
        let free =
            if pool.active { (size(pool.available), StyleRole::Value) } else { ("inactive".into(), StyleRole::Warn) };
        vec![
            (mark.to_owned(), StyleRole::Ok),
            (pool.name.clone(), StyleRole::Value),
            (pool.kind.clone(), StyleRole::Muted),
            free,
            taken,
            (if pool.active { size(pool.capacity) } else { String::new() }, StyleRole::Muted),
            (pool.path.clone().unwrap_or_default(), StyleRole::Muted),
        ]
    });
    absent(
        app,
        canvas,
        area.x + 3,
        area.y + 1,
        area.width.saturating_sub(3),
        &app.facts.pools,
        "this host has no pools",
    );
    with_form(app, canvas, area, height, fields);
}
