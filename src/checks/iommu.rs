//! Checks of the IOMMU and its groups.

use super::note::{Change, Remedy, Topic};
use super::passthrough::remedy;
use super::subject::PciRow;
use super::text::{Arg, Text, text};
use super::wording::field;
use super::{Check, Notes, Scope, Subject};
use crate::facts::{Facts, Iommu, IommuTable, PciClass, PciDevice};
use crate::machine::card;
use crate::units::PciAddress;

pub(super) static CHECKS: &[&Check] = &[&IOMMU_OFF, &IOMMU_GROUP, &IOMMU_VFIO];

pub(super) static IOMMU_OFF: Check = Check {
    code: "IOMMU-OFF",
    title: "IOMMU is on",
    short: "no IOMMU",
    rank: 0,
    explain: "The IOMMU confines the memory accesses of a passed device to its guest; without it no device can be \
              passed. Enable it in the firmware (Intel VT-d, AMD IOMMU) and, on some kernels, with intel_iommu=on on \
              the kernel command line. Small ARM boards have none in front of PCI Express, and nothing can be enabled there.",
    scope: Scope::Host(2),
    contract: Some(16),
    run: Some(off),
    ..Check::DEVICE
};

pub(super) static IOMMU_GROUP: Check = Check {
    code: "IOMMU-GROUP",
    title: "IOMMU groups are passed whole",
    short: "its group is shared",
    rank: 3,
    explain: "Devices of one IOMMU group can reach each other's memory past the IOMMU, so VFIO passes whole groups \
              only. Every endpoint of the group must be passed to this VM, be held for it (role hold), or have no host \
              driver; otherwise QEMU reports \"group is not viable\". Bridges stay with the host. Also pass the others \
              if the host can do without them, move the card to another slot, or enable ACS in the firmware.",
    run: Some(group),
    ..Check::DEVICE
};

pub(super) static IOMMU_VFIO: Check = Check {
    code: "IOMMU-VFIO",
    title: "libvirt offers VFIO",
    explain: "libvirt reports VFIO once the module is loaded and groups exist. If it does not although the IOMMU is \
              on, the vfio-pci module is most likely not loaded yet. libvirt loads it at the start of the VM; with a \
              kernel without the module (some cloud kernels) the start fails.",
    scope: Scope::Host(13),
    run: Some(vfio),
    ..Check::DEVICE
};

fn off(subject: &Subject, notes: &mut Notes) {
    if !subject.wants_passthrough() {
        return;
    }
    let at = || subject.pci.first().map_or_else(|| field("pci_devices"), super::subject::PciRow::place);
    let Some(iommu) = notes.known(&subject.facts.iommu, at, "whether the IOMMU is on") else { return };
    if let Iommu::Off { cause, remedy } = iommu {
        let who = subject.pci.first().map(|first| text!("{device} ", device = first.name()));
        let message = text!("{who}IOMMU check failed: IOMMU not enabled", who = who.unwrap_or_default());
        let remedy = switch(subject.facts).unwrap_or_else(|| text!("{remedy}", remedy));
        notes.blocker(at(), message, if cause.is_empty() { remedy } else { text!("{cause} {remedy}", cause, remedy) });
    }
}

/// What to change in the kernel command line, where that is the cause.
fn switch(facts: &Facts) -> Option<Text> {
    let kernel = facts.kernel.get()?;
    let words = kernel.command_line.get()?;
    let off = |word: &&String| ["iommu=off", "intel_iommu=off", "amd_iommu=off"].contains(&word.as_str());
    if let Some(word) = words.iter().find(off) {
        return Some(remedy::remove(facts, word));
    }
    let waits =
        kernel.iommu_table.get()? == &Some(IommuTable::Dmar) && words.iter().all(|word| word != "intel_iommu=on");
    waits.then(|| remedy::add(facts, "intel_iommu=on"))
}

/// True unless the IOMMU is known to be off: then groups mean nothing, and IOMMU-OFF says what is wrong.
fn may_have_groups(subject: &Subject) -> bool {
    !matches!(subject.facts.iommu.get(), Some(Iommu::Off { .. }))
}

fn group(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<u32> = Vec::new();
    let endpoints = subject.pci.iter().filter(|row| row.device.is_none_or(|known| known.kind() != PciClass::Bridge));
    for row in endpoints.filter(|_| may_have_groups(subject)) {
        let what = text!("the IOMMU group of {address}", address = row.address);
        if notes.known(&subject.facts.pci, || row.place(), &what).is_none() {
            continue;
        }
        let Some(known) = row.device else { continue };
        match known.iommu_group {
            Some(number) if seen.contains(&number) => {}
            Some(number) => {
                seen.push(number);
                companions(subject, notes, row, number);
            }
            None if subject.facts.iommu.get().is_some() => {
                let message = text!("{device} is in no IOMMU group", device = row.name());
                notes.blocker(row.place(), message, "this device cannot be passed: choose another");
            }
            None => notes.unknown(row.place(), &what, "not available over this connection"),
        }
    }
}

/// True for a device that stays with the host and is held by a driver of it. What is part of the chipset has a check of
/// its own.
fn stands_in_the_way(subject: &Subject, known: &PciDevice) -> bool {
    let selected = subject.pci.iter().any(|row| row.address == known.address);
    !selected && card::is_bound(known) && known.of_chipset().is_none()
}

/// True where IOMMU-GROUP names the function `left` as one that must go along with the device `passed`.
pub(super) fn names(subject: &Subject, passed: &PciDevice, left: &PciDevice) -> bool {
    let same = passed.iommu_group.is_some() && passed.iommu_group == left.iommu_group;
    same && may_have_groups(subject) && stands_in_the_way(subject, left)
}

fn companions(subject: &Subject, notes: &mut Notes, row: &PciRow, number: u32) {
    let members = subject.facts.pci.items().iter().filter(|known| known.iommu_group == Some(number));
    let (system, others): (Vec<_>, Vec<_>) =
        members.filter(|known| stands_in_the_way(subject, known)).partition(|known| known.kind() == PciClass::Bridge);
    let name = |known: &&PciDevice| {
        let driver = known.driver.as_deref().unwrap_or_default();
        text!("{address} ({label}, {driver})", address = known.address, label = known.label(), driver)
    };
    let topic = || Topic::from(row.place()).of(row.name());
    if !system.is_empty() {
        let names = Arg::all(system.iter().map(name));
        let message =
            text!("its IOMMU group {number} also contains {names}, which the host cannot spare", number, names);
        notes.blocker(topic(), message, "choose a device of another group, or move the card to another slot");
    }
    if !others.is_empty() {
        let apart = sound_alone(subject, number);
        let names = Arg::all(others.iter().map(name));
        let message =
            text!("its IOMMU group {number} also contains {names}; the group must be passed whole", number, names);
        let ask = Arg::Ask { many: others.len() > 1, or_hold: true };
        let them = if others.len() == 1 { "it" } else { "them" };
        let remedy = if let Some(sound) = apart {
            text!(
                "leave {sound} out, the card works without its sound; or {ask} if the host can do without {them}",
                sound,
                ask,
                them
            )
        } else {
            text!("{ask} if the host can do without {them}, or choose a device of another group", ask, them)
        };
        let all = others.iter().map(|known| known.address).collect();
        notes.blocker(topic(), message, Remedy::from(remedy).by(Change::Add(all)));
    }
}

/// The sound of a card, where of all that is passed it alone is in this group.
fn sound_alone(subject: &Subject, group: u32) -> Option<PciAddress> {
    let within = |row: &&PciRow| row.device.is_some_and(|device| device.iommu_group == Some(group));
    let mut own = subject.passed().filter(within);
    let (sound, None) = (own.next()?, own.next()) else { return None };
    let apart = subject.passed().any(|row| row.address != sound.address && row.address.same_slot(sound.address));
    (apart && sound.device?.kind() == PciClass::Audio).then_some(sound.address)
}

fn vfio(subject: &Subject, notes: &mut Notes) {
    let only_a_test = subject.machine.is_only_a_test();
    if !subject.wants_passthrough() || only_a_test || !matches!(subject.facts.iommu.get(), Some(Iommu::On { .. })) {
        return;
    }
    let what = "whether libvirt offers VFIO";
    let Some(_) = notes.known(&subject.facts.domain_capabilities, || field("pci_devices"), what) else { return };
    match subject.capabilities() {
        None => notes.unknown(field("pci_devices"), what, "libvirt does not report it for this machine type"),
        Some(known) if !known.pci_backends.iter().any(|backend| backend == "vfio") => {
            let message = "the IOMMU is on, but libvirt does not offer VFIO yet";
            notes.warning(field("pci_devices"), message, "load the module: modprobe vfio-pci");
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, known};
    use crate::facts::{DomainCapabilities, Fact, Facts, Iommu};

    const HOST: &str = "pci_devices[0].host_address";

    fn iommu_off(facts: &mut Facts) {
        facts.iommu = known(Iommu::Off { cause: "VT-d is off.".into(), remedy: "Switch it on.".into() });
    }

    #[test]
    fn a_missing_iommu_is_named_in_the_words_of_the_api() {
        let asked = Asked::pass(&["0000:01:00.0", "0000:01:00.1"]).facts(iommu_off);
        let want = "device 0 (0000:01:00.0) IOMMU check failed: IOMMU not enabled";
        asked.blocks("IOMMU-OFF", HOST, want).quiet("IOMMU-GROUP").quiet("IOMMU-VFIO");
        assert_eq!(asked.said("IOMMU-OFF").remedy, "VT-d is off. Switch it on.");
        Asked::pass(&["01:00.0"]).passes("IOMMU-OFF");
        Asked::pass(&["01:00.0"]).facts(|facts| facts.iommu = Fact::default()).unknown("IOMMU-OFF");
        Asked::good().facts(iommu_off).quiet("IOMMU-OFF");
    }

    #[test]
    fn a_group_goes_whole() {
        let want = "device 0 (0000:03:00.0): its IOMMU group 17 also contains 0000:04:00.0 (Intel I225-V, igc); the \
                    group must be passed whole";
        Asked::pass(&["03:00.0"]).blocks("IOMMU-GROUP", HOST, want);
        Asked::pass(&["03:00.0", "04:00.0"]).passes("IOMMU-GROUP");
        Asked::pass(&["01:00.0", "01:00.1"]).passes("IOMMU-GROUP");
    }

    #[test]
    fn a_card_whose_sound_shares_a_group_may_leave_it_out() {
        let asked = |rows: &[&str]| {
            Asked::pass(rows).devices(|known| {
                if known.address.to_string() == "0000:01:00.1" {
                    known.iommu_group = Some(17);
                }
            })
        };
        let Said { remedy, .. } = asked(&["01:00.0", "01:00.1"]).said("IOMMU-GROUP").blocker();
        assert!(remedy.starts_with("leave 0000:01:00.1 out"), "{remedy}");
        asked(&["01:00.0"]).passes("IOMMU-GROUP");
        let Said { remedy, .. } = asked(&["01:00.1", "03:00.0"]).said("IOMMU-GROUP").blocker();
        assert!(!remedy.starts_with("leave"), "{remedy}");
    }

    #[test]
    fn members_without_a_driver_of_the_host_may_stay() {
        for driver in [None, Some("vfio-pci"), Some("pci-stub")] {
            let asked = Asked::pass(&["03:00.0"]).devices(|known| {
                if known.address.bus == 4 {
                    known.driver = driver.map(String::from);
                }
            });
            asked.passes("IOMMU-GROUP");
        }
    }

    #[test]
    fn bridges_stay_unless_the_host_drives_them() {
        let bridge = |driver: &str| {
            Asked::pass(&["01:00.0", "01:00.1"]).devices(|known| {
                if known.address.bus == 0 && known.address.slot == 1 {
                    known.driver = Some(driver.into());
                }
            })
        };
        bridge("pcieport").passes("IOMMU-GROUP");
        let Said { message, .. } = bridge("lpc_ich").said("IOMMU-GROUP").blocker();
        assert!(message.ends_with("which the host cannot spare"), "{message}");
    }

    #[test]
    fn a_device_without_a_group_cannot_be_passed() {
        Asked::pass(&["01:00.0"]).devices(|known| known.iommu_group = None).said("IOMMU-GROUP").blocker();
        let unknown = Asked::pass(&["01:00.0"]).devices(|known| known.iommu_group = None);
        unknown.facts(|facts| facts.iommu = Fact::default()).unknown("IOMMU-GROUP");
        Asked::pass(&["01:00.0"]).facts(|facts| facts.pci = Fact::default()).unknown("IOMMU-GROUP");
    }

    #[test]
    fn vfio_that_is_not_loaded_is_pointed_out() {
        let without = |known: &mut DomainCapabilities| known.pci_backends.clear();
        Asked::pass(&["01:00.0"]).offering(without).said("IOMMU-VFIO").warning();
        Asked::pass(&["01:00.0"]).passes("IOMMU-VFIO");
        Asked::pass(&["01:00.0"]).facts(|facts| facts.domain_capabilities = Fact::default()).unknown("IOMMU-VFIO");
    }
}
