//! Step 5: the interfaces in their order, and the form of the one under the cursor.

use super::super::canvas::Canvas;
use super::super::widgets::table::{Table, column};
use super::page::{in_rows, list_height, with_form};
use crate::app::App;
use crate::app::form::Field;
use crate::ui::StyleRole;
use ratatui::layout::Rect;

/// Draws list and form.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    let interfaces = &app.case.machine.interfaces;
    if interfaces.is_empty() {
        let text = "no interface: the guest has no network; a adds one";
        canvas.put(area.x + 3, area.y, area.width.saturating_sub(3), text, StyleRole::Muted);
        return;
    }
    let columns =
        [column("#", 2), column("TYPE", 8), column("SOURCE", 0), column("CARD", 8), column("MAC ADDRESS", 17)];
    let table = Table { columns: &columns, rows: interfaces.len(), at: app.cursor().row, focused: in_rows(app) };
    let height = list_height(app, canvas, area, fields);
    table.draw(canvas, Rect { height, ..area }, |at| {
        let Some(interface) = interfaces.get(at) else { return Vec::new() };
        let (source, role) = match interface.source.value.as_str() {
            "" if interface.kind == crate::spec::NetworkKind::User => ("QEMU's own NAT", StyleRole::Muted),
            "" => ("not given", StyleRole::Placeholder),
            name => (name, StyleRole::Value),
        };
        let mac =
            interface.mac.as_deref().map_or(("set by libvirt", StyleRole::Placeholder), |mac| (mac, StyleRole::Value));
        vec![
            (at.to_string(), StyleRole::Text),
            (interface.kind.name().to_owned(), StyleRole::Text),
            (source.to_owned(), role),
            (interface.model.value.name().to_owned(), StyleRole::Muted),
            (mac.0.to_owned(), mac.1),
        ]
    });
    with_form(app, canvas, area, height, fields);
}
