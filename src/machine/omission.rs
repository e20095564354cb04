//! What the connected libvirt is not told of the machine, because it is too old to know it.

use super::{DiskOrigin, Feature, GuestSlot, Interface, Machine, Share, Width};
use crate::facts::Facts;
use crate::spec::devices::WatchdogModel;
use crate::spec::{CpuMode, DiskIo, HotplugKind, NetworkKind, NumaMode, VirtType};
use std::collections::BTreeSet;

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
    let old = |feature: &Feature| host.libvirt < feature.since() && is_wanted(*feature, machine);
    Feature::ALL.into_iter().filter(old).collect()
}

/// True where the machine would have this.
fn is_wanted(feature: Feature, machine: &Machine) -> bool {
    let kvm = machine.virt_type.value == VirtType::Kvm;
    match feature {
        Feature::UnassignedAddress => !machine.held.is_empty(),
        Feature::NvmeDisk => machine.disks.iter().any(|disk| matches!(disk.origin, DiskOrigin::Drive { .. })),
        Feature::PortWithoutHotplug => machine.chipset.is_pci_express() && machine.slots.iter().any(GuestSlot::is_gpu),
        Feature::FirmwareSelection | Feature::FirmwareFeatures => machine.firmware.value.is_uefi(),
        Feature::BridgeVlan => {
            let tagged = |port: &Interface| port.kind == NetworkKind::Bridge && port.vlan.is_some();
            machine.interfaces.iter().any(tagged)
        }
        Feature::Virtiofs => machine.shares.iter().any(Share::is_virtiofs),
        Feature::ReadOnlyVirtiofs => machine.shares.iter().any(|share| share.is_virtiofs() && share.readonly),
        Feature::HyperVMode => machine.windows && kvm,
        Feature::Dies => machine.cpu.topology.as_ref().is_some_and(|topology| topology.value.dies > 1),
        Feature::Clusters => machine.cpu.topology.as_ref().is_some_and(|topology| topology.value.clusters > 1),
        Feature::IoUring => machine.disks.iter().any(|disk| disk.tuning.io == Some(DiskIo::IoUring)),
        Feature::Migratable => machine.cpu.mode.value == CpuMode::HostPassthrough && machine.is_x86(),
        Feature::MaximumCpu => machine.cpu.mode.value == CpuMode::Maximum,
        Feature::Rotation => machine.disks.iter().any(|disk| disk.tuning.ssd && disk.has_rotation()),
        Feature::RestrictiveNuma => {
            let policy = machine.backing.policy.as_ref();
            policy.is_some_and(|policy| policy.value.0 == NumaMode::Restrictive)
        }
        Feature::Evdev => !machine.devices.evdev.is_empty(),
        Feature::VirtioMem | Feature::NoSlots => {
            let growth = machine.backing.growth.as_ref();
            growth.is_some_and(|growth| growth.by.value == HotplugKind::VirtioMem)
        }
        Feature::ItcoWatchdog => {
            let watchdog = machine.devices.watchdog.as_ref();
            watchdog.is_some_and(|(model, _)| *model == WatchdogModel::Itco)
        }
        Feature::AddressWidth => kvm && machine.address_space.width.is_some(),
        Feature::AddressLimit => kvm && matches!(machine.address_space.width, Some(Width::Limit(_))),
    }
}
