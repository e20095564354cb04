//! What one check has to say while it runs: findings under its own code, and whether it had anything to look at.

use super::{Finding, Severity};
use crate::{facts::Fact, spec::Place, units::PciAddress};

/// The notepad of one check.
#[derive(Debug)]
pub struct Notes {
    code: &'static str,
    looked: bool,
    address: Option<PciAddress>,
    /// What was found so far.
    pub(super) findings: Vec<Finding>,
}

impl Notes {
    /// An empty notepad of the check `code`.
    pub(super) fn new(code: &'static str) -> Self {
        Self { code, looked: false, address: None, findings: Vec::new() }
    }

    /// What is said from now on is about this function of the host.
    pub(super) fn about(&mut self, address: PciAddress) {
        self.address = Some(address);
    }

    /// There was something to look at; without a finding the check has then passed.
    pub fn looked(&mut self) {
        self.looked = true;
    }

    /// Looked and found nothing.
    pub(super) fn passed(&self) -> bool {
        self.looked && self.findings.is_empty()
    }

    /// Nothing may be built while this stands.
    pub fn blocker(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Blocker, place, message.into(), remedy.into());
    }

    /// The host stands on the function that this is about: nothing is built unless its address is typed out.
    pub(super) fn lock_out(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.blocker(place, message, remedy);
        if let Some(finding) = self.findings.last_mut() {
            finding.lock_out = true;
        }
    }

    /// The VM can be built but may surprise.
    pub fn warning(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, place, message.into(), remedy.into());
    }

    /// Worth knowing.
    pub fn info(&mut self, place: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Info, place, message.into(), remedy.into());
    }

    /// Could not be judged: `what` would have been looked at, `why` says what is missing. Said once per `what`.
    pub fn unknown(&mut self, place: Place, what: &str, why: &str) {
        let message = format!("not checked: {what} ({})", why.trim_end_matches('.'));
        if self.findings.iter().all(|finding| finding.message != message) {
            self.push(Severity::Unknown, place, message, String::new());
        }
    }

    /// The value of `fact`, or a note that `what` could not be judged.
    pub fn known<'a, T>(&mut self, fact: &'a Fact<T>, place: impl FnOnce() -> Place, what: &str) -> Option<&'a T> {
        self.looked = true;
        if let Some(why) = fact.why_not() {
            self.unknown(place(), what, why);
        }
        fact.get()
    }

    fn push(&mut self, severity: Severity, place: Place, message: String, remedy: String) {
        self.looked = true;
        let (code, address) = (self.code, self.address);
        self.findings.push(Finding { code, severity, place, message, remedy, address, lock_out: false });
    }
}
