//! Sessions of SSH that reach this host: the own one by its environment, all of them by their connections.

use super::attribute::{failed, known};
use crate::facts::Fact;
use crate::facts::networking::SshSession;
use crate::host::Sysroot;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const CONNECTIONS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
const SERVER: &str = "/etc/ssh/sshd_config";
const SERVER_MORE: &str = "/etc/ssh/sshd_config.d";
/// A chain of shells is not longer.
const MOST_ANCESTORS: usize = 64;
const ESTABLISHED: &str = "01";

/// Sessions, the own one first. `own` has the form of SSH_CONNECTION: `client port server port`. sudo and screens that
/// outlive a session hide it, so that every established session counts.
pub(super) fn sessions(sysroot: &Sysroot, own: Option<&str>) -> Fact<Vec<SshSession>> {
    let own = own.and_then(session);
    let mut ports = ports(sysroot);
    ports.extend(own.map(|(_, port)| port));
    let mut sessions: Vec<SshSession> = own.into_iter().map(|(session, _)| session).collect();
    let mut seen = false;
    let mut why = Fact::default();
    for path in CONNECTIONS {
        let text = match sysroot.read(path) {
            Ok(text) => text,
            Err(error) => {
                why = failed(path, &error);
                continue;
            }
        };
        seen = true;
        for other in text.lines().skip(1).filter_map(|line| connection(line, &ports)) {
            if !sessions.iter().any(|known| (known.client, known.server) == (other.client, other.server)) {
                sessions.push(other);
            }
        }
    }
    if seen || !sessions.is_empty() { known(sessions, CONNECTIONS.join(", ")) } else { why }
}

/// The variable of the closest process above this one that has it: sudo hides it from those that it starts, not from who
/// may look at those above.
pub(super) fn inherited(sysroot: &Sysroot) -> Option<String> {
    let mut process = String::from("self");
    for _ in 0..MOST_ANCESTORS {
        let environment = sysroot.bytes(&format!("/proc/{process}/environ")).unwrap_or_default();
        let variables = environment.split(|byte| *byte == 0);
        if let Some(value) = variables.into_iter().find_map(|variable| variable.strip_prefix(b"SSH_CONNECTION=")) {
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        let status = sysroot.read(&format!("/proc/{process}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim();
        if parent == "0" {
            return None;
        }
        parent.clone_into(&mut process);
    }
    None
}

/// The session and the port of the server.
fn session(text: &str) -> Option<(SshSession, u16)> {
    let mut words = text.split_whitespace();
    // A link-local address may name its interface.
    let mut address = || words.next()?.split('%').next()?.parse().ok().map(plain).zip(words.next()?.parse().ok());
    let ((client, _), (server, port)): ((IpAddr, u16), (IpAddr, u16)) = (address()?, address()?);
    Some((SshSession { client, server, own: true }, port))
}

/// Ports that the server of SSH listens at.
fn ports(sysroot: &Sysroot) -> Vec<u16> {
    let more = sysroot.conf_names(SERVER_MORE).into_iter().map(|name| format!("{SERVER_MORE}/{name}"));
    let texts = std::iter::once(SERVER.to_owned()).chain(more).filter_map(|path| sysroot.read(&path).ok());
    let mut ports: Vec<u16> = texts.flat_map(|text| text.lines().filter_map(port).collect::<Vec<_>>()).collect();
    if ports.is_empty() {
        ports.push(22);
    }
    ports
}

/// `Port 2222`, in any case.
fn port(line: &str) -> Option<u16> {
    let mut words = line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
    words.next()?.eq_ignore_ascii_case("port").then(|| words.next()?.parse().ok())?
}

/// `0: 020200C0:0016 010200C0:C350 01 ...`, if it is established at one of `ports`.
fn connection(line: &str, ports: &[u16]) -> Option<SshSession> {
    let mut words = line.split_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    let ((server, port), (client, _)) = (end(local)?, end(remote)?);
    (state == ESTABLISHED && ports.contains(&port)).then_some(SshSession { client, server, own: false })
}

/// Address in the order of the bytes in memory, word by word, and port.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = u32::from_str_radix(address.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let address = if address.len() == 8 {
        IpAddr::V4(Ipv4Addr::from(word(0)?))
    } else {
        let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
        IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))
    };
    Some((plain(address), port))
}

/// An address of IPv4 that a socket of IPv6 shows is one of IPv4.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_own_session_is_what_the_environment_says() {
        let (own, port) = session("192.0.2.9 50000 192.0.2.2 22").unwrap();
        assert_eq!((own.server, own.own, port), (IpAddr::from([192, 0, 2, 2]), true, 22));
        let (own, _) = session("fe80::1%eth0 50000 fe80::2%eth0 2222").unwrap();
        assert_eq!(own.server, "fe80::2".parse::<IpAddr>().unwrap());
        assert!(session("").is_none() && session("192.0.2.9 50000").is_none());
    }

    #[test]
    fn connections_count_when_they_are_established_at_a_port_of_the_server() {
        let line = "   3: 020200C0:0016 090200C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 1 1";
        let found = connection(line, &[22]).unwrap();
        assert_eq!((found.client, found.server), (IpAddr::from([192, 0, 2, 9]), IpAddr::from([192, 0, 2, 2])));
        assert!(connection(line, &[2222]).is_none());
        assert!(connection(&line.replace(" 01 ", " 0A "), &[22]).is_none());
        let mapped = "0: 0000000000000000FFFF0000020200C0:0016 0000000000000000FFFF0000090200C0:C350 01";
        assert_eq!(connection(mapped, &[22]).unwrap().server, IpAddr::from([192, 0, 2, 2]));
    }

    #[test]
    fn the_server_may_listen_elsewhere() {
        assert_eq!(["Port 2222", "  port=22", "#Port 1", "PortX 3"].map(port), [Some(2222), Some(22), None, None]);
    }
}
