//! The scan of PCI functions. At most four system calls per function, relative to one open folder; `config` is never
//! read: it traps, and it wakes sleeping devices.

use crate::facts::pci_details::HeaderType;
use crate::facts::{PciClass, PciDevice};
use crate::host::Sysroot;
use crate::units::PciAddress;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Access, AtFlags, Dir, Mode, OFlags, accessat, openat, readlinkat};
use std::io;
use std::num::NonZero;
use std::thread;

/// Where the functions are listed.
pub const DEVICES: &str = "/sys/bus/pci/devices";

/// A thread of its own pays off for as many functions as this: to start one takes as long as to read a few dozen.
const SHARE: usize = 200;
/// More than this do not make the kernel answer faster.
const MOST_THREADS: usize = 4;

/// All PCI functions in address order, without names.
pub fn scan(sysroot: &Sysroot) -> io::Result<Vec<PciDevice>> {
    scan_with(sysroot, threads_for)
}

/// How many threads read `functions` functions.
fn threads_for(functions: usize) -> usize {
    let wanted = (functions / SHARE).min(MOST_THREADS);
    // To ask how many processors there are costs more than a small host.
    if wanted < 2 { 1 } else { wanted.min(thread::available_parallelism().map_or(1, NonZero::get)) }
}

/// What is found does not depend on the number of threads.
fn scan_with(sysroot: &Sysroot, threads: impl Fn(usize) -> usize) -> io::Result<Vec<PciDevice>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder: OwnedFd = rustix::fs::open(sysroot.path(DEVICES), flags, Mode::empty())?;
    let several_nodes = sysroot.exists("/sys/devices/system/node/node1");
    let mut addresses = Vec::new();
    for entry in Dir::read_from(&folder)? {
        addresses.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse::<PciAddress>().ok()));
    }
    addresses.sort_unstable();
    let share = addresses.len().div_ceil(threads(addresses.len()).max(1)).max(1);
    let read = |share| read_all(folder.as_fd(), share, several_nodes);
    let mut devices = thread::scope(|scope| {
        let mut shares = addresses.chunks(share);
        let own = shares.next().unwrap_or_default();
        let start = |share| (share, thread::Builder::new().spawn_scoped(scope, move || read(share)).ok());
        let others: Vec<_> = shares.map(start).collect();
        let mut devices = read(own);
        for (share, thread) in others {
            // What no other thread could be had for is read by this one.
            devices.extend(thread.and_then(|thread| thread.join().ok()).unwrap_or_else(|| read(share)));
        }
        devices
    });
    find_boot_display(folder.as_fd(), &mut devices);
    Ok(devices)
}

/// The functions at `addresses`, as far as they are still there.
fn read_all(folder: BorrowedFd, addresses: &[PciAddress], several_nodes: bool) -> Vec<PciDevice> {
    let mut buffer = [0; LARGEST];
    let mut function = Function { folder, name: String::new(), buffer: &mut buffer };
    let read = |address: &PciAddress| {
        function.name = address.to_string();
        function.read(*address, several_nodes)
    };
    addresses.iter().filter_map(read).collect()
}

/// Looks for the GPU on which the firmware shows itself. It does on one alone, so that none is asked after it is found; and
/// the kernel tells it of VGA controllers alone.
fn find_boot_display(folder: BorrowedFd, devices: &mut [PciDevice]) {
    let mut buffer = [0; LARGEST];
    let mut found = false;
    for device in devices.iter_mut().filter(|device| device.kind() == PciClass::Gpu) {
        let vga = device.class >> 8 == 0x0300;
        let mut function = Function { folder, name: device.address.to_string(), buffer: &mut buffer };
        let mut shown = || function.attribute("boot_vga").map(|text| text.trim() == "1");
        device.boot_vga = if found || !vga { Some(false) } else { shown() };
        found |= device.boot_vga == Some(true);
    }
}

/// The driver that holds a function now.
pub fn driver(sysroot: &Sysroot, address: PciAddress) -> Option<String> {
    let link = std::fs::read_link(sysroot.path(&format!("{DEVICES}/{address}/driver"))).ok()?;
    link.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// No attribute that is read here is longer: sysfs gives a page at most.
const LARGEST: usize = 4096;

/// An attribute that the kernel shows of bridges alone, by their header.
pub(super) const BEHIND: &str = "secondary_bus_number";

/// One function's folder.
struct Function<'a> {
    folder: BorrowedFd<'a>,
    name: String,
    /// For attributes: to clear one for each would take longer than to read them.
    buffer: &'a mut [u8; LARGEST],
}

impl Function<'_> {
    /// `None` where the function vanished meanwhile.
    fn read(&mut self, address: PciAddress, several_nodes: bool) -> Option<PciDevice> {
        let mut device = match self.attribute("uevent") {
            Some(text) => from_uevent(address, text)?,
            None => self.read_attributes(address)?,
        };
        device.iommu_group = self.link("iommu_group").and_then(|group| group.parse().ok());
        if device.class >> 16 == 6 && device.kind() != PciClass::Bridge && self.has(BEHIND) {
            device.header = Some(HeaderType::Bridge);
        }
        if several_nodes && device.kind() != PciClass::Bridge {
            // -1 is the kernel's word for "not known", and no number that parses here.
            device.numa_node = self.attribute("numa_node").and_then(|text| text.trim().parse().ok());
        }
        Some(device)
    }

    /// For trees recorded without `uevent`.
    fn read_attributes(&mut self, address: PciAddress) -> Option<PciDevice> {
        let driver = self.link("driver");
        let mut hex = |name| self.attribute(name).and_then(|text| number(text.trim().trim_start_matches("0x")));
        let class = hex("class")?;
        let mut short = |name| hex(name).and_then(|n| u16::try_from(n).ok());
        let subsystem = short("subsystem_vendor").zip(short("subsystem_device"));
        Some(PciDevice { subsystem, driver, ..empty(address, class, short("vendor")?, short("device")?) })
    }

    /// Whether there is an attribute. To look does not wake the device, as to read this one would.
    fn has(&self, attribute: &str) -> bool {
        accessat(self.folder, format!("{}/{attribute}", self.name), Access::EXISTS, AtFlags::empty()).is_ok()
    }

    /// A small attribute in one read, as sysfs delivers it.
    fn attribute(&mut self, attribute: &str) -> Option<&str> {
        let path = format!("{}/{attribute}", self.name);
        let file = openat(self.folder, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let length = rustix::io::read(&file, self.buffer.as_mut_slice()).ok()?;
        std::str::from_utf8(self.buffer.get(..length)?).ok()
    }

    /// The last part of a link's target.
    fn link(&self, link: &str) -> Option<String> {
        let target = readlinkat(self.folder, format!("{}/{link}", self.name), Vec::new()).ok()?;
        target.to_str().ok()?.rsplit('/').next().map(str::to_owned)
    }
}

/// From lines such as `PCI_CLASS=30000` and `PCI_ID=10DE:2704`.
fn from_uevent(address: PciAddress, text: &str) -> Option<PciDevice> {
    let (mut driver, mut class, mut ids, mut subsystem) = (None, None, None, None);
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "DRIVER" => driver = Some(value.to_owned()),
            "PCI_CLASS" => class = number(value),
            "PCI_ID" => ids = pair(value),
            "PCI_SUBSYS_ID" => subsystem = pair(value).filter(|ids| *ids != (0, 0)),
            _ => {}
        }
    }
    let (vendor, device) = ids?;
    Some(PciDevice { subsystem, driver, ..empty(address, class?, vendor, device) })
}

/// `10DE:2704`.
fn pair(text: &str) -> Option<(u16, u16)> {
    let (vendor, device) = text.split_once(':')?;
    Some((u16::try_from(number(vendor)?).ok()?, u16::try_from(number(device)?).ok()?))
}

fn number(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

/// A function of which only the identity is known.
pub(crate) fn empty(address: PciAddress, class: u32, vendor: u16, device: u16) -> PciDevice {
    PciDevice {
        address,
        class,
        vendor,
        device,
        subsystem: None,
        vendor_name: None,
        device_name: None,
        driver: None,
        iommu_group: None,
        numa_node: None,
        boot_vga: None,
        header: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const UEVENT: &str = "DRIVER=vfio-pci\nPCI_CLASS=30000\nPCI_ID=10DE:2704\nPCI_SUBSYS_ID=1043:88E2\n\
                          PCI_SLOT_NAME=0000:01:00.0\nMODALIAS=pci:v000010DE\n";

    #[test]
    fn one_read_of_uevent_tells_identity_and_driver() {
        let device = from_uevent("01:00.0".parse().unwrap(), UEVENT).unwrap();
        assert_eq!((device.class, device.ids().as_str()), (0x03_0000, "10de:2704"));
        assert_eq!(device.subsystem, Some((0x1043, 0x88e2)));
        assert_eq!(device.driver.as_deref(), Some("vfio-pci"));
    }

    #[test]
    fn a_function_without_driver_or_subsystem_is_still_a_function() {
        let device =
            from_uevent("00:00.0".parse().unwrap(), "PCI_CLASS=60000\nPCI_ID=8086:0D57\nPCI_SUBSYS_ID=0000:0000");
        let device = device.unwrap();
        assert_eq!((device.driver, device.subsystem), (None, None));
        assert_eq!(from_uevent("00:00.0".parse().unwrap(), "PCI_CLASS=zz\nPCI_ID=8086:0D57"), None);
    }

    #[test]
    fn a_tree_is_scanned_in_address_order_with_its_groups() {
        let tree = tempfile::tempdir().unwrap();
        let groups = tree.path().join("sys/kernel/iommu_groups/16");
        std::fs::create_dir_all(&groups).unwrap();
        for (name, vga) in [("0000:01:00.0", true), ("0000:00:1f.3", false)] {
            let folder = tree.path().join("sys/bus/pci/devices").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("uevent"), if vga { UEVENT } else { "PCI_CLASS=40300\nPCI_ID=8086:7AD0" })
                .unwrap();
            std::os::unix::fs::symlink("../../../../kernel/iommu_groups/16", folder.join("iommu_group")).unwrap();
            std::fs::write(folder.join("boot_vga"), "1\n").unwrap();
        }
        let devices = scan(&Sysroot::new(tree.path())).unwrap();
        let seen: Vec<_> = devices.iter().map(|d| (d.address.short(), d.iommu_group, d.boot_vga)).collect();
        assert_eq!(seen, [("00:1f.3".into(), Some(16), None), ("01:00.0".into(), Some(16), Some(true))]);
    }

    #[test]
    fn what_is_found_does_not_depend_on_the_number_of_threads() {
        let tree = tempfile::tempdir().unwrap();
        for number in 0..64_u8 {
            let name = format!("0000:{:02x}:{:02x}.{}", number / 16, number / 8 % 2, number % 8);
            let folder = tree.path().join("sys/bus/pci/devices").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let class = if number % 3 == 0 { "30000" } else { "40300" };
            let driver = if number % 5 == 0 { "DRIVER=vfio-pci\n" } else { "" };
            std::fs::write(folder.join("uevent"), format!("{driver}PCI_CLASS={class}\nPCI_ID=10DE:27{number:02X}\n"))
                .unwrap();
            std::os::unix::fs::symlink(format!("../groups/{}", number / 2), folder.join("iommu_group")).unwrap();
            std::fs::write(folder.join("boot_vga"), if number == 33 { "1\n" } else { "0\n" }).unwrap();
        }
        let sysroot = Sysroot::new(tree.path());
        let alone = scan_with(&sysroot, |_| 1).unwrap();
        assert_eq!(alone.len(), 64);
        let shown = alone.iter().filter(|device| device.boot_vga == Some(true)).map(|device| device.device);
        assert_eq!(shown.collect::<Vec<_>>(), [0x2721]);
        for threads in [0, 2, 3, 4, 7, 64, 200] {
            assert_eq!(scan_with(&sysroot, |_| threads).unwrap(), alone, "{threads} threads");
        }
    }

    #[test]
    fn small_hosts_are_read_by_one_thread_and_none_by_more_than_four() {
        assert_eq!([0, 1, 64, 399].map(threads_for), [1, 1, 1, 1]);
        assert!(threads_for(512) <= 2 && threads_for(100_000) <= 4);
    }
}
