//! What libvirt learnt in some version: an older one is not told of it, and `checks` says what was left out.

use super::{GuestSlot, HeldFunction};
use crate::facts::{Facts, Version};
use std::collections::BTreeSet;

/// Something that a domain can be told only from some version of libvirt on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// `<address type='unassigned'/>` of a held host device.
    UnassignedAddress,
    /// `<target hotplug='off'/>` of a root port.
    PortWithoutHotplug,
}

impl Feature {
    /// The first libvirt that knows it.
    pub fn since(self) -> Version {
        let (major, minor) = match self {
            Self::UnassignedAddress => (6, 0),
            Self::PortWithoutHotplug => (6, 3),
        };
        Version { major, minor, release: 0 }
    }

    /// True where the connected libvirt knows it, or has not said its version.
    pub fn is_known_to(self, facts: &Facts) -> bool {
        facts.host.get().is_none_or(|host| host.libvirt >= self.since())
    }
}

/// What the machine would have, and this libvirt does not know.
pub(super) fn dropped(facts: &Facts, slots: &[GuestSlot], held: &[HeldFunction]) -> BTreeSet<Feature> {
    let mut wanted = BTreeSet::new();
    if !held.is_empty() {
        wanted.insert(Feature::UnassignedAddress);
    }
    if slots.iter().any(GuestSlot::is_gpu) {
        wanted.insert(Feature::PortWithoutHotplug);
    }
    wanted.retain(|feature| !feature.is_known_to(facts));
    wanted
}
