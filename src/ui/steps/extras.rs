//! Step 7: the consoles, and the form of the one under the cursor with the options that few VMs need.

use super::super::canvas::Canvas;
use super::super::widgets::table::{Table, column};
use super::page::{in_rows, list_height, with_form};
use crate::app::App;
use crate::app::form::Field;
use crate::app::steps::extras::console_of;
use crate::app::steps::logic;
use crate::ui::StyleRole;
use ratatui::layout::Rect;

/// Draws list and form.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    let rows = logic(app.step).rows(app);
    if rows == 0 {
        let text = "no console: the guest is reached over its network or its own screen; a adds one";
        canvas.put(area.x + 3, area.y, area.width.saturating_sub(3), text, StyleRole::Muted);
        with_form(app, canvas, area, 2, fields);
        return;
    }
    let columns = [column("#", 2), column("CONSOLE", 8), column("LISTENS ON", 0), column("PORT", 18)];
    let table = Table { columns: &columns, rows, at: app.cursor().row, focused: in_rows(app) };
    let height = list_height(app, canvas, area, fields).min(area.height / 3);
    table.draw(canvas, Rect { height, ..area }, |at| {
        let number = (at.to_string(), StyleRole::Text);
        let Some(console) = console_of(app, at) else {
            return vec![
                number,
                ("none".into(), StyleRole::Text),
                ("no emulated card either".into(), StyleRole::Muted),
            ];
        };
        let port = match console.port {
            Some(port) => (port.to_string(), StyleRole::Value),
            None => ("chosen by libvirt".to_owned(), StyleRole::Placeholder),
        };
        let listen = (console.listen.value.clone(), StyleRole::Value);
        vec![number, (console.kind.name().to_owned(), StyleRole::Text), listen, port]
    });
    with_form(app, canvas, area, height, fields);
}
