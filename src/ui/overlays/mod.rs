//! What is drawn over the step: a box with round corners, its title on the upper line, its keys on the lower one.

mod cpu_map;
mod frame;
mod help;
mod list;
mod question;
mod sheet;
mod text;

use super::canvas::Canvas;
use crate::app::App;
use crate::app::overlay::Overlay;
use ratatui::layout::Rect;

/// Draws the overlay; `body` is the place of the step.
pub(super) fn draw(app: &App, canvas: &mut Canvas, screen: Rect, body: Rect) {
    let over = over(screen, body);
    match app.overlays.last() {
        Some(Overlay::Help(shown)) => help::draw(app, canvas, screen, shown),
        Some(Overlay::Palette(list)) => list::palette(app, canvas, over, list),
        Some(Overlay::Pick(purpose, list)) => list::pick(app, canvas, over, purpose, list),
        Some(Overlay::Ask(ask)) => question::ask(app, canvas, over, ask),
        Some(Overlay::Prompt(prompt)) => question::prompt(app, canvas, over, prompt),
        Some(Overlay::Notice(notice)) => text::notice(app, canvas, over, notice),
        Some(Overlay::CpuMap(shown)) => cpu_map::draw(app, canvas, screen, shown),
        Some(Overlay::Sheet(shown)) => sheet::draw(app, canvas, screen, shown),
        None => text::editor(app, canvas, body),
    }
}

/// The place for lists, questions and texts: the step where it is wide enough, so that the rail stays visible.
fn over(screen: Rect, body: Rect) -> Rect {
    let over = Rect { x: body.x.saturating_sub(1), width: body.width + 2, ..body };
    if body.width >= 70 && body.x > 1 { over } else { screen }
}
