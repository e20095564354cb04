//! `vmbuild facts`: all that is known of a host.

use super::out::Out;
use super::pci::iommu_line;
use super::tone::Tone;
use crate::facts::{DomainState, Fact, Facts, Kvm, NOT_ASKED, PciClass};
use std::io;

/// Prints `facts`: as JSON whole, for people as a summary.
pub fn print(facts: &Facts, out: &mut Out) -> io::Result<()> {
    if out.is_json() {
        return out.json(facts);
    }
    for (name, text) in summary(facts) {
        out.spans(&[(Tone::Muted, &format!("{name:<12}")), (Tone::Plain, &text)])?;
    }
    Ok(())
}

fn summary(facts: &Facts) -> [(&'static str, String); 10] {
    [
        ("host", or_why(&facts.host, |h| format!("{}, {}, libvirt {}", h.hostname, h.uri, h.libvirt))),
        ("hypervisor", or_why(&facts.host, |h| format!("{} {}", h.driver, h.hypervisor))),
        ("cpu", or_why(&facts.capabilities, cpu)),
        ("memory", or_why(&facts.memory, |m| format!("{}, {} free", m.total, m.free))),
        ("kvm", or_why(&facts.kvm, kvm)),
        ("iommu", iommu_line(facts).trim_start_matches("IOMMU ").into()),
        ("pci", or_why(&facts.pci, |devices| pci(devices))),
        ("pools", or_why(&facts.pools, |pools| pools_line(pools))),
        ("networks", networks(facts)),
        ("domains", or_why(&facts.domains, |domains| domains_line(domains))),
    ]
}

fn or_why<T>(fact: &Fact<T>, text: impl Fn(&T) -> String) -> String {
    match fact {
        Fact::Known { value, .. } => text(value),
        Fact::Pending => format!("unknown: {NOT_ASKED}"),
        Fact::Unknown { why } => format!("unknown: {why}"),
        Fact::Denied { why } => format!("denied: {why}"),
    }
}

fn cpu(capabilities: &crate::facts::Capabilities) -> String {
    let model = capabilities.cpu_model.as_deref().unwrap_or("model unknown");
    format!("{} {}, {model}", capabilities.cpus, capabilities.arch)
}

fn kvm(kvm: &Kvm) -> String {
    match kvm {
        Kvm::Usable => "usable".into(),
        Kvm::Crippled { why } => format!("crippled: {why}"),
        Kvm::Absent { why } => format!("absent: {why}"),
    }
}

fn pci(devices: &[crate::facts::PciDevice]) -> String {
    let count = |kind| devices.iter().filter(|device| device.kind() == kind).count();
    let (gpus, nics, drives) = (count(PciClass::Gpu), count(PciClass::Nic), count(PciClass::Nvme));
    format!("{} functions: {gpus} GPU, {nics} NIC, {drives} NVMe", devices.len())
}

fn pools_line(pools: &[crate::facts::Pool]) -> String {
    let one = |pool: &crate::facts::Pool| {
        if pool.active {
            format!("{} ({} free)", pool.name, pool.available)
        } else {
            format!("{} (inactive)", pool.name)
        }
    };
    list(pools.iter().map(one))
}

fn networks(facts: &Facts) -> String {
    let networks = or_why(&facts.networks, |networks| {
        list(networks.iter().map(|n| if n.active { n.name.clone() } else { format!("{} (inactive)", n.name) }))
    });
    let free = facts.bridges.items().iter().filter(|bridge| bridge.network.is_none());
    let bridges: Vec<_> = free.map(|bridge| bridge.name.as_str()).collect();
    if bridges.is_empty() { networks } else { format!("{networks}; bridges {}", bridges.join(", ")) }
}

fn domains_line(domains: &[crate::facts::Domain]) -> String {
    let active = domains.iter().filter(|domain| domain.state == DomainState::Active).count();
    format!("{}, {active} of them running", domains.len())
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
