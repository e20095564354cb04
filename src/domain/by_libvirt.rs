//! What libvirt writes into every domain by itself where it was not asked for. Whatever is not named here is somebody's
//! wish: a comparison shows it.

use super::Element;
use super::same::{TEXT, same, value};

/// What something is that libvirt adds, for counting it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Own {
    /// Where a device sits in the guest.
    Address,
    /// A controller, or what libvirt fills in for one.
    Controller,
    /// A MAC address that libvirt made up.
    Mac,
    /// Everything else: the UUID, the emulator, default inputs, defaults written out.
    Default,
}

impl Own {
    /// So many of it, in words.
    pub(super) fn counted(self, count: usize) -> String {
        let (one, many) = match self {
            Self::Address => ("guest address", "guest addresses"),
            Self::Controller => ("for controllers", "for controllers"),
            Self::Mac => ("MAC address", "MAC addresses"),
            Self::Default => ("default", "defaults"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// Whether libvirt adds `element` below `parent` by itself. `parent` is the element as libvirt stored it.
pub(super) fn adds(grandparent: &str, parent: &Element, element: &Element) -> Option<Own> {
    match parent.name.as_ref() {
        "domain" => setting(parent, element).then_some(Own::Default),
        "devices" => device(parent, element),
        "os" => firmware(parent, element).then_some(Own::Default),
        _ if grandparent == "devices" => of_device(parent, element),
        "target" if element.name == "model" => Some(Own::Default),
        "firmware" => is(element, &[("name", "enrolled-keys"), ("enabled", "no")]).then_some(Own::Default),
        "features" => interrupts(element).then_some(Own::Default),
        _ => None,
    }
}

fn setting(domain: &Element, element: &Element) -> bool {
    match element.name.as_ref() {
        "uuid" => true,
        "currentMemory" => domain.find("memory").is_some_and(|most| same(most, element, TEXT)),
        "on_poweroff" | "on_crash" => value(element, TEXT).as_deref() == Some("destroy"),
        "on_reboot" => value(element, TEXT).as_deref() == Some("restart"),
        "resource" => element.find("partition").is_some_and(|it| value(it, TEXT).as_deref() == Some("/machine")),
        "seclabel" => element.attribute("type") == Some("dynamic") && element.elements().next().is_none(),
        "clock" => is(element, &[("offset", "utc")]) && element.elements().next().is_none(),
        "features" => element.elements().all(interrupts),
        _ => false,
    }
}

/// The interrupt controller of an ARM machine.
fn interrupts(feature: &Element) -> bool {
    feature.name == "gic"
}

/// A device without which libvirt defines no domain of this machine type.
fn device(devices: &Element, element: &Element) -> Option<Own> {
    let kind = element.attribute("type").unwrap_or_default();
    let own = match element.name.as_ref() {
        "controller" => return controller(kind, element).then_some(Own::Controller),
        "emulator" => usual_emulator(&value(element, TEXT)?),
        "input" => matches!(kind, "mouse" | "keyboard") && element.attribute("bus") == Some("ps2"),
        "audio" => element.attribute("id") == Some("1") && matches!(kind, "none" | "spice"),
        "watchdog" => element.attribute("model") == Some("itco") && follows(devices, element.attribute("action")),
        "memballoon" => is(element, &[("model", "virtio")]) && element.elements().all(|child| child.name == "address"),
        "console" => {
            let target = element.find("target")?;
            kind == "pty" && is(target, &[("type", "serial"), ("port", "0")])
        }
        _ => false,
    };
    own.then_some(Own::Default)
}

/// The watchdog of the chipset does what the one that was asked for does, else it resets.
fn follows(devices: &Element, action: Option<&str>) -> bool {
    let asked = devices.elements().find(|it| it.name == "watchdog" && it.attribute("model") != Some("itco"));
    asked.map_or(Some("reset"), |asked| asked.attribute("action")) == action
}

/// Ports for the devices, and the first controller of what a device plugs into. Those that say of a NUMA node or of a
/// switch where devices sit were asked for.
fn controller(kind: &str, element: &Element) -> bool {
    let plain = element.elements().all(|child| match child.name.as_ref() {
        "address" | "model" => true,
        "target" => child.attributes.iter().all(|(name, _)| matches!(name.as_ref(), "chassis" | "port")),
        _ => false,
    });
    let first = element.attribute("index") == Some("0");
    let model = element.attribute("model");
    plain
        && match kind {
            "pci" => matches!(
                model,
                Some(
                    "pci-root"
                        | "pcie-root"
                        | "pcie-root-port"
                        | "pcie-to-pci-bridge"
                        | "pci-bridge"
                        | "dmi-to-pci-bridge"
                )
            ),
            "sata" | "ide" | "fdc" => first,
            "virtio-serial" => first && element.attribute("ports").is_none_or(|ports| ports == "16"),
            "usb" => first && matches!(model, None | Some("piix3-uhci")),
            "scsi" => first && matches!(model, None | Some("lsilogic")),
            _ => false,
        }
}

/// The emulator of a distribution.
fn usual_emulator(path: &str) -> bool {
    path.starts_with("/usr/bin/qemu-system-")
        || matches!(path, "/usr/libexec/qemu-kvm" | "/usr/bin/qemu-kvm" | "/usr/bin/kvm")
}

/// The files that libvirt chooses for `firmware='efi'`.
fn firmware(os: &Element, element: &Element) -> bool {
    let path = value(element, TEXT).unwrap_or_default();
    match element.name.as_ref() {
        "boot" => is(element, &[("dev", "hd")]),
        "loader" => os.attribute("firmware").is_some() && path.starts_with("/usr/"),
        "nvram" => os.attribute("firmware").is_some() && path.contains("/qemu/nvram/"),
        "firmware" => element.elements().all(|feature| is(feature, &[("enabled", "no")])),
        _ => false,
    }
}

fn of_device(device: &Element, element: &Element) -> Option<Own> {
    let own = match (device.name.as_ref(), element.name.as_ref()) {
        (_, "address") => return Some(Own::Address),
        ("controller", "model") => return Some(Own::Controller),
        ("controller", "target") => {
            return element
                .attributes
                .iter()
                .all(|(name, _)| matches!(name.as_ref(), "chassis" | "port"))
                .then_some(Own::Controller);
        }
        ("interface", "mac") => {
            return element.attribute("address").is_some_and(|mac| mac.starts_with("52:54:00")).then_some(Own::Mac);
        }
        // Of a running domain, and of the test driver.
        ("interface", "target") => {
            let name = element.attribute("dev").unwrap_or_default();
            ["vnet", "macvtap", "testnet"].iter().any(|made_up| name.starts_with(made_up))
        }
        (_, "alias") => !element.attribute("name").is_some_and(|name| name.starts_with("ua-")),
        ("disk", "readonly") => device.attribute("device") == Some("cdrom"),
        ("disk", "backingStore") => element.elements().next().is_none(),
        ("hostdev", "driver") => is(element, &[("name", "vfio")]),
        ("serial" | "console", "target") => true,
        ("graphics", "listen") => {
            let address = element.attribute("address");
            element.attribute("type") == Some("address") && (address.is_none() || address == device.attribute("listen"))
        }
        ("sound", "audio") => is(element, &[("id", "1")]),
        // Of a socket that libvirt makes.
        ("channel", "source") => is(element, &[("mode", "bind")]),
        _ => false,
    };
    own.then_some(Own::Default)
}

/// Attributes that libvirt writes out with this value: parent, element, attribute, value.
const WRITTEN_OUT: [(&str, &str, &str, &str); 23] = [
    ("domain", "vcpu", "placement", "static"),
    ("domain", "cpu", "check", "none"),
    ("domain", "cpu", "check", "partial"),
    ("domain", "cpu", "match", "exact"),
    ("domain", "cpu", "migratable", "on"),
    ("cpu", "model", "fallback", "allow"),
    ("cpu", "topology", "dies", "1"),
    ("cpu", "topology", "clusters", "1"),
    ("features", "hyperv", "mode", "custom"),
    ("numatune", "memory", "mode", "strict"),
    ("devices", "disk", "device", "disk"),
    ("disk", "driver", "name", "qemu"),
    ("devices", "graphics", "autoport", "yes"),
    ("devices", "hostdev", "display", "off"),
    ("video", "model", "heads", "1"),
    ("video", "model", "primary", "yes"),
    ("video", "model", "ram", "65536"),
    ("video", "model", "vgamem", "16384"),
    ("serial", "target", "type", "isa-serial"),
    ("serial", "target", "type", "system-serial"),
    ("serial", "target", "port", "0"),
    ("console", "target", "port", "0"),
    ("tpm", "backend", "version", "2.0"),
];

/// Whether libvirt adds the attribute `name`, or the text, by itself to `element`, which stands below `parent`.
pub(super) fn adds_attribute(parent: &str, element: &Element, name: &str) -> Option<Own> {
    let value = value(element, name).unwrap_or_default();
    let own = match (parent, element.name.as_ref(), name) {
        ("controller", "target", "chassis" | "port")
        | ("controller", "model", "name")
        | ("devices", "controller", "index") => return Some(Own::Controller),
        (_, "address", "domain") => return matches!(value.as_str(), "0" | "0x0000").then_some(Own::Address),
        ("os", "loader", TEXT) => value.starts_with("/usr/"),
        ("os", "type", "arch")
        | ("os", "nvram" | "loader", "template" | "templateFormat" | "format" | "type" | "readonly") => true,
        ("devices", "graphics", "listen") => {
            element.find("listen").and_then(|listen| listen.attribute("address")) == Some(&value)
        }
        ("video", "model", "vram") => value == if element.attribute("type") == Some("qxl") { "65536" } else { "16384" },
        (_, element, _) => WRITTEN_OUT.contains(&(parent, element, name, &value)),
    };
    own.then_some(Own::Default)
}

/// True where `element` has all of these and nothing besides.
fn is(element: &Element, attributes: &[(&str, &str)]) -> bool {
    let known = |(name, value): &(_, _)| attributes.iter().any(|(n, v)| name == n && value == v);
    element.attributes.iter().filter(|attribute| known(attribute)).count() == element.attributes.len()
}
