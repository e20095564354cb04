//! Devices of the host that the user gives up although the host uses them, each typed out. Given beside the spec and stored
//! nowhere: each build asks again.

use super::finding::Finding;
use super::host_device::HostDevice;
use super::note::Level;
use std::collections::BTreeSet;

/// What may be taken from the host although the host uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<HostDevice>);

impl Allowed {
    /// Gives `device` up.
    pub fn give_up(&mut self, device: HostDevice) {
        self.0.insert(device);
    }

    /// The devices given up.
    pub fn devices(&self) -> impl Iterator<Item = &HostDevice> {
        self.0.iter()
    }

    /// Drops what no finding of a lock-out is about.
    pub fn keep(&mut self, findings: &[Finding]) {
        self.0.retain(|device| is_of_lock_out(findings, device));
    }

    /// The devices given up that no finding of a lock-out is about.
    pub fn without_finding<'a>(&'a self, findings: &'a [Finding]) -> impl Iterator<Item = &'a HostDevice> + 'a {
        self.0.iter().filter(|device| !is_of_lock_out(findings, device))
    }

    /// Turns the lock-outs of what is given up into warnings.
    pub(super) fn apply(&self, findings: &mut [Finding]) {
        for finding in findings {
            if let Level::LockOut(device) = &finding.level
                && self.0.contains(device)
            {
                finding.level = Level::GivenUp(device.clone());
            }
        }
    }
}

impl FromIterator<HostDevice> for Allowed {
    fn from_iter<T: IntoIterator<Item = HostDevice>>(devices: T) -> Self {
        Self(devices.into_iter().collect())
    }
}

fn is_of_lock_out(findings: &[Finding], device: &HostDevice) -> bool {
    findings.iter().any(|finding| finding.lock_out() == Some(device))
}
