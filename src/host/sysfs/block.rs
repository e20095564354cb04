//! Block devices from /sys/class/block: what each is, what it lies on, which PCI functions it hangs on.

use super::pci_details::pci_path;
use super::udev::UdevRecord;
use crate::facts::storage::{BlockDevice, BlockKind};
use crate::host::Sysroot;
use crate::units::{Bytes, PciAddress};
use std::net::IpAddr;

/// Where block devices are listed.
pub(super) const DEVICES: &str = "/sys/class/block";

/// Every block device that holds something, by name.
pub(super) fn devices(sysroot: &Sysroot) -> Vec<BlockDevice> {
    let names = sysroot.names(DEVICES).into_iter();
    names.filter_map(|name| BlockEntry::new(sysroot, name).device()).collect()
}

/// One entry of the list.
struct BlockEntry<'a> {
    sysroot: &'a Sysroot,
    name: String,
    /// Its real place, as its link names it.
    place: String,
}

impl<'a> BlockEntry<'a> {
    fn new(sysroot: &'a Sysroot, name: String) -> Self {
        let place = sysroot.link(&format!("{DEVICES}/{name}")).unwrap_or_default();
        Self { sysroot, name, place }
    }

    /// `None` for a loop device without a file, a plain memory disk, and what nobody can open: the single paths of a drive
    /// with multipath have no number.
    fn device(&self) -> Option<BlockDevice> {
        let number = self.text("dev")?;
        let kind = self.kind();
        let unused = match &kind {
            BlockKind::Loop { file } => file.is_none(),
            BlockKind::Memory => self.name.starts_with("ram"),
            _ => false,
        };
        if unused {
            return None;
        }
        let udev = UdevRecord::read(self.sysroot, &format!("b{number}"));
        let below = self.below(&kind);
        let functions = if below.is_empty() { self.functions() } else { Vec::new() };
        let kind = if kind == BlockKind::Disk && self.is_remote() { BlockKind::Remote } else { kind };
        Some(BlockDevice {
            size: Bytes(self.text("size").and_then(|text| text.parse().ok()).unwrap_or(0_u64).saturating_mul(512)),
            server: self.server(),
            usb: self.place.split('/').any(is_usb_bus),
            usb_path: usb_path(&self.place),
            scsi: self.place.split('/').rev().find(|part| is_scsi_unit(part)).map(str::to_owned),
            links: udev.links(),
            model: self.text("device/model").or_else(|| udev.value("ID_MODEL")),
            serial: udev.value("ID_SERIAL_SHORT").or_else(|| self.text("device/serial")),
            content: udev.value("ID_FS_TYPE"),
            label: udev.value("ID_FS_LABEL"),
            name: self.name.clone(),
            number,
            kind,
            below,
            functions,
        })
    }

    fn kind(&self) -> BlockKind {
        if self.has("partition") {
            return BlockKind::Partition;
        }
        if self.has("dm") {
            return mapped(&self.text("dm/name").unwrap_or_default(), &self.text("dm/uuid").unwrap_or_default());
        }
        if self.has("md") {
            return BlockKind::Raid { level: self.text("md/level").unwrap_or_default() };
        }
        match self.name.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "loop" => BlockKind::Loop { file: self.text("loop/backing_file") },
            "zd" => BlockKind::Zvol,
            "zram" | "ram" => BlockKind::Memory,
            "nbd" | "rbd" => BlockKind::Remote,
            _ => BlockKind::Disk,
        }
    }

    fn below(&self, kind: &BlockKind) -> Vec<String> {
        if *kind == BlockKind::Partition {
            return self.place.rsplit('/').nth(1).map(str::to_owned).into_iter().collect();
        }
        self.sysroot.names(&format!("{DEVICES}/{}/slaves", self.name))
    }

    /// The PCI functions of every path to the device.
    fn functions(&self) -> Vec<PciAddress> {
        let mut functions = holders(&self.place);
        functions.extend(self.controllers().iter().flat_map(|(_, place)| holders(place)));
        functions.sort_unstable();
        functions.dedup();
        functions
    }

    /// Folders and places of the controllers of an NVMe drive with native multipath: it lies in its subsystem, which links
    /// to them.
    fn controllers(&self) -> Vec<(String, String)> {
        let subsystem = self.place.split_once("/nvme-subsystem/").and_then(|(_, rest)| rest.split('/').next());
        let Some(subsystem) = subsystem else { return Vec::new() };
        let folder = format!("/sys/class/nvme-subsystem/{subsystem}");
        let controllers = self.sysroot.names(&folder).into_iter().map(|name| format!("{folder}/{name}"));
        controllers.filter_map(|path| Some((path.clone(), self.sysroot.link(&path).ok()?))).collect()
    }

    /// True for disks of iSCSI and NVMe over a network, unless an adapter of their own drives them.
    fn is_remote(&self) -> bool {
        let mut parts = self.place.split('/');
        let fabrics = |place: &str| place.contains("/nvme-fabrics/");
        let remote = parts.any(|part| part.starts_with("session")) || fabrics(&self.place);
        pci_path(&self.place).is_empty() && (remote || self.controllers().iter().any(|(_, place)| fabrics(place)))
    }

    /// The other machine's address: of the connection of an iSCSI session, or of the controllers of an NVMe drive.
    fn server(&self) -> Option<IpAddr> {
        const CONNECTIONS: &str = "/sys/class/iscsi_connection";
        let Some(session) = self.place.split('/').find_map(|part| part.strip_prefix("session")) else {
            return self.controllers().iter().find_map(|(path, _)| {
                let address = self.sysroot.read(&format!("{path}/address")).ok()?;
                address.trim().split(',').find_map(|part| part.strip_prefix("traddr=")?.parse().ok())
            });
        };
        let own = format!("connection{session}:");
        let connection = self.sysroot.names(CONNECTIONS).into_iter().find(|name| name.starts_with(&own))?;
        self.sysroot.read(&format!("{CONNECTIONS}/{connection}/address")).ok()?.trim().parse().ok()
    }

    fn has(&self, name: &str) -> bool {
        self.sysroot.exists(&format!("{DEVICES}/{}/{name}", self.name))
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.sysroot.read(&format!("{DEVICES}/{}/{name}", self.name)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

/// The functions that a place in sysfs hangs on: the nearest one, and each above it that carries a PCI tree of its own, as
/// Intel's VMD does. Whoever gets one of them gets the device.
pub(super) fn holders(place: &str) -> Vec<PciAddress> {
    let parts: Vec<&str> = place.split('/').collect();
    let address = |at: usize| parts.get(at).and_then(|part| part.parse::<PciAddress>().ok());
    let nearest = (0..parts.len()).rev().find_map(address);
    let has_tree = |at: &usize| parts.get(at + 1).is_some_and(|next| next.starts_with("pci") && next.contains(':'));
    let above = (0..parts.len()).filter(has_tree).filter_map(address);
    above.chain(nearest).collect()
}

/// `usb1`, as the buses below a controller are named.
pub(super) fn is_usb_bus(part: &str) -> bool {
    part.strip_prefix("usb").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The last USB device on the way: `1-2.1`, whose interfaces are called `1-2.1:1.0`.
fn usb_path(place: &str) -> Option<String> {
    let is_device = |part: &&str| {
        let (bus, ports) = part.split_once('-').unwrap_or_default();
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits(bus) && ports.split('.').all(digits)
    };
    let mut parts = place.split('/').skip_while(|part| !is_usb_bus(part)).skip(1);
    let mut last = None;
    // Below the device are its interface and the disk.
    for part in parts.by_ref().take_while(is_device) {
        last = Some(part.to_owned());
    }
    last
}

/// `6:0:0:0`.
fn is_scsi_unit(part: &str) -> bool {
    let numbers: Vec<&str> = part.split(':').collect();
    numbers.len() == 4 && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A mapping by its name and the prefix of its UUID.
fn mapped(name: &str, uuid: &str) -> BlockKind {
    match uuid.split('-').next() {
        Some("LVM") => {
            let (group, volume) = lvm(name);
            BlockKind::Lvm { group, volume }
        }
        Some("CRYPT") => BlockKind::Crypt { name: name.to_owned() },
        _ => BlockKind::Mapped { name: name.to_owned() },
    }
}

/// LVM joins group and volume by a dash and doubles the dashes within each.
fn lvm(name: &str) -> (String, String) {
    let marked = name.replace("--", "\0");
    let (group, volume) = marked.split_once('-').unwrap_or((&marked, ""));
    (group.replace('\0', "-"), volume.replace('\0', "-"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn dashes_within_names_of_lvm_are_doubled() {
        assert_eq!(lvm("vg--data-lv--root"), ("vg-data".into(), "lv-root".into()));
        assert_eq!(lvm("ubuntu--vg-ubuntu--lv_tdata"), ("ubuntu-vg".into(), "ubuntu-lv_tdata".into()));
    }

    #[test]
    fn a_drive_behind_vmd_hangs_on_both_controllers() {
        let place = "../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1";
        let shown: Vec<_> = holders(place).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["0000:00:0e.0", "10000:e1:00.0"]);
        let place = "../../devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb";
        assert_eq!(holders(place), ["00:14.0".parse().unwrap()]);
        assert!(place.split('/').any(is_usb_bus));
        assert_eq!(usb_path(place).as_deref(), Some("2-1"));
        let behind_hub =
            "../../devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1.4/2-1.4:1.0/host6/target6:0:0/6:0:0:0/block/sdb";
        assert_eq!(usb_path(behind_hub).as_deref(), Some("2-1.4"));
        assert!(is_scsi_unit("6:0:0:0") && !is_scsi_unit("0000:00:14.0") && !is_scsi_unit("2-1:1.0"));
        assert_eq!(usb_path("../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1"), None);
        assert!(holders("../../devices/virtual/block/dm-0").is_empty());
    }
}
