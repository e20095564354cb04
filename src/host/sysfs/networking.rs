//! The host's own use of its network devices: interfaces with their addresses, routes, sessions of SSH.

use super::attribute::known;
use super::block::is_usb_bus;
use super::pci_details::pci_path;
use super::{route, ssh};
use crate::facts::Fact;
use crate::facts::networking::{HostInterface, Networking, Route};
use crate::host::Sysroot;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const INTERFACES: &str = "/sys/class/net";
const TRIE: &str = "/proc/net/fib_trie";
const ADDRESSES: &str = "/proc/net/if_inet6";
const VLANS: &str = "/proc/net/vlan/config";
/// The switch of Open vSwitch, which all its ports lie in.
const SWITCH: &str = "ovs-system";

/// The host's network; `own` is the session of whoever asks, as SSH_CONNECTION tells it.
pub fn read(sysroot: &Sysroot, own: Option<&str>) -> Fact<Networking> {
    if !sysroot.exists(INTERFACES) {
        return Fact::unknown(format!("There is no {INTERFACES}."));
    }
    let routes = route::read(sysroot);
    let vlans = vlans(sysroot);
    let mut interfaces: Vec<_> = sysroot
        .names(INTERFACES)
        .into_iter()
        .filter(|name| name != "lo" && name != "bonding_masters")
        .map(|name| interface(sysroot, name, &vlans))
        .collect();
    give_addresses(sysroot, &mut interfaces, routes.items());
    lay_on_switch(sysroot, &mut interfaces);
    let own = own.map(str::to_owned).or_else(|| ssh::inherited(sysroot));
    let ssh = ssh::sessions(sysroot, own.as_deref());
    known(Networking { interfaces, routes, ssh }, INTERFACES)
}

fn interface(sysroot: &Sysroot, name: String, vlans: &BTreeMap<String, String>) -> HostInterface {
    let folder = format!("{INTERFACES}/{name}");
    let place = sysroot.link(&folder).unwrap_or_default();
    let text = |file: &str| sysroot.read(&format!("{folder}/{file}")).ok().map(|text| text.trim().to_owned());
    let mut below: Vec<String> =
        sysroot.names(&folder).iter().filter_map(|entry| entry.strip_prefix("lower_").map(str::to_owned)).collect();
    // Where the kernel does not link them, the kinds of interfaces tell it each in its own way.
    below.extend(sysroot.names(&format!("{folder}/brif")));
    below.extend(text("bonding/slaves").iter().flat_map(|names| names.split_whitespace()).map(str::to_owned));
    below.extend(vlans.get(&name).cloned());
    below.sort_unstable();
    below.dedup();
    HostInterface {
        mac: text("address").filter(|mac| !mac.is_empty() && mac != "00:00:00:00:00:00"),
        state: text("operstate").unwrap_or_else(|| "unknown".into()),
        addresses: Vec::new(),
        below,
        function: pci_path(&place).last().copied(),
        usb: place.split('/').any(is_usb_bus),
        name,
    }
}

/// Parents of VLANs by the VLANs' names: `eth0.10  | 10  | eth0`, below two lines of heading.
fn vlans(sysroot: &Sysroot) -> BTreeMap<String, String> {
    let text = sysroot.read(VLANS).unwrap_or_default();
    let rows = text.lines().skip(2).filter_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        Some((columns.next()?.to_owned(), columns.nth(1)?.to_owned()))
    });
    rows.collect()
}

/// IPv6 tells the interface of an address; for IPv4 it is the one whose own network the address lies in.
fn give_addresses(sysroot: &Sysroot, interfaces: &mut [HostInterface], routes: &[Route]) {
    let text = sysroot.read(TRIE).unwrap_or_default();
    for address in local_addresses(&text) {
        let mut owners = owners(address, routes);
        if owners.is_empty() {
            // An address without a network of its own is reached by way of the default route.
            owners = routes.iter().filter(|route| route.prefix == 0 && route.network.is_ipv4()).collect();
        }
        for interface in interfaces.iter_mut() {
            if owners.iter().any(|route| route.interface == interface.name) {
                interface.addresses.push(address);
            }
        }
    }
    for (name, address) in sysroot.read(ADDRESSES).unwrap_or_default().lines().filter_map(inet6) {
        if let Some(interface) = interfaces.iter_mut().find(|interface| interface.name == name) {
            interface.addresses.push(address);
        }
    }
}

/// The routes without a gateway that lead to `address` the closest.
fn owners(address: IpAddr, routes: &[Route]) -> Vec<&Route> {
    let direct = routes.iter().filter(|route| !route.gateway && route.prefix > 0 && route.leads_to(address));
    let closest = direct.clone().map(|route| route.prefix).max();
    direct.filter(|route| Some(route.prefix) == closest).collect()
}

/// The host's addresses in the kernel's table: `|-- 192.0.2.2` with `/32 host LOCAL` below it.
fn local_addresses(text: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut leaf = None;
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = leaf.filter(|address| !address.is_loopback()).map(IpAddr::V4)
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// `fe80000000000000021b21fffe000001 02 40 20 80     eth0`.
fn inet6(line: &str) -> Option<(&str, IpAddr)> {
    let mut words = line.split_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    Some((words.nth(4)?, IpAddr::V6(Ipv6Addr::from_bits(address))))
}

/// A bridge of Open vSwitch names no ports; it shares the switch with all of them.
fn lay_on_switch(sysroot: &Sysroot, interfaces: &mut [HostInterface]) {
    if !interfaces.iter().any(|interface| interface.name == SWITCH) {
        return;
    }
    for interface in interfaces {
        let folder = format!("{INTERFACES}/{}", interface.name);
        let typed = sysroot.read(&format!("{folder}/uevent")).is_ok_and(|text| text.contains("DEVTYPE="));
        let alone = interface.function.is_none() && interface.below.is_empty() && interface.name != SWITCH;
        if alone && !typed && !interface.addresses.is_empty() && !sysroot.exists(&format!("{folder}/tun_flags")) {
            interface.below.push(SWITCH.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_leaves_of_the_table_once_each() {
        let text = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.0\n        \
                    /24 link UNICAST\n     |-- 192.0.2.2\n        /32 host LOCAL\nLocal:\n     |-- 192.0.2.2\n        \
                    /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(local_addresses(text), [IpAddr::from([192, 0, 2, 2])]);
    }

    #[test]
    fn addresses_of_ipv6_name_their_interface() {
        let line = "fd000000000000000000000000000002 04 40 00 82     eth0";
        let address = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
        assert_eq!(inet6(line), Some(("eth0", IpAddr::V6(address))));
        assert_eq!(inet6("zz"), None);
    }
}
