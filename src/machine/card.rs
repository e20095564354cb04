//! What goes with the PCI functions that a VM takes: the rest of their card, of their IOMMU group and of what is reset with
//! them, each with its role. What that means for the host is for `checks` to say.

use super::own_switch;
use super::processor;
use crate::facts::pci::{AMD_CHIPSET, NVIDIA};
use crate::facts::pci_details::ResetMethod;
use crate::facts::{Facts, PciClass, PciDetails, PciDevice};
use crate::units::PciAddress;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The guest gets it.
    Pass,
    /// It is bound to vfio-pci while the VM runs, and the guest does not see it.
    Hold,
    /// It stays as it is.
    Leave,
}

/// One function that is touched when others are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Where it sits.
    pub address: PciAddress,
    /// What becomes of it.
    pub role: Role,
    /// Why, in words.
    pub reason: String,
    /// The function on whose account it is touched; itself where it was asked for.
    #[serde(skip)]
    pub with: PciAddress,
}

/// True for the drivers that hold a device for a guest, beside which VFIO gives out the rest of a group.
pub fn holds_for_guests(driver: &str) -> bool {
    driver == "pci-stub" || driver.contains("vfio")
}

/// True where the host has bound a driver of its own, so that the group cannot be given out around it.
pub fn is_bound(device: &PciDevice) -> bool {
    let free = |driver: &str| holds_for_guests(driver) || driver == "pcieport";
    device.driver.as_deref().is_some_and(|driver| !free(driver))
}

/// True for the virtual function of another one, as far as details tell.
pub fn is_virtual(facts: &Facts, address: PciAddress) -> bool {
    let physical = |details: &PciDetails| matches!(details.physical_function.get(), Some(Some(_)));
    let lists = |details: &PciDetails| {
        details.sriov.get().and_then(Option::as_ref).is_some_and(|sriov| sriov.functions.contains(&address))
    };
    facts.details.get(&address).is_some_and(physical) || facts.details.values().any(lists)
}

/// The functions of the card that `device` is one of, itself among them. The slots of bus 0 and of AMD's chipsets hold
/// functions that have nothing to do with each other, and so do virtual functions. The NVSwitches of a board that share a
/// group are one.
pub fn card<'a>(facts: &'a Facts, device: &'a PciDevice) -> Vec<&'a PciDevice> {
    if device.is_nvswitch() && device.iommu_group.is_some() {
        let same = |other: &&PciDevice| other.is_nvswitch() && other.iommu_group == device.iommu_group;
        return facts.pci.items().iter().filter(same).collect();
    }
    let alone = |device: &PciDevice| {
        device.address.bus == 0
            || device.vendor == AMD_CHIPSET
            || device.kind() == PciClass::Bridge
            || is_virtual(facts, device.address)
    };
    if alone(device) {
        return vec![device];
    }
    let slot = facts.pci.items().iter().filter(|other| other.address.same_slot(device.address));
    slot.filter(|other| other.address == device.address || !alone(other)).collect()
}

/// True where nothing less than a reset of the whole bus resets the function; `None` where that is not known.
pub fn only_bus_reset(facts: &Facts, address: PciAddress) -> Option<bool> {
    let methods = facts.details.get(&address)?.reset_methods.get()?;
    Some(if methods.is_empty() { first_resets_bus(facts, address) } else { methods.iter().all(is_of_bus) })
}

/// True where the function is known to have a reset that hits no other.
pub(super) fn resets_alone(facts: &Facts, address: PciAddress) -> bool {
    let methods = facts.details.get(&address).and_then(|details| details.reset_methods.get());
    methods.is_some_and(|methods| methods.iter().any(|method| !is_of_bus(method)))
}

fn is_of_bus(method: &ResetMethod) -> bool {
    matches!(method, ResetMethod::Bus | ResetMethod::CxlBus)
}

/// True where another function of the bus shows that the bus can be reset. The kernel shows it at the first function
/// alone, since it looks before it knows the next; VFIO resets the bus for any of them once a VM has them all.
pub fn first_resets_bus(facts: &Facts, address: PciAddress) -> bool {
    let shows = |details: &PciDetails| match details.reset_methods.get() {
        Some(methods) => methods.contains(&ResetMethod::Bus),
        // Kernels before 5.15 do not say how they reset it.
        None => details.resettable.get() == Some(&true),
    };
    let same_bus = |other: &PciAddress| (other.domain, other.bus) == (address.domain, address.bus);
    let others = facts.details.iter().filter(|(other, _)| **other != address && same_bus(other));
    address.bus != 0 && others.into_iter().any(|(_, details)| shows(details))
}

/// True for a vGPU that is a virtual function (NVIDIA's vendor-specific VFIO, Linux 6.8 and later): its driver passes it, and
/// to bind another would end it. Where the same driver makes mediated devices, those are the vGPUs.
pub fn is_vgpu(facts: &Facts, device: &PciDevice) -> bool {
    let makes_mediated = |details: &PciDetails| !details.mdev_types.items().is_empty();
    device.vendor == NVIDIA
        && device.driver.as_deref() == Some("nvidia")
        && is_virtual(facts, device.address)
        && !facts.details.get(&device.address).is_some_and(makes_mediated)
}

/// The functions that a reset of the bus of `address` hits, itself left out.
pub fn reset_with(facts: &Facts, address: PciAddress) -> Vec<&PciDevice> {
    let upstream = |address: &PciAddress| facts.details.get(address).and_then(|details| details.upstream.get());
    let bridge = upstream(&address).and_then(|bridges| bridges.last());
    let below = |other: &PciAddress| upstream(other).is_some_and(|bridges| bridge.is_some_and(|b| bridges.contains(b)));
    let same_bus = |other: &PciAddress| (other.domain, other.bus) == (address.domain, address.bus) && address.bus != 0;
    let others = facts.pci.items().iter().filter(|other| other.address != address);
    others.filter(|other| same_bus(&other.address) || below(&other.address)).collect()
}

/// Everything that is touched when `asked` is taken: the functions asked for with the rest of their cards, then what they
/// draw with them.
pub fn taking(facts: &Facts, asked: &[PciAddress]) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    for address in asked {
        let known = facts.pci.items().iter().find(|device| device.address == *address);
        let member = |role, reason: &str| Member { address: *address, role, reason: reason.into(), with: *address };
        let member = match known {
            Some(device) if device.kind() == PciClass::Bridge => member(Role::Leave, "bridges stay with the host"),
            Some(_) => member(Role::Pass, "asked for"),
            None if facts.pci.get().is_some() => member(Role::Leave, "this host has no such function"),
            None => member(Role::Pass, "requested; the other devices in its group are not known"),
        };
        put(&mut members, member);
    }
    for address in asked {
        let Some(device) = facts.pci.items().iter().find(|device| device.address == *address) else { continue };
        for other in card(facts, device) {
            let reason = format!("the same card as {}", address.short());
            put(&mut members, Member { address: other.address, role: Role::Pass, reason, with: *address });
        }
    }
    let passed: Vec<_> = members.iter().filter(|member| member.role == Role::Pass).map(|m| m.address).collect();
    for address in asked {
        let device = facts.pci.items().iter().find(|device| device.address == *address);
        for port in device.and_then(|device| own_switch::of(facts, device)).into_iter().flat_map(|found| found.ports) {
            let reason = format!("the switch of the card {}; bridges stay with the host", address.short());
            put(&mut members, Member { address: port, role: Role::Leave, reason, with: *address });
        }
    }
    for companion in companions(facts, &passed) {
        put(&mut members, companion);
    }
    members
}

fn put(members: &mut Vec<Member>, member: Member) {
    if members.iter().all(|known| known.address != member.address) {
        members.push(member);
    }
}

/// What `passed` functions draw with them beyond themselves: the members of their IOMMU groups, and what is reset with
/// those that know no reset of their own. What is held has a group that counts in turn.
pub fn companions(facts: &Facts, passed: &[PciAddress]) -> Vec<Member> {
    let by_address: BTreeMap<_, _> = facts.pci.items().iter().map(|device| (device.address, device)).collect();
    let mut members: BTreeMap<PciAddress, Member> = BTreeMap::new();
    let mut groups: BTreeSet<u32> = BTreeSet::new();
    let mut open: Vec<PciAddress> = passed.iter().rev().copied().collect();
    while let Some(address) = open.pop() {
        let Some(device) = by_address.get(&address) else { continue };
        let mut drawn: Vec<(&PciDevice, String)> = Vec::new();
        if let Some(group) = device.iommu_group.filter(|group| groups.insert(*group)) {
            let mates = facts.pci.items().iter().filter(|mate| mate.iommu_group == Some(group));
            drawn.extend(mates.map(|mate| (mate, format!("in IOMMU group {group} with {}", address.short()))));
        }
        // VFIO resets a bus only where it has all of it, which the host can spare of a card in a slot alone.
        if only_bus_reset(facts, address) == Some(true) && !processor::is_inside(facts, address) {
            // Nobody gives up a bus of the chipset for the sake of a reset.
            let hit = reset_with(facts, address).into_iter().filter(|other| other.of_chipset().is_none());
            drawn.extend(hit.map(|other| (other, format!("reset together with {}", address.short()))));
        }
        for (other, tie) in drawn {
            if passed.contains(&other.address) || members.contains_key(&other.address) {
                continue;
            }
            let member = companion(other, &tie, address);
            if member.role == Role::Hold {
                open.push(other.address);
            }
            members.insert(other.address, member);
        }
    }
    members.into_values().collect()
}

fn companion(device: &PciDevice, tie: &str, with: PciAddress) -> Member {
    let (role, reason) = match device.driver.as_deref() {
        _ if device.kind() == PciClass::Bridge => (Role::Leave, format!("{tie}; bridges stay with the host")),
        None => (Role::Leave, format!("{tie}; no host driver is bound to it")),
        Some(driver) => (Role::Hold, format!("{tie}; {driver} must not be bound to it meanwhile")),
    };
    Member { address: device.address, role, reason, with }
}
