//! The boot order of disks and interfaces: one number per bootable device, none twice unless the user wrote it twice.

use super::{Disk, Interface};
use crate::spec::{BootDevice, DiskDevice, Place, Spec};
use std::collections::HashSet;

/// Without `boot.order`: the boot ISO first, then the disks in their order, then other CD-ROMs (an empty new disk lets the
/// firmware go on to them).
const USUAL: [BootDevice; 2] = [BootDevice::Disk, BootDevice::Cdrom];

/// Fills in what was not asked for. The cloud-init seed never boots; beside a kernel that is started directly nothing
/// does by itself.
pub(super) fn assign(spec: &Spec, disks: &mut [Disk], interfaces: &mut [Interface], direct: bool) {
    let asked = spec.boot.as_ref().and_then(|boot| boot.order.as_deref());
    if direct && asked.is_none() {
        return;
    }
    let passed = spec.pci_devices.iter().flatten().map(|device| device.boot_order);
    let taken = disks.iter().map(|disk| disk.boot_order).chain(passed);
    let mut numbers = Numbers::new(taken.chain(interfaces.iter().map(|interface| interface.boot_order)).flatten());
    if asked.is_none_or(|order| order.contains(&BootDevice::Cdrom)) {
        // Within its kind the boot ISO is the first; without an order of kinds it is the first of all.
        let iso_first = asked.and_then(|order| order.first()).is_none_or(|kind| *kind == BootDevice::Cdrom);
        disks
            .iter_mut()
            .filter(|disk| iso_first && is_boot_iso(disk))
            .for_each(|disk| numbers.give(&mut disk.boot_order));
    }
    for kind in asked.unwrap_or(&USUAL) {
        match kind {
            BootDevice::Network => {
                for interface in &mut *interfaces {
                    numbers.give(&mut interface.boot_order);
                }
            }
            BootDevice::Disk => numbers.give_disks(disks, DiskDevice::Disk),
            BootDevice::Cdrom => numbers.give_disks(disks, DiskDevice::Cdrom),
        }
    }
}

fn is_boot_iso(disk: &Disk) -> bool {
    disk.place == Place::root().key("storage").key("boot_iso")
}

/// The numbers that are not taken yet.
struct Numbers {
    taken: HashSet<u32>,
    next: u32,
}

impl Numbers {
    fn new(taken: impl Iterator<Item = u32>) -> Self {
        Self { taken: taken.collect(), next: 1 }
    }

    /// The next free one, where there is none yet.
    fn give(&mut self, order: &mut Option<u32>) {
        if order.is_some() {
            return;
        }
        while !self.taken.insert(self.next) {
            self.next += 1;
        }
        *order = Some(self.next);
    }

    /// One for each disk of a kind, the boot ISO first.
    fn give_disks(&mut self, disks: &mut [Disk], device: DiskDevice) {
        let drivers = Place::root().key("virtio_win");
        let bootable = |disk: &&mut Disk| disk.device == device && disk.place != drivers && !disk.is_seed();
        disks
            .iter_mut()
            .filter(bootable)
            .filter(|disk| is_boot_iso(disk))
            .for_each(|disk| self.give(&mut disk.boot_order));
        disks.iter_mut().filter(bootable).for_each(|disk| self.give(&mut disk.boot_order));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]
    use crate::facts::Facts;
    use crate::machine::machine;
    use serde_json::{Value, json};

    /// The boot order of the disks, then of the interfaces.
    fn orders(boot: Value) -> Vec<Option<u32>> {
        let spec = json!({"boot": boot, "networks": [{}], "cloud_init": {"user": "a"}, "storage": {"boot_iso": "/a.iso",
            "disks": [{"action": "create"}, {"device": "cdrom", "path": "/b.iso"}, {"action": "create", "boot_order": 1}]}});
        let machine = machine(&serde_json::from_value(spec).unwrap(), &Facts::default());
        let disks = machine.disks.iter().map(|disk| disk.boot_order);
        disks.chain(machine.interfaces.iter().map(|interface| interface.boot_order)).collect()
    }

    #[test]
    fn the_boot_iso_comes_first_and_what_was_asked_for_stands() {
        assert_eq!(orders(json!({})), [Some(3), Some(4), Some(1), Some(2), None, None]);
    }

    #[test]
    fn kinds_are_tried_in_the_order_asked_for() {
        assert_eq!(orders(json!({"order": ["network", "cdrom"]})), [None, Some(4), Some(1), Some(3), None, Some(2)]);
        assert_eq!(orders(json!({"order": ["disk"]})), [Some(2), None, Some(1), None, None, None]);
        assert_eq!(orders(json!({"order": []})), [None, None, Some(1), None, None, None]);
    }

    #[test]
    fn a_kernel_that_is_started_directly_leaves_the_order_alone() {
        assert_eq!(orders(json!({"kernel": "/k"})), [None, None, Some(1), None, None, None]);
    }
}
