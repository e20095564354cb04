//! Step 6: the PCI functions of the host by IOMMU group. A group is one decision, so its head shows what passing it means;
//! of all lines only the visible ones are made.

mod details;

use super::super::canvas::{Canvas, cells};
use super::super::checks::sign;
use super::super::widgets::input;
use crate::app::editor::TextInput;
use crate::app::focus::Focus;
use crate::app::form::Field;
use crate::app::steps::pci::{SHOWS, devices, hidden, role, row_in_spec, search, uses, verdict};
use crate::app::{App, ProbeState, focus};
use crate::checks::{Finding, Severity};
use crate::facts::{Iommu, ModuleState, PciClass, PciDevice};
use crate::machine;
use crate::spec::Place;
use crate::ui::StyleRole;
use crate::ui::steps::page::{absent, in_rows, paragraph};
use ratatui::layout::Rect;

/// Rows of the details below the list: heading, facts, fields with a message, help.
const DETAILS: u16 = 9;

/// A line of the list.
enum ListLine<'a> {
    /// The head of a group, with its first device in the list.
    Group(Option<u32>, &'a PciDevice),
    /// A device, with its row.
    Device(usize, &'a PciDevice),
}

/// Draws state of the IOMMU, filters, list and details.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    // Where rows are few, the blank ones are left out.
    let tight = area.height < 20;
    let gap = if tight { 1 } else { 2 };
    iommu(app, canvas, Rect { height: gap, ..area });
    filters(app, canvas, Rect { y: area.y + gap, height: 1, ..area });
    let details_height = if tight { 6 } else { DETAILS };
    let top = area.y + 2 * gap;
    let list_area = Rect { y: top, height: area.bottom().saturating_sub(top + details_height), ..area };
    let blank = u16::from(!tight);
    // Below a grown panel of checks there may be no room for either.
    let below = list_area.bottom() + blank;
    let left = area.bottom().saturating_sub(below).min(details_height.saturating_sub(blank));
    let details_area = Rect { y: below, height: left, ..area };
    details::draw(app, canvas, details_area, fields);
    let (above, below) = list(app, canvas, list_area);
    let beyond = match (above, below) {
        (0, 0) => return,
        (0, n) => format!(" {n} more below "),
        (n, 0) => format!(" {n} more above "),
        (n, m) => format!(" {n} more above, {m} below "),
    };
    let y = if details_area.height > 0 { details_area.y } else { list_area.bottom() };
    canvas.put_right(area.right().saturating_sub(1), y, 28, &beyond, StyleRole::Muted);
}

fn iommu(app: &App, canvas: &mut Canvas, area: Rect) {
    let pci = app.facts.pci.items();
    // Devices that the spec looks for matter more than the usual state.
    let off = matches!(app.facts.iommu.get(), Some(Iommu::Off { .. }));
    if let Some((severity, text)) = search::line(app).filter(|_| !off) {
        let (glyph, role) = sign(canvas, severity);
        paragraph(canvas, area, &format!("{glyph} {text}"), role);
        return;
    }
    let (text, role) = match (app.facts.iommu.get(), app.facts.iommu.why_not()) {
        (Some(Iommu::On { groups }), _) => {
            let vfio = app.facts.vfio.get().and_then(|vfio| vfio.module("vfio-pci"));
            let vfio = match vfio {
                Some(ModuleState::Loaded | ModuleState::Builtin) => "vfio-pci loaded   ",
                Some(ModuleState::Available) => "vfio-pci loaded on demand   ",
                Some(ModuleState::Missing) => "vfio-pci MISSING   ",
                None => "",
            };
            let listed = match hidden(app) {
                0 => format!("{} functions", pci.len()),
                n => format!("{} functions, {n} not listed", pci.len()),
            };
            match probe(app) {
                Some((told, role)) => (format!("IOMMU on   {groups} groups   {listed}   {told}"), role),
                None => (format!("IOMMU on   {vfio}{groups} groups   {listed}"), StyleRole::Muted),
            }
        }
        (Some(Iommu::Off { cause, remedy }), _) => (format!("No IOMMU groups: {cause} {remedy}"), StyleRole::Warn),
        // The list shows that the host is being asked.
        (None, _) if app.facts.iommu.is_pending() => return,
        (None, why) => (format!("IOMMU not known: {}", why.unwrap_or_default()), StyleRole::Warn),
    };
    paragraph(canvas, area, &text, role);
}

/// What the list lacks while a remote host's files have not been read.
fn probe(app: &App) -> Option<(String, StyleRole)> {
    let probe = app.probe.as_ref()?;
    match &probe.state {
        ProbeState::Offered => Some(("P reads more over SSH".into(), StyleRole::Warn)),
        ProbeState::Running => Some(("reading over SSH; P stops".into(), StyleRole::Muted)),
        ProbeState::Failed { why } => Some((format!("P tries again: {why}"), StyleRole::Warn)),
        ProbeState::Done => None,
    }
}

/// The text filter at the left, the kinds at the right.
fn filters(app: &App, canvas: &mut Canvas, row: Rect) {
    let shown = app.pci.show();
    let kinds: Vec<String> = SHOWS
        .iter()
        .map(|(show, name)| if *show == shown { format!("[{name}]") } else { format!(" {name} ") })
        .collect();
    let text = format!("show: {}", kinds.join(""));
    canvas.put_right(row.right(), row.y, 48, &text, StyleRole::Muted);
    let width = row.width.saturating_sub(cells(&text) + 4);
    canvas.put(row.x + 1, row.y, 2, "/", StyleRole::Key);
    let typing = match &app.focus {
        Focus::Narrowing(text) => Some(&text.text),
        _ => None,
    };
    match typing {
        Some(TextInput::Line(line)) => {
            let scroll = line.visual_scroll(usize::from(width));
            input::line(canvas, row.x + 3, row.y, width, line.value(), line.visual_cursor(), scroll);
        }
        _ if app.pci.text.is_empty() => {
            canvas.put(row.x + 3, row.y, width, "filter", StyleRole::Placeholder);
        }
        _ => {
            canvas.put(row.x + 3, row.y, width, &app.pci.text, StyleRole::Value);
        }
    }
}

/// Draws the visible lines; returns how many devices are above and below them.
fn list(app: &App, canvas: &mut Canvas, area: Rect) -> (usize, usize) {
    let devices = devices(app);
    let all = devices.len();
    let nothing = "this host has no PCI functions";
    absent(app, canvas, area.x + 1, area.y, area.width.saturating_sub(1), &app.facts.pci, nothing);
    if devices.is_empty() && !app.facts.pci.items().is_empty() {
        let text = match app.pci.text.as_str() {
            "" => "this host has no device of this kind; f shows others".to_owned(),
            text => format!("nothing here matches \"{text}\"; Esc clears the filter, f shows other kinds"),
        };
        canvas.put(area.x + 1, area.y, area.width, &text, StyleRole::Muted);
    }
    let mut lines = Vec::with_capacity(devices.len() * 2);
    let (mut group, mut at) = (None, 0);
    for (row, device) in devices.into_iter().enumerate() {
        if group != Some(device.iommu_group) {
            group = Some(device.iommu_group);
            lines.push(ListLine::Group(device.iommu_group, device));
        }
        if row == app.cursor().row {
            at = lines.len();
        }
        lines.push(ListLine::Device(row, device));
    }
    let first = focus::offset(at, lines.len(), usize::from(area.height));
    let addresses = app.facts.pci.items().iter().map(|device| cells(&device.address.short())).max().unwrap_or(7);
    let mut seen = None;
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(first)) {
        let row = Rect { y, height: 1, ..area };
        match line {
            ListLine::Group(number, device) => group_line(app, canvas, row, *number, device),
            ListLine::Device(at, device) => {
                device_line(app, canvas, row, device, addresses);
                seen = Some((seen.map_or(*at, |(from, _)| from), *at));
                if *at == app.cursor().row && in_rows(app) && app.editing().is_none() {
                    canvas.focus_row(area.x + 1, y, area.width.saturating_sub(1));
                }
            }
        }
    }
    seen.map_or((0, 0), |(from, to)| (from, all.saturating_sub(to + 1)))
}

/// `Group 14  isolated, 2 functions                  ✓ ready`.
fn group_line(app: &App, canvas: &mut Canvas, row: Rect, number: Option<u32>, first: &PciDevice) {
    let Some(group) = number else {
        canvas.put(row.x + 1, row.y, row.width, "Without an IOMMU group: cannot be passed through", StyleRole::Muted);
        return;
    };
    let members: Vec<&PciDevice> = app.facts.pci.items().iter().filter(|device| device.iommu_group == number).collect();
    let used = canvas.put(row.x + 1, row.y, 12, &format!("Group {group}"), StyleRole::Label);
    let wide = match state(app, canvas, &members, first) {
        Some((text, role)) => canvas.put_right(row.right(), row.y, 34, &text, role),
        None => 0,
    };
    let room = row.width.saturating_sub(used + wide + 5);
    canvas.put(row.x + 3 + used, row.y, room, &verdict::isolation(app, group), StyleRole::Muted);
}

/// What the checks find about the selected members; about the first one where none is selected.
fn state(app: &App, canvas: &Canvas, members: &[&PciDevice], first: &PciDevice) -> Option<(String, StyleRole)> {
    let list = Place::root().key("pci_devices");
    let rows: Vec<Place> =
        members.iter().filter_map(|device| Some(list.clone().index(row_in_spec(app, device.address)?))).collect();
    if rows.is_empty() {
        if first.kind() == PciClass::Bridge {
            return None;
        }
        let taken = verdict::taking(app, first.address);
        return Some(signed(canvas, verdict::verdict(taken.findings.iter()), ""));
    }
    let about = |finding: &&Finding| {
        let member = finding.function().is_some_and(|address| members.iter().any(|device| device.address == address));
        member || rows.iter().any(|row| finding.place().within(row))
    };
    let findings = app.case.report.findings.iter().filter(about);
    Some(signed(canvas, verdict::verdict(findings), "selected, "))
}

/// A verdict with its sign.
pub(super) fn signed(
    canvas: &Canvas,
    (severity, words): (Option<Severity>, String),
    before: &str,
) -> (String, StyleRole) {
    let (glyph, role) = severity.map_or((canvas.glyphs().ok, StyleRole::Ok), |severity| sign(canvas, severity));
    (format!("{glyph} {before}{words}"), role)
}

/// `[x] 01:00.0  GPU    NVIDIA AD103             nvidia → vfio-pci   boot GPU`.
fn device_line(app: &App, canvas: &mut Canvas, row: Rect, device: &PciDevice, addresses: u16) {
    let bridge = device.kind() == PciClass::Bridge;
    let becomes = role(app, device.address);
    let [off, on, partly] = canvas.glyphs().boxes;
    let sign = match (bridge, becomes) {
        (true, _) => "   ",
        (_, Some(machine::Role::Hold)) => partly,
        (_, Some(_)) => on,
        _ => off,
    };
    let (text, muted) =
        if bridge { (StyleRole::Skipped, StyleRole::Skipped) } else { (StyleRole::Value, StyleRole::Muted) };
    let x = row.x + 3;
    let address = device.address.short();
    canvas.put_all(x, row.y, 24, &[(sign, text), (" ", text), (&address, text)]);
    let used = 4 + addresses;
    if app.pci.changed.contains_key(&device.address) {
        canvas.put(x + used + 1, row.y, 1, "~", StyleRole::Warn);
    }
    canvas.put(x + used + 3, row.y, 7, kind(device.kind()), muted);
    let most = row.width / 2;
    let driver = driver(canvas, device, becomes);
    let notes = uses::notes(app, &app.pci, device);
    let room = usize::from(most.saturating_sub(cells(&driver) + 2));
    let notes = uses::shortened(&notes, room);
    let right = if notes.is_empty() { driver } else { format!("{driver}  {notes}") };
    let wide = canvas.put_right(row.right(), row.y, most.max(34), &right, muted);
    let name = x + used + 10;
    canvas.put(name, row.y, row.right().saturating_sub(name + wide + 2), &details::name_of(device), text);
}

fn driver(canvas: &Canvas, device: &PciDevice, becomes: Option<machine::Role>) -> String {
    let now = device.driver.as_deref().unwrap_or("no driver");
    let to = match becomes {
        Some(machine::Role::Hold) => "held",
        Some(_) => "vfio-pci",
        None => return now.to_owned(),
    };
    if now == to { now.to_owned() } else { format!("{now} {} {to}", canvas.glyphs().arrow) }
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
