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
pub mod layer;
pub mod mediated;
pub mod memory;
pub mod merge;
pub mod network;
pub mod parse;
pub mod paths;
pub mod pci;
pub mod place;
pub mod problem;
pub mod schema;
pub mod selector;
pub mod share;
pub mod stack;
pub mod suggest;
mod syntax;
mod text;
mod walk;
mod words;

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
pub use pci::{PciDevice, PciRole};
pub use place::{Place, Segment};
pub use problem::{Problem, Problems};
pub use schema::schema;
pub use selector::{GroupMember, PciKind, PciMatch};
pub use share::{Share, ShareDriver};
pub use stack::{StackError, Stacked, Template, stack};
pub use text::filled;

use devices::{
    FirmwareKind, LookingGlass, ScsiModel, Smbios, SoundModel, TpmDevice, UsbController, UsbDevice, VideoModel,
    Watchdog,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use words::words;

/// One virtual machine, or a part of one: a template or preset leaves out what it does not decide. To be built, a spec
/// needs name, memory, vcpus, a default pool and at least one disk, after its template is applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Name of the VM. Required to build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the template whose values are the defaults of this spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Memory: a number counts MiB, a text carries its unit ("32 GiB"). Required to build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySize>,
    /// Number of virtual CPUs. Required to build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// Most virtual CPUs that can be plugged in while the guest runs; `vcpus` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_vcpus: Option<u32>,
    /// The virtual CPU: model, features, arrangement, limit, pinning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// I/O threads, which serve disks beside the virtual CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iothreads: Option<u32>,
    /// Most memory that the running guest can be given; `memory` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<MemorySize>,
    /// How memory grows to `max_memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_hotplug: Option<MemoryHotplug>,
    /// Huge pages, locking, sharing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_backing: Option<MemoryBacking>,
    /// NUMA: nodes of the host, nodes of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa: Option<Numa>,
    /// Disks and the pool they live in. Required to build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Family of the guest system: linux, windows, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_type: Option<String>,
    /// Short id of the guest system as osinfo names it: ubuntu22.04, win11, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_variant: Option<String>,
    /// A second CD with the virtio drivers for Windows; there if absent, where Windows is installed from an ISO and a pool
    /// has that CD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtio_win: Option<bool>,
    /// CPU architecture of the guest; x86_64 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Machine type: q35 (PCI Express, the default), pc, or a versioned name of the host's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Which virtualisation runs the guest; chosen by what the host can do if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virt_type: Option<VirtType>,
    /// Boot by UEFI instead of BIOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uefi: Option<bool>,
    /// Secure Boot with enrolled vendor keys; needs `uefi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    /// bios or uefi; the same as `uefi`, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<FirmwareKind>,
    /// Vendor keys in a new UEFI variable store; as Secure Boot needs it if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolled_keys: Option<bool>,
    /// File of the UEFI variables, absolute; libvirt chooses one per VM if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvram: Option<String>,
    /// Emulated TPM 2.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<bool>,
    /// What kind of TPM, where `tpm` asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_device: Option<TpmDevice>,
    /// Emulated video card; chosen by guest and firmware if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoModel>,
    /// Model of the SCSI controllers; virtio-scsi if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scsi_controller: Option<ScsiModel>,
    /// Model of the USB controller; by machine type if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usb_controller: Option<UsbController>,
    /// A tablet, so that the pointer of a console follows the user's; there with a console if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tablet: Option<bool>,
    /// The channel of the guest agent; there if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_agent: Option<bool>,
    /// Random numbers of the host; there if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rng: Option<bool>,
    /// Emulated sound card; none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundModel>,
    /// Resets a guest that hangs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<Watchdog>,
    /// USB devices of the host given to the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usb_devices: Option<Vec<UsbDevice>>,
    /// Keyboards and mice of the host given to the guest, by absolute path below /dev/input/by-id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evdev: Option<Vec<String>>,
    /// Shared memory for Looking Glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looking_glass: Option<LookingGlass>,
    /// Folders of the host that the guest mounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<Share>>,
    /// What the guest reads of its maker and owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smbios: Option<Smbios>,
    /// Direct kernel boot, boot menu and the order of devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    /// Network interfaces, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<Network>>,
    /// Graphical consoles; `[{"type": "none"}]` for a VM without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graphics: Option<Vec<Graphics>>,
    /// Host PCI devices given to the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pci_devices: Option<Vec<PciDevice>>,
    /// Parts of host devices, such as virtual GPUs, given to the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mediated_devices: Option<Vec<MediatedDevice>>,
    /// First-boot configuration, written to a seed disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInit>,
    /// Start the VM when the host boots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostart: Option<bool>,
    /// Domain XML merged over the generated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_xml: Option<String>,
    /// Free keys and values stored with the domain. No secrets: anyone who may read the domain reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
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
