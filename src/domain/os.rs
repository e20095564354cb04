//! How the guest boots: machine type, firmware, Secure Boot, a kernel of the host's. The boot order stands at the devices.

use super::Element;
use crate::machine::{DirectBoot, Feature, Firmware, Location, Machine};
use crate::spec::{Place, Spec};

/// The os element. Secure Boot is always written out: left to itself, automatic selection may pick a firmware that has it.
pub(super) fn os(spec: &Spec, machine: &Machine) -> Element {
    let kind = Element::new("type")
        .attr("arch", machine.arch.value.clone())
        .attr("machine", machine.machine_type.value.clone());
    let os = Element::new("os");
    let os = match machine.firmware.value {
        Firmware::Bios => os.field(firmware_field(spec)).child(kind.text("hvm").field("machine")),
        Firmware::Uefi { secure_boot } => {
            // Secure Boot without keys is in set-up mode: it checks nothing until somebody enrols them.
            let keys = machine.enrolled_keys.or(secure_boot.then_some(true));
            let keys = keys.map(|keys| feature("enrolled-keys", if keys { "yes" } else { "no" }));
            let keys =
                keys.map(|keys| if machine.enrolled_keys.is_some() { keys.field("enrolled_keys") } else { keys });
            let features = keys.into_iter().chain([feature("secure-boot", if secure_boot { "yes" } else { "no" })]);
            let told = !machine.dropped.contains(&Feature::FirmwareFeatures);
            let firmware = told.then(|| Element::new("firmware").children(features).field("secure_boot"));
            let loader = (secure_boot && machine.is_x86()).then(|| Element::new("loader").attr("secure", "yes"));
            // `checks` refuses the UEFI of a libvirt that cannot choose it.
            let chosen = !machine.dropped.contains(&Feature::FirmwareSelection);
            let os = if chosen { os.attr("firmware", "efi") } else { os };
            let os = os.field(firmware_field(spec)).child(kind.text("hvm").field("machine"));
            let nvram = machine.nvram.clone().map(|path| Element::new("nvram").text(path).field("nvram"));
            os.child(firmware).child(loader.map(|loader| loader.field("secure_boot"))).child(nvram)
        }
    };
    let os = machine.direct_boot.iter().fold(os, kernel);
    let smbios = spec.smbios.as_ref().and_then(|_| super::devices::sysinfo(spec));
    let smbios = smbios.map(|_| Element::new("smbios").attr("mode", "sysinfo").field("smbios"));
    os.child(machine.boot_menu.map(menu)).child(smbios)
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

/// The field that says which firmware it is.
fn firmware_field(spec: &Spec) -> &'static str {
    if spec.firmware.is_some() { "firmware" } else { "uefi" }
}

fn feature(name: &'static str, enabled: &'static str) -> Element {
    Element::new("feature").attr("enabled", enabled).attr("name", name)
}
