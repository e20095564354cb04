//! Checks of the host PCI devices that a VM asks for.

use super::note::{Change, Remedy, Topic};
use super::passthrough::grouped;
use super::row::TakenRow;
use super::subject::PciRow;
use super::text::{Arg, Text, text};
use super::wording::{blank, field};
use super::{Check, Notes, Scope, Subject, iommu};
use crate::facts::{Domain, DomainState, PciClass, PciDevice};
use crate::machine::card;
use crate::spec::{Place, VirtType};
use crate::units::PciAddress;

pub(super) static CHECKS: &[&Check] = &[
    &PCI_ADDRESS,
    &PCI_SAME,
    &PCI_MISSING,
    &PCI_BRIDGE,
    &PCI_IN_USE,
    &PCI_FUNCTIONS,
    &PCI_DRIVER,
    &PCI_BOOT_GPU,
    &PCI_PRIMARY,
    &PCI_SESSION,
    &PCI_EMULATED,
];

static PCI_ADDRESS: Check = Check {
    code: "PCI-ADDRESS",
    title: "host addresses are valid",
    explain: "A host PCI address has the form domain:bus:slot.function, such as 0000:01:00.0; `lspci -D` and `vmbuild \
              pci` list them. Each row of pci_devices needs one.",
    run: Some(address),
    ..Check::VM
};

pub(super) static PCI_SAME: Check = Check {
    code: "PCI-SAME",
    title: "each host device is requested once",
    explain: "One PCI function can be passed to a guest once. libvirt rejects a domain that names it twice.",
    run: Some(same),
    ..Check::DEVICE
};

pub(super) static PCI_MISSING: Check = Check {
    code: "PCI-MISSING",
    title: "host devices exist",
    explain: "There is no PCI function at this address. libvirt would define the domain without a check, and fail at \
              its start. Addresses change when cards are added or removed, or when firmware settings change.",
    contract: Some(17),
    run: Some(missing),
    ..Check::DEVICE
};

pub(super) static PCI_BRIDGE: Check = Check {
    code: "PCI-BRIDGE",
    title: "host devices are endpoints",
    explain: "Bridges and root ports are part of the host's PCI tree and cannot be passed to a guest. Pass the card \
              behind the bridge.",
    run: Some(bridge),
    ..Check::DEVICE
};

pub(super) static PCI_IN_USE: Check = Check {
    code: "PCI-IN-USE",
    title: "no other VM has the host devices",
    short: "used by a VM",
    rank: 1,
    explain: "A PCI function, and in fact its whole IOMMU group, belongs to one VM at a time. If the other VM runs, \
              the start fails; if it is only defined, whichever starts second fails. libvirt does not check this \
              before the start.",
    contract: Some(18),
    run: Some(in_use),
    ..Check::DEVICE
};

static PCI_FUNCTIONS: Check = Check {
    code: "PCI-FUNCTIONS",
    title: "cards are passed whole",
    short: "card not whole",
    rank: 3,
    explain: "A graphics card has several functions: display, sound, often USB and USB-C. The guest's driver expects \
              them all on one slot, and the card can be reset only as a whole. Pass every function of the card.",
    run: Some(functions),
    ..Check::DEVICE
};

/// A passed device is on a driver of the host.
pub static PCI_DRIVER: Check = Check {
    code: "PCI-DRIVER",
    title: "passed devices are ready for vfio-pci",
    short: "bound to nvidia",
    explain: "The device works for the host until the VM starts: then libvirt unbinds its driver and binds vfio-pci, \
              and returns it when the VM stops (managed='yes'). Most drivers release their device at once. nvidia does \
              not while a program has the card open: the call then hangs. Stop what uses the card first, or bind \
              vfio-pci at boot.",
    run: Some(driver),
    ..Check::DEVICE
};

static PCI_BOOT_GPU: Check = Check {
    code: "PCI-BOOT-GPU",
    title: "boot GPU stays with the host",
    short: "boot GPU",
    explain: "This is the GPU that the firmware uses first: the host's console is on it and goes dark when the VM \
              starts. Make sure that you can reach the host in another way, such as SSH. The firmware may shadow its \
              ROM, so the guest may need a ROM file. Often another GPU can be made the first one in the firmware \
              setup.",
    consent: true,
    run: Some(boot_gpu),
    ..Check::DEVICE
};

static PCI_PRIMARY: Check = Check {
    code: "PCI-PRIMARY",
    title: "one GPU at most is the first display",
    explain: "primary_gpu marks the one GPU on which the guest's firmware shows itself. There can be only one, and it \
              must be a display controller.",
    run: Some(primary),
    ..Check::VM
};

pub(super) static PCI_SESSION: Check = Check {
    code: "PCI-SESSION",
    title: "connection may rebind devices",
    explain: "A session connection runs QEMU as your own user, which may neither take a device from its driver nor pin \
              the guest's memory. Use the system connection: qemu:///system.",
    scope: Scope::Host(14),
    run: Some(session),
    ..Check::DEVICE
};

static PCI_EMULATED: Check = Check {
    code: "PCI-EMULATED",
    title: "guests with passed devices use KVM",
    explain: "An emulated guest can have a host device in theory. In practice it is too slow for any graphics driver, \
              and this is rarely tried. Passthrough needs KVM.",
    run: Some(emulated),
    ..Check::VM
};

/// The place of a row's host address.
pub(super) fn place(row: TakenRow) -> Place {
    row.place("host_address")
}

fn address(subject: &Subject, notes: &mut Notes) {
    for (row, asked) in subject.spec.pci_devices.iter().flatten().enumerate() {
        // Of a row that says what its device is known by, PCI-MATCH speaks.
        if asked.selector.is_some() && blank(asked.host_address.as_ref()) {
            continue;
        }
        notes.looked();
        let row = TakenRow::Device(row);
        if blank(asked.host_address.as_ref()) {
            let message = text!("{row}: host_address is required", row);
            notes.blocker(place(row), message, "write the address that vmbuild pci shows, such as 0000:01:00.0");
        } else if let Some(Err(error)) = asked.host_address.as_deref().map(str::parse::<PciAddress>) {
            notes.blocker(place(row), text!("{row}: {error}", row, error), "vmbuild pci lists the devices of the host");
        }
    }
}

fn same(subject: &Subject, notes: &mut Notes) {
    for (index, row) in subject.pci.iter().enumerate() {
        notes.looked();
        if let Some(earlier) = subject.pci.iter().take(index).find(|earlier| earlier.address == row.address) {
            let message = text!("{device} repeats {row}", device = row.name(), row = earlier.row);
            notes.blocker(row.place(), message, "remove one of them");
        }
    }
}

fn missing(subject: &Subject, notes: &mut Notes) {
    for row in &subject.pci {
        let what = text!("whether {address} is on the host", address = row.address);
        let Some(devices) = notes.known(&subject.facts.pci, || row.place(), &what) else { continue };
        if row.device.is_none() {
            let message = text!("{device} not found: PCI device not found", device = row.name());
            notes.blocker(row.place(), message, near(devices, row.address));
        }
    }
}

/// Points to the same slot on another bus, where cards go when the host's layout changes.
fn near(devices: &[PciDevice], wanted: PciAddress) -> Text {
    let twin = devices.iter().find(|known| known.address.same_slot(wanted) && known.kind() != PciClass::Bridge);
    match twin {
        Some(known) => text!("on that slot is {address} ({label})", address = known.address, label = known.label()),
        None => "vmbuild pci lists the devices of the host".into(),
    }
}

fn bridge(subject: &Subject, notes: &mut Notes) {
    for row in &subject.pci {
        let Some(known) = row.device else { continue };
        notes.looked();
        if known.kind() == PciClass::Bridge {
            let message =
                text!("{device} is a bridge ({label}), not an endpoint", device = row.name(), label = known.label());
            notes.blocker(row.place(), message, "remove it: bridges stay with the host, the card behind is passed");
        }
    }
}

fn in_use(subject: &Subject, notes: &mut Notes) {
    for row in &subject.pci {
        let what = text!("whether another VM has {address}", address = row.address);
        if notes.known(&subject.facts.domains, || row.place(), &what).is_none() {
            continue;
        }
        match subject.holders_of(row.address).first() {
            Some(domain) => held(notes, row, domain),
            None => group_held(subject, notes, row),
        }
    }
}

fn held(notes: &mut Notes, row: &PciRow, domain: &Domain) {
    let assigned = text!("{device} is already assigned to VM '{domain}'", device = row.name(), domain = domain.name);
    let place = row.place();
    match (domain.state, domain.autostart) {
        (DomainState::Active, _) => {
            let remedy =
                text!("shut '{domain}' off and detach it there, or choose another device", domain = domain.name);
            notes.blocker(place, text!("{assigned} (running)", assigned), remedy);
        }
        (DomainState::Inactive, true) => {
            let message = text!("{assigned} (shut off, starts with the host): the two cannot run together", assigned);
            notes.warning(
                place,
                message,
                text!("turn off its autostart, or detach it from '{domain}'", domain = domain.name),
            );
        }
        (DomainState::Inactive, false) => {
            let message = text!("{assigned} (shut off): the two cannot run together", assigned);
            notes.warning(place, message, text!("detach it from '{domain}', or never run both", domain = domain.name));
        }
    }
}

/// VFIO gives out groups: a running VM that has a neighbour has this device too.
fn group_held(subject: &Subject, notes: &mut Notes, row: &PciRow) {
    let Some(group) = row.device.and_then(|known| known.iommu_group) else { return };
    let mates = subject.facts.pci.items().iter().filter(|mate| mate.iommu_group == Some(group));
    let holder = mates.filter(|mate| mate.address != row.address).find_map(|mate| {
        let holders = subject.holders_of(mate.address);
        holders.into_iter().find(|domain| domain.state == DomainState::Active).map(|domain| (mate.address, domain))
    });
    if let Some((mate, domain)) = holder {
        let (device, name) = (row.name(), &domain.name);
        let message = text!(
            "{device}: {mate} of its IOMMU group {group} is assigned to running VM '{name}'",
            device,
            mate,
            group,
            name
        );
        notes.blocker(row.place(), message, text!("shut '{name}' off, or choose a device of another group", name));
    }
}

fn functions(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<PciAddress> = Vec::new();
    for row in subject.passed() {
        let Some(passed) = row.device else { continue };
        if seen.iter().any(|slot| slot.same_slot(row.address)) {
            notes.looked();
            continue;
        }
        seen.push(row.address);
        let selected = |address| subject.pci.iter().any(|row| row.address == address);
        let left = card::card(subject.facts, passed).into_iter().filter(|known| !selected(known.address));
        // What the blocker of the group asks for already is not said twice, and is no pass either.
        let (said, left): (Vec<_>, Vec<_>) = left.partition(|known| iommu::names(subject, passed, known));
        if said.is_empty() || !left.is_empty() {
            notes.looked();
        }
        let ports = left.iter().all(|known| is_port(known, passed));
        if !left.is_empty() {
            let name =
                |known: &&PciDevice| text!("{address} ({label})", address = known.address, label = known.label());
            let names = Arg::all(left.iter().map(name));
            if ports {
                let message = text!("{names} of the same card stays with the host", names);
                notes.info(Topic::from(row.place()).of(row.name()), message, "each port of a network card works alone");
                continue;
            }
            let message = text!("the same card also has {names}", names);
            let ask = Arg::Ask { many: true, or_hold: false };
            let remedy = Remedy::from(text!("{ask}: a card is passed whole", ask));
            let all = left.iter().map(|known| known.address).collect();
            notes.warning(Topic::from(row.place()).of(row.name()), message, remedy.by(Change::Add(all)));
        }
        held_back(subject, notes, row, passed);
    }
}

/// True for another port of a network card, of which the IOMMU tells each apart.
fn is_port(left: &PciDevice, passed: &PciDevice) -> bool {
    let nics = left.kind() == PciClass::Nic && passed.kind() == PciClass::Nic;
    nics && left.iommu_group.is_some() && left.iommu_group != passed.iommu_group
}

/// Functions of a passed card that the spec keeps from the guest.
fn held_back(subject: &Subject, notes: &mut Notes, row: &PciRow, passed: &PciDevice) {
    let card = card::card(subject.facts, passed);
    let is_of_card = |other: &&PciRow| other.asked.is_held() && card.iter().any(|known| known.address == other.address);
    let held: Vec<PciAddress> = subject.pci.iter().filter(is_of_card).map(|other| other.address).collect();
    if !held.is_empty() {
        let message = text!("of the same card {held} is held", held = Arg::all(held));
        notes.warning(
            Topic::from(row.place()).of(row.name()),
            message,
            "also pass it: the guest's driver expects the whole card",
        );
    }
}

/// Devices of one driver in one finding: their number says nothing more.
fn driver(subject: &Subject, notes: &mut Notes) {
    let mut bound: Vec<(&PciRow, &str)> = Vec::new();
    for row in &subject.pci {
        let stays = |known: &PciDevice| known.kind() == PciClass::Bridge || card::is_vgpu(subject.facts, known);
        let Some(known) = row.device.filter(|known| !stays(known)) else { continue };
        notes.looked();
        let driver = known.driver.as_deref().filter(|driver| !card::holds_for_guests(driver));
        bound.extend(driver.map(|driver| (row, driver)));
    }
    for (driver, rows) in grouped(bound, |(_, driver)| *driver) {
        let Some((first, _)) = rows.first() else { continue };
        let message = if rows.len() == 1 {
            text!("{device} is bound to {driver}; it will be rebound at VM start", device = first.name(), driver)
        } else {
            let devices = Arg::all(rows.iter().map(|(row, _)| row.name()));
            text!("{devices} are bound to {driver}; they will be rebound at VM start", devices, driver)
        };
        if driver == "nvidia" {
            let remedy = "stop what uses the card before the start (display manager, nvidia-persistenced), or bind \
                          vfio-pci at boot: libvirt's call hangs while the card is open";
            notes.warning(first.place(), message, remedy);
        } else {
            notes.info(first.place(), message, "make sure that nothing on the host uses it when the VM starts");
        }
    }
}

fn boot_gpu(subject: &Subject, notes: &mut Notes) {
    for row in &subject.pci {
        let Some(known) = row.device.filter(|known| known.kind() == PciClass::Gpu) else { continue };
        match known.boot_vga {
            Some(true) => {
                let message =
                    text!("{device} ({label}) is the host's boot GPU", device = row.name(), label = known.label());
                let remedy = "make sure of SSH: the host's console goes dark when the VM starts";
                notes.warning(row.place(), message, remedy);
            }
            Some(false) => notes.looked(),
            None => {
                let what = text!("whether {address} is the host's boot GPU", address = row.address);
                notes.unknown(row.place(), &what, "not available over this connection");
            }
        }
    }
}

fn primary(subject: &Subject, notes: &mut Notes) {
    let mut rows = subject.passed().filter(|row| row.asked.primary_gpu == Some(true));
    let Some(first) = rows.next() else { return };
    notes.looked();
    for row in rows.clone() {
        let message = text!("{device} is a second primary GPU, after {row}", device = row.name(), row = first.row);
        notes.blocker(row.row.place("primary_gpu"), message, "leave primary_gpu on one device only");
    }
    for row in std::iter::once(first).chain(rows) {
        if let Some(known) = row.device.filter(|known| known.kind() != PciClass::Gpu) {
            let message =
                text!("{device} is not a display controller ({label})", device = row.name(), label = known.label());
            notes.warning(row.row.place("primary_gpu"), message, "set primary_gpu on the card's display function");
        }
    }
}

fn session(subject: &Subject, notes: &mut Notes) {
    let Some(first) = subject.pci.first() else { return };
    let what = "whether the connection may rebind devices";
    let Some(host) = notes.known(&subject.facts.host, || first.place(), what) else { return };
    let path = host.uri.split('?').next().unwrap_or_default();
    if path.ends_with("/session") {
        let message = text!("{uri} cannot rebind devices or pin the guest's memory", uri = host.uri);
        notes.blocker(field("pci_devices"), message, "connect to qemu:///system");
    }
}

fn emulated(subject: &Subject, notes: &mut Notes) {
    if subject.pci.is_empty() || subject.machine.is_only_a_test() {
        return;
    }
    notes.looked();
    if subject.machine.virt_type.value == VirtType::Qemu {
        let message = "host devices are passed to an emulated guest";
        notes.warning(field("pci_devices"), message, "passthrough needs KVM; see VIRT-KVM");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, domain, host, known};
    use crate::facts::{Domain, DomainState, Fact, Host, PciDevice};
    use serde_json::json;

    const HOST: &str = "pci_devices[0].host_address";

    fn device(asked: Asked, address: &str, change: impl Fn(&mut PciDevice)) -> Asked {
        asked.devices(|known| {
            if known.address.to_string() == address {
                change(known);
            }
        })
    }

    #[test]
    fn each_row_has_an_address() {
        let asked = Asked::with(json!({"pci_devices": [{}, {"host_address": "1:0"}]}));
        asked.blocks("PCI-ADDRESS", HOST, "device 0: host_address is required");
        Asked::pass(&["01:00.0"]).passes("PCI-ADDRESS");
        Asked::good().quiet("PCI-ADDRESS");
    }

    #[test]
    fn a_device_is_passed_once() {
        let want = "device 1 (0000:01:00.0) repeats device 0";
        Asked::pass(&["0000:01:00.0", "01:00.0"]).blocks("PCI-SAME", "pci_devices[1].host_address", want);
        Asked::pass(&["01:00.0", "01:00.1"]).passes("PCI-SAME");
    }

    #[test]
    fn a_device_must_be_on_the_host() {
        let asked = Asked::pass(&["0000:09:00.0"]);
        asked.blocks("PCI-MISSING", HOST, "device 0 (0000:09:00.0) not found: PCI device not found");
        Asked::pass(&["01:00.0"]).passes("PCI-MISSING");
        Asked::pass(&["01:00.0"]).facts(|facts| facts.pci = Fact::default()).unknown("PCI-MISSING");
    }

    #[test]
    fn bridges_stay_with_the_host() {
        Asked::pass(&["00:01.0"]).said("PCI-BRIDGE").blocker();
        Asked::pass(&["01:00.0"]).passes("PCI-BRIDGE");
    }

    fn held(asked: Asked, address: &str, state: DomainState, autostart: bool) -> Asked {
        let pci = address.parse().into_iter().collect();
        let holder = Domain { state, autostart, pci, ..domain("build-07") };
        asked.beside(holder)
    }

    #[test]
    fn a_device_of_another_vm_is_refused_or_pointed_out() {
        let asked = || Asked::pass(&["01:00.0", "01:00.1"]);
        let want = "device 0 (0000:01:00.0) is already assigned to VM 'build-07' (running)";
        held(asked(), "01:00.0", DomainState::Active, false).blocks("PCI-IN-USE", HOST, want);
        let defined = held(asked(), "01:00.0", DomainState::Inactive, false).said("PCI-IN-USE").warning();
        let autostart = held(asked(), "01:00.0", DomainState::Inactive, true).said("PCI-IN-USE").warning();
        assert!(
            autostart.message.contains("starts with the host") && !defined.message.contains("starts with the host")
        );
        held(asked(), "02:00.0", DomainState::Active, false).passes("PCI-IN-USE");
        asked().facts(|facts| facts.domains = Fact::default()).unknown("PCI-IN-USE");
    }

    #[test]
    fn a_running_vm_holds_the_whole_group() {
        let want = "device 0 (0000:01:00.0): 0000:01:00.1 of its IOMMU group 14 is assigned to running VM 'build-07'";
        held(Asked::pass(&["01:00.0"]), "01:00.1", DomainState::Active, false).blocks("PCI-IN-USE", HOST, want);
        held(Asked::pass(&["01:00.0"]), "01:00.1", DomainState::Inactive, false).passes("PCI-IN-USE");
    }

    #[test]
    fn a_card_is_passed_whole() {
        let want = "device 0 (0000:01:00.0): the same card also has 0000:01:00.1 (NVIDIA AD103 HD Audio)";
        // The group asks for a function that the host drives; one that is free of drivers is only missed by the guest.
        Asked::pass(&["01:00.0"]).quiet("PCI-FUNCTIONS").said("IOMMU-GROUP").blocker();
        let free = device(Asked::pass(&["01:00.0"]), "0000:01:00.1", |known| known.driver = None);
        free.passes("IOMMU-GROUP").warns("PCI-FUNCTIONS", HOST, want);
        Asked::pass(&["01:00.0", "01:00.1"]).passes("PCI-FUNCTIONS");
        Asked::pass(&["00:1f.3"]).passes("PCI-FUNCTIONS");
    }

    #[test]
    fn ports_of_a_network_card_work_one_by_one() {
        let ports = |group| {
            Asked::pass(&["01:00.0"]).devices(move |known| {
                if known.address.bus == 1 {
                    known.class = 0x02_00_00;
                    known.iommu_group = Some(if known.address.function == 0 { 14 } else { group });
                    known.driver = None;
                }
            })
        };
        let said = ports(30).said("PCI-FUNCTIONS").info();
        assert!(said.message.contains("0000:01:00.1"), "{}", said.message);
        ports(14).said("PCI-FUNCTIONS").warning();
    }

    #[test]
    fn the_driver_that_holds_the_device_is_named() {
        let Said { message, .. } = Asked::pass(&["01:00.0"]).said("PCI-DRIVER").warning();
        assert_eq!(message, "device 0 (0000:01:00.0) is bound to nvidia; it will be rebound at VM start");
        Asked::pass(&["01:00.1"]).said("PCI-DRIVER").info();
        for driver in ["vfio-pci", "mlx5_vfio_pci", "pci-stub"] {
            device(Asked::pass(&["01:00.0"]), "0000:01:00.0", |known| known.driver = Some(driver.into()))
                .passes("PCI-DRIVER");
        }
    }

    #[test]
    fn the_boot_gpu_is_pointed_out() {
        Asked::pass(&["02:00.0"]).said("PCI-BOOT-GPU").warning();
        Asked::pass(&["01:00.0"]).passes("PCI-BOOT-GPU");
        Asked::pass(&["03:00.0"]).quiet("PCI-BOOT-GPU");
        device(Asked::pass(&["01:00.0"]), "0000:01:00.0", |known| known.boot_vga = None).unknown("PCI-BOOT-GPU");
    }

    #[test]
    fn one_gpu_is_the_first() {
        let rows = |second: &str, primary: bool| {
            Asked::with(json!({"pci_devices": [
                {"host_address": "01:00.0", "primary_gpu": true}, {"host_address": second, "primary_gpu": primary}
            ]}))
        };
        let want = "device 1 (0000:02:00.0) is a second primary GPU, after device 0";
        rows("02:00.0", true).blocks("PCI-PRIMARY", "pci_devices[1].primary_gpu", want);
        rows("02:00.0", false).passes("PCI-PRIMARY");
        let sound = json!({"pci_devices": [{"host_address": "01:00.1", "primary_gpu": true}]});
        Asked::with(sound).said("PCI-PRIMARY").warning();
    }

    #[test]
    fn a_session_cannot_rebind() {
        let on = |uri: &str| {
            let host = Host { uri: uri.to_owned(), ..host() };
            Asked::pass(&["01:00.0"]).facts(|facts| facts.host = known(host))
        };
        on("qemu:///session").said("PCI-SESSION").blocker();
        on("qemu+ssh://hv03/system?keyfile=/session").passes("PCI-SESSION");
        Asked::pass(&["01:00.0"]).facts(|facts| facts.host = Fact::default()).unknown("PCI-SESSION");
    }

    #[test]
    fn passthrough_wants_kvm() {
        let asked = |virt| Asked::with(json!({"virt_type": virt, "pci_devices": [{"host_address": "01:00.0"}]}));
        asked("qemu").said("PCI-EMULATED").warning();
        asked("kvm").passes("PCI-EMULATED");
    }
}
