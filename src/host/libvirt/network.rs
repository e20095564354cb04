//! Networks of libvirt, and bridges of a host whose files cannot be read.

use super::Connection;
use super::error::calling;
use super::xml;
use crate::facts::{Bridge, LibvirtNetwork};
use crate::host::HostError;
use roxmltree::Node;
use std::collections::HashSet;
use virt::network::Network as Handle;
use virt::sys;

impl Connection {
    /// All networks, by name.
    pub fn networks(&self) -> Result<Vec<LibvirtNetwork>, HostError> {
        let list = |flags| self.inner().list_all_networks(flags).map_err(|error| calling("list networks", &error));
        let names = |networks: &[Handle]| networks.iter().filter_map(|it| it.name().ok()).collect::<HashSet<_>>();
        let [active, autostart, all] =
            self.lists([sys::VIR_CONNECT_LIST_NETWORKS_ACTIVE, sys::VIR_CONNECT_LIST_NETWORKS_AUTOSTART, 0], list)?;
        let (active, autostart) = (names(&active), names(&autostart));
        // One that vanished since the list was made is no network.
        let told = self.each(&all, |network| network.xml_desc(0).ok().map(|text| read(&text, &active, &autostart)));
        let mut networks = told.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
        networks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(networks)
    }

    /// Bridges, as far as libvirt's interface driver tells.
    pub fn bridges(&self) -> Result<Vec<Bridge>, HostError> {
        let failed = |error| calling("list the host's interfaces", &error);
        let interfaces = self.inner().list_all_interfaces(0).map_err(failed)?;
        let is_bridge = |text: &str| {
            xml::parse("interface", text)
                .is_ok_and(|document| document.root_element().attribute("type") == Some("bridge"))
        };
        let names = self.each(&interfaces, |interface| {
            let bridge = interface.xml_desc(0).is_ok_and(|text| is_bridge(&text));
            bridge.then(|| interface.name().ok()).flatten()
        });
        let mut names: Vec<_> = names.into_iter().flatten().collect();
        names.sort_unstable();
        Ok(names.into_iter().map(|name| Bridge { name, network: None }).collect())
    }
}

fn read(text: &str, active: &HashSet<String>, autostart: &HashSet<String>) -> Result<LibvirtNetwork, HostError> {
    let document = xml::parse("network", text)?;
    let root = document.root_element();
    let name = xml::text(root, &["name"]).unwrap_or_default();
    let forward = xml::child(root, "forward").map(|forward| forward.attribute("mode").unwrap_or("nat").to_owned());
    Ok(LibvirtNetwork {
        active: active.contains(&name),
        autostart: autostart.contains(&name),
        bridge: xml::attribute(root, &["bridge"], "name"),
        interfaces: xml::child(root, "forward").map(interfaces).unwrap_or_default(),
        virtual_port: xml::attribute(root, &["virtualport"], "type"),
        forward,
        name,
    })
}

/// The host interfaces of a `<forward>`: a list, or the one that is named first.
fn interfaces(forward: Node<'_, '_>) -> Vec<String> {
    let listed: Vec<_> = xml::children(forward, "interface").filter_map(|it| it.attribute("dev")).collect();
    let first = forward.attribute("dev").filter(|_| listed.is_empty());
    listed.into_iter().chain(first).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_network_tells_its_bridge_and_how_it_reaches_the_world() {
        let text = "<network><name>default</name><forward><nat/></forward><bridge name='virbr0' stp='on'/></network>";
        let known = HashSet::from(["default".to_owned()]);
        let network = read(text, &known, &HashSet::new()).unwrap();
        assert_eq!((network.bridge.as_deref(), network.forward.as_deref()), (Some("virbr0"), Some("nat")));
        assert!(network.active && !network.autostart);
        let joined =
            "<network><name>lan</name><forward dev='eno1' mode='bridge'><interface dev='eno1'/><interface dev='eno2'/>
            </forward><virtualport type='openvswitch'/></network>";
        let network = read(joined, &known, &known).unwrap();
        assert_eq!((network.interfaces.len(), network.virtual_port.as_deref()), (2, Some("openvswitch")));
        assert_eq!(read("<network><name>lab</name></network>", &known, &known).unwrap().forward, None);
    }
}
