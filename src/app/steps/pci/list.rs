//! Which PCI functions the step lists, and in which order: by what is wanted of them, by the text of the filter.

use super::{in_words, selected};
use crate::app::{App, StepId};
use crate::facts::{PciClass, PciDevice};
use crate::units::PciAddress;
use std::collections::BTreeSet;

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
    pub(super) fn next(self) -> Self {
        let at = SHOWS.iter().position(|(show, _)| *show == self).unwrap_or(SHOWS.len() - 1);
        SHOWS.get((at + 1) % SHOWS.len()).map_or(Self::All, |(show, _)| *show)
    }

    /// What a host is looked at for first: its GPUs, where it has any that a guest could use.
    pub(super) fn first(devices: &[PciDevice]) -> Self {
        let gpu = |device: &PciDevice| device.kind() == PciClass::Gpu && is_useful(device);
        if devices.iter().any(gpu) { Self::Kind(PciClass::Gpu) } else { Self::Cards }
    }

    fn wants(self, device: &PciDevice) -> bool {
        match self {
            Self::Kind(kind) => device.kind() == kind && is_useful(device),
            Self::Cards => is_useful(device),
            Self::All => true,
        }
    }
}

/// True for what somebody would give to a guest. Large servers have hundreds of functions besides: counters of the
/// processor, the chipset's own, the display of the management controller.
fn is_useful(device: &PciDevice) -> bool {
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

/// True where `device` is a function of the card that has `other`; what sits on bus 0 is no card.
fn of_card(device: &PciDevice, other: PciAddress) -> bool {
    device.address.bus != 0 && device.kind() != PciClass::Bridge && device.address.same_slot(other)
}

/// The devices in the list, group by group, those that the filters leave.
pub fn devices(app: &App) -> Vec<&PciDevice> {
    let all = app.facts.pci.items();
    app.pci.order.iter().filter_map(|at| all.get(*at)).collect()
}

/// How many devices the kind that is shown leaves out.
pub fn hidden(app: &App) -> usize {
    app.facts.pci.items().len().saturating_sub(app.pci.order.len())
}

/// Lists anew after facts or filters changed.
pub(in crate::app) fn relist(app: &mut App) {
    let needle = app.pci.text.to_lowercase();
    let words: Vec<&str> = needle.split_whitespace().collect();
    let all = app.facts.pci.items();
    let show = app.pci.show();
    let wanted: BTreeSet<PciAddress> =
        all.iter().filter(|device| show.wants(device)).map(|device| device.address.with_function(0)).collect();
    let whole =
        |device: &PciDevice| wanted.get(&device.address.with_function(0)).is_some_and(|of| of_card(device, *of));
    // Groups of bridges alone come last: there are many of them, and nothing to decide.
    let useful: BTreeSet<u32> =
        all.iter().filter(|device| is_useful(device)).filter_map(|device| device.iommu_group).collect();
    let mut rows: Vec<_> = (all.iter().enumerate())
        .filter(|(_, device)| show.wants(device) || whole(device))
        .filter(|(_, device)| words.is_empty() || matches(app, device, &words))
        .map(|(at, device)| {
            let nothing = device.iommu_group.is_some_and(|group| !useful.contains(&group));
            (device.iommu_group.is_none(), nothing, device.iommu_group, at)
        })
        .collect();
    rows.sort_unstable();
    app.pci.order = rows.into_iter().map(|(.., at)| at).collect();
}

fn matches(app: &App, device: &PciDevice, words: &[&str]) -> bool {
    let driver = device.driver.as_deref().unwrap_or_default();
    let group = device.iommu_group.map(|group| format!("group {group}")).unwrap_or_default();
    let used = in_words::notes(app, device).join(" ");
    let text = format!("{} {} {} {driver} {group} {used}", device.address, device.label(), device.ids()).to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// Puts the cursor on the device at `address`; shows what would hide it no longer.
pub(super) fn reveal(app: &mut App, address: PciAddress) {
    let row = |app: &App| devices(app).iter().position(|device| device.address == address);
    if row(app).is_none() && app.facts.pci.items().iter().any(|device| device.address == address) {
        app.pci.text.clear();
        relist(app);
        if row(app).is_none() {
            app.pci.narrowed = Some(Show::All);
            relist(app);
        }
    }
    if let (Some(row), Some(cursor)) = (row(app), app.cursors.get_mut(StepId::Pci.index())) {
        cursor.row = row;
    }
}

/// Keeps the cursor on its device while `change` changes what is listed.
pub(super) fn keeping_cursor(app: &mut App, change: impl FnOnce(&mut App)) {
    let kept = selected(app).map(|device| device.address);
    change(app);
    relist(app);
    let row = kept.and_then(|address| devices(app).iter().position(|device| device.address == address));
    if let (Some(row), Some(cursor)) = (row, app.cursors.get_mut(StepId::Pci.index())) {
        cursor.row = row;
    }
    app.clamp();
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
