//! Cards with a PCI Express switch of their own, behind which their GPU and their sound are on different buses, such as Intel's
//! Arc.

use crate::facts::{Facts, PciClass, PciDevice};
use crate::units::PciAddress;
use std::cmp::Reverse;

/// The switch of a card, and what is behind it beside the GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSwitch {
    /// The sound of the card.
    pub sound: PciAddress,
    /// Ports of the switch, which stay with the host.
    pub ports: Vec<PciAddress>,
}

/// The switch of the card of `gpu`; `None` where its sound is a function beside it, or no other sound is near.
pub fn of(facts: &Facts, gpu: &PciDevice) -> Option<OwnSwitch> {
    if !is_without_sound(facts, gpu) {
        return None;
    }
    let own = bridges(facts, gpu.address)?;
    let candidates = relatives(facts, gpu).filter(|device| device.kind() == PciClass::Audio);
    let sound = candidates
        .filter_map(|device| Some((common(own, bridges(facts, device.address)?).len(), device)))
        .filter(|(shared, _)| *shared > 1)
        .max_by_key(|(shared, device)| (*shared, Reverse(device.address)))
        .map(|(_, device)| device.address)?;
    let chain = bridges(facts, sound)?;
    let lowest = common(own, chain).last()?;
    // A switch with two cards below is none of theirs.
    let others = relatives(facts, gpu).filter(|device| device.kind() == PciClass::Gpu && device.address != gpu.address);
    let mut chains = others.filter_map(|device| bridges(facts, device.address));
    if chains.any(|chain| chain.contains(lowest)) {
        return None;
    }
    let from = |chain: &[PciAddress]| chain.iter().skip_while(|bridge| *bridge != lowest).copied().collect::<Vec<_>>();
    let mut ports = [from(own), from(chain)].concat();
    ports.sort_unstable();
    ports.dedup();
    Some(OwnSwitch { sound, ports })
}

/// True for a GPU with no sound in its slot.
pub fn is_without_sound(facts: &Facts, gpu: &PciDevice) -> bool {
    let mut mates = facts.pci.items().iter().filter(|other| other.address.same_slot(gpu.address));
    gpu.kind() == PciClass::Gpu && gpu.address.bus != 0 && mates.all(|mate| mate.kind() != PciClass::Audio)
}

/// The GPUs and sound functions of the same vendor, among which the rest of its card is.
pub fn relatives<'a>(facts: &'a Facts, gpu: &'a PciDevice) -> impl Iterator<Item = &'a PciDevice> {
    let kind = |device: &PciDevice| matches!(device.kind(), PciClass::Gpu | PciClass::Audio);
    let near = move |device: &&PciDevice| {
        device.vendor == gpu.vendor && device.address.bus != 0 && device.address.domain == gpu.address.domain
    };
    facts.pci.items().iter().filter(near).filter(move |device| kind(device))
}

/// The bridges above a function, the port of the root first, which is no part of any card.
fn bridges(facts: &Facts, address: PciAddress) -> Option<&[PciAddress]> {
    facts.details.get(&address)?.upstream.get().map(Vec::as_slice)
}

/// The bridges that are above both.
fn common<'a>(one: &'a [PciAddress], other: &[PciAddress]) -> &'a [PciAddress] {
    let shared = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    one.get(..shared).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Fact, PciDetails, Provenance};
    use serde_json::json;

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::Command("test".into()), 0)
    }

    /// Functions as `address class bridge,bridge...`.
    fn facts(functions: &[&str]) -> Facts {
        let mut facts = Facts::default();
        let mut devices: Vec<PciDevice> = Vec::new();
        for text in functions {
            let parts: Vec<&str> = text.split(' ').collect();
            let class = u32::from_str_radix(parts[1], 16).unwrap() << 8;
            let device = json!({"address": parts[0].parse::<PciAddress>().unwrap(), "class": class, "vendor": 0x8086, "device": 1});
            devices.push(serde_json::from_value(device).unwrap());
            let upstream = parts[2].split(',').map(|bridge| bridge.parse().unwrap()).collect();
            let details = PciDetails { upstream: known(upstream), ..PciDetails::default() };
            facts.details.insert(parts[0].parse().unwrap(), details);
        }
        facts.pci = known(devices);
        facts
    }

    fn sound(functions: &[&str]) -> Option<(String, Vec<String>)> {
        let facts = facts(functions);
        let found = of(&facts, facts.pci.items().first()?)?;
        Some((found.sound.short(), found.ports.iter().map(|port| port.short()).collect()))
    }

    #[test]
    fn the_sound_of_a_card_is_behind_its_own_switch() {
        let card = ["12:00.0 0300 00:01.1,10:00.0,11:01.0", "13:00.0 0403 00:01.1,10:00.0,11:04.0"];
        let ports = ["10:00.0", "11:01.0", "11:04.0"].map(String::from).to_vec();
        assert_eq!(sound(&card), Some(("13:00.0".into(), ports)));
        assert_eq!(sound(&[card[0], "13:00.0 0403 00:01.2,10:00.0"]), None, "another root port");
        assert_eq!(sound(&[card[0], card[1], "12:00.1 0403 00:01.1,10:00.0,11:01.0"]), None, "sound of its own");
        let second = "15:00.0 0300 00:01.1,10:00.0,11:05.0";
        assert_eq!(sound(&[card[0], card[1], second]), None, "two cards behind one switch");
    }

    #[test]
    fn of_two_cards_behind_a_switch_each_has_its_own_sound() {
        let above = "00:01.1,01:00.0,02:00.0";
        let gpu = format!("12:00.0 0300 {above},10:00.0,11:01.0");
        let near = format!("13:00.0 0403 {above},10:00.0,11:04.0");
        let far = [
            "22:00.0 0300 00:01.1,01:00.0,02:01.0,20:00.0,21:01.0",
            "23:00.0 0403 00:01.1,01:00.0,02:01.0,20:00.0,21:04.0",
        ];
        assert_eq!(sound(&[&gpu, far[1], &near, far[0]]).map(|found| found.0), Some("13:00.0".into()));
    }
}
