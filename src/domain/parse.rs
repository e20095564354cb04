//! XML read strictly into elements, with line and column of what is wrong. Blanks between elements, comments and
//! processing instructions are not kept; document types are refused.

use super::element::Word;
use super::{Element, Node, XmlError};
use crate::spec::custom_xml;
use roxmltree::Node as Parsed;

/// The attribute that says what to do with the generated element.
pub(super) const OPERATION: &str = "vmbuild:op";

/// Reads one document.
pub fn parse(text: &str) -> Result<Element, XmlError> {
    custom_xml::read_document(text, |document| element(document.root_element(), document.input_text()))
        .map_err(XmlError::Syntax)
}

/// Reads the text of `custom_xml`: its outermost elements, in order.
pub(super) fn parse_fragment(text: &str) -> Result<Vec<Element>, XmlError> {
    custom_xml::read(text, |document| {
        let tops = document.root_element().children().filter(Parsed::is_element);
        tops.map(|node| element(node, document.input_text())).collect()
    })
    .map_err(XmlError::Custom)
}

fn element(node: Parsed<'_, '_>, text: &str) -> Element {
    let mut out = Element::new(qualified(text, node.range().start + 1));
    out.attributes.extend(declarations(node));
    for attribute in node.attributes() {
        // The operation is known by its namespace, whatever prefix the text gives it.
        let operation = attribute.namespace() == Some(custom_xml::NAMESPACE) && attribute.name() == "op";
        let name = if operation { OPERATION.to_owned() } else { qualified(text, attribute.range().start) };
        out.attributes.push((name.into(), attribute.value().to_owned().into()));
    }
    let has_elements = node.children().any(|child| child.is_element());
    for child in node.children() {
        if child.is_element() {
            out.children.push(Node::Element(element(child, text)));
        } else if let Some(content) = child.text().filter(|_| child.is_text())
            && !(has_elements && content.trim().is_empty())
        {
            out.children.push(Node::Text(content.to_owned().into()));
        }
    }
    out
}

/// The name as written, prefix included: roxmltree keeps only what it stands for.
fn qualified(text: &str, start: usize) -> String {
    let name = text.get(start..).unwrap_or_default();
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(name.len());
    name.get(..end).unwrap_or_default().to_owned()
}

/// The namespaces declared on the element itself.
fn declarations(node: Parsed<'_, '_>) -> Vec<(Word, Word)> {
    let around = node.parent().filter(Parsed::is_element);
    let known = |name: Option<&str>, uri: &str| {
        around.is_some_and(|parent| parent.namespaces().any(|other| other.name() == name && other.uri() == uri))
    };
    let own = node
        .namespaces()
        .filter(|namespace| namespace.name() != Some("xml") && !known(namespace.name(), namespace.uri()));
    own.map(|namespace| {
        let name = namespace.name().map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
        (name.into(), namespace.uri().to_owned().into())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prefixes_and_declarations_survive() {
        let text = "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n  <qemu:commandline>\n    \
                    <qemu:arg value='-x'/>\n  </qemu:commandline>\n</domain>\n";
        let tree = parse(text).unwrap();
        assert_eq!(tree.attributes[0].0, "xmlns:qemu");
        assert_eq!(parse(&tree.to_xml()).unwrap(), tree);
        assert!(tree.to_xml().contains("<qemu:arg value='-x'/>"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\u{fffe}\u{ffff}]*", text in "[ -~äß\\n\\t\\r]+") {
            let tree = Element::new("a").attr("b", value).child(Element::new("c").text(text));
            prop_assert_eq!(parse(&tree.to_xml()).unwrap(), tree);
        }
    }
}
