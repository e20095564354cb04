//! Whether facts that were read again say something new. Mostly they do not, and then nothing is redrawn.

use crate::facts::{Fact, Facts, FactsPart};

/// True where `part` says something that `now` does not.
pub(super) fn is_new(now: &Facts, part: &FactsPart) -> bool {
    match part {
        FactsPart::Host { host, memory, kvm } => {
            !same(host, &now.host) || !same(memory, &now.memory) || !same(kvm, &now.kvm)
        }
        FactsPart::Cpus { cpus, nodes } => !same(cpus, &now.cpus) || !same(nodes, &now.nodes),
        FactsPart::Pools(pools) => !same(pools, &now.pools),
        FactsPart::Networks { networks, bridges } => !same(networks, &now.networks) || !same(bridges, &now.bridges),
        FactsPart::Domains(domains) => !same(domains, &now.domains),
        FactsPart::Pci { pci, iommu } => !same(pci, &now.pci) || !same(iommu, &now.iommu),
        FactsPart::Roms { roms, confinement } => !same(roms, &now.roms) || !same(confinement, &now.confinement),
        FactsPart::Details { details, groups } => {
            let new = details.iter().any(|(address, details)| now.details.get(address) != Some(details));
            new || groups.iter().any(|(number, group)| now.groups.get(number) != Some(group))
        }
        FactsPart::Systems(systems) => !same(systems, &now.systems),
        FactsPart::Boot { .. }
        | FactsPart::Uses { .. }
        | FactsPart::Capabilities { .. }
        | FactsPart::Files(_)
        | FactsPart::Definitions(_)
        | FactsPart::GuestKinds(_)
        | FactsPart::Profiles(_) => true,
    }
}

/// True where both say the same, whenever it was read.
fn same<T: PartialEq>(a: &Fact<T>, b: &Fact<T>) -> bool {
    match (a, b) {
        (Fact::Known { value: a, .. }, Fact::Known { value: b, .. }) => a == b,
        (a, b) => a == b,
    }
}
