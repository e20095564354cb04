//! Mounts, swap and pools traced to the controllers of their disks.

use super::{facts_of, uses_of};
use crate::support::tree::Tree;
use std::collections::BTreeSet;
use vmbuild::facts::{BlockKind, Use, uses, uses_of_device};

/// An NVMe drive below a port of its own, with two partitions.
fn nvme(tree: Tree, bus: u8, name: &str, major: u32) -> Tree {
    let place = format!("pci0000:00/0000:00:1d.0/0000:{bus:02x}:00.0");
    let disk = format!("{place}/nvme/{}/{name}", name.split('n').next().unwrap_or_default());
    tree.function(&place, "10802", &[])
        .block(&disk, &format!("{major}:0"))
        .block(&format!("{disk}/{name}p1"), &format!("{major}:1"))
        .file(&format!("/sys/devices/{disk}/{name}p1/partition"), "1\n")
        .block(&format!("{disk}/{name}p2"), &format!("{major}:2"))
        .file(&format!("/sys/devices/{disk}/{name}p2/partition"), "2\n")
}

/// Drives with encryption, LVM and an array, and what is mounted and swapped to on them.
fn layered() -> Tree {
    let mut tree = Tree::new();
    for (bus, name, major) in [(2, "nvme0n1", 259), (3, "nvme1n1", 260), (4, "nvme2n1", 261)] {
        tree = nvme(tree, bus, name, major);
    }
    let raid = "/sys/devices/virtual/block/md0";
    tree.mapped("dm-0", "253:0", ("luks-root", "CRYPT-LUKS2-abc-luks-root"), &["nvme0n1p2"])
        .mapped("dm-1", "253:1", ("vg--main-root", "LVM-abcdef"), &["dm-0"])
        .mapped("dm-2", "253:2", ("vg--main-swap", "LVM-abcdeg"), &["dm-0"])
        .block("virtual/block/md0", "9:0")
        .file(&format!("{raid}/md/level"), "raid1\n")
        .link(&format!("{raid}/slaves/nvme1n1p1"), "/sys/class/block/nvme1n1p1")
        .link(&format!("{raid}/slaves/nvme2n1p1"), "/sys/class/block/nvme2n1p1")
        .file(
            "/proc/self/mountinfo",
            "22 27 0:21 / /proc rw - proc proc rw\n\
             27 1 253:1 / / rw shared:1 - ext4 /dev/mapper/vg--main-root rw\n\
             30 27 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw\n\
             31 27 9:0 / /srv/my\\040disks rw - xfs /dev/md0 rw\n\
             32 27 7:1 / /snap/core rw - squashfs /dev/loop1 ro\n\
             33 27 0:50 / /tank/vms rw - zfs tank/vms rw\n",
        )
        .file(
            "/proc/swaps",
            "Filename\tType\tSize\tUsed\tPriority\n/dev/dm-2 partition 8388604 0 -2\n/srv/my\\040disks/swap file 1 0 -3\n",
        )
        .block("virtual/block/loop1", "7:1")
        .file("/sys/devices/virtual/block/loop1/loop/backing_file", "/var/lib/snapd/core.snap\n")
        .block("virtual/block/loop2", "7:2")
}

#[test]
fn disks_are_traced_through_partitions_encryption_lvm_and_arrays() {
    let facts = facts_of(&layered(), None);
    let storage = facts.storage.get().unwrap();
    let lvm = BlockKind::Lvm { group: "vg-main".into(), volume: "root".into() };
    assert_eq!(storage.device("dm-1").map(|device| &device.kind), Some(&lvm));
    assert!(storage.device("loop2").is_none(), "a loop device without a file is none");
    let group = Use::VolumeGroup { name: "vg-main".into() };
    let expected = [
        Use::Root { device: "/dev/mapper/vg--main-root".into() },
        Use::Boot { point: "/boot/efi".into() },
        Use::Swap { device: "/dev/dm-2".into() },
        group,
    ];
    assert_eq!(uses_of(&facts, "02:00.0"), expected.into());
    let both: BTreeSet<_> = [
        Use::Swap { device: "/srv/my disks/swap".into() },
        Use::Mount { point: "/srv/my disks".into() },
        Use::Raid { name: "md0".into() },
    ]
    .into();
    assert_eq!(uses_of(&facts, "03:00.0"), both, "each member of the array");
    assert_eq!(uses_of(&facts, "04:00.0"), both);
    let pool = &storage.zfs.items()[0];
    assert_eq!(pool.name, "tank");
    assert!(pool.devices.why_not().is_some_and(|why| why.contains("zpool status")), "{:?}", pool.devices);
    assert!(storage.traced().why_not().is_some_and(|why| why.contains("tank")), "any disk may be in the pool");
}

#[test]
fn each_block_device_is_known_for_what_the_host_keeps_on_it() {
    let facts = facts_of(&layered(), None);
    let storage = facts.storage.get().unwrap();
    let (root, boot) =
        (Use::Root { device: "/dev/mapper/vg--main-root".into() }, Use::Boot { point: "/boot/efi".into() });
    let (swap, group) = (Use::Swap { device: "/dev/dm-2".into() }, Use::VolumeGroup { name: "vg-main".into() });
    let (opened, data) = (Use::Mapping { name: "luks-root".into() }, Use::Mount { point: "/srv/my disks".into() });
    for (name, want) in [
        ("nvme0n1", vec![&root, &boot, &swap, &group, &opened]),
        ("nvme0n1p1", vec![&boot]),
        ("nvme0n1p2", vec![&root, &swap, &group, &opened]),
        ("dm-0", vec![&root, &swap, &group]),
        ("dm-1", vec![&root]),
        ("md0", vec![&data]),
        ("nvme1n1p1", vec![&data, &Use::Raid { name: "md0".into() }]),
        ("nvme1n1p2", vec![]),
        ("loop1", vec![&Use::Mount { point: "/snap/core".into() }]),
        ("none", vec![]),
    ] {
        assert_eq!(uses_of_device(&facts, name), want.into_iter().cloned().collect(), "{name}");
    }
    assert_eq!(storage.functions_at("/snap/core/x"), storage.functions_at("/x"), "it is a file on the disk of /");
    for (path, name) in [
        ("/dev/nvme0n1p1", "nvme0n1p1"),
        ("/dev/block/259:1", "nvme0n1p1"),
        ("/dev/dm-1", "dm-1"),
        ("/dev/mapper/vg--main-root", "dm-1"),
        ("/dev/vg-main/root", "dm-1"),
        ("/dev/mapper/luks-root", "dm-0"),
    ] {
        assert_eq!(storage.device_at(path).map(|device| device.name.as_str()), Some(name), "{path}");
    }
}

#[test]
fn zfs_and_btrfs_name_several_disks() {
    let mut tree = Tree::new();
    for (bus, name, major) in [(2, "nvme0n1", 259), (3, "nvme1n1", 260)] {
        tree = nvme(tree, bus, name, major)
            .file(&format!("/run/udev/data/b{major}:1"), "S:disk/by-x\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=rpool\n")
            .file(&format!("/sys/fs/btrfs/5f1c/devices/{name}p2/size"), "");
    }
    let tree = tree.folder("/proc/spl/kstat/zfs/rpool").file("/proc/spl/kstat/zfs/arcstats", "").file(
        "/proc/self/mountinfo",
        "27 1 0:25 / / rw - zfs rpool/ROOT/debian rw\n28 27 0:30 /@data /data rw - btrfs /dev/nvme0n1p2 rw\n",
    );
    let facts = facts_of(&tree, None);
    assert!(facts.storage.get().unwrap().traced().get().is_none(), "swaps are not listed");
    let tree = tree.file("/proc/swaps", "Filename Type Size Used Priority\n");
    assert!(facts_of(&tree, None).storage.get().unwrap().traced().get().is_some());
    let live = tree.file("/proc/self/mountinfo", "27 1 0:25 / / rw - overlay overlay rw\n");
    assert!(facts_of(&live, None).storage.get().unwrap().traced().why_not().is_some_and(|why| why.contains("overlay")));
    for address in ["02:00.0", "03:00.0"] {
        let expected = [
            Use::Root { device: "rpool/ROOT/debian".into() },
            Use::Mount { point: "/data".into() },
            Use::Zfs { name: "rpool".into() },
        ];
        assert_eq!(uses_of(&facts, address), expected.into(), "{address}");
    }
    let zfs = BTreeSet::from([Use::Root { device: "rpool/ROOT/debian".into() }, Use::Zfs { name: "rpool".into() }]);
    assert_eq!(uses_of_device(&facts, "nvme1n1p1"), zfs);
    assert_eq!(uses_of_device(&facts, "nvme1n1p2"), [Use::Mount { point: "/data".into() }].into());
    let linked = facts.storage.get().unwrap().device_at("/dev/disk/by-x").unwrap();
    assert_eq!(linked.links, ["disk/by-x"]);
}

#[test]
fn members_of_what_is_not_assembled_are_known_by_their_heads() {
    let member = |kind: &str| {
        let tree =
            nvme(Tree::new(), 2, "nvme0n1", 259).file("/run/udev/data/b259:2", &format!("E:ID_FS_TYPE={kind}\n"));
        let facts = facts_of(&tree, None);
        (uses_of_device(&facts, "nvme0n1"), uses_of_device(&facts, "nvme0n1p1"))
    };
    for kind in ["LVM2_member", "zfs_member", "linux_raid_member", "mpath_member"] {
        assert_eq!(member(kind), ([Use::Member { kind: kind.into() }].into(), BTreeSet::new()));
    }
    assert_eq!(member("ext4"), (BTreeSet::new(), BTreeSet::new()));
}

#[test]
fn pools_of_libvirt_are_traced_to_the_disks_below_them() {
    let tree = nvme(nvme(Tree::new(), 2, "nvme0n1", 259), 3, "nvme1n1", 260)
        .mapped("dm-0", "253:0", ("guests-web", "LVM-x"), &["nvme1n1p1"])
        .file(
            "/proc/self/mountinfo",
            "27 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n28 27 260:2 / /srv rw - ext4 /dev/nvme1n1p2 rw\n",
        );
    let mut facts = facts_of(&tree, None);
    let pools = serde_json::json!([
        {"name": "images", "kind": "dir", "path": "/srv/images"},
        {"name": "default", "kind": "dir", "path": "/srvother"},
        {"name": "guests", "kind": "logical", "path": "/dev/guests"},
        {"name": "far", "kind": "iscsi", "path": "/dev/disk/by-path"},
    ]);
    let known = |mut pool: serde_json::Value| {
        let common = serde_json::json!({"uuid": "", "active": true, "autostart": true, "capacity": 1, "allocation": 0,
            "available": 1, "volumes": {"unknown": {"why": "not asked yet"}}});
        pool.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
        serde_json::from_value(pool).unwrap()
    };
    let pools = pools.as_array().unwrap().iter().cloned().map(known).collect();
    facts.pools = vmbuild::facts::Fact::known(pools, vmbuild::facts::Provenance::Libvirt("test".into()), 0);
    let pool = |name: &str| Use::Pool { name: name.into() };
    let (first, second) = (uses_of(&facts, "02:00.0"), uses_of(&facts, "03:00.0"));
    assert!(first.contains(&pool("default")) && !first.contains(&pool("images")));
    assert!(second.contains(&pool("images")) && second.contains(&pool("guests")) && !second.contains(&pool("default")));
    assert!(!uses(&facts).values().any(|uses| uses.contains(&pool("far"))));
}

#[test]
fn a_drive_with_several_paths_hangs_on_every_controller() {
    let mut tree = Tree::new();
    for (bus, controller) in [(2, "nvme0"), (3, "nvme1")] {
        let place = format!("pci0000:00/0000:00:1d.0/0000:{bus:02x}:00.0");
        tree = tree.function(&place, "10802", &[]).folder(&format!("/sys/devices/{place}/nvme/{controller}")).link(
            &format!("/sys/class/nvme-subsystem/nvme-subsys0/{controller}"),
            &format!("/sys/devices/{place}/nvme/{controller}"),
        );
    }
    let tree = tree
        .block("virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "259:0")
        // A single path, which cannot be opened.
        .folder("/sys/class/block/nvme0c0n1")
        .file("/proc/self/mountinfo", "27 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
    let facts = facts_of(&tree, None);
    let root = BTreeSet::from([Use::Root { device: "/dev/nvme0n1".into() }]);
    assert_eq!(facts.storage.get().unwrap().devices.len(), 1);
    assert_eq!((uses_of(&facts, "02:00.0"), uses_of(&facts, "03:00.0")), (root.clone(), root));
}
