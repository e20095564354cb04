//! Ports of PCI Express for the VM's own devices, where passed cards leave libvirt those of the first buses.

use super::guest_pci::FIRST_BUS;
use super::{Chipset, Disk, Feature, GuestSlot, Machine, target};
use crate::spec::devices::{SoundModel, UsbController, WatchdogModel};
use crate::spec::{DiskBus, HotplugKind, NetworkModel};

/// Ports that are kept empty for what is plugged in while the VM runs: a disk and an interface, say.
pub const SPARE: usize = 2;

/// The ports to write out on q35, by their index, so that so many are empty as libvirt 11.3 lays its devices out. None
/// where it adds an empty one by itself, as it does while no port is written out. Those of the first buses it adds, too.
pub fn spares(machine: &Machine) -> Vec<u8> {
    let Some(taken) = taken(machine) else { return Vec::new() };
    let missing = (taken + SPARE).saturating_sub(usize::from(FIRST_BUS - 1));
    let cards = machine.slots.iter().flat_map(|slot| &slot.functions).map(|function| function.guest.value.bus);
    let buses = machine.expanders.iter().flat_map(|bus| bus.ports.iter().copied().chain([bus.index]));
    let last = cards.chain(buses).max().unwrap_or(0).max(FIRST_BUS - 1);
    (last..=u8::MAX).skip(1).take(missing).collect()
}

/// How many ports are empty then; `None` where libvirt keeps an empty one by itself.
pub fn empty(machine: &Machine) -> Option<usize> {
    Some(usize::from(FIRST_BUS - 1).saturating_sub(taken(machine)?).max(SPARE))
}

/// How many ports the VM's own devices take; `None` where libvirt adds as many as it needs and an empty one.
fn taken(machine: &Machine) -> Option<usize> {
    let stays = |slot: &GuestSlot| slot.is_gpu() && !machine.dropped.contains(&Feature::PortWithoutHotplug);
    let written = machine.slots.iter().any(stays) || !machine.expanders.is_empty();
    if machine.chipset != Chipset::Q35 || !written {
        return None;
    }
    let asked = machine.slots.iter().filter_map(|slot| slot.functions.first());
    let asked = asked.filter(|first| (1..FIRST_BUS).contains(&first.guest.value.bus)).count();
    Some(asked + express(machine) + usize::from(conventional(machine)))
}

/// Devices that take a port each.
fn express(machine: &Machine) -> usize {
    let devices = &machine.devices;
    let interfaces = machine.interfaces.iter().filter(|interface| {
        interface.passes || matches!(interface.model.value, NetworkModel::Virtio | NetworkModel::E1000e)
    });
    let disks = machine.disks.iter().filter(|disk| disk.bus.value == DiskBus::Virtio).count();
    let usb = matches!(devices.usb_controller.value, Some(UsbController::QemuXhci));
    let grows = machine.backing.growth.as_ref().is_some_and(|growth| growth.by.value == HotplugKind::VirtioMem);
    let cells = if grows { machine.backing.cells.len().max(1) } else { 0 };
    let single = [usb, devices.guest_agent.value, devices.rng.value].into_iter().filter(|is| *is).count();
    let scsi = usize::try_from(scsi_controllers(&machine.disks)).unwrap_or(usize::MAX);
    interfaces.count() + disks + scsi + cells + single + machine.mediated.len()
}

/// True where some device is of PCI before Express: all of them share a bridge, which takes one port.
fn conventional(machine: &Machine) -> bool {
    let old = |model| matches!(model, NetworkModel::E1000 | NetworkModel::Rtl8139);
    let network = machine.interfaces.iter().any(|interface| !interface.passes && old(interface.model.value));
    let watchdog = machine.devices.watchdog.as_ref().is_some_and(|(model, _)| *model == WatchdogModel::I6300esb);
    let sound = machine.devices.sound.is_some_and(|model| !matches!(model, SoundModel::Ich9 | SoundModel::Usb));
    let usb = matches!(machine.devices.usb_controller.value, Some(UsbController::Ehci | UsbController::Uhci));
    network || usb || watchdog || sound || machine.devices.looking_glass.is_some()
}

/// Disks that libvirt 11.3 puts on one SCSI controller, by the letters of their targets. A controller that it has to add by
/// itself beyond those that are written is an LSI, for which hardly a guest has a driver.
const SCSI_DISKS: u32 = 7;

/// How many SCSI controllers the targets reach.
pub fn scsi_controllers(disks: &[Disk]) -> u32 {
    let scsi = disks.iter().filter(|disk| disk.bus.value == DiskBus::Scsi);
    scsi.map(|disk| target::index(&disk.target.value).unwrap_or(0) / SCSI_DISKS + 1).max().unwrap_or(0)
}
