//! Checks of what passing host PCI functions means: for the host that loses them, and whether it can work at all. In the
//! order in which operators think: IOMMU, isolation, owner and driver, reset, the card itself.

pub(super) mod bind;
pub(super) mod boot_chain;
pub(super) mod chipset;
pub(super) mod command_line;
pub(super) mod custom_xml;
pub(super) mod gpu;
pub(super) mod group;
pub(super) mod guest;
pub(super) mod kernel;
pub(super) mod link;
pub(super) mod nvswitch;
pub(super) mod own_switch;
pub(super) mod radeon;
pub(super) mod remedy;
pub(super) mod reset;
pub(super) mod shared;
pub(super) mod space;
pub(super) mod used;
pub(super) mod vgpu;

use super::subject::Leaving;
use super::text::{Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::{Fact, PciDetails};
use crate::spec::Place;

/// What a row of this folder does not say: many checks here rest on few facts.
const DEVICE: Check = Check { folded: true, ..Check::DEVICE };

/// `items` of the same key together, in the order in which the keys first come.
pub(super) fn grouped<T, K: PartialEq>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for item in items {
        let own = key(&item);
        match groups.iter_mut().find(|(known, _)| *known == own) {
            Some((_, members)) => members.push(item),
            None => groups.push((own, vec![item])),
        }
    }
    groups
}

/// The place of what concerns the host as such.
fn host_place(_: &Subject) -> Place {
    field("pci_devices")
}

/// The value of `fact`, where passthrough is a subject at all; the note that `what` could not be judged otherwise.
fn of_host<'a, T>(subject: &Subject, notes: &mut Notes, fact: &'a Fact<T>, what: &'static str) -> Option<&'a T> {
    if !subject.wants_passthrough() {
        return None;
    }
    notes.known(fact, || host_place(subject), what)
}

/// A detail of a function, or the note that `what` could not be judged.
fn detail<'a, T>(
    subject: &Subject<'a>,
    notes: &mut Notes,
    leaving: &Leaving,
    read: impl Fn(&'a PciDetails) -> &'a Fact<T>,
    what: &'static str,
) -> Option<&'a T> {
    let what = text!("{what} {address}", what, address = leaving.device.address);
    let place = || leaving.row.place();
    if let Some(details) = subject.facts.details.get(&leaving.device.address) {
        return notes.known(read(details), place, &what);
    }
    notes.unknown(place(), &what, "the details of this function have not been read");
    None
}

/// `0000:01:00.0 (NVIDIA AD103)`.
fn named(leaving: &Leaving) -> Text {
    let name = text!("{address} ({label})", address = leaving.device.address, label = leaving.device.label());
    match leaving.held {
        true if leaving.device.address == leaving.row.address => text!("{name}, which is held,", name),
        true => text!("{name}, which is added with {address},", name, address = leaving.row.address),
        false => name,
    }
}
