//! Published machines (`tests/machines`) as trees that stand for a host's root: the parts of /sys and /proc that are read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A machine's listing: IOMMU groups with their devices, and where it was published.
#[derive(serde::Deserialize)]
pub(crate) struct Machine {
    /// File name without its ending.
    pub(crate) slug: String,
    /// Kernel command line, where published.
    pub(crate) cmdline: Option<String>,
    /// IOMMU groups.
    pub(crate) groups: Vec<Group>,
}

/// One IOMMU group.
#[derive(serde::Deserialize)]
pub(crate) struct Group {
    /// Number.
    pub(crate) id: u32,
    /// Members.
    pub(crate) devices: Vec<Device>,
}

/// One PCI function; ids and class (16 bits) are hexadecimal.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Device {
    pub(crate) address: String,
    pub(crate) class: String,
    pub(crate) vendor_id: String,
    #[allow(clippy::struct_field_names, reason = "the listings call it so")]
    pub(crate) device_id: String,
    pub(crate) driver: Option<String>,
    /// The physical function, of a virtual one.
    pub(crate) physfn: Option<String>,
}

/// Which files of a function the tree has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As the kernel shows it: `uevent` beside the single attributes.
    Kernel,
    /// Recorded without `uevent`.
    Attributes,
}

impl Machine {
    /// One machine by its slug.
    pub(crate) fn load(slug: &str) -> Self {
        Self::read(&folder().join(format!("{slug}.json")))
    }

    /// All machines, by slug.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths: Vec<_> =
            fs::read_dir(folder()).expect("machines").map(|entry| entry.expect("entry").path()).collect();
        paths.retain(|path| path.is_file());
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        serde_json::from_str(&fs::read_to_string(path).expect("a machine")).expect("a machine's listing")
    }

    /// The members of all groups, with the number of their group.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (u32, &Device)> {
        self.groups.iter().flat_map(|group| group.devices.iter().map(|device| (group.id, device)))
    }

    /// Writes the tree; it goes with the value.
    pub(crate) fn tree(&self, layout: Layout) -> TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let amd = self.devices().any(|(_, device)| device.vendor_id == "1022");
        let (table, vendor, flag) = if amd { ("IVRS", "AuthenticAMD", "svm") } else { ("DMAR", "GenuineIntel", "vmx") };
        write(root.path(), &format!("sys/firmware/acpi/tables/{table}"), "");
        write(root.path(), "proc/cmdline", self.cmdline.as_deref().unwrap_or("quiet"));
        write(root.path(), "proc/cpuinfo", &format!("processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu {flag}\n"));
        write(
            root.path(),
            "proc/meminfo",
            "MemTotal:       65536000 kB\nMemFree:        30000000 kB\nMemAvailable:   50000000 kB\n",
        );
        // No names: the machine's own list would be read instead, 50 times over.
        write(root.path(), "usr/share/misc/pci.ids", "# empty\n");
        for folder in ["sys/bus/pci/devices", "sys/bus/pci/drivers", "sys/kernel/iommu_groups", "sys/class/net"] {
            fs::create_dir_all(root.path().join(folder)).expect("a folder");
        }
        for (group, device) in self.devices() {
            device.write(root.path(), group, layout);
        }
        root
    }
}

impl Device {
    /// 24 bits: listings leave the programming interface out, and for these classes drivers look at it.
    pub(crate) fn full_class(&self) -> u32 {
        let interface = match self.class.as_str() {
            "0c03" => 0x30,
            "0108" => 0x02,
            _ => 0,
        };
        u32::from_str_radix(&self.class, 16).expect("a class") << 8 | interface
    }

    fn write(&self, root: &Path, group: u32, layout: Layout) {
        let bus = self.address.get(..7).expect("an address");
        let own = format!("sys/devices/pci{bus}/{}", self.address);
        let class = self.full_class();
        write(root, &format!("{own}/class"), &format!("{class:#08x}\n"));
        write(root, &format!("{own}/vendor"), &format!("0x{}\n", self.vendor_id));
        write(root, &format!("{own}/device"), &format!("0x{}\n", self.device_id));
        if layout == Layout::Kernel {
            let driver = self.driver.as_ref().map(|driver| format!("DRIVER={driver}\n")).unwrap_or_default();
            let ids = format!("{}:{}", self.vendor_id, self.device_id).to_uppercase();
            let text = format!(
                "{driver}PCI_CLASS={class:X}\nPCI_ID={ids}\nPCI_SUBSYS_ID=0000:0000\nPCI_SLOT_NAME={}\n",
                self.address
            );
            write(root, &format!("{own}/uevent"), &text);
        }
        let up = "../../..";
        link(root, &format!("{own}/iommu_group"), &format!("{up}/kernel/iommu_groups/{group}"));
        link(
            root,
            &format!("sys/bus/pci/devices/{}", self.address),
            &format!("{up}/devices/pci{bus}/{}", self.address),
        );
        let member = format!("sys/kernel/iommu_groups/{group}/devices/{}", self.address);
        link(root, &member, &format!("../{up}/devices/pci{bus}/{}", self.address));
        if let Some(driver) = &self.driver {
            fs::create_dir_all(root.join("sys/bus/pci/drivers").join(driver)).expect("a folder");
            link(root, &format!("{own}/driver"), &format!("{up}/bus/pci/drivers/{driver}"));
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines")
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn link(root: &Path, path: &str, target: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    symlink(target, path).expect("a link");
}
