//! The line on top: the VM on the left, the host on the right.

use super::StyleRole;
use super::canvas::{Canvas, cells};
use crate::app::{App, HostState, ProbeState};
use crate::facts::Part;
use ratatui::layout::Rect;

/// Seconds without an answer after which the key that leaves is shown.
const PATIENCE: u64 = 5;

/// Draws the line.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect) {
    let (state, role, facts) = host(app);
    let name = if app.name().is_empty() { "no name yet" } else { app.name() };
    let left = cells(" vmbuild   ") + cells(name).min(32) + 3;
    let mut end = area.right().saturating_sub(1);
    // What does not fit is left out from the right, so that the state and the URI stay longest.
    let room = end.saturating_sub(left + if state.is_empty() { 0 } else { cells(&state) + 2 });
    let mut shown = facts;
    while shown.len() > 1 && cells(&shown.join("  ")) > room {
        shown.pop();
    }
    let text = shown.join("  ");
    end -= canvas.put_right(end, area.y, room, &text, StyleRole::Text);
    if !state.is_empty() {
        let gap = if text.is_empty() { 0 } else { 2 };
        end = end.saturating_sub(gap);
        end -= canvas.put_right(end, area.y, end, &state, role);
    }
    let width = end.saturating_sub(13).min(area.width);
    canvas.put(1, area.y, 10, "vmbuild", StyleRole::Heading);
    let role = if app.name().is_empty() { StyleRole::Placeholder } else { StyleRole::Value };
    canvas.put(11, area.y, width, name, role);
}

fn waiting(app: &App) -> String {
    let Some((part, seconds)) = app.waiting else { return String::new() };
    if reads_files(app) && matches!(part, Part::Boot | Part::Uses | Part::Roms | Part::Details) {
        return format!("reading the host's files over SSH, {seconds} s");
    }
    let leave = if seconds < PATIENCE { "" } else { "; ^C leaves" };
    format!("waiting for {}, {seconds} s{leave}", part.awaited())
}

/// What is wrong with the connection, and what is known of the host, most important first.
fn host(app: &App) -> (String, StyleRole, Vec<String>) {
    let known = app.facts.host.get();
    let state = match &app.host {
        HostState::Failed { .. } => ("no connection".to_owned(), StyleRole::Error),
        _ if app.waiting.is_some() => (waiting(app), StyleRole::Warn),
        HostState::Connecting => ("asking the host".to_owned(), StyleRole::Muted),
        HostState::Up => (String::new(), StyleRole::Muted),
    };
    let facts = match known {
        Some(host) => vec![
            host.hostname.clone(),
            host.uri.clone(),
            format!("libvirt {}", host.libvirt),
            format!("{} {}", host.driver.to_lowercase(), host.hypervisor),
        ],
        None => vec![app.uri.clone()],
    };
    (state.0, state.1, facts)
}

/// True while the probe runs: it is what is waited for then.
fn reads_files(app: &App) -> bool {
    app.probe.as_ref().is_some_and(|probe| probe.state == ProbeState::Running)
}
