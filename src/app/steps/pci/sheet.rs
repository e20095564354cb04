//! All that is known of one PCI function, fact by fact, with where it was read or why it is not known.

use super::chosen::role;
use super::{uses, verdict};
use crate::app::App;
use crate::checks::TakenLine;
use crate::facts::pci_details::{Bar, BarSpace, HeaderType, Link, MdevType, PowerState, ResetMethod, SrIov};
use crate::facts::{Fact, NOT_ASKED, PciClass, PciDetails, PciDevice, Provenance};
use crate::machine::Role;
use crate::units::{Bytes, PciAddress};

/// One line of a sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetLine {
    /// What it is about; empty where it goes on with the line above.
    pub label: String,
    /// What is known; why it is not.
    pub value: String,
    /// Where it was read; empty where it is not known, or follows from others.
    pub source: String,
    /// False where `value` says why it is not known.
    pub known: bool,
}

/// The folder that sources are told from.
pub fn folder(address: PciAddress) -> String {
    format!("/sys/bus/pci/devices/{address}/")
}

/// The lines of the sheet of the function at `address`.
pub fn lines(app: &App, address: PciAddress) -> Vec<SheetLine> {
    let Some(device) = app.facts.pci.items().iter().find(|device| device.address == address) else {
        let why = "it is gone: the kernel lists no function at this address".to_owned();
        return vec![SheetLine { label: "Device".into(), value: why, ..SheetLine::default() }];
    };
    let mut page = Page { address, lines: Vec::new() };
    scanned(app, device, &mut page);
    match app.facts.details.get(&address) {
        Some(details) => detailed(details, &mut page),
        None => page.unknown("Details", "not read yet; r reads them if the host's files can be read"),
    }
    group(app, device, &mut page);
    used(app, device, &mut page);
    page.lines
}

/// Lines being written.
struct Page {
    address: PciAddress,
    lines: Vec<SheetLine>,
}

impl Page {
    fn known(&mut self, label: &str, value: impl Into<String>, source: impl Into<String>) {
        self.lines.push(SheetLine { label: label.into(), value: value.into(), source: source.into(), known: true });
    }

    fn unknown(&mut self, label: &str, why: &str) {
        let value = format!("not known: {}", why.trim_end_matches('.'));
        self.lines.push(SheetLine { label: label.into(), value, ..SheetLine::default() });
    }

    fn fact<T>(&mut self, label: &str, fact: &Fact<T>, say: impl Fn(&T) -> String) {
        match fact {
            Fact::Known { value, source, .. } => {
                let source = self.place(source);
                self.known(label, say(value), source);
            }
            Fact::Pending => self.unknown(label, NOT_ASKED),
            Fact::Unknown { why } => self.unknown(label, why),
            Fact::Denied { why } => self.unknown(label, &format!("denied, {why}")),
        }
    }

    /// A source, files of the function itself by their names alone.
    fn place(&self, source: &Provenance) -> String {
        match source {
            Provenance::Libvirt(call) => format!("libvirt, {call}"),
            Provenance::Command(name) => format!("output of {name}"),
            Provenance::File(path) => self.file(path),
            Provenance::Ssh { file, .. } => format!("{}, over SSH", self.file(file)),
        }
    }

    fn file(&self, path: &str) -> String {
        let own = path.strip_prefix(&folder(self.address));
        own.map_or_else(|| path.to_owned(), |name| if name.is_empty() { "its place".into() } else { name.into() })
    }
}

/// What the scan of all functions tells. The facts name one source for it: the folder, below which the files are known.
fn scanned(app: &App, device: &PciDevice, page: &mut Page) {
    let by_kernel = matches!(&app.facts.pci, Fact::Known { source: Provenance::File(_), .. });
    let source = match &app.facts.pci {
        Fact::Known { source, .. } => page.place(source),
        _ => String::new(),
    };
    let at = |file: &str| if by_kernel { file.to_owned() } else { source.clone() };
    page.known("Name", device.label(), at("pci.ids"));
    page.known("Address", device.address.to_string(), at("its place"));
    page.known("Ids", device.ids(), at("vendor, device"));
    match device.subsystem {
        Some((vendor, id)) => {
            page.known("Subsystem", format!("{vendor:04x}:{id:04x}"), at("subsystem_vendor, _device"));
        }
        None => page.unknown("Subsystem", "not reported by the host"),
    }
    page.known("Class", format!("{:06x}, {}", device.class, class(device.kind())), at("class"));
    page.known("Driver", device.driver.clone().unwrap_or_else(|| "none".into()), at("driver"));
    match device.numa_node {
        Some(node) => page.known("NUMA node", node.to_string(), at("numa_node")),
        None => page.unknown("NUMA node", "not reported by the machine, which does not mean node 0"),
    }
    if device.kind() == PciClass::Gpu {
        match device.boot_vga {
            Some(boot) => page.known("Boot display", yes(boot), at("boot_vga")),
            None => page.unknown("Boot display", "not available over this connection"),
        }
    }
}

fn detailed(details: &PciDetails, page: &mut Page) {
    page.fact("Header", &details.header, |header| header_name(*header).into());
    page.fact("Revision", &details.revision, |revision| format!("{revision:02x}"));
    page.fact("Power state", &details.power_state, |state| power(*state).into());
    page.fact("Power cut", &details.d3cold_allowed, |on| if *on { "allowed when idle" } else { "forbidden" }.into());
    page.fact("Resets", &details.reset_methods, |methods| resets(methods));
    page.fact("Can be reset", &details.resettable, |can| yes(*can));
    page.fact("ROM", &details.rom, |rom| rom.map_or_else(|| "none".into(), |size| size.to_string()));
    page.fact("Link", &details.link, |link| link.as_ref().map_or_else(|| "not PCI Express".into(), link_text));
    match &details.bars {
        Fact::Known { value, source, .. } => {
            let source = page.place(source);
            if value.is_empty() {
                page.known("BARs", "none", source.clone());
            }
            for one in value {
                page.known(&format!("BAR {}", one.index), bar(one), source.clone());
            }
        }
        other => page.fact("BARs", other, |_| String::new()),
    }
    page.fact("SR-IOV", &details.sriov, |sriov| sriov.as_ref().map_or_else(|| "none".into(), virtual_functions));
    page.fact("Function of", &details.physical_function, |physical| {
        physical.map_or_else(|| "no other: it is physical".into(), PciAddress::short)
    });
    page.fact("Bridges above", &details.upstream, |bridges| {
        let names: Vec<String> = bridges.iter().map(|bridge| bridge.short()).collect();
        if names.is_empty() { "none".into() } else { names.join(" > ") }
    });
    page.fact("On VFIO", &details.vfio, |on| yes(*on));
    page.fact("Bound by", &details.driver_override, |name| match name {
        Some(name) => format!("only {name} may bind to it"),
        None => "the driver that fits its ids".into(),
    });
    page.fact("Can be unplugged", &details.removable, |can| yes(*can));
    page.fact("Interrupts", &details.msi, |msi| if *msi { "by message" } else { "by a line only" }.into());
    page.fact("Interrupt line", &details.interrupt_line, |line| line.map_or("none".into(), |line| line.to_string()));
    page.fact("Mediated devices", &details.mdev_types, |types| mediated(types));
    page.fact("Firmware's name", &details.label, |name| name.clone().unwrap_or_else(|| "none".into()));
    page.fact("Slot", &details.slot, |slot| slot.clone().unwrap_or_else(|| "not numbered".into()));
}

fn group(app: &App, device: &PciDevice, page: &mut Page) {
    let Some(number) = device.iommu_group else {
        page.unknown("IOMMU group", app.facts.iommu.why_not().unwrap_or("none"));
        return;
    };
    let mates = app.facts.pci.items().iter().filter(|mate| mate.iommu_group == Some(number));
    let mates: Vec<String> =
        mates.filter(|mate| mate.address != device.address).map(|mate| mate.address.short()).collect();
    let with = if mates.is_empty() { "alone".to_owned() } else { format!("with {}", mates.join(", ")) };
    page.known("IOMMU group", format!("{number}, {with}"), "iommu_group");
    match app.facts.groups.get(&number) {
        Some(details) => {
            page.fact("Group type", &details.kind, Clone::clone);
            page.fact("Reserved", &details.reserved, |regions| {
                let region = |r: &crate::facts::pci_details::ReservedRegion| {
                    format!("{:#x} to {:#x} {}", r.start, r.end, r.kind)
                };
                regions.iter().map(region).collect::<Vec<_>>().join("; ")
            });
        }
        None => page.unknown("Group type", "the details of this group have not been read"),
    }
}

/// Who uses it, and what becomes of it in this VM.
fn used(app: &App, device: &PciDevice, page: &mut Page) {
    let connectors = app.facts.displays.get().into_iter().flat_map(|displays| &displays.cards);
    for card in connectors.filter(|card| card.function == Some(device.address)) {
        for socket in &card.connectors {
            let state = match socket.connected {
                Some(true) => "a monitor is connected",
                Some(false) => "nothing is connected",
                None => "not known",
            };
            page.known(&socket.name, state, format!("/sys/class/drm/{}-{}", card.name, socket.name));
        }
    }
    for note in uses::notes(app, &app.pci, device) {
        page.known("In use", note, "");
    }
    if let Some(why) = app.facts.storage.why_not().or(app.facts.networking.why_not()) {
        page.unknown("In use", why);
    }
    let becomes = match role(app, device.address) {
        Some(Role::Pass) => "the guest gets it",
        Some(Role::Hold) => "held: on vfio-pci, not passed to the guest",
        Some(Role::Leave) | None => "stays with the host",
    };
    page.known("In this VM", becomes, "");
    if role(app, device.address).is_none() && device.kind() != PciClass::Bridge {
        let taken = verdict::taking(app, device.address);
        page.known("Passing it", verdict::verdict(taken.findings.iter()).1, "");
        page.known("", verdict::closure(app, &taken, device.address), "");
        for TakenLine { code, message, remedy, .. } in &taken.lines() {
            let remedy = if remedy.is_empty() { String::new() } else { format!(": {remedy}") };
            page.known("", format!("{code}  {message}{remedy}"), "");
        }
    }
}

/// The facts that matter most, for the pane below the list.
pub fn essentials(app: &App, device: &PciDevice) -> Vec<String> {
    let mut all = vec![device.ids()];
    all.push(device.numa_node.map_or("NUMA node not known".into(), |node| format!("NUMA node {node}")));
    let Some(details) = app.facts.details.get(&device.address) else {
        all.push("details not read yet".into());
        return all;
    };
    let asleep = |state: &&PowerState| matches!(state, PowerState::D3Hot | PowerState::D3Cold);
    all.extend(details.power_state.get().filter(asleep).map(|state| format!("asleep ({})", power(*state))));
    all.extend(details.link.get().and_then(Option::as_ref).map(link_text));
    all.extend(details.reset_methods.get().map(|methods| match methods.as_slice() {
        [] => "cannot be reset".into(),
        some => format!("resets: {}", resets(some)),
    }));
    let largest = details.bars.items().iter().map(|bar| bar.size).max();
    all.extend(largest.filter(|size| size.0 >= 1 << 20).map(|size| format!("BAR {size}")));
    all.extend(details.rom.get().and_then(|rom| *rom).map(|size| format!("ROM {size}")));
    all.extend(details.sriov.get().and_then(Option::as_ref).map(virtual_functions));
    all.extend(
        details.physical_function.get().and_then(|of| *of).map(|of| format!("virtual function of {}", of.short())),
    );
    all
}

fn yes(on: bool) -> String {
    if on { "yes".into() } else { "no".into() }
}

fn class(kind: PciClass) -> &'static str {
    match kind {
        PciClass::Gpu => "display controller",
        PciClass::Audio => "sound",
        PciClass::Nic => "network controller",
        PciClass::Nvme => "NVMe drive",
        PciClass::Usb => "USB controller",
        PciClass::Storage => "storage controller",
        PciClass::Bridge => "bridge",
        PciClass::Other => "other",
    }
}

fn header_name(header: HeaderType) -> &'static str {
    match header {
        HeaderType::Endpoint => "endpoint",
        HeaderType::Bridge => "bridge",
        HeaderType::CardBus => "CardBus bridge",
        HeaderType::Dead => "the device does not answer",
    }
}

fn power(state: PowerState) -> &'static str {
    match state {
        PowerState::D0 => "D0",
        PowerState::D1 => "D1",
        PowerState::D2 => "D2",
        PowerState::D3Hot => "D3hot",
        PowerState::D3Cold => "D3cold",
        PowerState::Unknown => "not known to the kernel",
    }
}

fn resets(methods: &[ResetMethod]) -> String {
    let name = |method: &ResetMethod| match method {
        ResetMethod::DeviceSpecific => "of its own".to_owned(),
        ResetMethod::Acpi => "acpi".into(),
        ResetMethod::Flr => "flr".into(),
        ResetMethod::AfFlr => "af_flr".into(),
        ResetMethod::Pm => "pm".into(),
        ResetMethod::Bus => "bus".into(),
        ResetMethod::CxlBus => "cxl_bus".into(),
        ResetMethod::Other(name) => name.clone(),
    };
    if methods.is_empty() { "none".into() } else { methods.iter().map(name).collect::<Vec<_>>().join(", ") }
}

/// `PCIe 4.0 x16, now 1.0 x16`.
fn link_text(link: &Link) -> String {
    let generation = |speed: u32| match speed {
        2500 => "1.0".to_owned(),
        5000 => "2.0".into(),
        8000 => "3.0".into(),
        16000 => "4.0".into(),
        32000 => "5.0".into(),
        64000 => "6.0".into(),
        other => format!("{other} MT/s"),
    };
    let most = format!("PCIe {} x{}", generation(link.max_speed), link.max_width);
    if (link.speed, link.width) == (link.max_speed, link.max_width) {
        return most;
    }
    format!("{most}, now {} x{}", generation(link.speed), link.width)
}

fn bar(bar: &Bar) -> String {
    let space = match bar.space {
        BarSpace::Io => "I/O ports",
        BarSpace::Memory => "32-bit",
        BarSpace::WideMemory => "64-bit",
    };
    let place = if bar.assigned { format!("at {:#x}", bar.start) } else { "WITHOUT AN ADDRESS".into() };
    let prefetchable = if bar.prefetchable { ", prefetchable" } else { "" };
    let sizes: &[Bytes] = bar.sizes.items();
    let resizable = match (sizes.first(), sizes.last()) {
        (Some(first), Some(last)) if first != last => format!("; can be {first} to {last}"),
        _ => String::new(),
    };
    format!("{} {place}, {space}{prefetchable}{resizable}", bar.size)
}

fn virtual_functions(sriov: &SrIov) -> String {
    format!("{} of {} virtual functions", sriov.functions.len(), sriov.total)
}

fn mediated(types: &[MdevType]) -> String {
    let name = |kind: &MdevType| kind.name.clone().unwrap_or_else(|| kind.id.clone());
    if types.is_empty() { "none".into() } else { types.iter().map(name).collect::<Vec<_>>().join(", ") }
}
