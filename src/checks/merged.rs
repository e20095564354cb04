//! Checks of the domain with `custom_xml` in it: what libvirt or QEMU refuse to have twice, and places that no device can
//! have. Whether libvirt knows an element at all is left to libvirt, which validates the domain when it is defined.

use super::guest_address::refused;
use super::text::{Arg, Joint, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::domain::Element;
use crate::domain::generated;
use crate::domain::identity::{self, number, pci_address};
use crate::units::PciAddress;

pub(super) static CHECKS: &[&Check] = &[&XML_CLASH, &XML_PLACE, &XML_ALIAS];

static XML_CLASH: Check = Check {
    code: "XML-CLASH",
    title: "merged XML has no duplicates",
    explain: "With custom_xml, the domain has something twice that libvirt or QEMU accept once: a disk's target, a \
              PCI, USB or drive address of the guest, a controller of one type and index, a host device, a place in \
              the boot order, an alias, a console of one kind or its port, a memory balloon, TPM, IOMMU or vsock, or a \
              setting of the domain. The boot order is either in <os> or on the devices, where vmbuild writes it: use \
              boot.order and boot_order, or remove those <boot> elements. <vcpu> and <topology> must give the same \
              number. Two interfaces with one MAC address are accepted, but their traffic gets lost. To change a \
              generated element, name it as the merge finds it (a disk by its target, an interface by its MAC \
              address); to add another one, give it a name or place of its own.",
    run: Some(clash),
    ..Check::VM
};

static XML_PLACE: Check = Check {
    code: "XML-PLACE",
    title: "custom XML addresses exist in the guest",
    explain: "custom_xml gives a device an address that the guest does not have: PCI domains other than 0 do not \
              exist, slot 0 of bus 0 is the host bridge, a PCI Express port has slot 0 only, and a USB device needs a \
              controller of its bus with that port. libvirt adds missing PCI buses and disk controllers. Leave the \
              <address> out, and libvirt chooses one.",
    run: Some(place),
    ..Check::VM
};

static XML_ALIAS: Check = Check {
    code: "XML-ALIAS",
    title: "custom XML aliases start with ua-",
    explain: "libvirt keeps the alias of a device only if it begins with ua-. Every other alias is libvirt's own and \
              changes at each start; what custom_xml says is dropped without a message. Such aliases come with the XML \
              of a running VM, and are harmless unless something relies on them.",
    run: Some(alias),
    ..Check::VM
};

/// Something that there may be one of.
struct Claim {
    /// What it is, as users read it; two equal ones clash.
    what: Text,
    /// Who has it.
    by: String,
    /// True where there is one of them in a domain.
    single: bool,
    /// True where libvirt and QEMU refuse the second.
    refused: bool,
}

fn clash(subject: &Subject, notes: &mut Notes) {
    let Some((tree, _)) = &subject.merged else { return };
    notes.looked();
    let found = doubles(tree);
    if !found.is_empty() {
        // What the fields alone have twice, other checks say.
        let before: Vec<Text> =
            doubles(&generated(subject.spec, subject.machine)).into_iter().map(|(_, claim)| claim.what).collect();
        for (first, second) in found.into_iter().filter(|(_, claim)| !before.contains(&claim.what)) {
            let message = if second.single {
                text!("with custom_xml there are two {what}", what = second.what)
            } else if first.by == second.by {
                text!("with custom_xml two {by} have the same {what}", by = first.by, what = second.what)
            } else {
                text!(
                    "with custom_xml {first} and {second} have the same {what}",
                    first = first.by,
                    second = second.by,
                    what = second.what
                )
            };
            let remedy = "name the generated element as the merge finds it, or give the other one a place of its own";
            if second.refused {
                notes.blocker(field("custom_xml"), message, remedy);
            } else {
                notes.warning(field("custom_xml"), message, remedy);
            }
        }
    }
    two_orders(tree, notes);
    two_counts(tree, notes);
}

/// The claims that are made twice, the first and the second.
fn doubles(tree: &Element) -> Vec<(Claim, Claim)> {
    let mut claims: Vec<Claim> = Vec::new();
    let mut found: Vec<(Claim, Claim)> = Vec::new();
    for claim in all_claims(tree) {
        match claims.iter().position(|earlier| earlier.what == claim.what) {
            Some(_) if found.iter().any(|(_, second)| second.what == claim.what) => {}
            Some(at) => found.push((claims.swap_remove(at), claim)),
            None => claims.push(claim),
        }
    }
    found
}

fn all_claims(tree: &Element) -> Vec<Claim> {
    let single = tree.elements().filter(|setting| identity::is_single_setting(setting));
    let mut claims: Vec<Claim> = single
        .map(|setting| {
            let by = format!("<{}>", setting.name);
            Claim { what: text!("{setting} of the domain", setting = by), by, single: true, refused: true }
        })
        .collect();
    claims.extend(tree.find("devices").into_iter().flat_map(Element::elements).flat_map(claims_of));
    claims
}

/// Devices that a VM has one of.
const SINGLE: [&str; 7] = ["memballoon", "iommu", "vsock", "tpm", "nvram", "emulator", "redirfilter"];

fn claims_of(device: &Element) -> impl Iterator<Item = Claim> {
    let by = identity::label("devices", device);
    let child = |child: &str, name: &str| device.find(child).and_then(|child| child.attribute(name));
    let boot = child("boot", "order").map(|order| text!("place {order} in the boot order", order));
    let alias =
        child("alias", "name").filter(|alias| alias.starts_with("ua-")).map(|alias| text!("alias {alias}", alias));
    let address = device.find("address").and_then(|at| address(device, at));
    let port = (device.name == "graphics").then(|| fixed_port(device)).flatten();
    let all = [by_name(device), port, boot, alias, address];
    let (single, refused) = (SINGLE.contains(&device.name.as_ref()), device.name != "interface");
    all.into_iter().enumerate().filter_map(move |(at, what)| {
        // A MAC address is the one thing that both take twice.
        Some(Claim { what: what?, by: by.clone(), single: single && at == 0, refused: refused || at > 0 })
    })
}

/// What a device of its kind has alone.
fn by_name(device: &Element) -> Option<Text> {
    let own = |name: &str| device.attribute(name);
    let child = |child: &str, name: &str| device.find(child).and_then(|child| child.attribute(name));
    match device.name.as_ref() {
        name if SINGLE.contains(&name) => Some(text!("<{name}>", name)),
        "disk" => child("target", "dev").map(|target| text!("target {target}", target)),
        "interface" => child("mac", "address").map(|mac| text!("MAC address {mac}", mac = mac.to_ascii_lowercase())),
        "controller" => controller(device),
        "hostdev" => match identity::identity("devices", device) {
            identity::Identity::Key(key) => Some(text!("device {key} of the host", key)),
            _ => None,
        },
        "graphics" => own("type").map(|kind| text!("{kind} console", kind)),
        "video" if child("model", "primary") == Some("yes") => Some("place of the primary video card".into()),
        "panic" => own("model").map(|model| text!("panic model {model}", model)),
        "audio" => own("id").map(|id| text!("audio id {id}", id)),
        _ => None,
    }
}

/// The port of a console that libvirt does not choose.
fn fixed_port(device: &Element) -> Option<Text> {
    let port = device.attribute("port").filter(|port| *port != "-1")?;
    (device.attribute("autoport") != Some("yes")).then(|| text!("port {port}", port))
}

/// Type and index. The companions of a USB 2 controller share its index.
fn controller(device: &Element) -> Option<Text> {
    let (kind, index) = (device.attribute("type")?, device.attribute("index")?);
    device.find("master").is_none().then(|| text!("place as {kind} controller {index}", kind, index))
}

/// A place in the guest as libvirt compares it.
fn address(device: &Element, at: &Element) -> Option<Text> {
    let part = |name: &str| at.attribute(name).map_or(Some(0), number);
    match at.attribute("type")? {
        "pci" => Some(text!("PCI address {address}", address = pci_address(at)?)),
        "usb" => Some(text!("USB bus {bus} port {port}", bus = part("bus")?, port = at.attribute("port")?)),
        "drive" => {
            let bus = device.find("target").and_then(|target| target.attribute("bus")).unwrap_or("scsi");
            let (controller, channel) = (part("controller")?, part("bus")?);
            Some(text!(
                "{bus} address {controller}:{channel}:{target}:{unit}",
                bus,
                controller,
                channel,
                target = part("target")?,
                unit = part("unit")?
            ))
        }
        _ => None,
    }
}

/// libvirt takes the order in `os` or that at the devices.
fn two_orders(tree: &Element, notes: &mut Notes) {
    let mut devices = tree.find("devices").into_iter().flat_map(Element::elements);
    let ordered = devices.find(|device| device.find("boot").is_some_and(|boot| boot.attribute("order").is_some()));
    let within = tree.find("os").into_iter().flat_map(Element::elements).filter(|element| element.name == "boot");
    let kinds: Vec<&str> = within.filter_map(|boot| boot.attribute("dev")).collect();
    if let Some(device) = ordered.filter(|_| !kinds.is_empty()) {
        let device = identity::label("devices", device);
        let message = text!(
            "custom_xml has the boot order in <os> ({kinds}), but {device} has one of its own",
            kinds = Arg::list(Joint::Comma, &kinds),
            device
        );
        let known = kinds.iter().filter_map(|kind| BOOT_KINDS.iter().find(|(name, _)| name == kind));
        let order: Vec<String> = known.map(|(_, word)| format!("\"{word}\"")).collect();
        let remedy =
            text!("remove <boot> from <os>, and set boot.order to [{order}]", order = Arg::list(Joint::Comma, &order));
        notes.blocker(field("custom_xml"), message, remedy);
    }
}

/// libvirt's words for kinds of boot devices, with those of boot.order.
const BOOT_KINDS: [(&str, &str); 3] = [("hd", "disk"), ("cdrom", "cdrom"), ("network", "network")];

/// libvirt refuses a topology that does not make all virtual CPUs.
fn two_counts(tree: &Element, notes: &mut Notes) {
    let Some(most) = tree.find("vcpu").and_then(|vcpu| vcpu.own_text().trim().parse::<u64>().ok()) else { return };
    let Some(topology) = tree.find("cpu").and_then(|cpu| cpu.find("topology")) else { return };
    let part = |name: &str| topology.attribute(name).map_or(Some(1), |text| text.trim().parse().ok());
    let parts = ["sockets", "dies", "clusters", "cores", "threads"].map(part);
    let Some(made) = parts.into_iter().try_fold(1u64, |made, part| made.checked_mul(part?)) else { return };
    if made != most {
        let message =
            text!("with custom_xml there are {most} vCPUs (<vcpu>), but <topology> of <cpu> makes {made}", most, made);
        notes.blocker(
            field("custom_xml"),
            message,
            "use the same number in both, or use the fields vcpus and cpu.topology",
        );
    }
}

/// Bus and highest port that a USB controller has where it does not say so.
const USB_PORTS: [(&str, u32); 3] = [("qemu-xhci", 15), ("nec-xhci", 15), ("ich9-ehci1", 6)];

fn place(subject: &Subject, notes: &mut Notes) {
    let Some((tree, _)) = &subject.merged else { return };
    let Some(devices) = tree.find("devices") else { return };
    let ours = field("custom_xml");
    for device in devices.elements() {
        let Some(at) = device.find("address").filter(|at| at.origin.as_ref() == Some(&ours)) else { continue };
        notes.looked();
        let why = match at.attribute("type") {
            Some("pci") => pci_address(at).and_then(|guest| no_slot(subject, devices, device, guest)),
            Some("usb") => no_port(devices, at),
            _ => None,
        };
        if let Some(why) = why {
            let message = text!(
                "custom_xml: {label} has an address that does not exist: {why}",
                label = identity::label("devices", device),
                why
            );
            notes.blocker(ours.clone(), message, "leave the <address> out, and libvirt chooses one");
        }
    }
}

/// Why there is no such slot. Controllers of the chipset sit on slots that others cannot have.
fn no_slot(subject: &Subject, devices: &Element, device: &Element, guest: PciAddress) -> Option<Text> {
    let bus = devices.elements().find(|controller| {
        let index = controller.attribute("index").and_then(number);
        controller.name == "controller"
            && controller.attribute("type") == Some("pci")
            && index == Some(u32::from(guest.bus))
    });
    let model = bus.and_then(|bus| bus.attribute("model"));
    let one_slot = model.is_none_or(|model| model.ends_with("-port") && model != "pcie-switch-upstream-port");
    if guest.slot == 0 && model.is_some_and(|model| model.ends_with("pci-bridge")) {
        return Some(text!("{guest}: slot 0 behind a PCI bridge is the bridge itself", guest));
    }
    match refused(subject.machine.chipset, guest) {
        Some(_) if device.name == "controller" && guest.domain == 0 && guest.bus == 0 => None,
        Some(_) if guest.domain == 0 && guest.bus > 0 && !one_slot => None,
        why => why.map(|why| text!("{guest}: {why}", guest, why)),
    }
}

fn no_port(devices: &Element, at: &Element) -> Option<Text> {
    let bus = at.attribute("bus").map_or(Some(0), number)?;
    let on_bus = |controller: &&Element| {
        controller.name == "controller"
            && controller.attribute("type") == Some("usb")
            && controller.attribute("index").map_or(Some(0), number) == Some(bus)
    };
    let mut controllers = devices.elements().filter(on_bus).peekable();
    if controllers.peek().is_none() {
        return Some(text!("there is no controller of USB bus {bus}", bus));
    }
    // Behind a hub the port has several numbers.
    let port = at.attribute("port")?.parse::<u32>().ok()?;
    let ports = |controller: &Element| -> Option<u32> {
        let model = controller.attribute("model")?;
        let known = USB_PORTS.iter().find(|(name, _)| *name == model).map(|(_, ports)| *ports);
        controller.attribute("ports").and_then(number).or(known)
    };
    let most = controllers.map(ports).collect::<Option<Vec<u32>>>()?.into_iter().max()?;
    (port > most).then(|| text!("USB bus {bus} has {most} ports; port {port} does not exist", bus, most, port))
}

fn alias(subject: &Subject, notes: &mut Notes) {
    let Some((tree, _)) = &subject.merged else { return };
    let devices = tree.find("devices").into_iter().flat_map(Element::elements);
    let aliases = devices.filter_map(|device| device.find("alias")?.attribute("name"));
    let (mut lost, mut looked) = (Vec::new(), false);
    for alias in aliases {
        looked = true;
        if !alias.starts_with("ua-") {
            lost.push(text!("{alias}", alias));
        }
    }
    if looked {
        notes.looked();
    }
    if !lost.is_empty() {
        let (many, count) = (lost.len() > 3, lost.len());
        if many {
            lost.truncate(2);
            lost.push(text!("{count} more", count = count - 2));
        }
        let message = text!("custom_xml has aliases that libvirt drops: {lost}", lost = Arg::all(lost));
        notes.info(field("custom_xml"), message, "begin each with ua-, or leave it out");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    /// A VM with an interface of known MAC address and a disk vda on PCI bus 0.
    fn asked(xml: &str) -> Asked {
        Asked::with(json!({"networks": [{"mac": "52:54:00:00:00:01"}], "custom_xml": xml}))
    }

    fn disk(target: &str, inner: &str) -> String {
        format!("<disk type='file'><source file='/{target}'/><target dev='{target}' bus='virtio'/>{inner}</disk>")
    }

    #[test]
    fn what_libvirt_takes_once_is_there_once() {
        let (pci, usb) = ("<address type='pci' bus='0' slot='3'/>", "<address type='usb' bus='0' port='2'/>");
        let two = |inner: &str| disk("vdx", inner) + &disk("vdy", inner);
        let drive = "<address type='drive' controller='0' unit='1'/>";
        let sata = |target: &str| format!("<disk><target dev='{target}' bus='sata'/>{drive}</disk>");
        let input = |kind: &str| format!("<input type='{kind}' bus='usb'>{usb}</input>");
        let host = "<hostdev type='usb'><source><vendor id='0x1'/><product id='2'/></source></hostdev>";
        for (xml, want) in [
            (two("").replace("vdy", "vdx"), "with custom_xml two <disk> vdx have the same target vdx"),
            (two(pci), "with custom_xml <disk> vdx and <disk> vdy have the same PCI address 0000:00:03.0"),
            (
                sata("sdx") + &sata("sdy"),
                "with custom_xml <disk> sdx and <disk> sdy have the same sata address 0:0:0:1",
            ),
            (
                input("mouse") + &input("keyboard"),
                "with custom_xml <input> mouse/usb and <input> keyboard/usb have the same USB bus 0 port 2",
            ),
            (
                "<controller type='scsi' index='1'/>".repeat(2),
                "with custom_xml two <controller> scsi/1 have the same place as scsi controller 1",
            ),
            (host.repeat(2), "with custom_xml two <hostdev> 0001:0002 have the same device 0001:0002 of the host"),
            (
                "<graphics type='spice' port='5900'/><graphics type='spice' port='5901'/>".into(),
                "with custom_xml two <graphics> spice have the same spice console",
            ),
            (
                "<graphics type='vnc' port='5990' autoport='no'/><graphics type='spice' port='5990'/>".into(),
                "with custom_xml <graphics> vnc and <graphics> spice have the same port 5990",
            ),
            (
                two("<boot order='7'/>"),
                "with custom_xml <disk> vdx and <disk> vdy have the same place 7 in the boot order",
            ),
            (two("<alias name='ua-a'/>"), "with custom_xml <disk> vdx and <disk> vdy have the same alias ua-a"),
            ("<vsock model='virtio'/><vsock model='virtio'/>".into(), "with custom_xml there are two <vsock>"),
            (
                "<domain><clock offset='utc'/><clock offset='utc'/></domain>".into(),
                "with custom_xml there are two <clock> of the domain",
            ),
        ] {
            asked(&xml).blocks("XML-CLASH", "custom_xml", want);
        }
    }

    #[test]
    fn what_differs_is_no_clash() {
        for xml in [
            disk("vda", "<boot order='1'/>"),
            disk("vdx", "") + &disk("vdy", ""),
            disk("vdx", "<address type='pci' bus='0' slot='3'/>")
                + &disk("vdy", "<address type='pci' bus='0' slot='3' function='1'/>"),
            "<controller type='usb' index='1' model='ich9-ehci1'/>\
             <controller type='usb' index='1' model='ich9-uhci1'><master startport='0'/></controller>"
                .to_owned(),
            "<controller type='scsi' model='virtio-scsi'/>".repeat(2),
            "<memballoon model='none'/><clock offset='localtime'/><hub type='usb'/><hub type='usb'/>".to_owned(),
            "<graphics type='vnc' port='-1'/><graphics type='spice' port='-1'/>".to_owned(),
        ] {
            asked(&xml).passes("XML-CLASH");
        }
        asked("").quiet("XML-CLASH");
        asked("<domain").quiet("XML-CLASH");
    }

    #[test]
    fn two_interfaces_of_one_mac_address_are_accepted_and_lose_traffic() {
        let twice = "<interface type='user'><mac address='52:54:00:AA:00:02'/></interface>".repeat(2);
        let want = "with custom_xml two <interface> 52:54:00:aa:00:02 have the same MAC address 52:54:00:aa:00:02";
        asked(&twice).warns("XML-CLASH", "custom_xml", want);
    }

    #[test]
    fn what_the_fields_have_twice_is_left_to_their_own_checks() {
        let disks = json!([
            {"action": "create", "size": 1, "target": "vda"}, {"action": "create", "size": 1, "target": "vda"},
        ]);
        Asked::with(json!({"storage": {"disks": disks}, "custom_xml": "<title>a</title>"})).passes("XML-CLASH");
    }

    #[test]
    fn the_boot_order_stands_in_one_place() {
        let want = "custom_xml has the boot order in <os> (network), but <disk> vda has one of its own";
        asked("<os><boot dev='network'/></os>").blocks("XML-CLASH", "custom_xml", want);
        let removed = "<os><boot dev='hd'/></os><disk><target dev='vda'/>\
                       <boot xmlns:v='urn:vmbuild:domain:1' v:op='remove'/></disk>";
        asked(removed).passes("XML-CLASH");
    }

    #[test]
    fn virtual_cpus_are_counted_alike() {
        let want = "with custom_xml there are 2 vCPUs (<vcpu>), but <topology> of <cpu> makes 4";
        asked("<vcpu>2</vcpu>").blocks("XML-CLASH", "custom_xml", want);
        asked("<vcpu>2</vcpu><cpu><topology sockets='1' cores='2' threads='1'/></cpu>").passes("XML-CLASH");
    }

    #[test]
    fn places_must_exist() {
        for (address, why) in [
            ("type='pci' domain='1' bus='0' slot='3'", "0001:00:03.0: the guest has PCI domain 0 only"),
            ("type='pci' bus='9' slot='1'", "0000:09:01.0: a PCI Express root port has slot 0 only"),
            ("type='pci' bus='0' slot='0x1f'", "0000:00:1f.0: slot 1f of bus 0 is the chipset"),
            ("type='usb' bus='3' port='1'", "there is no controller of USB bus 3"),
            ("type='usb' bus='0' port='16'", "USB bus 0 has 15 ports; port 16 does not exist"),
        ] {
            let want = format!("custom_xml: <hub> has an address that does not exist: {why}");
            asked(&format!("<hub type='usb'><address {address}/></hub>")).blocks("XML-PLACE", "custom_xml", &want);
        }
        let bridge = "<controller type='pci' index='3' model='pcie-to-pci-bridge'/>";
        for address in [
            "type='pci' bus='9' slot='0'",
            "type='usb' bus='0' port='15'",
            "type='usb' bus='0' port='1.4'",
            "type='pci' bus='3' slot='7'",
        ] {
            asked(&format!("{bridge}<hub type='usb'><address {address}/></hub>")).passes("XML-PLACE");
        }
        asked("<controller type='sata' index='0'><address type='pci' bus='0' slot='0x1f' function='2'/></controller>")
            .passes("XML-PLACE");
        asked("<hub type='usb'/>").quiet("XML-PLACE");
    }

    #[test]
    fn an_alias_lasts_by_its_name() {
        let aliases =
            |names: [&str; 4]| names.map(|name| format!("<hub type='usb'><alias name='{name}'/></hub>")).concat();
        let said = asked(&aliases(["a", "b", "ua-c", "d"])).said("XML-ALIAS").info();
        assert_eq!(said.message, "custom_xml has aliases that libvirt drops: a, b and d");
        let said = asked(&aliases(["a", "b", "c", "d"])).said("XML-ALIAS").info();
        assert_eq!(said.message, "custom_xml has aliases that libvirt drops: a, b and 2 more");
        asked("<hub type='usb'><alias name='ua-c'/></hub>").passes("XML-ALIAS");
        asked("<hub type='usb'/>").quiet("XML-ALIAS");
    }
}
