//! The checks of passthrough by themselves: of functions that somebody thinks of taking, and of a host.

use super::check::{Check, Scope};
use super::finding::{Finding, Severity, look};
use super::note::Level;
use super::subject::Subject;
use super::table;
use super::text::{Arg, Joint, Text, Wording, text};
use crate::facts::{Facts, Iommu};
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

/// One thing to tell of what is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenLine {
    /// How bad it is.
    pub severity: Severity,
    /// The code of its check.
    pub code: &'static str,
    /// How many other checks it stands for.
    pub more: usize,
    /// The function that it is about, where it is about one.
    pub function: Option<PciAddress>,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

/// What could not be judged of some functions, and why.
struct Gap {
    what: Text,
    why: Text,
    functions: Vec<PciAddress>,
}

impl Taken {
    /// What there is to tell, worst first, with all that could not be judged in one line.
    pub fn lines(&self) -> Vec<TakenLine> {
        let mut lines: Vec<TakenLine> = Vec::new();
        for finding in &self.findings {
            let severity = finding.severity();
            if let Some(line) = lines.iter_mut().find(|line| line.severity == severity && severity == Severity::Unknown)
            {
                line.more += 1;
                continue;
            }
            let unknown = severity == Severity::Unknown;
            lines.push(TakenLine {
                severity,
                code: finding.code(),
                more: 0,
                function: finding.function().filter(|_| !unknown),
                message: if unknown { self.not_checked() } else { finding.message(Wording::Taking) },
                remedy: finding.remedy(Wording::Taking),
            });
        }
        lines
    }

    /// All that could not be judged: what it is and why, in the order in which it was found.
    fn not_checked(&self) -> String {
        let mut gaps: Vec<Gap> = Vec::new();
        for finding in &self.findings {
            let Level::Unknown { why, .. } = &finding.level else { continue };
            // What is not known of several functions is said once.
            let own = finding.function();
            let hole = |arg: &Arg| matches!(arg, Arg::Address(address) if Some(*address) == own).then_some(HOLE);
            let (what, why) = (finding.message.map(&hole), why.map(&hole));
            match gaps.iter_mut().find(|gap| gap.what == what && gap.why == why) {
                Some(gap) => gap.functions.extend(own.filter(|address| !gap.functions.contains(address))),
                None => gaps.push(Gap { what, why, functions: own.into_iter().collect() }),
            }
        }
        let said = gaps.into_iter().map(|Gap { what, why, functions }| {
            let fill = |arg: &Arg| (*arg == HOLE).then(|| Arg::all(functions.iter().copied()));
            text!("{what} ({why})", what = what.map(&fill), why = why.map(&fill))
        });
        text!("not checked: {all}", all = Arg::list(Joint::Semicolon, said)).say(Wording::Taking)
    }
}

/// Stands for the function that a text is about.
const HOLE: Arg = Arg::List(Joint::And, Vec::new());

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
        self.findings.iter().map(Finding::severity).min()
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
    let checks = table::of_passthrough().filter(|check| check.scope != Scope::Vm);
    let mut findings: Vec<Finding> = checks.flat_map(|check| look(check, &subject).0).collect();
    for Finding { topic, .. } in &mut findings {
        let own = topic.place.row_index().and_then(|row| rows.get(row).copied());
        topic.function = topic.function.or(own);
    }
    findings.sort_by_key(Finding::severity);
    Taken { members, findings }
}

/// The check list of a host.
pub fn doctor(facts: &Facts) -> Vec<HostLine> {
    let spec = Spec::default();
    let machine = machine(&spec, facts);
    let subject = Subject { host_alone: true, ..Subject::new(&spec, facts, &machine) };
    let mut checks: Vec<&'static Check> = table::all().filter(|check| check.place_of_host().is_some()).collect();
    checks.sort_by_key(|check| check.place_of_host());
    // Without an IOMMU nothing else that is well helps.
    let off = matches!(facts.iommu.get(), Some(Iommu::Off { .. }));
    let line = |check: &'static Check| {
        let (findings, passed) = look(check, &subject);
        (passed && !off || !findings.is_empty()).then_some(HostLine { code: check.code, title: check.title, findings })
    };
    checks.into_iter().filter_map(line).collect()
}
