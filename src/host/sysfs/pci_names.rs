//! Names of vendors and devices from the machine's pci.ids, read once and only for what the machine has.

use crate::facts::PciDevice;
use crate::host::Sysroot;
use memchr::memmem;
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
    /// True before anything was looked for.
    pub(super) fn is_new(&self) -> bool {
        self.devices.is_empty()
    }

    /// Names the devices by the list `read`, where it was read already. Else it is read, and only when an id turns up that was
    /// never looked for.
    pub(super) fn fill(&mut self, sysroot: &Sysroot, read: Option<Vec<u8>>, devices: &mut [PciDevice]) {
        let unseen: BTreeSet<_> = devices
            .iter()
            .map(|device| (device.vendor, device.device))
            .filter(|ids| !self.devices.contains_key(ids))
            .collect();
        if !unseen.is_empty() {
            self.look_up(&read.unwrap_or_else(|| list(sysroot)), &unseen);
        }
        for device in devices {
            device.vendor_name = self.vendors.get(&device.vendor).cloned().flatten();
            device.device_name = self.devices.get(&(device.vendor, device.device)).cloned().flatten();
        }
    }

    /// Looks at the vendors that are wanted alone: the list has thirty thousand lines.
    /// `10de  NVIDIA Corporation`, then its devices, each behind a tab; subsystems behind two.
    fn look_up(&mut self, list: &[u8], wanted: &BTreeSet<(u16, u16)>) {
        for ids in wanted {
            self.vendors.entry(ids.0).or_default();
            self.devices.entry(*ids).or_default();
        }
        let vendors: BTreeSet<u16> = wanted.iter().map(|(vendor, _)| *vendor).collect();
        for vendor in vendors {
            let Some(at) = memmem::find(list, format!("\n{vendor:04x}  ").as_bytes()) else { continue };
            let mut lines = lines(list.get(at + 1..).unwrap_or_default());
            if let Some((_, name)) = lines.next().and_then(entry) {
                self.vendors.insert(vendor, Some(name.to_owned()));
            }
            for line in lines.take_while(|line| matches!(line, [b'\t' | b'#', ..] | [])) {
                let Some(line @ [b'0'..=b'9' | b'a'..=b'f', ..]) = line.get(1..) else { continue };
                if let Some((device, name)) = entry(line) {
                    self.devices.entry((vendor, device)).and_modify(|known| *known = Some(name.to_owned()));
                }
            }
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end)?;
        let more = !rest.is_empty();
        rest = after.get(1..).unwrap_or_default();
        more.then_some(line)
    })
}

/// `2704  AD103 [GeForce RTX 4080]`.
fn entry(line: &[u8]) -> Option<(u16, &str)> {
    let (id, name) = std::str::from_utf8(line).ok()?.split_once("  ")?;
    Some((u16::from_str_radix(id, 16).ok()?, name.trim()))
}

/// The list below the sysroot, else this machine's own; ids mean the same everywhere.
pub(super) fn list(sysroot: &Sysroot) -> Vec<u8> {
    let here = Sysroot::default();
    let mut places = PLACES.iter().map(|place| (sysroot, place)).chain(PLACES.iter().map(|place| (&here, place)));
    places.find_map(|(root, place)| root.bytes(place).ok()).unwrap_or_default()
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
        PciNames::default().fill(&Sysroot::new(tree.path()), None, &mut devices);
        assert_eq!(devices[0].label(), "NVIDIA Corporation AD103 [GeForce RTX 4080]");
        assert_eq!(devices[1].label(), "NVIDIA Corporation 10de:ffff");
    }
}
