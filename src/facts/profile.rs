//! Guest systems: what each needs, which devices it knows, and what its installation media call themselves.

use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A guest system in a list to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemName {
    /// Short id, such as `debian12`.
    pub id: String,
    /// Name for people, such as `Debian 12`.
    pub name: String,
    /// Day of its release, as `2023-06-10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// Last day with updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

impl SystemName {
    /// True where updates ended before `today`, written as `2026-11-21`.
    pub fn has_ended(&self, today: &str) -> bool {
        self.ended.as_deref().is_some_and(|ended| ended < today)
    }
}

/// A guest system with what it inherits from those it derives from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Name for people.
    pub name: String,
    /// Its whole id in the osinfo database, by which other programs know it: `http://debian.org/debian/12`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Family as osinfo names it: linux, winnt, win9x, freebsd, ...
    pub family: String,
    /// Last day with updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What it needs, by architecture; `all` for those that are not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, Needs>,
    /// Firmware that boots it, by architecture. What is not said is not known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub firmware: BTreeMap<String, Boots>,
    /// Devices that it has drivers for: `1af4:1042` of PCI, else the end of osinfo's id, such as `chipset/x86/q35`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub devices: BTreeSet<String>,
}

/// Resources that a system needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Needs {
    /// Below this it does not install or run.
    pub minimum: Resources,
    /// With this it runs well.
    pub recommended: Resources,
}

/// An amount of each resource; `None` where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Its disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Bytes>,
}

/// Which firmware boots a system; `None` where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Boots {
    /// BIOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bios: Option<bool>,
    /// UEFI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uefi: Option<bool>,
}

impl Profile {
    /// True for any Windows, old ones on DOS included.
    pub fn is_windows(&self) -> bool {
        self.family.starts_with("win")
    }

    /// True where one of these devices is among those it knows.
    pub fn knows(&self, any: &[&str]) -> bool {
        any.iter().any(|device| self.devices.contains(*device))
    }

    /// What it needs on `arch`.
    pub fn needs(&self, arch: &str) -> Needs {
        self.needs.get(arch).or_else(|| self.needs.get("all")).copied().unwrap_or_default()
    }

    /// Which firmware boots it on `arch`.
    pub fn boots(&self, arch: &str) -> Boots {
        self.firmware.get(arch).or_else(|| self.firmware.get("all")).copied().unwrap_or_default()
    }
}
