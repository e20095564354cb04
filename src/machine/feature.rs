//! What libvirt learnt in some version: an older one is not told of it, and `checks` says what was left out.

use super::platform::is_x86;
use super::{DiskOrigin, GuestSlot, Interface, Machine, Share, Width};
use crate::facts::{Facts, Version};
use crate::spec::devices::WatchdogModel;
use crate::spec::{CpuMode, DiskIo, HotplugKind, NetworkKind, NumaMode, VirtType};
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
    pub const ALL: [Self; 21] = [
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
            Self::Dies => machine.cpu.topology.as_ref().is_some_and(|topology| topology.value.dies > 1),
            Self::Clusters => machine.cpu.topology.as_ref().is_some_and(|topology| topology.value.clusters > 1),
            Self::IoUring => machine.disks.iter().any(|disk| disk.tuning.io == Some(DiskIo::IoUring)),
            Self::Migratable => machine.cpu.mode.value == CpuMode::HostPassthrough && is_x86(&machine.arch.value),
            Self::MaximumCpu => machine.cpu.mode.value == CpuMode::Maximum,
            Self::Rotation => machine.disks.iter().any(|disk| disk.tuning.ssd && disk.has_rotation()),
            Self::RestrictiveNuma => {
                let policy = machine.backing.policy.as_ref();
                policy.is_some_and(|policy| policy.value.0 == NumaMode::Restrictive)
            }
            Self::Evdev => !machine.devices.evdev.is_empty(),
            Self::VirtioMem | Self::NoSlots => {
                let growth = machine.backing.growth.as_ref();
                growth.is_some_and(|growth| growth.by.value == HotplugKind::VirtioMem)
            }
            Self::ItcoWatchdog => {
                let watchdog = machine.devices.watchdog.as_ref();
                watchdog.is_some_and(|(model, _)| *model == WatchdogModel::Itco)
            }
            Self::AddressWidth => kvm && machine.address_space.width.is_some(),
            Self::AddressLimit => kvm && matches!(machine.address_space.width, Some(Width::Limit(_))),
        }
    }
}

/// Notes what the connected libvirt is not told of, and takes from the disks what of that is theirs.
pub(super) fn leave_out(machine: &mut Machine, facts: &Facts) {
    machine.dropped = dropped(machine, facts);
    let (ring, rotation) =
        [Feature::IoUring, Feature::Rotation].map(|feature| machine.dropped.contains(&feature)).into();
    for disk in &mut machine.disks {
        disk.tuning.io = disk.tuning.io.filter(|io| !(ring && *io == DiskIo::IoUring));
        disk.tuning.ssd &= !rotation;
    }
}

/// What the machine would have, and the connected libvirt does not know. One that has not said its version knows all.
fn dropped(machine: &Machine, facts: &Facts) -> BTreeSet<Feature> {
    let Some(host) = facts.host.get() else { return BTreeSet::new() };
    let old = |feature: &Feature| host.libvirt < feature.since() && feature.is_wanted(machine);
    Feature::ALL.into_iter().filter(old).collect()
}
