//! The host's own use of its network devices: interfaces with what lies below them, routes, sessions of SSH.

use super::Fact;
use crate::units::PciAddress;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The host's own use of its network devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Networking {
    /// Interfaces by name, the loopback left out.
    pub interfaces: Vec<HostInterface>,
    /// Routes of both families.
    pub routes: Fact<Vec<Route>>,
    /// Sessions of SSH that reach this host, the one of whoever asks first.
    pub ssh: Fact<Vec<SshSession>>,
}

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostInterface {
    /// Name.
    pub name: String,
    /// MAC address, where it has one.
    pub mac: Option<String>,
    /// State: up, down, unknown, ...
    pub state: String,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
    /// Interfaces that it lies on: ports of a bridge, members of a bond, the parent of a VLAN.
    pub below: Vec<String>,
    /// PCI function that it hangs on; `None` for what exists in software only.
    pub function: Option<PciAddress>,
    /// True where it is reached over USB.
    pub usb: bool,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Network that it leads to.
    pub network: IpAddr,
    /// Length of the network's prefix; 0 for the default route.
    pub prefix: u8,
    /// True where it leads through a gateway.
    pub gateway: bool,
    /// Interface that it leaves by.
    pub interface: String,
}

/// One session of SSH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SshSession {
    /// Address on the far side.
    pub client: IpAddr,
    /// Address on this host.
    pub server: IpAddr,
    /// True for the session of whoever asks.
    pub own: bool,
}

impl Route {
    /// True where it leads to `address`.
    pub fn leads_to(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let ((network, width), (address, other)) = (bits(self.network), bits(address));
        let rest = 128 - u32::from(self.prefix).min(width);
        width == other && network.checked_shr(rest) == address.checked_shr(rest)
    }
}

impl HostInterface {
    /// True where it has an address that others can reach.
    pub fn has_routable_address(&self) -> bool {
        self.addresses.iter().any(|address| match address {
            IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
        })
    }
}

impl Networking {
    /// The interface `name`.
    pub fn interface(&self, name: &str) -> Option<&HostInterface> {
        self.interfaces.iter().find(|interface| interface.name == name)
    }

    /// `name` and every interface below it.
    pub fn beneath(&self, name: &str) -> Vec<&HostInterface> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            let Some(interface) = self.interface(name) else { continue };
            if seen.insert(&interface.name) {
                found.push(interface);
                open.extend(interface.below.iter().map(String::as_str));
            }
        }
        found
    }

    /// PCI functions that `name` lies on.
    pub fn functions(&self, name: &str) -> BTreeSet<PciAddress> {
        self.beneath(name).into_iter().filter_map(|interface| interface.function).collect()
    }

    /// Names of the interfaces by which default routes leave.
    pub fn default_interfaces(&self) -> BTreeSet<&str> {
        let routes = self.routes.items().iter().filter(|route| route.prefix == 0);
        routes.map(|route| route.interface.as_str()).collect()
    }

    /// Names of the interfaces by which packets to `address` leave.
    pub fn interfaces_to(&self, address: IpAddr) -> BTreeSet<&str> {
        let toward = self.routes.items().iter().filter(|route| route.leads_to(address));
        let longest = toward.clone().map(|route| route.prefix).max();
        toward.filter(|route| Some(route.prefix) == longest).map(|route| route.interface.as_str()).collect()
    }

    /// Names of the interfaces that packets of a session use: the one with this host's address, and those by which
    /// answers leave.
    pub fn interfaces_of(&self, session: &SshSession) -> BTreeSet<&str> {
        let holders = self.interfaces.iter().filter(|interface| interface.addresses.contains(&session.server));
        holders.map(|interface| interface.name.as_str()).chain(self.interfaces_to(session.client)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn route(network: &str, prefix: u8) -> Route {
        Route { network: network.parse().unwrap(), prefix, gateway: false, interface: "eth0".into() }
    }

    #[test]
    fn a_route_leads_to_its_network_and_to_no_other_family() {
        let leads = |network, prefix, to: &str| route(network, prefix).leads_to(to.parse().unwrap());
        assert!(leads("192.168.1.0", 24, "192.168.1.77") && !leads("192.168.1.0", 24, "192.168.2.1"));
        assert!(leads("0.0.0.0", 0, "8.8.8.8") && !leads("0.0.0.0", 0, "2001:db8::1"));
        assert!(leads("2001:db8::", 32, "2001:db8:7::1") && !leads("2001:db8::", 128, "2001:db8::1"));
        assert!(leads("::", 0, "2001:db8::1") && leads("10.0.0.1", 32, "10.0.0.1"));
    }
}
