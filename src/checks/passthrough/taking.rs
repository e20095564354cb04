//! The checks of passthrough by themselves: of functions that somebody thinks of taking, and of a host.

use super::super::wording::list;
use super::super::{Check, Finding, Notes, Severity, Subject, all, table};
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

/// Codes of the checks that speak of the VM rather than of the devices.
const OF_THE_VM: [&str; 16] = [
    "PCI-ADDRESS",
    "PCI-PRIMARY",
    "PCI-EMULATED",
    "VM-MACHINE",
    "VM-FIRMWARE",
    "GPU-CODE43",
    "GPU-AMD-HV",
    "VM-ONREBOOT",
    "VM-DUAL-DISPLAY",
    "VM-SB-LINUX",
    "VM-SAVEVM",
    "VM-HARDLIMIT",
    "HOST-CGROUP-ACL",
    "VM-BALLOON",
    "VM-SUSPEND",
    "VM-IOMMU",
];

/// Codes of the check list of a host, in the order in which operators go through it: virtualisation and the IOMMU, what it
/// isolates, VFIO and who may use it, what is bound at boot, what the host does to running VMs. The sizes that a guest
/// meets come last.
const OF_THE_HOST: [&str; 19] = [
    "VIRT-KVM",
    "IOMMU-OFF",
    "IOMMU-CMDLINE-TYPO",
    "IOMMU-PLACEBO",
    "IOMMU-PT",
    "IOMMU-INTREMAP",
    "IOMMU-NOIOMMU",
    "IOMMU-UNSAFE-PARAM",
    "ACS-OVERRIDE",
    "ACS-RELAXED",
    "VFIO-MODULE",
    "VFIO-BLACKLISTED",
    "IOMMU-VFIO",
    "PCI-SESSION",
    "BIND-IDS-CAPTURES-HOST",
    "HOST-LOCKDOWN",
    "HOST-IDLE-SUSPEND",
    "HOST-PHYSBITS",
    "HOST-DMA-ENTRY-LIMIT",
];

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
    for check in table::of_passthrough().filter(|check| !OF_THE_VM.contains(&check.code)) {
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
    let checks = OF_THE_HOST.into_iter().filter_map(|code| all().find(|check| check.code == code));
    let line = |check: &Check| {
        let mut notes = Notes::new(check.code);
        (check.run)(&subject, &mut notes);
        let applies = notes.passed() || !notes.findings.is_empty();
        applies.then_some(HostLine { code: check.code, title: check.title, findings: notes.findings })
    };
    checks.filter_map(line).collect()
}

fn run(check: &Check, subject: &Subject) -> Vec<Finding> {
    let mut notes = Notes::new(check.code);
    (check.run)(subject, &mut notes);
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
