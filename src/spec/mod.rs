//! What the user asks for: the VM spec as plain data, field by field as the creation API names it.
//!
//! Every field is optional, because a template or preset is a partial spec. Texts with a grammar (sizes, addresses)
//! are kept as the user wrote them and parsed by whoever needs the value, so that a wrong value is a finding with a
//! place and not a lost draft. What is missing or wrong is judged in `checks`, never here.

pub mod amount;
pub mod boot;
pub mod cloud_init;
pub mod cpu;
pub mod custom_xml;
pub mod described;
pub mod devices;
pub mod disk;
pub mod edit;
pub mod field;
pub mod grammar;
pub mod graphics;
pub mod host_paths;
pub mod layer;
pub mod mediated;
pub mod memory;
pub mod merge;
pub mod network;
mod nulls;
pub mod parse;
pub mod paths;
pub mod pci;
pub mod place;
pub mod problem;
pub mod schema;
mod secrets;
pub mod selector;
pub mod share;
pub mod stack;
pub mod suggest;
mod syntax;
mod text;
mod walk;
mod words;
pub mod yaml;

pub use amount::{DiskSize, MemorySize};
pub use boot::{Boot, BootDevice};
pub use cloud_init::CloudInit;
pub use cpu::{Cpu, CpuCache, CpuLimit, CpuMode, CpuTopology, Pinning};
pub use described::Described;
pub use disk::{DetectZeroes, Disk, DiskAction, DiskBus, DiskCache, DiskDevice, DiskFormat, DiskIo, Storage};
pub use field::{FieldGroup, SpecField};
pub use grammar::Grammar;
pub use graphics::{Graphics, GraphicsKind};
pub use layer::{Layer, Origin};
pub use mediated::MediatedDevice;
pub use memory::{HotplugKind, MemoryBacking, MemoryHotplug, Numa, NumaCell, NumaMode};
pub use merge::{difference, merge};
pub use network::{DirectMode, Network, NetworkKind, NetworkModel};
pub use parse::parse;
pub use pci::{PciDevice, PciRole, RomBar};
pub use place::{Place, Segment};
pub use problem::{Problem, Problems};
pub use schema::schema;
pub use secrets::without_secrets;
pub use selector::{GroupMember, PciKind, PciMatch};
pub use share::{Share, ShareDriver};
pub use stack::{StackError, Stacked, Template, stack};
pub use text::filled;

use devices::{
    FirmwareKind, LookingGlass, ScsiModel, Smbios, SoundModel, TpmDevice, UsbController, UsbDevice, VideoModel,
    Watchdog,
};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeSet;
use words::words;

/// One virtual machine, or a part of one: a template or preset leaves out what it does not decide. To be built, a spec
/// needs name, memory, vcpus, a default pool and at least one disk, after its template is applied. A field that is `null` is not
/// set, whatever the template or a preset sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, remote = "Self")]
pub struct Spec {
    /// Name of the VM: of its domain, its volumes and its log files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Template whose values hold where this spec has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Memory at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySize>,
    /// Number of virtual CPUs (vCPUs) at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// Most vCPUs that the running guest can have; those above `vcpus` are added by hot-plug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_vcpus: Option<u32>,
    /// The virtual CPU: model, features, topology, limit, pinning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Number of I/O threads: threads of QEMU that serve disks beside the vCPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iothreads: Option<u32>,
    /// Most memory that the running guest can have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<MemorySize>,
    /// How memory grows to `max_memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_hotplug: Option<MemoryHotplug>,
    /// Huge pages, locking, sharing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_backing: Option<MemoryBacking>,
    /// NUMA nodes of the host that memory comes from, and NUMA cells that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa: Option<Numa>,
    /// Disks, the installation medium, and the storage pool of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Family of the guest operating system: linux, windows, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_type: Option<String>,
    /// Guest operating system by its short osinfo ID: ubuntu24.04, win11, ... Drivers, firmware and clock follow from
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_variant: Option<String>,
    /// A second CD with the virtio drivers for Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtio_win: Option<bool>,
    /// CPU architecture of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Machine type: q35 (PCI Express), pc (PCI, for old guests), or a versioned name from the host's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// How the guest's instructions are run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virt_type: Option<VirtType>,
    /// Boot by UEFI instead of BIOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uefi: Option<bool>,
    /// Secure Boot with the vendors' keys; needs UEFI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// Firmware by name; says the same as `uefi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<FirmwareKind>,
    /// Put the vendors' keys into a new UEFI variable store. Without them the guest enrols its own keys first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolled_keys: Option<bool>,
    /// File of the UEFI variables, absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvram: Option<String>,
    /// Add a TPM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<bool>,
    /// Kind of TPM, where `tpm` is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_device: Option<TpmDevice>,
    /// Emulated video card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoModel>,
    /// Model of the SCSI controllers, for disks on the bus scsi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scsi_controller: Option<ScsiModel>,
    /// Model of the USB controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usb_controller: Option<UsbController>,
    /// A tablet as pointing device, so that the pointer in a console follows the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tablet: Option<bool>,
    /// The channel of the QEMU guest agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_agent: Option<bool>,
    /// A random number generator that the host feeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rng: Option<bool>,
    /// Emulated sound card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundModel>,
    /// Watchdog, which acts when the guest hangs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<Watchdog>,
    /// USB devices of the host that are passed to the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usb_devices: Option<Vec<UsbDevice>>,
    /// Keyboards and mice of the host that the guest shares, by absolute path below /dev/input/by-id; both Ctrl keys
    /// together switch between host and guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evdev: Option<Vec<String>>,
    /// Shared memory for Looking Glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looking_glass: Option<LookingGlass>,
    /// Folders of the host that the guest can mount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<Share>>,
    /// System information in SMBIOS: what the guest reads about its manufacturer and owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smbios: Option<Smbios>,
    /// Direct kernel boot, boot menu, and the boot order by kind of device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    /// Network interfaces. An empty list means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<Network>>,
    /// Graphical consoles. An empty list means none, and so does one row of the type none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphics: Option<Vec<Graphics>>,
    /// PCI functions of the host that the VM uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pci_devices: Option<Vec<PciDevice>>,
    /// Parts of host devices, such as virtual GPUs, that are passed to the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mediated_devices: Option<Vec<MediatedDevice>>,
    /// First-boot configuration, written to a seed disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInit>,
    /// Start the VM when the host boots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostart: Option<bool>,
    /// Domain XML that is merged over the generated XML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_xml: Option<String>,
    /// Free keys and values that are stored with the domain. No secrets: everyone who may read the domain can read
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, Value>>,
    /// The fields that are `null`: what layers below set there is taken away. None of them is set here.
    #[serde(skip)]
    pub nulls: BTreeSet<Place>,
}

impl Spec {
    /// True where the field at `place` is null, or an object that it is in.
    pub fn takes_away(&self, place: &Place) -> bool {
        nulls::covers(&self.nulls, place)
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.nulls.is_empty() {
            return Self::serialize(self, serializer);
        }
        let mut tree = Self::serialize(self, serde_json::value::Serializer).map_err(serde::ser::Error::custom)?;
        nulls::put(&mut tree, &self.nulls);
        Serialize::serialize(&tree, serializer)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tree = <Value as Deserialize>::deserialize(deserializer)?;
        let nulls = nulls::take(&mut tree);
        let spec = Self::deserialize(tree).map_err(D::Error::custom)?;
        Ok(Self { nulls, ..spec })
    }
}

words! {
    /// How the guest's instructions are run.
    VirtType {
        /// Hardware virtualisation.
        Kvm = "kvm",
        /// Emulation (TCG): runs anywhere, slowly.
        Qemu = "qemu",
    }
}

words! {
    /// Families of guest systems that `os_type` is known to name.
    OsFamily {
        /// Linux.
        Linux = "linux",
        /// Windows.
        Windows = "windows",
        /// FreeBSD, OpenBSD, NetBSD.
        Bsd = "bsd",
        /// Solaris.
        Solaris = "solaris",
        /// macOS.
        Macos = "macos",
        /// DOS.
        Dos = "dos",
        /// None of these.
        Other = "other",
    }
}
