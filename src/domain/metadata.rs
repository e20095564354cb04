//! What vmbuild writes into `<metadata>`: where the VM comes from and the user's own keys. Never secrets, never
//! cloud-init: whoever may read the domain reads it.

use super::Element;
use crate::machine::Machine;
use crate::spec::custom_xml::NAMESPACE;
use crate::spec::{Place, Spec};
use serde_json::Value;

/// The metadata element; `None` where there is nothing to remember.
pub(super) fn metadata(spec: &Spec, machine: &Machine) -> Option<Element> {
    let template =
        spec.template.as_ref().map(|name| Element::new("vmbuild:template").text(name.clone()).field("template"));
    let own = Element::new("vmbuild:vm").attr("xmlns:vmbuild", NAMESPACE).child(template).child(os(spec));
    let entries = spec.metadata.iter().flatten().map(|(key, value)| entry(key, value));
    let own = own.children(entries);
    let own = (!own.children.is_empty()).then_some(own);
    let all = Element::new("metadata").child(osinfo(machine)).child(own);
    (!all.children.is_empty()).then_some(all)
}

/// The guest system for virt-manager, virt-xml and all who look for it there.
fn osinfo(machine: &Machine) -> Option<Element> {
    const NAMESPACE: &str = "http://libosinfo.org/xmlns/libvirt/domain/1.0";
    let url = &machine.guest.profile.as_ref().filter(|profile| !profile.url.is_empty())?.url;
    let os = Element::new("libosinfo:os").attr("id", url.clone());
    Some(Element::new("libosinfo:libosinfo").attr("xmlns:libosinfo", NAMESPACE).child(os).field("os_variant"))
}

/// The guest system as the user named it.
fn os(spec: &Spec) -> Option<Element> {
    let field = if spec.os_variant.is_some() { "os_variant" } else { "os_type" };
    let named = [("variant", &spec.os_variant), ("type", &spec.os_type)];
    let named = named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    let os = named.fold(Element::new("vmbuild:os").field(field), |os, (name, value)| os.attr(name, value));
    (!os.attributes.is_empty()).then_some(os)
}

/// A text as it is; any other value as JSON, marked so that it is read back as what it was.
fn entry(key: &str, value: &Value) -> Element {
    let element =
        Element::new("vmbuild:entry").attr("key", key.to_owned()).origin(Place::root().key("metadata").key(key));
    match value {
        Value::String(text) => element.text(text.clone()),
        other => element.attr("type", "json").text(other.to_string()),
    }
}
