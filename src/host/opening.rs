//! Which backend does the steps of which engine.

use super::libvirt::LibvirtBackend;
use super::{Backend, HostError, Source};
use crate::engine::EngineId;

/// Opens the connection of an engine to `source` for a user who came by the session `ssh`, if by any. Blocks.
pub fn open(engine: EngineId, source: &Source, ssh: Option<&str>) -> Result<Box<dyn Backend>, HostError> {
    match engine {
        EngineId::Libvirt => Ok(Box::new(LibvirtBackend::open(source, ssh)?)),
    }
}
