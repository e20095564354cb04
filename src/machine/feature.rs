//! What libvirt learnt in some version: an older one is not told of it, and `checks` says what was left out.

use crate::facts::Version;

/// Something that a domain can be told only from some version of libvirt on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// `<address type='unassigned'/>` of a held host device.
    UnassignedAddress,
    /// The attribute `firmware` of `<os>`: libvirt chooses the files of the firmware.
    FirmwareSelection,
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
    /// The attribute `dies` of `<topology>`.
    Dies,
    /// The attribute `clusters` of `<topology>`.
    Clusters,
    /// `io='io_uring'` of a disk's driver.
    IoUring,
    /// The attribute `migratable` of `<cpu mode='host-passthrough'>`.
    Migratable,
    /// `<cpu mode='maximum'>`.
    MaximumCpu,
    /// The attribute `rotation_rate` of a disk's target: that it is an SSD.
    Rotation,
    /// `<memory mode='restrictive'>` of `<numatune>`.
    RestrictiveNuma,
    /// `<input type='evdev'>` with `grabToggle`.
    Evdev,
    /// `<memory model='virtio-mem'>`.
    VirtioMem,
    /// `<watchdog model='itco'>`.
    ItcoWatchdog,
    /// `<maxMemory>` without slots where no DIMM is to come.
    NoSlots,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::UnassignedAddress,
        Self::FirmwareSelection,
        Self::NvmeDisk,
        Self::PortWithoutHotplug,
        Self::FirmwareFeatures,
        Self::HyperVMode,
        Self::AddressWidth,
        Self::AddressLimit,
        Self::BridgeVlan,
        Self::Virtiofs,
        Self::ReadOnlyVirtiofs,
        Self::Dies,
        Self::Clusters,
        Self::IoUring,
        Self::Migratable,
        Self::MaximumCpu,
        Self::Rotation,
        Self::RestrictiveNuma,
        Self::Evdev,
        Self::VirtioMem,
        Self::ItcoWatchdog,
        Self::NoSlots,
    ];

    /// The first libvirt that knows it, by "Since" in its description of the domain's format.
    pub fn since(self) -> Version {
        let (major, minor) = match self {
            Self::FirmwareSelection => (5, 2),
            Self::UnassignedAddress | Self::NvmeDisk => (6, 0),
            Self::Dies => (6, 1),
            Self::Virtiofs => (6, 2),
            Self::PortWithoutHotplug | Self::IoUring => (6, 3),
            Self::Migratable => (6, 5),
            Self::MaximumCpu => (7, 1),
            Self::FirmwareFeatures => (7, 2),
            Self::Rotation | Self::RestrictiveNuma => (7, 3),
            Self::Evdev => (7, 6),
            Self::VirtioMem => (7, 9),
            Self::HyperVMode => (8, 0),
            Self::AddressWidth => (8, 7),
            Self::ItcoWatchdog => (9, 1),
            Self::AddressLimit => (9, 3),
            Self::NoSlots => (9, 5),
            Self::Clusters => (10, 1),
            Self::BridgeVlan | Self::ReadOnlyVirtiofs => (11, 0),
        };
        Version { major, minor, release: 0 }
    }
}
