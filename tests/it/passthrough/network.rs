//! Routes, addresses and sessions of SSH traced to network cards.

use super::{facts_of, uses_of};
use crate::support::tree::Tree;
use std::collections::BTreeSet;
use vmbuild::facts::Use;
use vmbuild::facts::networking::SshSession;

/// Two ports in a bond, a VLAN on it, a bridge on that with the address 192.0.2.2.
fn bridge() -> Tree {
    let virtual_net = "/sys/devices/virtual/net";
    Tree::new()
        .function("pci0000:00/0000:00:1c.0/0000:05:00.0", "20000", &[])
        .function("pci0000:00/0000:00:1c.0/0000:05:00.1", "20000", &[])
        .function("pci0000:00/0000:00:1c.1/0000:06:00.0", "20000", &[])
        .interface("pci0000:00/0000:00:1c.0/0000:05:00.0/net/eno1")
        .interface("pci0000:00/0000:00:1c.0/0000:05:00.1/net/eno2")
        .interface("pci0000:00/0000:00:1c.1/0000:06:00.0/net/eno3")
        .interface("virtual/net/bond0")
        .file(&format!("{virtual_net}/bond0/bonding/slaves"), "eno1 eno2\n")
        .interface("virtual/net/bond0.10")
        .interface("virtual/net/br0")
        .folder(&format!("{virtual_net}/br0/brif/bond0.10"))
        .file("/sys/class/net/bonding_masters", "bond0\n")
        .file(
            "/proc/net/vlan/config",
            "VLAN Dev name    | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\nbond0.10       | 10  | bond0\n",
        )
        .file(
            "/proc/net/route",
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
             br0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             br0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
             eno3\t006433C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
        )
        .file(
            "/proc/net/fib_trie",
            "Main:\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 198.51.100.2\n        /32 host LOCAL\n",
        )
        .file("/proc/net/if_inet6", "20010db8000000000000000000000002 05 40 00 80     eno3\n")
        .file("/proc/net/tcp", "  sl  local_address rem_address   st\n")
}

#[test]
fn the_default_route_and_the_own_session_are_traced_through_bridge_vlan_and_bond() {
    let facts = facts_of(&bridge(), Some("203.0.113.9 50000 192.0.2.2 22"));
    let expected = BTreeSet::from([
        Use::OwnSession { interface: "br0".into(), address: "192.0.2.2".parse().unwrap() },
        Use::DefaultRoute { interface: "br0".into() },
        Use::Addresses { interface: "br0".into() },
    ]);
    assert_eq!(uses_of(&facts, "05:00.0"), expected, "each member of the bond");
    assert_eq!(uses_of(&facts, "05:00.1"), expected);
    assert_eq!(uses_of(&facts, "06:00.0"), [Use::Addresses { interface: "eno3".into() }].into());
}

#[test]
fn without_an_environment_every_session_counts() {
    let connection = "   0: 026433C6:0016 096433C6:C350 01 00000000:00000000 00:00000000 00000000\n";
    let tree = bridge().file("/proc/net/tcp", &format!("  sl  local_address rem_address   st\n{connection}"));
    let facts = facts_of(&tree, None);
    let address = "198.51.100.2".parse().unwrap();
    let sessions = facts.networking.get().unwrap().ssh.items();
    assert_eq!(sessions, [SshSession { client: "198.51.100.9".parse().unwrap(), server: address, own: false }]);
    assert!(uses_of(&facts, "06:00.0").contains(&Use::Session { interface: "eno3".into(), address }));
    let elsewhere = facts_of(&tree.file("/etc/ssh/sshd_config", "Port 2222\n"), None);
    assert_eq!(elsewhere.networking.get().unwrap().ssh.items(), []);
}

#[test]
fn a_session_by_ipv6_through_a_usb_adapter_hangs_on_the_usb_controller() {
    let tree = bridge()
        .function("pci0000:00/0000:00:14.0", "c0330", &[])
        .interface("pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/net/enx0")
        .file("/proc/net/if_inet6", "20010db8000700000000000000000002 09 40 00 80     enx0\n");
    let facts = facts_of(&tree, Some("2001:db8:7::9 50000 2001:db8:7::2 22"));
    let address = "2001:db8:7::2".parse().unwrap();
    assert!(uses_of(&facts, "00:14.0").contains(&Use::OwnSession { interface: "enx0".into(), address }));
    assert!(facts.networking.get().unwrap().interface("enx0").is_some_and(|interface| interface.usb));
}

#[test]
fn a_bridge_of_open_vswitch_lies_on_all_ports_of_the_switch() {
    let tree = bridge()
        .interface("virtual/net/ovs-system")
        .folder("/sys/devices/virtual/net/ovs-system/lower_eno3")
        .interface("virtual/net/vmbr0")
        .file("/proc/net/if_inet6", "20010db8000700000000000000000002 09 40 00 80     vmbr0\n");
    let facts = facts_of(&tree, Some("2001:db8:7::9 50000 2001:db8:7::2 22"));
    let address = "2001:db8:7::2".parse().unwrap();
    assert!(uses_of(&facts, "06:00.0").contains(&Use::OwnSession { interface: "vmbr0".into(), address }));
}

#[test]
fn a_session_that_sudo_hides_is_found_above_it() {
    let tree = bridge()
        .file("/proc/self/environ", "PATH=/bin\0USER=root\0")
        .file("/proc/self/status", "Name:\tvmbuild\nPPid:\t40\n")
        .file("/proc/40/environ", "SUDO_USER=ops\0")
        .file("/proc/40/status", "Name:\tsudo\nPPid:\t39\n")
        .file("/proc/39/environ", "A=b\0SSH_CONNECTION=203.0.113.9 50000 192.0.2.2 22\0")
        .file("/proc/39/status", "Name:\tbash\nPPid:\t1\n");
    let own =
        |tree: &Tree| facts_of(tree, None).networking.get().unwrap().ssh.items().iter().any(|session| session.own);
    assert!(own(&tree));
    assert!(!own(&tree.file("/proc/39/environ", "A=b\0")), "process 1 has none, and there the way ends");
}

#[test]
fn file_systems_and_disks_of_other_machines_lie_on_the_card_that_leads_to_them() {
    let disk = "platform/host3/session1/target3:0:0/3:0:0:0/block/sdb";
    let tree =
        bridge().block(disk, "8:16").file("/sys/class/iscsi_connection/connection1:0/address", "198.51.100.7\n").file(
            "/proc/self/mountinfo",
            "27 1 8:16 / /var/lib/libvirt/images rw - xfs /dev/sdb rw\n\
             28 27 0:60 / /srv/isos rw - nfs4 nas:/isos rw,vers=4.2,addr=192.0.2.50\n",
        );
    let facts = facts_of(&tree, None);
    let remote = |point: &str, interface: &str| Use::Remote { point: point.into(), interface: interface.into() };
    assert!(uses_of(&facts, "06:00.0").contains(&remote("/var/lib/libvirt/images", "eno3")));
    assert!(uses_of(&facts, "05:00.1").contains(&remote("/srv/isos", "br0")));
    assert!(!uses_of(&facts, "06:00.0").contains(&remote("/srv/isos", "br0")));
}
