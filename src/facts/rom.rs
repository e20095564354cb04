//! Video BIOS files and what keeps QEMU from reading files: what a picker lists and what a ROM file is judged by.

use super::Fact;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// A file as an expansion ROM of PCI (PCI Firmware Specification 3.3, 5.1). Only headers are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RomFile {
    /// Bytes in front of the first image that are no part of the ROM; update files of NVIDIA have such a header.
    pub header: Bytes,
    /// The images, in order.
    pub images: Vec<RomImage>,
    /// What is wrong with the chain of images; `None` where it is whole.
    pub flaw: Option<RomFlaw>,
}

/// One image of a ROM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RomImage {
    /// Where it begins in the file.
    pub offset: Bytes,
    /// Its length by its own account.
    pub length: Bytes,
    /// 0 is code for BIOS, 3 for UEFI.
    pub code: u8,
    /// Vendor id that it is for.
    pub vendor: u16,
    /// Device ids that it is for.
    pub devices: Vec<u16>,
    /// Class code that it is for: class, subclass, programming interface.
    pub class: u32,
}

/// What is wrong with a chain of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RomFlaw {
    /// There is no 55 AA at its beginning, nor behind a header.
    NoSignature {
        /// The first bytes.
        begins: Vec<u8>,
    },
    /// 55 AA without the PCI data structure that it must point to.
    NoStructure,
    /// An image reaches beyond the end of the file.
    Truncated {
        /// Length that the file would need.
        needs: Bytes,
    },
    /// The file ends and no image says that it is the last.
    NoLast,
}

/// Code type of images for UEFI.
const UEFI: u8 = 3;

impl RomFile {
    /// True where it holds an image for UEFI, by which a card shows something before its driver is loaded.
    pub fn has_uefi(&self) -> bool {
        self.images.iter().any(|image| image.code == UEFI)
    }

    /// True where some image is for a device with these ids.
    pub fn is_for(&self, vendor: u16, device: u16) -> bool {
        self.images.iter().any(|image| image.vendor == vendor && image.devices.contains(&device))
    }

    /// `10de:1b80`, of the first image.
    pub fn ids(&self) -> Option<String> {
        let first = self.images.first()?;
        Some(format!("{:04x}:{:04x}", first.vendor, first.devices.first()?))
    }
}

/// A ROM file of the host, for a picker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRom {
    /// Absolute path.
    pub path: String,
    /// What it is.
    pub rom: RomFile,
}

/// What keeps QEMU from reading files beyond their modes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Confinement {
    /// True where AppArmor is on.
    pub apparmor: Fact<bool>,
    /// Paths that libvirt's AppArmor profile of QEMU lets every VM read, with `**` for all below.
    pub apparmor_reads: Fact<Vec<String>>,
    /// True where SELinux enforces.
    pub selinux: Fact<bool>,
    /// Files below /dev that libvirt lets every QEMU open, beside those of the VM's own devices.
    pub devices: Fact<Vec<String>>,
}

impl Confinement {
    /// True where the profile of QEMU lets it read `path`.
    pub fn apparmor_lets(&self, path: &str) -> Option<bool> {
        let rules = self.apparmor_reads.get()?;
        let fits = |rule: &String| rule.strip_suffix("**").map_or(path == rule, |folder| path.starts_with(folder));
        Some(rules.iter().any(fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Provenance;

    #[test]
    fn a_rule_lets_read_what_lies_below_it() {
        let rules = vec!["/usr/share/vgabios/**".to_owned(), "/usr/share/misc/sgabios.bin".to_owned()];
        let known = Confinement {
            apparmor_reads: Fact::known(rules, Provenance::Command("test".into()), 0),
            ..Confinement::default()
        };
        let lets = |path| known.apparmor_lets(path);
        assert_eq!(lets("/usr/share/vgabios/a/b.rom"), Some(true));
        assert_eq!(lets("/usr/share/vgabios2/a.rom"), Some(false));
        assert_eq!((lets("/usr/share/misc/sgabios.bin"), lets("/usr/share/misc/x")), (Some(true), Some(false)));
        assert_eq!(Confinement::default().apparmor_lets("/usr/share/vgabios/a.rom"), None);
    }
}
