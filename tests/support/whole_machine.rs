//! Machines whose reports tell more than groups (`tests/machines/whole`): drivers, bridges, ways to reset, virtual functions,
//! kernel, boot chain. Written as the tree that stands for the host's root, so that the program reads what it would there.
//!
//! What a report left out is what the kernel would do by itself: the driver follows from the class, a reset from class and
//! function.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A machine and what its report tells.
#[derive(serde::Deserialize)]
#[serde(default)]
pub(crate) struct WholeMachine {
    pub(crate) slug: String,
    /// Boot chain, by the name of [`BOOT_CHAINS`].
    os: String,
    /// x86_64 or another architecture.
    arch: String,
    cpu_vendor: Option<String>,
    cpu_bits: u32,
    iommu_bits: Option<u32>,
    /// SMBIOS number of the case.
    chassis: u32,
    /// DMAR, IVRS, IORT or none.
    table: Option<String>,
    /// True where the kernel made no IOMMU groups.
    groups_off: bool,
    kernel: String,
    cmdline: String,
    loaded: Vec<String>,
    /// Interface of the default route.
    route: Option<String>,
    groups: Vec<WholeGroup>,
}

#[derive(serde::Deserialize)]
struct WholeGroup {
    id: u32,
    devices: Vec<WholeDevice>,
}

/// One function; ids and class (16 bits) are hexadecimal.
#[derive(serde::Deserialize)]
struct WholeDevice {
    address: String,
    class: String,
    vendor_id: String,
    device_id: String,
    driver: Option<String>,
    /// True where no driver is bound, and none is to be assumed.
    #[serde(default)]
    nodriver: bool,
    /// The bridge above.
    parent: Option<String>,
    physfn: Option<String>,
    /// Start, size and flags of each BAR.
    #[serde(default)]
    bars: Vec<(u64, u64, String)>,
    /// Masks of sizes by BAR.
    #[serde(default)]
    resize: BTreeMap<String, String>,
    /// The kernel's words; empty for none.
    reset_method: Option<String>,
    #[serde(default)]
    boot_vga: bool,
    rom: Option<bool>,
    #[serde(default)]
    removable: bool,
    sriov_total: Option<u32>,
    netdev: Option<String>,
}

impl Default for WholeMachine {
    fn default() -> Self {
        Self {
            slug: String::new(),
            os: "debian-grub".into(),
            arch: "x86_64".into(),
            cpu_vendor: None,
            cpu_bits: 48,
            iommu_bits: None,
            chassis: 3,
            table: None,
            groups_off: false,
            kernel: "6.12.0".into(),
            cmdline: "quiet".into(),
            loaded: Vec::new(),
            route: None,
            groups: Vec::new(),
        }
    }
}

/// Files that show a boot chain: path and text.
type Marks = &'static [(&'static str, &'static str)];

const BOOT_CHAINS: [(&str, Marks); 11] = [
    ("debian-grub", &[("etc/os-release", "ID=debian\nNAME=Debian"), GRUB, ("usr/sbin/mkinitramfs", "")]),
    ("mint", &[("etc/os-release", "ID=linuxmint\nNAME=\"Linux Mint\""), GRUB, ("usr/sbin/mkinitramfs", "")]),
    (
        "proxmox-systemd",
        &[("etc/os-release", "ID=debian"), ("etc/kernel/proxmox-boot-uuids", "A-B"), ("usr/sbin/mkinitramfs", "")],
    ),
    ("fedora", &[("etc/os-release", "ID=fedora\nNAME=Fedora"), ("usr/sbin/grubby", ""), ("usr/bin/dracut", "")]),
    (
        "silverblue",
        &[("etc/os-release", "ID=fedora"), ("run/ostree-booted", ""), ("usr/sbin/grubby", ""), ("usr/bin/dracut", "")],
    ),
    ("nixos", &[("etc/os-release", "ID=nixos\nNAME=NixOS"), ("etc/NIXOS", "")]),
    (
        "arch-grub",
        &[
            ("etc/os-release", "ID=arch"),
            ("usr/bin/grub-mkconfig", ""),
            ("boot/grub/grub.cfg", ""),
            ("usr/bin/mkinitcpio", ""),
        ],
    ),
    (
        "arch-sdboot",
        &[("etc/os-release", "ID=arch"), ("boot/loader/entries/arch.conf", "options rw"), ("usr/bin/mkinitcpio", "")],
    ),
    (
        "cachyos-limine",
        &[
            ("etc/os-release", "ID=cachyos"),
            ("boot/limine.conf", ""),
            ("etc/default/limine", ""),
            ("usr/bin/limine-mkinitcpio", ""),
            ("usr/bin/mkinitcpio", ""),
        ],
    ),
    (
        "void",
        &[
            ("etc/os-release", "ID=void"),
            ("usr/bin/grub-mkconfig", ""),
            ("boot/grub/grub.cfg", ""),
            ("usr/bin/dracut", ""),
        ],
    ),
    ("unraid", &[("etc/os-release", "ID=slackware\nNAME=Unraid"), ("etc/unraid-version", "7")]),
];
const GRUB: (&str, &str) = ("usr/sbin/update-grub", "");

impl WholeMachine {
    /// One machine by its slug.
    pub(crate) fn load(slug: &str) -> Self {
        Self::read(&folder().join(format!("{slug}.json")))
    }

    /// All machines, by slug.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir(folder()).expect("machines");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The same with another boot chain.
    pub(crate) fn booting(self, os: &str) -> Self {
        Self { os: os.into(), ..self }
    }

    /// From the text of a listing.
    pub(crate) fn parse(text: &str) -> Self {
        serde_json::from_str(text).expect("a machine")
    }

    fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).expect("a machine"))
    }

    fn devices(&self) -> impl Iterator<Item = (u32, &WholeDevice)> {
        self.groups.iter().flat_map(|group| group.devices.iter().map(|device| (group.id, device)))
    }

    fn is_amd(&self) -> bool {
        self.devices().any(|(_, device)| device.vendor_id == "1022")
    }

    /// Writes the tree; it goes with the value.
    pub(crate) fn tree(&self) -> TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let folders =
            ["bus/pci/devices", "bus/pci/drivers", "kernel/iommu_groups", "class/net", "class/block", "class/drm"];
        for folder in folders.into_iter().chain(["class/iommu", "module", "firmware/acpi/tables", "bus/usb/devices"]) {
            fs::create_dir_all(root.path().join("sys").join(folder)).expect("a folder");
        }
        let tree = TreeFiles(root.path());
        self.write_processor(&tree);
        self.write_kernel(&tree);
        let chain = BOOT_CHAINS.iter().find(|(name, _)| *name == self.os).expect("a known boot chain");
        for (path, text) in chain.1 {
            tree.file(path, text);
        }
        for (group, device) in self.devices() {
            self.write_device(&tree, group, device);
        }
        root
    }

    fn write_processor(&self, tree: &TreeFiles) {
        let usual = if self.is_amd() { "AuthenticAMD" } else { "GenuineIntel" };
        let vendor = self.cpu_vendor.as_deref().unwrap_or(usual);
        let table = self.table.clone().unwrap_or_else(|| if self.is_amd() { "IVRS".into() } else { "DMAR".into() });
        if table != "none" {
            tree.file(&format!("sys/firmware/acpi/tables/{table}"), "");
        }
        if self.arch == "x86_64" {
            let flag = if vendor == "AuthenticAMD" { "svm" } else { "vmx" };
            let sizes = format!("{} bits physical, 48 bits virtual", self.cpu_bits);
            tree.file("proc/cpuinfo", &format!("vendor_id : {vendor}\nflags : fpu {flag}\naddress sizes : {sizes}\n"));
            tree.file("proc/interrupts", " 9: 0 IR-IO-APIC 9-fasteoi acpi\n");
        } else {
            tree.file("proc/cpuinfo", "processor : 0\nFeatures : fp asimd\nCPU implementer : 0x41\n");
            let line = |(_, device): (u32, &WholeDevice)| format!(" 90: 0 ITS-PCI-MSIX-{} 0 Edge x\n", device.address);
            tree.file("proc/interrupts", &self.devices().map(line).collect::<Vec<_>>().concat());
        }
        if table == "DMAR" {
            let bits = u64::from(self.iommu_bits.unwrap_or(self.cpu_bits)) - 1;
            tree.file("sys/class/iommu/dmar0/intel-iommu/cap", &format!("{:x}", bits << 16));
        }
    }

    fn write_kernel(&self, tree: &TreeFiles) {
        let release = self.kernel.split(' ').next().unwrap_or_default();
        tree.file("proc/sys/kernel/osrelease", release);
        tree.file("proc/cmdline", &self.cmdline);
        tree.file("proc/meminfo", "MemTotal:       65536000 kB\nMemAvailable:   50000000 kB\n");
        tree.file("proc/swaps", "Filename Type Size Used Priority\n");
        for empty in ["proc/self/mountinfo", "proc/bus/input/devices", "proc/net/ipv6_route", "proc/iomem"] {
            tree.file(empty, "");
        }
        let route = self.route.as_ref().map(|name| format!("{name}\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n"));
        tree.file("proc/net/route", &format!("Iface\tDestination\tGateway\n{}", route.unwrap_or_default()));
        tree.file("sys/class/dmi/id/chassis_type", &self.chassis.to_string());
        tree.file("sys/kernel/security/lockdown", "[none] integrity confidentiality");
        let modules = ["vfio_pci", "vfio", "vfio_iommu_type1", "amdgpu", "snd_hda_intel"];
        let modules = modules.map(|module| format!("kernel/{module}.ko:\n")).concat();
        tree.file(&format!("lib/modules/{release}/modules.dep"), &modules);
        for module in &self.loaded {
            tree.file(&format!("sys/module/{module}/initstate"), "live");
        }
        fs::create_dir_all(tree.0.join("etc/modprobe.d")).expect("a folder");
        // No names: the machine's own list would be read instead.
        tree.file("usr/share/misc/pci.ids", "# empty\n");
    }

    /// Where a function is, below all its bridges.
    fn place(&self, address: &str) -> String {
        let device = self.devices().find(|(_, device)| device.address == address).map(|(_, device)| device);
        match device.and_then(|device| device.parent.as_deref()) {
            Some(parent) => format!("{}/{address}", self.place(parent)),
            None => format!("sys/devices/pci{}/{address}", &address[..7]),
        }
    }

    fn write_device(&self, tree: &TreeFiles, group: u32, device: &WholeDevice) {
        let place = self.place(&device.address);
        let file = |name: &str, text: &str| tree.file(&format!("{place}/{name}"), text);
        let link = |name: &str, target: &str| tree.link(&format!("{place}/{name}"), target);
        device.write_attributes(&file);
        tree.link(&format!("sys/bus/pci/devices/{}", device.address), &place);
        if let Some(driver) = device.bound() {
            let folder = format!("sys/bus/pci/drivers/{driver}");
            fs::create_dir_all(tree.0.join(&folder)).expect("a folder");
            link("driver", &folder);
        }
        if !self.groups_off {
            let own = format!("sys/kernel/iommu_groups/{group}");
            tree.file(&format!("{own}/type"), "DMA-FQ");
            tree.file(&format!("{own}/reserved_regions"), "0x00000000fee00000 0x00000000feefffff msi\n");
            link("iommu_group", &own);
            tree.link(&format!("{own}/devices/{}", device.address), &place);
        }
        if let Some(physical) = &device.physfn {
            link("physfn", &self.place(physical));
        }
        let virtual_functions = self.devices().filter(|(_, other)| other.physfn.as_ref() == Some(&device.address));
        for (number, (_, function)) in virtual_functions.enumerate() {
            link(&format!("virtfn{number}"), &self.place(&function.address));
        }
        if let Some(name) = &device.netdev {
            file(&format!("net/{name}/operstate"), "up");
            tree.link(&format!("sys/class/net/{name}"), &format!("{place}/net/{name}"));
            link(&format!("net/{name}/device"), &place);
        }
    }
}

impl WholeDevice {
    fn is(&self, classes: &[&str]) -> bool {
        classes.contains(&self.class.as_str())
    }

    /// The driver that is told, or the one that the kernel would bind.
    fn bound(&self) -> Option<String> {
        let usual = match (self.class.as_str(), self.vendor_id.as_str()) {
            ("0604", _) => "pcieport",
            ("0108", _) => "nvme",
            ("0106", _) => "ahci",
            ("0c03", _) => "xhci_hcd",
            ("0403", _) => "snd_hda_intel",
            ("1080", _) => "ccp",
            ("0300", "1002") => "amdgpu",
            ("0300", "10de") => "nouveau",
            ("0300", "8086") => "i915",
            ("0200" | "0280", _) => "nic",
            _ => "",
        };
        let usual = (!usual.is_empty() && !self.nodriver).then(|| usual.to_owned());
        self.driver.clone().or(usual)
    }

    fn resets(&self) -> String {
        let usual = match self.class.as_str() {
            "0108" | "0200" | "0302" => "flr bus",
            "0300" | "0106" if self.address.ends_with(".0") => "bus",
            "0c03" => "pm",
            _ => "",
        };
        self.reset_method.clone().unwrap_or_else(|| usual.into())
    }

    fn write_attributes(&self, file: &dyn Fn(&str, &str)) {
        let interface = if self.is(&["0c03"]) {
            "30"
        } else if self.is(&["0108"]) {
            "02"
        } else {
            "00"
        };
        let driver = self.bound().map(|driver| format!("DRIVER={driver}\n")).unwrap_or_default();
        let ids = format!("{}:{}", self.vendor_id, self.device_id).to_uppercase();
        let class = format!("{}{interface}", self.class);
        file("class", &format!("0x{class}"));
        file("uevent", &format!("{driver}PCI_CLASS={class}\nPCI_ID={ids}\nPCI_SLOT_NAME={}\n", self.address));
        let line = |(start, size, flags): &(u64, u64, String)| {
            format!("{start:#018x} {:#018x} {flags:>18}\n", start + size - 1)
        };
        file("resource", &self.bars.iter().map(line).collect::<Vec<_>>().concat());
        let resets = self.resets();
        if !resets.is_empty() {
            file("reset_method", &resets);
            file("reset", "");
        }
        let constant = [("power_state", "D0"), ("d3cold_allowed", "1"), ("revision", "0x00"), ("numa_node", "-1")];
        for (name, text) in constant {
            file(name, text);
        }
        let bridge = self.is(&["0604"]);
        file(if bridge { "secondary_bus_number" } else { "msi_irqs/24" }, "1");
        if self.class.starts_with("03") && self.rom.unwrap_or(true) {
            file("rom", &"U".repeat(1024));
        }
        if self.is(&["0300"]) {
            file("boot_vga", if self.boot_vga { "1" } else { "0" });
        }
        // Bus 0 is inside the chipset.
        if !self.address.contains(":00:") {
            let speeds = [("current_link_speed", "8.0 GT/s PCIe"), ("max_link_speed", "16.0 GT/s PCIe")];
            for (name, text) in speeds {
                file(name, text);
            }
            file("current_link_width", "16");
            file("max_link_width", "16");
        }
        if self.removable {
            file("removable", "removable");
        }
        if let Some(total) = self.sriov_total {
            file("sriov_totalvfs", &total.to_string());
        }
        for (bar, mask) in &self.resize {
            file(&format!("resource{bar}_resize"), mask);
        }
        if self.bound().is_some_and(|driver| driver.contains("vfio")) {
            file("vfio-dev/vfio0/dev", "");
        }
    }
}

/// Files and links below a root.
struct TreeFiles<'a>(&'a Path);

impl TreeFiles<'_> {
    fn file(&self, path: &str, text: &str) {
        let path = self.made(path);
        fs::write(path, text).expect("a file");
    }

    /// A link whose target is a path of the tree, written relative to itself as in sysfs.
    fn link(&self, path: &str, target: &str) {
        let up = "../".repeat(Path::new(path).components().count() - 1);
        symlink(format!("{up}{target}"), self.made(path)).expect("a link");
    }

    fn made(&self, path: &str) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        path
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/whole")
}
