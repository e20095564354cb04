//! Bridges of the host from /sys/class/net.

use crate::facts::{Bridge, Fact, Provenance};
use crate::host::{Sysroot, now};

const INTERFACES: &str = "/sys/class/net";

/// Interfaces that are bridges, by name; who owns them is told by libvirt.
pub fn read(sysroot: &Sysroot) -> Fact<Vec<Bridge>> {
    if !sysroot.exists(INTERFACES) {
        return Fact::unknown(format!("there is no {INTERFACES}"));
    }
    let bridges = sysroot
        .names(INTERFACES)
        .into_iter()
        .filter(|name| sysroot.exists(&format!("{INTERFACES}/{name}/bridge")))
        .map(|name| Bridge { name, network: None })
        .collect();
    Fact::known(bridges, Provenance::File(INTERFACES.into()), now())
}
