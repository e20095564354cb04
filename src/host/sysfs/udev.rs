//! Records of udev's database: what it found on a device, without asking any program.

use crate::host::Sysroot;

/// One record; empty where udev keeps none.
pub(super) struct UdevRecord(String);

impl UdevRecord {
    /// The record `id`, such as `b8:1`.
    pub(super) fn read(sysroot: &Sysroot, id: &str) -> Self {
        Self(sysroot.read(&format!("/run/udev/data/{id}")).unwrap_or_default())
    }

    /// The other names of the device below /dev.
    pub(super) fn links(&self) -> Vec<String> {
        self.0.lines().filter_map(|line| line.strip_prefix("S:")).map(str::to_owned).collect()
    }

    /// The value of a property.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        let value = self.0.lines().find_map(|line| line.strip_prefix("E:")?.strip_prefix(key)?.strip_prefix('='))?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}
