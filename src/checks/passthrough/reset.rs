//! Checks of reset and power: whether a device works a second time.

use super::super::note::{Change, Remedy, Topic};
use super::super::subject::PciRow;
use super::super::text::{Arg, Joint, text};
use super::super::{Check, Notes, Subject};
use super::{DEVICE, detail, named, remedy};
use crate::facts::pci_details::{HeaderType, PowerState, ResetMethod};
use crate::facts::{Facts, PciClass, PciDevice};
use crate::machine::{Role, card, processor, radeon_family};
use crate::units::PciAddress;

pub(in super::super) static CHECKS: &[&Check] =
    &[&DEV_DEAD, &RESET_NONE, &RESET_PREFERRED, &RESET_BUS_ONLY, &RESET_KERNEL, &POWER_D3COLD, &TB_HOTPLUG];

pub(in super::super) static DEV_DEAD: Check = Check {
    code: "DEV-DEAD",
    title: "devices respond",
    short: "does not respond",
    explain: "The configuration space of the device reads as ones only: it has no power, a reset failed after the last \
              VM, or a driver still uses it. libvirt reports \"Unknown PCI header type '127'\". Try 'echo 1 > \
              /sys/bus/pci/devices/ADDRESS/remove; echo 1 > /sys/bus/pci/rescan'; if that does not help, power the \
              machine off completely. 'options vfio-pci disable_idle_d3=1' may prevent it.",
    run: Some(dead),
    ..DEVICE
};

pub(in super::super) static RESET_NONE: Check = Check {
    code: "RESET-NONE",
    title: "devices can be reset",
    short: "no reset",
    explain: "The kernel has no reset method for this device. The first VM after the host's start can use it; a second \
              start may fail until the host restarts. Some devices come back by themselves. For some older AMD cards the \
              module vendor-reset adds a method. Functions without state of their own, such as the sound of a graphics \
              card, need none.",
    run: Some(none),
    ..DEVICE
};

static RESET_PREFERRED: Check = Check {
    code: "RESET-PREFERRED",
    title: "device reset affects one function",
    explain: "The kernel tries several reset methods in its own order; the first that works is used. A power-state or \
              bus reset affects less or more than the function. The order can be changed: 'echo flr > \
              /sys/bus/pci/devices/ADDRESS/reset_method'. USB and sound of some AMD processors (1022:149c, 1022:1487) \
              break with flr, which newer kernels avoid.",
    run: Some(preferred),
    ..DEVICE
};

pub(in super::super) static RESET_BUS_ONLY: Check = Check {
    code: "RESET-BUS-ONLY",
    title: "bus reset affects no other device",
    short: "resets its whole bus",
    explain: "The device can be reset only with its whole bus, which also resets other functions below the same \
              bridge. QEMU then reports \"Cannot reset device, depends on group which is not owned\" and the device is \
              not reset. Also pass or hold those functions, or accept it.",
    run: Some(bus_only),
    ..DEVICE
};

static RESET_KERNEL: Check = Check {
    code: "RESET-KERNEL",
    title: "kernel resets passed GPUs",
    explain: "Linux 6.12.23 and 6.14.2 broke the reset of passed GPUs when their VM stops: the card, and with it the host, may \
              hang. Later releases work again. Update the kernel before the VM first stops.",
    run: Some(kernel),
    ..DEVICE
};

pub(in super::super) static POWER_D3COLD: Check = Check {
    code: "POWER-D3COLD",
    title: "idle devices wake from D3cold",
    short: "may not wake up",
    explain: "An idle device on vfio-pci goes to sleep, and some do not wake: \"Unable to change power state from \
              D3cold to D0, device inaccessible\". 'options vfio-pci disable_idle_d3=1' in /etc/modprobe.d keeps them \
              awake; writing 0 to the device's d3cold_allowed forbids the deepest sleep.",
    run: Some(d3cold),
    ..DEVICE
};

static TB_HOTPLUG: Check = Check {
    code: "TB-HOTPLUG",
    title: "devices are fixed, not Thunderbolt",
    short: "Thunderbolt",
    explain: "The device is behind Thunderbolt or in a drive bay and can be unplugged. The guest then loses it, and \
              QEMU may crash. Its link is narrower than that of a slot, and a device that is plugged in after the boot may \
              lack room for its BARs. With the Thunderbolt controller itself the host loses everything that is plugged in \
              there: screens, docks, disks, network.",
    run: Some(removable),
    ..DEVICE
};

fn dead(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let header = detail(subject, notes, &leaving, |details| &details.header, "the header of");
        if header == Some(&HeaderType::Dead) {
            let address = leaving.device.address;
            let remedy = text!(
                "echo 1 > /sys/bus/pci/devices/{address}/remove; echo 1 > /sys/bus/pci/rescan; if that does not help, \
                 power the machine off completely",
                address
            );
            notes.blocker(leaving.topic(), text!("{named} does not respond", named = named(&leaving)), remedy);
        }
    }
}

fn none(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held && has_state(subject, leaving.device)) {
        let known = |details: &crate::facts::PciDetails| details.reset_methods.get().map(Vec::is_empty);
        let methods = subject.facts.details.get(&leaving.device.address).and_then(known);
        let none = match methods {
            Some(none) => {
                notes.looked();
                none
            }
            None => detail(subject, notes, &leaving, |details| &details.resettable, "how to reset") == Some(&false),
        };
        if !none || card::first_resets_bus(subject.facts, leaving.device.address) {
            continue;
        }
        let message = text!(
            "the kernel has no way to reset {named}: it may not work again before the host restarts",
            named = named(&leaving)
        );
        let way_out = "restart the host if a second start of the VM fails, or choose another device";
        notes.warning(leaving.topic(), message, way_out);
    }
}

/// True for what a guest leaves in a state that the next one may not cope with: sound, card readers and sensors have none.
/// What the graphics of a processor and older AMD cards need for a second start has checks of its own.
fn has_state(subject: &Subject, device: &PciDevice) -> bool {
    let plain = matches!(device.kind(), PciClass::Nvme | PciClass::Nic) || device.computes();
    // Boards for inference are "other system peripherals" to PCI.
    let board = device.class >> 8 == 0x0880 && device.address.bus != 0;
    (plain || board) && !processor::is_graphics(subject.facts, device) && radeon_family::family(device).is_none()
}

fn preferred(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held) {
        let address = leaving.device.address;
        let methods = subject.facts.details.get(&address).and_then(|details| details.reset_methods.get());
        let Some(methods) = methods else { continue };
        notes.looked();
        let exact = |method: &ResetMethod| {
            matches!(method, ResetMethod::Flr | ResetMethod::AfFlr | ResetMethod::DeviceSpecific)
        };
        let broken = leaving.device.vendor == 0x1022
            && [0x149c, 0x1487, 0x148c].contains(&leaving.device.device)
            && methods.first() == Some(&ResetMethod::Flr);
        let later = methods.iter().skip(1).any(exact) && !methods.first().is_some_and(exact);
        if broken || later {
            let names: Vec<&str> = methods.iter().map(ResetMethod::name).collect();
            let wanted = if broken { "bus" } else { "flr" };
            let message = text!(
                "{named} is reset by {first} first, of {names}",
                named = named(&leaving),
                first = names.first().copied().unwrap_or_default(),
                names = Arg::list(Joint::Comma, names)
            );
            let way_out = text!(
                "if it does not work again: echo {wanted} > /sys/bus/pci/devices/{address}/reset_method",
                wanted,
                address
            );
            notes.info(Topic::from(leaving.row.place()).about(address), message, way_out);
        }
    }
}

fn bus_only(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed() {
        match card::only_bus_reset(subject.facts, row.address) {
            None => continue,
            Some(false) => {
                notes.looked();
                continue;
            }
            Some(true) => notes.looked(),
        }
        let owned = |address| {
            let held = |member: &crate::machine::Member| member.address == address && member.role == Role::Hold;
            subject.pci.iter().any(|row| row.address == address) || subject.companions.iter().any(held)
        };
        if processor::is_inside(subject.facts, row.address) {
            within_processor(notes, row);
            continue;
        }
        let hit = card::reset_with(subject.facts, row.address);
        let hit = hit.into_iter().filter(|other| other.kind() != PciClass::Bridge);
        let group = row.device.and_then(|device| device.iommu_group);
        let hit: Vec<&PciDevice> = hit
            .filter(|other| !subject.passed().any(|row| row.address == other.address))
            .filter(|other| other.iommu_group.is_none() || other.iommu_group != group)
            .collect();
        if !hit.is_empty() {
            let names = Arg::all(hit.iter().map(|other| {
                let owned = if owned(other.address) { ", held" } else { "" };
                text!("{address} ({label}{owned})", address = other.address, label = other.label(), owned)
            }));
            let message =
                text!("{address} is reset only with its bus, which also resets {names}", address = row.address, names);
            let ask = Arg::Ask { many: true, or_hold: false };
            let remedy = Remedy::from(text!("{ask}, or do without a reset", ask));
            let all = hit.iter().map(|other| other.address).collect();
            notes.warning(row.place(), message, remedy.by(Change::Add(all)));
        }
    }
}

/// The host lives on the rest of that bus, so that no VM gets it whole.
fn within_processor(notes: &mut Notes, row: &PciRow) {
    // What graphics need for a second start, GPU-APU says.
    if row.device.is_some_and(|device| device.kind() != PciClass::Gpu) {
        let message = text!(
            "{address} is reset only with its bus, which is inside the processor: it is not reset between two starts",
            address = row.address
        );
        notes.warning(row.place(), message, "restart the host if a second start of the VM fails");
    }
}

/// Releases that are known to break it.
const BROKEN: [&str; 2] = ["6.12.23", "6.14.2"];

fn kernel(subject: &Subject, notes: &mut Notes) {
    let gpu = subject.leaving().into_iter().find(|leaving| leaving.device.computes() && !leaving.held);
    let release = subject.facts.kernel.get().and_then(|kernel| kernel.release.get());
    let (Some(gpu), Some(release)) = (gpu, release) else { return };
    notes.looked();
    let of =
        |broken: &str| release.strip_prefix(broken).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    if BROKEN.iter().any(|broken| of(broken)) {
        let message = text!("kernel {release} breaks the reset of GPUs when their VM stops", release);
        notes.warning(gpu.topic(), message, "update the kernel before the VM first stops");
    }
}

fn d3cold(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let kept = subject.facts.vfio.get().and_then(|vfio| vfio.disable_idle_d3.get()) == Some(&true);
        let asleep = |state: &PowerState| matches!(state, PowerState::D3Hot | PowerState::D3Cold);
        let on_vfio = leaving.device.driver.as_deref().is_some_and(card::holds_for_guests);
        if kept || !on_vfio {
            continue;
        }
        let what = "whether sleep can be turned off for";
        let Some(allowed) = detail(subject, notes, &leaving, |details| &details.d3cold_allowed, what) else { continue };
        let what = "the power state of";
        let Some(state) = detail(subject, notes, &leaving, |details| &details.power_state, what) else { continue };
        if *allowed && asleep(state) {
            let message = text!("{named} sleeps on vfio-pci and may not wake up", named = named(&leaving));
            let way_out = remedy::module_option(subject.facts, "vfio-pci", "disable_idle_d3=1");
            notes.warning(leaving.topic(), message, way_out);
        }
    }
}

fn removable(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<PciAddress> = Vec::new();
    for leaving in subject.leaving() {
        if leaving.device.is_thunderbolt() {
            let message = text!("{named} is the Thunderbolt controller itself", named = named(&leaving));
            let way_out = "the host loses everything that is plugged in there: pass the device behind it instead";
            notes.warning(leaving.topic(), message, way_out);
        }
        // Hardly any device is, so that nothing is said where it is not known.
        if !is_removable(subject.facts, leaving.device.address) {
            continue;
        }
        notes.looked();
        if seen.iter().any(|slot| slot.same_slot(leaving.device.address)) {
            continue;
        }
        seen.push(leaving.device.address);
        let message = text!("{named} can be unplugged while the VM runs", named = named(&leaving));
        let way_out = "leave it plugged in, and plug it in before the host boots so that its BARs get room; its link is \
                       narrower than a slot";
        notes.info(leaving.topic(), message, way_out);
    }
}

/// True for what is known to be outside the machine, or in a drawer.
pub(super) fn is_removable(facts: &Facts, address: PciAddress) -> bool {
    facts.details.get(&address).and_then(|details| details.removable.get()) == Some(&true)
}
