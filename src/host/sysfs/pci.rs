//! The scan of PCI functions. At most four system calls per function, relative to one open folder; `config` is never
//! read: it traps, and it wakes sleeping devices.

use crate::facts::{PciClass, PciDevice};
use crate::host::Sysroot;
use crate::units::PciAddress;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{Dir, Mode, OFlags, openat, readlinkat};
use std::io;

/// Where the functions are listed.
pub const DEVICES: &str = "/sys/bus/pci/devices";

/// All PCI functions in address order, without names.
pub fn scan(sysroot: &Sysroot) -> io::Result<Vec<PciDevice>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder: OwnedFd = rustix::fs::open(sysroot.path(DEVICES), flags, Mode::empty())?;
    let several_nodes = sysroot.exists("/sys/devices/system/node/node1");
    let mut addresses = Vec::new();
    for entry in Dir::read_from(&folder)? {
        addresses.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse::<PciAddress>().ok()));
    }
    addresses.sort_unstable();
    let mut devices: Vec<PciDevice> = Vec::with_capacity(addresses.len());
    let mut buffer = [0; LARGEST];
    let mut function = Function { folder: rustix::fd::AsFd::as_fd(&folder), name: String::new(), buffer: &mut buffer };
    let mut first_shown = false;
    for address in addresses {
        function.name = address.to_string();
        let Some(mut device) = function.read(address, several_nodes) else { continue };
        if device.kind() == PciClass::Gpu {
            device.boot_vga = function.boot_vga(&device, first_shown);
            first_shown |= device.boot_vga == Some(true);
        }
        devices.push(device);
    }
    Ok(devices)
}

/// The driver that holds a function now.
pub fn driver(sysroot: &Sysroot, address: PciAddress) -> Option<String> {
    let link = std::fs::read_link(sysroot.path(&format!("{DEVICES}/{address}/driver"))).ok()?;
    link.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// No attribute that is read here is longer: sysfs gives a page at most.
const LARGEST: usize = 4096;

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
        if several_nodes && device.kind() != PciClass::Bridge {
            // -1 is the kernel's word for "not known", and no number that parses here.
            device.numa_node = self.attribute("numa_node").and_then(|text| text.trim().parse().ok());
        }
        Some(device)
    }

    /// Whether the firmware shows itself on this GPU. It does on one alone (`first_shown`: it was found), and the kernel
    /// tells it of VGA controllers alone.
    fn boot_vga(&mut self, device: &PciDevice, first_shown: bool) -> Option<bool> {
        let vga = device.class >> 8 == 0x0300;
        if first_shown || !vga { Some(false) } else { self.attribute("boot_vga").map(|text| text.trim() == "1") }
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
}
