//! Checks of isolation beyond IOMMU-GROUP: GPUs that share a group, ports that stay, memory that the firmware keeps,
//! physical and virtual functions.

use super::super::note::Topic;
use super::super::text::{Arg, Text, text};
use super::super::{Check, Notes, Subject};
use super::{DEVICE, detail, named};
use crate::facts::{Iommu, PciClass};
use crate::machine::card;
use crate::units::PciAddress;

pub(in super::super) static CHECKS: &[&Check] =
    &[&GRP_GPUS, &GRP_ROOT_PORT, &RMRR_DIRECT, &NET_PF_WITH_VFS, &NET_VF_SAME_GROUP, &NVME_VMD];

static GRP_GPUS: Check = Check {
    code: "GRP-GPUS",
    title: "GPUs of one group go to one VM",
    short: "shares with a GPU",
    explain: "Several graphics cards are in one IOMMU group, as behind two root ports of some processors or one PCIe \
              switch. They can be passed to one VM together, but not to two VMs, nor one to a VM while the host uses \
              the other. Pass them all, or move a card to a slot with a group of its own.",
    run: Some(gpus),
    ..DEVICE
};

static GRP_ROOT_PORT: Check = Check {
    code: "GRP-ROOT-PORT",
    title: "bridges of a group stay with the host",
    explain: "The root port above a slot is often in the group of the card. It stays with the host and its driver \
              pcieport; VFIO passes the rest of the group.",
    run: Some(root_port),
    ..DEVICE
};

pub(in super::super) static RMRR_DIRECT: Check = Check {
    code: "RMRR-DIRECT",
    title: "device is free of RMRR regions",
    short: "firmware-reserved",
    explain: "The firmware accesses this device at fixed addresses (RMRR), so the kernel does not release it: \"Device \
              is ineligible for IOMMU domain attach due to platform RMRR requirement\". This is common on HPE servers, \
              whose setup tools can exclude a slot from shared memory. A patched kernel that ignores it is unsafe.",
    run: Some(rmrr),
    ..DEVICE
};

pub(in super::super) static NET_PF_WITH_VFS: Check = Check {
    code: "NET-PF-WITH-VFS",
    title: "physical function has no active VFs",
    short: "has virtual functions",
    explain: "While virtual functions of an SR-IOV device exist, its physical function drives them: passing it to a VM \
              takes all of them with it. Pass a virtual function instead, or remove them first (sriov_numvfs = 0).",
    run: Some(physical_function),
    ..DEVICE
};

static NET_VF_SAME_GROUP: Check = Check {
    code: "NET-VF-SAME-GROUP",
    title: "virtual functions have their own groups",
    short: "no group of its own",
    explain: "The virtual functions share the IOMMU group of their physical function, because a port above the card \
              lacks ACS. None can be passed while the host uses the card. Another slot, usually one of the processor, \
              helps.",
    run: Some(virtual_function),
    ..DEVICE
};

static NVME_VMD: Check = Check {
    code: "NVME-VMD",
    title: "drives are not behind Intel VMD",
    short: "behind Intel VMD",
    explain: "Intel's VMD hides NVMe drives behind a controller of its own, in PCI domain 10000. They share its IOMMU \
              group and cannot be passed one by one. Turn VMD off in the firmware; a host that boots from such a drive \
              must be prepared for that.",
    run: Some(vmd),
    ..DEVICE
};

fn groups_mean_something(subject: &Subject) -> bool {
    !matches!(subject.facts.iommu.get(), Some(Iommu::Off { .. }))
}

fn gpus(subject: &Subject, notes: &mut Notes) {
    let mut seen = Vec::new();
    for row in subject.pci.iter().filter(|_| groups_mean_something(subject)) {
        let Some(device) = row.device.filter(|device| device.kind() == PciClass::Gpu) else { continue };
        let Some(group) = device.iommu_group.filter(|group| !seen.contains(group)) else { continue };
        seen.push(group);
        notes.looked();
        let asked = |address: PciAddress| subject.pci.iter().any(|row| row.address == address);
        let others =
            subject.facts.pci.items().iter().filter(|other| {
                other.iommu_group == Some(group) && other.kind() == PciClass::Gpu && !asked(other.address)
            });
        let others: Vec<Text> =
            others.map(|other| text!("{address} ({label})", address = other.address, label = other.label())).collect();
        if !others.is_empty() {
            let message = text!(
                "{address} shares IOMMU group {group} with the GPU {others}",
                address = device.address,
                group,
                others = Arg::all(others)
            );
            notes.blocker(row.place(), message, "pass them to one VM together, or move a card to another slot");
        }
    }
}

fn root_port(subject: &Subject, notes: &mut Notes) {
    let mut seen = Vec::new();
    for row in &subject.pci {
        let Some(device) = row.device.filter(|device| device.kind() != PciClass::Bridge) else { continue };
        let Some(group) = device.iommu_group.filter(|group| !seen.contains(group)) else { continue };
        seen.push(group);
        notes.looked();
        let stays = |other: &&crate::facts::PciDevice| {
            other.iommu_group == Some(group) && other.class >> 8 == 0x0604 && !card::is_bound(other)
        };
        let ports = subject.facts.pci.items().iter().filter(stays);
        let ports: Vec<PciAddress> = ports.map(|port| port.address).collect();
        if !ports.is_empty() {
            let (what, verb) = if ports.len() == 1 { ("bridge", "stays") } else { ("bridges", "stay") };
            let message = text!(
                "the {what} {ports} of group {group} {verb} with the host",
                what,
                ports = Arg::all(ports),
                group,
                verb
            );
            notes.info(row.place(), message, "");
        }
    }
}

fn rmrr(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let Some(group) = leaving.device.iommu_group.filter(|_| groups_mean_something(subject)) else { continue };
        let what = text!("whether the firmware reserves memory for IOMMU group {group}", group);
        let Some(details) = subject.facts.groups.get(&group) else {
            notes.unknown(leaving.row.place(), &what, "the details of this group have not been read");
            continue;
        };
        if notes.known(&details.reserved, || leaving.row.place(), &what).is_some() && details.is_held_by_firmware() {
            let message = text!(
                "{named} in group {group} is reserved by the firmware (RMRR): VFIO does not pass it",
                named = named(&leaving),
                group
            );
            let way_out =
                "exclude the slot from shared memory in the firmware setup (HPE: conrep), or use another slot";
            notes.blocker(leaving.topic(), message, way_out);
        }
    }
}

fn physical_function(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let details = subject.facts.details.get(&leaving.device.address);
        let sriov = match leaving.device.kind() {
            PciClass::Nic => detail(subject, notes, &leaving, |details| &details.sriov, "the virtual functions of"),
            // Few others have any, so that nothing is said where it is not known.
            _ => details.and_then(|details| details.sriov.get()),
        };
        let functions = sriov.and_then(Option::as_ref).map(|sriov| sriov.functions.as_slice()).unwrap_or_default();
        if functions.is_empty() {
            continue;
        }
        let held = functions.iter().find_map(|function| {
            let holder = subject.holders_of(*function).into_iter().next()?;
            Some(text!(", {function} assigned to VM '{holder}'", function, holder = holder.name))
        });
        let message = text!(
            "{named} has {count} virtual functions{held}",
            named = named(&leaving),
            count = functions.len(),
            held = held.unwrap_or_default()
        );
        notes.lock_out(
            leaving.row.place(),
            leaving.device.address,
            message,
            "pass a virtual function instead, or remove them all first",
        );
    }
}

fn virtual_function(subject: &Subject, notes: &mut Notes) {
    for row in subject.pci.iter().filter(|_| groups_mean_something(subject)) {
        let Some(details) = subject.facts.details.get(&row.address) else { continue };
        let Some(Some(physical)) = details.physical_function.get() else { continue };
        notes.looked();
        let group = |address: PciAddress| {
            subject.facts.pci.items().iter().find(|device| device.address == address)?.iommu_group
        };
        if let Some(number) = group(row.address).filter(|number| group(*physical) == Some(*number)) {
            let message = text!(
                "the virtual function {address} shares group {number} with its physical function {physical}",
                address = row.address,
                number,
                physical
            );
            notes.blocker(
                row.place(),
                message,
                "move the card to a slot whose ports have ACS, usually one of the processor",
            );
        }
    }
}

/// Intel's controllers of this kind, by device; other RAID controllers of the vendor have the same class.
const VMD: [u16; 10] = [0x201d, 0x28c0, 0x467f, 0x4c3d, 0x7d0b, 0x9a0b, 0xa77f, 0xad0b, 0xb06f, 0xb60b];

fn vmd(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let device = leaving.device;
        let named_vmd = VMD.contains(&device.device) || device.driver.as_deref() == Some("vmd");
        let is_vmd = device.vendor == 0x8086 && device.class >> 8 == 0x0104 && named_vmd;
        if !is_vmd && device.kind() != PciClass::Nvme {
            continue;
        }
        notes.looked();
        if is_vmd || device.address.domain >= 0x1_0000 {
            let what = if is_vmd { "is Intel VMD, and takes" } else { "is behind Intel VMD, with" };
            let message = text!("{named} {what} all drives that it hides", named = named(&leaving), what);
            notes.warning(
                Topic::from(leaving.row.place()).about(device.address),
                message,
                "turn VMD off in the firmware, after preparing the host for it",
            );
        }
    }
}
