//! The virtual CPU.

use super::Element;
use super::os::is_x86;
use crate::machine::{Feature, Machine, Width};
use crate::spec::VirtType;

/// The host's own CPU under KVM, everything that TCG can emulate otherwise: a model that names features may lack some.
pub(super) fn cpu(machine: &Machine) -> Element {
    let x86 = is_x86(machine);
    match machine.virt_type.value {
        VirtType::Kvm => {
            let cpu = Element::new("cpu").attr("mode", "host-passthrough").attr("check", "none");
            let cpu = if x86 { cpu.attr("migratable", "off") } else { cpu };
            let cache = x86.then(|| Element::new("cache").attr("mode", "passthrough"));
            cpu.child(machine.vcpus.map(topology)).child(cache).child(width(machine).filter(|_| x86))
        }
        VirtType::Qemu => {
            let cpu = Element::new("cpu").attr("mode", "maximum").attr("check", "none");
            cpu.child(machine.vcpus.map(topology))
        }
    }
    .field("virt_type")
}

/// The width of the guest's addresses, where passed devices ask for one. A libvirt without limits is told the width itself.
fn width(machine: &Machine) -> Option<Element> {
    let width = machine.address_space.width.filter(|_| !machine.dropped.contains(&Feature::AddressWidth))?;
    let element = Element::new("maxphysaddr").field("pci_devices");
    Some(match width {
        Width::Limit(bits) if machine.dropped.contains(&Feature::AddressLimit) => {
            element.attr("mode", "emulate").attr("bits", bits.to_string())
        }
        Width::Limit(bits) => element.attr("mode", "passthrough").attr("limit", bits.to_string()),
        Width::Host => element.attr("mode", "passthrough"),
    })
}

/// One socket with all cores. libvirt's own choice is one socket per CPU, of which client editions of Windows use two.
fn topology(vcpus: u32) -> Element {
    let topology = Element::new("topology").attr("sockets", "1").attr("cores", vcpus.to_string());
    topology.attr("threads", "1").field("vcpus")
}
