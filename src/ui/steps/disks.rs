//! Step 4: the disks in their order of creation, the installation medium, and the form of the row under the cursor.

use super::super::canvas::Canvas;
use super::super::checks::sign;
use super::super::widgets::table::{Table, column, number};
use super::page::{in_rows, list_height, size, with_form};
use crate::app::App;
use crate::app::form::Field;
use crate::app::steps::disks::{DiskRow, asked, row};
use crate::app::steps::logic;
use crate::checks::Severity;
use crate::spec::Place;
use crate::ui::StyleRole;
use ratatui::layout::Rect;

/// Draws list and form.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    let columns = [
        column("#", 2),
        column("ACTION", 6),
        column("SOURCE", 0),
        column("", 1),
        number("SIZE", 9),
        column("BUS", 6),
        column("TARGET", 6),
    ];
    let rows = logic(app.step).rows(app);
    let table = Table { columns: &columns, rows, at: app.cursor().row, focused: in_rows(app) };
    let height = list_height(app, canvas, area, fields);
    let signs: Vec<(&str, StyleRole)> = (0..rows).map(|at| worst(app, canvas, at)).collect();
    table.draw(canvas, Rect { height, ..area }, |at| {
        let DiskRow { number, action, source, size: bytes, bus, target } = row(app, at);
        let (sign, role) = signs.get(at).copied().unwrap_or(("", StyleRole::Text));
        let role_of_source = if bus.is_empty() { StyleRole::Placeholder } else { StyleRole::Value };
        vec![
            (number, StyleRole::Text),
            (action, StyleRole::Text),
            (source, role_of_source),
            (sign.to_owned(), role),
            (bytes.map(size).unwrap_or_default(), StyleRole::Value),
            (bus, StyleRole::Muted),
            (target, StyleRole::Muted),
        ]
    });
    with_form(app, canvas, area, height, fields);
}

/// The sign of the worst finding about a row.
fn worst(app: &App, canvas: &Canvas, at: usize) -> (&'static str, StyleRole) {
    let storage = Place::root().key("storage");
    let place = if at < asked(app).len() { storage.key("disks").index(at) } else { storage.key("boot_iso") };
    let findings = app.case.report.findings.iter().filter(|finding| finding.place().within(&place));
    let worst =
        findings.map(crate::checks::finding::Finding::severity).filter(|severity| *severity <= Severity::Warning).min();
    worst.map_or(("", StyleRole::Text), |severity| sign(canvas, severity))
}
