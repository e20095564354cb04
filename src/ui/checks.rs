//! The checks at the bottom: how many of each kind on the rule, the worst ones below it.

use super::StyleRole;
use super::canvas::{Canvas, cells, wrap};
use crate::app::{App, StepId, Zone, focus};
use crate::checks::{Finding, Severity, Wording};
use ratatui::layout::Rect;

/// The sign and colour of a severity.
pub(super) fn sign(canvas: &Canvas, severity: Severity) -> (&'static str, StyleRole) {
    let glyphs = canvas.glyphs();
    match severity {
        Severity::Blocker => (glyphs.error, StyleRole::Error),
        Severity::Warning => (glyphs.warn, StyleRole::Warn),
        Severity::Unknown => (glyphs.unknown, StyleRole::Info),
        Severity::Info => (glyphs.info, StyleRole::Info),
    }
}

/// Rows in which the finding under the cursor can be read in full: what is wrong, and the fix.
pub(super) const READ: u16 = 4;

/// Draws rule and rows.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect) {
    let focused = app.zone() == Zone::Checks && app.overlays.is_empty();
    let findings = &app.case.report.findings;
    let remedy = if app.zone() == Zone::Checks { READ.min(area.height / 2) } else { 0 };
    let rows = usize::from(area.height.saturating_sub(1 + remedy));
    let first = if app.zone() == Zone::Checks { focus::offset(app.checks_row, findings.len(), rows) } else { 0 };
    rule(app, canvas, area, findings.len().saturating_sub(rows));
    let codes = findings.iter().skip(first).take(rows).map(|finding| cells(finding.code())).max().unwrap_or(0).max(14);
    for (y, (at, finding)) in (area.y + 1..).zip(findings.iter().enumerate().skip(first).take(rows)) {
        row(app, canvas, Rect { y, height: 1, ..area }, finding, codes);
        if focused && at == app.checks_row {
            canvas.focus_row(area.x, y, area.width);
        }
    }
    if let (true, Some(finding)) = (remedy > 0, findings.get(app.checks_row)) {
        let width = area.width.saturating_sub(6);
        let message = wrap(&finding.message(Wording::Full), width).into_iter().map(|line| (line, StyleRole::Text));
        let fix = wrap(&finding.remedy(Wording::Full), width).into_iter().map(|line| (line, StyleRole::Muted));
        for (y, (line, role)) in (area.bottom() - remedy..area.bottom()).zip(message.chain(fix)) {
            canvas.put(area.x + 4, y, width, &line, role);
        }
    }
}

fn rule(app: &App, canvas: &mut Canvas, area: Rect, hidden: usize) {
    canvas.rule(area.x, area.y, area.width);
    let used = canvas.put(area.x + 2, area.y, area.width, " Checks ", StyleRole::Heading);
    let report = &app.case.report;
    let of = |severity| report.count(severity);
    // On a narrow screen the key matters more than the air between the numbers.
    let gap = if area.width < 100 { "  " } else { "   " };
    let some = |n: usize, one: &str, many: &str| format!("{n} {}{gap}", if n == 1 { one } else { many });
    let unknown = match of(Severity::Unknown) {
        0 => String::new(),
        n => format!("{n} not checked{gap}"),
    };
    let notes = match of(Severity::Info) {
        0 => String::new(),
        n => some(n, "note", "notes"),
    };
    let pieces = [
        (some(of(Severity::Blocker), "error", "errors"), Severity::Blocker),
        (some(of(Severity::Warning), "warning", "warnings"), Severity::Warning),
        (unknown, Severity::Unknown),
        (notes, Severity::Info),
    ];
    let passed = format!("{} passed ", report.passed.len());
    let wide = pieces.iter().map(|(text, _)| cells(text)).sum::<u16>() + cells(&passed) + 1;
    let mut x = area.right().saturating_sub(wide + 2);
    if hidden > 0 && area.height > 1 {
        let from = area.x + 3 + used;
        let texts = [format!(" {hidden} more: c "), format!(" {hidden}: c ")];
        if let Some(text) = texts.iter().find(|text| from + cells(text) <= x) {
            canvas.put(from, area.y, 20, text, StyleRole::Muted);
        }
    }
    x += canvas.put(x, area.y, 1, " ", StyleRole::Text);
    for (text, severity) in &pieces {
        let role = if of(*severity) > 0 { sign(canvas, *severity).1 } else { StyleRole::Muted };
        x += canvas.put(x, area.y, cells(text), text, role);
    }
    canvas.put(x, area.y, cells(&passed), &passed, StyleRole::Muted);
}

/// One finding: sign, code, message, and the step it belongs to.
fn row(app: &App, canvas: &mut Canvas, area: Rect, finding: &Finding, codes: u16) {
    let (sign, role) = sign(canvas, finding.severity());
    canvas.put(area.x + 1, area.y, 2, sign, role);
    let step = StepId::of(finding.place());
    let place = if step == app.step { "here".to_owned() } else { format!("{} {}", step.number(), step.short()) };
    let end = area.right().saturating_sub(1);
    canvas.put_right(end, area.y, 12, &place, StyleRole::Muted);
    let code = area.x + 3;
    canvas.put(code, area.y, codes, finding.code(), role);
    let message = code + codes + 2;
    canvas.put(message, area.y, end.saturating_sub(message + 13), &finding.message(Wording::Full), StyleRole::Text);
}
