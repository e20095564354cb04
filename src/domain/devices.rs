//! Small devices: USB and input of the host, sound, watchdog, random numbers, shared memory, TPM, SMBIOS.

use super::Element;
use crate::machine::devices::{Devices, UsbHost, UsbName};
use crate::machine::{Chipset, Machine};
use crate::spec::devices::{TpmBackend, TpmVersion};
use crate::spec::{Place, Spec};
use crate::units::MIB;

/// Input devices: a tablet, a keyboard where there is no PS/2, and those of the host.
pub(super) fn inputs(machine: &Machine) -> Vec<Element> {
    let Devices { tablet, evdev, usb_controller, .. } = &machine.devices;
    let bus = match (usb_controller.value, machine.chipset) {
        (Some(_), _) => Some("usb"),
        (None, Chipset::Ccw) => Some("virtio"),
        (None, _) => None,
    };
    let input = |kind: &'static str| {
        Element::new("input").attr("type", kind).attr("bus", bus.unwrap_or("usb")).field("graphics")
    };
    let tablet = (tablet.value && bus.is_some())
        .then(|| if tablet.why().is_none() { input("tablet").field("tablet") } else { input("tablet") });
    let keyboard = (!machine.consoles.is_empty() && !machine.is_x86() && bus.is_some()).then(|| input("keyboard"));
    tablet
        .into_iter()
        .chain(keyboard)
        .chain(evdev.iter().enumerate().map(|(row, path)| host_input(row, path)))
        .collect()
}

/// An input device of the host. Both control keys together move it between host and guest; a keyboard takes the others
/// along and repeats.
fn host_input(row: usize, path: &str) -> Element {
    let source = Element::new("source").attr("dev", path.to_owned());
    let keyboard = path.ends_with("-kbd");
    let source =
        if keyboard { source.attr("grab", "all").attr("grabToggle", "ctrl-ctrl").attr("repeat", "on") } else { source };
    Element::new("input").attr("type", "evdev").child(source).origin(Place::root().key("evdev").index(row))
}

/// USB devices of the host. Those that are named by place need none of the policy: they are gone with the plug.
pub(super) fn usb(machine: &Machine) -> impl Iterator<Item = Element> {
    machine.devices.usb.iter().map(|UsbHost { row, named, startup }| {
        let source = Element::new("source");
        let source = match named {
            UsbName::Ids(vendor, product) => {
                let id = |name: &'static str, id: &u16| Element::new(name).attr("id", format!("0x{id:04x}"));
                let source = source.attr("startupPolicy", startup.name());
                source.child(id("vendor", vendor)).child(id("product", product))
            }
            UsbName::At(bus, device) => {
                source.child(Element::new("address").attr("bus", bus.to_string()).attr("device", device.to_string()))
            }
        };
        let place = Place::root().key("usb_devices").index(*row);
        let hostdev = Element::new("hostdev").attr("mode", "subsystem").attr("type", "usb").attr("managed", "yes");
        hostdev.child(source).origin(place)
    })
}

/// The sound card.
pub(super) fn sound(machine: &Machine) -> Option<Element> {
    machine.devices.sound.map(|model| Element::new("sound").attr("model", model.name()).field("sound"))
}

/// The watchdog.
pub(super) fn watchdog(machine: &Machine) -> Option<Element> {
    let (model, action) = machine.devices.watchdog.as_ref()?;
    let watchdog = Element::new("watchdog").attr("model", model.name()).attr("action", action.clone());
    Some(watchdog.field("watchdog"))
}

/// The host's random numbers.
pub(super) fn random_numbers(machine: &Machine) -> Option<Element> {
    let backend = Element::new("backend").attr("model", "random").text("/dev/urandom");
    let rng = Element::new("rng").attr("model", "virtio").child(backend).field("rng");
    machine.devices.rng.value.then_some(rng)
}

/// The memory that Looking Glass reads on the host.
pub(super) fn shared_memory(machine: &Machine) -> Option<Element> {
    let memory = machine.devices.looking_glass.as_ref()?;
    let model = Element::new("model").attr("type", "ivshmem-plain");
    let size = Element::new("size").attr("unit", "M").text((memory.size.0 / MIB).to_string());
    Some(Element::new("shmem").attr("name", memory.name.clone()).child(model).child(size).field("looking_glass"))
}

/// A TPM. The CRB interface is the one that Windows 11 and UEFI prefer; version 1.2 and other machines know only TIS, and
/// libvirt leaves the interface of the host's own to QEMU's usual.
pub(super) fn tpm(machine: &Machine) -> Option<Element> {
    let tpm = &machine.devices.tpm;
    if !machine.tpm.value {
        return None;
    }
    let crb = machine.is_x86() && tpm.version == TpmVersion::V2;
    let backend = match tpm.backend {
        TpmBackend::Emulator => Element::new("backend").attr("type", "emulator").attr("version", tpm.version.name()),
        TpmBackend::Passthrough => {
            let device = Element::new("device").attr("path", tpm.path.clone());
            Element::new("backend").attr("type", "passthrough").child(device)
        }
    };
    let model = match machine.chipset {
        Chipset::Pseries => "tpm-spapr",
        _ if crb => "tpm-crb",
        _ => "tpm-tis",
    };
    Some(Element::new("tpm").attr("model", model).child(backend).field("tpm"))
}

/// What the guest reads of maker and owner; and the word to the firmware to show it.
pub(super) fn sysinfo(spec: &Spec) -> Option<Element> {
    let smbios = spec.smbios.as_ref()?;
    let place = |name: &str| Place::root().key("smbios").key(name);
    let entry = |name: &'static str, field: &str, value: &Option<String>| {
        let value = value.clone().filter(|value| !value.trim().is_empty())?;
        Some(Element::new("entry").attr("name", name).text(value).origin(place(field)))
    };
    let system = [
        entry("manufacturer", "manufacturer", &smbios.manufacturer),
        entry("product", "product", &smbios.product),
        entry("version", "version", &smbios.version),
        entry("serial", "serial", &smbios.serial),
    ];
    let system: Vec<Element> = system.into_iter().flatten().collect();
    let strings: Vec<Element> =
        smbios.oem_strings.iter().flatten().map(|text| Element::new("entry").text(text.clone())).collect();
    let system = (!system.is_empty()).then(|| Element::new("system").children(system));
    let strings =
        (!strings.is_empty()).then(|| Element::new("oemStrings").children(strings).origin(place("oem_strings")));
    let info = Element::new("sysinfo").attr("type", "smbios").child(system).child(strings).field("smbios");
    (!info.children.is_empty()).then_some(info)
}
