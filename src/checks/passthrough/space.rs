//! Checks of the addresses that devices answer at, and of the memory they are near to.

use super::super::subject::Leaving;
use super::super::text::{Arg, text};
use super::super::wording::field;
use super::super::{Check, Notes, Scope, Subject};
use super::{DEVICE, detail, grouped, host_place, named, of_host, remedy};
use crate::facts::pci_details::Bar;
use crate::facts::{PciClass, PciDetails, PciDevice};
use crate::machine::{Chipset, Feature, GuestSlot};
use crate::units::{Bytes, GIB, PciAddress};
use std::collections::BTreeSet;

pub(in super::super) static CHECKS: &[&Check] =
    &[&BAR_NOT_ASSIGNED, &BAR_LARGE, &BAR_REBAR, &HOST_DMA_ENTRY_LIMIT, &NUMA_SPAN, &NUMA_EXPANDER, &HOST_PHYSBITS];

pub(in super::super) static BAR_NOT_ASSIGNED: Check = Check {
    code: "BAR-NOT-ASSIGNED",
    title: "all device BARs are assigned",
    short: "BAR without address",
    explain: "The firmware or the kernel found no address for one of the device's BARs (\"BAR n: no space\"). The \
              device cannot work, in a guest or on the host. Enable \"Above 4G Decoding\" in the firmware and disable \
              CSM; the kernel option pci=realloc helps some boards.",
    run: Some(unassigned),
    ..DEVICE
};

pub(in super::super) static BAR_LARGE: Check = Check {
    code: "BAR-LARGE",
    title: "guest MMIO space fits the BARs",
    explain: "The BARs of the device are larger than the space that guest firmware reserves by default. Newer UEFI \
              (from 2023) follows the CPU's address width, which cpu mode host-passthrough shows it; older UEFI must \
              be configured.",
    run: Some(large),
    ..DEVICE
};

static BAR_REBAR: Check = Check {
    code: "BAR-REBAR",
    title: "resizable BARs are at full size",
    explain: "The device supports a larger BAR (resizable BAR) than it has now. The guest sees the size that the host has \
              set, and cannot change it: older versions of QEMU hide the ability, from 8.1 on it offers this one size. Set it while no driver is bound, from Linux 6.1 on: \
              'echo 14 > /sys/bus/pci/devices/ADDRESS/resource1_resize' for 16 GiB. Some AMD cards work in Windows \
              guests only with a small BAR.",
    run: Some(resizable),
    ..DEVICE
};

static HOST_DMA_ENTRY_LIMIT: Check = Check {
    code: "HOST-DMA-ENTRY-LIMIT",
    title: "VFIO DMA entry limit is high enough",
    explain: "A VFIO container maps the guest's memory in a limited number of pieces (dma_entry_limit of \
              vfio_iommu_type1, 65535 by default). If the limit was lowered, guests with much memory fail: \
              \"VFIO_MAP_DMA ... No space left on device\". Raise it again, or use huge pages.",
    scope: Scope::Host(19),
    run: Some(entries),
    ..DEVICE
};

static NUMA_SPAN: Check = Check {
    code: "NUMA-SPAN",
    title: "passed devices are on one NUMA node",
    explain: "Devices on several NUMA nodes go to a guest that has only one: half of their transfers cross the link \
              between the processors. Give the guest NUMA cells for these nodes, or choose devices of one node. A \
              device without a reported node is not on node 0.",
    run: Some(numa),
    ..DEVICE
};

static NUMA_EXPANDER: Check = Check {
    code: "NUMA-EXPANDER",
    title: "guest sees the NUMA node of its cards",
    explain: "A guest with several NUMA cells learns from the PCI bus which of them a card is near. For this, each \
              node with cards gets a bus of its own (pcie-expander-bus) with the ports of its cards below. It needs \
              machine type q35, NUMA cells that map to several host nodes (numa.cells[].node), and cards whose node \
              the host reports. numa.expander_buses = false leaves all cards on the machine's one bus.",
    run: Some(expanders),
    ..DEVICE
};

pub(in super::super) static HOST_PHYSBITS: Check = Check {
    code: "HOST-PHYSBITS",
    title: "IOMMU address width matches the CPU",
    explain: "The IOMMU of this machine translates narrower addresses than the CPU supports (39 bits on many Intel \
              desktop processors). A guest that sees the CPU's width may place BARs where the IOMMU does not reach: \
              \"VFIO_MAP_DMA failed: Invalid argument\". The guest's CPU gets the width of the IOMMU with <maxphysaddr \
              mode='passthrough' limit='39'/> (libvirt 9.3 and later).",
    scope: Scope::Host(18),
    run: Some(width),
    ..DEVICE
};

/// What the firmware of guests sets aside by default.
const WINDOW: u64 = 32 * GIB;

fn unassigned(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let Some(bars) = detail(subject, notes, &leaving, |details| &details.bars, "the BARs of") else { continue };
        if let Some(bar) = bars.iter().find(|bar| !bar.assigned && bar.size.0 > 0) {
            let message = text!(
                "{named}: BAR {index} of {size} has no address",
                named = named(&leaving),
                index = bar.index,
                size = bar.size
            );
            notes.blocker(leaving.topic(), message, "enable 'Above 4G Decoding' in the firmware, and disable CSM");
        }
    }
}

fn large(subject: &Subject, notes: &mut Notes) {
    let mut large: Vec<(Leaving, Bytes)> = Vec::new();
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held) {
        let Some(_) = detail(subject, notes, &leaving, |details| &details.bars, "the BARs of") else { continue };
        let details = subject.facts.details.get(&leaving.device.address);
        let sum = details.map(PciDetails::wide_memory).filter(|sum| sum.0 > WINDOW);
        large.extend(sum.map(|sum| (leaving, sum)));
    }
    for (sum, cards) in grouped(large, |(_, sum)| *sum) {
        let Some((first, _)) = cards.first() else { continue };
        let names = Arg::all(cards.iter().map(|(leaving, _)| named(leaving)));
        let (verb, each) = if cards.len() == 1 { ("has", "") } else { ("have", " each") };
        let message = text!(
            "{names} {verb} BARs of {sum}{each}, more than {gib} GiB",
            names,
            verb,
            sum,
            each,
            gib = WINDOW / GIB
        );
        let way_out = match subject.machine.address_space.window {
            Some(window) => text!("the guest gets {window} of space; its UEFI must be of 2023 or later", window),
            None => "use q35 with UEFI of 2023 or later, and keep the host's CPU (cpu mode host-passthrough)".into(),
        };
        notes.warning(first.topic(), message, way_out);
    }
}

fn resizable(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| !leaving.held) {
        let bars = subject.facts.details.get(&leaving.device.address).and_then(|details| details.bars.get());
        let Some(bars) = bars.filter(|_| leaving.device.computes()) else { continue };
        notes.looked();
        let larger = |bar: &&Bar| bar.sizes.items().last().is_some_and(|largest| *largest > bar.size);
        if let Some((bar, largest)) = bars.iter().find(larger).and_then(|bar| Some((bar, bar.sizes.items().last()?))) {
            let message = text!(
                "{named}: BAR {index} has {size} and supports {largest}",
                named = named(&leaving),
                index = bar.index,
                size = bar.size,
                largest
            );
            let way_out = text!(
                "set it while no driver is bound: echo {order} > /sys/bus/pci/devices/{address}/resource{index}_resize",
                order = (largest.0 >> 20).max(1).ilog2(),
                address = leaving.device.address,
                index = bar.index
            );
            notes.info(leaving.topic(), message, way_out);
        }
    }
}

/// What the kernel allows by itself.
const ENTRIES: u32 = 65_535;

fn entries(subject: &Subject, notes: &mut Notes) {
    let limit = subject.facts.vfio.get().and_then(|vfio| vfio.dma_entry_limit.get());
    let Some(limit) = limit.filter(|_| subject.wants_passthrough()) else { return };
    notes.looked();
    if *limit < ENTRIES {
        let message = text!(
            "VFIO maps a guest's memory in at most {limit} pieces (dma_entry_limit; {default} by default)",
            limit,
            default = ENTRIES
        );
        let place = remedy::module_settings(subject.facts);
        notes.info(
            host_place(subject),
            message,
            text!("remove dma_entry_limit from {place}, or use huge pages", place),
        );
    }
}

fn numa(subject: &Subject, notes: &mut Notes) {
    let heavy = |device: &PciDevice| device.computes() || matches!(device.kind(), PciClass::Nvme | PciClass::Nic);
    let rows = subject.passed().filter_map(|row| Some((row, row.device?))).filter(|(_, device)| heavy(device));
    let numbers: BTreeSet<u32> = rows.clone().filter_map(|(_, device)| device.numa_node).collect();
    // One device cannot span, and machines of one node do not number it.
    if rows.clone().count() < 2 || numbers.is_empty() {
        return;
    }
    notes.looked();
    // A guest whose nodes stand for those of the cards knows what each is near to.
    let told: BTreeSet<u32> = subject.machine.backing.cells.iter().filter_map(|cell| cell.node).collect();
    if numbers.len() > 1 && !numbers.is_subset(&told) {
        let message = text!("the devices are on the NUMA nodes {nodes}", nodes = Arg::all(&numbers));
        notes.warning(
            host_place(subject),
            message,
            "choose devices of one node, or give the guest these nodes: cpu.pinning.auto proposes them, numa.cells says \
             so by hand",
        );
    }
}

fn expanders(subject: &Subject, notes: &mut Notes) {
    let asked = subject.spec.numa.as_ref().and_then(|numa| numa.expander_buses);
    let machine = subject.machine;
    let at = || field("numa").key("expander_buses");
    let told: BTreeSet<u32> = machine.backing.cells.iter().filter_map(|cell| cell.node).collect();
    if machine.slots.is_empty() || (asked.is_none() && told.len() < 2) {
        return;
    }
    notes.looked();
    if asked == Some(true) && machine.expanders.is_empty() {
        let why = match machine.chipset {
            Chipset::Q35 if told.len() < 2 => {
                "the guest's NUMA cells do not map to several host nodes (numa.cells[].node)"
            }
            Chipset::Q35 => "no passed card is on a node that the guest sees",
            _ => "only machine type q35 supports such buses",
        };
        notes.warning(at(), text!("no card gets a bus of its node: {why}", why), "remove expander_buses, or fix that");
        return;
    }
    let loose = |slot: &&GuestSlot| {
        let bus = slot.functions.first().map(|first| first.guest.value.bus);
        machine.expanders.iter().all(|expander| !expander.ports.iter().any(|port| Some(*port) == bus))
    };
    let loose: Vec<PciAddress> =
        machine.slots.iter().filter(loose).filter_map(|slot| slot.functions.first()).map(|f| f.host).collect();
    if !loose.is_empty() {
        let message = text!("the guest does not see the node of {loose}", loose = Arg::all(loose));
        let way_out = match (asked, machine.chipset) {
            (Some(false), _) => "leave expander_buses out",
            (_, Chipset::Q35) => "give the guest the node of the card, and leave its guest_address out",
            _ => "use machine type q35",
        };
        notes.info(at(), message, way_out);
    }
}

fn width(subject: &Subject, notes: &mut Notes) {
    let what = "how wide the IOMMU's addresses are";
    // AMD's IOMMU has no such limit, and a host without one has a worse one.
    let Some(kernel) = subject.facts.kernel.get() else {
        let _ = of_host(subject, notes, &subject.facts.kernel, what);
        return;
    };
    let (Some(iommu), Some(cpu)) = (kernel.iommu_address_bits.get(), kernel.cpu.get()) else { return };
    let Some(bits) = cpu.address_bits.filter(|_| subject.wants_passthrough()) else { return };
    notes.looked();
    if *iommu < bits {
        let message = text!("the IOMMU translates {iommu} bits, the CPU has {bits}", iommu, bits);
        let limited = subject.machine.address_space.width.is_some() || subject.host_alone;
        if !limited || subject.machine.dropped.contains(&Feature::AddressWidth) {
            let way_out = text!("update libvirt to 9.3 or later, which limits the guest to {iommu} bits", iommu);
            notes.warning(host_place(subject), message, way_out);
        } else {
            let way_out = text!("nothing to do: a guest with passed devices is limited to {iommu} bits", iommu);
            notes.info(host_place(subject), message, way_out);
        }
    }
}
