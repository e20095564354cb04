//! Where host PCI functions sit in the guest: one host card, one guest slot.

use super::cpu::{self, Vendor};
use super::memory::Cell;
use super::{Chipset, Choice, Expander, card, expander, rom_bar};
use crate::facts::pci::{AMD_GRAPHICS, NVIDIA};
use crate::facts::{self, Facts, PciClass};
use crate::spec::{PciDevice, Place, Spec, filled};
use crate::units::PciAddress;
use std::collections::{BTreeMap, HashSet};

/// One guest slot that holds the functions of one host card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestSlot {
    /// The functions, function 0 first.
    pub functions: Vec<GuestFunction>,
}

/// One host function in its guest place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestFunction {
    /// `pci_devices[row]`.
    pub place: Place,
    /// On the host.
    pub host: PciAddress,
    /// In the guest.
    pub guest: Choice<PciAddress>,
    /// Written on function 0 of a slot with several functions, or where asked for.
    pub multifunction: bool,
    /// Video BIOS image.
    pub rom_file: Option<String>,
    /// Whether the guest sees its ROM.
    pub rom_bar: Choice<bool>,
    /// Whether libvirt takes it from its driver at the start and returns it at the end.
    pub managed: Choice<bool>,
    /// First display of the guest.
    pub primary_gpu: bool,
    /// Place in the boot order.
    pub boot_order: Option<u32>,
    /// What it is; `None` where the host has not said.
    pub kind: Option<PciClass>,
}

impl GuestSlot {
    /// True where the slot holds a display controller, as far as the host or the spec tells.
    pub fn is_gpu(&self) -> bool {
        self.functions.iter().any(GuestFunction::is_gpu)
    }
}

impl GuestFunction {
    /// True for a display controller, as far as the host or the spec tells.
    pub fn is_gpu(&self) -> bool {
        match self.kind {
            Some(kind) => kind == PciClass::Gpu,
            None => self.primary_gpu || self.rom_file.is_some(),
        }
    }
}

/// First guest bus for cards. Buses 1 to 8 stay for the root ports of libvirt's own devices.
pub const FIRST_BUS: u8 = 0x09;
/// First slot of bus 0 for cards on the pc machine, whose own devices sit below.
const FIRST_SLOT: u8 = 0x10;
/// Slots of a bus.
const SLOTS: u8 = 32;

/// A row with an address that reads, and its place in the guest once it has one.
struct AddressedRow<'a> {
    number: usize,
    device: &'a PciDevice,
    host: PciAddress,
    guest: Option<Choice<PciAddress>>,
}

/// The guest slots, in the order in which their cards appear in the spec. Rows without a readable host address and rows
/// that are held are left out. Addresses asked for stand as they are; everything else follows the card.
fn slots(spec: &Spec, facts: &Facts, chipset: Chipset, expanders: &[Expander]) -> Vec<GuestSlot> {
    let passed = spec.pci_devices.iter().flatten().enumerate().filter(|(_, device)| !device.is_held());
    let mut rows: Vec<AddressedRow<'_>> = passed.filter_map(|(row, device)| AddressedRow::read(row, device)).collect();
    let mut free = FreeSlots::new(chipset, &rows, expanders);
    let cards: Vec<PciAddress> = rows.iter().map(|row| row.host.with_function(0)).collect();
    let mut seen = HashSet::new();
    for card in cards.into_iter().filter(|card| seen.insert(*card)) {
        place_card(card, &mut rows, &mut free);
    }
    gather(rows, facts)
}

impl<'a> AddressedRow<'a> {
    fn read(row: usize, device: &'a PciDevice) -> Option<Self> {
        let host = filled(device.host_address.as_deref())?.parse().ok()?;
        let asked = filled(device.guest_address.as_deref()).and_then(|text| text.parse().ok());
        let guest = asked.map(|address| Choice::asked(address, Place::row("pci_devices", row, "guest_address")));
        Some(Self { number: row, device, host, guest })
    }
}

/// Puts the functions of one card that have no place yet on one slot: that of its first function with an address asked
/// for, else a free one. Function numbers are kept; the lowest becomes 0 where the slot would have none, because a guest
/// looks at no other function before.
fn place_card(card: PciAddress, rows: &mut [AddressedRow<'_>], free: &mut FreeSlots) {
    let mut loose: Vec<usize> = Vec::new();
    let mut slot = None;
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.host.same_slot(card)) {
        match &row.guest {
            Some(guest) => slot = slot.or(Some(guest.value)),
            None => loose.push(index),
        }
    }
    if loose.is_empty() {
        return;
    }
    let slot = slot.unwrap_or_else(|| free.take()).with_function(0);
    let on_slot =
        |row: &AddressedRow<'_>| row.guest.as_ref().map(|guest| guest.value).filter(|guest| guest.same_slot(slot));
    let mut taken: HashSet<u8> = rows.iter().filter_map(on_slot).map(|guest| guest.function).collect();
    loose.sort_by_key(|index| rows.get(*index).map(|row| row.host.function));
    let zero_is_there = taken.contains(&0);
    let alone = taken.is_empty() && loose.len() == 1;
    for (nth, index) in loose.into_iter().enumerate() {
        let Some(row) = rows.get_mut(index) else { continue };
        let wanted = if nth == 0 && !zero_is_there { 0 } else { row.host.function };
        let Some(function) = std::iter::once(wanted).chain(0..8).find(|function| !taken.contains(function)) else {
            continue;
        };
        taken.insert(function);
        let why = match function == row.host.function {
            true if alone => "a slot of its own",
            true => "the functions of a card share one slot",
            false => "a slot needs a function 0",
        };
        row.guest = Some(Choice::default(slot.with_function(function), why));
    }
}

/// Groups placed rows by guest slot.
fn gather(rows: Vec<AddressedRow<'_>>, facts: &Facts) -> Vec<GuestSlot> {
    let mut order = Vec::new();
    let mut slots: BTreeMap<PciAddress, Vec<GuestFunction>> = BTreeMap::new();
    for row in rows {
        let Some(guest) = row.guest else { continue };
        let slot = guest.value.with_function(0);
        let functions = slots.entry(slot).or_default();
        if functions.is_empty() {
            order.push(slot);
        }
        let device = facts.pci.items().iter().find(|device| device.address == row.host);
        let rom_bar = Place::row("pci_devices", row.number, "rom_bar");
        functions.push(GuestFunction {
            place: Place::root().key("pci_devices").index(row.number),
            host: row.host,
            guest,
            multifunction: row.device.multifunction.unwrap_or(false),
            rom_bar: rom_bar::rom_bar(row.device, rom_bar, device, facts),
            managed: managed(facts, device),
            rom_file: filled(row.device.rom_file.as_deref()).map(ToOwned::to_owned),
            primary_gpu: row.device.primary_gpu.unwrap_or(false),
            boot_order: row.device.boot_order,
            kind: device.map(facts::PciDevice::kind),
        });
    }
    order.into_iter().filter_map(|slot| slots.remove(&slot)).map(slot_of).collect()
}

fn managed(facts: &Facts, device: Option<&facts::PciDevice>) -> Choice<bool> {
    match device {
        Some(device) if card::is_vgpu(facts, device) => {
            Choice::default(false, "a vGPU stays on its driver nvidia: another driver would end it")
        }
        _ => Choice::default(true, "libvirt binds vfio-pci at the start and returns the device when the VM stops"),
    }
}

/// Function 0 first, and marked where it is not alone.
fn slot_of(mut functions: Vec<GuestFunction>) -> GuestSlot {
    functions.sort_by_key(|function| function.guest.value.function);
    let several = functions.len() > 1;
    for function in &mut functions {
        function.multifunction |= several && function.guest.value.function == 0;
    }
    GuestSlot { functions }
}

/// Guest slots that nothing has asked for.
struct FreeSlots {
    chipset: Chipset,
    /// Slots of addresses asked for, and slots given out.
    taken: HashSet<PciAddress>,
}

impl FreeSlots {
    fn new(chipset: Chipset, rows: &[AddressedRow<'_>], expanders: &[Expander]) -> Self {
        let asked = rows.iter().filter_map(|row| row.guest.as_ref()).map(|guest| guest.value.with_function(0));
        // A bus has the number of its controller.
        let roots = expanders.iter().map(|bus| PciAddress { domain: 0, bus: bus.index, slot: 0, function: 0 });
        Self { chipset, taken: asked.chain(roots).collect() }
    }

    /// The next free slot. There are more slots than a guest can have cards; after the last the first is given again,
    /// and libvirt refuses the collision.
    fn take(&mut self) -> PciAddress {
        let at = |bus, slot| PciAddress { domain: 0, bus, slot, function: 0 };
        let slot = if self.chipset.is_pci_express() {
            // A root port holds one device, in slot 0; a bus with anything on it is left alone.
            let used: HashSet<u8> = self.taken.iter().filter(|slot| slot.domain == 0).map(|slot| slot.bus).collect();
            (FIRST_BUS..=u8::MAX).find(|bus| !used.contains(bus)).map(|bus| at(bus, 0))
        } else {
            let first_bus = (FIRST_SLOT..SLOTS).map(|slot| at(0, slot));
            let behind_bridge = (1..SLOTS).map(|slot| at(1, slot));
            first_bus.chain(behind_bridge).find(|slot| !self.taken.contains(slot))
        };
        let slot = slot.unwrap_or_else(|| at(FIRST_BUS, 0));
        self.taken.insert(slot);
        slot
    }
}

/// NVIDIA's consumer drivers for Windows before 2021 refuse to start where they see KVM; hiding it costs nothing today.
/// Data-centre cards, which are 3D controllers without a display, never cared.
pub(super) fn hide_kvm(slots: &[GuestSlot], facts: &Facts, windows: bool) -> Choice<bool> {
    let passed = |address| slots.iter().flat_map(|slot| &slot.functions).any(|function| function.host == address);
    let mut devices = facts.pci.items().iter();
    let geforce =
        devices.any(|device| device.vendor == NVIDIA && device.class >> 8 == 0x0300 && passed(device.address));
    if windows && geforce {
        Choice::default(true, "older NVIDIA drivers for Windows refuse to run on KVM")
    } else {
        Choice::default(false, "no device here needs it hidden")
    }
}

/// The vendor of the hypervisor that Windows is told beside KVM's Hyper-V features. Drivers of GeForce cards refuse what they
/// know; those of AMD's cards are slow unless it is the vendor of the CPU.
pub(super) fn hypervisor_vendor(
    slots: &[GuestSlot],
    facts: &Facts,
    windows: bool,
    hidden: bool,
) -> Choice<Option<String>> {
    let passed = |address| slots.iter().flat_map(|slot| &slot.functions).any(|function| function.host == address);
    let radeon = |device: &facts::PciDevice| {
        device.vendor == AMD_GRAPHICS && device.kind() == PciClass::Gpu && passed(device.address)
    };
    let cpu = windows.then(|| cpu_vendor(facts)).flatten();
    match cpu.filter(|_| facts.pci.items().iter().any(radeon)) {
        Some(vendor) => Choice::default(Some(vendor), "drivers of AMD cards for Windows are slow without it"),
        None if hidden => Choice::default(Some("vmbuild".into()), "it goes with hiding KVM"),
        None => Choice::default(None, "no device here needs it"),
    }
}

/// The vendor as CPUID has it.
fn cpu_vendor(facts: &Facts) -> Option<String> {
    match cpu::vendor(facts) {
        Vendor::Amd => Some("AuthenticAMD".into()),
        Vendor::Intel => Some("GenuineIntel".into()),
        Vendor::Other => None,
    }
}

/// The guest slots, and the buses of the guest's nodes with their ports.
pub(super) fn placed(spec: &Spec, facts: &Facts, chipset: Chipset, cells: &[Cell]) -> (Vec<GuestSlot>, Vec<Expander>) {
    let mut expanders = expander::expanders(spec, facts, chipset, cells);
    let slots = slots(spec, facts, chipset, &expanders);
    attach(&mut expanders, &slots, facts);
    (slots, expanders)
}

/// Gives each bus the ports of the cards that are on its node. A card that was given a place of its own by the spec
/// stays where that is, unless it is a port above the bus.
fn attach(expanders: &mut [Expander], slots: &[GuestSlot], facts: &Facts) {
    for slot in slots {
        let Some(first) = slot.functions.first() else { continue };
        let guest = first.guest.value;
        let Some(expander) = expanders.iter_mut().find(|known| Some(known.node) == expander::node(facts, first.host))
        else {
            continue;
        };
        if guest.domain == 0 && guest.slot == 0 && guest.bus > expander.index {
            expander.ports.push(guest.bus);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    /// Guest addresses of host functions, given as `host` or `host>guest`.
    fn placed(chipset: Chipset, rows: &[&str]) -> Vec<String> {
        let rows = rows.iter().map(|row| match row.split_once('>') {
            Some((host, guest)) => json!({"host_address": host, "guest_address": guest}),
            None => json!({"host_address": row}),
        });
        let spec = serde_json::from_value(json!({"pci_devices": rows.collect::<Vec<_>>()})).unwrap();
        let slots = slots(&spec, &Facts::default(), chipset, &[]);
        let functions = slots.iter().flat_map(|slot| &slot.functions);
        functions
            .map(|f| format!("{}>{}{}", f.host.short(), f.guest.value.short(), if f.multifunction { "*" } else { "" }))
            .collect()
    }

    #[test]
    fn a_card_keeps_its_functions_on_one_slot() {
        let want = ["01:00.0>09:00.0*", "01:00.1>09:00.1", "04:00.0>0a:00.0"];
        assert_eq!(placed(Chipset::Q35, &["01:00.1", "04:00.0", "01:00.0"]), want);
        assert_eq!(placed(Chipset::Pc, &["01:00.0", "04:00.0"]), ["01:00.0>00:10.0", "04:00.0>00:11.0"]);
    }

    #[test]
    fn a_slot_never_lacks_function_0_by_itself() {
        assert_eq!(placed(Chipset::Q35, &["0e:00.3"]), ["0e:00.3>09:00.0"]);
        assert_eq!(placed(Chipset::Q35, &["0e:00.3", "0e:00.4"]), ["0e:00.3>09:00.0*", "0e:00.4>09:00.4"]);
    }

    #[test]
    fn addresses_asked_for_stand_and_the_card_follows() {
        let want = ["01:00.0>05:00.0*", "01:00.1>05:00.1"];
        assert_eq!(placed(Chipset::Q35, &["01:00.0>05:00.0", "01:00.1"]), want);
        assert_eq!(placed(Chipset::Q35, &["01:00.0", "04:00.0>09:00.0"]), ["01:00.0>0a:00.0", "04:00.0>09:00.0"]);
        assert_eq!(placed(Chipset::Q35, &["01:00.1>05:00.1"]), ["01:00.1>05:00.1"]);
    }

    #[test]
    fn what_is_no_address_has_no_slot() {
        assert_eq!(placed(Chipset::Q35, &["", "x", "01:00.0>y"]), ["01:00.0>09:00.0"]);
    }
}
