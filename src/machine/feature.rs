//! What libvirt learnt in some version: an older one is not told of it, and `checks` says what was left out.

use super::{DiskOrigin, GuestSlot, Interface, Machine, Share, Width};
use crate::facts::{Facts, Version};
use crate::spec::{NetworkKind, VirtType};
use std::collections::BTreeSet;

/// Something that a domain can be told only from some version of libvirt on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// `<address type='unassigned'/>` of a held host device.
    UnassignedAddress,
    /// `<disk type='nvme'>`.
    NvmeDisk,
    /// `<target hotplug='off'/>` of a root port.
    PortWithoutHotplug,
    /// `<firmware><feature/></firmware>`: whether the UEFI is one with Secure Boot.
    FirmwareFeatures,
    /// The attribute `mode` of `<hyperv>`.
    HyperVMode,
    /// `<maxphysaddr/>`: the width of the guest's addresses.
    AddressWidth,
    /// `<vlan>` of an interface on a bridge of the kernel's.
    BridgeVlan,
    /// `<driver type='virtiofs'/>` of a folder of the host.
    Virtiofs,
    /// `<readonly/>` of such a folder.
    ReadOnlyVirtiofs,
    /// The attribute `limit` of `<maxphysaddr mode='passthrough'/>`.
    AddressLimit,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::UnassignedAddress,
        Self::NvmeDisk,
        Self::PortWithoutHotplug,
        Self::FirmwareFeatures,
        Self::HyperVMode,
        Self::AddressWidth,
        Self::AddressLimit,
        Self::BridgeVlan,
        Self::Virtiofs,
        Self::ReadOnlyVirtiofs,
    ];

    /// The first libvirt that knows it.
    pub fn since(self) -> Version {
        let (major, minor) = match self {
            Self::UnassignedAddress | Self::NvmeDisk => (6, 0),
            Self::Virtiofs => (6, 2),
            Self::PortWithoutHotplug => (6, 3),
            Self::FirmwareFeatures => (7, 2),
            Self::HyperVMode => (8, 0),
            Self::AddressWidth => (8, 7),
            Self::AddressLimit => (9, 3),
            Self::BridgeVlan | Self::ReadOnlyVirtiofs => (11, 0),
        };
        Version { major, minor, release: 0 }
    }

    /// True where the machine would have it.
    fn is_wanted(self, machine: &Machine) -> bool {
        let kvm = machine.virt_type.value == VirtType::Kvm;
        match self {
            Self::UnassignedAddress => !machine.held.is_empty(),
            Self::NvmeDisk => machine.disks.iter().any(|disk| matches!(disk.origin, DiskOrigin::Drive { .. })),
            Self::PortWithoutHotplug => machine.chipset.is_pci_express() && machine.slots.iter().any(GuestSlot::is_gpu),
            Self::FirmwareFeatures => machine.firmware.value.is_uefi(),
            Self::BridgeVlan => {
                let tagged = |port: &Interface| port.kind == NetworkKind::Bridge && port.vlan.is_some();
                machine.interfaces.iter().any(tagged)
            }
            Self::Virtiofs => machine.shares.iter().any(Share::is_virtiofs),
            Self::ReadOnlyVirtiofs => machine.shares.iter().any(|share| share.is_virtiofs() && share.readonly),
            Self::HyperVMode => machine.windows && kvm,
            Self::AddressWidth => kvm && machine.address_space.width.is_some(),
            Self::AddressLimit => kvm && matches!(machine.address_space.width, Some(Width::Limit(_))),
        }
    }
}

/// What the machine would have, and the connected libvirt does not know. One that has not said its version knows all.
pub(super) fn dropped(machine: &Machine, facts: &Facts) -> BTreeSet<Feature> {
    let Some(host) = facts.host.get() else { return BTreeSet::new() };
    let old = |feature: &Feature| host.libvirt < feature.since() && feature.is_wanted(machine);
    Feature::ALL.into_iter().filter(old).collect()
}
