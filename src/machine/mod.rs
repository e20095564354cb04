//! The machine as it will be built: spec and facts in; every default chosen with its reason, every path resolved.
//!
//! `checks`, `domain` and `plan` all read this one answer, so that what is checked is what is built. Resolving never
//! fails: what the spec leaves out stays `None`, and `checks` says so.

pub mod address_space;
pub mod boot;
pub mod boot_order;
pub mod card;
pub mod chipset;
pub mod choice;
pub mod cpu;
pub mod devices;
pub mod disk;
pub mod display;
pub mod drive;
pub mod expander;
pub mod feature;
pub mod files;
pub mod firmware;
pub mod guest_pci;
pub mod held;
pub mod hypervisor;
pub mod interface;
pub mod location;
pub mod mediated;
pub mod memory;
mod model;
pub mod omission;
pub mod own_switch;
pub mod pinning;
pub mod platform;
pub mod port;
pub mod processor;
pub mod profile;
mod proposal;
pub mod radeon_family;
pub mod related;
mod rom_bar;
pub mod selector;
pub mod share;
mod split;
pub mod storage;
pub mod target;

pub use address_space::{AddressSpace, Width};
pub use boot::DirectBoot;
pub use card::{Member, Role};
pub use chipset::Chipset;
pub use choice::{Choice, Reason};
pub use cpu::{Cpu, Topology};
pub use devices::Devices;
pub use disk::{Disk, DiskOrigin, Location, NetworkVolume};
pub use display::{Console, libvirt_model};
pub use expander::Expander;
pub use feature::Feature;
pub use files::files;
pub use firmware::Firmware;
pub use guest_pci::{GuestFunction, GuestSlot};
pub use held::HeldFunction;
pub use interface::Interface;
pub use mediated::Mediated;
pub use memory::Backing;
pub use model::Machine;
pub use pinning::Pinning;
pub use profile::{Drivers, Guest};
pub use selector::{portable, resolve};
pub use share::Share;

use crate::facts::Facts;
use crate::spec::{Spec, filled};
use std::collections::BTreeSet;

/// Resolves a spec on a host. Total: whatever is missing or malformed in the spec is `None` or left out here.
pub fn machine(spec: &Spec, facts: &Facts) -> Machine {
    let mut machine = chosen(spec, facts);
    omission::leave_out(&mut machine, facts);
    machine
}

/// The machine for a libvirt that supports all of it.
fn chosen(spec: &Spec, facts: &Facts) -> Machine {
    let arch = platform::arch(spec);
    let guest = profile::guest(spec, facts);
    let machine_type = platform::machine_type(spec, facts, &arch.value, &guest);
    let chipset = Chipset::of(&machine_type.value);
    let virt_type = hypervisor::virt_type(spec, facts, &arch.value);
    let domain_type = hypervisor::domain_type(virt_type.value, facts);
    let host = facts.offered(&arch.value, &machine_type.value, &domain_type);
    let firmware = platform::firmware(spec, host, chipset, &arch.value, &guest);
    let consoles = display::consoles(spec, chipset);
    let memory = spec.memory.as_ref().and_then(|memory| memory.bytes().ok());
    let pinning = pinning::pinning(spec, facts);
    let shares = share::shares(spec, facts);
    let backing = memory::backing(spec, facts, memory, &pinning, &shares);
    let (slots, expanders) = guest_pci::placed(spec, facts, chipset, &backing.cells);
    let hide_kvm = guest_pci::hide_kvm(&slots, facts, guest.windows);
    let mut disks = storage::disks(spec, facts, chipset, &guest);
    let mut interfaces = interface::interfaces(spec, facts, chipset, &guest);
    let direct_boot = boot::direct(spec, facts, &disks);
    boot_order::assign(spec, &mut disks, &mut interfaces, direct_boot.is_some());
    Machine {
        name: spec.name.clone().unwrap_or_default(),
        memory,
        vcpus: spec.vcpus,
        max_vcpus: spec.max_vcpus.filter(|most| spec.vcpus.is_some_and(|vcpus| *most > vcpus)),
        cpu: cpu::cpu(spec, facts, host, virt_type.value, platform::is_x86(&arch.value), &pinning),
        iothreads: spec.iothreads.unwrap_or(0),
        backing,
        pinning,
        domain_type,
        virt_type,
        tpm: platform::tpm(spec, host, &guest),
        direct_boot,
        boot_menu: spec.boot.as_ref().and_then(|boot| boot.menu),
        disks,
        interfaces,
        devices: devices::devices(spec, chipset, &consoles, &slots, &guest),
        shares,
        enrolled_keys: spec.enrolled_keys,
        nvram: filled(spec.nvram.as_deref()).map(ToOwned::to_owned),
        video: display::video(spec, host, chipset, &consoles, &slots, firmware.value, &guest),
        consoles,
        hypervisor_vendor: guest_pci::hypervisor_vendor(&slots, facts, guest.windows, hide_kvm.value),
        hide_kvm,
        mediated: mediated::mediated(spec),
        address_space: address_space::address_space(facts, &slots, chipset),
        dropped: BTreeSet::new(),
        slots,
        expanders,
        held: held::held(spec, facts),
        arch,
        machine_type,
        chipset,
        firmware,
        autostart: spec.autostart.unwrap_or(false),
        seed_password: storage::seed_password(spec),
        windows: guest.windows,
        guest,
    }
}
