//! Checks of parts of the chipset: buses that the host's firmware and sensors need, which share groups with its sound,
//! disks and network.

use super::super::note::Topic;
use super::super::row::TakenRow;
use super::super::subject::PciRow;
use super::super::text::{Arg, text};
use super::super::{Check, Notes, Subject};
use super::DEVICE;
use crate::facts::{Iommu, PciClass, PciDevice};
use crate::machine::card;

pub(in super::super) static CHECKS: &[&Check] = &[&GRP_COMPANION_SYSTEM];

static GRP_COMPANION_SYSTEM: Check = Check {
    code: "GRP-COMPANION-SYSTEM",
    title: "chipset devices stay with the host",
    short: "shares with the chipset",
    explain: "The sound, the disks or the network of a mainboard often share their IOMMU group with the chipset's LPC \
              bridge, SMBus and SPI bus, on AMD with the security processor. Memory modules, sensors, fans, the \
              firmware's flash memory and the TPM are behind them, and the firmware itself uses them while the host \
              runs. A guest with the sound device could reach them, and if a host driver is bound to one, VFIO does \
              not pass the group at all. Use a USB sound card, QEMU's own sound, or a card in a slot with a group of \
              its own.",
    run: Some(system),
    ..DEVICE
};

fn system(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<u32> = Vec::new();
    for row in &subject.pci {
        let Some(known) = row.device.filter(|known| known.kind() != PciClass::Bridge) else { continue };
        notes.looked();
        if let Some(part) = known.of_chipset() {
            let message = text!("{device} is {part} of the host", device = row.name(), part);
            notes.lock_out(
                row.place(),
                row.address,
                message,
                "leave it to the host: the firmware and the sensors use it",
            );
        }
        if matches!(subject.facts.iommu.get(), Some(Iommu::Off { .. })) {
            continue;
        }
        if let Some(group) = known.iommu_group.filter(|group| !seen.contains(group)) {
            seen.push(group);
            mates(subject, notes, row, known, group);
        }
    }
}

/// Members of the group that stay with the host.
fn mates(subject: &Subject, notes: &mut Notes, row: &PciRow, known: &PciDevice, group: u32) {
    let stays = |mate: &&PciDevice| subject.pci.iter().all(|row| row.address != mate.address);
    let members = subject.facts.pci.items().iter().filter(|mate| mate.iommu_group == Some(group)).filter(stays);
    let parts: Vec<(&PciDevice, &str)> = members.filter_map(|mate| Some((mate, mate.of_chipset()?))).collect();
    if parts.is_empty() {
        return;
    }
    let name = |(mate, part): &(&PciDevice, &str)| {
        if let Some(driver) = mate.driver.as_deref() {
            text!("{address} ({part}, {driver})", address = mate.address, part, driver)
        } else {
            text!("{address} ({part})", address = mate.address, part)
        }
    };
    let names = Arg::all(parts.iter().map(name));
    let message =
        text!("{device} shares IOMMU group {group} with {names} of the host", device = row.name(), group, names);
    if parts.iter().any(|(mate, _)| card::is_bound(mate)) {
        notes.blocker(Topic::from(row.place()).about(row.address), message, way_out(known.kind(), row.row));
    } else {
        notes.lock_out(row.place(), row.address, message, way_out(known.kind(), row.row));
    }
}

fn way_out(kind: PciClass, row: TakenRow) -> &'static str {
    match (kind, row) {
        (PciClass::Audio, _) => "give the guest a USB sound card, or emulated sound (sound)",
        (PciClass::Nic, _) => "give the guest an interface on a bridge, or a network card in a slot",
        (PciClass::Storage | PciClass::Nvme, _) => "give the guest single disks, or a controller in a slot",
        _ => "choose a device of another group, such as a card in a slot",
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use crate::facts::PciDevice;

    const CODE: &str = "GRP-COMPANION-SYSTEM";
    const HOST: &str = "pci_devices[0].host_address";

    /// The machine of the tests, whose sound has a group of its own, with another function of its slot in that group.
    fn beside(class: u32, driver: Option<&str>) -> Asked {
        Asked::pass(&["00:1f.3"]).facts(|facts| {
            let sound = facts.pci.items().iter().find(|known| known.address.to_string() == "0000:00:1f.3").cloned();
            let driver = driver.map(String::from);
            let mate = sound.map(|sound| PciDevice {
                address: sound.address.with_function(5),
                class,
                driver,
                vendor: 0x8086,
                ..sound
            });
            facts.pci.get_mut().into_iter().for_each(|all| all.extend(mate.clone()));
        })
    }

    #[test]
    fn sound_does_not_take_the_buses_of_the_chipset_along() {
        let group = "device 0 (0000:00:1f.3) shares IOMMU group";
        for (class, driver) in [(0x0006_0100, None), (0x000c_0500, Some("i801_smbus")), (0x000c_8000, None)] {
            let said = beside(class, driver).said(CODE).blocker();
            assert!(said.message.starts_with(group) && said.message.contains("0000:00:1f.5 (the "), "{}", said.message);
            assert!(said.remedy.contains("USB sound card"), "{}", said.remedy);
        }
    }

    #[test]
    fn what_the_host_can_do_without_may_share_the_group() {
        // Shared memory and thermal sensors of the chipset, a host bridge.
        for class in [0x0005_0000, 0x0011_8000, 0x0006_0000] {
            beside(class, None).passes(CODE);
        }
        Asked::pass(&["00:1f.3"]).passes(CODE);
        Asked::pass(&["01:00.0", "01:00.1"]).passes(CODE);
        Asked::good().quiet(CODE);
    }

    #[test]
    fn a_bus_of_the_chipset_is_given_up_by_its_address_alone() {
        let bus = Asked::pass(&["00:1f.3"]).devices(|known| {
            if known.address.to_string() == "0000:00:1f.3" {
                known.class = 0x000c_0500;
            }
        });
        bus.blocks(CODE, HOST, "device 0 (0000:00:1f.3) is the SMBus of the host");
    }
}
