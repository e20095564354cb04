//! How the guest boots: machine type, firmware, Secure Boot, TPM, a kernel of the host's. The boot order stands at the devices.

use super::Element;
use crate::machine::{DirectBoot, Feature, Firmware, Location, Machine};
use crate::spec::Place;

/// The os element. Secure Boot is always written out: left to itself, automatic selection may pick a firmware that has it.
pub(super) fn os(machine: &Machine) -> Element {
    let kind = Element::new("type")
        .attr("arch", machine.arch.value.clone())
        .attr("machine", machine.machine_type.value.clone());
    let os = Element::new("os");
    let os = match machine.firmware.value {
        Firmware::Bios => os.child(kind.text("hvm").field("machine")),
        Firmware::Uefi { secure_boot } => {
            let features = if secure_boot {
                vec![feature("enrolled-keys", "yes"), feature("secure-boot", "yes")]
            } else {
                vec![feature("secure-boot", "no")]
            };
            let told = !machine.dropped.contains(&Feature::FirmwareFeatures);
            let firmware = told.then(|| Element::new("firmware").children(features).field("secure_boot"));
            let loader = (secure_boot && is_x86(machine)).then(|| Element::new("loader").attr("secure", "yes"));
            let os = os.attr("firmware", "efi").field("uefi").child(kind.text("hvm").field("machine"));
            os.child(firmware).child(loader.map(|loader| loader.field("secure_boot")))
        }
    };
    let os = machine.direct_boot.iter().fold(os, kernel);
    os.child(machine.boot_menu.map(menu))
}

/// The kernel that QEMU starts itself. Its files are named by path; one that has none is left out, and `checks` says so.
fn kernel(os: Element, boot: &DirectBoot) -> Element {
    let field = |name: &str| Place::root().key("boot").key(name);
    let file = |name: &'static str, at: Option<&Location>| {
        let path = at.and_then(Location::path)?;
        Some(Element::new(name).text(path.to_owned()).origin(field(name)))
    };
    let args = Some(boot.args.value.as_str()).filter(|args| !args.is_empty());
    os.child(file("kernel", boot.kernel.as_ref()))
        .child(file("initrd", boot.initrd.as_ref()))
        .child(args.map(|args| Element::new("cmdline").text(args.to_owned()).origin(field("args"))))
}

/// The menu waits for a key as long as people need for it.
fn menu(enabled: bool) -> Element {
    let menu = Element::new("bootmenu").attr("enable", if enabled { "yes" } else { "no" });
    let menu = if enabled { menu.attr("timeout", "3000") } else { menu };
    menu.origin(Place::root().key("boot").key("menu"))
}

fn feature(name: &'static str, enabled: &'static str) -> Element {
    Element::new("feature").attr("enabled", enabled).attr("name", name)
}

/// True where the guest is a PC: APIC, SMM, PC timers and Hyper-V exist there only.
pub(super) fn is_x86(machine: &Machine) -> bool {
    matches!(machine.arch.value.as_str(), "x86_64" | "i686")
}

/// An emulated TPM 2.0. The CRB interface is the one that Windows 11 and UEFI prefer; other machines know only TIS.
pub(super) fn tpm(machine: &Machine) -> Element {
    let model = if is_x86(machine) { "tpm-crb" } else { "tpm-tis" };
    let backend = Element::new("backend").attr("type", "emulator").attr("version", "2.0");
    Element::new("tpm").attr("model", model).child(backend).field("tpm")
}
