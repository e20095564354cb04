//! Network interfaces.

use super::Element;
use super::device::{address, boot};
use crate::machine::Interface;
use crate::spec::{NetworkKind, Place};
use crate::units::MacAddr;

/// One interface.
pub(super) fn interface(interface: &Interface) -> Element {
    let place = match interface.row {
        Some(row) => Place::root().key("networks").index(row),
        None => Place::root().key("networks"),
    };
    let field = |name: &str| if interface.row.is_some() { place.clone().key(name) } else { place.clone() };
    let source = match interface.kind {
        NetworkKind::Network => Some("network"),
        NetworkKind::Bridge => Some("bridge"),
        NetworkKind::Direct => Some("dev"),
        NetworkKind::User | NetworkKind::Hostdev => None,
    };
    let named = source.map(|attribute| {
        let source = Element::new("source").attr(attribute, interface.source.value.clone()).origin(field("source"));
        if interface.kind == NetworkKind::Direct { source.attr("mode", interface.mode.name()) } else { source }
    });
    let function =
        interface.host.map(|host| Element::new("source").child(address(host, true)).origin(field("host_address")));
    let vlan = interface
        .vlan
        .filter(|_| interface.passes || interface.kind != NetworkKind::Network)
        .map(|tag| Element::new("vlan").child(Element::new("tag").attr("id", tag.to_string())).origin(field("vlan")));
    let mac = interface.mac.as_ref().map(|mac| Element::new("mac").attr("address", normal(mac)).origin(field("mac")));
    // The guest sees a virtual function as it is.
    let model = (interface.kind != NetworkKind::Hostdev)
        .then(|| Element::new("model").attr("type", interface.model.value.name()).origin(field("model")));
    let mtu = interface.mtu.map(|mtu| Element::new("mtu").attr("size", mtu.to_string()).origin(field("mtu")));
    let driver = interface.queues.map(|queues| {
        Element::new("driver").attr("name", "vhost").attr("queues", queues.to_string()).origin(field("queues"))
    });
    let element = Element::new("interface").attr("type", interface.kind.name());
    let element = if interface.kind == NetworkKind::Hostdev { element.attr("managed", "yes") } else { element };
    element
        .child(mac)
        .child(named.or(function))
        .child(vlan)
        .child(mtu)
        .child(model)
        .child(driver)
        .child(interface.boot_order.map(|order| boot(order).origin(field("boot_order"))))
        .origin(place)
}

/// An address in the form libvirt writes; a text that is none stays as it is, for `checks` has said so.
fn normal(mac: &str) -> String {
    mac.parse::<MacAddr>().map_or_else(|_| mac.to_owned(), |mac| mac.to_string())
}
