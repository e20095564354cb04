//! Below the list: what is known of the device under the cursor, what passing it means, its fields once it is passed.

use crate::app::App;
use crate::app::form::Field;
use crate::app::steps::pci::{role, row_in_spec, selected, sheet, verdict};
use crate::checks::{Finding, Severity, Wording};
use crate::facts::{PciClass, PciDevice};
use crate::machine;
use crate::spec::Place;
use crate::ui::StyleRole;
use crate::ui::canvas::{Canvas, cells, wrap};
use crate::ui::checks::sign;
use crate::ui::steps::page::help;
use crate::ui::widgets::form;
use ratatui::layout::Rect;

/// Draws heading, facts, and the fields or what passing the device means.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    let Some(device) = selected(app).filter(|_| area.height > 0) else { return };
    let title = canvas.titled(&device.address.to_string(), &name_of(device));
    canvas.heading(area.x, area.y, area.width, &title);
    let facts = lines_of(&sheet::essentials(app, device), area.width.saturating_sub(3));
    let most = match area.height {
        ..2 => 0,
        2..8 => 1,
        _ => 2,
    };
    let mut y = area.y + 1;
    for line in facts.iter().take(most) {
        canvas.put(area.x + 3, y, area.width.saturating_sub(3), line, StyleRole::Muted);
        y += 1;
    }
    let mut rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    if fields.is_empty() {
        meaning(app, canvas, rest, device);
        return;
    }
    rest.height = rest.height.saturating_sub(help(app, canvas, rest, fields));
    form::draw(app, canvas, rest, fields);
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

/// What happens with a device that has no fields: what passing it would mean.
fn meaning(app: &App, canvas: &mut Canvas, area: Rect, device: &PciDevice) {
    let width = area.width.saturating_sub(3);
    let (first, findings) = outlook(app, device);
    let mut lines: Vec<(&'static str, String, StyleRole)> =
        wrap(&first, width).into_iter().map(|line| ("", line, StyleRole::Muted)).collect();
    for (severity, text) in findings {
        let (mut glyph, role) = sign(canvas, severity);
        let text = wrap(&text, width.saturating_sub(2)).into_iter();
        lines.extend(text.map(|line| (std::mem::take(&mut glyph), line, role)));
    }
    for (y, (sign, line, role)) in (area.y..area.bottom()).zip(&lines) {
        let x = area.x + 3;
        if *role == StyleRole::Muted {
            canvas.put(x, y, width, line, StyleRole::Muted);
        } else {
            canvas.put(x, y, 1, sign, *role);
            canvas.put(x + 2, y, width.saturating_sub(2), line, StyleRole::Text);
        }
    }
    let hidden = lines.len().saturating_sub(usize::from(area.height));
    if hidden > 0 && area.height > 0 {
        let text = format!("  {hidden} more lines: Enter");
        canvas.put_right(area.right(), area.bottom() - 1, 24, &text, StyleRole::Muted);
    }
}

/// What happens with the device, or would happen, and what the checks find about it.
fn outlook(app: &App, device: &PciDevice) -> (String, Vec<(Severity, String)>) {
    if device.kind() == PciClass::Bridge {
        return ("bridges stay with the host".into(), Vec::new());
    }
    let said = |finding: &Finding, wording| (finding.severity(), finding.message(wording));
    if role(app, device.address) == Some(machine::Role::Hold) {
        let list = Place::root().key("pci_devices");
        let own = row_in_spec(app, device.address).map(|row| list.index(row));
        let about = |finding: &&Finding| {
            finding.function() == Some(device.address) || own.as_ref().is_some_and(|own| finding.place().within(own))
        };
        let text = "held: bound to vfio-pci while the VM runs, not passed to the guest; h changes it";
        return (
            text.into(),
            app.case.report.findings.iter().filter(about).map(|finding| said(finding, Wording::Full)).collect(),
        );
    }
    let taken = verdict::taking(app, device.address);
    let worth = taken.findings.iter().filter(|finding| finding.severity() <= Severity::Warning);
    let mut findings: Vec<_> = worth.map(|finding| said(finding, Wording::Taking)).collect();
    let mut unknown = taken.findings.iter().filter(|finding| finding.severity() == Severity::Unknown);
    if let Some(first) = unknown.next() {
        let others = match unknown.count() {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        findings.push((Severity::Unknown, format!("{}{others}", first.message(Wording::Taking))));
    }
    (verdict::closure(app, &taken, device.address), findings)
}

/// Vendor and device as people call them: the short name in brackets where the database has one, no legal form.
pub(super) fn name_of(device: &PciDevice) -> String {
    let Some(vendor) = &device.vendor_name else { return device.label() };
    let bracket = vendor.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(short, _)| short);
    let forms = [" Corporation", " Technologies", ", Inc.", " Inc.", " Co Ltd", " Co., Ltd.", " Ltd."];
    let trimmed = forms.iter().fold(vendor.as_str(), |name, form| name.strip_suffix(form).unwrap_or(name));
    let name = device.device_name.clone().unwrap_or_else(|| device.ids());
    format!("{} {name}", bracket.unwrap_or(trimmed))
}
