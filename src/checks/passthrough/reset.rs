//! Checks of reset and power: whether a device works a second time.

use super::super::note::{Change, Remedy, Topic};
use super::super::text::{Arg, Joint, text};
use super::super::{Check, Notes, Subject};
use super::{DEVICE, detail, named};
use crate::facts::pci_details::{HeaderType, PowerState, ResetMethod};
use crate::facts::{ModuleState, PciClass, PciDevice};
use crate::machine::{Role, card};

pub(in super::super) static CHECKS: &[&Check] =
    &[&DEV_DEAD, &RESET_NONE, &RESET_PREFERRED, &RESET_BUS_ONLY, &RESET_AMD_BUG, &POWER_D3COLD, &TB_HOTPLUG];

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
    explain: "The kernel has no reset method for this device. It works for one VM after the host's start, and often \
              not again until the host restarts. For some AMD GPUs the module vendor-reset adds a method.",
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

static RESET_AMD_BUG: Check = Check {
    code: "RESET-AMD-BUG",
    title: "AMD GPU resets after VM shutdown",
    short: "AMD reset bug",
    explain: "The kernel alone cannot reset GPUs of these AMD families (Polaris, Vega, Navi 1x): the second start of a \
              VM gives a black screen or Code 43 until the host restarts. The module vendor-reset (by DKMS, to be \
              signed under Secure Boot) fixes most; without it, stop the VM rather than reboot it.",
    run: Some(amd),
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
              QEMU may crash. With the Thunderbolt controller itself the host loses everything that is plugged in \
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
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held) {
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
        let message =
            text!("{named} cannot be reset: it works once, then after a restart of the host", named = named(&leaving));
        if leaving.device.kind() == PciClass::Gpu && !known_to_return(subject, leaving.device) {
            notes.blocker(leaving.topic(), message, "AMD GPUs: the module vendor-reset; otherwise choose another");
        } else {
            notes.warning(leaving.topic(), message, "restart the host between two VMs, or choose another device");
        }
    }
}

/// True where a module outside the kernel resets the GPU.
fn known_to_return(subject: &Subject, device: &crate::facts::PciDevice) -> bool {
    device.vendor == 0x1002 && vendor_reset(subject) == Some(true)
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

/// Device ids of AMD's GPUs that the kernel cannot reset, by family.
const FAMILIES: [(&str, &[(u16, u16)]); 9] = [
    ("Polaris 10", &[(0x67c0, 0x67df), (0x6fdf, 0x6fdf)]),
    ("Polaris 11", &[(0x67e0, 0x67ff)]),
    ("Polaris 12", &[(0x6980, 0x699f)]),
    ("Vega 10", &[(0x6860, 0x686f), (0x687f, 0x687f)]),
    ("Vega 20", &[(0x66a0, 0x66af)]),
    ("Navi 10", &[(0x7310, 0x731f)]),
    ("Navi 12", &[(0x7360, 0x7360), (0x7362, 0x7362)]),
    ("Navi 14", &[(0x7340, 0x7341), (0x7347, 0x7347), (0x734f, 0x734f)]),
    ("MI100", &[(0x738c, 0x738c)]),
];

/// Whether vendor-reset is or can be loaded, where that is known.
pub(super) fn vendor_reset(subject: &Subject) -> Option<bool> {
    subject.facts.vfio.get()?.module("vendor_reset").map(ModuleState::is_usable)
}

/// The family of a GPU that the kernel cannot reset.
pub(super) fn family(device: &PciDevice) -> Option<&'static str> {
    let within = |ranges: &[(u16, u16)]| ranges.iter().any(|(from, to)| (*from..=*to).contains(&device.device));
    FAMILIES.iter().find(|(_, ranges)| within(ranges)).map(|(family, _)| *family)
}

fn amd(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held) {
        let device = leaving.device;
        if device.vendor != 0x1002 || device.kind() != PciClass::Gpu {
            continue;
        }
        notes.looked();
        let Some(family) = family(device) else { continue };
        if vendor_reset(subject) == Some(true) {
            continue;
        }
        let message = text!(
            "{named} is of the family {family}, which the kernel alone cannot reset",
            named = named(&leaving),
            family
        );
        notes.warning(
            Topic::from(leaving.row.place()).about(device.address),
            message,
            "install the module vendor-reset, or restart the host before each further start of the VM",
        );
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
            notes.warning(leaving.topic(), message, "set options vfio-pci disable_idle_d3=1 in /etc/modprobe.d");
        }
    }
}

fn removable(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        if leaving.device.is_thunderbolt() {
            let message = text!("{named} is the Thunderbolt controller itself", named = named(&leaving));
            let way_out = "the host loses everything that is plugged in there: pass the device behind it instead";
            notes.warning(leaving.topic(), message, way_out);
        }
        // Hardly any device is, so that nothing is said where it is not known.
        let details = subject.facts.details.get(&leaving.device.address);
        let Some(removable) = details.and_then(|details| details.removable.get()) else { continue };
        notes.looked();
        if *removable {
            let message = text!("{named} can be unplugged while the VM runs", named = named(&leaving));
            notes.warning(leaving.topic(), message, "leave it plugged in, or choose a device inside the machine");
        }
    }
}
