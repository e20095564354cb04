//! Names of vendors and devices from the machine's pci.ids, read once and only for what the machine has.

use crate::facts::PciDevice;
use crate::host::Sysroot;
use std::collections::{BTreeSet, HashMap};

/// Where distributions keep the list.
const PLACES: [&str; 3] = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/var/lib/pciutils/pci.ids"];

/// Names found so far.
#[derive(Debug, Default)]
pub struct PciNames {
    vendors: HashMap<u16, Option<String>>,
    devices: HashMap<(u16, u16), Option<String>>,
}

impl PciNames {
    /// Names the devices. The list is read again only when an id turns up that was never looked for.
    pub fn fill(&mut self, sysroot: &Sysroot, devices: &mut [PciDevice]) {
        let unseen: BTreeSet<_> = devices
            .iter()
            .map(|device| (device.vendor, device.device))
            .filter(|ids| !self.devices.contains_key(ids))
            .collect();
        if !unseen.is_empty() {
            self.look_up(&list(sysroot), &unseen);
        }
        for device in devices {
            device.vendor_name = self.vendors.get(&device.vendor).cloned().flatten();
            device.device_name = self.devices.get(&(device.vendor, device.device)).cloned().flatten();
        }
    }

    /// One pass over the list: `10de  NVIDIA Corporation`, then its devices, each behind a tab; subsystems behind two.
    fn look_up(&mut self, list: &str, wanted: &BTreeSet<(u16, u16)>) {
        for ids in wanted {
            self.vendors.entry(ids.0).or_default();
            self.devices.entry(*ids).or_default();
        }
        let mut vendor = None;
        for line in list.lines() {
            match line.as_bytes() {
                [b'#' | b'C', ..] | [] | [b'\t', b'\t', ..] => {}
                [b'\t', ..] => {
                    let Some(vendor) = vendor else { continue };
                    let Some((device, name)) = entry(line.trim_start()) else { continue };
                    self.devices.entry((vendor, device)).and_modify(|known| *known = Some(name.to_owned()));
                }
                _ => {
                    let found = entry(line).filter(|(id, _)| self.vendors.contains_key(id));
                    vendor = found.map(|(id, _)| id);
                    if let Some((id, name)) = found {
                        self.vendors.insert(id, Some(name.to_owned()));
                    }
                }
            }
        }
    }
}

/// `2704  AD103 [GeForce RTX 4080]`.
fn entry(line: &str) -> Option<(u16, &str)> {
    let (id, name) = line.split_once("  ")?;
    Some((u16::from_str_radix(id, 16).ok()?, name.trim()))
}

/// The list below the sysroot, else this machine's own; ids mean the same everywhere.
fn list(sysroot: &Sysroot) -> String {
    let here = Sysroot::default();
    let mut places = PLACES.iter().map(|place| (sysroot, place)).chain(PLACES.iter().map(|place| (&here, place)));
    places.find_map(|(root, place)| root.read(place).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::sysfs::pci::empty;

    #[test]
    fn names_come_from_the_list_below_the_sysroot() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("usr/share/misc")).unwrap();
        let list = "# list\n10de  NVIDIA Corporation\n\t2704  AD103 [GeForce RTX 4080]\n\t\t1043 88e2  TUF\n8086  Intel\n\
                    \t2704  Not this one\nC 03  Display controller\n\t00  VGA\n";
        std::fs::write(tree.path().join("usr/share/misc/pci.ids"), list).unwrap();
        let address = "01:00.0".parse().unwrap();
        let mut devices = [empty(address, 0x03_0000, 0x10de, 0x2704), empty(address, 0x02_0000, 0x10de, 0xffff)];
        PciNames::default().fill(&Sysroot::new(tree.path()), &mut devices);
        assert_eq!(devices[0].label(), "NVIDIA Corporation AD103 [GeForce RTX 4080]");
        assert_eq!(devices[1].label(), "NVIDIA Corporation 10de:ffff");
    }
}
