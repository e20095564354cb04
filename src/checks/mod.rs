//! Judgement: spec and facts in, findings out. Every check is one function in one table; a check never does I/O.
//!
//! A check that does not apply (PCI checks on a VM without PCI devices) is not counted: `passed` lists the checks that
//! had something to look at and found it good. What cannot be judged for want of a fact is a finding of severity
//! `Unknown`, never a pass.

pub mod allowed;
pub mod check;
pub mod error;
pub mod failure;
pub mod finding;
pub mod notes;
pub mod subject;
pub mod table;

mod backing;
mod boot_order;
mod character;
mod clone;
mod cloud_init;
mod cpu;
mod custom_xml;
mod devices;
mod disk;
mod firmware;
mod graphics;
mod guest_address;
mod guest_os;
mod held;
mod host;
mod hypervisor;
mod image;
mod iommu;
mod kernel_boot;
mod mac;
mod mediated;
mod memory;
mod merged;
mod metadata;
mod name;
mod network;
mod nvme;
mod overridden;
mod passthrough;
mod path;
mod pci;
mod pinning;
mod pool;
mod profile;
mod rom;
mod selector;
mod share;
mod space;
mod target;
mod template;
mod tuning;
mod version;
mod virtual_function;
mod volume;
mod wording;

#[cfg(test)]
mod fixture;

pub use allowed::Allowed;
pub use check::{Check, Scope};
pub use failure::{Diagnosis, diagnose};
pub use finding::{Finding, Report, Severity};
pub use name::NAME_INVALID;
pub use notes::Notes;
pub use passthrough::taking::{HostLine, Taken, doctor, take, take_holding};
pub use pci::PCI_DRIVER;
pub use selector::GROUPS_CHANGED;
pub use subject::Subject;
pub use table::{all, errors, explain};
pub use template::{TEMPLATE_MISSING, check_of as template_check};

use crate::facts::Facts;
use crate::machine::Machine;
use crate::spec::{Spec, Stacked, field};

/// Runs every check on a spec whose templates are all in it. Findings come worst first, then in the order of the spec; checks
/// that looked at something and had nothing to say are listed as passed. A lock-out of what is `allowed` is a warning.
pub fn report(spec: &Spec, facts: &Facts, machine: &Machine, allowed: &Allowed) -> Report {
    report_of(&Subject::new(spec, facts, machine), allowed)
}

/// The same of layers that were put together, which may lack a template.
pub fn report_of_stack(stacked: &Stacked, facts: &Facts, machine: &Machine, allowed: &Allowed) -> Report {
    let subject = Subject::new(&stacked.spec, facts, machine);
    report_of(&Subject { stack_error: stacked.error.as_ref(), ..subject }, allowed)
}

fn report_of(subject: &Subject, allowed: &Allowed) -> Report {
    let mut report = Report::default();
    for check in all() {
        let mut notes = Notes::new(check.code);
        check.look(subject, &mut notes);
        if notes.passed() {
            report.passed.push(check.code);
        }
        report.findings.append(&mut notes.findings);
    }
    allowed.apply(&mut report.findings);
    passthrough::fold(&mut report.findings);
    report.findings.sort_by_cached_key(|finding| (finding.severity, field::rank(&finding.place)));
    report
}

#[cfg(test)]
mod tests {
    use super::fixture::Asked;
    use super::*;
    use crate::machine::machine;
    use serde_json::json;

    #[test]
    fn a_good_spec_on_a_good_host_has_no_findings() {
        let report = Asked::with(json!({"storage": {"boot_iso": "ubuntu.iso"}})).report();
        assert_eq!(report.findings, []);
        assert!(report.passed.len() > 20, "{:?}", report.passed);
    }

    #[test]
    fn nothing_that_needs_the_host_passes_before_the_host_answered() {
        let spec = serde_json::from_value(json!({"name": "a", "memory": 2048, "vcpus": 2})).unwrap_or_default();
        let report = report(&spec, &Facts::default(), &machine(&spec, &Facts::default()), &Allowed::default());
        assert!(report.count(Severity::Unknown) > 5);
        for code in ["HOST-CONNECTION", "NAME-TAKEN", "MEM-HOST", "CPU-HOST", "VIRT-KVM", "ARCH-UNKNOWN", "NET-MISSING"]
        {
            assert!(!report.passed.contains(&code), "{code}");
        }
    }

    #[test]
    fn findings_come_worst_first_and_then_in_the_order_of_the_spec() {
        let asked = Asked::with(json!({
            "memory": 32,
            "vcpus": 0,
            "storage": {"default_pool": "none", "boot_iso": "/srv/a.iso", "disks": [{"action": "create"}, {}]},
            "metadata": {"tags": [], "token": "x"},
            "graphics": [{"type": "none"}],
        }));
        let report = asked.report();
        let codes: Vec<&str> = report.findings.iter().map(|finding| finding.code).collect();
        let want = [
            "CPU-COUNT",
            "POOL-MISSING",
            "DISK-SIZE",
            "DISK-ACTION",
            "MEM-SMALL",
            "METADATA-VALUE",
            "METADATA-SECRET",
            "ISO-MISSING",
            "GRAPHICS-WAY-IN",
        ];
        assert_eq!(codes, want);
    }
}
