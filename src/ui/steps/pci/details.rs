//! Below the list: what is known of the device under the cursor, what taking it means, its fields where it is taken.

use super::super::{Role, help};
use super::name_of;
use crate::app::App;
use crate::app::steps::pci::{role, row_in_spec, selected, sheet, verdict};
use crate::checks::Severity;
use crate::facts::{PciClass, PciDevice};
use crate::machine;
use crate::ui::canvas::{Canvas, cells, count, wrap};
use crate::ui::checks::sign;
use crate::ui::widgets::form;
use ratatui::layout::Rect;

/// Draws heading, facts, and the fields or what taking the device means.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect) {
    let Some(device) = selected(app) else { return };
    canvas.heading(area.x, area.y, area.width, &format!("{} -- {}", device.address, name_of(device)));
    let facts = lines_of(&sheet::essentials(app, device), area.width.saturating_sub(3));
    let most = if area.height < 8 { 1 } else { 2 };
    let mut y = area.y + 1;
    for line in facts.iter().take(most) {
        canvas.put(area.x + 3, y, area.width.saturating_sub(3), line, Role::Muted);
        y += 1;
    }
    let mut rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    let fields = app.fields();
    if fields.is_empty() {
        meaning(app, canvas, rest, device);
        return;
    }
    rest.height = rest.height.saturating_sub(help(app, canvas, rest));
    form::draw(app, canvas, rest, &fields);
}

/// Pieces with gaps between them, as many on a line as fit.
fn lines_of(pieces: &[String], width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut().filter(|line| cells(line) + 3 + cells(piece) <= width) {
            Some(line) => {
                line.push_str("   ");
                line.push_str(piece);
            }
            None => lines.push(piece.clone()),
        }
    }
    lines
}

/// What becomes of a device that has no fields: what taking it would mean, before it is taken.
fn meaning(app: &App, canvas: &mut Canvas, area: Rect, device: &PciDevice) {
    let width = area.width.saturating_sub(3);
    let mut lines: Vec<(&'static str, String, Role)> = Vec::new();
    let mut say = |sign: &'static str, text: &str, role| {
        let mut first = sign;
        let room = if sign.is_empty() { width } else { width.saturating_sub(2) };
        lines.extend(wrap(text, room).into_iter().map(|line| (std::mem::take(&mut first), line, role)));
    };
    match role(app, device.address) {
        _ if device.kind() == PciClass::Bridge => say("", "bridges stay with the host", Role::Muted),
        Some(machine::Role::Hold) => {
            say(
                "",
                "held: bound to vfio-pci while the VM runs, and the guest does not see it; h changes it",
                Role::Muted,
            );
            let list = crate::spec::Place::root().key("pci_devices");
            let own = row_in_spec(app, device.address).map(|row| list.index(row));
            let about = |finding: &&crate::checks::Finding| {
                finding.address == Some(device.address) || own.as_ref().is_some_and(|own| finding.place.within(own))
            };
            for finding in app.derived.report.findings.iter().filter(about) {
                let (glyph, role) = sign(canvas, finding.severity);
                say(glyph, &finding.message, role);
            }
        }
        _ => {
            let taken = verdict::taking(app, device.address);
            say("", &verdict::closure(&taken, device.address), Role::Muted);
            let worth = taken.findings.iter().filter(|finding| finding.severity < Severity::Info);
            for finding in worth {
                let (glyph, role) = sign(canvas, finding.severity);
                say(glyph, &finding.message, role);
            }
        }
    }
    let hidden = lines.len().saturating_sub(usize::from(area.height));
    for (y, (sign, line, role)) in (area.y..area.bottom()).zip(&lines) {
        let x = area.x + 3;
        let used =
            if *role == Role::Muted { 0 } else { canvas.put(x, y, 1, sign, *role) + 1 + u16::from(sign.is_empty()) };
        let text = if used == 0 { Role::Muted } else { Role::Text };
        canvas.put(x + used, y, width.saturating_sub(used), line, text);
    }
    if hidden > 0 && area.height > 0 {
        canvas.put_right(
            area.right(),
            area.bottom() - 1,
            24,
            &format!("  {} more lines: Enter", count(hidden)),
            Role::Muted,
        );
    }
}
