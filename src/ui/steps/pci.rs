//! Step 6: the PCI functions of the host by IOMMU group. A group is one decision, so it has a head that says what is
//! selected of it; of all lines only the visible ones are made.

use super::super::canvas::{Canvas, cells};
use super::super::checks::sign;
use super::super::widgets::{form, input};
use super::{Role, absent, help, in_rows, paragraph};
use crate::app::editor::{Target, TextInput};
use crate::app::steps::pci::{KINDS, devices, row_in_spec, selected};
use crate::app::{App, focus};
use crate::checks::Severity;
use crate::facts::{Iommu, PciClass, PciDevice};
use crate::spec::Place;
use ratatui::layout::Rect;

/// Rows of the details below the list: heading, facts, fields with a message, help.
const DETAILS: u16 = 8;

/// A line of the list.
enum Line<'a> {
    /// The head of a group.
    Group(Option<u32>),
    /// A device, with its row.
    Device(usize, &'a PciDevice),
}

/// Draws state of the IOMMU, filters, list and details.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect) {
    // Where rows are few, the blank ones are left out.
    let tight = area.height < 20;
    let gap = if tight { 1 } else { 2 };
    iommu(app, canvas, Rect { height: gap, ..area });
    filters(app, canvas, Rect { y: area.y + gap, height: 1, ..area });
    let details_height = if tight { 6 } else { DETAILS };
    let top = area.y + 2 * gap;
    let list_area = Rect { y: top, height: area.bottom().saturating_sub(top + details_height), ..area };
    list(app, canvas, list_area);
    let blank = u16::from(!tight);
    let details_area = Rect { y: list_area.bottom() + blank, height: details_height.saturating_sub(blank), ..area };
    details(app, canvas, details_area);
}

fn iommu(app: &App, canvas: &mut Canvas, area: Rect) {
    let pci = &app.facts.pci;
    let (text, role) = match (app.facts.iommu.get(), app.facts.iommu.why_not()) {
        (Some(Iommu::On { groups }), _) => {
            (format!("IOMMU on   {groups} groups   {} functions", pci.items().len()), Role::Muted)
        }
        (Some(Iommu::Off { cause, remedy }), _) => (format!("No IOMMU groups: {cause} {remedy}"), Role::Warn),
        // The list says that the host is being asked.
        (None, _) if app.facts.iommu.is_pending() => return,
        (None, why) => (format!("IOMMU not known: {}", why.unwrap_or_default()), Role::Warn),
    };
    paragraph(canvas, area, &text, role);
}

/// The text filter at the left, the kinds at the right.
fn filters(app: &App, canvas: &mut Canvas, row: Rect) {
    let kinds: Vec<String> = KINDS
        .iter()
        .map(|(kind, name)| if *kind == app.pci.kind { format!("[{name}]") } else { format!(" {name} ") })
        .collect();
    let text = format!("show: {}", kinds.join(""));
    canvas.put_right(row.right(), row.y, 40, &text, Role::Muted);
    let width = row.width.saturating_sub(cells(&text) + 4);
    canvas.put(row.x + 1, row.y, 2, "/", Role::Key);
    let typing = app.editing.as_ref().filter(|editing| editing.target == Target::Filter);
    match typing.map(|editing| &editing.text) {
        Some(TextInput::Line(line)) => {
            let scroll = line.visual_scroll(usize::from(width));
            input::line(canvas, row.x + 3, row.y, width, line.value(), line.visual_cursor(), scroll);
        }
        _ if app.pci.text.is_empty() => {
            canvas.put(row.x + 3, row.y, width, "filter", Role::Placeholder);
        }
        _ => {
            canvas.put(row.x + 3, row.y, width, &app.pci.text, Role::Value);
        }
    }
}

fn list(app: &App, canvas: &mut Canvas, area: Rect) {
    let devices = devices(app);
    let nothing = "this host has no PCI functions";
    absent(app, canvas, area.x + 1, area.y, area.width.saturating_sub(1), &app.facts.pci, nothing);
    if devices.is_empty() && !app.facts.pci.items().is_empty() {
        canvas.put(area.x + 1, area.y, area.width, "nothing matches the filter; Esc takes it away", Role::Muted);
    }
    let mut lines = Vec::with_capacity(devices.len() * 2);
    let (mut group, mut at) = (None, 0);
    for (row, device) in devices.into_iter().enumerate() {
        if group != Some(device.iommu_group) {
            group = Some(device.iommu_group);
            lines.push(Line::Group(device.iommu_group));
        }
        if row == app.cursor().row {
            at = lines.len();
        }
        lines.push(Line::Device(row, device));
    }
    let first = focus::offset(at, lines.len(), usize::from(area.height));
    let addresses = app.facts.pci.items().iter().map(|device| cells(&device.address.short())).max().unwrap_or(7);
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(first)) {
        let row = Rect { y, height: 1, ..area };
        match line {
            Line::Group(number) => group_line(app, canvas, row, *number),
            Line::Device(at, device) => {
                device_line(app, canvas, row, device, addresses);
                if *at == app.cursor().row && in_rows(app) && app.editing.is_none() {
                    canvas.focus_row(area.x + 1, y, area.width.saturating_sub(1));
                }
            }
        }
    }
}

/// `Group 14  isolated, both selected                ✓ selected`.
fn group_line(app: &App, canvas: &mut Canvas, row: Rect, number: Option<u32>) {
    let Some(group) = number else {
        canvas.put(row.x + 1, row.y, row.width, "Without an IOMMU group: cannot be passed through", Role::Muted);
        return;
    };
    let members = app.facts.pci.items().iter().filter(|device| device.iommu_group == number);
    let passable: Vec<&PciDevice> = members.filter(|device| device.kind() != PciClass::Bridge).collect();
    let chosen = passable.iter().filter(|device| row_in_spec(app, device.address).is_some()).count();
    let one_slot =
        passable.iter().all(|device| passable.first().is_some_and(|one| one.address.same_slot(device.address)));
    let what = match passable.len() {
        0 => "bridges only".to_owned(),
        1 => "one function, alone".to_owned(),
        n if one_slot => format!("one device, {n} functions"),
        n => format!("{n} functions of several devices must go together"),
    };
    let title = format!("Group {group}");
    let used = canvas.put(row.x + 1, row.y, 12, &title, Role::Label);
    canvas.put(row.x + 3 + used, row.y, row.width.saturating_sub(used + 24), &what, Role::Muted);
    let (text, role) = state(app, canvas, &passable, chosen);
    canvas.put_right(row.right(), row.y, 22, &text, role);
}

/// What the checks say of the selected members, or how many of them are selected.
fn state(app: &App, canvas: &Canvas, members: &[&PciDevice], chosen: usize) -> (String, Role) {
    let list = Place::root().key("pci_devices");
    let rows: Vec<Place> =
        members.iter().filter_map(|device| Some(list.clone().index(row_in_spec(app, device.address)?))).collect();
    let about = |place: &Place| rows.iter().any(|row| place.within(row));
    let findings = app.derived.report.findings.iter().filter(|finding| about(&finding.place));
    let worst = findings.min_by_key(|finding| finding.severity);
    match worst {
        Some(finding) if finding.severity <= Severity::Warning => {
            let (glyph, role) = sign(canvas, finding.severity);
            (format!("{glyph} {}", finding.code), role)
        }
        _ if chosen == 0 => (String::new(), Role::Muted),
        _ if chosen < members.len() => (format!("{chosen} of {} selected", members.len()), Role::Warn),
        _ => (format!("{} ready", canvas.glyphs().ok), Role::Ok),
    }
}

/// `[x] 01:00.0  GPU    NVIDIA AD103             nvidia → vfio-pci`.
fn device_line(app: &App, canvas: &mut Canvas, row: Rect, device: &PciDevice, addresses: u16) {
    let bridge = device.kind() == PciClass::Bridge;
    let chosen = row_in_spec(app, device.address).is_some();
    let [off, on, _] = canvas.glyphs().boxes;
    let sign = match (bridge, chosen) {
        (true, _) => "   ",
        (_, true) => on,
        _ => off,
    };
    let (text, muted) = if bridge { (Role::Skipped, Role::Skipped) } else { (Role::Value, Role::Muted) };
    let x = row.x + 3;
    let address = device.address.short();
    canvas.put_all(x, row.y, 24, &[(sign, text), (" ", text), (&address, text)]);
    let used = 4 + addresses;
    if app.pci.changed.contains_key(&device.address) {
        canvas.put(x + used + 1, row.y, 1, "~", Role::Warn);
    }
    canvas.put(x + used + 3, row.y, 7, kind(device.kind()), muted);
    let mut right = driver(canvas, device, chosen);
    if device.boot_vga == Some(true) {
        right.push_str("   boot GPU");
    }
    let wide = canvas.put_right(row.right(), row.y, 34, &right, muted);
    let name = x + used + 10;
    canvas.put(name, row.y, row.right().saturating_sub(name + wide + 2), &name_of(device), text);
}

/// Vendor and device as people call them: the short name in brackets where the database has one, no legal form.
fn name_of(device: &PciDevice) -> String {
    let Some(vendor) = &device.vendor_name else { return device.label() };
    let bracket = vendor.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(short, _)| short);
    let forms = [" Corporation", " Technologies", ", Inc.", " Inc.", " Co Ltd", " Co., Ltd.", " Ltd."];
    let trimmed = forms.iter().fold(vendor.as_str(), |name, form| name.strip_suffix(form).unwrap_or(name));
    let name = device.device_name.clone().unwrap_or_else(|| device.ids());
    format!("{} {name}", bracket.unwrap_or(trimmed))
}

fn driver(canvas: &Canvas, device: &PciDevice, chosen: bool) -> String {
    let now = device.driver.as_deref().unwrap_or("no driver");
    if chosen && now != "vfio-pci" { format!("{now} {} vfio-pci", canvas.glyphs().arrow) } else { now.to_owned() }
}

fn kind(class: PciClass) -> &'static str {
    match class {
        PciClass::Gpu => "GPU",
        PciClass::Audio => "Audio",
        PciClass::Nic => "NIC",
        PciClass::Nvme => "NVMe",
        PciClass::Usb => "USB",
        PciClass::Storage => "Disk",
        PciClass::Bridge => "Bridge",
        PciClass::Other => "Other",
    }
}

/// What is known of the device under the cursor, and its fields where it is selected.
fn details(app: &App, canvas: &mut Canvas, area: Rect) {
    let Some(device) = selected(app) else { return };
    let title = format!("{} -- {}", device.address, name_of(device));
    canvas.heading(area.x, area.y, area.width, &title);
    let numa = device.numa_node.map_or("NUMA node not known".to_owned(), |node| format!("NUMA node {node}"));
    let subsystem = device.subsystem.map(|(vendor, device)| format!("   subsystem {vendor:04x}:{device:04x}"));
    let text = format!("{}   class {:06x}{}   {numa}", device.ids(), device.class, subsystem.unwrap_or_default());
    canvas.put(area.x + 3, area.y + 1, area.width.saturating_sub(3), &text, Role::Muted);
    let mut rest = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let fields = app.fields();
    if fields.is_empty() {
        let text = match device.kind() {
            PciClass::Bridge => "bridges stay with the host",
            _ => "Space selects its whole group; then its ROM and guest address can be set here",
        };
        canvas.put(area.x + 3, rest.y, area.width.saturating_sub(3), text, Role::Muted);
        return;
    }
    rest.height = rest.height.saturating_sub(help(app, canvas, rest));
    form::draw(app, canvas, rest, &fields);
}
