//! Which functions' details decide about a machine that takes others. The details of a whole host are never needed at once: a
//! server has hundreds of functions.

use super::Machine;
use super::card::{companions, resets_alone};
use super::own_switch;
use super::selector::candidates;
use crate::facts::{Facts, PciClass, PciDetails, PciDevice};
use crate::spec::{self, Spec};
use crate::units::PciAddress;
use std::collections::BTreeSet;

/// The functions whose details have to be known for `spec`. What their details show can add others.
pub fn functions(spec: &Spec, machine: &Machine, facts: &Facts) -> BTreeSet<PciAddress> {
    let rows = spec.pci_devices.iter().flatten();
    let devices = rows.filter_map(|row| row.host_address.as_deref()?.parse().ok());
    let custom = spec.custom_xml.as_deref().map(spec::custom_xml::host_functions).unwrap_or_default();
    let taken = devices.chain(machine.passed()).chain(custom.into_iter().map(|function| function.address));
    // Whether the host can do without a device that may be chosen.
    let taken: BTreeSet<PciAddress> = taken.chain(candidates(spec, facts)).collect();
    if taken.is_empty() { taken } else { around(facts, taken) }
}

/// `taken` with all whose details tell what becomes of them.
fn around(facts: &Facts, taken: BTreeSet<PciAddress>) -> BTreeSet<PciAddress> {
    let all = facts.pci.items();
    let asked: Vec<PciAddress> = taken.iter().copied().collect();
    let mut leaving = taken;
    leaving.extend(companions(facts, &asked).into_iter().map(|member| member.address));
    let details: Vec<&PciDetails> = leaving.iter().filter_map(|address| facts.details.get(address)).collect();
    // One that interrupts by line alone can share it with any function of the host.
    if details.iter().any(|details| details.msi.get() == Some(&false)) {
        leaving.extend(all.iter().map(|device| device.address));
        return leaving;
    }
    let slots: BTreeSet<PciAddress> = leaving.iter().map(|address| address.with_function(0)).collect();
    let cards = all.iter().map(|device| device.address).filter(|address| slots.contains(&address.with_function(0)));
    let physical = details.iter().filter_map(|details| *details.physical_function.get()?);
    let mut related: BTreeSet<PciAddress> = physical.chain(cards).collect();
    related.extend(reset_together(facts, &leaving));
    related.extend(twins(facts, &asked));
    related.extend(apart(facts, &asked));
    related.extend(leaving);
    related
}

/// What a reset of the buses of `leaving` can hit: all that is on them, and what is behind bridges on them, which are buses
/// of higher numbers.
fn reset_together<'a>(facts: &'a Facts, leaving: &BTreeSet<PciAddress>) -> impl Iterator<Item = PciAddress> + use<'a> {
    let reset = leaving.iter().filter(|address| address.bus != 0 && !resets_alone(facts, **address));
    let buses: BTreeSet<(u32, u8)> = reset.map(|address| bus(*address)).collect();
    let all = facts.pci.items();
    let upstream = all.iter().filter(|device| device.kind() == PciClass::Bridge);
    let bridged: BTreeSet<(u32, u8)> =
        upstream.map(|bridge| bus(bridge.address)).filter(|bus| buses.contains(bus)).collect();
    let hit = move |address: &PciAddress| {
        buses.contains(&bus(*address)) || bridged.iter().any(|own| own.0 == address.domain && own.1 < address.bus)
    };
    all.iter().map(|device| device.address).filter(hit)
}

/// Functions with the ids of one that is asked for: whether they are virtual decides whether they can be mistaken for it.
fn twins<'a>(facts: &'a Facts, asked: &[PciAddress]) -> impl Iterator<Item = PciAddress> + use<'a> {
    let all = facts.pci.items();
    let ids = |device: &PciDevice| (device.vendor, device.device);
    let of_asked: BTreeSet<(u16, u16)> = all.iter().filter(|device| asked.contains(&device.address)).map(ids).collect();
    all.iter().filter(move |device| of_asked.contains(&ids(device))).map(|device| device.address)
}

/// Among which the sound of a GPU is that has none beside it: the way to each shows which is on the same card.
fn apart<'a>(facts: &'a Facts, asked: &'a [PciAddress]) -> impl Iterator<Item = PciAddress> + use<'a> {
    let gpus = facts.pci.items().iter().filter(|device| asked.contains(&device.address));
    let gpus = gpus.filter(|device| own_switch::is_without_sound(facts, device));
    gpus.flat_map(|gpu| own_switch::relatives(facts, gpu)).map(|device| device.address)
}

fn bus(address: PciAddress) -> (u32, u8) {
    (address.domain, address.bus)
}
