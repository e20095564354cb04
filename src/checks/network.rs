//! Checks of what the network interfaces are connected to.

use super::note::{Topic, without};
use super::row::RowName;
use super::text::{Arg, Joint, text};
use super::wording::blank;
use super::{Check, Notes, Subject};
use crate::facts::LibvirtNetwork;
use crate::machine::Interface;
use crate::spec::{Network, NetworkKind, Place};
use crate::units::{PciAddress, shell_quote};

pub(super) static CHECKS: &[&Check] =
    &[&NET_SOURCE, &NET_MISSING, &NET_INACTIVE, &NET_BRIDGE, &BRIDGE_MISSING, &INTERFACE_MISSING];

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
              \"network is not active\", so that it is an error where the build starts the VM. Start it, and enable its \
              autostart.",
    run: Some(inactive),
    ..Check::VM
};

pub(super) static NET_BRIDGE: Check = Check {
    code: "NET-BRIDGE",
    title: "bridges of named networks exist",
    explain: "A libvirt network of the forward mode bridge joins its VMs to a bridge or an interface of the host that \
              libvirt does not create, and libvirt starts the network without it. The start of the VM then fails. \
              Create it in the host's network configuration, or correct the network: `virsh net-edit`.",
    run: Some(network_bridge),
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

pub(super) static INTERFACE_MISSING: Check = Check {
    code: "INTERFACE-MISSING",
    title: "named host interfaces exist",
    explain: "An interface of type direct (macvtap) is on top of a network interface of the host. If the host has none \
              of this name, the domain can be defined, but its start fails with \"Unable to get index for interface\". \
              `ip -br link` lists the interfaces. Their names depend on slot and firmware, so a spec from another host \
              often has a different one.",
    run: Some(parent),
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
            let remedy = if network.autostart { start } else { both };
            if subject.starting {
                notes.blocker(topic(interface, "source"), message, remedy);
            } else {
                notes.warning(topic(interface, "source"), message, remedy);
            }
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

/// What a network needs that libvirt does not make. Bridges of Open vSwitch are in no list of the kernel's.
fn network_bridge(subject: &Subject, notes: &mut Notes) {
    for interface in of_kind(subject, NetworkKind::Network) {
        let named = |network: &&LibvirtNetwork| network.name == interface.source.value && network.joins_host();
        let Some(network) = subject.facts.networks.items().iter().find(named) else { continue };
        if let Some(name) = network.bridge.as_ref().filter(|_| network.virtual_port.is_none()) {
            let what = text!("whether bridge '{name}' of the network exists", name);
            let place = || place(interface, "source");
            let Some(bridges) = notes.known(&subject.facts.bridges, place, &what) else { continue };
            if bridges.iter().all(|bridge| bridge.name != *name) {
                let message = text!(
                    "network '{network}' uses bridge '{name}', which does not exist",
                    network = network.name,
                    name
                );
                let remedy = "create the bridge, or correct the network: virsh net-edit";
                notes.blocker(topic(interface, "source"), message, remedy);
            }
        } else if !network.interfaces.is_empty() {
            network_interfaces(subject, notes, interface, network);
        }
    }
}

/// libvirt takes any of the interfaces of a network.
fn network_interfaces(subject: &Subject, notes: &mut Notes, interface: &Interface, network: &LibvirtNetwork) {
    let what = text!("whether the interfaces of network '{name}' exist", name = network.name);
    let place = || place(interface, "source");
    let Some(networking) = notes.known(&subject.facts.networking, place, &what) else { return };
    if network.interfaces.iter().all(|name| networking.interface(name).is_none()) {
        let names = Arg::list(Joint::Or, &network.interfaces);
        let message = text!(
            "network '{network}' uses host interface {names}, which does not exist",
            network = network.name,
            names
        );
        notes.blocker(topic(interface, "source"), message, "correct the network: virsh net-edit");
    }
}

fn parent(subject: &Subject, notes: &mut Notes) {
    for interface in of_kind(subject, NetworkKind::Direct).filter(|interface| !interface.source.value.is_empty()) {
        let name = &interface.source.value;
        let what = text!("whether host interface '{name}' exists", name);
        let place = || place(interface, "source");
        let Some(networking) = notes.known(&subject.facts.networking, place, &what) else { continue };
        if networking.interface(name).is_some() {
            continue;
        }
        let names: Vec<&str> = networking.interfaces.iter().map(|known| known.name.as_str()).take(6).collect();
        let remedy = if names.is_empty() {
            "this host has no interfaces: use type network".into()
        } else {
            text!("choose one of this host: {names}", names = Arg::all(names))
        };
        let message = text!("host interface '{name}' not found", name);
        notes.blocker(topic(interface, "source"), message, remedy);
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said, known};
    use crate::facts::{Fact, Facts, HostInterface, Networking};
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
        net("network", Some("lab")).starting().said("NET-INACTIVE").blocker();
        net("network", None).facts(|facts| facts.networks = Fact::default()).unknown("NET-MISSING");
        net("user", None).quiet("NET-MISSING");
    }

    fn wired(facts: &mut Facts) {
        let interface = |name: &str| HostInterface { name: name.into(), ..HostInterface::default() };
        let interfaces = vec![interface("br0"), interface("eno1")];
        facts.networking = known(Networking { interfaces, ..Networking::default() });
    }

    #[test]
    fn the_parent_of_a_direct_interface_exists() {
        let want = "network 0: host interface 'enp9s0' not found";
        let asked = |source: &str| net("direct", Some(source)).facts(wired);
        asked("enp9s0").blocks("INTERFACE-MISSING", "networks[0].source", want);
        assert_eq!(asked("enp9s0").said("INTERFACE-MISSING").remedy, "choose one of this host: br0 and eno1");
        asked("eno1").passes("INTERFACE-MISSING");
        net("direct", Some("eno1")).unknown("INTERFACE-MISSING");
        net("bridge", Some("br0")).quiet("INTERFACE-MISSING");
    }

    #[test]
    fn what_a_network_joins_exists() {
        let joining = |bridge: Option<&str>, interfaces: &[&str]| {
            net("network", Some("default")).facts(wired).facts(|facts| {
                for network in facts.networks.get_mut().into_iter().flatten() {
                    (network.forward, network.bridge) = (Some("bridge".into()), bridge.map(Into::into));
                    network.interfaces = interfaces.iter().map(ToString::to_string).collect();
                }
            })
        };
        let want = "network 0: network 'default' uses bridge 'br9', which does not exist";
        joining(Some("br9"), &[]).blocks("NET-BRIDGE", "networks[0].source", want);
        joining(Some("br0"), &[]).passes("NET-BRIDGE");
        let want = "network 0: network 'default' uses host interface enp1s0 or enp2s0, which does not exist";
        joining(None, &["enp1s0", "enp2s0"]).blocks("NET-BRIDGE", "networks[0].source", want);
        joining(None, &["enp1s0", "eno1"]).passes("NET-BRIDGE");
        net("network", Some("default")).quiet("NET-BRIDGE");
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
