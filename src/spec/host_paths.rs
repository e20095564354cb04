//! Files and devices of the host that `custom_xml` names: what a guest comes to read or write by it.

use super::custom_xml::{self, NAMESPACE};
use roxmltree::{Document, Node};

/// One name in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPath {
    /// What is named.
    pub named: Named,
    /// The element that names it, as users know it: `<disk>`, `<kernel>`, `<qemu:arg>`.
    pub by: String,
    /// How the guest comes to it.
    pub access: Access,
}

/// How something of the host is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// An absolute path.
    Path(String),
    /// A volume of a pool.
    Volume {
        /// Pool.
        pool: String,
        /// Volume.
        volume: String,
    },
    /// A SCSI device by host, channel, target and unit: `6:0:0:0`.
    Scsi(String),
    /// A USB device by vendor and product.
    Usb {
        /// Vendor id.
        vendor: u16,
        /// Product id.
        product: u16,
    },
}

/// How a guest comes to a file of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// It reads the content.
    Reads,
    /// It can change the content.
    Writes,
    /// It mounts the folder.
    Mounts,
}

/// Elements whose text is a path that QEMU reads for the guest.
const READ: [&str; 6] = ["kernel", "initrd", "dtb", "shim", "loader", "table"];
/// Elements whose text is a path of a device that the guest gets, where libvirt means one by them.
const GIVEN: [&str; 3] = ["block", "char", "path"];
/// Attributes of `<source>` that are paths.
const SOURCES: [&str; 4] = ["file", "dev", "dir", "path"];

/// Options of QEMU whose files are read, and never written to.
const READING: [&str; 13] = [
    "acpitable",
    "append",
    "bios",
    "cdrom",
    "device",
    "dtb",
    "fw_cfg",
    "initrd",
    "kernel",
    "netdev",
    "nic",
    "option-rom",
    "smbios",
];

/// Protocols of QEMU that are followed by a path of this host.
const LOCAL: [&str; 3] = ["file:", "host_device:", "host_cdrom:"];

/// Everything of the host that the text names, in its order; nothing where it does not read.
pub fn host_paths(text: &str) -> Vec<HostPath> {
    let all = |document: &Document<'_>| {
        let mut found = Vec::new();
        for node in document.root_element().descendants().filter(Node::is_element) {
            let removed = |above: Node<'_, '_>| above.attribute((NAMESPACE, "op")) == Some("remove");
            if !node.ancestors().any(removed) {
                of_element(node, &mut found);
            }
        }
        found
    };
    custom_xml::read(text, all).unwrap_or_default()
}

fn of_element(node: Node<'_, '_>, found: &mut Vec<HostPath>) {
    let name = node.tag_name().name();
    let by = format!("<{name}>");
    let path = |text: Option<&str>, by: &str, access: Access| {
        let path = text.map(str::trim).filter(|text| text.starts_with('/'))?;
        Some(HostPath { named: Named::Path(path.to_owned()), by: by.to_owned(), access })
    };
    match name {
        "source" => of_source(node, found),
        "nvram" => {
            found.extend(path(node.text(), &by, Access::Writes));
            found.extend(path(node.attribute("template"), &by, Access::Reads));
        }
        "rom" | "entry" => found.extend(path(node.attribute("file"), &by, Access::Reads)),
        "log" => found.extend(path(node.attribute("file"), &by, Access::Writes)),
        "arg" => of_argument(node, found),
        _ if READ.contains(&name) => found.extend(path(node.text(), &by, Access::Reads)),
        _ if GIVEN.contains(&name) && node.parent().is_some_and(|above| above.has_tag_name("source")) => {
            found.extend(path(node.text(), &device(node), Access::Writes));
        }
        _ => {}
    }
}

/// The device that an element is part of, as its tag.
fn device(node: Node<'_, '_>) -> String {
    let parts = ["source", "backingStore", "mirror", "dataStore", "block", "char", "path"];
    let above = node.ancestors().find(|above| above.is_element() && !parts.contains(&above.tag_name().name()));
    format!("<{}>", above.map_or("source", |above| above.tag_name().name()))
}

fn of_source(node: Node<'_, '_>, found: &mut Vec<HostPath>) {
    let by = device(node);
    let Some(owner) = node.ancestors().find(|above| format!("<{}>", above.tag_name().name()) == by) else { return };
    // A socket is spoken to, and neither read nor written.
    if matches!(owner.attribute("type"), Some("unix" | "vhostuser" | "vhostvdpa")) {
        return;
    }
    let below = node.parent().is_some_and(|above| above.has_tag_name("backingStore"));
    let reads =
        below || owner.attribute("device") == Some("cdrom") || owner.children().any(|it| it.has_tag_name("readonly"));
    let access = match by.as_str() {
        "<filesystem>" => Access::Mounts,
        "<input>" | "<tpm>" => Access::Reads,
        _ if reads => Access::Reads,
        _ => Access::Writes,
    };
    let mut add = |named: Named| found.push(HostPath { named, by: by.clone(), access });
    for path in SOURCES.iter().filter_map(|name| node.attribute(*name)).filter(|path| path.starts_with('/')) {
        add(Named::Path(path.to_owned()));
    }
    if let (Some(pool), Some(volume)) = (node.attribute("pool"), node.attribute("volume")) {
        add(Named::Volume { pool: pool.to_owned(), volume: volume.to_owned() });
    }
    let device = if by == "<hostdev>" { scsi(node).or_else(|| usb(node)) } else { None };
    if let Some(named) = device {
        add(named);
    }
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

/// `<adapter name='scsi_host6'/><address bus='0' target='0' unit='0'/>`.
fn scsi(source: Node<'_, '_>) -> Option<Named> {
    let host = child(source, "adapter")?.attribute("name")?.strip_prefix("scsi_host")?.to_owned();
    let address = child(source, "address")?;
    let part = |name: &str| address.attribute(name).unwrap_or("0");
    Some(Named::Scsi(format!("{host}:{}:{}:{}", part("bus"), part("target"), part("unit"))))
}

fn usb(source: Node<'_, '_>) -> Option<Named> {
    let id = |name: &str| {
        let text = child(source, name)?.attribute("id")?.trim();
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u16::from_str_radix(hex, 16).ok())
    };
    Some(Named::Usb { vendor: id("vendor")?, product: id("product")? })
}

fn of_argument(node: Node<'_, '_>, found: &mut Vec<HostPath>) {
    let value = node.attribute("value").unwrap_or_default();
    let option = node.prev_sibling_element().and_then(|before| before.attribute("value")).unwrap_or_default();
    let access = access_by(option.trim_start_matches('-'), value);
    let named = |path| HostPath { named: Named::Path(path), by: "<qemu:arg>".to_owned(), access };
    found.extend(paths_in(value).into_iter().map(named));
}

/// How a guest comes to the files in the value of an option of QEMU. Most options open files for writing, or may.
fn access_by(option: &str, value: &str) -> Access {
    match option {
        "fsdev" | "virtfs" => Access::Mounts,
        _ if READING.contains(&option) || is_read_only(value) => Access::Reads,
        _ => Access::Writes,
    }
}

/// True where the value says that nothing is written: `readonly=on`, or `"read-only": true` in JSON.
fn is_read_only(value: &str) -> bool {
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(value) {
        return json.get("read-only").and_then(serde_json::Value::as_bool).unwrap_or(false);
    }
    // Two commas are one within a text.
    let plain = value.replace(",,", "");
    let last = |key: &str| plain.rsplit(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
    matches!(last("readonly").or(last("read-only")), Some("on" | "yes" | "true")) || last("media") == Some("cdrom")
}

/// Absolute paths in an argument of QEMU: alone, behind `=` or a protocol, or as a text of JSON.
fn paths_in(value: &str) -> Vec<String> {
    let paths = value.match_indices('/').filter_map(|(at, _)| {
        let (before, rest) = value.split_at_checked(at)?;
        let begins = before.chars().next_back().is_none_or(|c| matches!(c, '=' | '"' | ':' | ','));
        // `nbd://host` is not a path of this host; of `file://a` QEMU takes off the protocol alone.
        let is_url =
            before.ends_with(':') && rest.starts_with("//") && !LOCAL.iter().any(|local| before.ends_with(local));
        let path = rest.split([',', '"']).next()?.to_owned();
        (begins && !is_url).then_some(path)
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, String, Access)> {
        let shown = |named| match named {
            Named::Path(path) => path,
            Named::Volume { pool, volume } => format!("{pool}/{volume}"),
            Named::Scsi(unit) => unit,
            Named::Usb { vendor, product } => format!("{vendor:04x}:{product:04x}"),
        };
        host_paths(text).into_iter().map(|path| (shown(path.named), path.by, path.access)).collect()
    }

    #[test]
    fn every_way_to_name_something_of_the_host_is_seen() {
        for (text, path, by, access) in [
            ("<disk type='file'><source file='/etc/shadow'/></disk>", "/etc/shadow", "<disk>", Access::Writes),
            ("<disk type='block'><source dev='/dev/sda'/><readonly/></disk>", "/dev/sda", "<disk>", Access::Reads),
            ("<disk device='cdrom'><source file='/a.iso'/></disk>", "/a.iso", "<disk>", Access::Reads),
            ("<disk type='volume'><source pool='p' volume='v'/></disk>", "p/v", "<disk>", Access::Writes),
            ("<disk><backingStore><source file='/b'/></backingStore></disk>", "/b", "<disk>", Access::Reads),
            ("<filesystem><source dir='/etc'/></filesystem>", "/etc", "<filesystem>", Access::Mounts),
            ("<os><kernel>/k</kernel></os>", "/k", "<kernel>", Access::Reads),
            ("<os><nvram template='/t'>/n</nvram></os>", "/n", "<nvram>", Access::Writes),
            ("<serial type='file'><source path='/log'/></serial>", "/log", "<serial>", Access::Writes),
            ("<serial type='pty'><log file='/l'/></serial>", "/l", "<log>", Access::Writes),
            ("<hostdev><rom file='/r'/></hostdev>", "/r", "<rom>", Access::Reads),
            (
                "<hostdev mode='capabilities'><source><block>/dev/sdb</block></source></hostdev>",
                "/dev/sdb",
                "<hostdev>",
                Access::Writes,
            ),
            ("<memory model='nvdimm'><source><path>/m</path></source></memory>", "/m", "<memory>", Access::Writes),
            (
                "<hostdev type='scsi'><source><adapter name='scsi_host6'/><address bus='0' target='1' unit='2'/></source></hostdev>",
                "6:0:1:2",
                "<hostdev>",
                Access::Writes,
            ),
            (
                "<hostdev type='usb'><source><vendor id='0x0781'/><product id='0x5581'/></source></hostdev>",
                "0781:5581",
                "<hostdev>",
                Access::Writes,
            ),
            (
                "<q:commandline xmlns:q='x'><q:arg value='file=/etc/shadow,if=none'/></q:commandline>",
                "/etc/shadow",
                "<qemu:arg>",
                Access::Writes,
            ),
            (
                r#"<q:arg xmlns:q='x' value='{"driver":"file","filename":"/a b"}'/>"#,
                "/a b",
                "<qemu:arg>",
                Access::Writes,
            ),
        ] {
            let all = found(text);
            assert!(all.contains(&(path.into(), by.into(), access)), "{text}: {all:?}");
        }
    }

    #[test]
    fn an_option_of_qemu_decides_what_is_written() {
        for (option, value, access) in [
            ("-drive", "file=/a,if=none", Access::Writes),
            ("-drive", "file=/a,readonly=on", Access::Reads),
            ("-drive", "file=/a,media=cdrom", Access::Reads),
            ("-drive", "file=/a,readonly=on,readonly=off", Access::Writes),
            ("-drive", "file=/a,,readonly=on", Access::Writes),
            ("-blockdev", r#"{"filename":"/a","read-only":true}"#, Access::Reads),
            ("-blockdev", r#"{"filename":"/a","node-name":"x,read-only=on"}"#, Access::Writes),
            ("-chardev", "file,id=x,path=/a", Access::Writes),
            ("-device", "vfio-pci,romfile=/a", Access::Reads),
            ("--kernel", "/a", Access::Reads),
            ("-fsdev", "local,path=/a", Access::Mounts),
            ("-S", "/a", Access::Writes),
        ] {
            let text = format!("<q:c xmlns:q='x'><q:arg value='{option}'/><q:arg value='{value}'/></q:c>");
            let accesses: Vec<Access> = found(&text).into_iter().map(|(_, _, access)| access).collect();
            assert_eq!(accesses, [access], "{option} {value}");
        }
    }

    #[test]
    fn a_path_may_begin_with_two_slashes() {
        for (value, path) in [
            ("file=//etc/shadow", "//etc/shadow"),
            ("file=file:///etc/shadow", "///etc/shadow"),
            ("file=file://etc/shadow", "//etc/shadow"),
            ("//dev/sda", "//dev/sda"),
        ] {
            let all = found(&format!("<q:arg xmlns:q='x' value='{value}'/>"));
            assert!(matches!(all.as_slice(), [(found, ..)] if found == path), "{value}: {all:?}");
        }
    }

    #[test]
    fn what_is_not_given_is_not_named() {
        for text in [
            "<serial type='unix'><source mode='bind' path='/run/a.sock'/></serial>",
            "<disk xmlns:v='urn:vmbuild:domain:1' v:op='remove'><source file='/etc/shadow'/></disk>",
            "<emulator>/usr/bin/qemu-system-x86_64</emulator>",
            "<disk type='network'><source protocol='nbd' name='x'/></disk>",
            "<q:arg xmlns:q='x' value='file.uri=nbd://host/x'/>",
            "<q:arg xmlns:q='x' value='file=nbd+unix:///x?socket=a'/>",
            "<metadata><a>/etc/shadow</a></metadata>",
            "<disk",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
