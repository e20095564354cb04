//! Host PCI functions that are bound to vfio-pci while the VM runs, and that the guest does not see.

use crate::facts::{Facts, PciClass};
use crate::spec::{Place, Spec, filled};
use crate::units::PciAddress;

/// One function that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFunction {
    /// `pci_devices[row]`.
    pub place: Place,
    /// On the host.
    pub host: PciAddress,
    /// What it is; `None` where the host has not said.
    pub kind: Option<PciClass>,
}

/// The rows with the role `hold`, in order. Rows without a readable host address are left out.
pub(super) fn held(spec: &Spec, facts: &Facts) -> Vec<HeldFunction> {
    let rows = spec.pci_devices.iter().flatten().enumerate().filter(|(_, device)| device.is_held());
    rows.filter_map(|(row, device)| {
        let host: PciAddress = filled(device.host_address.as_deref())?.parse().ok()?;
        let kind = facts.pci.items().iter().find(|known| known.address == host).map(crate::facts::PciDevice::kind);
        Some(HeldFunction { place: Place::root().key("pci_devices").index(row), host, kind })
    })
    .collect()
}
