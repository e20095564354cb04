//! Folders of the host that the guest mounts, with their tags and drivers.

use super::{Choice, Feature};
use crate::facts::Facts;
use crate::spec::{Place, ShareDriver, Spec, filled};

/// A folder of the host in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Row in `shares`.
    pub row: usize,
    /// The folder, absolute.
    pub path: String,
    /// What the guest knows it by.
    pub tag: Choice<String>,
    /// How it gets there.
    pub driver: Choice<ShareDriver>,
    /// The guest may not write.
    pub readonly: bool,
}

impl Share {
    /// True where virtiofsd serves it.
    pub fn is_virtiofs(&self) -> bool {
        self.driver.value == ShareDriver::Virtiofs
    }
}

/// Longest tag in bytes: that of 9p. virtiofs takes 36, but a tag should outlive a change of the driver.
pub const LONGEST_TAG: usize = 31;

/// Where virtiofsd lies, by distribution and age.
pub const VIRTIOFSD: [&str; 3] = ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd"];

/// The folders asked for; those without a path are left out.
pub(super) fn shares(spec: &Spec, facts: &Facts) -> Vec<Share> {
    let rows = spec.shares.iter().flatten().enumerate();
    let share = |(row, asked): (usize, &crate::spec::Share)| {
        let path = filled(asked.path.as_deref())?.to_owned();
        let place = |field: &str| Place::row("shares", row, field);
        let readonly = asked.readonly.unwrap_or(false);
        let tag = match filled(asked.tag.as_deref()) {
            Some(tag) => Choice::asked(tag.to_owned(), place("tag")),
            None => Choice::default(tag(&path, row), "the name of the folder"),
        };
        let driver = match asked.driver {
            Some(driver) => Choice::asked(driver, place("driver")),
            None => driver(readonly, facts),
        };
        Some(Share { row, path, tag, driver, readonly })
    };
    rows.filter_map(share).collect()
}

fn tag(path: &str, row: usize) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).take(LONGEST_TAG).collect();
    if name.is_empty() { format!("share{row}") } else { name }
}

/// virtiofs where this libvirt can do it; one that has not said its version can.
fn driver(readonly: bool, facts: &Facts) -> Choice<ShareDriver> {
    let knows = |feature: Feature| facts.host.get().is_none_or(|host| host.libvirt >= feature.since());
    match (knows(Feature::Virtiofs), readonly && !knows(Feature::ReadOnlyVirtiofs)) {
        (false, _) => Choice::default(ShareDriver::NineP, "this libvirt does not support virtiofs"),
        (true, true) => Choice::default(ShareDriver::NineP, "virtiofs can be read-only from libvirt 11.0 on"),
        (true, false) => Choice::default(ShareDriver::Virtiofs, "fast, and as a local file system"),
    }
}
