//! The VM that was built, as libvirt has it.

use super::{LibvirtBackend, MadeDomain};
use crate::domain::{self, XmlError};
use crate::engine::BuiltVm;
use crate::engine::libvirt::built::described;
use crate::host::{Cause, HostError, now};
use crate::units::rfc_3339;

/// A domain XML of libvirt's that cannot be read.
pub(super) fn unread(error: &XmlError) -> HostError {
    HostError::new(Cause::Other, error.to_string(), "")
}

impl LibvirtBackend {
    /// The domain with what libvirt chose for it; of a running one the ports and devices that it has now.
    pub(super) fn describe_domain(&self, domain: &MadeDomain) -> Result<BuiltVm, HostError> {
        let text = self.connection.present_xml(domain)?;
        let tree = domain::parse(&text).map_err(|error| unread(&error))?;
        let mut vm = BuiltVm { created_at: rfc_3339(now()), ..described(&tree) };
        for disk in &mut vm.disks {
            let target = disk.get("target").and_then(|target| target.as_str()).map(str::to_owned);
            if let Some(size) = target.and_then(|target| self.connection.disk_size(domain, &target)) {
                disk["size_bytes"] = size.0.into();
            }
        }
        Ok(vm)
    }
}
