//! Step 8: the whole VM again in four tabs. Every line leads to the step it comes from.

use super::super::canvas::{Canvas, cells, wrap};
use super::super::widgets::xml;
use super::page::{in_rows, paragraph};
use crate::app::steps::review::view::Tab;
use crate::app::steps::review::{SummaryLine, summary_lines, xml_lines};
use crate::app::xml::{Mark, hunks};
use crate::app::{App, focus};
use crate::ui::StyleRole;
use ratatui::layout::Rect;

/// Draws the tabs and the one on screen.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect) {
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(4), ..area };
    let foot = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    match app.review.tab {
        Tab::Summary => summary(app, canvas, body),
        Tab::Xml => diff(app, canvas, body, foot, area.y),
        Tab::Plan => plan(app, canvas, body, foot),
        Tab::Json => json(app, canvas, body),
    }
    tabs(app, canvas, area);
    xml::search(app, canvas, foot);
}

fn tabs(app: &App, canvas: &mut Canvas, area: Rect) {
    let mut x = area.x;
    for (tab, name) in Tab::ALL {
        let (text, role) = if tab == app.review.tab {
            (format!("[{name}]"), StyleRole::Heading)
        } else {
            (format!(" {name} "), StyleRole::Muted)
        };
        x += canvas.put(x, area.y, cells(&text), &text, role) + 1;
    }
}

/// By step, in words.
fn summary(app: &App, canvas: &mut Canvas, area: Rect) {
    let lines = summary_lines(app);
    let names = lines.iter().map(|line| cells(&line.label)).max().unwrap_or(0).min(area.width / 2) + 2;
    let first = focus::offset(app.cursor().row, lines.len(), usize::from(area.height));
    for (y, (at, line)) in (area.y..area.bottom()).zip(lines.iter().enumerate().skip(first)) {
        let row = Rect { y, height: 1, ..area };
        if line.place.is_none() {
            heading(canvas, row, line);
        } else {
            canvas.put(row.x + 5, y, names.saturating_sub(1), &line.label, StyleRole::Label);
            let x = row.x + 5 + names;
            let used = canvas.put(x, y, row.right().saturating_sub(x), &line.value, StyleRole::Value).max(16);
            let note = x + used + 2;
            canvas.put(note, y, row.right().saturating_sub(note), &line.note, StyleRole::Muted);
        }
        if at == app.cursor().row && in_rows(app) {
            canvas.focus_row(area.x + 1, y, area.width.saturating_sub(1));
        }
    }
}

fn heading(canvas: &mut Canvas, row: Rect, line: &SummaryLine) {
    let title = format!("{}  {}", line.step.number(), line.step.title());
    let used = canvas.put(row.x + 3, row.y, row.width, &title, StyleRole::Heading).max(20);
    let x = row.x + 3 + used + 2;
    canvas.put(x, row.y, row.right().saturating_sub(x), &line.value, StyleRole::Muted);
}

/// The domain XML against its base.
fn diff(app: &App, canvas: &mut Canvas, area: Rect, foot: Rect, top: u16) {
    let lines = xml_lines(app);
    let (added, removed, _) = xml::tally(&lines);
    let (review, base) = (&app.review, app.review.base.name());
    let text = match &review.against.missing {
        Some(_) => format!("compared with: {base}"),
        None => format!("compared with: {base}   +{added} -{removed}"),
    };
    let room = area.width.saturating_sub(38);
    // What it is compared with is known; how much differs is not.
    let short = text.strip_prefix("compared with: ").filter(|_| cells(&text) > room);
    canvas.put_right(area.right(), top, room, short.unwrap_or(&text), StyleRole::Muted);
    if let Some(why) = &review.against.missing {
        paragraph(canvas, Rect { x: area.x + 3, width: area.width.saturating_sub(3), ..area }, why, StyleRole::Text);
        return;
    }
    let noted = of_domain(app, canvas, Rect { y: top + 1, height: 2, ..area });
    let area = Rect { y: area.y + noted, height: area.height.saturating_sub(noted), ..area };
    let at = app.cursor().row;
    xml::list(canvas, area, &lines, at, in_rows(app));
    let starts = hunks(&lines);
    let here = lines.get(at).is_some_and(|line| line.mark != Mark::Same);
    let nth = starts.iter().filter(|start| **start <= at).count();
    if !starts.is_empty() {
        let text = if here { format!("change {nth} of {}", starts.len()) } else { format!("{} changes", starts.len()) };
        canvas.put_right(foot.right(), foot.y, 20, &text, StyleRole::Muted);
    }
    xml::origin(app, canvas, Rect { width: foot.width.saturating_sub(22), ..foot }, lines.get(at), &base);
}

/// How old the XML of a defined domain is, and what is left out of it; returns the rows that the list has less.
fn of_domain(app: &App, canvas: &mut Canvas, area: Rect) -> u16 {
    let against = &app.review.against;
    let age = against.age(app.clock);
    if age.is_empty() {
        return 0;
    }
    let left_out = match &against.left_out {
        _ if app.review.whole => "with all that libvirt adds; m hides it".to_owned(),
        nothing if nothing.is_empty() => "nothing is left out".to_owned(),
        left_out => format!("left out (m shows it): {left_out}"),
    };
    canvas.put(area.x + 3, area.y, area.width.saturating_sub(3), &left_out, StyleRole::Muted);
    let age = format!("- in libvirt, + in this VM; read {age}");
    canvas.put(area.x + 3, area.y + 1, area.width.saturating_sub(3), &age, StyleRole::Muted);
    1
}

/// What a build does.
fn plan(app: &App, canvas: &mut Canvas, area: Rect, foot: Rect) {
    let steps = &app.case.plan.steps;
    let first = focus::offset(app.cursor().row, steps.len(), usize::from(area.height));
    for (y, (at, step)) in (area.y..area.bottom()).zip(steps.iter().enumerate().skip(first)) {
        canvas.put_right(area.x + 5, y, 2, &(at + 1).to_string(), StyleRole::Muted);
        canvas.put(area.x + 7, y, 24, &step.title, StyleRole::Label);
        let x = area.x + 33;
        canvas.put(x, y, area.right().saturating_sub(x), &step.detail, StyleRole::Value);
        if at == app.cursor().row && in_rows(app) {
            canvas.focus_row(area.x + 1, y, area.width.saturating_sub(1));
            canvas.put(foot.x, foot.y, foot.width, &step.terms, StyleRole::Muted);
        }
    }
    if let Some(why) = app.build_gate() {
        let row = foot.y.saturating_sub(1);
        canvas.put(foot.x, row, foot.width, &format!("cannot be built now: {why}"), StyleRole::Error);
    }
}

/// The spec.
fn json(app: &App, canvas: &mut Canvas, area: Rect) {
    let text = app.json();
    let lines: Vec<&str> = text.lines().collect();
    let first = focus::offset(app.cursor().row, lines.len(), usize::from(area.height));
    for (y, (at, line)) in (area.y..area.bottom()).zip(lines.iter().enumerate().skip(first)) {
        let shown = wrap(line, area.width.saturating_sub(3)).into_iter().next().unwrap_or_default();
        canvas.put(area.x + 3, y, area.width.saturating_sub(3), &shown, StyleRole::Text);
        if at == app.cursor().row && in_rows(app) {
            canvas.focus_row(area.x + 1, y, area.width.saturating_sub(1));
        }
    }
}
