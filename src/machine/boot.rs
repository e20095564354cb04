//! The kernel that is started without a boot loader, and where it finds its root file system.

use super::{Choice, Disk, DiskOrigin, Location, location, target};
use crate::facts::Facts;
use crate::spec::{DiskDevice, Place, Spec, filled};

/// A kernel that QEMU starts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectBoot {
    /// Where it is; `None` where its path is refused.
    pub kernel: Option<Location>,
    /// Its initial RAM disk; `None` where there is none, or its path is refused.
    pub initrd: Option<Location>,
    /// Its command line.
    pub args: Choice<String>,
    /// The disk with its root file system, where vmbuild has told the kernel of one.
    pub root: Option<Place>,
}

/// The kernel asked for, if there is one.
pub(super) fn direct(spec: &Spec, facts: &Facts, disks: &[Disk]) -> Option<DirectBoot> {
    let boot = spec.boot.as_ref()?;
    let kernel = filled(boot.kernel.as_deref())?;
    let pool = spec.storage.as_ref().and_then(|storage| storage.default_pool.as_deref()).unwrap_or_default();
    let at = |path: &str| location::existing(path, pool, facts);
    let (args, root) = command_line(spec, filled(boot.args.as_deref()).unwrap_or_default(), disks);
    Some(DirectBoot {
        kernel: at(kernel),
        initrd: filled(boot.initrd.as_deref()).and_then(at),
        args,
        root: root.map(|disk| disk.place.clone()),
    })
}

/// The command line asked for, with the root disk added where it names none.
fn command_line<'a>(spec: &Spec, asked: &str, disks: &'a [Disk]) -> (Choice<String>, Option<&'a Disk>) {
    let place = Place::root().key("boot").key("args");
    if asked.split_whitespace().any(|word| word.starts_with("root=")) {
        return (Choice::asked(asked.to_owned(), place), None);
    }
    let Some((disk, marked)) = root(spec, disks) else { return (Choice::asked(asked.to_owned(), place), None) };
    let mode = if disk.readonly { "ro" } else { "rw" };
    let line = format!("{asked} root=/dev/{} {mode}", guest_name(disk, disks)).trim().to_owned();
    let why = if marked { "root= is the disk marked as root" } else { "root= is the first disk: none is marked" };
    (Choice::default(line, why), Some(disk))
}

/// The disk marked as root, else the first one; and whether it was marked.
fn root<'a>(spec: &Spec, disks: &'a [Disk]) -> Option<(&'a Disk, bool)> {
    let rows = spec.storage.as_ref().and_then(|storage| storage.disks.as_deref()).unwrap_or_default();
    let mark = |disk: &Disk| rows.get(disk.place.row_index()?)?.root;
    let hard = |disk: &&Disk| disk.device == DiskDevice::Disk && !matches!(disk.origin, DiskOrigin::Seed { .. });
    let marked = disks.iter().filter(hard).find(|disk| mark(disk) == Some(true));
    let first = || disks.iter().filter(hard).find(|disk| mark(disk).is_none());
    marked.map(|disk| (disk, true)).or_else(|| first().map(|disk| (disk, false)))
}

/// The name under which Linux finds the disk: it counts those that are there, whatever letters their targets have.
fn guest_name(disk: &Disk, disks: &[Disk]) -> String {
    let prefix = disk.bus.value.prefix();
    let same = |other: &&Disk| other.device == DiskDevice::Disk && other.bus.value.prefix() == prefix;
    let position = |disk: &Disk| target::index(&disk.target.value);
    let before = disks.iter().filter(same).filter(|other| position(other) < position(disk)).count();
    format!("{prefix}{}", target::letters(before))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::needless_pass_by_value)]
    use crate::facts::Facts;
    use crate::machine::machine;
    use serde_json::{Value, json};

    fn args(boot: Value, disks: Value) -> String {
        let spec = json!({"boot": boot, "storage": {"disks": disks}});
        machine(&serde_json::from_value(spec).unwrap(), &Facts::default()).direct_boot.unwrap().args.value
    }

    #[test]
    fn the_root_disk_is_the_marked_one_or_the_first() {
        let disks = |second: Value| json!([{"action": "attach", "path": "/a"}, second]);
        let boot = || json!({"kernel": "/k", "args": "console=ttyS0"});
        let second = json!({"action": "attach", "path": "/b", "readonly": true});
        assert_eq!(args(boot(), disks(second)), "console=ttyS0 root=/dev/vda rw");
        let second = json!({"action": "attach", "path": "/b", "readonly": true, "root": true});
        assert_eq!(args(boot(), disks(second)), "console=ttyS0 root=/dev/vdb ro");
        assert_eq!(args(json!({"kernel": "/k"}), json!([{"path": "/a", "root": false}])), "");
        let own = json!({"kernel": "/k", "args": "root=LABEL=x"});
        assert_eq!(args(own, disks(json!({"path": "/b", "root": true}))), "root=LABEL=x");
    }

    #[test]
    fn linux_counts_the_disks_that_are_there() {
        let disks = json!([{"path": "/a", "target": "vdc", "root": true}, {"path": "/b", "target": "vdb"},
            {"path": "/c", "bus": "sata"}]);
        assert_eq!(args(json!({"kernel": "/k"}), disks), "root=/dev/vdb rw");
    }

    #[test]
    fn without_a_kernel_nothing_is_booted_directly() {
        let spec = serde_json::from_value(json!({"boot": {"args": "quiet", "initrd": "/i"}})).unwrap();
        assert_eq!(machine(&spec, &Facts::default()).direct_boot, None);
    }
}
