//! The nine steps, file by file: what their lists show. Heading, form and help line are the same for all.

mod build;
mod disks;
mod extras;
mod network;
mod page;
mod pci;
mod review;
mod storage;
mod template;

use super::StyleRole;
use super::canvas::Canvas;
use crate::app::form::Field;
use crate::app::steps::logic;
use crate::app::{App, StepId};
use page::with_form;
use ratatui::layout::Rect;

/// Draws the step on screen with its `fields`; `titled` where the rail does not name it already.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, titled: bool, fields: &[Field]) {
    let mut y = area.y;
    if titled {
        let at = format!("step {} of {}", app.step.number(), StepId::ALL.len());
        canvas.put(area.x, y, area.width, app.step.title(), StyleRole::Heading);
        if app.step != StepId::Build {
            canvas.put_right(area.right(), y, area.width, &at, StyleRole::Muted);
        }
        y += 1;
    }
    let subtitle = logic(app.step).subtitle(app);
    if !subtitle.is_empty() {
        canvas.put(area.x, y, area.width, &subtitle, StyleRole::Muted);
    }
    let own = matches!(app.step, StepId::Pci | StepId::Review | StepId::Build);
    // These three draw the line of the subtitle themselves.
    let top = if own { y } else { y + 2 };
    let content = Rect { y: top, height: area.bottom().saturating_sub(top), ..area };
    match app.step {
        StepId::Template => template::draw(app, canvas, content),
        StepId::System => with_form(app, canvas, content, 0, fields),
        StepId::Storage => storage::draw(app, canvas, content, fields),
        StepId::Disks => disks::draw(app, canvas, content, fields),
        StepId::Network => network::draw(app, canvas, content, fields),
        StepId::Pci => pci::draw(app, canvas, content, fields),
        StepId::Extras => extras::draw(app, canvas, content, fields),
        StepId::Review => review::draw(app, canvas, content),
        StepId::Build => build::draw(app, canvas, content),
    }
}
