//! Checks of how functions are connected: their link, their interrupts, the bridges of conventional PCI.

use super::super::pci::place;
use super::super::wording::list;
use super::super::{Check, Notes, Subject};
use super::named;
use crate::facts::pci_details::Link;
use crate::facts::{PciClass, PciDetails};
use crate::units::PciAddress;

pub(in super::super) const CHECKS: &[Check] = &[
    Check {
        code: "PCIE-DOWNTRAINED",
        title: "the links have all their lanes",
        explain: "The device has more lanes than its link uses: the slot has fewer or shares them with another, or a riser or \
                  the seating of the card is bad. It works, and slower than it could. The speed of a link is another matter: \
                  idle cards lower it, and raise it under load.",
        run: width,
    },
    Check {
        code: "INTX-SHARED",
        title: "interrupt lines are not shared with the host",
        explain: "A device that cannot signal by message (MSI) uses an interrupt line, and other devices of the host use the \
                  same one. VFIO then needs to mask the line in the device, which not all can: \"genirq: Flags mismatch \
                  irq\". Another slot has another line; 'options vfio-pci nointxmask=1' helps where nobody else uses it.",
        run: line,
    },
    Check {
        code: "DEV-ALIAS-BRIDGE",
        title: "the devices sign their transfers themselves",
        explain: "Behind a bridge from PCI Express to conventional PCI all devices transfer in the name of the bridge, so that \
                  the IOMMU cannot tell them apart: they share one group, and go to one VM together.",
        run: bridge,
    },
];

fn details<'a>(subject: &Subject<'a>, address: PciAddress) -> Option<&'a PciDetails> {
    subject.facts.details.get(&address)
}

fn link<'a>(subject: &Subject<'a>, address: PciAddress) -> Option<&'a Option<Link>> {
    details(subject, address)?.link.get()
}

fn width(subject: &Subject, notes: &mut Notes) {
    let mut seen: Vec<PciAddress> = Vec::new();
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held) {
        let Some(Some(link)) = link(subject, leaving.device.address) else { continue };
        notes.looked();
        // The functions of a card have one link.
        if seen.iter().any(|slot| slot.same_slot(leaving.device.address)) {
            continue;
        }
        seen.push(leaving.device.address);
        // Only cards of many lanes: network and USB chips are often wired with fewer than they could have.
        if link.width == 0 || link.width >= link.max_width || link.max_width < 4 {
            continue;
        }
        notes.about(leaving.device.address);
        let message = format!("{} uses {} of its {} lanes", named(&leaving), link.width, link.max_width);
        notes.warning(
            place(leaving.row.row),
            message,
            "use a slot with all lanes; check riser and seating of the card",
        );
    }
}

fn line(subject: &Subject, notes: &mut Notes) {
    let number = |address| details(subject, address).and_then(|details| *details.interrupt_line.get()?);
    for leaving in subject.leaving() {
        let address = leaving.device.address;
        let Some(msi) = details(subject, address).and_then(|details| details.msi.get()) else { continue };
        notes.looked();
        let Some(own) = number(address).filter(|_| !msi) else { continue };
        let taken = |other: PciAddress| subject.pci.iter().any(|row| row.address == other);
        let others = subject.facts.details.keys().copied().filter(|other| *other != address && !taken(*other));
        let shares = |other: &PciAddress| {
            number(*other) == Some(own) && details(subject, *other).and_then(|d| d.msi.get()) == Some(&false)
        };
        let others: Vec<String> = others.filter(shares).map(|other| other.to_string()).collect();
        if !others.is_empty() {
            notes.about(address);
            let message = format!("{} shares interrupt line {own} with {}", named(&leaving), list(&others));
            notes.info(place(leaving.row.row), message, "use another slot, or 'options vfio-pci nointxmask=1'");
        }
    }
}

fn bridge(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| leaving.device.address.bus > 0) {
        let Some(conventional) = link(subject, leaving.device.address).map(Option::is_none) else { continue };
        notes.looked();
        let upstream = details(subject, leaving.device.address).and_then(|details| details.upstream.get());
        let Some(above) = upstream.and_then(|bridges| bridges.last()).filter(|_| conventional) else { continue };
        let mates = subject.facts.pci.items().iter().filter(|mate| {
            mate.iommu_group == leaving.device.iommu_group
                && mate.address != leaving.device.address
                && mate.kind() != PciClass::Bridge
        });
        let mates: Vec<String> = mates.map(|mate| mate.address.to_string()).collect();
        if leaving.device.iommu_group.is_some() && !mates.is_empty() {
            notes.about(leaving.device.address);
            let message = format!(
                "{} is conventional PCI behind the bridge {above}, in one group with {}",
                named(&leaving),
                list(&mates)
            );
            notes.warning(place(leaving.row.row), message, "pass them all to one VM, or use a card for PCI Express");
        }
    }
}
