//! The virtual CPU: what the guest sees, how much of the host it may use, and where its threads run.

use super::words::words;
use crate::units::UnitError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The virtual CPU. Their number stands beside it in `vcpus` and `max_vcpus`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cpu {
    /// CPU that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<CpuMode>,
    /// Model for the mode custom, by libvirt's name: EPYC-Genoa, Skylake-Server, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Features by libvirt's names, "+name" to require and "-name" to hide: "+topoext", "-vmx".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// Sockets, cores and threads that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topology: Option<CpuTopology>,
    /// CPU caches that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CpuCache>,
    /// CPU time that the whole VM may use, in host CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<CpuLimit>,
    /// The guest can run VMs of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested: Option<bool>,
    /// Host CPUs that run the VM's threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinning: Option<Pinning>,
}

words! {
    /// What the guest sees as its CPU.
    CpuMode {
        /// The host's CPU as it is; KVM only.
        HostPassthrough = "host-passthrough",
        /// The named model that is nearest to the host's CPU; other hosts can offer it, too.
        HostModel = "host-model",
        /// The model that `model` names.
        Custom = "custom",
        /// All features that can be offered.
        Maximum = "maximum",
    }
}

words! {
    /// Which caches the guest sees.
    CpuCache {
        /// Those of the host's CPU.
        Passthrough = "passthrough",
        /// Caches that QEMU emulates.
        Emulate = "emulate",
        /// None.
        Disable = "disable",
    }
}

/// How the virtual CPUs are arranged. What is left out follows from the number of virtual CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CpuTopology {
    /// Sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Dies per socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dies: Option<u32>,
    /// Clusters per die.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<u32>,
    /// Cores per cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Threads per core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
}

/// Where the VM's threads run. Sets of host CPUs are written as "2" or "0-3,8".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pinning {
    /// vmbuild proposes every line that is not given here, from the host's cores, caches and NUMA nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto: Option<bool>,
    /// Cores that a proposal leaves to the host, from that of CPU 0 upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve: Option<u32>,
    /// Host CPUs of each vCPU, from vCPU 0 upwards. An empty text pins none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<Vec<String>>,
    /// Host CPUs of QEMU's own threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulator: Option<String>,
    /// Host CPUs of each I/O thread, from thread 1 upwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iothreads: Option<Vec<String>>,
}

/// CPU time. A number counts host CPUs; a text may have a fraction ("1.5") or be a percentage of one CPU ("150 %").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CpuLimit {
    /// Host CPUs.
    Number(u32),
    /// "1.5" or "150 %".
    Text(String),
}

impl CpuLimit {
    /// The time in thousandths of one host CPU.
    pub fn thousandths(&self) -> Result<u64, UnitError> {
        match self {
            Self::Number(cpus) => Ok(u64::from(*cpus) * 1000),
            Self::Text(text) => thousandths(text),
        }
    }
}

fn thousandths(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError(format!("'{}' is not an amount of CPU time; write 2, 1.5 or 150 %", text.trim()));
    let (number, places) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim(), 1),
        None => (text.trim(), 3),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > 6 || part.len() > places {
        return Err(wrong());
    }
    format!("{whole}{part:0<places$}").parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_a_number_of_cpus_or_a_percentage_of_one() {
        for (text, want) in [("2", 2000), ("1.5", 1500), ("150 %", 1500), ("12.5%", 125), ("0.125", 125), ("0", 0)] {
            assert_eq!(CpuLimit::Text(text.into()).thousandths(), Ok(want), "{text}");
        }
        assert_eq!(CpuLimit::Number(3).thousandths(), Ok(3000));
        for text in ["", "%", "two", "-1", "1.", ".5", "1.2345", "99999999", "1e3"] {
            assert!(CpuLimit::Text(text.into()).thousandths().is_err(), "{text}");
        }
    }
}
