//! When two elements of a domain document are the same thing, so that one changes the other instead of standing beside it.

use super::Element;
use crate::units::{Bytes, KIB, PciAddress};

/// How an element is recognised among its siblings of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// There is one of its name.
    Only,
    /// By this key.
    Key(String),
    /// Each stands for itself.
    None,
}

/// The identity of a child of an element named `parent`.
pub fn identity(parent: &str, element: &Element) -> Identity {
    let rule = if parent == "devices" { device(&element.name) } else { setting(parent, &element.name) };
    let key = match rule {
        Rule::Only => return Identity::Only,
        Rule::Each => None,
        Rule::Attribute(name) => element.attribute(name).map(ToOwned::to_owned),
        Rule::Child(child, name) => element.find(child).and_then(|child| child.attribute(name)).map(ToOwned::to_owned),
        Rule::Key(_, key) => key(element),
    };
    key.map_or(Identity::None, Identity::Key)
}

/// What tells a device of this name from others of its name; `None` where there is one of it, or where each is its own.
pub fn told_by(name: &str) -> Option<String> {
    match device(name) {
        Rule::Only | Rule::Each => None,
        Rule::Attribute(name) | Rule::Key(name, _) => Some(name.to_owned()),
        Rule::Child(child, name) => Some(format!("{name} of <{child}>")),
    }
}

/// The element as users tell it from others: `<vcpu>`, `<disk> vda`.
pub fn label(parent: &str, element: &Element) -> String {
    match identity(parent, element) {
        Identity::Key(key) => format!("<{}> {key}", element.name),
        Identity::Only | Identity::None => format!("<{}>", element.name),
    }
}

/// What an element is called in a path: `disk vda`.
pub(super) fn step_of_path(parent: &str, element: &Element) -> String {
    let label = label(parent, element).replace(['<', '>'], "");
    // These keys have two parts; between the steps of a path a slash has another meaning.
    if matches!(element.name.as_ref(), "controller" | "input") { label.replace('/', " ") } else { label }
}

/// True where `child` is a setting of the domain that stands there once.
pub fn is_single_setting(child: &Element) -> bool {
    !child.name.contains(':') && matches!(setting("domain", &child.name), Rule::Only)
}

/// How elements of a name are told apart.
enum Rule {
    Only,
    Each,
    /// By this attribute.
    Attribute(&'static str),
    /// By this child's attribute.
    Child(&'static str, &'static str),
    /// By this, and how it is read.
    Key(&'static str, fn(&Element) -> Option<String>),
}

fn device(name: &str) -> Rule {
    match name {
        "disk" => Rule::Child("target", "dev"),
        "filesystem" => Rule::Child("target", "dir"),
        "controller" => Rule::Key("type and index", controller),
        "hostdev" => Rule::Key("<source>", host_device),
        "interface" => {
            Rule::Key("address of <mac>", |e| Some(e.find("mac")?.attribute("address")?.to_ascii_lowercase()))
        }
        "graphics" => Rule::Attribute("type"),
        "input" => Rule::Key("type and bus", |e| Some(format!("{}/{}", e.attribute("type")?, e.attribute("bus")?))),
        "serial" | "parallel" | "console" => Rule::Child("target", "port"),
        "channel" => Rule::Child("target", "name"),
        "sound" | "watchdog" | "panic" => Rule::Attribute("model"),
        "audio" => Rule::Attribute("id"),
        "shmem" => Rule::Attribute("name"),
        "emulator" | "tpm" | "video" | "memballoon" | "rng" | "nvram" | "iommu" | "vsock" | "redirfilter" => Rule::Only,
        _ => Rule::Each,
    }
}

fn setting(parent: &str, name: &str) -> Rule {
    match (parent, name) {
        ("source", "host")
        | ("interface", "ip" | "route" | "portForward")
        | (
            _,
            "qemu:arg" | "qemu:env" | "qemu:add" | "qemu:del" | "initarg" | "initenv" | "vcpusched" | "iothreadsched"
            | "cachetune" | "memorytune",
        ) => Rule::Each,
        ("graphics", "channel") | (_, "feature" | "timer" | "entry" | "qemu:property") => Rule::Attribute("name"),
        ("numa", "cell")
        | ("iothreadids", "iothread")
        | ("vcpus", "vcpu")
        | ("distances", "sibling")
        | ("vlan", "tag") => Rule::Attribute("id"),

        ("os", "boot") => Rule::Attribute("dev"),
        (_, "vcpupin") => Rule::Attribute("vcpu"),
        (_, "iothreadpin") => Rule::Attribute("iothread"),
        (_, "memnode") => Rule::Attribute("cellid"),
        (_, "page") => Rule::Key("size", page),
        (_, "seclabel") => Rule::Attribute("model"),
        (_, "sysinfo") => Rule::Attribute("type"),
        (_, "qemu:device") => Rule::Attribute("alias"),
        (_, "vmbuild:entry") => Rule::Attribute("key"),
        _ => Rule::Only,
    }
}

/// The size as libvirt writes it back, whatever its unit.
fn page(element: &Element) -> Option<String> {
    let size = format!("{}{}", element.attribute("size")?, element.attribute("unit").unwrap_or_default());
    Some(format!("{} KiB", Bytes::parse_in(&size, KIB).ok()?.0 / KIB))
}

/// Type and index. libvirt numbers a PCI controller without index by itself; of the others it means the first.
fn controller(element: &Element) -> Option<String> {
    let kind = element.attribute("type")?;
    let index = element.attribute("index").or((kind != "pci").then_some("0"))?;
    Some(format!("{kind}/{index}"))
}

/// The host's own name of the device: the PCI address, however its numbers are written, the USB ids, or the UUID.
fn host_device(element: &Element) -> Option<String> {
    let source = element.find("source")?;
    match element.attribute("type")? {
        "pci" => Some(pci_address(source.find("address")?)?.to_string()),
        "usb" => {
            let part = |name| source.find(name)?.attribute("id").and_then(number);
            Some(format!("{:04x}:{:04x}", part("vendor")?, part("product")?))
        }
        "mdev" => source.find("address")?.attribute("uuid").map(str::to_ascii_lowercase),
        _ => None,
    }
}

/// The function that an `address` element names; what it leaves out is 0.
pub fn pci_address(address: &Element) -> Option<PciAddress> {
    let part = |name| address.attribute(name).map_or(Some(0), number);
    let small = |name| u8::try_from(part(name)?).ok();
    Some(PciAddress { domain: part("domain")?, bus: small("bus")?, slot: small("slot")?, function: small("function")? })
}

/// A number as libvirt reads it: hexadecimal after 0x, octal after 0, else decimal.
pub fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    match (text.strip_prefix("0x").or(text.strip_prefix("0X")), text.strip_prefix('0').filter(|rest| !rest.is_empty()))
    {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) => u32::from_str_radix(digits, 8).ok(),
        (None, None) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::parse;

    fn of(text: &str) -> Identity {
        identity("devices", &parse(text).unwrap())
    }

    #[test]
    fn host_devices_are_the_same_however_their_address_is_written() {
        let with = |bus| {
            format!(
                "<hostdev type='pci'><source><address domain='0' bus='{bus}' slot='0x00' function='1'/></source></hostdev>"
            )
        };
        assert_eq!(of(&with("0x0a")), of(&with("10")));
        assert_eq!(of(&with("0x0a")), of(&with("012")));
        assert_ne!(of(&with("0x0a")), of(&with("0x10")));
    }

    #[test]
    fn what_tells_devices_apart_is_what_they_are_recognised_by() {
        for (name, want) in [
            ("disk", Some("dev of <target>")),
            ("controller", Some("type and index")),
            ("graphics", Some("type")),
            ("tpm", None),
            ("redirdev", None),
        ] {
            assert_eq!(told_by(name).as_deref(), want, "{name}");
        }
    }

    #[test]
    fn a_controller_without_index_is_the_first_of_its_type() {
        assert_eq!(of("<controller type='scsi' model='lsilogic'/>"), of("<controller type='scsi' index='0'/>"));
        assert_eq!(of("<controller type='pci' model='pcie-root-port'/>"), Identity::None);
    }
}
