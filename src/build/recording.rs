//! The journal of a build from the order to its first line.

use super::Order;
use crate::checks::error::{BUILD_OPEN, BUILD_RUNNING, BUILD_UNRECORDED};
use crate::host::{Cause, HostError};
use crate::journal::{BuildRefusal, Journal, JournalHost, Opened, uuid};
use crate::plan::{BuildEvent, BuildResult, Plan};
use crate::spec::without_secrets;
use crate::store::StoreError;
use crate::units::capitalised;

/// The plan with the identity that is chosen for the VM, and the journal that begins with it.
pub(super) fn begin(order: &Order) -> Result<(Plan, Journal), BuildRefusal> {
    let builds = order.builds.as_ref().ok_or(BuildRefusal::Unrecorded(StoreError::NoHome))?;
    let plan = order.plan.identified(&uuid().map_err(BuildRefusal::Unrecorded)?);
    let (spec, needs) = without_secrets(&order.spec);
    let journal = builds.begin(Opened {
        id: String::new(),
        program: concat!("vmbuild ", env!("CARGO_PKG_VERSION")).to_owned(),
        uid: rustix::process::getuid().as_raw(),
        pid: std::process::id(),
        host: JournalHost::from(&order.source),
        plan: plan.clone(),
        spec,
        needs,
        allowed: order.allowed.devices().map(ToString::to_string).collect(),
    })?;
    Ok((plan, journal))
}

/// What is told of a build that does not begin.
pub(super) fn refused(order: &Order, refusal: &BuildRefusal, events: &mut dyn FnMut(BuildEvent)) -> BuildResult {
    let reason = match refusal {
        BuildRefusal::Unrecorded(_) => &BUILD_UNRECORDED,
        BuildRefusal::Running(_) => &BUILD_RUNNING,
        BuildRefusal::Open(_) => &BUILD_OPEN,
    };
    let message = format!("{}; {}", refusal.message(), refusal.remedy());
    events(BuildEvent::began(&order.plan));
    let (code, findings) = (reason.code.to_owned(), Vec::new());
    events(BuildEvent::Blocked { step: 0, message: message.clone(), code, findings });
    let outcome = BuildResult::Undone { message };
    events(BuildEvent::Ended { at_ms: 0, outcome: outcome.clone() });
    outcome
}

/// What stops a build whose journal cannot be written any more.
pub(super) fn unrecorded(error: &StoreError) -> HostError {
    let message = format!("The build cannot be recorded any more: {}.", capitalised(&error.to_string()));
    HostError::new(Cause::Other, message, "Free space in that folder; 'vmbuild builds' shows how it is with the build.")
}
