//! The nine steps with their state and summary: a column, or one line on narrow screens.

use super::StyleRole;
use super::canvas::{Canvas, cells, count};
use crate::app::rail::{StepState, state};
use crate::app::{App, StepId, steps};
use ratatui::layout::Rect;

/// The steps as a column. Every step has the same number of rows whatever it says, so that none ever moves.
pub(super) fn column(app: &App, canvas: &mut Canvas, area: Rect, rows: u16) {
    for step in StepId::ALL {
        let y = area.y + count(step.index()) * rows;
        if y >= area.bottom() {
            break;
        }
        let (sign, role) = sign(app, canvas, step);
        let used = canvas.put(area.x + 1, y, 4, sign, role);
        let title = if step == app.step { StyleRole::Accent } else { StyleRole::Text };
        let text = format!("{}  {}", step.number(), step.title());
        canvas.put(area.x + used + 2, y, area.width.saturating_sub(used + 2), &text, title);
        if rows == 2 && y + 1 < area.bottom() {
            let summary = steps::logic(step).summary(app);
            let x = area.x + used + 5;
            canvas.put(x, y + 1, area.right().saturating_sub(x + 1), &summary, StyleRole::Muted);
        }
    }
}

/// The steps as one line: the title of the current one, then all nine with sign and number; the nearest ones have their
/// names, as far as there is room.
pub(super) fn line(app: &App, canvas: &mut Canvas, area: Rect) {
    let head = format!(" {}/{} {}  ", app.step.number(), StepId::ALL.len(), app.step.title());
    let mut x = area.x + canvas.put(area.x, area.y, area.width, &head, StyleRole::Heading);
    let room = area.right().saturating_sub(x + 1);
    let signs = StepId::ALL.map(|step| sign(app, canvas, step));
    let named = named(app, signs.map(|(sign, _)| sign), room);
    for (step, (sign, role)) in StepId::ALL.into_iter().zip(signs) {
        let name_role = if step == app.step { StyleRole::Accent } else { StyleRole::Text };
        let name = if named.contains(&step) { format!(" {}", step.short()) } else { String::new() };
        let number = step.number().to_string();
        let pieces = [(sign, role), (&number, name_role), (&name, name_role)];
        x += canvas.put_all(x, area.y, area.right().saturating_sub(x), &pieces) + 1;
    }
}

/// The steps whose names fit into `room` columns beside all signs and numbers: the nearest first. The current one needs
/// none: its title is before them.
fn named(app: &App, signs: [&str; 9], room: u16) -> Vec<StepId> {
    let bare: u16 = signs.iter().map(|sign| cells(sign) + 2).sum();
    let mut left = room.saturating_sub(bare);
    let at = app.step.index();
    let mut others: Vec<StepId> = StepId::ALL.into_iter().filter(|step| *step != app.step).collect();
    others.sort_by_key(|step| (step.index().abs_diff(at), std::cmp::Reverse(step.index())));
    others
        .into_iter()
        .take_while(|step| {
            let wide = cells(step.short()) + 1;
            let fits = wide <= left;
            left = left.saturating_sub(wide);
            fits
        })
        .collect()
}

/// The sign and colour of a step's state.
fn sign(app: &App, canvas: &Canvas, step: StepId) -> (&'static str, StyleRole) {
    let [todo, here, done, warning, error, skipped, touched] = canvas.glyphs().steps;
    match state(app, step) {
        StepState::Todo => (todo, StyleRole::Muted),
        StepState::Here => (here, StyleRole::Accent),
        StepState::Done => (done, StyleRole::Ok),
        StepState::Warning => (warning, StyleRole::Warn),
        StepState::Error => (error, StyleRole::Error),
        StepState::Skipped => (skipped, StyleRole::Skipped),
        StepState::Touched => (touched, StyleRole::Warn),
    }
}
