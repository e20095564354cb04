//! Reading libvirt's documents: short names for what roxmltree says at length.

use super::error::unreadable;
use crate::host::HostError;
use crate::units::{Bytes, PciAddress};
use roxmltree::{Document, Node};

/// Parses a document that libvirt made.
pub(super) fn parse<'a>(what: &str, text: &'a str) -> Result<Document<'a>, HostError> {
    Document::parse(text).map_err(|error| unreadable(what, &error.to_string()))
}

/// The first child element `name`.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

/// The element at the end of a path of names, the first child of each name.
pub(super) fn at<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(node, |node, name| child(node, name))
}

/// Child elements `name`.
pub(super) fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// The text of the element at the end of a path, trimmed; `None` where absent or empty.
pub(super) fn text(node: Node<'_, '_>, path: &[&str]) -> Option<String> {
    let text = at(node, path)?.text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An attribute of the element at the end of a path.
pub(super) fn attribute(node: Node<'_, '_>, path: &[&str], name: &str) -> Option<String> {
    at(node, path)?.attribute(name).map(str::to_owned)
}

/// An amount such as `<capacity unit='bytes'>`; libvirt prints bytes, or KiB for memory.
pub(super) fn amount(node: Node<'_, '_>, path: &[&str]) -> Option<Bytes> {
    let element = at(node, path)?;
    let unit = element.attribute("unit").unwrap_or("bytes");
    format!("{} {unit}", element.text()?.trim()).parse().ok()
}

/// `<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>`.
pub(super) fn pci_address(node: Node<'_, '_>) -> Option<PciAddress> {
    Some(PciAddress {
        domain: number(node.attribute("domain").unwrap_or("0"))?,
        bus: u8::try_from(number(node.attribute("bus")?)?).ok()?,
        slot: u8::try_from(number(node.attribute("slot")?)?).ok()?,
        function: u8::try_from(number(node.attribute("function").unwrap_or("0"))?).ok()?,
    })
}

/// A number as libvirt writes it: decimal, or hexadecimal behind `0x`.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.trim().strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.trim().parse().ok(),
    }
}
