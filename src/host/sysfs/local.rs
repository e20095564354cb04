//! The parts of the facts that the kernel's files answer alone, put together.

use super::attribute::{known, last_part};
use super::pci::{self, DEVICES};
use super::pci_details::{self, Slots};
use super::{
    PciNames, boot, confinement, display, iommu, iommu_group, kernel, networking, pci_names, rom, storage, usb, vfio,
};
use crate::facts::{Fact, FactsPart};
use crate::host::Sysroot;
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;

/// PCI functions with their names, and the IOMMU.
pub fn pci(sysroot: &Sysroot, names: &mut PciNames) -> FactsPart {
    // The list of names is long: it is read while the functions are.
    let (found, list) = thread::scope(|scope| {
        let read = || thread::Builder::new().spawn_scoped(scope, || pci_names::list(sysroot)).ok();
        let list = names.is_new().then(read).flatten();
        (pci::scan(sysroot), list.and_then(|list| list.join().ok()))
    });
    let pci = match found {
        Ok(mut devices) => {
            names.fill(sysroot, list, &mut devices);
            known(devices, DEVICES)
        }
        Err(error) => Fact::unknown(format!("{DEVICES} cannot be listed: {error}.")),
    };
    FactsPart::Pci { pci, iommu: iommu::read(sysroot) }
}

/// What stands in the way of passthrough on the whole host.
pub fn boot(sysroot: &Sysroot) -> FactsPart {
    let kernel = kernel::read(sysroot);
    let vfio = vfio::read(sysroot, &kernel);
    FactsPart::Boot { kernel: Box::new(kernel), boot: Box::new(boot::read(sysroot)), vfio: Box::new(vfio) }
}

/// What the host itself uses; `session` is the session of SSH of whoever asks, as SSH_CONNECTION tells it.
pub fn uses(sysroot: &Sysroot, session: Option<&str>) -> FactsPart {
    FactsPart::Uses {
        storage: Box::new(storage::read(sysroot)),
        networking: Box::new(networking::read(sysroot, session)),
        displays: Box::new(display::read(sysroot)),
        usb: Box::new(usb::read(sysroot)),
    }
}

/// ROM files to choose from, and what keeps QEMU from reading files.
pub fn roms(sysroot: &Sysroot) -> FactsPart {
    FactsPart::Roms { roms: rom::list(sysroot), confinement: Box::new(confinement::read(sysroot)) }
}

/// Details of the functions `addresses` and of their IOMMU groups; of all functions where none is named.
pub fn details(sysroot: &Sysroot, addresses: &[PciAddress]) -> FactsPart {
    let slots = Slots::read(sysroot);
    let every = || sysroot.names(DEVICES).iter().filter_map(|name| name.parse().ok()).collect();
    let addresses: Vec<PciAddress> = if addresses.is_empty() { every() } else { addresses.to_vec() };
    let read = |address: &PciAddress| Some((*address, pci_details::read(sysroot, *address, &slots)?));
    let details: BTreeMap<_, _> = addresses.iter().filter_map(read).collect();
    let groups: BTreeSet<u32> = details.keys().filter_map(|address| group(sysroot, *address)).collect();
    let groups = groups.into_iter().map(|number| (number, iommu_group::read(sysroot, number))).collect();
    FactsPart::Details { details, groups }
}

/// The IOMMU group of a function.
fn group(sysroot: &Sysroot, address: PciAddress) -> Option<u32> {
    last_part(&sysroot.link(&format!("{DEVICES}/{address}/iommu_group")).ok()?).parse().ok()
}
