//! Findings: what is wrong, how bad, where, and the way out.

use crate::spec::Place;
use crate::units::PciAddress;
use serde::Serialize;
use std::collections::BTreeSet;

/// One thing that a check has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name: DISK-SIZE, POOL-MISSING, ... Listed in the table of checks.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The field it is about.
    pub place: Place,
    /// What is wrong: the thing, the value, the limit.
    pub message: String,
    /// The way out; empty where there is nothing to do.
    pub remedy: String,
    /// The host's PCI function that it is about, where that is not the one at its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<PciAddress>,
    /// True where the host itself stands on that function. Such a blocker yields to the address typed out, and is then a
    /// warning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lock_out: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is built while it stands.
    Blocker,
    /// The VM can be built; it may not do what the user expects.
    Warning,
    /// A fact that the check needs is not known: "not checked", never "passed".
    Unknown,
    /// Worth knowing.
    Info,
}

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
        self.findings.iter().filter(|finding| finding.severity == Severity::Blocker)
    }

    /// The functions that the host stands on and nobody gave up.
    pub fn lock_outs(&self) -> BTreeSet<PciAddress> {
        self.blockers().filter(|finding| finding.lock_out).filter_map(|finding| finding.address).collect()
    }

    /// True where nothing but lock-outs forbids a build.
    pub fn is_only_locked_out(&self) -> bool {
        self.blockers().next().is_some() && self.blockers().all(|finding| finding.lock_out)
    }

    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}
