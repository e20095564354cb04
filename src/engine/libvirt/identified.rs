//! The identity of a domain, chosen before it is defined: a build that is cut finds it again.

use super::LibvirtCall;
use crate::domain::{Element, Node, parse};
use crate::engine::MadeId;

impl LibvirtCall {
    /// The same with `uuid` in the XML of the domain, unless custom XML gives it another.
    #[must_use]
    pub(in crate::engine) fn identified(mut self, uuid: &str) -> Self {
        if let Self::Define { xml, .. } | Self::ReadBack { xml } = &mut self
            && let Some(changed) = identified(xml, uuid)
        {
            *xml = changed;
        }
        self
    }

    /// The UUID that the domain will have.
    pub(in crate::engine) fn chosen(&self) -> Option<MadeId> {
        let Self::Define { xml, .. } = self else { return None };
        Some(parse(xml).ok()?.find("uuid")?.own_text()).filter(|uuid| !uuid.is_empty()).map(MadeId)
    }
}

fn identified(xml: &str, uuid: &str) -> Option<String> {
    let mut domain = parse(xml).ok()?;
    if domain.find("uuid").is_some() {
        return None;
    }
    let is_name = |node: &Node| matches!(node, Node::Element(element) if element.name == "name");
    let behind = domain.children.iter().position(is_name).map_or(0, |at| at + 1);
    domain.children.insert(behind, Node::Element(Element::new("uuid").text(uuid.to_owned())));
    Some(domain.to_xml())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    const UUID: &str = "6f8edc1c-5a92-4c1d-8d5a-1f2d9a3c0b7e";

    fn define(xml: &str) -> LibvirtCall {
        let name = "ws".to_owned();
        let (passwords, files) = (Vec::new(), Vec::new());
        LibvirtCall::Define { name, xml: xml.into(), passwords, variables: false, tpm: false, files }
    }

    fn xml(call: &LibvirtCall) -> &str {
        let LibvirtCall::Define { xml, .. } = call else { panic!("{call:?}") };
        xml
    }

    #[test]
    fn a_domain_gets_the_chosen_identity_unless_it_has_one() {
        let call = define("<domain type='kvm'><name>ws</name><memory>1</memory></domain>");
        assert_eq!(call.chosen(), None);
        let call = call.identified(UUID);
        assert_eq!(call.chosen(), Some(MadeId(UUID.into())));
        assert!(xml(&call).contains("<name>ws</name>\n  <uuid>6f8e"), "{}", xml(&call));
        assert_eq!(call.clone().identified("another"), call);
    }
}
