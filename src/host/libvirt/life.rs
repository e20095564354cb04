//! Whether a domain lives, and why it does not.

use super::error::calling;
use super::{Connection, MadeDomain};
use crate::host::{Cause, HostError};
use virt::domain::{DomainPausedReason, DomainShutoffReason, DomainState, DomainStateReason};
use virt::domain::{DomainPausedReasonEnum, DomainShutoffReasonEnum};
use virt::enumutil::Enum;

const UNTOLD: &str = "libvirt does not say why";

/// State of a domain that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its processors run, or wait for something to do.
    Running,
    /// It is there and stands still: why.
    Paused(String),
    /// It is not there any more: why.
    Stopped(String),
}

impl Connection {
    /// The state of a domain now.
    pub fn life(&self, domain: &MadeDomain) -> Result<Life, HostError> {
        let handle = match self.inner().lookup_domain_by_uuid_string(&domain.uuid) {
            Ok(handle) => handle,
            Err(error) => {
                let error = calling(&format!("find domain {}", domain.name), &error);
                let gone = error.cause == Cause::NotFound;
                return if gone { Ok(Life::Stopped("it was removed".into())) } else { Err(error) };
            }
        };
        let (state, reason) =
            handle.state().map_err(|error| calling(&format!("ask for the state of {}", domain.name), &error))?;
        let why = if let Enum::Known(reason) = reason { words(reason) } else { UNTOLD.to_owned() };
        Ok(match state.known() {
            Some(DomainState::Running | DomainState::Blocked | DomainState::NoState) | None => Life::Running,
            Some(DomainState::Paused) => Life::Paused(why),
            Some(DomainState::PMSuspended) => Life::Paused("the guest put itself to sleep".into()),
            Some(DomainState::Crashed) => Life::Stopped("the guest crashed".into()),
            Some(DomainState::Shutdown | DomainState::Shutoff) => Life::Stopped(why),
        })
    }
}

/// libvirt's reason, a clause.
fn words(reason: DomainStateReason) -> String {
    match reason {
        DomainStateReason::Paused(reason) => paused(reason),
        DomainStateReason::Shutoff(reason) => stopped(reason),
        _ => UNTOLD,
    }
    .to_owned()
}

fn paused(reason: DomainPausedReasonEnum) -> &'static str {
    match reason.known() {
        Some(DomainPausedReason::IOError) => "one of its disks gave an I/O error",
        Some(DomainPausedReason::Watchdog) => "its watchdog fired",
        Some(DomainPausedReason::Crashed) => "the guest crashed",
        Some(DomainPausedReason::User) => "it was paused",
        Some(DomainPausedReason::StartingUp) => "it has not started running",
        Some(DomainPausedReason::APIError) => "a libvirt call on it failed",
        _ => UNTOLD,
    }
}

fn stopped(reason: DomainShutoffReasonEnum) -> &'static str {
    match reason.known() {
        Some(DomainShutoffReason::Shutdown) => "the guest shut itself down",
        Some(DomainShutoffReason::Destroyed) => "it was stopped",
        Some(DomainShutoffReason::Crashed) => "QEMU crashed",
        Some(DomainShutoffReason::Failed) => "QEMU did not start",
        _ => UNTOLD,
    }
}
