//! What devices of several kinds have: an address, a place in the boot order.

use super::Element;
use crate::units::PciAddress;

/// One place in the boot order.
pub(super) fn boot(order: u32) -> Element {
    Element::new("boot").attr("order", order.to_string())
}

/// An address of host or guest; `typed` where others than PCI ones may stand there.
pub(super) fn address(address: PciAddress, typed: bool) -> Element {
    let element = Element::new("address");
    let element = if typed { element.attr("type", "pci") } else { element };
    element
        .attr("domain", format!("0x{:04x}", address.domain))
        .attr("bus", format!("0x{:02x}", address.bus))
        .attr("slot", format!("0x{:02x}", address.slot))
        .attr("function", format!("0x{:x}", address.function))
}
