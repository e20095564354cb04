//! Step 9: the steps of the plan with their state, what would be undone now, and the log.

use super::super::canvas::{Canvas, cells, count};
use super::page::{in_rows, paragraph, size};
use crate::app::steps::build::plan;
use crate::app::steps::build::view::{RunState, StepRun, clock, reason};
use crate::app::{App, focus};
use crate::engine::Step;
use crate::plan::{BuildResult, Verdict};
use crate::ui::StyleRole;
use crate::units::{Bytes, GIB, MIB};
use ratatui::layout::Rect;

/// Draws state, steps, undo list and log.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect) {
    state(app, canvas, area);
    let steps = &plan(app).steps;
    // The bar of the running step has a row of its own, whether one runs or not: the rest does not move.
    let wanted = count(steps.len()) + 1;
    let rows = wanted.min((area.height.saturating_sub(2) / 2).max(4));
    let top = Rect { y: area.y + 2, height: rows, ..area };
    list(app, canvas, top);
    let rest = Rect { y: top.bottom() + 1, height: area.bottom().saturating_sub(top.bottom() + 1), ..area };
    if app.build.plan.is_none() {
        preview(app, canvas, rest);
        return;
    }
    let used = match &app.build.outcome {
        Some(outcome) => ended(app, canvas, rest, outcome),
        // Once the VM is being checked, only a cancel undoes anything.
        None if !app.build.verified.is_empty() => verified(app, canvas, rest),
        None => undo(app, canvas, rest),
    };
    let rest = Rect { y: rest.y + used, height: rest.height.saturating_sub(used), ..rest };
    log(app, canvas, rest);
}

/// The line of the subtitle: how far, since when, or what blocks the build.
fn state(app: &App, canvas: &mut Canvas, area: Rect) {
    let build = &app.build;
    let done = build.steps.iter().filter(|step| step.state == RunState::Done).count();
    let seconds = app.clock.saturating_sub(build.started).max(build.at_ms / 1000);
    let (text, role) = match &build.outcome {
        None if build.cancelling => ("Cancelling, then undoing".to_owned(), StyleRole::Warn),
        None if build.is_running() => {
            let at = (done + 1).min(build.steps.len());
            (format!("{at} of {}   {}", build.steps.len(), span(seconds)), StyleRole::Muted)
        }
        None => match app.build_gate() {
            Some(why) => (format!("Build is blocked: {why}"), StyleRole::Error),
            None if app.case.report.is_only_locked_out() => (
                "The host uses a device that this VM takes. B asks you to type its address.".to_owned(),
                StyleRole::Error,
            ),
            None => ("Nothing has been changed on the host yet. B builds.".to_owned(), StyleRole::Muted),
        },
        Some(BuildResult::Built { .. }) => (format!("Built in {}", exact_span(build.at_ms)), StyleRole::Ok),
        Some(BuildResult::Cancelled) => ("Cancelled; everything is undone".to_owned(), StyleRole::Warn),
        Some(BuildResult::Undone { .. }) => ("Failed; everything is undone".to_owned(), StyleRole::Error),
        Some(BuildResult::NotFullyUndone { .. }) => {
            ("Failed; something is left on the host".to_owned(), StyleRole::Error)
        }
        Some(BuildResult::Unverified { .. }) => {
            ("Built, but checks after the start failed; the VM was left as it is".to_owned(), StyleRole::Error)
        }
    };
    canvas.put(area.x, area.y, area.width, &text, role);
}

/// Milliseconds in words, below a minute with tenths of a second.
fn exact_span(milliseconds: u64) -> String {
    match milliseconds {
        0..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => span(milliseconds / 1000),
    }
}

/// Seconds in words.
fn span(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

fn list(app: &App, canvas: &mut Canvas, area: Rect) {
    let steps = &plan(app).steps;
    let waiting = StepRun::default();
    let rows = usize::from(area.height.saturating_sub(1));
    let first = focus::offset(app.cursor().row, steps.len(), rows.max(1));
    let mut y = area.y;
    for (at, step) in steps.iter().enumerate().skip(first).take(rows) {
        let run = app.build.steps.get(at).unwrap_or(&waiting);
        let kept = app.build.compared != Some(at) || app.build.round_trip().is_none_or(|(_, kept)| kept);
        row(canvas, Rect { y, height: 1, ..area }, step, run, kept);
        if at == app.cursor().row && in_rows(app) {
            canvas.focus_row(area.x, y, area.width);
        }
        y += 1;
        if run.state == RunState::Running && y < area.bottom() {
            bar(app, canvas, Rect { y, height: 1, ..area }, run);
            y += 1;
        }
    }
}

/// `✓ Create volume      gpu-ws-01-vda.qcow2, 200 GiB        0.1 s`.
/// A step that did not keep what it should is done with a warning.
fn row(canvas: &mut Canvas, area: Rect, step: &Step, run: &StepRun, kept: bool) {
    let glyphs = canvas.glyphs();
    let [todo, here, done, warned, failed, _, _] = glyphs.steps;
    let (sign, role) = match run.state {
        RunState::Waiting => (todo, StyleRole::Muted),
        RunState::Running => (here, StyleRole::Accent),
        RunState::Done if kept => (done, StyleRole::Ok),
        RunState::Done => (warned, StyleRole::Warn),
        RunState::Failed => (failed, StyleRole::Error),
        RunState::Undone => (glyphs.steps[5], StyleRole::Skipped),
    };
    let used = canvas.put(area.x + 2, area.y, 3, sign, role);
    let x = area.x + used + 3;
    let title = if run.state == RunState::Running { StyleRole::Accent } else { StyleRole::Text };
    canvas.put(x, area.y, 24, &step.title, title);
    let time = run.took_ms.map(clock).unwrap_or_default();
    canvas.put_right(area.right(), area.y, 10, &time, StyleRole::Muted);
    let detail = if run.note.is_empty() { &step.detail } else { &run.note };
    let role = if run.state == RunState::Failed { StyleRole::Error } else { StyleRole::Value };
    canvas.put(x + 26, area.y, area.right().saturating_sub(x + 26 + 11), detail, role);
}

/// The bar of the running step: how much, how fast, how long still.
fn bar(app: &App, canvas: &mut Canvas, area: Rect, run: &StepRun) {
    let Some((done, total)) = run.progress.filter(|(_, total)| *total > 0) else { return };
    let percent = done.min(total).saturating_mul(100) / total;
    let took = (app.clock.saturating_sub(app.build.started) * 1000).saturating_sub(run.began_ms) / 1000;
    let speed = done / took.max(1);
    let mut text = format!("{percent:>3} %  {}", amounts(done, total));
    if took > 0 && speed > 0 && done < total {
        let left = span((total - done) / speed);
        let whole = if speed >= MIB { speed - speed % MIB } else { speed };
        text = format!("{text}  {}/s  {left} left", Bytes(whole));
    }
    let x = area.x + 5;
    let wide = area.right().saturating_sub(x + cells(&text) + 2).clamp(8, 38);
    let full = u16::try_from(u64::from(wide) * percent / 100).unwrap_or(wide);
    let (done, left) = (canvas.glyphs().full, canvas.glyphs().empty);
    let done = done.repeat(usize::from(full));
    let left = left.repeat(usize::from(wide - full));
    let used = canvas.put_all(x, area.y, wide, &[(&done, StyleRole::BarDone), (&left, StyleRole::BarLeft)]);
    canvas.put(x + used + 2, area.y, area.right().saturating_sub(x + used + 2), &text, StyleRole::Muted);
}

/// `24.4 of 40 GiB`: both in the unit of the whole.
fn amounts(done: u64, total: u64) -> String {
    if total < GIB {
        return format!("{} of {}", Bytes(done), Bytes(total));
    }
    format!("{} of {}", size(Bytes(done)).trim_end_matches(" GiB"), size(Bytes(total)))
}

/// What would be undone now, newest first; returns the rows used.
fn undo(app: &App, canvas: &mut Canvas, area: Rect) -> u16 {
    canvas.heading(area.x, area.y, area.width, "On failure or cancel, undone newest first");
    let list = app.build.undo_list();
    // Half of the room whatever the list holds, so that the log does not move.
    let rows = (area.height / 2).saturating_sub(2).max(2);
    if list.is_empty() {
        canvas.put(area.x + 3, area.y + 1, area.width, "nothing has been made yet", StyleRole::Muted);
    }
    lines(canvas, Rect { y: area.y + 1, height: rows, ..area }, &list, StyleRole::Value);
    rows + 2
}

/// As many lines as fit; the last row says how many do not.
fn lines(canvas: &mut Canvas, area: Rect, list: &[String], role: StyleRole) {
    let rows = usize::from(area.height);
    let shown = if list.len() > rows { rows.saturating_sub(1) } else { rows };
    let width = area.width.saturating_sub(3);
    for (y, text) in (area.y..area.bottom()).zip(list.iter().take(shown)) {
        canvas.put(area.x + 3, y, width, text, role);
    }
    if list.len() > rows {
        let text = format!("and {} more; l shows the full log", list.len() - shown);
        canvas.put(area.x + 3, area.bottom().saturating_sub(1), width, &text, StyleRole::Muted);
    }
}

/// How it ended: what was built, or what failed in libvirt's words and what became of what was made.
fn ended(app: &App, canvas: &mut Canvas, area: Rect, outcome: &BuildResult) -> u16 {
    let width = area.width.saturating_sub(3);
    let mut y = area.y + 1;
    let name = &plan(app).name;
    match outcome {
        BuildResult::Built { uuid, state } => {
            canvas.heading(area.x, area.y, area.width, "Built");
            let what =
                [("Name", format!("{name}, {state}"), StyleRole::Value), ("UUID", uuid.clone(), StyleRole::Value)];
            let stored = app.build.round_trip().map(|(text, kept)| {
                let (word, role) = if kept { ("", StyleRole::Value) } else { ("warning: ", StyleRole::Warn) };
                ("XML", format!("{word}libvirt {text}; t shows it"), role)
            });
            let commands = app.build.commands(app).into_iter().map(|(label, text)| (label, text, StyleRole::Value));
            for (label, text, role) in what.into_iter().chain(stored).chain(commands) {
                canvas.put(area.x + 3, y, 9, label, StyleRole::Label);
                canvas.put(area.x + 13, y, width.saturating_sub(10), &text, role);
                y += 1;
            }
            if app.build.has_built(app.name()) {
                canvas.put(area.x + 3, y, 9, "Next", StyleRole::Label);
                canvas.put(
                    area.x + 13,
                    y,
                    width.saturating_sub(10),
                    "n another VM like it; q leaves",
                    StyleRole::Value,
                );
                y += 1;
            }
        }
        BuildResult::Cancelled => canvas.heading(area.x, area.y, area.width, "Cancelled"),
        BuildResult::Unverified { message, .. } => {
            y = area.y
                + verified(app, canvas, Rect { height: area.height.saturating_sub(6), ..area }).saturating_sub(1);
            y += reasons(app, canvas, Rect { x: area.x + 3, y, width, height: 3 }, message);
        }
        BuildResult::Undone { message } | BuildResult::NotFullyUndone { message } => {
            canvas.heading(area.x, area.y, area.width, "Failed");
            y += paragraph(canvas, Rect { x: area.x + 3, y, width, height: 2 }, message, StyleRole::Error);
            y += reasons(app, canvas, Rect { x: area.x + 3, y, width, height: 2 }, message);
        }
    }
    let room = area.bottom().saturating_sub(y).min((area.height / 2).max(2));
    y += undone(app, canvas, Rect { y, height: room, ..area });
    y + 1 - area.y
}

/// What libvirt, QEMU and the kernel reported of the failure, and its cause; returns the rows used.
fn reasons(app: &App, canvas: &mut Canvas, area: Rect, message: &str) -> u16 {
    let mut y = area.y;
    let mut put = |text: &str, role| y += paragraph(canvas, Rect { y, ..area }, text, role);
    let Some(run) = app.build.steps.iter().find(|run| run.state == RunState::Failed) else { return 0 };
    if !run.original.is_empty() && !message.contains(&run.original) {
        // After the start it may also be QEMU or the kernel.
        let by_libvirt = app.build.verified.is_empty();
        put(&format!("{}{}", if by_libvirt { "libvirt: " } else { "" }, run.original), StyleRole::Muted);
    }
    if let Some([cause, remedy]) = run.diagnosis.as_ref().map(reason) {
        put(&cause, StyleRole::Text);
        put(&remedy, StyleRole::Value);
    }
    y - area.y
}

/// The check list after the start; returns the rows used.
fn verified(app: &App, canvas: &mut Canvas, area: Rect) -> u16 {
    let list = &app.build.verified;
    if list.is_empty() || area.height < 3 {
        return 0;
    }
    canvas.heading(area.x, area.y, area.width, "After the start");
    let rows = area.height.saturating_sub(2).min(count(list.len()));
    for (y, item) in (area.y + 1..area.y + 1 + rows).zip(list) {
        let glyphs = canvas.glyphs();
        let (sign, role) = match item.verdict {
            Verdict::Passed => (glyphs.ok, StyleRole::Ok),
            Verdict::Failed => (glyphs.error, StyleRole::Error),
            Verdict::Warned => (glyphs.warn, StyleRole::Warn),
            Verdict::NotChecked => (glyphs.unknown, StyleRole::Muted),
        };
        let word = if item.verdict == Verdict::Passed { String::new() } else { format!("{}: ", item.verdict.word()) };
        let note = if item.note.is_empty() { String::new() } else { format!(" ({})", item.note) };
        let used = canvas.put(area.x + 3, y, 3, sign, role);
        let text = format!("{word}{}{note}", item.what);
        canvas.put(area.x + 4 + used, y, area.width.saturating_sub(4 + used), &text, StyleRole::Text);
    }
    rows + 2
}

/// What was undone, and what is left with the command that removes it; returns the rows used.
fn undone(app: &App, canvas: &mut Canvas, area: Rect) -> u16 {
    let mut y = area.y;
    let width = area.width.saturating_sub(5);
    // What is left comes first: it needs an action.
    let left = app.build.undone.iter().filter_map(|undone| Some((&undone.what, undone.left.as_ref()?)));
    for (what, (why, by_hand)) in left {
        for (text, role) in [
            (format!("{} left behind: {what} ({why})", canvas.glyphs().error), StyleRole::Error),
            (format!("  by hand: {by_hand}"), StyleRole::Value),
        ] {
            if y < area.bottom() {
                canvas.put(area.x + 3, y, width, &text, role);
                y += 1;
            }
        }
    }
    let undone = app.build.undone.iter().filter(|undone| undone.left.is_none());
    for (row, undone) in (y..area.bottom()).zip(undone) {
        canvas.put(area.x + 3, row, width, &format!("{} {}", canvas.glyphs().ok, undone.what), StyleRole::Muted);
        y = row + 1;
    }
    y - area.y
}

/// The end of the log.
fn log(app: &App, canvas: &mut Canvas, area: Rect) {
    if area.height < 2 {
        return;
    }
    canvas.heading(area.x, area.y, area.width, "Log");
    let rows = usize::from(area.height - 1);
    let skipped = app.build.log.len().saturating_sub(rows);
    for (y, (at, text)) in (area.y + 1..area.bottom()).zip(app.build.log.iter().skip(skipped)) {
        canvas.put_right(area.x + 12, y, 9, &clock(*at), StyleRole::Muted);
        canvas.put(area.x + 14, y, area.width.saturating_sub(14), text, StyleRole::Text);
    }
}

/// Before a build: the undo of the step under the cursor.
fn preview(app: &App, canvas: &mut Canvas, area: Rect) {
    let Some(step) = plan(app).steps.get(app.cursor().row) else { return };
    canvas.heading(area.x, area.y, area.width, &step.title);
    let (undo, by_hand) = match plan(app).undo(step) {
        Some(undo) => (undo.words, undo.command.to_string()),
        None => ("nothing to undo".into(), String::new()),
    };
    let mut y = area.y + 1;
    for (label, text) in [("Calls", step.terms.clone()), ("Undo", undo), ("By hand", by_hand)] {
        if text.is_empty() {
            continue;
        }
        canvas.put(area.x + 3, y, 9, label, StyleRole::Label);
        let room = Rect { x: area.x + 13, y, width: area.width.saturating_sub(13), height: 2 };
        y += paragraph(canvas, room, &text, StyleRole::Value);
    }
}
