//! Drawing: the state in, a frame out. Never mutates, never decides.

mod canvas;
mod checks;
mod header;
mod hints;
mod layout;
mod overlays;
mod rail;
mod steps;
mod widgets;

pub mod glyphs;
pub mod look;
pub mod theme;

pub use glyphs::Glyphs;
pub use look::Look;
pub use theme::{StyleRole, Theme, ThemeError};

use crate::app::state::SMALLEST;
use crate::app::{App, Zone};
use canvas::Canvas;
use layout::{Areas, Rail};
use ratatui::Frame;
use ratatui::layout::Rect;

/// Draws the state. The real cursor is on what has the focus.
pub fn draw(app: &App, look: &Look, frame: &mut Frame) {
    let screen = frame.area();
    let mut canvas = Canvas::new(frame.buffer_mut(), look);
    canvas.fill(screen, StyleRole::Text);
    if layout::is_too_small(screen) {
        too_small(&mut canvas, screen);
    } else {
        let areas = layout::areas(app, screen);
        page(app, &mut canvas, &areas);
        overlays::draw(app, &mut canvas, screen, areas.body);
        // A step that has neither rows nor fields yet: the cursor waits where they will be.
        if canvas.cursor.is_none() {
            canvas.cursor_at(areas.body.x + 1, areas.body.y + 3);
        }
    }
    if let Some(position) = canvas.cursor {
        frame.set_cursor_position(position);
    }
}

fn page(app: &App, canvas: &mut Canvas, areas: &Areas) {
    header::draw(app, canvas, areas.header);
    canvas.rule(0, areas.header.y + 1, areas.header.width);
    match areas.rail {
        Rail::Column(rail, rows) => {
            rail::column(app, canvas, rail, rows);
            divide(canvas, rail.right(), areas);
        }
        Rail::Line(line) => {
            rail::line(app, canvas, line);
            canvas.rule(0, line.y + 1, line.width);
        }
    }
    checks::draw(app, canvas, areas.checks);
    let fields = app.fields();
    hints::draw(app, canvas, areas.hints, &fields);
    let over = !app.is_wide() && app.zone() == Zone::Xml && areas.pane.is_none();
    if over {
        widgets::xml::pane(app, canvas, areas.body);
    } else {
        let titled = matches!(areas.rail, Rail::Column(..));
        steps::draw(app, canvas, areas.body, titled, &fields);
    }
    if let Some(pane) = areas.pane {
        divide(canvas, pane.x.saturating_sub(1), areas);
        widgets::xml::pane(app, canvas, Rect { x: pane.x + 1, width: pane.width.saturating_sub(1), ..pane });
    }
}

/// A vertical line from the rule below the header to the checks.
fn divide(canvas: &mut Canvas, x: u16, areas: &Areas) {
    let top = areas.header.y + 1;
    canvas.put(x, top, 1, canvas.glyphs().tee, StyleRole::Border);
    canvas.bar(x, top + 1, areas.checks.y.saturating_sub(top + 1));
}

fn too_small(canvas: &mut Canvas, screen: Rect) {
    let (width, height) = SMALLEST;
    let text = format!(
        "vmbuild needs a screen of {width} columns and {height} rows; this one has {} and {}. Enlarge it, or use the \
         commands that need no screen: vmbuild --help. Nothing is lost: the draft is kept.",
        screen.width, screen.height
    );
    let lines = canvas::wrap(&text, screen.width.saturating_sub(2));
    for (y, line) in (0..screen.height).zip(&lines) {
        canvas.put(1, y, screen.width.saturating_sub(2), line, StyleRole::Text);
    }
    canvas.cursor_at(0, 0);
}
