//! The look at the host between review and build: what was free then may be taken now.

use super::Order;
use crate::checks;
use crate::facts::Part;
use crate::host::libvirt::Connection;
use crate::host::{Cause, HostError, observe_over};
use crate::machine;

/// Observes the host anew and runs the checks again; a finding that blocks ends the build before anything is made.
pub(super) fn again(connection: &Connection, order: &Order) -> Result<String, HostError> {
    let parts = [&Part::ALL[..], &[Part::Details]].concat();
    let mut facts = observe_over(connection, &order.target, &parts, &[]).facts;
    let paths = machine::files(&machine::machine(&order.spec, &facts));
    facts.files = observe_over(connection, &order.target, &[], &paths).facts.files;
    let machine = machine::machine(&order.spec, &facts);
    let report = checks::report(&order.spec, &facts, &machine, &order.allowed);
    let blockers: Vec<_> = report.blockers().map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
    match blockers.as_slice() {
        [] => Ok(format!("{} checks passed", report.passed.len())),
        [only] => Err(blocked(only)),
        [first, rest @ ..] => Err(blocked(&format!("{first} (and {} more)", rest.len()))),
    }
}

fn blocked(findings: &str) -> HostError {
    let message = format!("The host is no longer as it was at review. {findings}");
    HostError::new(Cause::Other, message, "Run the checks again and correct what they find.")
}
