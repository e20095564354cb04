//! Drives of a host, and what the host does with them.

use vmbuild::facts::storage::Mount;
use vmbuild::facts::{BlockDevice, BlockKind, Fact, FactsPart, HostStorage, Provenance};

/// What the host does with its devices, where it has the drive `name` with these mounts.
pub(crate) fn with_drive(name: &str, points: &[&str]) -> FactsPart {
    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::File("/sys/block".into()), 1)
    }
    let drive = BlockDevice { name: name.into(), kind: BlockKind::Disk, ..BlockDevice::default() };
    let mount = |point: &str, device: &str| Mount {
        point: point.into(),
        kind: "ext4".into(),
        source: format!("/dev/{device}"),
        devices: vec![device.into()],
        server: None,
    };
    let root = BlockDevice { name: "sda".into(), kind: BlockKind::Disk, ..BlockDevice::default() };
    let mounts = points.iter().map(|point| mount(point, name)).chain([mount("/", "sda")]).collect();
    let storage =
        HostStorage { devices: vec![drive, root], mounts: known(mounts), swaps: known(vec![]), zfs: known(vec![]) };
    FactsPart::Uses {
        storage: Box::new(known(storage)),
        networking: Box::new(Fact::Pending),
        usb: Box::new(Fact::Pending),
        displays: Box::new(Fact::Pending),
    }
}
