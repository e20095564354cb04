//! The host behind a connection: names, versions, and memory where its files cannot be read.

use super::Connection;
use super::error::calling;
use crate::facts::{Host, Memory, Version};
use crate::host::HostError;
use crate::units::{Bytes, KIB};
use virt::connect::Connect;
use virt::error::Error;

/// One call.
type Question<T> = fn(&Connect) -> Result<T, Error>;

impl Connection {
    /// Who answers. `local` says whether this machine's files are the host's.
    pub fn host(&self, local: bool) -> Result<Host, HostError> {
        let failed = |error| calling("read libvirt's version and host name", &error);
        // Numbers as words, so that all are asked together.
        let questions: [Question<String>; 5] = [
            Connect::uri,
            Connect::hostname,
            Connect::driver_type,
            |connect| connect.lib_version().map(|number| number.to_string()),
            |connect| connect.hyp_version().map(|number| number.to_string()),
        ];
        let mut words = self.each(&questions, |ask| ask(self.inner()).map_err(failed)).into_iter();
        let mut word = || words.next().unwrap_or_else(|| Ok(String::new()));
        let version = |word: String| Version::from_number(word.parse().unwrap_or_default());
        Ok(Host {
            uri: word()?,
            hostname: word()?,
            driver: word()?.to_uppercase(),
            libvirt: version(word()?),
            hypervisor: word().map(version).unwrap_or_default(),
            local,
        })
    }

    /// Memory of the host.
    pub fn memory(&self) -> Result<Memory, HostError> {
        let failed = |error| calling("read the host's memory", &error);
        let questions: [Question<u64>; 2] =
            [|connect| connect.node_info().map(|node| node.memory.saturating_mul(KIB)), Connect::free_memory];
        let mut amounts = self.each(&questions, |ask| ask(self.inner()).map_err(failed)).into_iter();
        let mut amount = || amounts.next().unwrap_or(Ok(0)).map(Bytes);
        Ok(Memory { total: amount()?, free: amount()? })
    }
}
