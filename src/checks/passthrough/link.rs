//! Checks of how functions are connected: their link, their interrupts, the bridges of conventional PCI.

use super::super::note::Topic;
use super::super::subject::Leaving;
use super::super::text::{Arg, text};
use super::super::{Check, Notes, Subject};
use super::{DEVICE, named};
use crate::facts::pci_details::Link;
use crate::facts::{PciClass, PciDetails};
use crate::units::PciAddress;

pub(in super::super) static CHECKS: &[&Check] = &[&PCIE_DOWNTRAINED, &INTX_SHARED, &DEV_ALIAS_BRIDGE];

static PCIE_DOWNTRAINED: Check = Check {
    code: "PCIE-DOWNTRAINED",
    title: "PCIe links run at full width",
    explain: "The device has more lanes than its link uses, although the port above also has them: a riser or the \
              seating of the card is bad, or the firmware splits the slot. It works, but slower than it could. A slot \
              with fewer lanes than the card is at its maximum. Speed is another matter: idle graphics cards lower it, \
              down to 2.5 GT/s, and raise it under load; check other devices that run slower than both ends support.",
    run: Some(width),
    ..DEVICE
};

static INTX_SHARED: Check = Check {
    code: "INTX-SHARED",
    title: "interrupt lines are not shared with the host",
    explain: "A device without message-signalled interrupts (MSI) uses an interrupt line, and other devices of the \
              host use the same one. VFIO then needs to mask the line in the device, which not all devices support: \
              \"genirq: Flags mismatch irq\". Another slot has another line; 'options vfio-pci nointxmask=1' helps if \
              no other device uses it.",
    run: Some(line),
    ..DEVICE
};

static DEV_ALIAS_BRIDGE: Check = Check {
    code: "DEV-ALIAS-BRIDGE",
    title: "devices use their own requester IDs",
    explain: "Behind a bridge from PCI Express to conventional PCI all devices use the requester ID of the bridge, so \
              the IOMMU cannot tell them apart: they share one group, and can be passed to one VM only, together.",
    run: Some(bridge),
    ..DEVICE
};

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
        if link.width > 0 && link.width < link.max_width && link.max_width >= 4 {
            lanes(notes, &leaving, link);
        } else if leaving.device.kind() != PciClass::Gpu {
            speed(notes, &leaving, link);
        }
    }
}

fn lanes(notes: &mut Notes, leaving: &Leaving, link: &Link) {
    let message = text!(
        "{named} uses {width} of its {max_width} lanes",
        named = named(leaving),
        width = link.width,
        max_width = link.max_width
    );
    let at = leaving.topic();
    match link.port {
        Some(port) if port.max_width <= link.width => {
            let message = text!("{message}, and its slot has no more", message);
            notes.info(at, message, "nothing is wrong: this is the maximum of the slot");
        }
        Some(port) => {
            let message = text!("{message}, but its slot has {max_width}", message, max_width = port.max_width);
            notes.warning(at, message, "check riser and seating of the card, and how the firmware splits the slot");
        }
        None => {
            let way_out = "use a slot with all lanes; check riser and seating of the card";
            notes.warning(at, message, way_out);
        }
    }
}

/// The speed to which links fall that save power.
const IDLE: u32 = 2500;

/// Devices other than graphics cards keep their speed; at that of idle links nothing is known.
fn speed(notes: &mut Notes, leaving: &Leaving, link: &Link) {
    let Some(port) = link.port else { return };
    let most = link.max_speed.min(port.max_speed);
    if link.speed > IDLE && link.speed < most {
        let text = |speed: u32| format!("{}.{}", speed / 1000, speed % 1000 / 100);
        let message = text!(
            "{named} runs at {speed} GT/s, but both ends support {most}",
            named = named(leaving),
            speed = text(link.speed),
            most = text(most)
        );
        notes.info(leaving.topic(), message, "check riser and seating of the card, and the firmware settings");
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
        let others: Vec<PciAddress> = others.filter(shares).collect();
        if !others.is_empty() {
            let message = text!(
                "{named} shares interrupt line {own} with {others}",
                named = named(&leaving),
                own,
                others = Arg::all(others)
            );
            notes.info(
                Topic::from(leaving.row.place()).about(address),
                message,
                "use another slot, or 'options vfio-pci nointxmask=1'",
            );
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
        let mates: Vec<PciAddress> = mates.map(|mate| mate.address).collect();
        if leaving.device.iommu_group.is_some() && !mates.is_empty() {
            let message = text!(
                "{named} is conventional PCI behind the bridge {above}, in one group with {mates}",
                named = named(&leaving),
                above,
                mates = Arg::all(mates)
            );
            notes.warning(leaving.topic(), message, "pass them all to one VM, or use a PCI Express card");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, known};
    use crate::facts::PciDetails;
    use crate::facts::pci_details::{Link, LinkPort};

    const CODE: &str = "PCIE-DOWNTRAINED";

    /// A device with sixteen lanes of 16 GT/s, as its link is now, in a slot that can do so much.
    fn linked(address: &str, now: (u32, u32), slot: Option<(u32, u32)>) -> Asked {
        Asked::pass(&[address]).facts(|facts| {
            let port = slot.map(|(max_speed, max_width)| LinkPort { max_speed, max_width });
            let link = Link { speed: now.0, width: now.1, max_speed: 16_000, max_width: 16, port };
            let details = PciDetails { link: known(Some(link)), ..PciDetails::default() };
            facts.details.extend(address.parse().map(|address| (address, details)));
        })
    }

    #[test]
    fn lanes_that_both_ends_have_should_be_used() {
        let gpu = |width, slot| linked("01:00.0", (16_000, width), slot);
        let said = gpu(8, Some((16_000, 16))).said(CODE).warning();
        assert!(said.message.ends_with("uses 8 of its 16 lanes, but its slot has 16"), "{}", said.message);
        gpu(8, None).said(CODE).warning();
        gpu(16, Some((16_000, 16))).passes(CODE);
    }

    #[test]
    fn a_slot_of_four_lanes_is_as_fast_as_it_gets() {
        let Said { message, .. } = linked("01:00.0", (16_000, 4), Some((16_000, 4))).said(CODE).info();
        assert!(message.ends_with("uses 4 of its 16 lanes, and its slot has no more"), "{message}");
    }

    #[test]
    fn an_idle_link_is_not_slow() {
        let full = Some((16_000, 16));
        for speed in [2500, 5000] {
            linked("01:00.0", (speed, 16), full).passes(CODE);
        }
        linked("04:00.0", (2500, 16), full).passes(CODE);
        linked("04:00.0", (8000, 16), Some((8000, 16))).passes(CODE);
        let said = linked("04:00.0", (8000, 16), full).said(CODE).info();
        assert!(said.message.ends_with("runs at 8.0 GT/s, but both ends support 16.0"), "{}", said.message);
    }
}
