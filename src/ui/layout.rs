//! Where the pieces of the screen are, by its size. Breakpoints: below 80x24 a notice, below 96 columns the rail is
//! one line, from 132 columns on the XML is beside the step.

use crate::app::state::{NARROW, SMALLEST, WIDE};
use crate::app::{App, StepId, Zone};
use ratatui::layout::Rect;

/// The pieces of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    /// Name and host.
    pub header: Rect,
    /// The steps.
    pub rail: Rail,
    /// Title, subtitle and content of the step.
    pub body: Rect,
    /// The XML beside the step.
    pub pane: Option<Rect>,
    /// Rule and rows of the checks.
    pub checks: Rect,
    /// Keys.
    pub hints: Rect,
}

/// The steps: a column, or one line where columns are few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rail {
    /// Without the vertical line at its right; with how many rows each step has.
    Column(Rect, u16),
    /// One line.
    Line(Rect),
}

/// Columns of the rail.
const RAIL: u16 = 24;
/// Columns that a step needs beside the XML.
const STEP: u16 = 74;

/// True where the wizard cannot be drawn.
pub(super) fn is_too_small(screen: Rect) -> bool {
    screen.width < SMALLEST.0 || screen.height < SMALLEST.1
}

/// The pieces of `screen`.
pub(super) fn areas(app: &App, screen: Rect) -> Areas {
    let (width, height) = (screen.width, screen.height);
    let line = |y: u16| Rect { x: 0, y, width, height: 1 };
    let hints = line(height.saturating_sub(1));
    let rows = checks_rows(app, height);
    let checks = Rect { x: 0, y: hints.y.saturating_sub(rows + 1), width, height: rows + 1 };
    if width < NARROW {
        let body = Rect { x: 1, y: 4, width: width.saturating_sub(2), height: checks.y.saturating_sub(4) };
        return Areas { header: line(0), rail: Rail::Line(line(2)), body, pane: None, checks, hints };
    }
    // One blank row below the rule where there are enough rows.
    let top = if height < 28 { 2 } else { 3 };
    let rows = checks.y.saturating_sub(top);
    let rail = Rect { x: 0, y: top, width: RAIL, height: rows };
    // By the height of the screen and not of the column: the steps keep their place when the checks take more rows.
    let each = if height.saturating_sub(top + usual_rows(height) + 2) >= 18 { 2 } else { 1 };
    let left = width - RAIL - 1;
    let pane_width = if width >= WIDE { left.saturating_sub(STEP + 1).clamp(36, 84) } else { 0 };
    let body_width = left.saturating_sub(pane_width + u16::from(pane_width > 0) + 2);
    let body = Rect { x: RAIL + 2, y: top, width: body_width, height: rows };
    let pane = (pane_width > 0).then(|| Rect { x: width - pane_width, y: top, width: pane_width, height: rows });
    Areas { header: line(0), rail: Rail::Column(rail, each), body, pane, checks, hints }
}

/// Rows of the checks below their rule. They are always there, so that nothing moves when findings come and go; more
/// of them while the focus is on them.
fn checks_rows(app: &App, height: u16) -> u16 {
    if app.step == StepId::Build && app.build.plan.is_some() && app.zone() != Zone::Checks {
        return 0;
    }
    let usual = usual_rows(height);
    if app.zone() != Zone::Checks {
        return usual;
    }
    let findings = super::canvas::count(app.case.report.findings.len());
    (findings + super::checks::READ + 1).clamp(usual, height / 2)
}

/// Rows of the checks while the focus is elsewhere.
const fn usual_rows(height: u16) -> u16 {
    match height {
        0..=29 => 2,
        30..=37 => 3,
        38..=47 => 4,
        _ => 6,
    }
}
