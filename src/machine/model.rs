//! The machine: what all that is resolved of a spec on a host comes to.

use super::{
    AddressSpace, Backing, Chipset, Choice, Console, Cpu, Devices, DirectBoot, Disk, DiskOrigin, Expander, Feature,
    Firmware, Guest, GuestSlot, HeldFunction, Interface, Mediated, Pinning, Share, platform,
};
use crate::facts::GuestKind;
use crate::spec::VirtType;
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
    /// The vendor of the hypervisor that a Windows guest sees; `None` leaves it to KVM.
    pub hypervisor_vendor: Choice<Option<String>>,
    /// Start with the host.
    pub autostart: bool,
    /// File with the password that the cloud-init seed sets, on the machine where vmbuild runs.
    pub seed_password: Option<String>,
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

    /// What kind of guest it is.
    pub fn kind(&self) -> GuestKind {
        let (arch, machine) = (self.arch.value.clone(), self.machine_type.value.clone());
        GuestKind { arch, machine, domain_type: self.domain_type.clone() }
    }

    /// True on libvirt's test driver: it takes any domain and runs none, so what its capabilities lack stops nothing.
    pub fn is_only_a_test(&self) -> bool {
        self.domain_type == "test"
    }

    /// True where the guest's devices are on a PCI bus, as on most machines.
    pub fn has_pci(&self) -> bool {
        let machine = self.machine_type.value.as_str();
        let bare = ["microvm", "isapc", "none"].contains(&machine);
        !bare && !self.arch.value.starts_with("s390")
    }

    /// True where the guest is a PC: APIC, SMM, PC timers and Hyper-V exist there only.
    pub fn is_x86(&self) -> bool {
        platform::is_x86(&self.arch.value)
    }
}
