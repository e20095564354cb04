//! The outcome of all checks on a spec.

use super::accepted::Accepted;
use super::allowed::Allowed;
use super::finding::{Finding, Severity, look};
use super::host_device::HostDevice;
use super::left::LeftBuild;
use super::note::Level;
use super::subject::Subject;
use super::table;
use super::text::Text;
use crate::engine::Engine;
use crate::facts::Facts;
use crate::machine::Machine;
use crate::spec::{Spec, Stacked, field};
use serde::Serialize;
use std::collections::BTreeSet;

/// The outcome of all checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Worst first, then in the order of the spec.
    pub findings: Vec<Finding>,
    /// Codes of the checks that looked and found nothing.
    pub passed: Vec<&'static str>,
}

impl Report {
    /// The findings that forbid a build.
    pub fn blockers(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity() == Severity::Blocker)
    }

    /// The devices that the host uses and that were not given up.
    pub fn lock_outs(&self) -> BTreeSet<&HostDevice> {
        self.blockers().filter_map(Finding::lock_out).collect()
    }

    /// True where nothing but lock-outs forbids a build.
    pub fn is_only_locked_out(&self) -> bool {
        self.blockers().next().is_some() && self.blockers().all(|finding| finding.lock_out().is_some())
    }

    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity() == severity).count()
    }
}

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

/// The same for an engine that may not carry every field; what is `accepted` may be lost. Where the VM is `starting` at the
/// end, what only hinders its start forbids the build. `left`: what
/// interrupted builds may have left on the host.
pub fn report_on(
    engine: &dyn Engine,
    accepted: &Accepted,
    stacked: &Stacked,
    facts: &Facts,
    machine: &Machine,
    (allowed, left): (&Allowed, &[LeftBuild]),
    starting: bool,
) -> Report {
    let subject = Subject::new(&stacked.spec, facts, machine);
    let (stack_error, coverage) = (stacked.error.as_ref(), engine.coverage());
    let subject = Subject { coverage, accepted, stack_error, starting, left, ..subject };
    report_of(&subject, allowed)
}

fn report_of(subject: &Subject, allowed: &Allowed) -> Report {
    let mut report = Report::default();
    for check in table::all() {
        let (findings, passed) = look(check, subject);
        if passed {
            report.passed.push(check.code);
        }
        report.findings.extend(findings);
    }
    allowed.apply(&mut report.findings);
    fold(&mut report.findings);
    report.findings.sort_by_cached_key(|finding| (finding.severity(), field::rank(finding.place())));
    report
}

/// Of what could not be judged for one reason only the first is said, with the number of the rest: where a part of the
/// facts is missing, all that rests on it is.
fn fold(findings: &mut Vec<Finding>) {
    let mut counts: Vec<(Text, usize)> = Vec::new();
    for why in findings.iter().filter_map(gap) {
        match counts.iter_mut().find(|(known, _)| known == why) {
            Some((_, count)) => *count += 1,
            None => counts.push((why.clone(), 0)),
        }
    }
    findings.retain_mut(|finding| {
        let Some(at) = gap(finding).map(|why| counts.iter().position(|(known, _)| known == why)) else { return true };
        // The first takes the count with it, and leaves none to the others.
        let Some((_, count)) = at.map(|at| counts.swap_remove(at)) else { return false };
        if let Level::Unknown { folded, .. } = &mut finding.level {
            *folded = count;
        }
        true
    });
}

/// What is missing to a check whose gaps are folded.
fn gap(finding: &Finding) -> Option<&Text> {
    match &finding.level {
        Level::Unknown { why, .. } if finding.check.folded => Some(why),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixture::Asked;
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
        let codes: Vec<&str> = report.findings.iter().map(Finding::code).collect();
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
