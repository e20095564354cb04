//! What a domain that is built has, read from libvirt's own XML: the names, addresses and files that libvirt chose.

use crate::domain::Element;
use crate::domain::identity::pci_address;
use crate::engine::BuiltVm;
use crate::spec::custom_xml::NAMESPACE;
use serde_json::{Map, Value, json};

/// What `domain` tells of its VM. Sizes and time are not in it.
pub fn described(domain: &Element) -> BuiltVm {
    let devices: Vec<&Element> = domain.find("devices").into_iter().flat_map(Element::elements).collect();
    let all = |name: &str, row: fn(&Element) -> Value| -> Vec<Value> {
        devices.iter().filter(|device| device.name == name).map(|device| row(device)).collect()
    };
    let os = domain.find("os");
    BuiltVm {
        created_at: String::new(),
        machine: os.and_then(|os| text_of(os, "type", "machine")).unwrap_or_default(),
        os: system(domain),
        firmware: os.map(firmware).unwrap_or_default(),
        tpm: all("tpm", tpm).pop().unwrap_or_default(),
        disks: all("disk", disk),
        networks: all("interface", network),
        graphics: all("graphics", graphics),
        // Beside each serial port libvirt writes the console that it is.
        consoles: all("serial", console),
        metadata: metadata(domain),
    }
}

/// An object of the members that have a value.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let set = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(set.collect())
}

fn text_of(parent: &Element, child: &str, attribute: &str) -> Option<String> {
    parent.find(child)?.attribute(attribute).map(str::to_owned)
}

/// The same as a value.
fn of(parent: &Element, child: &str, attribute: &str) -> Option<Value> {
    text_of(parent, child, attribute).map(Value::from)
}

fn own(element: &Element, attribute: &str) -> Option<Value> {
    element.attribute(attribute).map(Value::from)
}

/// The first of these attributes of the source.
fn source(element: &Element, names: &[&str]) -> Option<Value> {
    names.iter().find_map(|name| of(element, "source", name))
}

fn firmware(os: &Element) -> Value {
    let text = |name: &str| os.find(name).map(Element::own_text).filter(|text| !text.is_empty()).map(Value::from);
    let loader = os.find("loader");
    let efi =
        os.attribute("firmware") == Some("efi") || loader.is_some_and(|it| it.attribute("type") == Some("pflash"));
    object([
        ("type", Some(if efi { "efi" } else { "bios" }.into())),
        ("loader", text("loader")),
        ("nvram", text("nvram")),
        ("secure_boot", loader.and_then(|loader| loader.attribute("secure")).map(|secure| (secure == "yes").into())),
    ])
}

fn tpm(tpm: &Element) -> Value {
    object([
        ("model", own(tpm, "model")),
        ("backend", of(tpm, "backend", "type")),
        ("version", of(tpm, "backend", "version")),
    ])
}

fn disk(disk: &Element) -> Value {
    let pool = of(disk, "source", "pool");
    object([
        ("target", of(disk, "target", "dev")),
        ("bus", of(disk, "target", "bus")),
        ("device", own(disk, "device").or_else(|| Some("disk".into()))),
        ("format", of(disk, "driver", "type")),
        ("readonly", Some(disk.find("readonly").is_some().into())),
        ("storage_pool", pool),
        ("volume", of(disk, "source", "volume")),
        ("path", source(disk, &["file", "dev"])),
    ])
}

fn network(card: &Element) -> Value {
    let host = (card.attribute("type") == Some("hostdev")).then(|| card.find("source")?.find("address")).flatten();
    object([
        ("type", own(card, "type")),
        ("source", source(card, &["network", "bridge", "dev"])),
        ("host_address", host.and_then(pci_address).map(|address| address.to_string().into())),
        ("model", of(card, "model", "type")),
        ("mac", card.find("mac").and_then(|mac| mac.attribute("address")).map(|mac| mac.to_ascii_lowercase().into())),
        ("device", of(card, "target", "dev")),
    ])
}

fn graphics(console: &Element) -> Value {
    // Before the start the port is -1, or not there.
    let port = |name: &str| {
        let number = console.attribute(name).and_then(|port| port.parse::<u16>().ok()).filter(|port| *port > 0);
        number.map(Value::from)
    };
    let listens = console.find("listen");
    let socket = listens.and_then(|listen| listen.attribute("socket")).or_else(|| console.attribute("socket"));
    object([
        ("type", own(console, "type")),
        ("listen", listens.and_then(|listen| own(listen, "address")).or_else(|| own(console, "listen"))),
        ("port", port("port")),
        ("tls_port", port("tlsPort")),
        ("websocket", port("websocket")),
        ("socket", socket.map(Value::from)),
    ])
}

fn console(serial: &Element) -> Value {
    object([
        ("type", own(serial, "type")),
        ("port", of(serial, "target", "port").and_then(|port| Some(port.as_str()?.parse::<u16>().ok()?.into()))),
        ("path", source(serial, &["path"])),
        ("host", source(serial, &["host"])),
        ("service", source(serial, &["service"])),
    ])
}

/// vmbuild's own part of the metadata.
fn remembered(domain: &Element) -> Option<&Element> {
    domain
        .find("metadata")?
        .elements()
        .find(|element| element.name == "vmbuild:vm" && element.attribute("xmlns:vmbuild") == Some(NAMESPACE))
}

fn system(domain: &Element) -> Value {
    let named = remembered(domain).and_then(|vm| vm.find("vmbuild:os"));
    let id = domain.find("metadata").and_then(|all| all.find("libosinfo:libosinfo")?.find("libosinfo:os"));
    object([
        ("type", named.and_then(|os| own(os, "type"))),
        ("variant", named.and_then(|os| own(os, "variant"))),
        ("id", id.and_then(|os| own(os, "id"))),
    ])
}

fn metadata(domain: &Element) -> Value {
    let entries = remembered(domain).into_iter().flat_map(Element::elements);
    let entries = entries.filter(|element| element.name == "vmbuild:entry").filter_map(|entry| {
        let text = entry.own_text();
        let json = entry.attribute("type") == Some("json");
        let value = if json { serde_json::from_str(&text).unwrap_or(json!(text)) } else { json!(text) };
        Some((entry.attribute("key")?.to_owned(), value))
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::parse;

    #[test]
    fn a_domain_tells_what_libvirt_chose() {
        let text = "<domain type='qemu'><name>a</name><metadata>
            <libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
            <libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo>
            <vmbuild:vm xmlns:vmbuild='urn:vmbuild:domain:1'><vmbuild:os variant='debian12'/>
            <vmbuild:entry key='owner'>lab</vmbuild:entry><vmbuild:entry key='n' type='json'>2</vmbuild:entry>
            </vmbuild:vm></metadata>
            <os firmware='efi'><type arch='x86_64' machine='pc-q35-9.0'>hvm</type>
            <loader readonly='yes' secure='no' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
            <nvram>/var/lib/libvirt/qemu/nvram/a_VARS.fd</nvram></os><devices>
            <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/p/a.qcow2'/>
            <target dev='vda' bus='virtio'/></disk>
            <interface type='user'><mac address='52:54:00:AA:00:01'/><model type='virtio'/></interface>
            <serial type='pty'><source path='/dev/pts/3'/><target type='isa-serial' port='0'/></serial>
            <graphics type='vnc' port='5901' autoport='yes' listen='127.0.0.1'>
            <listen type='address' address='127.0.0.1'/></graphics>
            <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices></domain>";
        let vm = described(&parse(text).unwrap());
        assert_eq!((vm.machine.as_str(), &vm.metadata), ("pc-q35-9.0", &json!({"owner": "lab", "n": 2})));
        assert_eq!(vm.os, json!({"variant": "debian12", "id": "http://debian.org/debian/12"}));
        let firmware = json!({"type": "efi", "loader": "/usr/share/OVMF/OVMF_CODE_4M.fd",
            "nvram": "/var/lib/libvirt/qemu/nvram/a_VARS.fd", "secure_boot": false});
        assert_eq!(vm.firmware, firmware);
        assert_eq!(vm.tpm, json!({"model": "tpm-crb", "backend": "emulator", "version": "2.0"}));
        let disk = json!({"target": "vda", "bus": "virtio", "device": "disk", "format": "qcow2", "readonly": false,
            "path": "/p/a.qcow2"});
        assert_eq!(vm.disks, [disk]);
        assert_eq!(vm.networks, [json!({"type": "user", "model": "virtio", "mac": "52:54:00:aa:00:01"})]);
        assert_eq!(vm.graphics, [json!({"type": "vnc", "listen": "127.0.0.1", "port": 5901})]);
        assert_eq!(vm.consoles, [json!({"type": "pty", "port": 0, "path": "/dev/pts/3"})]);
    }

    #[test]
    fn a_vm_that_does_not_run_has_no_port_yet() {
        let text = "<domain><devices><graphics type='vnc' port='-1' autoport='yes'/></devices></domain>";
        let vm = described(&parse(text).unwrap());
        assert_eq!(vm.graphics, [json!({"type": "vnc"})]);
        assert_eq!((vm.tpm, vm.metadata), (Value::Null, json!({})));
    }
}
