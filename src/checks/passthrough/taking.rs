//! The checks of passthrough by themselves: of functions that somebody thinks of taking, and of a host.

use super::super::wording::list;
use super::super::{Check, Finding, Notes, Scope, Severity, Subject, all, table};
use crate::facts::Facts;
use crate::machine::{Member, Role, card, machine};
use crate::spec::{PciDevice, PciRole, Spec};
use crate::units::PciAddress;

/// What taking functions means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Everything that is touched, what is asked for first.
    pub members: Vec<Member>,
    /// What there is to say, worst first; each with its address where it is about one function.
    pub findings: Vec<Finding>,
}

impl Taken {
    /// The findings with all that could not be judged in one: what it is and why, in the order in which it was found.
    pub fn told(&self) -> Vec<Finding> {
        let unknown = |finding: &&Finding| finding.severity == Severity::Unknown;
        let mut lines: Vec<(String, String, Vec<PciAddress>)> = Vec::new();
        for finding in self.findings.iter().filter(unknown) {
            let (what, why) = finding.message.rsplit_once(" (").unwrap_or((&finding.message, ""));
            // What is not known of several functions is said once.
            let each = |text: &str| match finding.address {
                Some(address) => text.replace(&address.to_string(), EACH),
                None => text.to_owned(),
            };
            let (what, why) = (each(what.trim_start_matches("not checked: ")), each(why.trim_end_matches(')')));
            match lines.iter_mut().find(|line| (&line.0, &line.1) == (&what, &why)) {
                Some(line) => line.2.extend(finding.address.filter(|address| !line.2.contains(address))),
                None => lines.push((what, why, finding.address.into_iter().collect())),
            }
        }
        let told = lines.iter().map(|(what, why, of)| {
            let names = list(&of.iter().map(ToString::to_string).collect::<Vec<_>>());
            let why = why.replace(EACH, if of.len() > 1 { "..." } else { &names });
            format!("{} ({why})", what.replace(EACH, &names))
        });
        let message = format!("not checked: {}", told.collect::<Vec<_>>().join("; "));
        let one = self.findings.iter().find(unknown).map(|first| Finding { message, address: None, ..first.clone() });
        let mut findings: Vec<Finding> = self.findings.iter().filter(|finding| !unknown(finding)).cloned().collect();
        findings.extend(one);
        findings.sort_by_key(|finding| finding.severity);
        findings
    }
}

/// Stands for the address of a function, which no text has.
const EACH: &str = "\u{1}";

/// One line of the check list of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLine {
    /// The check.
    pub code: &'static str,
    /// What it looks at.
    pub title: &'static str,
    /// What it found; empty where it passed.
    pub findings: Vec<Finding>,
}

impl HostLine {
    /// The worst that it found; `None` where it passed.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).min()
    }
}

/// What taking `asked` means on a host.
pub fn take(facts: &Facts, asked: &[PciAddress]) -> Taken {
    let members = card::taking(facts, asked);
    let rows = members.iter().filter(|member| member.role == Role::Pass || asked.contains(&member.address));
    let devices = rows.map(|member| device(member, None)).collect();
    judged(facts, members, devices)
}

/// The same where the VM holds what goes along.
pub fn take_holding(facts: &Facts, asked: &[PciAddress]) -> Taken {
    let members = card::taking(facts, asked);
    let role = |member: &Member| (member.role == Role::Hold).then_some(PciRole::Hold);
    let rows = members.iter().filter(|member| member.role != Role::Leave || asked.contains(&member.address));
    let devices = rows.map(|member| device(member, role(member))).collect();
    judged(facts, members, devices)
}

fn device(member: &Member, role: Option<PciRole>) -> PciDevice {
    PciDevice { host_address: Some(member.address.to_string()), role, ..PciDevice::default() }
}

/// What the checks say of `devices` by themselves.
fn judged(facts: &Facts, members: Vec<Member>, devices: Vec<PciDevice>) -> Taken {
    let rows: Vec<PciAddress> =
        devices.iter().filter_map(|device| device.host_address.as_ref()?.parse().ok()).collect();
    let spec = Spec { uefi: Some(true), pci_devices: Some(devices), ..Spec::default() };
    let machine = machine(&spec, facts);
    let subject = Subject::new(&spec, facts, &machine);
    let mut findings = Vec::new();
    for check in table::of_passthrough().filter(|check| check.scope != Scope::Vm) {
        findings.extend(run(check, &subject).into_iter().map(|finding| addressed(finding, &rows)));
    }
    findings.sort_by_key(|finding| finding.severity);
    Taken { members, findings }
}

/// The check list of a host.
pub fn doctor(facts: &Facts) -> Vec<HostLine> {
    let spec = Spec::default();
    let machine = machine(&spec, facts);
    let subject = Subject { host_alone: true, ..Subject::new(&spec, facts, &machine) };
    let mut checks: Vec<&Check> = all().filter(|check| check.place_of_host().is_some()).collect();
    checks.sort_by_key(|check| check.place_of_host());
    let line = |check: &Check| {
        let mut notes = Notes::new(check.code);
        check.look(&subject, &mut notes);
        let applies = notes.passed() || !notes.findings.is_empty();
        applies.then_some(HostLine { code: check.code, title: check.title, findings: notes.findings })
    };
    checks.into_iter().filter_map(line).collect()
}

fn run(check: &Check, subject: &Subject) -> Vec<Finding> {
    let mut notes = Notes::new(check.code);
    check.look(subject, &mut notes);
    notes.findings
}

/// The finding with the function that it is about; rows mean nothing to whoever named addresses.
fn addressed(mut finding: Finding, rows: &[PciAddress]) -> Finding {
    let row = finding.place.row_index();
    if let Some((row, address)) = row.and_then(|row| Some((row, *rows.get(row)?))) {
        finding.message = finding.message.replace(&format!("device {row} ({address})"), &address.to_string());
        finding.address = finding.address.or(Some(address));
    }
    finding.remedy =
        finding.remedy.replace("add it to pci_devices, or have it held there (role hold),", "take it, too,");
    finding.remedy =
        finding.remedy.replace("add them to pci_devices, or have them held there (role hold),", "take them, too,");
    // The rest of a card and of a bus.
    finding.remedy = finding.remedy.replace("add them to pci_devices", "take them, too,");
    finding
}
