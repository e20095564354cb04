//! The three ways in which a guest can have an NVMe drive of the host, compared, so that somebody can choose.

use super::card::{self, Role};
use crate::facts::{BlockDevice, BlockKind, Facts};
use crate::spec::{DiskAction, DiskFormat};
use crate::units::PciAddress;
use serde::Serialize;
use serde_json::{Value, json};

/// One way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// Which.
    pub kind: WayKind,
    /// In a few words.
    pub title: &'static str,
    /// Subject and statement, in an order that is the same for all three: snapshots, boot, speed, host, besides.
    pub says: [(&'static str, String); 5],
    /// The list of the spec that the row goes into.
    pub list: &'static str,
    /// The row; null where it cannot be written, for the reason in `why_not`.
    pub row: Value,
    /// Why this way is closed; `None` where it is open.
    pub why_not: Option<String>,
}

/// The ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WayKind {
    /// The whole controller is passed, as a PCI device.
    Controller,
    /// QEMU drives the controller, and the guest sees a disk.
    Driver,
    /// The host drives it, and the guest sees a disk.
    Block,
}

/// The ways of giving the NVMe drive at `address` to a guest. What is not known of it leaves a way open, or says so.
pub fn ways(facts: &Facts, address: PciAddress) -> [Way; 3] {
    [controller(facts, address), driver(facts, address), block(facts, address)]
}

fn says(snapshots: &str, boot: &str, speed: &str, host: &str, besides: String) -> [(&'static str, String); 5] {
    [
        ("snapshots", snapshots.into()),
        ("boot", boot.into()),
        ("speed", speed.into()),
        ("host", host.into()),
        ("besides", besides),
    ]
}

fn controller(facts: &Facts, address: PciAddress) -> Way {
    Way {
        kind: WayKind::Controller,
        title: "the whole controller",
        says: says(
            "none, nor migration or saving the VM",
            "by UEFI, with a place in the boot order",
            "the drive's own: the guest drives it",
            "loses the drive while the VM runs",
            besides(facts, address),
        ),
        list: "pci_devices",
        row: json!({"host_address": address}),
        why_not: behind_vmd(address),
    }
}

fn driver(facts: &Facts, address: PciAddress) -> Way {
    Way {
        kind: WayKind::Driver,
        title: "a disk, driven by QEMU",
        says: says(
            "by QEMU into other files; no migration",
            "by BIOS or UEFI, like any disk",
            "near the drive's own: past the host's kernel, one queue",
            "loses the drive while the VM runs, all its namespaces",
            besides(facts, address),
        ),
        list: "storage.disks",
        row: json!({"action": DiskAction::Attach, "host_address": address, "namespace": 1}),
        why_not: behind_vmd(address),
    }
}

fn block(facts: &Facts, address: PciAddress) -> Way {
    let path = by_id(facts, address);
    let why_not = match (&path, facts.storage.get()) {
        (Some(_), _) => None,
        (None, None) => Some("the names of the host's disks are not known".to_owned()),
        (None, Some(_)) => Some("the host has no disk for it: no host driver is bound to it".to_owned()),
    };
    Way {
        kind: WayKind::Block,
        title: "a disk, driven by the host",
        says: says(
            "by QEMU into other files; migration where both hosts reach it",
            "by BIOS or UEFI, like any disk",
            "less: it passes through the host's kernel",
            "keeps the drive, but must not use the guest's part",
            "nothing else is touched, and no IOMMU is needed".into(),
        ),
        list: "storage.disks",
        row: path
            .map_or(Value::Null, |path| json!({"action": DiskAction::Attach, "path": path, "format": DiskFormat::Raw})),
        why_not,
    }
}

/// A drive behind Intel's VMD is no function of its own for the IOMMU.
fn behind_vmd(address: PciAddress) -> Option<String> {
    (address.domain >= 0x1_0000).then(|| "it is behind Intel VMD: switch that off in the firmware".to_owned())
}

/// What leaves the host with the controller.
fn besides(facts: &Facts, address: PciAddress) -> String {
    let members = card::taking(facts, &[address]);
    let others = members.iter().filter(|member| member.address != address && member.role != Role::Leave);
    let others: Vec<String> = others.map(|member| member.address.short()).collect();
    match (others.is_empty(), facts.pci.get()) {
        (_, None) => "the other devices in its group are not known".into(),
        (true, _) => "nothing else is taken".into(),
        (false, _) => format!("also takes {}", others.join(", ")),
    }
}

/// The name of the drive's first namespace that does not change with the order of drives, as udev makes it.
fn by_id(facts: &Facts, address: PciAddress) -> Option<String> {
    let of_drive = |disk: &&BlockDevice| disk.kind == BlockKind::Disk && disk.functions.contains(&address);
    let disk = facts.storage.get()?.devices.iter().find(of_drive)?;
    match (&disk.model, &disk.serial) {
        _ if !disk.links.is_empty() => Some(disk.lasting_path()),
        (Some(model), Some(serial)) => Some(format!("/dev/disk/by-id/nvme-{}_{}", plain(model), plain(serial))),
        _ => Some(format!("/dev/{}", disk.name)),
    }
}

/// As udev writes a text into a file name: one underscore for the blanks between words.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Fact, HostStorage, PciDevice, Provenance};
    use crate::units::Bytes;

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::Command("test".into()), 0)
    }

    fn device(address: &str, class: u32, driver: &str) -> PciDevice {
        PciDevice {
            address: address.parse().unwrap(),
            class,
            vendor: 0x144d,
            device: 0xa80a,
            subsystem: None,
            vendor_name: None,
            device_name: None,
            driver: Some(driver.into()),
            iommu_group: Some(7),
            numa_node: None,
            boot_vga: None,
            header: None,
        }
    }

    fn facts() -> Facts {
        let disk = BlockDevice {
            name: "nvme0n1".into(),
            number: "259:0".into(),
            kind: BlockKind::Disk,
            size: Bytes::gib(1000),
            below: Vec::new(),
            functions: vec!["03:00.0".parse().unwrap()],
            server: None,
            model: Some("Samsung SSD  990 PRO".into()),
            serial: Some("S6Z2 ".into()),
            content: None,
            label: None,
            ..BlockDevice::default()
        };
        let storage =
            HostStorage { devices: vec![disk], mounts: Fact::default(), swaps: Fact::default(), zfs: Fact::default() };
        let pci = vec![device("03:00.0", 0x01_08_02, "nvme"), device("04:00.0", 0x02_00_00, "igc")];
        Facts { storage: known(storage), pci: known(pci), ..Facts::default() }
    }

    #[test]
    fn each_way_has_its_row_and_says_what_it_costs() {
        let ways = ways(&facts(), "03:00.0".parse().unwrap());
        assert!(ways.iter().all(|way| way.why_not.is_none()));
        let rows: Vec<String> = ways.iter().map(|way| format!("{} {}", way.list, way.row)).collect();
        let want = [
            r#"pci_devices {"host_address":"0000:03:00.0"}"#,
            r#"storage.disks {"action":"attach","host_address":"0000:03:00.0","namespace":1}"#,
            r#"storage.disks {"action":"attach","path":"/dev/disk/by-id/nvme-Samsung_SSD_990_PRO_S6Z2","format":"raw"}"#,
        ];
        assert_eq!(rows, want);
        let besides: Vec<&str> = ways.iter().map(|way| way.says[4].1.as_str()).collect();
        let alone = "nothing else is touched, and no IOMMU is needed";
        assert_eq!(besides, ["also takes 04:00.0", "also takes 04:00.0", alone]);
        let subjects = |way: &Way| way.says.iter().map(|(subject, _)| *subject).collect::<Vec<_>>();
        assert!(ways.iter().all(|way| subjects(way) == ["snapshots", "boot", "speed", "host", "besides"]));
    }

    #[test]
    fn what_is_closed_says_why() {
        let of = |facts: &Facts, address: &str| ways(facts, address.parse().unwrap()).map(|way| way.why_not.is_some());
        assert_eq!(of(&Facts::default(), "03:00.0"), [false, false, true]);
        assert_eq!(of(&facts(), "05:00.0"), [false, false, true]);
        assert_eq!(of(&facts(), "10000:01:00.0"), [true, true, true]);
    }
}
