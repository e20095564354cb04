//! Checks of the network-config document: by cloud-init's own rules, and beside the cards that the VM gets.

use super::text::{Arg, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::spec::Place;
use crate::spec::cloud_init::network_config::{NamedCard, NetworkConfig, NetworkFault, NetworkFaultKind, read};
use crate::units::MacAddr;

pub(super) static CHECKS: &[&Check] = &[&CLOUD_NETWORK, &CLOUD_CARD];

static CLOUD_NETWORK: Check = Check {
    code: "CLOUD-NETWORK",
    title: "network_config can be applied",
    explain: "cloud-init takes a network configuration only with `version: 1` or `version: 2`, as a number. Version 2 has \
              ethernets, bonds, bridges and vlans, each a mapping of names; version 1 has a list `config`. An address \
              has the length of its prefix, set-name needs a match, and a MAC address is in quotes: digits with colons \
              are a number for YAML. Without a valid network configuration the guest is left without network, or falls \
              back to DHCP on one card.",
    run: Some(network),
    ..Check::VM
};

static CLOUD_CARD: Check = Check {
    code: "CLOUD-CARD",
    title: "network_config matches the VM's cards",
    explain: "network_config names network cards by their MAC address, by name or by a pattern. A MAC address that no card \
              of the VM has matches nothing; libvirt chooses the addresses that `networks[].mac` does not set. The name \
              of a card in the guest depends on its place on the PCI bus and on the guest's rules, so only the address \
              is certain.",
    run: Some(cards),
    ..Check::VM
};

fn place() -> Place {
    field("cloud_init").key("network_config")
}

/// The document, where it is one that can be read.
fn config(subject: &Subject) -> Option<NetworkConfig> {
    let root = subject.documents().network_config.as_ref()?.as_ref().ok()?;
    (!root.members().is_empty()).then(|| read(root))
}

fn network(subject: &Subject, notes: &mut Notes) {
    let Some(config) = config(subject) else { return };
    notes.looked();
    if config.is_wrapped {
        let message =
            "cloud_init.network_config wraps its content in network:, which cloud-init before 22.3 does not accept";
        notes.info(place(), message, "move what is in it to the top if the image may be older");
    }
    for NetworkFault { line, kind } in &config.faults {
        let (message, remedy) = told(*line, kind);
        let certain =
            !matches!(kind, NetworkFaultKind::Unknown(..) | NetworkFaultKind::NoCard | NetworkFaultKind::Mac(_));
        if certain {
            notes.blocker(place(), message, remedy);
        } else {
            notes.warning(place(), message, remedy);
        }
    }
}

/// What is wrong in `line`, and what to do about it.
fn told(line: usize, kind: &NetworkFaultKind) -> (Text, Text) {
    let document = "cloud_init.network_config";
    match kind {
        NetworkFaultKind::NoVersion { old } => (
            text!("{document} has no version, so cloud-init does not apply it", document),
            text!("write version: {version} at its top", version = if *old { 1_u8 } else { 2 }),
        ),
        NetworkFaultKind::Version => (
            text!("version in line {line} of {document} is neither the number 1 nor 2", line, document),
            "write version: 2, without quotes".into(),
        ),
        NetworkFaultKind::Shape(name, wanted) => (
            text!(
                "{name} in line {line} of {document} must be {wanted}",
                name = Arg::quoted(name),
                line,
                document,
                wanted
            ),
            "see network-config in the documentation of cloud-init".into(),
        ),
        NetworkFaultKind::NoCard => (
            text!("{document} names no card, so the guest gets no network", document),
            "add ethernets: with a card, or leave the document out".into(),
        ),
        NetworkFaultKind::Unknown(name, near) => (
            text!(
                "{name} in line {line} of {document} is not part of version 2",
                name = Arg::quoted(name),
                line,
                document
            ),
            near.map_or_else(|| "remove it".into(), |near| text!("did you mean {near}?", near)),
        ),
        NetworkFaultKind::MacIsNumber(id) => (
            text!("the MAC address of {id} in line {line} of {document} is a number for YAML", id, line, document),
            "put it in quotes".into(),
        ),
        NetworkFaultKind::Mac(id) => (
            text!("the MAC address of {id} in line {line} of {document} is not one", id, line, document),
            "write six pairs in quotes, such as \"52:54:00:12:34:56\"".into(),
        ),
        NetworkFaultKind::SetNameAlone(id) => (
            text!("{id} in line {line} of {document} has set-name without match", id, line, document),
            "add match: with the card's macaddress".into(),
        ),
        NetworkFaultKind::NoPrefix(id, address) => (
            text!("address {address} of {id} in line {line} of {document} has no prefix", address, id, line, document),
            text!("write {address}/24, or the length that the network has", address),
        ),
    }
}

fn cards(subject: &Subject, notes: &mut Notes) {
    let Some(config) = config(subject).filter(|config| !config.cards.is_empty()) else { return };
    notes.looked();
    let interfaces = &subject.machine.interfaces;
    let fixed: Vec<MacAddr> =
        interfaces.iter().filter_map(|interface| interface.mac.as_deref()?.parse().ok()).collect();
    // Passed cards bring addresses of their own.
    let passes = subject.passed().next().is_some() || interfaces.iter().any(|interface| interface.passes);
    let lost = |card: &&NamedCard| card.mac.is_some_and(|mac| !fixed.contains(&mac) && !passes);
    for card in config.cards.iter().filter(lost) {
        let Some(mac) = card.mac else { continue };
        let NamedCard { id, line, .. } = card;
        let message = text!(
            "{id} in line {line} of cloud_init.network_config is for the card {mac}, which the VM does not have",
            id,
            line,
            mac
        );
        let remedy = match fixed.as_slice() {
            [] => text!("set networks[0].mac to {mac}", mac),
            all => text!("the VM has {all}", all = Arg::all(all)),
        };
        notes.warning(place(), message, remedy);
    }
    let named = config.cards.iter().filter(|card| card.mac.is_none() && !card.is_pattern);
    let named: Vec<&str> = named.map(|card| card.id.as_str()).collect();
    let count = config.cards.iter().filter(|card| !card.is_pattern).count();
    if count > interfaces.len() && !passes {
        let message = text!(
            "cloud_init.network_config names more cards ({count}) than the VM has ({have})",
            count,
            have = interfaces.len()
        );
        notes.warning(place(), message, "add the missing rows to networks, or remove those cards");
    } else if !named.is_empty() {
        let message = text!(
            "cloud_init.network_config finds {named} by name alone, which the guest's rules decide",
            named = Arg::all(named)
        );
        notes.info(
            place(),
            message,
            "match by macaddress, with the same address in networks[].mac, if the name is not certain",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    const PLACE: &str = "cloud_init.network_config";

    fn config(text: &str) -> Asked {
        let networks = json!([{"type": "user", "mac": "52:54:00:00:00:0a"}]);
        Asked::with(json!({"networks": networks, "cloud_init": {"user": "a", "network_config": text}}))
    }

    #[test]
    fn a_document_without_a_version_is_refused() {
        let want = "cloud_init.network_config has no version, so cloud-init does not apply it";
        config("ethernets:\n  enp1s0:\n    dhcp4: true\n").blocks("CLOUD-NETWORK", PLACE, want);
        let remedy = |text: &str| config(text).said("CLOUD-NETWORK").blocker().remedy;
        assert_eq!(remedy("ethernets: {a: {}}"), "write version: 2 at its top");
        assert_eq!(remedy("config: [{type: physical, name: eth0}]"), "write version: 1 at its top");
        assert_eq!(remedy("version: '2'\nethernets: {a: {}}"), "write version: 2, without quotes");
        config("version: 2\nethernets: {a: {dhcp4: true}}").passes("CLOUD-NETWORK");
        config("network: {config: disabled}").said("CLOUD-NETWORK").info();
        config("version: 2").said("CLOUD-NETWORK").warning();
        let want = "the MAC address of a in line 2 of cloud_init.network_config is a number for YAML";
        let text = "version: 2\nethernets: {a: {match: {macaddress: 52:54:00:12:34:56}}}";
        config(text).blocks("CLOUD-NETWORK", PLACE, want);
    }

    #[test]
    fn a_card_is_one_of_the_vm() {
        let by_mac = |mac: &str| format!("version: 2\nethernets:\n  lan:\n    match: {{macaddress: '{mac}'}}\n");
        config(&by_mac("52:54:00:00:00:0A")).passes("CLOUD-CARD");
        let want =
            "lan in line 3 of cloud_init.network_config is for the card 52:54:00:00:00:0b, which the VM does not have";
        let said = config(&by_mac("52:54:00:00:00:0b"));
        said.warns("CLOUD-CARD", PLACE, want);
        assert_eq!(said.said("CLOUD-CARD").remedy, "the VM has 52:54:00:00:00:0a");
        let want = "cloud_init.network_config names more cards (2) than the VM has (1)";
        config("version: 2\nethernets: {a: {dhcp4: true}, b: {dhcp4: true}}").warns("CLOUD-CARD", PLACE, want);
        config("version: 2\nethernets: {enp1s0: {dhcp4: true}}").said("CLOUD-CARD").info();
        config("version: 2\nethernets: {all: {match: {name: e*}, dhcp4: true}}").passes("CLOUD-CARD");
    }
}
