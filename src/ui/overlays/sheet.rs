//! All that is known of a PCI function, with where it was read: three columns that scroll.

use super::frame::{frame, more, place, rows};
use crate::app::overlay::Sheet;
use crate::app::steps::pci::sheet;
use crate::app::{App, ProbeState};
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells, wrap};
use ratatui::layout::Rect;

/// Columns of the labels.
const LABEL: u16 = 18;
/// Columns that the names of files may take.
const SOURCE: u16 = 26;

/// Draws the sheet as large as the screen allows.
pub(super) fn draw(app: &App, canvas: &mut Canvas, screen: Rect, shown: &Sheet) {
    let lines = sheet::lines(app, shown.address);
    let area = place(screen, 110, screen.height.saturating_sub(2));
    let width = area.width.saturating_sub(6);
    let widest = lines.iter().map(|line| cells(&line.source)).max().unwrap_or(0);
    let source = widest.min(SOURCE.max(width / 3));
    let value = width.saturating_sub(LABEL + source + 2);
    let mut all: Vec<(String, String, String, StyleRole)> = Vec::new();
    for line in &lines {
        let role = if line.known { StyleRole::Value } else { StyleRole::Muted };
        let wide = if line.source.is_empty() { width.saturating_sub(LABEL) } else { value };
        let (mut label, mut place) = (line.label.clone(), line.source.clone());
        for part in wrap(&line.value, wide) {
            all.push((std::mem::take(&mut label), part, std::mem::take(&mut place), role));
        }
    }
    let area = place_for(area, all.len());
    let title = canvas.titled(&shown.address.short(), "all facts");
    let inner = frame(app, canvas, area, &title, "");
    let by_ssh = app.probe.as_ref().filter(|probe| probe.state == ProbeState::Done);
    let from = by_ssh.map(|probe| format!(" of {} over SSH", probe.host)).unwrap_or_default();
    let read = format!("Read below {}{from}", sheet::folder(shown.address));
    canvas.put(inner.x + 1, inner.y, inner.width, &read, StyleRole::Muted);
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let height = usize::from(body.height);
    let first = shown.top.min(all.len().saturating_sub(height));
    for (y, (label, text, source_text, role)) in (body.y..body.bottom()).zip(all.iter().skip(first)) {
        canvas.put(body.x + 1, y, LABEL.saturating_sub(1), label, StyleRole::Label);
        canvas.put(body.x + 1 + LABEL, y, width.saturating_sub(LABEL), text, *role);
        if !source_text.is_empty() {
            canvas.put_right(body.right().saturating_sub(1), y, source, source_text, StyleRole::Muted);
        }
    }
    canvas.cursor_at(body.x, body.y);
    more(canvas, inner, first, height, all.len());
}

/// No larger than its lines need.
fn place_for(area: Rect, lines: usize) -> Rect {
    let height = (rows(lines) + 3).min(area.height);
    Rect { height, ..area }
}
