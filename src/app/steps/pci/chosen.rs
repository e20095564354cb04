//! What the spec says of PCI functions: which of them it names, and what becomes of these.

use crate::app::Model;
use crate::machine::Role;
use crate::spec::Place;
use crate::units::PciAddress;

/// The host address that the row of `place` asks for.
pub(super) fn address_at(model: &Model, place: &Place) -> Option<PciAddress> {
    let asked = model.spec().pci_devices.as_ref()?.get(place.row_index()?)?;
    asked.host_address.as_ref()?.parse().ok()
}

/// The row of the spec that asks for this device.
pub fn row_in_spec(model: &Model, address: PciAddress) -> Option<usize> {
    let asked = model.spec().pci_devices.as_deref()?;
    asked.iter().position(|row| row.host_address.as_ref().and_then(|text| text.parse().ok()) == Some(address))
}

/// What becomes of a device that the spec names: passed or held.
pub fn role(model: &Model, address: PciAddress) -> Option<Role> {
    let row = row_in_spec(model, address)?;
    Some(if is_held(model, row) { Role::Hold } else { Role::Pass })
}

/// True where the row of the spec is one that is held.
pub(super) fn is_held(model: &Model, row: usize) -> bool {
    model.spec().pci_devices.as_deref().and_then(|rows| rows.get(row)).is_some_and(crate::spec::PciDevice::is_held)
}
