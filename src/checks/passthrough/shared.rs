//! Checks of devices that several guests can share: virtual functions, mediated devices.

use super::super::subject::Leaving;
use super::super::text::text;
use super::super::{Check, Notes, Subject};
use super::gpu::is_igd;
use super::{DEVICE, named};
use crate::facts::{PciClass, PciDetails};
use crate::units::PciAddress;

pub(in super::super) static CHECKS: &[&Check] = &[&NET_VF_NOT_PERSISTENT, &NET_VF_MAC0, &GPU_SRIOV_IGPU, &MDEV_PARENT];

static NET_VF_NOT_PERSISTENT: Check = Check {
    code: "NET-VF-NOT-PERSISTENT",
    title: "virtual functions persist over reboots",
    explain: "Virtual functions are created by writing their number to sriov_numvfs and are gone when the host \
              restarts. The VM then does not start. Create them at each boot: a udev rule with \
              ATTR{sriov_numvfs}=\"7\", [SR-IOV] of systemd-networkd, sriov-total-vfs of NetworkManager, or a systemd \
              unit.",
    run: Some(persistent),
    ..DEVICE
};

static NET_VF_MAC0: Check = Check {
    code: "NET-VF-MAC0",
    title: "virtual functions have MAC addresses",
    explain: "The virtual function has no MAC address of its own (00:00:00:00:00:00), so its driver in the guest \
              generates another one at each start. Set one on the host ('ip link set PORT vf 0 mac ...'), or let \
              libvirt do it with an interface of type hostdev.",
    run: Some(mac),
    ..DEVICE
};

static GPU_SRIOV_IGPU: Check = Check {
    code: "GPU-SRIOV-IGPU",
    title: "integrated GPU is shared by SR-IOV",
    explain: "This GPU can have virtual functions (SR-IOV): each guest gets one, and the host keeps its display. Which driver \
              makes them depends on GPU and kernel: xe in Intel's backports by default, xe of mainline kernels from 6.17 or \
              6.18 on for some platforms (not Meteor, Arrow and Lunar Lake), the module i915-sriov-dkms otherwise. The \
              guest needs no ROM for it (rom_bar off, as vmbuild writes it) and keeps an emulated display for its boot. \
              With Linux 7.0 and i915 the reset of a virtual function has crashed hosts.",
    run: Some(igpu),
    ..DEVICE
};

static MDEV_PARENT: Check = Check {
    code: "MDEV-PARENT",
    title: "passed devices are not vGPU parents",
    explain: "The driver of this device offers parts of it as mediated devices (vGPU), one for each of several VMs. \
              Passed whole, the device goes to one VM, and its mediated devices are gone. With NVIDIA vGPU 17 and \
              later on Linux 6.8 and later the parts are virtual functions that stay on nvidia instead: see GPU-VGPU.",
    run: Some(mediated),
    ..DEVICE
};

fn details<'a>(subject: &Subject<'a>, address: PciAddress) -> Option<&'a PciDetails> {
    subject.facts.details.get(&address)
}

/// Passed virtual functions of network cards, each with its physical function.
fn functions<'a>(subject: &'a Subject) -> Vec<(Leaving<'a>, PciAddress)> {
    let nics = subject.leaving().into_iter().filter(|leaving| leaving.device.kind() == PciClass::Nic && !leaving.held);
    let with = |leaving: Leaving<'a>| {
        let physical = (*details(subject, leaving.device.address)?.physical_function.get()?)?;
        Some((leaving, physical))
    };
    nics.filter_map(with).collect()
}

fn persistent(subject: &Subject, notes: &mut Notes) {
    for (leaving, physical) in functions(subject) {
        let message = text!(
            "{named} is a virtual function of {physical}: gone when the host restarts",
            named = named(&leaving),
            physical
        );
        let count = details(subject, physical).and_then(|details| details.sriov.get()?.as_ref());
        let count = count.map_or(1, |sriov| sriov.functions.len());
        let way_out = text!(
            "unless it is created again at boot, for example by a udev rule: ACTION==\"add\", SUBSYSTEM==\"pci\", \
             KERNEL==\"{physical}\", {attribute}=\"{count}\"",
            physical,
            attribute = "ATTR{sriov_numvfs}",
            count
        );
        notes.info(leaving.topic(), message, way_out);
    }
}

fn mac(subject: &Subject, notes: &mut Notes) {
    let interfaces = subject.facts.networking.get().map(|networking| networking.interfaces.as_slice());
    for (leaving, physical) in functions(subject) {
        let own = |port: &&crate::facts::HostInterface| port.function == Some(leaving.device.address);
        // A function that no driver of the host drives has no interface to look at.
        let Some(port) = interfaces.unwrap_or_default().iter().find(own) else { continue };
        notes.looked();
        if port.mac.as_deref().is_none_or(|mac| mac == "00:00:00:00:00:00") {
            let message = text!(
                "{named} ({port}) of {physical} has no MAC address",
                named = named(&leaving),
                port = port.name,
                physical
            );
            notes.info(leaving.topic(), message, "set one on the host: ip link set PORT vf NUMBER mac ADDRESS");
        }
    }
}

fn igpu(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| is_igd(leaving.device)) {
        let sriov = details(subject, leaving.device.address).and_then(|details| details.sriov.get()?.as_ref());
        let Some(sriov) = sriov.filter(|sriov| sriov.total > 0) else { continue };
        let message = text!("{named} can have {total} virtual functions", named = named(&leaving), total = sriov.total);
        notes.info(leaving.topic(), message, "pass one of them, and the host keeps its display");
    }
}

fn mediated(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held) {
        let kinds = details(subject, leaving.device.address).and_then(|details| details.mdev_types.get());
        let Some(kinds) = kinds else { continue };
        notes.looked();
        if let Some(first) = kinds.first() {
            let message = text!(
                "{named} offers {count} types of mediated devices ({id}, ...)",
                named = named(&leaving),
                count = kinds.len(),
                id = first.id
            );
            notes.info(leaving.topic(), message, "pass one of those if several VMs share it");
        }
    }
}
