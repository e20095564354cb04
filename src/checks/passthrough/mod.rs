//! Checks of what passing host PCI functions means: for the host that loses them, and whether it can work at all. In the
//! order in which operators think: IOMMU, isolation, owner and driver, reset, the card itself.

pub(super) mod bind;
pub(super) mod chipset;
pub(super) mod command_line;
pub(super) mod custom_xml;
pub(super) mod gpu;
pub(super) mod group;
pub(super) mod guest;
pub(super) mod kernel;
pub(super) mod link;
pub(super) mod remedy;
pub(super) mod reset;
pub(super) mod shared;
pub(super) mod space;
pub(super) mod taking;
pub(super) mod used;

use super::pci::place;
use super::subject::Leaving;
use super::wording::field;
use super::{Check, Finding, Notes, Severity, Subject, table};
use crate::facts::{Fact, PciDetails};
use crate::spec::Place;
use std::collections::BTreeMap;

/// What a row of this folder does not say: many checks here rest on few facts.
const DEVICE: Check = Check { folded: true, ..Check::DEVICE };

/// Of what could not be judged for one reason only the first is said, with the number of the rest: where a part of the
/// facts is missing, all that rests on it is.
pub(super) fn fold(findings: &mut Vec<Finding>) {
    let mine = |code| table::explain(code).is_some_and(|check| check.folded);
    let reason = |finding: &Finding| {
        let unknown = finding.severity == Severity::Unknown && mine(finding.code);
        unknown.then(|| finding.message.rsplit_once(" (").map(|(_, reason)| reason.to_owned())).flatten()
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for reason in findings.iter().filter_map(reason) {
        *counts.entry(reason).or_default() += 1;
    }
    findings.retain_mut(|finding| {
        let Some(reason) = reason(finding) else { return true };
        // The first takes the count with it, and leaves none to the others.
        let Some(count) = counts.remove(&reason) else { return false };
        if let Some((what, _)) = finding.message.rsplit_once(" (").filter(|_| count > 1) {
            finding.message = format!("{what}, and {} more of passthrough ({reason}", count - 1);
        }
        true
    });
}

/// The place of what concerns the host as such.
fn host_place(_: &Subject) -> Place {
    field("pci_devices")
}

/// The value of `fact`, where passthrough is a subject at all; the note that `what` could not be judged otherwise.
fn of_host<'a, T>(subject: &Subject, notes: &mut Notes, fact: &'a Fact<T>, what: &str) -> Option<&'a T> {
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
    what: &str,
) -> Option<&'a T> {
    let what = format!("{what} {}", leaving.device.address);
    let place = || place(leaving.row.row);
    if let Some(details) = subject.facts.details.get(&leaving.device.address) {
        return notes.known(read(details), place, &what);
    }
    notes.unknown(place(), &what, "the details of this function have not been read");
    None
}

/// `0000:01:00.0 (NVIDIA AD103)`.
fn named(leaving: &Leaving) -> String {
    let name = format!("{} ({})", leaving.device.address, leaving.device.label());
    match leaving.held {
        true if leaving.device.address == leaving.row.address => format!("{name}, which is held,"),
        true => format!("{name}, which goes along with {},", leaving.row.address),
        false => name,
    }
}
