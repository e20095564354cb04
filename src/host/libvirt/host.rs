//! The host behind a connection: names, versions, and memory where its files cannot be read.

use super::Connection;
use super::error::calling;
use crate::facts::{Host, Memory, Version};
use crate::host::HostError;
use crate::units::{Bytes, KIB};

impl Connection {
    /// Who answers. `local` says whether this machine's files are the host's.
    pub fn host(&self, local: bool) -> Result<Host, HostError> {
        let failed = |error| calling("ask libvirt who it is", &error);
        let connect = self.inner();
        Ok(Host {
            uri: connect.uri().map_err(failed)?,
            hostname: connect.hostname().map_err(failed)?,
            libvirt: Version::from_number(connect.lib_version().map_err(failed)?),
            driver: connect.driver_type().map_err(failed)?.to_uppercase(),
            hypervisor: connect.hyp_version().map(Version::from_number).unwrap_or_default(),
            local,
        })
    }

    /// Memory of the host.
    pub fn memory(&self) -> Result<Memory, HostError> {
        let failed = |error| calling("read the host's memory", &error);
        let total = self.inner().node_info().map_err(failed)?.memory.saturating_mul(KIB);
        let free = self.inner().free_memory().map_err(failed)?;
        Ok(Memory { total: Bytes(total), free: Bytes(free) })
    }
}
