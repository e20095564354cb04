//! Checks of the custom domain XML.

use super::wording::field;
use super::{Check, Notes, Subject};
use crate::spec::custom_xml;
use crate::spec::suggest::quoted;
use roxmltree::{Document, Node};

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "XML-MALFORMED",
        title: "the custom XML is well-formed",
        explain: "custom_xml is a domain, or one or several of its elements, merged over the generated one. It must be \
                  well-formed: every element closed, no text outside of them, & written as &amp;, and every prefix such \
                  as qemu: declared with xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'.",
        run: malformed,
    },
    Check {
        code: "XML-IDENTITY",
        title: "the custom XML makes no other VM of it",
        explain: "libvirt knows a domain by name and UUID. To define one with the name and the UUID of a domain that \
                  exists would put it in that domain's place, and a name that only custom_xml knows would escape every \
                  check. The name is the field `name`; a UUID of your own is fine where no domain has it.",
        run: identity,
    },
];

fn written<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    subject.spec.custom_xml.as_deref().filter(|xml| !xml.trim().is_empty())
}

fn malformed(subject: &Subject, notes: &mut Notes) {
    let Some(xml) = written(subject) else { return };
    notes.looked();
    if let Err(fault) = custom_xml::read(xml, |_| ()) {
        let message = format!("custom_xml is not well-formed: {fault}");
        notes.blocker(field("custom_xml"), message, "correct it there; virsh edit shows how libvirt writes it");
    }
}

fn identity(subject: &Subject, notes: &mut Notes) {
    let read = |document: &Document<'_>| (texts(document, "name"), texts(document, "uuid"));
    let Some(Ok((names, uuids))) = written(subject).map(|xml| custom_xml::read(xml, read)) else { return };
    for name in names.iter().filter(|name| !name.is_empty()) {
        notes.looked();
        let asked = subject.spec.name.as_deref().unwrap_or_default();
        if name != asked {
            let message = format!("custom_xml names the VM {}, and the spec {}", quoted(name), quoted(asked));
            notes.blocker(field("custom_xml"), message, "take it out there, and write the name into the field name");
        }
    }
    for uuid in uuids.iter().filter(|uuid| !uuid.is_empty()) {
        let what = format!("whether a domain has the UUID {}", quoted(uuid));
        let Some(domains) = notes.known(&subject.facts.domains, || field("custom_xml"), &what) else { continue };
        if let Some(domain) = domains.iter().find(|domain| digits(&domain.uuid) == digits(uuid)) {
            let message = format!("custom_xml has the UUID of domain '{}'", domain.name);
            notes.blocker(field("custom_xml"), message, "leave it out, and libvirt makes one");
        }
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
    use crate::checks::fixture::{Asked, Said};
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
            "custom_xml names the VM 'web', and the spec 'gpu-ws-01'",
        );
        asked("<name>gpu-ws-01</name><uuid>0d7d3f7e-0000-4000-8000-0000000000ff</uuid>").passes("XML-IDENTITY");
        for uuid in ["0d7d3f7e-0000-4000-8000-000000000001", " 0D7D3F7E000040008000000000000001\n"] {
            let xml = format!("<uuid>{uuid}</uuid>");
            asked(&xml).blocks("XML-IDENTITY", "custom_xml", "custom_xml has the UUID of domain 'web'");
            asked(&xml).facts(|facts| facts.domains = crate::facts::Fact::default()).unknown("XML-IDENTITY");
        }
        asked("<devices><disk><name>web</name></disk></devices>").quiet("XML-IDENTITY");
    }
}
