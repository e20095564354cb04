//! What taking a card would mean, told before it is taken. Computed when it is looked at and kept until facts change.

use crate::app::App;
use crate::checks::{self, Finding, Severity, Taken};
use crate::facts::{PciClass, PciDevice};
use crate::machine::Role;
use crate::units::{PciAddress, listed};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What taking the card with one function would mean, by that function.
pub(super) type Memory = RefCell<BTreeMap<PciAddress, Rc<Taken>>>;

/// What taking the card of the function at `address` would mean.
pub fn taking(app: &App, address: PciAddress) -> Rc<Taken> {
    let known = app.pci.verdicts.borrow().get(&address).cloned();
    known.unwrap_or_else(|| {
        let taken = Rc::new(checks::take_holding(&app.facts, &[address]));
        app.pci.verdicts.borrow_mut().insert(address, taken.clone());
        taken
    })
}

/// The worst of findings as a verdict: its severity, where it is none that can be left alone, and why in a few words.
pub fn verdict<'a>(findings: impl Iterator<Item = &'a Finding>) -> (Option<Severity>, String) {
    let mut findings: Vec<&Finding> = findings.filter(|finding| finding.severity() != Severity::Info).collect();
    findings.sort_by_key(|finding| (finding.severity(), finding.check.rank));
    let Some(worst) = findings.first() else { return (None, "ready".into()) };
    let why = match worst.severity() {
        Severity::Unknown => format!("{} not checked", findings.len()),
        Severity::Blocker => format!("blocked: {}", reason(worst)),
        Severity::Warning | Severity::Info => reason(worst).to_owned(),
    };
    (Some(worst.severity()), why)
}

/// A finding in two or three words, its code where it has none.
fn reason(finding: &Finding) -> &'static str {
    match finding.check.short {
        "" => finding.code(),
        short => short,
    }
}

/// How the members of an IOMMU group belong together: `isolated, 2 functions`, `3 devices must go together`.
pub fn isolation(app: &App, group: u32) -> String {
    let members = app.facts.pci.items().iter().filter(|device| device.iommu_group == Some(group));
    let members: Vec<&PciDevice> = members.filter(|device| device.kind() != PciClass::Bridge).collect();
    // What the host does not drive stays where it is, and nobody has to decide about it.
    let driven = members.iter().filter(|device| device.driver.is_some());
    let first = driven.clone().next().or(members.first());
    let Some(first) = first else { return "bridges only".into() };
    let card = |address: PciAddress| if address.bus == 0 { address } else { address.with_function(0) };
    let mut cards: Vec<PciAddress> = driven.map(|device| card(device.address)).collect();
    cards.dedup();
    let functions = members.iter().filter(|device| card(device.address) == card(first.address)).count();
    match (cards.len(), functions) {
        (0 | 1, 1) => "isolated".into(),
        (0 | 1, n) => format!("isolated, {n} functions"),
        (n, _) => format!("{n} devices must go together"),
    }
}

/// What Space does, in words: `Space passes 01:00.0 and 01:00.1; 04:00.0 is held`.
pub fn closure(app: &App, taken: &Taken, address: PciAddress) -> String {
    let of = |role| {
        let members = taken.members.iter().filter(|member| member.role == role);
        // What the VM gets already is not held on account of another card.
        let members =
            members.filter(|member| role == Role::Pass || super::role(app, member.address) != Some(Role::Pass));
        let mut addresses: Vec<PciAddress> = members.map(|member| member.address).collect();
        addresses.sort_unstable();
        addresses.into_iter().map(PciAddress::short).collect::<Vec<String>>()
    };
    let (passed, held) = (of(Role::Pass), of(Role::Hold));
    let held = match held.as_slice() {
        [] => String::new(),
        [one] => format!("; {one} is held: no driver, not passed to the guest"),
        some => format!("; {} are held: no driver, not passed to the guest", listed(some)),
    };
    if passed.is_empty() {
        return format!("{} cannot be passed", address.short());
    }
    format!("Space passes {}{held}", listed(&passed))
}
