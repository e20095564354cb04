//! Trees that stand for a host's root, put together piece by piece: files, links, PCI functions, disks, interfaces.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use vmbuild::host::Sysroot;

/// A tree; it goes with the value. Paths are absolute as on the host.
pub(crate) struct Tree(TempDir);

impl Tree {
    /// A host without anything.
    pub(crate) fn new() -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        for folder in ["/sys/bus/pci/devices", "/sys/class/block", "/sys/class/net", "/sys/module", "/proc", "/etc"] {
            fs::create_dir_all(tree.path(folder)).expect("a folder");
        }
        // No names: the machine's own list would be read instead.
        tree.file("/usr/share/misc/pci.ids", "# empty\n")
    }

    pub(crate) fn sysroot(&self) -> Sysroot {
        Sysroot::new(self.0.path())
    }

    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.0.path().join(absolute.trim_start_matches('/'))
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        self.bytes(path, text.as_bytes())
    }

    pub(crate) fn bytes(self, path: &str, bytes: &[u8]) -> Self {
        let real = self.path(path);
        fs::create_dir_all(real.parent().expect("a parent")).expect("a folder");
        fs::write(real, bytes).expect("a file");
        self
    }

    pub(crate) fn folder(self, path: &str) -> Self {
        fs::create_dir_all(self.path(path)).expect("a folder");
        self
    }

    /// A link whose target is absolute as on the host; it is written relative to itself, as in sysfs.
    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        let real = self.path(path);
        fs::create_dir_all(real.parent().expect("a parent")).expect("a folder");
        let up = "../".repeat(Path::new(path).components().count() - 2);
        symlink(format!("{up}{}", target.trim_start_matches('/')), real).expect("a link");
        self
    }

    /// A link with a target that is no path of the tree, such as those of open files.
    pub(crate) fn raw_link(self, path: &str, target: &str) -> Self {
        let real = self.path(path);
        fs::create_dir_all(real.parent().expect("a parent")).expect("a folder");
        symlink(target, real).expect("a link");
        self
    }

    /// Something that whoever opens it waits at for ever: proof that nobody does.
    pub(crate) fn trap(self, path: &str) -> Self {
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, self.path(path), kind, 0o600.into(), 0).expect("a FIFO");
        self
    }

    /// A PCI function at `place` below /sys/devices, such as `pci0000:00/0000:00:01.0/0000:01:00.0`, as the kernel shows
    /// it, with these attributes over the common ones.
    pub(crate) fn function(self, place: &str, class: &str, attributes: &[(&str, &str)]) -> Self {
        let (folder, address) = (format!("/sys/devices/{place}"), place.rsplit('/').next().expect("an address"));
        let mut tree = self.link(&format!("/sys/bus/pci/devices/{address}"), &folder);
        let uevent = format!("PCI_CLASS={class}\nPCI_ID=10DE:2704\nPCI_SLOT_NAME={address}\n");
        let common = [
            ("uevent", uevent.as_str()),
            ("class", class),
            ("resource", ""),
            ("power_state", "D0\n"),
            ("d3cold_allowed", "1\n"),
            ("revision", "0xa1\n"),
            ("irq", "0\n"),
            ("driver_override", "(null)\n"),
        ];
        for (name, text) in common.iter().chain(attributes) {
            tree = tree.file(&format!("{folder}/{name}"), text);
        }
        tree
    }

    /// A block device at `place` below /sys/devices, with its number.
    pub(crate) fn block(self, place: &str, number: &str) -> Self {
        let name = place.rsplit('/').next().expect("a name").to_owned();
        let folder = format!("/sys/devices/{place}");
        let tree = self.link(&format!("/sys/class/block/{name}"), &folder);
        tree.file(&format!("{folder}/dev"), number).file(&format!("{folder}/size"), "2097152\n")
    }

    /// A block device of device mapper with what it lies on.
    pub(crate) fn mapped(self, name: &str, number: &str, called: (&str, &str), below: &[&str]) -> Self {
        let folder = format!("/sys/devices/virtual/block/{name}");
        let mut tree = self.block(&format!("virtual/block/{name}"), number);
        tree = tree.file(&format!("{folder}/dm/name"), called.0).file(&format!("{folder}/dm/uuid"), called.1);
        for slave in below {
            tree = tree.link(&format!("{folder}/slaves/{slave}"), &format!("/sys/class/block/{slave}"));
        }
        tree
    }

    /// A network interface at `place` below /sys/devices.
    pub(crate) fn interface(self, place: &str) -> Self {
        let name = place.rsplit('/').next().expect("a name").to_owned();
        let folder = format!("/sys/devices/{place}");
        let tree = self.link(&format!("/sys/class/net/{name}"), &folder);
        tree.file(&format!("{folder}/address"), "52:54:00:00:00:01\n").file(&format!("{folder}/operstate"), "up\n")
    }
}
