//! Network interfaces with their source and card settled.

use super::{Chipset, Choice, Guest};
use crate::facts::Facts;
use crate::spec::{DirectMode, Network, NetworkKind, NetworkModel, Place, Spec, filled};
use crate::units::PciAddress;

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Row in `networks`; `None` for the interface that is there by default.
    pub row: Option<usize>,
    /// What it is connected to.
    pub kind: NetworkKind,
    /// Network, bridge, host interface, or address of a virtual function; empty for user mode, and where none is named.
    pub source: Choice<String>,
    /// The virtual function of the host that it is, where one is named.
    pub host: Option<PciAddress>,
    /// True where a virtual function is passed: one that is named, or any of a network that gives them out.
    pub passes: bool,
    /// VLAN of a virtual function, or of a port of a bridge.
    pub vlan: Option<u32>,
    /// Card.
    pub model: Choice<NetworkModel>,
    /// Address as the user wrote it.
    pub mac: Option<String>,
    /// How a direct interface shares its host interface.
    pub mode: DirectMode,
    /// Largest packet in bytes.
    pub mtu: Option<u32>,
    /// Queues of the card.
    pub queues: Option<u32>,
    /// Place in the boot order.
    pub boot_order: Option<u32>,
}

/// The interfaces asked for; one with NAT where `networks` is absent, none where it is empty.
pub(super) fn interfaces(spec: &Spec, facts: &Facts, chipset: Chipset, guest: &Guest) -> Vec<Interface> {
    let model = guest.network_model(chipset.is_pci_express());
    match &spec.networks {
        Some(rows) => rows.iter().enumerate().map(|(row, network)| asked(row, network, facts, &model)).collect(),
        None if !chipset.takes_devices() => Vec::new(),
        None => vec![default(facts, model)],
    }
}

fn asked(row: usize, network: &Network, facts: &Facts, fitting: &Choice<NetworkModel>) -> Interface {
    let kind = network.kind.unwrap_or_default();
    let named = filled(network.source.as_deref()).filter(|_| kind != NetworkKind::User);
    let address = filled(network.host_address.as_deref()).filter(|_| kind == NetworkKind::Hostdev);
    let source = match (named, kind) {
        (_, NetworkKind::Hostdev) => match address {
            Some(text) => Choice::asked(text.to_owned(), Place::row("networks", row, "host_address")),
            None => Choice::default(String::new(), "no virtual function was named"),
        },
        (Some(name), _) => Choice::asked(name.to_owned(), Place::row("networks", row, "source")),
        (None, NetworkKind::Network) => Choice::default("default".into(), "libvirt's default network"),
        (None, NetworkKind::Bridge) => Choice::default(String::new(), "no bridge was named"),
        (None, NetworkKind::Direct) => Choice::default(String::new(), "no host interface was named"),
        (None, NetworkKind::User) => Choice::default(String::new(), "QEMU's own NAT needs no network"),
    };
    let model = match network.model {
        _ if kind == NetworkKind::Hostdev => Choice::default(NetworkModel::default(), "the card's own"),
        Some(model) => Choice::asked(model, Place::row("networks", row, "model")),
        None => fitting.clone(),
    };
    let gives = |network: &crate::facts::LibvirtNetwork| {
        network.name == source.value && network.forward.as_deref() == Some("hostdev")
    };
    let pool = kind == NetworkKind::Network && facts.networks.items().iter().any(gives);
    Interface {
        row: Some(row),
        kind,
        passes: kind == NetworkKind::Hostdev || pool,
        host: address.and_then(|text| text.parse().ok()),
        vlan: network.vlan,
        source,
        model,
        mac: filled(network.mac.as_deref()).map(ToOwned::to_owned),
        mode: network.mode.unwrap_or(DirectMode::Bridge),
        mtu: network.mtu,
        queues: network.queues,
        boot_order: network.boot_order,
    }
}

/// NAT through libvirt's own network; through QEMU's where the host is known to lack that network, so that a spec that
/// never mentions networks builds on every host.
fn default(facts: &Facts, model: Choice<NetworkModel>) -> Interface {
    let missing = facts.networks.get().is_some_and(|known| !known.iter().any(|network| network.name == "default"));
    let (kind, source) = if missing {
        (NetworkKind::User, Choice::default(String::new(), "QEMU's own NAT: this host has no network 'default'"))
    } else {
        (NetworkKind::Network, Choice::default("default".into(), "NAT, because no network was named"))
    };
    Interface {
        row: None,
        kind,
        source,
        host: None,
        passes: false,
        vlan: None,
        model,
        mac: None,
        mode: DirectMode::Bridge,
        mtu: None,
        queues: None,
        boot_order: None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Fact, Provenance};
    use crate::machine::machine;

    fn interfaces(spec: &Spec, facts: &Facts) -> Vec<Interface> {
        machine(spec, facts).interfaces
    }

    #[test]
    fn a_spec_without_networks_gets_one_with_nat() {
        let all = interfaces(&Spec::default(), &Facts::default());
        assert_eq!((all.len(), all[0].kind, all[0].source.value.as_str()), (1, NetworkKind::Network, "default"));
        assert!(all[0].source.why().is_some());
    }

    #[test]
    fn a_host_without_the_default_network_gets_user_mode() {
        let facts =
            Facts { networks: Fact::known(Vec::new(), Provenance::Command("test".into()), 0), ..Facts::default() };
        assert_eq!(interfaces(&Spec::default(), &facts)[0].kind, NetworkKind::User);
    }

    #[test]
    fn an_empty_list_means_no_network() {
        let spec = Spec { networks: Some(Vec::new()), ..Spec::default() };
        assert!(interfaces(&spec, &Facts::default()).is_empty());
    }
}
