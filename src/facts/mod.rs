//! What the host has, as plain serialisable data. How it is read is the business of `host`; what it means, of `checks`.

pub mod boot;
pub mod capabilities;
pub mod cpu;
pub mod device_uses;
pub mod display;
pub mod domain;
pub mod fact;
pub mod host;
pub mod image;
pub mod images;
pub mod kernel;
pub mod media;
pub mod network;
pub mod networking;
mod offered;
pub mod part;
pub mod partition;
pub mod pci;
pub mod pci_details;
pub mod pool;
pub mod pool_type;
pub mod profile;
pub mod query;
pub mod rom;
pub mod storage;
pub mod usb;
pub mod uses;
pub mod vfio;

pub use boot::{BootChain, Distribution, HostBoot, Initramfs};
pub use capabilities::{Capabilities, DomainCapabilities, GuestArch, GuestKind};
pub use cpu::{CoreKind, HugePages, LogicalCpu, NumaNode};
pub use device_uses::uses_of_device;
pub use display::Displays;
pub use domain::{Domain, DomainDisk, DomainState, Holding};
pub use fact::{Fact, NOT_ASKED, Provenance};
pub use host::{Host, Kvm, Memory, Version};
pub use image::{BackingFile, BootForm, Bootable, FileContent, ImageFormat, ImageHeader, ImageMark};
pub use images::{Chain, ChainEnd, ChainLink, ImageIndex, KnownImage};
pub use kernel::{HostCpu, IommuTable, Kernel, Lockdown, Sleep};
pub use media::{FileId, Iso, MediaFile, MediaKind, Password, SecretFile};
pub use network::{Bridge, LibvirtNetwork};
pub use networking::{HostInterface, Networking};
pub use part::{FactsPart, Part};
pub use partition::{UnnamedPartition, next_partition};
pub use pci::{Iommu, IommuGroup, PciClass, PciDevice};
pub use pci_details::{GroupDetails, PciDetails};
pub use pool::{Pool, PoolHost, PoolLogin, PoolSource, Volume};
pub use pool_type::{CopySources, POOL_TYPES, PoolGround, PoolType, VolumeKind, VolumeNames, VolumeSource};
pub use profile::{Boots, Needs, Profile, Resources, SystemName};
pub use query::Query;
pub use rom::{Confinement, FoundRom, RomFile};
pub use storage::{BlockDevice, BlockKind, HostStorage};
pub use usb::{HostUsbDevice, Usb, UsbRole};
pub use uses::{Use, uses};
pub use vfio::{ModuleState, Vfio};

use crate::units::PciAddress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that is known of one host. `vmbuild facts --json` prints it; `--facts FILE` replays it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The connection and the machine behind it.
    pub host: Fact<Host>,
    /// Host memory.
    pub memory: Fact<Memory>,
    /// Whether guests can run on hardware virtualisation.
    pub kvm: Fact<Kvm>,
    /// The host's CPUs, by their number.
    pub cpus: Fact<Vec<LogicalCpu>>,
    /// Its NUMA nodes, by their number.
    pub nodes: Fact<Vec<NumaNode>>,
    /// What libvirt says of the host and the guests it can run.
    pub capabilities: Fact<Capabilities>,
    /// What QEMU can do for each kind of guest that was asked about; the usual machines of PCs first.
    pub domain_capabilities: Fact<Vec<DomainCapabilities>>,
    /// Storage pools with their volumes.
    pub pools: Fact<Vec<Pool>>,
    /// Networks of libvirt.
    pub networks: Fact<Vec<LibvirtNetwork>>,
    /// Bridges of the host.
    pub bridges: Fact<Vec<Bridge>>,
    /// The other domains, running or only defined.
    pub domains: Fact<Vec<Domain>>,
    /// PCI functions with their IOMMU groups, in address order.
    pub pci: Fact<Vec<PciDevice>>,
    /// The state of the IOMMU.
    pub iommu: Fact<Iommu>,
    /// The running kernel and its command line.
    pub kernel: Fact<Kernel>,
    /// How the host boots.
    pub boot: Fact<HostBoot>,
    /// The kernel's modules for passthrough.
    pub vfio: Fact<Vfio>,
    /// What the host keeps on which disk.
    pub storage: Fact<HostStorage>,
    /// What the host's own network lies on.
    pub networking: Fact<Networking>,
    /// Who shows what on the GPUs.
    pub displays: Fact<Displays>,
    /// What hangs on the USB controllers.
    pub usb: Fact<Usb>,
    /// ROM files in the folders where they are put.
    pub roms: Fact<Vec<FoundRom>>,
    /// What keeps QEMU from reading files.
    pub confinement: Fact<Confinement>,
    /// Details of the PCI functions that somebody asked about.
    pub details: BTreeMap<PciAddress, PciDetails>,
    /// Details of those functions' IOMMU groups, by number.
    pub groups: BTreeMap<u32, GroupDetails>,
    /// Files that the spec names, by absolute path: the ISO, attached images, ROM files. With `local:` before the path it
    /// is one of the machine where vmbuild runs.
    pub files: BTreeMap<String, Fact<MediaFile>>,
    /// Guest systems to choose from, as the osinfo database of this machine lists them.
    #[serde(skip_serializing_if = "Fact::is_pending")]
    pub systems: Fact<Vec<SystemName>>,
    /// What is known of the guest systems that somebody asked about, by their id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Fact<Profile>>,
    /// The XML that libvirt keeps of the domains that somebody asked about, by their name. Never recorded: it may name
    /// what is nobody else's business.
    #[serde(skip)]
    pub definitions: BTreeMap<String, Fact<String>>,
}

impl Facts {
    /// The same facts where the files that they were read from are those of `host`, seen at `seen_at` (seconds since
    /// 1970-01-01 UTC). Facts lie in facts in sixty places, and all of them have one form when they are written.
    pub fn read_over_ssh(&self, host: &str, seen_at: u64) -> Result<Self, serde_json::Error> {
        let mut written = serde_json::to_value(self)?;
        fact::mark_as_read_over_ssh(&mut written, host, seen_at);
        serde_json::from_value(written)
    }
}
