//! What libvirt and QEMU can do on the host.

use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The part of libvirt's capabilities document that decisions hang on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Architecture of the host CPU.
    pub arch: String,
    /// Model name of the host CPU.
    pub cpu_model: Option<String>,
    /// Vendor of the host CPU: Intel, AMD, ...
    pub cpu_vendor: Option<String>,
    /// Logical CPUs that are online.
    pub cpus: u32,
    /// Width of physical addresses, in bits.
    pub physical_address_bits: Option<u32>,
    /// libvirt's own view of the IOMMU; `None` where it does not say.
    pub iommu: Option<bool>,
    /// Security models in force: apparmor, selinux, dac.
    pub security_models: Vec<String>,
    /// Architectures of guests, with the domain types that run them.
    pub guests: Vec<GuestArch>,
    /// CPU features that libvirt has a name for, by kind of CPU (x86, arm), each with the names that others give it; a
    /// kind whose map cannot be read is not in it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cpu_map: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Capabilities {
    /// The kind of CPU by which libvirt names the features of an architecture; `None` where QEMU alone knows them.
    pub fn cpu_kind(arch: &str) -> Option<&'static str> {
        match arch {
            "x86_64" | "i686" => Some("x86"),
            "aarch64" => Some("arm"),
            _ => None,
        }
    }

    /// True for those of libvirt's test driver: it lists nothing but itself, and takes domains of every architecture.
    pub fn are_of_test_driver(&self) -> bool {
        !self.guests.is_empty() && self.guests.iter().flat_map(|guest| &guest.domain_types).all(|kind| kind == "test")
    }
}

/// One architecture of guests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestArch {
    /// Name: x86_64, aarch64, ...
    pub arch: String,
    /// Domain types: kvm, qemu, test, ...
    pub domain_types: Vec<String>,
    /// Machine types, aliases included.
    pub machines: Vec<String>,
}

/// What QEMU offers for one domain type, architecture and machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainCapabilities {
    /// kvm, qemu, ...
    pub domain_type: String,
    /// Architecture.
    pub arch: String,
    /// Canonical machine type.
    pub machine: String,
    /// Most virtual CPUs.
    pub max_vcpus: Option<u32>,
    /// Firmware kinds that can be selected automatically: bios, efi. `None` where libvirt does not tell, as before 5.2.
    pub firmware: Option<Vec<String>>,
    /// True where a firmware with Secure Boot is installed.
    pub secure_boot: Option<bool>,
    /// TPM back ends: emulator, passthrough.
    pub tpm_backends: Vec<String>,
    /// TPM models: tpm-crb, tpm-tis, ...
    pub tpm_models: Vec<String>,
    /// Graphics: vnc, spice, ...
    pub graphics: Vec<String>,
    /// Video models.
    pub video_models: Vec<String>,
    /// Disk buses.
    pub disk_buses: Vec<String>,
    /// Back ends for host PCI devices; empty while vfio is not loaded or there is no IOMMU.
    pub pci_backends: Vec<String>,
    /// CPU models by name, and whether this host can offer them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub cpu_models: BTreeMap<String, bool>,
    /// CPU modes that work: host-passthrough, host-model, ...
    pub cpu_modes: Vec<String>,
    /// Largest guest memory, where QEMU says.
    pub max_memory: Option<Bytes>,
}

/// A kind of guest, as far as what QEMU offers depends on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuestKind {
    /// Architecture.
    pub arch: String,
    /// Machine type, versioned or an alias.
    pub machine: String,
    /// kvm, qemu.
    pub domain_type: String,
}

impl DomainCapabilities {
    /// True where both are of one domain type, architecture and machine.
    pub fn is_of_the_kind_of(&self, other: &Self) -> bool {
        (&self.arch, &self.machine, &self.domain_type) == (&other.arch, &other.machine, &other.domain_type)
    }

    /// True where libvirt tells which firmware there is, and UEFI is not among it.
    pub fn lacks_uefi(&self) -> bool {
        self.firmware.as_ref().is_some_and(|kinds| kinds.iter().all(|kind| kind != "efi"))
    }
}
