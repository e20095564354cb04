//! Checks of what the network interfaces are connected to.

use super::note::{Topic, without};
use super::row::RowName;
use super::text::{Arg, text};
use super::wording::blank;
use super::{Check, Notes, Subject};
use crate::machine::Interface;
use crate::spec::{Network, NetworkKind, Place};
use crate::units::{PciAddress, shell_quote};

pub(super) static CHECKS: &[&Check] = &[&NET_SOURCE, &NET_MISSING, &NET_INACTIVE, &BRIDGE_MISSING];

static NET_SOURCE: Check = Check {
    code: "NET-SOURCE",
    title: "each interface has what its type needs",
    explain: "An interface of type bridge joins a bridge of the host, and one of type direct an interface of the host; \
              there is no default. Write its name in `source`, or use type network. QEMU's own NAT (type user) has no \
              source. An interface of type hostdev is a virtual function of a network card: write its address in \
              `host_address`.",
    run: Some(source),
    ..Check::VM
};

pub(super) static NET_MISSING: Check = Check {
    code: "NET-MISSING",
    title: "named networks exist",
    explain: "The host has no libvirt network of this name; the domain could be defined, but not started. `virsh \
              net-list --all` lists the networks.",
    run: Some(missing),
    ..Check::VM
};

pub(super) static NET_INACTIVE: Check = Check {
    code: "NET-INACTIVE",
    title: "named networks are active",
    explain: "A network that is not started has no bridge: the domain can be defined, but its start fails with \
              \"network is not active\". Start it, and enable its autostart.",
    run: Some(inactive),
    ..Check::VM
};

pub(super) static BRIDGE_MISSING: Check = Check {
    code: "BRIDGE-MISSING",
    title: "named bridges exist",
    explain: "The host has no bridge of this name; the start of the VM would fail. Create it in the host's network \
              configuration (netplan, NetworkManager, systemd-networkd, ifupdown); libvirt does not.",
    run: Some(bridge),
    ..Check::VM
};

/// The place of a field of an interface; the list where the interface is there by default.
pub(super) fn place(interface: &Interface, field: &str) -> Place {
    match interface.row {
        Some(row) => Place::row("networks", row, field),
        None => Place::root().key("networks"),
    }
}

/// `network 0`, or words for the one that is there by default.
pub(super) fn label(interface: &Interface) -> RowName {
    interface.row.map_or(RowName::only("the default interface"), |row| RowName::numbered("network", row))
}

/// A field of an interface, with the name of its row.
pub(super) fn topic(interface: &Interface, field: &str) -> Topic {
    Topic::from(place(interface, field)).of(label(interface))
}

fn of_kind<'a>(subject: &Subject<'a>, kind: NetworkKind) -> impl Iterator<Item = &'a Interface> + use<'a> {
    subject.machine.interfaces.iter().filter(move |interface| interface.kind == kind)
}

fn source(subject: &Subject, notes: &mut Notes) {
    for interface in of_kind(subject, NetworkKind::Direct) {
        notes.looked();
        if interface.source.value.is_empty() {
            let message = text!("source is required for type direct");
            notes.blocker(topic(interface, "source"), message, "write the name of a host interface, such as eno1");
        }
    }
    for interface in of_kind(subject, NetworkKind::Bridge) {
        notes.looked();
        if interface.source.value.is_empty() {
            let message = text!("source is required for type bridge");
            notes.blocker(topic(interface, "source"), message, "write the name of a bridge, such as br0");
        }
    }
    for (row, asked) in subject.spec.networks.iter().flatten().enumerate() {
        function(notes, row, asked);
    }
    for interface in of_kind(subject, NetworkKind::User) {
        let Some(asked) = interface.row.and_then(|row| subject.spec.networks.as_ref()?.get(row)) else { continue };
        notes.looked();
        if !blank(asked.source.as_ref()) {
            let message = text!("source has no effect for type user");
            notes.warning(topic(interface, "source"), message, without("remove it, or use type network or bridge"));
        }
    }
}

/// What a virtual function needs, and what it alone can have.
fn function(notes: &mut Notes, row: usize, asked: &Network) {
    let at = |field: &str| Topic::from(Place::row("networks", row, field)).of(RowName::numbered("network", row));
    let kind = asked.kind.unwrap_or_default();
    if kind != NetworkKind::Hostdev {
        if !blank(asked.host_address.as_ref()) {
            notes.looked();
            let message = text!("host_address has no effect for type {kind}", kind = kind.name());
            notes.warning(at("host_address"), message, without("remove it, or use type hostdev"));
        }
        return;
    }
    notes.looked();
    match asked.host_address.as_deref().filter(|text| !text.trim().is_empty()).map(str::parse::<PciAddress>) {
        None => {
            let message = text!("host_address is required for type hostdev");
            notes.blocker(at("host_address"), message, "write the address of a virtual function, such as 0000:07:10.0");
        }
        Some(Err(error)) => {
            notes.blocker(at("host_address"), text!("{error}", error), "vmbuild pci lists the devices of the host");
        }
        Some(Ok(_)) => {}
    }
    let useless = [("source", asked.source.is_some()), ("model", asked.model.is_some())];
    for (field, _) in useless.into_iter().filter(|(_, set)| *set) {
        let message = text!("{field} has no effect for type hostdev", field);
        notes.warning(at(field), message, without("remove it: the guest sees the virtual function as it is"));
    }
}

fn missing(subject: &Subject, notes: &mut Notes) {
    for interface in of_kind(subject, NetworkKind::Network) {
        let name = &interface.source.value;
        let what = text!("whether network '{name}' exists", name);
        let Some(networks) = notes.known(&subject.facts.networks, || place(interface, "source"), &what) else {
            continue;
        };
        if networks.iter().all(|network| network.name != *name) {
            let names: Vec<String> = networks.iter().map(|network| network.name.clone()).take(6).collect();
            let remedy = if names.is_empty() {
                "this host has no networks: use type user, or virsh net-define".into()
            } else {
                text!("choose one of this host: {names}", names = Arg::all(names))
            };
            let message = text!("network '{name}' not found: network not found", name);
            notes.blocker(topic(interface, "source"), message, remedy);
        }
    }
}

fn inactive(subject: &Subject, notes: &mut Notes) {
    for interface in of_kind(subject, NetworkKind::Network) {
        let name = &interface.source.value;
        let Some(network) = subject.facts.networks.items().iter().find(|network| network.name == *name) else {
            continue;
        };
        notes.looked();
        if !network.active {
            let message = text!("network '{name}' is not active; the VM could not start", name);
            let name = shell_quote(name);
            let start = text!("start it: virsh net-start {name}", name);
            let both = text!("{start}; virsh net-autostart {name}", start, name);
            notes.warning(topic(interface, "source"), message, if network.autostart { start } else { both });
        }
    }
}

fn bridge(subject: &Subject, notes: &mut Notes) {
    for interface in of_kind(subject, NetworkKind::Bridge).filter(|interface| !interface.source.value.is_empty()) {
        let name = &interface.source.value;
        let what = text!("whether bridge '{name}' exists", name);
        let Some(bridges) = notes.known(&subject.facts.bridges, || place(interface, "source"), &what) else { continue };
        if bridges.iter().all(|bridge| bridge.name != *name) {
            let names: Vec<String> = bridges.iter().map(|bridge| bridge.name.clone()).take(6).collect();
            let remedy = if names.is_empty() {
                "this host has no bridges: use type network".into()
            } else {
                text!("choose one of this host: {names}", names = Arg::all(names))
            };
            let message = text!("bridge '{name}' not found: bridge not found", name);
            notes.blocker(topic(interface, "source"), message, remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said};
    use crate::facts::Fact;
    use serde_json::json;

    fn net(kind: &str, source: Option<&str>) -> Asked {
        Asked::with(json!({"networks": [{"type": kind, "source": source}]}))
    }

    #[test]
    fn a_network_must_exist_and_run() {
        let want = "network 0: network 'lan' not found: network not found";
        net("network", Some("lan")).blocks("NET-MISSING", "networks[0].source", want).quiet("NET-INACTIVE");
        net("network", Some("default")).passes("NET-MISSING").passes("NET-INACTIVE");
        let Said { remedy, .. } = net("network", Some("lab")).said("NET-INACTIVE").warning();
        assert_eq!(remedy, "start it: virsh net-start lab; virsh net-autostart lab");
        net("network", None).facts(|facts| facts.networks = Fact::default()).unknown("NET-MISSING");
        net("user", None).quiet("NET-MISSING");
    }

    #[test]
    fn a_source_that_nothing_reads_is_not_swallowed() {
        let want = "network 0: source has no effect for type user";
        net("user", Some("br0")).warns("NET-SOURCE", "networks[0].source", want);
        net("user", None).passes("NET-SOURCE");
        Asked::good().quiet("NET-SOURCE");
    }

    #[test]
    fn a_bridge_must_be_named_and_exist() {
        net("bridge", None).blocks("NET-SOURCE", "networks[0].source", "network 0: source is required for type bridge");
        let want = "network 0: bridge 'br9' not found: bridge not found";
        net("bridge", Some("br9")).blocks("BRIDGE-MISSING", "networks[0].source", want).passes("NET-SOURCE");
        net("bridge", Some("br0")).passes("BRIDGE-MISSING");
        net("bridge", Some("br0")).facts(|facts| facts.bridges = Fact::default()).unknown("BRIDGE-MISSING");
    }
}
