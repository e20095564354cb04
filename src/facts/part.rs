//! Parts of the facts: what is asked for and answered in one piece.

use super::pci_details::HeaderType;
use super::{
    Bridge, Capabilities, Confinement, Displays, Domain, DomainCapabilities, Fact, Facts, FoundRom, GroupDetails, Host,
    HostBoot, HostStorage, Iommu, Kernel, Kvm, LibvirtNetwork, LogicalCpu, MediaFile, Memory, Networking, NumaNode,
    PciDetails, PciDevice, Pool, Profile, SystemName, Usb, Vfio,
};
use crate::units::PciAddress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The parts that facts arrive in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// `host`, `memory`, `kvm`.
    Host,
    /// `cpus` and `nodes`.
    Cpus,
    /// `pools`.
    Pools,
    /// `networks` and `bridges`.
    Networks,
    /// `domains`.
    Domains,
    /// `pci` and `iommu`.
    Pci,
    /// `capabilities` and `domain_capabilities`.
    Capabilities,
    /// `kernel`, `boot` and `vfio`: what stands in the way of passthrough on the whole host.
    Boot,
    /// `storage`, `networking`, `displays` and `usb`: what the host itself uses.
    Uses,
    /// `roms` and `confinement`: ROM files to choose from, and what keeps QEMU from reading files.
    Roms,
    /// `details` and `groups`: of the functions that are named, or of all where none is.
    Details,
    /// `files`.
    Files,
    /// `systems`.
    Systems,
    /// `profiles`.
    Profiles,
    /// `definitions`.
    Definitions,
    /// `domain_capabilities` of single kinds of guests.
    GuestKinds,
}

impl Part {
    /// Every part but the details of single functions, in the order in which a screen needs them.
    pub const ALL: [Self; 11] = [
        Self::Host,
        Self::Cpus,
        Self::Pools,
        Self::Networks,
        Self::Domains,
        Self::Pci,
        Self::Boot,
        Self::Uses,
        Self::Roms,
        Self::Capabilities,
        Self::Files,
    ];

    /// Whom and what somebody waits for who has asked for it.
    pub fn awaited(self) -> &'static str {
        match self {
            Self::Host => "libvirt",
            Self::Pools => "libvirt: pools",
            Self::Networks => "libvirt: networks",
            Self::Domains => "libvirt: VMs",
            Self::Capabilities | Self::GuestKinds => "libvirt: capabilities",
            Self::Cpus => "the host: CPUs",
            Self::Pci => "the host: PCI functions",
            Self::Boot => "the host: kernel and boot",
            Self::Uses => "the host: disks and networks",
            Self::Roms => "the host: ROM files",
            Self::Details => "the host: PCI details",
            Self::Files => "the host: files",
            Self::Systems | Self::Profiles => "the osinfo database",
            Self::Definitions => "libvirt: the XML of a VM",
        }
    }
}

/// An answered part.
#[derive(Clone, Debug, PartialEq)]
pub enum FactsPart {
    /// Answers [`Part::Host`].
    Host {
        /// The connection.
        host: Fact<Host>,
        /// Host memory.
        memory: Fact<Memory>,
        /// Hardware virtualisation.
        kvm: Fact<Kvm>,
    },
    /// Answers [`Part::Cpus`].
    Cpus {
        /// CPUs.
        cpus: Fact<Vec<LogicalCpu>>,
        /// NUMA nodes.
        nodes: Fact<Vec<NumaNode>>,
    },
    /// Answers [`Part::Pools`].
    Pools(Fact<Vec<Pool>>),
    /// Answers [`Part::Networks`].
    Networks {
        /// Networks of libvirt.
        networks: Fact<Vec<LibvirtNetwork>>,
        /// Bridges of the host.
        bridges: Fact<Vec<Bridge>>,
    },
    /// Answers [`Part::Domains`].
    Domains(Fact<Vec<Domain>>),
    /// Answers [`Part::Pci`].
    Pci {
        /// PCI functions.
        pci: Fact<Vec<PciDevice>>,
        /// State of the IOMMU.
        iommu: Fact<Iommu>,
    },
    /// Answers [`Part::Capabilities`].
    Capabilities {
        /// Of the host.
        capabilities: Fact<Capabilities>,
        /// Of QEMU per machine.
        domain_capabilities: Fact<Vec<DomainCapabilities>>,
    },
    /// Answers [`Part::Boot`].
    Boot {
        /// The running kernel.
        kernel: Box<Fact<Kernel>>,
        /// How the host boots.
        boot: Box<Fact<HostBoot>>,
        /// Modules for passthrough.
        vfio: Box<Fact<Vfio>>,
    },
    /// Answers [`Part::Uses`].
    Uses {
        /// Disks.
        storage: Box<Fact<HostStorage>>,
        /// Network.
        networking: Box<Fact<Networking>>,
        /// GPUs.
        displays: Box<Fact<Displays>>,
        /// USB controllers.
        usb: Box<Fact<Usb>>,
    },
    /// Answers [`Part::Roms`].
    Roms {
        /// ROM files.
        roms: Fact<Vec<FoundRom>>,
        /// AppArmor and SELinux.
        confinement: Box<Fact<Confinement>>,
    },
    /// Answers [`Part::Details`]: adds to what is known of functions and groups, newest wins.
    Details {
        /// PCI functions.
        details: BTreeMap<PciAddress, PciDetails>,
        /// IOMMU groups.
        groups: BTreeMap<u32, GroupDetails>,
    },
    /// Answers [`Part::Files`]: adds to what is known of files, newest wins.
    Files(BTreeMap<String, Fact<MediaFile>>),
    /// Answers [`Part::Systems`].
    Systems(Fact<Vec<SystemName>>),
    /// Answers [`Part::Profiles`]: adds to what is known of guest systems, newest wins.
    Profiles(BTreeMap<String, Fact<Profile>>),
    /// Answers [`Part::Definitions`]: adds to what is known of domains, newest wins.
    Definitions(BTreeMap<String, Fact<String>>),
    /// Answers [`Part::GuestKinds`]: adds to what is known of QEMU, newest wins.
    GuestKinds(Vec<DomainCapabilities>),
}

impl FactsPart {
    /// Which part this answers.
    pub fn part(&self) -> Part {
        match self {
            Self::Host { .. } => Part::Host,
            Self::Cpus { .. } => Part::Cpus,
            Self::Pools(_) => Part::Pools,
            Self::Networks { .. } => Part::Networks,
            Self::Domains(_) => Part::Domains,
            Self::Pci { .. } => Part::Pci,
            Self::Capabilities { .. } => Part::Capabilities,
            Self::Boot { .. } => Part::Boot,
            Self::Uses { .. } => Part::Uses,
            Self::Roms { .. } => Part::Roms,
            Self::Details { .. } => Part::Details,
            Self::Files(_) => Part::Files,
            Self::Systems(_) => Part::Systems,
            Self::Profiles(_) => Part::Profiles,
            Self::Definitions(_) => Part::Definitions,
            Self::GuestKinds(_) => Part::GuestKinds,
        }
    }

    /// The answer that says of everything in `part` that it is unknown, and why.
    pub fn unknown(part: Part, why: &str) -> Self {
        match part {
            Part::Host => Self::Host { host: Fact::unknown(why), memory: Fact::unknown(why), kvm: Fact::unknown(why) },
            Part::Cpus => Self::Cpus { cpus: Fact::unknown(why), nodes: Fact::unknown(why) },
            Part::Pools => Self::Pools(Fact::unknown(why)),
            Part::Networks => Self::Networks { networks: Fact::unknown(why), bridges: Fact::unknown(why) },
            Part::Domains => Self::Domains(Fact::unknown(why)),
            Part::Pci => Self::Pci { pci: Fact::unknown(why), iommu: Fact::unknown(why) },
            Part::Capabilities => {
                Self::Capabilities { capabilities: Fact::unknown(why), domain_capabilities: Fact::unknown(why) }
            }
            Part::Boot => Self::Boot {
                kernel: Box::new(Fact::unknown(why)),
                boot: Box::new(Fact::unknown(why)),
                vfio: Box::new(Fact::unknown(why)),
            },
            Part::Uses => Self::Uses {
                storage: Box::new(Fact::unknown(why)),
                networking: Box::new(Fact::unknown(why)),
                displays: Box::new(Fact::unknown(why)),
                usb: Box::new(Fact::unknown(why)),
            },
            Part::Roms => Self::Roms { roms: Fact::unknown(why), confinement: Box::new(Fact::unknown(why)) },
            Part::Details => Self::Details { details: BTreeMap::new(), groups: BTreeMap::new() },
            Part::Files => Self::Files(BTreeMap::new()),
            Part::Systems => Self::Systems(Fact::unknown(why)),
            Part::Profiles => Self::Profiles(BTreeMap::new()),
            Part::Definitions => Self::Definitions(BTreeMap::new()),
            Part::GuestKinds => Self::GuestKinds(Vec::new()),
        }
    }
}

impl Facts {
    /// Puts an answered part in its place.
    pub fn absorb(&mut self, part: FactsPart) {
        let declares = matches!(part, FactsPart::Pci { .. } | FactsPart::Details { .. });
        self.put(part);
        if declares {
            self.declare_bridges();
        }
    }

    /// What its header says of a function counts over its class.
    fn declare_bridges(&mut self) {
        let (details, devices) = (&self.details, self.pci.get_mut());
        for device in devices.into_iter().flatten() {
            let header = details.get(&device.address).and_then(|details| details.header.get()).copied();
            if device.class >> 16 == 6 || matches!(header, Some(HeaderType::Bridge | HeaderType::CardBus)) {
                device.header = header.or(device.header);
            }
        }
    }

    fn put(&mut self, part: FactsPart) {
        match part {
            FactsPart::Host { host, memory, kvm } => (self.host, self.memory, self.kvm) = (host, memory, kvm),
            FactsPart::Cpus { cpus, nodes } => (self.cpus, self.nodes) = (cpus, nodes),
            FactsPart::Pools(pools) => self.pools = pools,
            FactsPart::Networks { networks, bridges } => (self.networks, self.bridges) = (networks, bridges),
            FactsPart::Domains(domains) => self.domains = domains,
            FactsPart::Pci { pci, iommu } => (self.pci, self.iommu) = (pci, iommu),
            FactsPart::Capabilities { capabilities, domain_capabilities } => {
                (self.capabilities, self.domain_capabilities) = (capabilities, domain_capabilities);
            }
            FactsPart::Boot { kernel, boot, vfio } => (self.kernel, self.boot, self.vfio) = (*kernel, *boot, *vfio),
            FactsPart::Uses { storage, networking, displays, usb } => {
                (self.storage, self.networking, self.displays, self.usb) = (*storage, *networking, *displays, *usb);
            }
            FactsPart::Roms { roms, confinement } => (self.roms, self.confinement) = (roms, *confinement),
            FactsPart::Details { details, groups } => {
                self.details.extend(details);
                self.groups.extend(groups);
            }
            FactsPart::Files(files) => self.files.extend(files),
            FactsPart::Systems(systems) => self.systems = systems,
            FactsPart::Profiles(profiles) => self.profiles.extend(profiles),
            FactsPart::Definitions(definitions) => self.definitions.extend(definitions),
            FactsPart::GuestKinds(new) => {
                let Some(known) = self.domain_capabilities.get_mut() else { return };
                known.retain(|known| new.iter().all(|new| !new.is_of_the_kind_of(known)));
                known.extend(new);
            }
        }
    }
}
