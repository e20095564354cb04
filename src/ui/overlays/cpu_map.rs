//! The map of the host's CPUs: a line per core below the heading of its node and cache.

use super::frame::{frame, more, place, rows};
use crate::app::overlay::CpuMap;
use crate::app::steps::system::map::{self, MapCore, Thread};
use crate::app::{App, focus};
use crate::machine::pinning::HostCore;
use crate::ui::StyleRole;
use crate::ui::canvas::Canvas;
use ratatui::layout::Rect;

/// Columns of the CPUs of a core.
const CPUS: u16 = 14;
/// Columns of the threads on a core.
const THREADS: u16 = 26;

/// Draws the map as large as the screen allows.
pub(super) fn draw(app: &App, canvas: &mut Canvas, screen: Rect, shown: &CpuMap) {
    let cores = map::cores(app);
    let lines = lines(&cores);
    let area = place(screen, 110, rows(lines.len()) + 4);
    let inner = frame(app, canvas, area, "Host CPUs", "");
    canvas.put(inner.x + 1, inner.y, inner.width.saturating_sub(1), &map::summary(app), StyleRole::Muted);
    let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    let at = lines.iter().position(|line| matches!(line, MapLine::Core(row, _) if *row == shown.row)).unwrap_or(0);
    let height = usize::from(body.height);
    let first = focus::offset(at, lines.len(), height);
    for (y, line) in (body.y..body.bottom()).zip(lines.iter().skip(first)) {
        match line {
            MapLine::Heading(core) => heading(app, canvas, Rect { y, height: 1, ..body }, core),
            MapLine::Core(row, core) => {
                core_line(canvas, Rect { y, height: 1, ..body }, core);
                if *row == shown.row {
                    canvas.focus_row(body.x, y, body.width);
                }
            }
        }
    }
    more(canvas, inner, first, height, lines.len());
}

enum MapLine<'a> {
    /// Node and cache of the cores below.
    Heading(&'a HostCore),
    /// A core with its row.
    Core(usize, &'a MapCore),
}

fn lines(cores: &[MapCore]) -> Vec<MapLine<'_>> {
    let (mut lines, mut group) = (Vec::new(), None);
    for (row, core) in cores.iter().enumerate() {
        let own = (core.core.node, core.core.cache);
        if group != Some(own) {
            group = Some(own);
            lines.push(MapLine::Heading(&core.core));
        }
        lines.push(MapLine::Core(row, core));
    }
    lines
}

/// `Node 0, cache of CPU 0-7,16-23`.
fn heading(app: &App, canvas: &mut Canvas, row: Rect, core: &HostCore) {
    let cache = app.facts.cpus.items().iter().find(|cpu| core.cpus.contains(cpu.number)).map(|cpu| &cpu.cache);
    let cache = cache.filter(|cache| !cache.is_empty()).map(|cache| format!(", cache of CPU {cache}"));
    let node = app.facts.nodes.items().iter().find(|node| node.number == core.node);
    let free = node.and_then(|node| node.free).map(|free| format!("{free} free"));
    let used = canvas.put(
        row.x + 1,
        row.y,
        row.width.saturating_sub(1),
        &format!("Node {}{}", core.node, cache.unwrap_or_default()),
        StyleRole::Heading,
    );
    let room = row.width.saturating_sub(used + 4);
    canvas.put_right(row.right().saturating_sub(1), row.y, room, &free.unwrap_or_default(), StyleRole::Muted);
}

fn core_line(canvas: &mut Canvas, row: Rect, line: &MapCore) {
    let x = row.x + 3;
    canvas.put(x, row.y, CPUS - 1, &format!("CPU {}", line.core.cpus), StyleRole::Label);
    let kind = if line.core.slow { "E" } else { "" };
    canvas.put(x + CPUS, row.y, 1, kind, StyleRole::Muted);
    let threads = short(&line.threads);
    let by_hand = line.why.is_empty();
    canvas.put(x + CPUS + 3, row.y, THREADS, &threads, if by_hand { StyleRole::Value } else { StyleRole::Text });
    let mut notes: Vec<&str> = line.others.iter().map(String::as_str).collect();
    notes.extend(Some(line.why.as_str()).filter(|why| !why.is_empty()));
    notes.extend(Some("pinned by hand").filter(|_| by_hand && !line.threads.is_empty()));
    let at = x + CPUS + 3 + THREADS + 1;
    canvas.put(at, row.y, row.right().saturating_sub(at), &notes.join("; "), StyleRole::Muted);
}

/// `guest CPU 2, 3; QEMU itself`.
fn short(threads: &[Thread]) -> String {
    let numbers: Vec<String> = threads
        .iter()
        .filter_map(|thread| match thread {
            Thread::Vcpu(row) => Some(row.to_string()),
            _ => None,
        })
        .collect();
    let guest = (!numbers.is_empty()).then(|| format!("guest CPU {}", numbers.join(", ")));
    let others = threads.iter().filter(|thread| !matches!(thread, Thread::Vcpu(_))).map(|thread| thread.name());
    guest.into_iter().chain(others).collect::<Vec<_>>().join(", ")
}
