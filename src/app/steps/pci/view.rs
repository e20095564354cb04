//! What the list of PCI devices shows, and how.

use crate::checks::Taken;
use crate::facts::{PciClass, PciDevice, Use};
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the list shows and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PciView {
    /// What the user narrowed the list to; `None` while it follows from the host.
    pub(in crate::app) narrowed: Option<Show>,
    /// Only devices whose address, name, driver or use holds this.
    pub text: String,
    /// Devices that changed, and until when they are marked, in seconds since 1970-01-01 UTC.
    pub changed: BTreeMap<PciAddress, u64>,
    /// The devices in the list, as positions in the facts: group by group, those that the filters leave.
    pub(in crate::app) order: Vec<usize>,
    /// What the list shows where nobody narrowed it.
    pub(in crate::app) first: Show,
    /// What the host does with its functions.
    pub(in crate::app) uses: BTreeMap<PciAddress, BTreeSet<Use>>,
    /// What taking cards would mean, as far as somebody looked.
    pub(in crate::app) verdicts: BTreeMap<PciAddress, Rc<Taken>>,
}

impl PciView {
    /// What the list is narrowed to.
    pub fn show(&self) -> Show {
        self.narrowed.unwrap_or(self.first)
    }

    /// Marks fade.
    pub(in crate::app) fn forget_changes(&mut self, now: u64) {
        self.changed.retain(|_, until| *until > now);
    }

    /// Other facts: this is what the host does with its functions now, and no card was looked at yet.
    pub(in crate::app) fn look_again(&mut self, devices: &[PciDevice], uses: BTreeMap<PciAddress, BTreeSet<Use>>) {
        self.first = Show::first(devices);
        self.uses = uses;
        self.verdicts.clear();
    }
}

/// What the list is narrowed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Cards with a function of this kind, whole.
    Kind(PciClass),
    /// Everything that somebody would give to a guest.
    #[default]
    Cards,
    /// Every function: bridges, and what belongs to the processor and the chipset.
    All,
}

/// What the list can be narrowed to, with the names.
pub const SHOWS: [(Show, &str); 6] = [
    (Show::Kind(PciClass::Gpu), "GPUs"),
    (Show::Kind(PciClass::Nic), "NICs"),
    (Show::Kind(PciClass::Nvme), "NVMe"),
    (Show::Kind(PciClass::Usb), "USB"),
    (Show::Cards, "cards"),
    (Show::All, "all"),
];

impl Show {
    /// The next one, round.
    pub(in crate::app) fn next(self) -> Self {
        let at = SHOWS.iter().position(|(show, _)| *show == self).unwrap_or(SHOWS.len() - 1);
        SHOWS.get((at + 1) % SHOWS.len()).map_or(Self::All, |(show, _)| *show)
    }

    /// What a host is looked at for first: its GPUs, where it has any that a guest could use.
    pub(in crate::app) fn first(devices: &[PciDevice]) -> Self {
        let gpu = |device: &PciDevice| device.kind() == PciClass::Gpu && is_useful(device);
        if devices.iter().any(gpu) { Self::Kind(PciClass::Gpu) } else { Self::Cards }
    }

    pub(super) fn wants(self, device: &PciDevice) -> bool {
        match self {
            Self::Kind(kind) => device.kind() == kind && is_useful(device),
            Self::Cards => is_useful(device),
            Self::All => true,
        }
    }
}

/// True for what somebody would give to a guest. Large servers have hundreds of functions besides: counters of the
/// processor, the chipset's own, the display of the management controller.
pub(super) fn is_useful(device: &PciDevice) -> bool {
    match device.kind() {
        PciClass::Bridge => false,
        PciClass::Gpu => !device.is_management_display(),
        PciClass::Audio | PciClass::Nic | PciClass::Nvme | PciClass::Usb | PciClass::Storage => true,
        // Memory controllers, management and encryption engines, system peripherals, serial buses, signal processors.
        PciClass::Other => {
            let (class, subclass) = (device.class >> 16, device.class >> 8 & 0xff);
            !matches!((class, subclass), (0x05 | 0x08 | 0x10 | 0x11, _) | (0x07, 0x80) | (0x0c, 0x05 | 0x80))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn display(vendor: u16, device: u16) -> PciDevice {
        PciDevice {
            address: "03:00.0".parse().unwrap(),
            class: 0x03_00_00,
            vendor,
            device,
            subsystem: None,
            vendor_name: None,
            device_name: None,
            driver: None,
            iommu_group: Some(1),
            numa_node: None,
            boot_vga: Some(true),
            header: None,
        }
    }

    #[test]
    fn the_display_of_a_management_controller_is_hidden_until_all_is_asked_for() {
        for (vendor, device) in [(0x1a03, 0x2000), (0x102b, 0x0533), (0x102b, 0x0538), (0x1002, 0x515e)] {
            let bmc = display(vendor, device);
            let shown: Vec<Show> = SHOWS.iter().map(|(show, _)| *show).filter(|show| show.wants(&bmc)).collect();
            assert_eq!(shown, [Show::All], "{vendor:04x}:{device:04x}");
            assert_eq!(Show::first(std::slice::from_ref(&bmc)), Show::Cards, "a host with no other GPU");
        }
        // A card of the same vendor that is a graphics card.
        for (vendor, device) in [(0x102b, 0x2527), (0x1002, 0x73df), (0x10de, 0x2684)] {
            assert!(Show::Kind(PciClass::Gpu).wants(&display(vendor, device)), "{vendor:04x}:{device:04x}");
        }
    }
}
