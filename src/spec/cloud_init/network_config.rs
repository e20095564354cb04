//! The network-config document as cloud-init takes it: its version, and the cards that it names.

use crate::spec::yaml::{YamlNode, YamlValue};
use crate::units::MacAddr;

/// What a network-config document says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkConfig {
    /// All of it is within a member `network`, which only newer cloud-inits take off.
    pub is_wrapped: bool,
    /// It switches the set-up of networks off.
    pub is_off: bool,
    /// The cards that it names.
    pub cards: Vec<NamedCard>,
    /// What cloud-init or the guest's network service cannot take.
    pub faults: Vec<NetworkFault>,
}

/// A card that the document names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedCard {
    /// Its name in the document.
    pub id: String,
    /// The line that it begins in.
    pub line: usize,
    /// The address by which it is found.
    pub mac: Option<MacAddr>,
    /// A pattern by which several can be found.
    pub is_pattern: bool,
}

/// One thing that does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFault {
    /// The line.
    pub line: usize,
    /// What it is.
    pub kind: NetworkFaultKind,
}

/// What can be wrong with a network-config document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkFaultKind {
    /// It has no `version`; `old`: what it has is of version 1.
    NoVersion {
        /// What it has is of version 1.
        old: bool,
    },
    /// The version is neither the number 1 nor the number 2.
    Version,
    /// A member has to be something else: its name, and what it has to be.
    Shape(String, &'static str),
    /// It names no card.
    NoCard,
    /// A member that version 2 does not have, with one that is nearly called so.
    Unknown(String, Option<&'static str>),
    /// The address of the card is a number to the base 60 for YAML.
    MacIsNumber(String),
    /// The address of the card cannot be read.
    Mac(String),
    /// A card is renamed that is not matched.
    SetNameAlone(String),
    /// An address lacks the length of its prefix: the card, and the address.
    NoPrefix(String, String),
}

/// What `root` says. `root` is a mapping.
pub fn read(root: &YamlNode) -> NetworkConfig {
    let inner = root.get("network").filter(|inner| !inner.members().is_empty());
    let document = inner.unwrap_or(root);
    let mut config = NetworkConfig { is_wrapped: inner.is_some(), ..NetworkConfig::default() };
    if document.get("config").and_then(YamlNode::text) == Some("disabled") {
        config.is_off = true;
        return config;
    }
    match document.get("version").map(|version| &version.value) {
        Some(YamlValue::Number(number)) if number == "1" => config.version_1(document),
        Some(YamlValue::Number(number)) if number == "2" => config.version_2(document),
        Some(_) => config.fault(document.get("version").map_or(1, |version| version.line), NetworkFaultKind::Version),
        None => config.fault(document.line, NetworkFaultKind::NoVersion { old: document.get("config").is_some() }),
    }
    config
}

/// What version 2 has at its top.
const MEMBERS: [&str; 13] = [
    "version",
    "renderer",
    "ethernets",
    "bonds",
    "bridges",
    "vlans",
    "wifis",
    "modems",
    "tunnels",
    "vrfs",
    "dummy-devices",
    "virtual-ethernets",
    "openvswitch",
];

impl NetworkConfig {
    fn fault(&mut self, line: usize, kind: NetworkFaultKind) {
        self.faults.push(NetworkFault { line, kind });
    }

    fn version_1(&mut self, document: &YamlNode) {
        let Some(config) = document.get("config").filter(|config| !config.items().is_empty()) else {
            return self.fault(document.line, NetworkFaultKind::Shape("config".into(), "a list"));
        };
        for device in config.items() {
            let text = |key: &str| device.get(key).and_then(YamlNode::text);
            if text("type") != Some("physical") {
                continue;
            }
            let id = text("name").unwrap_or_default().to_owned();
            let mac = self.mac(&id, device.get("mac_address"));
            self.cards.push(NamedCard { id, line: device.line, mac, is_pattern: false });
        }
    }

    fn version_2(&mut self, document: &YamlNode) {
        for (name, member) in document.named() {
            if !MEMBERS.contains(&name) {
                let near = crate::spec::suggest::nearest(name, MEMBERS);
                self.fault(member.line, NetworkFaultKind::Unknown(name.to_owned(), near));
            }
        }
        let devices = ["ethernets", "bonds", "bridges", "vlans", "wifis"];
        for (name, member) in devices.iter().filter_map(|name| Some((*name, document.get(name)?))) {
            if member.members().is_empty() && member.is_set() {
                self.fault(member.line, NetworkFaultKind::Shape(name.into(), "a mapping"));
            }
            for (key, device) in member.members() {
                self.device(name == "ethernets", key, device);
            }
        }
        if devices.iter().all(|name| document.get(name).is_none_or(|member| !member.is_set())) {
            self.fault(document.line, NetworkFaultKind::NoCard);
        }
    }

    fn device(&mut self, is_card: bool, key: &YamlNode, device: &YamlNode) {
        let (Some(id), line) = (key.text(), key.line) else { return };
        if device.members().is_empty() && device.is_set() {
            return self.fault(line, NetworkFaultKind::Shape(id.to_owned(), "a mapping"));
        }
        for address in device.get("addresses").iter().flat_map(|addresses| addresses.items()) {
            // A mapping has the address as its key, with settings of it.
            let text = address.text().or_else(|| address.named().next().map(|(key, _)| key));
            if let Some(text) = text.filter(|text| !text.contains('/')) {
                self.fault(address.line, NetworkFaultKind::NoPrefix(id.to_owned(), text.to_owned()));
            }
        }
        if !is_card {
            return;
        }
        let matched = device.get("match").filter(|matched| matched.is_set());
        if matched.is_none() && device.get("set-name").is_some() {
            self.fault(line, NetworkFaultKind::SetNameAlone(id.to_owned()));
        }
        let mac = self.mac(id, matched.and_then(|matched| matched.get("macaddress")));
        let pattern = |key: &str| matched.and_then(|matched| matched.get(key)).is_some();
        let is_pattern = pattern("name") || pattern("driver");
        self.cards.push(NamedCard { id: id.to_owned(), line, mac, is_pattern });
    }

    fn mac(&mut self, id: &str, node: Option<&YamlNode>) -> Option<MacAddr> {
        let node = node?;
        if let YamlValue::Number(number) = &node.value
            && number.contains(':')
        {
            self.fault(node.line, NetworkFaultKind::MacIsNumber(id.to_owned()));
            return number.parse().ok();
        }
        let read = node.text().and_then(|text| text.parse().ok());
        if read.is_none() {
            self.fault(node.line, NetworkFaultKind::Mac(id.to_owned()));
        }
        read
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::spec::yaml;

    fn of(text: &str) -> NetworkConfig {
        read(&yaml::read(text).unwrap())
    }

    fn faults(text: &str) -> Vec<NetworkFaultKind> {
        of(text).faults.into_iter().map(|fault| fault.kind).collect()
    }

    #[test]
    fn a_version_is_the_number_1_or_2() {
        assert_eq!(faults("ethernets: {a: {dhcp4: true}}"), [NetworkFaultKind::NoVersion { old: false }]);
        assert_eq!(faults("config: [{type: physical}]"), [NetworkFaultKind::NoVersion { old: true }]);
        assert_eq!(faults("version: '2'\nethernets: {a: {}}"), [NetworkFaultKind::Version]);
        assert_eq!(faults("version: 3"), [NetworkFaultKind::Version]);
        assert_eq!(faults("network: {version: 2, ethernets: {a: {dhcp4: true}}}"), []);
        assert!(of("network: {version: 2, ethernets: {a: {dhcp4: true}}}").is_wrapped);
        assert!(of("network: {config: disabled}").is_off);
    }

    #[test]
    fn cards_are_named_with_what_finds_them() {
        let config = of(
            "version: 2\nethernets:\n  lan:\n    match: {macaddress: '52:54:00:00:00:0A'}\n  e: {match: {name: e*}}\n",
        );
        assert_eq!((config.cards[0].id.as_str(), config.cards[0].line), ("lan", 3));
        assert_eq!(config.cards[0].mac.unwrap().to_string(), "52:54:00:00:00:0a");
        assert!(config.cards[1].is_pattern && config.faults.is_empty());
        let old = of(
            "version: 1\nconfig:\n- {type: physical, name: eth0, mac_address: '52:54:00:00:00:0a'}\n- {type: nameserver}\n",
        );
        assert_eq!((old.cards.len(), old.faults.len()), (1, 0));
    }

    #[test]
    fn what_the_guest_cannot_take_is_found() {
        use NetworkFaultKind::{Mac, MacIsNumber, NoCard, NoPrefix, SetNameAlone, Shape, Unknown};
        assert_eq!(faults("version: 2"), [NoCard]);
        assert_eq!(faults("version: 1"), [Shape("config".into(), "a list")]);
        assert_eq!(
            faults("version: 2\nethernet: {a: {dhcp4: true}}"),
            [Unknown("ethernet".into(), Some("ethernets")), NoCard]
        );
        assert_eq!(faults("version: 2\nethernets: [a]"), [Shape("ethernets".into(), "a mapping")]);
        let card = |text: &str| faults(&format!("version: 2\nethernets:\n  a: {{{text}}}\n"));
        assert_eq!(card("match: {macaddress: 52:54:00:12:34:56}"), [MacIsNumber("a".into())]);
        assert_eq!(card("match: {macaddress: '52:54'}"), [Mac("a".into())]);
        assert_eq!(card("set-name: eth0"), [SetNameAlone("a".into())]);
        assert_eq!(card("addresses: [10.0.0.5]"), [NoPrefix("a".into(), "10.0.0.5".into())]);
        assert_eq!(card("addresses: [10.0.0.5/24, {'10.0.0.6/24': {label: b}}]"), []);
    }
}
