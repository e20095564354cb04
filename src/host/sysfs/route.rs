//! The kernel's routes of both families.

use super::attribute::{failed, known};
use crate::facts::Fact;
use crate::facts::networking::Route;
use crate::host::Sysroot;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ROUTES: &str = "/proc/net/route";
const ROUTES_6: &str = "/proc/net/ipv6_route";

/// The kernel's flags of a route.
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;
/// Of IPv6: an address of the host itself, or one that several hosts share.
const NOT_AWAY: u32 = 0x8010_0000;

/// Routes that lead out of the host.
pub(super) fn read(sysroot: &Sysroot) -> Fact<Vec<Route>> {
    let text = match sysroot.read(ROUTES) {
        Ok(text) => text,
        Err(error) => return failed(ROUTES, &error),
    };
    // A kernel without IPv6 has no file for it.
    let more = sysroot.read(ROUTES_6).unwrap_or_default();
    known(text.lines().skip(1).filter_map(route).chain(more.lines().filter_map(route_6)).collect(), ROUTES)
}

/// `eth0 000200C0 00000000 0001 0 0 0 00FFFFFF ...`, addresses in the order of the bytes in memory.
fn route(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| words.get(at).and_then(|word| u32::from_str_radix(word, 16).ok());
    let address = |at: usize| number(at).map(|number| Ipv4Addr::from(number.to_ne_bytes()));
    let flags = number(3)?;
    (flags & UP != 0 && flags & REJECT == 0).then_some(())?;
    Some(Route {
        network: IpAddr::V4(address(1)?),
        prefix: u8::try_from(address(7)?.to_bits().leading_ones()).ok()?,
        gateway: flags & GATEWAY != 0,
        interface: (*words.first()?).to_owned(),
    })
}

/// `network prefix source prefix gateway metric references uses flags interface`, all hexadecimal but the last.
fn route_6(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let flags = u32::from_str_radix(words.get(8)?, 16).ok()?;
    let interface = *words.get(9)?;
    let network = Ipv6Addr::from_bits(u128::from_str_radix(words.first()?, 16).ok()?);
    let away = flags & UP != 0 && flags & (REJECT | NOT_AWAY) == 0 && interface != "lo" && !network.is_multicast();
    away.then_some(Route {
        network: IpAddr::V6(network),
        prefix: u8::from_str_radix(words.get(1)?, 16).ok()?,
        gateway: flags & GATEWAY != 0,
        interface: interface.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn routes_of_both_families_are_read() {
        let default = route("eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0").unwrap();
        assert_eq!((default.prefix, default.gateway, default.interface.as_str()), (0, true, "eth0"));
        let direct = route("br0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0").unwrap();
        assert_eq!((direct.network, direct.prefix), (IpAddr::from([192, 0, 2, 0]), 24));
        let zeros = "0".repeat(32);
        let line = |flags, interface| format!("{zeros} 00 {zeros} 00 {zeros} 00000400 1 0 {flags} {interface}");
        let default = route_6(&line("00000003", "eth1")).unwrap();
        assert_eq!((default.prefix, default.network), (0, IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
        assert!(route_6(&line("00200200", "lo")).is_none(), "the route that refuses is none");
    }
}
