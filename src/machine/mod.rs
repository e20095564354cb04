//! The machine as it will be built: spec and facts in; every default chosen with its reason, every path resolved.
//!
//! `checks`, `domain` and `plan` all read this one answer, so that what is checked is what is built. Resolving never
//! fails: what the spec leaves out stays `None`, and `checks` says so.

pub mod address_space;
pub mod boot;
pub mod boot_order;
pub mod card;
pub mod choice;
pub mod cpu;
pub mod devices;
pub mod disk;
pub mod display;
pub mod drive;
pub mod expander;
pub mod feature;
pub mod files;
pub mod guest_pci;
pub mod held;
pub mod hypervisor;
pub mod interface;
pub mod location;
pub mod mediated;
pub mod memory;
pub mod pinning;
pub mod platform;
pub mod port;
pub mod profile;
mod proposal;
pub mod related;
pub mod selector;
pub mod share;
pub mod storage;
pub mod target;

pub use address_space::{AddressSpace, Width};
pub use boot::DirectBoot;
pub use card::{Member, Role};
pub use choice::{Choice, Reason};
pub use cpu::{Cpu, Topology};
pub use devices::Devices;
pub use disk::{Disk, DiskOrigin, Location};
pub use display::{Console, libvirt_model};
pub use expander::Expander;
pub use feature::Feature;
pub use files::files;
pub use guest_pci::{GuestFunction, GuestSlot};
pub use held::HeldFunction;
pub use interface::Interface;
pub use mediated::Mediated;
pub use memory::Backing;
pub use pinning::Pinning;
pub use platform::{Chipset, Firmware};
pub use profile::{Drivers, Guest};
pub use selector::{portable, resolve};
pub use share::Share;

use crate::facts::Facts;
use crate::spec::{Spec, VirtType};
use crate::units::{Bytes, PciAddress};
use std::collections::BTreeSet;

/// One virtual machine with nothing left to choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Name as asked for; empty where the spec has none.
    pub name: String,
    /// Memory; `None` where missing or not a size.
    pub memory: Option<Bytes>,
    /// Virtual CPUs; `None` where missing.
    pub vcpus: Option<u32>,
    /// Most virtual CPUs, where more can be plugged in than there are at the start.
    pub max_vcpus: Option<u32>,
    /// The virtual CPU.
    pub cpu: Cpu,
    /// Where the VM's threads run.
    pub pinning: Pinning,
    /// I/O threads.
    pub iothreads: u32,
    /// What backs the memory, and where it lies.
    pub backing: Backing,
    /// KVM or emulation.
    pub virt_type: Choice<VirtType>,
    /// Domain type as written to the XML: the name of `virt_type`, or `test` on libvirt's test driver, which runs
    /// nothing else.
    pub domain_type: String,
    /// Architecture.
    pub arch: Choice<String>,
    /// Machine type as written to the XML: q35, pc, or a versioned name.
    pub machine_type: Choice<String>,
    /// What the machine type stands for.
    pub chipset: Chipset,
    /// BIOS or UEFI.
    pub firmware: Choice<Firmware>,
    /// TPM 2.0.
    pub tpm: Choice<bool>,
    /// The kernel that is started without a boot loader; `None` where the firmware boots.
    pub direct_boot: Option<DirectBoot>,
    /// Whether the firmware offers a boot menu; `None` leaves it to QEMU.
    pub boot_menu: Option<bool>,
    /// The disks in the order of creation, then the CD-ROM of the boot ISO, then the cloud-init seed.
    pub disks: Vec<Disk>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Graphical consoles; empty for none.
    pub consoles: Vec<Console>,
    /// The small devices.
    pub devices: Devices,
    /// Folders of the host that the guest mounts.
    pub shares: Vec<Share>,
    /// Vendor keys in the store of UEFI variables, where that was asked.
    pub enrolled_keys: Option<bool>,
    /// File of the UEFI variables; `None` lets libvirt choose.
    pub nvram: Option<String>,
    /// Emulated video card; `None` for none.
    pub video: Choice<Option<String>>,
    /// Guest slots that hold host PCI functions.
    pub slots: Vec<GuestSlot>,
    /// PCI buses of the guest's nodes, below which passed cards sit; empty where one root serves all.
    pub expanders: Vec<Expander>,
    /// Host PCI functions that nobody uses while the VM runs.
    pub held: Vec<HeldFunction>,
    /// Parts of host devices, such as virtual GPUs.
    pub mediated: Vec<Mediated>,
    /// Room and bits for the windows of passed devices.
    pub address_space: AddressSpace,
    /// What this libvirt is too old to be told.
    pub dropped: BTreeSet<Feature>,
    /// Whether the guest is kept from seeing KVM.
    pub hide_kvm: Choice<bool>,
    /// Start with the host.
    pub autostart: bool,
    /// The guest system, and what follows from it.
    pub guest: Guest,
    /// True for Windows guests: clock and Hyper-V defaults differ.
    pub windows: bool,
}

impl Machine {
    /// True where host PCI functions are passed, whole or in parts, by whatever element: the guest's memory is then pinned, which some defaults follow.
    pub fn passes_devices(&self) -> bool {
        let drive = |disk: &Disk| matches!(disk.origin, DiskOrigin::Drive { .. });
        let whole = !self.slots.is_empty() || !self.mediated.is_empty();
        whole || self.interfaces.iter().any(|interface| interface.passes) || self.disks.iter().any(drive)
    }

    /// The host functions that the guest gets: as PCI devices, as network interfaces, as disks.
    pub fn passed(&self) -> impl Iterator<Item = PciAddress> {
        let devices = self.slots.iter().flat_map(|slot| &slot.functions).map(|function| function.host);
        let interfaces = self.interfaces.iter().filter_map(|interface| interface.host);
        let drives = self.disks.iter().filter_map(|disk| match disk.origin {
            DiskOrigin::Drive { host, .. } => Some(host),
            _ => None,
        });
        devices.chain(interfaces).chain(drives)
    }

    /// True on libvirt's test driver: it takes any domain and runs none, so what its capabilities lack stops nothing.
    pub fn is_only_a_test(&self) -> bool {
        self.domain_type == "test"
    }
}

/// Resolves a spec on a host. Total: whatever is missing or malformed in the spec is `None` or left out here.
pub fn machine(spec: &Spec, facts: &Facts) -> Machine {
    let arch = platform::arch(spec);
    let guest = profile::guest(spec, facts);
    let machine_type = platform::machine_type(spec, facts, &arch.value, &guest);
    let chipset = Chipset::of(&machine_type.value);
    let firmware = platform::firmware(spec, facts, chipset, &arch.value, &guest);
    let virt_type = hypervisor::virt_type(spec, facts, &arch.value);
    let consoles = display::consoles(spec);
    let memory = spec.memory.as_ref().and_then(|memory| memory.bytes().ok());
    let pinning = pinning::pinning(spec, facts);
    let shares = share::shares(spec, facts);
    let backing = memory::backing(spec, facts, memory, &pinning, &shares);
    let mut expanders = expander::expanders(spec, facts, chipset, &backing.cells);
    let slots = guest_pci::slots(spec, facts, chipset, &expanders);
    expander::attach(&mut expanders, &slots, facts);
    let held = held::held(spec, facts);
    let mut disks = storage::disks(spec, facts, chipset, &guest);
    let mut interfaces = interface::interfaces(spec, facts, chipset, &guest);
    let direct_boot = boot::direct(spec, facts, &disks);
    boot_order::assign(spec, &mut disks, &mut interfaces, direct_boot.is_some());
    let mut machine = Machine {
        name: spec.name.clone().unwrap_or_default(),
        memory,
        vcpus: spec.vcpus,
        max_vcpus: spec.max_vcpus.filter(|most| spec.vcpus.is_some_and(|vcpus| *most > vcpus)),
        cpu: cpu::cpu(spec, facts, virt_type.value, platform::is_x86(&arch.value), &pinning),
        iothreads: spec.iothreads.unwrap_or(0),
        backing,
        pinning,
        domain_type: hypervisor::domain_type(virt_type.value, facts),
        virt_type,
        tpm: platform::tpm(spec, facts, &guest),
        direct_boot,
        boot_menu: spec.boot.as_ref().and_then(|boot| boot.menu),
        disks,
        interfaces,
        devices: devices::devices(spec, chipset, &consoles),
        shares,
        enrolled_keys: spec.enrolled_keys,
        nvram: platform::filled(spec.nvram.as_deref()).map(ToOwned::to_owned),
        video: display::video(spec, facts, &consoles, &slots, firmware.value, &guest),
        consoles,
        hide_kvm: guest_pci::hide_kvm(&slots, facts, guest.windows),
        mediated: mediated::mediated(spec),
        address_space: address_space::address_space(facts, &slots, chipset),
        dropped: BTreeSet::new(),
        slots,
        expanders,
        held,
        arch,
        machine_type,
        chipset,
        firmware,
        autostart: spec.autostart.unwrap_or(false),
        windows: guest.windows,
        guest,
    };
    feature::leave_out(&mut machine, facts);
    machine
}
