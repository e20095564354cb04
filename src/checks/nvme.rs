//! Checks of NVMe drives of the host that a VM has as disks.

use super::note::without;
use super::text::text;
use super::{Check, Notes, Subject};
use crate::facts::PciClass;
use crate::machine::DiskOrigin;
use crate::spec::DiskDevice;
use crate::units::PciAddress;

pub(super) static CHECKS: &[&Check] = &[&NVME_DISK];

static NVME_DISK: Check = Check {
    code: "NVME-DISK",
    title: "disks with a host_address are NVMe drives",
    explain: "A disk with a host_address is an NVMe drive of the host that QEMU operates directly: it names the \
              drive's controller and a namespace, from 1, and no image. The host loses the whole controller, as with a \
              passed device. Pass another kind of controller in pci_devices; name a drive that the host keeps by its \
              path below /dev/disk/by-id.",
    run: Some(drives),
    ..Check::DEVICE
};

fn drives(subject: &Subject, notes: &mut Notes) {
    for row in subject.disks() {
        let Some(text) = row.asked.host_address.as_deref().filter(|text| !text.trim().is_empty()) else { continue };
        notes.looked();
        let topic = row.topic("host_address");
        if row.asked.path.is_some() {
            let message = text!("names an image (path) and a drive (host_address)");
            notes.blocker(topic, message, "remove one of them");
            continue;
        }
        if let Err(error) = text.parse::<PciAddress>() {
            notes.blocker(topic, text!("{error}", error), "vmbuild pci lists the devices of the host");
            continue;
        }
        let Some(DiskOrigin::Drive { host, namespace }) = row.made.map(|made| &made.origin) else { continue };
        if *namespace == 0 {
            notes.blocker(row.topic("namespace"), text!("namespace is 0; the first is 1"), without("leave it out"));
        }
        if row.asked.device == Some(DiskDevice::Cdrom) {
            notes.blocker(row.topic("device"), text!("a drive of the host cannot be a CD-ROM"), "make it a disk");
        }
        let known = subject.facts.pci.items().iter().find(|known| known.address == *host);
        if let Some(known) = known.filter(|known| known.kind() != PciClass::Nvme) {
            let message = text!("{host} is not an NVMe drive ({label})", host, label = known.label());
            notes.blocker(topic, message, "pass it in pci_devices, or name a drive by its path");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::{Value, json};

    fn drive(mut row: Value) -> Asked {
        row["action"] = "attach".into();
        // The network card beside it has a group of its own here.
        Asked::disks(json!([row])).devices(|known| {
            if known.address.bus == 4 {
                known.iommu_group = Some(70);
            }
        })
    }

    #[test]
    fn a_disk_by_address_is_an_nvme_drive() {
        let fine = drive(json!({"host_address": "03:00.0"}));
        fine.passes("NVME-DISK").passes("DISK-PATH").passes("IOMMU-GROUP").passes("PCI-MISSING");
        let want = "disk 0 (vda): 0000:01:00.0 is not an NVMe drive (NVIDIA AD103 RTX 4080)";
        drive(json!({"host_address": "01:00.0"})).blocks("NVME-DISK", "storage.disks[0].host_address", want);
        for wrong in [
            json!({"host_address": "3:0"}),
            json!({"host_address": "03:00.0", "namespace": 0}),
            json!({"host_address": "03:00.0", "device": "cdrom"}),
            json!({"host_address": "03:00.0", "path": "/dev/nvme0n1"}),
        ] {
            drive(wrong).said("NVME-DISK").blocker();
        }
        Asked::good().quiet("NVME-DISK");
    }

    #[test]
    fn its_group_goes_along_like_that_of_any_device() {
        let shared = Asked::disks(json!([{"action": "attach", "host_address": "03:00.0"}]));
        let want = "disk 0 (0000:03:00.0): its IOMMU group 17 also contains 0000:04:00.0 (Intel I225-V, igc); the \
                    group must be passed whole";
        shared.blocks("IOMMU-GROUP", "storage.disks[0].host_address", want);
        let created = Asked::disks(json!([{"action": "create", "size": 1, "host_address": "03:00.0"}]));
        created.said("DISK-FIELD-UNUSED").warning();
    }
}
