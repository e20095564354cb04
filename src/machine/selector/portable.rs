//! The spec as it is kept under a name: each host device with what it is known by.

use super::{address, resolve, wanted};
use crate::facts::{Facts, PciClass, PciDevice};
use crate::spec::{GroupMember, PciKind, PciMatch, Spec};
use crate::units::PciIds;

/// Notes beside the address of every host device of `spec`, as it was written, what it is known by on this host. A row that
/// takes any device, or says what to look for and not where, stays as it is: it is portable by itself. So does one that
/// is not found here.
#[must_use]
pub fn portable(spec: &Spec, facts: &Facts) -> Spec {
    let (mut spec, found) = (spec.clone(), resolve(spec, facts));
    for (row, found) in spec.pci_devices.iter_mut().flatten().zip(found.pci_devices.iter().flatten()) {
        let was_somewhere = |known_by: &PciMatch| known_by.address.is_some() || row.host_address.is_some();
        if row.selector.as_ref().is_some_and(|known_by| known_by.is_any() || !was_somewhere(known_by)) {
            continue;
        }
        let host = address(found.host_address.as_deref());
        let Some(device) = facts.pci.items().iter().find(|device| Some(device.address) == host) else { continue };
        // A bridge cannot be passed, wherever it is: the address stays, and the checks refuse it.
        if let Some(kind) = wanted::kind(device.kind()) {
            row.host_address = Some(device.address.to_string());
            row.selector = Some(known_by(device, kind, facts));
        }
    }
    spec
}

fn known_by(device: &PciDevice, kind: PciKind, facts: &Facts) -> PciMatch {
    PciMatch {
        address: Some(device.address.to_string()),
        ids: Some(device.ids()),
        subsystem: device.subsystem.map(|board| PciIds::from(board).to_string()),
        kind: Some(kind),
        any: None,
        group: device.iommu_group.map(|number| group(facts, number).map(member).collect()),
    }
}

/// The endpoints of IOMMU group `number`. Bridges are left out: they change with the slot and stay with the host anyway.
pub fn group(facts: &Facts, number: u32) -> impl Iterator<Item = &PciDevice> {
    let members = facts.pci.items().iter().filter(move |device| device.iommu_group == Some(number));
    members.filter(|device| device.kind() != PciClass::Bridge)
}

fn member(device: &PciDevice) -> GroupMember {
    GroupMember { address: Some(device.address.to_string()), ids: Some(device.ids()) }
}
