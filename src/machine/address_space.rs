//! The guest's address space where passed devices ask for another than the usual one: room for large windows, and no more
//! bits than the host's IOMMU translates.

use super::{Chipset, GuestSlot};
use crate::facts::Facts;
use crate::units::{Bytes, GIB, PciAddress};

/// What passed devices make of the guest's addresses. Nothing of it is written where all is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressSpace {
    /// Room above 4 GiB for the windows of devices, a power of two; `None` leaves it to the firmware.
    pub window: Option<Bytes>,
    /// How many bits the guest's CPU has; `None` leaves it to QEMU.
    pub width: Option<Width>,
}

/// Physical addresses of the guest's CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// All that the host's CPU has.
    Host,
    /// At most so many bits: the host's IOMMU translates no more.
    Limit(u32),
}

/// Windows up to this sum fit into what guests' firmware sets aside by itself.
const USUAL: Bytes = Bytes(30 * GIB);

pub(super) fn address_space(facts: &Facts, slots: &[GuestSlot], chipset: Chipset) -> AddressSpace {
    let passed = slots.iter().flat_map(|slot| &slot.functions).map(|function| function.host);
    let sum = windows(facts, passed);
    let limit = limit(facts).filter(|_| !slots.is_empty());
    let window = (sum > USUAL && chipset == Chipset::Q35).then(|| {
        let wanted = sum.0.saturating_mul(2).checked_next_power_of_two().unwrap_or(1 << 63);
        // The other half stays for memory.
        Bytes(limit.map_or(wanted, |bits| wanted.min(1 << (bits - 1).min(62))))
    });
    let width = limit.map(Width::Limit).or(window.map(|_| Width::Host));
    AddressSpace { window, width }
}

/// Sum of the 64-bit windows of functions, as far as their details are known.
pub fn windows(facts: &Facts, functions: impl Iterator<Item = PciAddress>) -> Bytes {
    let known = functions.filter_map(|address| facts.details.get(&address));
    Bytes(known.fold(0, |sum: u64, details| sum.saturating_add(details.wide_memory().0)))
}

/// The width of the host's IOMMU where it is known to be narrower than the CPU.
fn limit(facts: &Facts) -> Option<u32> {
    let kernel = facts.kernel.get()?;
    let iommu = *kernel.iommu_address_bits.get()?;
    let of_capabilities = || facts.capabilities.get()?.physical_address_bits;
    let cpu = kernel.cpu.get().and_then(|cpu| cpu.address_bits).or_else(of_capabilities)?;
    (iommu < cpu).then_some(iommu)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::pci_details::{Bar, BarSpace};
    use crate::facts::{Fact, HostCpu, Kernel, PciDetails, Provenance};
    use crate::machine::machine;
    use serde_json::json;

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::Command("test".into()), 0)
    }

    fn space(machine_type: &str, size: u64, iommu: u32) -> AddressSpace {
        let bar = |index, gib| Bar {
            index,
            start: 0,
            size: Bytes::gib(gib),
            space: BarSpace::WideMemory,
            prefetchable: true,
            assigned: true,
            sizes: Fact::default(),
        };
        let details = PciDetails { bars: known(vec![bar(0, size)]), ..PciDetails::default() };
        let cpu = HostCpu { vendor: String::new(), address_bits: Some(46), virtualises: Some(true), is_virtual: false };
        let kernel = Kernel { iommu_address_bits: known(iommu), cpu: known(cpu), ..Kernel::default() };
        let address = "01:00.0".parse().unwrap();
        let facts = Facts { details: [(address, details)].into(), kernel: known(kernel), ..Facts::default() };
        let spec = json!({"machine": machine_type, "pci_devices": [{"host_address": "01:00.0"}]});
        machine(&serde_json::from_value(spec).unwrap(), &facts).address_space
    }

    #[test]
    fn large_windows_get_room_and_the_bits_for_it() {
        let window = |gib| Some(Bytes::gib(gib));
        assert_eq!(space("q35", 30, 46), AddressSpace::default());
        assert_eq!(space("q35", 32, 46), AddressSpace { window: window(64), width: Some(Width::Host) });
        assert_eq!(space("q35", 80, 48), AddressSpace { window: window(256), width: Some(Width::Host) });
        assert_eq!(space("pc", 80, 46), AddressSpace::default());
    }

    #[test]
    fn a_narrow_iommu_limits_the_guest() {
        assert_eq!(space("q35", 1, 39), AddressSpace { window: None, width: Some(Width::Limit(39)) });
        let want = AddressSpace { window: Some(Bytes::gib(256)), width: Some(Width::Limit(39)) };
        assert_eq!(space("q35", 200, 39), want, "half of 512 GiB");
    }
}
