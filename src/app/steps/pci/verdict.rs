//! What taking a card would mean, told before it is taken. Computed for what is on screen and kept until facts change.

use super::chosen;
use super::list::{devices, selected};
use crate::app::App;
use crate::checks::{self, Finding, Severity, Taken};
use crate::facts::{PciClass, PciDevice};
use crate::machine::Role;
use crate::units::{PciAddress, listed};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What taking the card of the function at `address` would mean.
pub fn taking(app: &App, address: PciAddress) -> Rc<Taken> {
    let known = app.pci.verdicts.get(&address).cloned();
    known.unwrap_or_else(|| Rc::new(checks::take_holding(&app.facts, &[address])))
}

/// The functions whose verdicts are on screen and not computed yet: the one that has the focus, and the first of each group
/// around it.
pub(in crate::app) fn missing(app: &App) -> Vec<PciAddress> {
    let (at, page) = (app.cursor().row, app.page());
    let around = devices(app).into_iter().skip(at.saturating_sub(page)).take(2 * page);
    let mut groups = BTreeSet::new();
    let first = around.filter(|device| device.kind() != PciClass::Bridge && groups.insert(device.iommu_group));
    let wanted = selected(app).into_iter().chain(first).map(|device| device.address);
    wanted.filter(|address| !app.pci.verdicts.contains_key(address)).collect()
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
            members.filter(|member| role == Role::Pass || chosen::role(app, member.address) != Some(Role::Pass));
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
