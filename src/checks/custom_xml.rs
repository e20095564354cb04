//! Checks of the custom domain XML.

use super::note::Topic;
use super::row::TakenRow;
use super::text::{Arg, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::spec::custom_xml;
use roxmltree::{Document, Node};

pub(super) static CHECKS: &[&Check] = &[&XML_MALFORMED, &XML_SECRET, &XML_IDENTITY, &XML_HOSTDEV];

static XML_MALFORMED: Check = Check {
    code: "XML-MALFORMED",
    title: "custom XML is well-formed",
    explain: "custom_xml is a domain, or one or several of its elements, and is merged over the generated one. It must \
              be well-formed: every element closed, no text outside of them, & written as &amp;, and every prefix such \
              as qemu: declared with xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'. libvirt checks it \
              against its own schema when the domain is defined, before anything is stored.",
    run: Some(malformed),
    ..Check::VM
};

static XML_SECRET: Check = Check {
    code: "XML-SECRET",
    title: "custom XML contains no password",
    explain: "custom_xml is shown on the screen and stored in drafts, presets, templates and the domain. An argument \
              for QEMU can be seen by everyone who can list processes. A console password belongs in a file that \
              graphics[].password_file names; it is read when the VM is built and given to libvirt only. Passwords of \
              network storage and keys of encrypted volumes belong in libvirt secrets (virsh secret-define), which the \
              XML names by UUID.",
    run: Some(secret),
    ..Check::VM
};

static XML_IDENTITY: Check = Check {
    code: "XML-IDENTITY",
    title: "custom XML keeps the VM's identity",
    explain: "libvirt identifies a domain by name and UUID. Defining one with the name and the UUID of an existing \
              domain would replace that domain, and a name that is only in custom_xml would escape every check. The \
              name is the field `name`; a UUID of your own is fine if no domain has it.",
    run: Some(identity),
    ..Check::VM
};

static XML_HOSTDEV: Check = Check {
    code: "XML-HOSTDEV",
    title: "custom XML passes no host devices",
    explain: "custom_xml passes a PCI function of the host to the VM, by a hostdev, an interface of type hostdev, a \
              disk of type nvme or an argument for QEMU. It is checked like a row of pci_devices: whether the host \
              uses it, whether another VM has it, what shares its group. Its guest address and its state after the \
              start are up to you; so is binding it to vfio-pci, if it is an argument for QEMU. As a row of \
              pci_devices it would get all of that.",
    run: Some(devices),
    ..Check::VM
};

fn written<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    subject.spec.custom_xml.as_deref().filter(|xml| !xml.trim().is_empty())
}

fn malformed(subject: &Subject, notes: &mut Notes) {
    let Some(xml) = written(subject) else { return };
    notes.looked();
    if let Err(fault) = custom_xml::read(xml, |_| ()) {
        let message = text!("custom_xml is not well-formed: {fault}", fault = Arg::shown(&fault));
        notes.blocker(field("custom_xml"), message, "correct it there; virsh edit shows how libvirt writes it");
    }
}

fn secret(subject: &Subject, notes: &mut Notes) {
    let all = |document: &Document<'_>| -> Vec<(Text, bool)> {
        document.descendants().filter(Node::is_element).filter_map(secret_in).collect()
    };
    let Some(Ok(secrets)) = written(subject).map(|xml| custom_xml::read(xml, all)) else { return };
    notes.looked();
    for (what, of_console) in secrets {
        let message = text!("custom_xml contains a password: {what}", what);
        let remedy = if of_console {
            "remove it, change it, and name a file that contains it as graphics[].password_file"
        } else {
            "remove it, change it, and use a libvirt secret (virsh secret-define)"
        };
        notes.blocker(field("custom_xml"), message, remedy);
    }
}

/// Where the element holds a secret itself, in words that do not repeat it, and whether it is a console's.
fn secret_in(element: Node<'_, '_>) -> Option<(Text, bool)> {
    let name = element.tag_name().name();
    let filled = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
    if filled(element.attribute("passwd")) {
        return Some((text!("passwd of <{name}>", name), name == "graphics"));
    }
    let blank = |c: &char| !c.is_whitespace();
    let value: String = element.attribute("value").unwrap_or_default().chars().filter(blank).collect();
    let data = ["data=", "\"data\":"].iter().any(|data| value.contains(data));
    if name == "arg" && data && (value.starts_with("secret,") || value.contains("\"qom-type\":\"secret\"")) {
        return Some(("the data of a secret in an argument for QEMU".into(), false));
    }
    (name == "cookie" && filled(element.text())).then(|| ("the text of a <cookie>".into(), false))
}

fn identity(subject: &Subject, notes: &mut Notes) {
    let read = |document: &Document<'_>| (texts(document, "name"), texts(document, "uuid"));
    let Some(Ok((names, uuids))) = written(subject).map(|xml| custom_xml::read(xml, read)) else { return };
    for name in names.iter().filter(|name| !name.is_empty()) {
        notes.looked();
        let asked = subject.spec.name.as_deref().unwrap_or_default();
        if name != asked {
            let message = text!(
                "custom_xml names the VM {name}, but the spec names it {asked}",
                name = Arg::quoted(name),
                asked = Arg::quoted(asked)
            );
            notes.blocker(field("custom_xml"), message, "remove it there, and write the name in the field name");
        }
    }
    for uuid in uuids.iter().filter(|uuid| !uuid.is_empty()) {
        let what = text!("whether a domain has the UUID {uuid}", uuid = Arg::quoted(uuid));
        let Some(domains) = notes.known(&subject.facts.domains, || field("custom_xml"), &what) else { continue };
        if let Some(domain) = domains.iter().find(|domain| digits(&domain.uuid) == digits(uuid)) {
            let message = text!("custom_xml has the UUID of domain '{domain}'", domain = domain.name);
            notes.blocker(field("custom_xml"), message, "leave it out, and libvirt makes one");
        }
    }
}

fn devices(subject: &Subject, notes: &mut Notes) {
    if written(subject).is_none() {
        return;
    }
    notes.looked();
    for row in subject.pci.iter().filter(|row| row.row == TakenRow::Custom) {
        let message = text!("custom_xml takes {address} from the host", address = row.address);
        notes.info(
            Topic::from(field("custom_xml")).about(row.address),
            message,
            "it is checked like a device of pci_devices; a row there is better",
        );
    }
}

/// The texts of the elements `name` of the domain itself.
fn texts(document: &Document<'_>, name: &str) -> Vec<String> {
    let own = |top: Node<'_, '_>| -> Vec<String> {
        let elements: Vec<_> = if top.has_tag_name("domain") { top.children().collect() } else { vec![top] };
        let wanted = elements.into_iter().filter(|element| element.has_tag_name(name));
        wanted.map(|element| element.text().unwrap_or_default().trim().to_owned()).collect()
    };
    document.root_element().children().flat_map(own).collect()
}

/// A UUID as libvirt compares it: case and dashes play no part.
fn digits(uuid: &str) -> String {
    uuid.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::checks::fixture::{Asked, Said, domain, known};
    use crate::facts::storage::{BlockDevice, Mount};
    use crate::facts::{Domain, DomainState, HostStorage};
    use crate::units::PciAddress;
    use serde_json::json;

    #[test]
    fn an_error_comes_with_line_and_column() {
        let Said { message, .. } =
            Asked::with(json!({"custom_xml": "<domain>\n <a></b>\n</domain>"})).said("XML-MALFORMED").blocker();
        assert!(message.starts_with("custom_xml is not well-formed: line 2, column 5: expected 'a' tag"), "{message}");
        Asked::with(json!({"custom_xml": "<domain><qemu:commandline/></domain>"})).said("XML-MALFORMED").blocker();
        Asked::with(json!({"custom_xml": "<domain><on_crash>restart</on_crash></domain>"})).passes("XML-MALFORMED");
        Asked::good().quiet("XML-MALFORMED");
    }

    #[test]
    fn custom_xml_makes_no_other_vm_of_it() {
        let asked = |xml: &str| Asked::with(json!({ "custom_xml": xml }));
        asked("<domain><name>web</name></domain>").blocks(
            "XML-IDENTITY",
            "custom_xml",
            "custom_xml names the VM 'web', but the spec names it 'gpu-ws-01'",
        );
        asked("<name>gpu-ws-01</name><uuid>0d7d3f7e-0000-4000-8000-0000000000ff</uuid>").passes("XML-IDENTITY");
        for uuid in ["0d7d3f7e-0000-4000-8000-000000000001", " 0D7D3F7E000040008000000000000001\n"] {
            let xml = format!("<uuid>{uuid}</uuid>");
            asked(&xml).blocks("XML-IDENTITY", "custom_xml", "custom_xml has the UUID of domain 'web'");
            asked(&xml).facts(|facts| facts.domains = crate::facts::Fact::default()).unknown("XML-IDENTITY");
        }
        asked("<devices><disk><name>web</name></disk></devices>").quiet("XML-IDENTITY");
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let asked = |xml: &str| Asked::with(json!({ "custom_xml": xml }));
        let argument = |value: &str| {
            format!(
                "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:commandline>\
                     <qemu:arg value='{value}'/></qemu:commandline></domain>"
            )
        };
        for (xml, want) in [
            ("<graphics type='vnc' passwd='hunter2'/>".to_owned(), "passwd of <graphics>"),
            (argument("secret,id=a,data=hunter2"), "the data of a secret in an argument for QEMU"),
            (
                argument("{\"qom-type\": \"secret\", \"data\": \"hunter2\"}"),
                "the data of a secret in an argument for QEMU",
            ),
            (
                "<disk><source><cookies><cookie name='a'>hunter2</cookie></cookies></source></disk>".to_owned(),
                "the text of a <cookie>",
            ),
        ] {
            let said = asked(&xml).said("XML-SECRET").blocker();
            assert_eq!(said.message, format!("custom_xml contains a password: {want}").replace("&apos;", "'"));
            assert!(!said.remedy.contains("hunter2"));
        }
        asked("<graphics type='vnc' passwd=''/>").passes("XML-SECRET");
        asked(&argument("secret,id=a,file=/etc/key")).passes("XML-SECRET");
        Asked::good().quiet("XML-SECRET");
    }

    fn at(address: &str) -> PciAddress {
        address.parse().unwrap()
    }

    fn source(slot: &str) -> String {
        format!("<source><address domain='0x0000' bus='0x{slot}' slot='0x00' function='0x0'/></source>")
    }

    /// The ways in which a text takes the function at `slot`.
    fn takes(slot: &str) -> [String; 5] {
        let source = source(slot);
        let argument = |value: &str| format!("<qemu:commandline><qemu:arg value='{value}'/></qemu:commandline>");
        let domain =
            |inner: &str| format!("<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{inner}</domain>");
        [
            format!("<devices><hostdev mode='subsystem' type='pci' managed='yes'>{source}</hostdev></devices>"),
            format!("<interface type='hostdev'>{source}</interface>"),
            format!("<disk type='nvme' device='disk'>{source}<target dev='vdz'/></disk>"),
            domain(&argument(&format!("vfio-pci,host={slot}:00.0"))),
            domain(&argument(&format!("{{\"driver\": \"vfio-pci\", \"host\": \"0000:{slot}:00.0\"}}"))),
        ]
    }

    #[test]
    fn what_custom_xml_takes_goes_through_the_guard_by_whatever_element() {
        let mount = Mount {
            point: "/".into(),
            kind: "ext4".into(),
            source: "/dev/nvme0n1".into(),
            devices: vec!["nvme0n1".into()],
            server: None,
        };
        for xml in takes("03") {
            let asked = Asked::with(json!({"custom_xml": xml, "uefi": true})).facts(|facts| {
                let functions = vec![at("03:00.0")];
                let disk = BlockDevice { name: "nvme0n1".into(), functions, ..BlockDevice::default() };
                let (mounts, devices) = (known(vec![mount.clone()]), vec![disk]);
                facts.storage =
                    known(HostStorage { mounts, swaps: known(Vec::new()), zfs: known(Vec::new()), devices });
            });
            let said = asked.said("USE-ROOT-DISK").blocker();
            let want = "0000:03:00.0 (Samsung 990 PRO) carries the root file system (/dev/nvme0n1)";
            assert!(said.place == "custom_xml" && said.message.starts_with(want), "{}", said.message);
            assert_eq!(
                asked.said("XML-HOSTDEV").info().message,
                "custom_xml takes 0000:03:00.0 from the host",
                "{xml}"
            );
            let group = asked.said("IOMMU-GROUP").blocker();
            assert!(group.message.starts_with("custom_xml (0000:03:00.0): its IOMMU group 17"), "{}", group.message);
        }
    }

    #[test]
    fn what_custom_xml_takes_belongs_to_one_vm() {
        for xml in takes("02") {
            let asked = || Asked::with(json!({"custom_xml": xml, "uefi": true}));
            let pci = vec![at("02:00.0")];
            let holder = Domain { state: DomainState::Active, pci, ..domain("build-07") };
            let want = "custom_xml (0000:02:00.0) is already assigned to VM 'build-07' (running)";
            asked().beside(holder).blocks("PCI-IN-USE", "custom_xml", want);
            asked().passes("PCI-IN-USE");
        }
    }

    #[test]
    fn a_device_of_the_spec_that_custom_xml_details_is_one_device() {
        let xml = format!("<hostdev mode='subsystem' type='pci'>{}<driver name='vfio'/></hostdev>", source("02"));
        let both = json!({"custom_xml": xml, "pci_devices": [{"host_address": "02:00.0"}]});
        Asked::with(both).passes("PCI-SAME").passes("XML-HOSTDEV");
        // What is taken out again, and what is no PCI function of the host.
        let gone = format!(
            "<hostdev xmlns:v='urn:vmbuild:domain:1' v:op='remove' type='pci'>{}</hostdev><hostdev type='usb'/>",
            source("03")
        );
        Asked::with(json!({ "custom_xml": gone })).passes("XML-HOSTDEV").quiet("PCI-MISSING");
        Asked::good().quiet("XML-HOSTDEV");
    }
}
