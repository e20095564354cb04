//! The running kernel, its command line and the machine below it, as far as passthrough depends on them.

use super::Fact;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The running kernel and its machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kernel {
    /// Its release, such as `6.12.38+deb13-amd64`.
    pub release: Fact<String>,
    /// The words of its command line.
    pub command_line: Fact<Vec<String>>,
    /// Its build options that passthrough depends on, by name without `CONFIG_`; one that is not set is not listed.
    pub options: Fact<BTreeMap<String, String>>,
    /// What it refuses even to root.
    pub lockdown: Fact<Lockdown>,
    /// True where the firmware started only signed code.
    pub secure_boot: Fact<bool>,
    /// The table by which the firmware announces an IOMMU; `None` where it announces none.
    pub iommu_table: Fact<Option<IommuTable>>,
    /// True where the IOMMU also translates interrupts, without which VFIO refuses devices.
    pub interrupt_remapping: Fact<bool>,
    /// Width of the addresses that the narrowest IOMMU can translate, in bits.
    pub iommu_address_bits: Fact<u32>,
    /// The CPU.
    pub cpu: Fact<HostCpu>,
    /// The features of the CPU as the kernel names them: the `flags` of /proc/cpuinfo.
    pub cpu_features: Fact<BTreeSet<String>>,
    /// True where KVM lets guests run guests of their own.
    pub nested: Fact<bool>,
    /// Number of the kind of case by SMBIOS.
    pub chassis: Fact<u32>,
    /// Maker and name of the board.
    pub board: Fact<String>,
    /// When systemd puts it to sleep without being asked.
    pub sleep: Fact<Sleep>,
}

/// What systemd's login manager does by itself. A desktop may do more, by settings of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sleep {
    /// What follows when nobody has used the machine for a while (`IdleAction`): `ignore`, `suspend`, ...
    pub idle: String,
    /// What follows when the lid is closed (`HandleLidSwitch`).
    pub lid: String,
    /// True where sleep is forbidden altogether: its target is masked, or `AllowSuspend` is off.
    pub forbidden: bool,
}

impl Sleep {
    /// True where this action puts the machine to sleep.
    pub fn sleeps(&self, action: &str) -> bool {
        !self.forbidden
            && matches!(action, "sleep" | "suspend" | "hibernate" | "hybrid-sleep" | "suspend-then-hibernate")
    }
}

/// The CPU of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCpu {
    /// GenuineIntel, AuthenticAMD, ...
    pub vendor: String,
    /// Width of its physical addresses, in bits.
    pub address_bits: Option<u32>,
    /// True where it runs guests by hardware: Intel VT-x or AMD-V; `None` where it is no x86.
    pub virtualises: Option<bool>,
    /// True where it is itself the CPU of a virtual machine.
    pub is_virtual: bool,
}

/// Tables of ACPI that announce an IOMMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum IommuTable {
    /// Intel VT-d.
    Dmar,
    /// AMD-Vi.
    Ivrs,
    /// ARM SMMU.
    Iort,
}

/// Kernel lockdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lockdown {
    /// Off.
    None,
    /// Root cannot change the running kernel: no unsigned modules, no writes to BARs.
    Integrity,
    /// Nor read its secrets.
    Confidentiality,
}

impl Kernel {
    /// First and second number of the release.
    pub fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.release.get()?.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// True on x86; `None` where neither the CPU nor the firmware tells.
    pub fn is_x86(&self) -> Option<bool> {
        let by_cpu = self.cpu.get().map(|cpu| cpu.virtualises.is_some());
        match (by_cpu, self.iommu_table.get()) {
            (_, Some(Some(IommuTable::Dmar | IommuTable::Ivrs))) => Some(true),
            (_, Some(Some(IommuTable::Iort))) => Some(false),
            _ => by_cpu,
        }
    }

    /// The words of the command line that set `key`, the last of which counts: `key`, `key=value`. Modules' names may be
    /// written with dashes or underscores.
    pub fn words<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let same = |name: &str| name.len() == key.len() && name.bytes().map(dash).eq(key.bytes().map(dash));
        self.command_line.items().iter().map(String::as_str).filter(move |word| {
            let name = word.split('=').next().unwrap_or_default();
            same(name)
        })
    }

    /// True for laptops and tablets; `None` where the case is not known.
    pub fn is_portable(&self) -> Option<bool> {
        self.chassis.get().map(|kind| matches!(kind, 8 | 9 | 10 | 14 | 30 | 31 | 32))
    }
}

fn dash(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Provenance;

    fn kernel(release: &str, words: &[&str]) -> Kernel {
        let source = || Provenance::Command("test".into());
        Kernel {
            release: Fact::known(release.into(), source(), 0),
            command_line: Fact::known(words.iter().map(|word| (*word).into()).collect(), source(), 0),
            ..Kernel::default()
        }
    }

    #[test]
    fn the_version_is_in_front_of_what_distributions_append() {
        assert_eq!(kernel("6.12.38+deb13-amd64", &[]).version(), Some((6, 12)));
        assert_eq!(kernel("5.15-rc1", &[]).version(), Some((5, 15)));
        assert_eq!(kernel("next", &[]).version(), None);
    }

    #[test]
    fn words_are_found_by_their_name_however_the_module_is_spelt() {
        let kernel = kernel("6.1.0", &["quiet", "vfio_pci.ids=10de:2704", "vfio-pci.ids=10de:22bb", "vfio-pci.idsx=1"]);
        let found: Vec<_> = kernel.words("vfio-pci.ids").collect();
        assert_eq!(found, ["vfio_pci.ids=10de:2704", "vfio-pci.ids=10de:22bb"]);
        assert_eq!(kernel.words("quiet").count(), 1);
    }
}
