//! What QEMU offers for one kind of guest, out of all that was asked about.

use super::{DomainCapabilities, Facts, GuestArch, GuestKind};

impl Facts {
    /// What QEMU offers for a machine; that of the other domain type where its own is not known, as devices and firmware do
    /// not depend on it. `None` where this architecture and machine type were not asked about.
    pub fn offered(&self, arch: &str, machine: &str, domain_type: &str) -> Option<&DomainCapabilities> {
        let all = self.domain_capabilities.items().iter();
        all.filter(|known| known.arch == arch && same_machine(&known.machine, machine))
            .max_by_key(|known| (known.domain_type == domain_type, known.machine == machine))
    }
}

impl Facts {
    /// True where what QEMU offers for this kind of guest is not known, but can be asked: the host runs it.
    pub fn can_ask_about(&self, kind: &GuestKind) -> bool {
        let runs = |guest: &GuestArch| {
            guest.arch == kind.arch
                && guest.domain_types.contains(&kind.domain_type)
                && guest.machines.contains(&kind.machine)
        };
        let told = self.offered(&kind.arch, &kind.machine, &kind.domain_type);
        let guests = self.capabilities.get().map_or(&[][..], |known| &known.guests);
        guests.iter().any(runs) && told.is_none_or(|told| told.domain_type != kind.domain_type)
    }
}

/// An alias stands for whichever version the host has: `q35` for `pc-q35-10.0`, `pc` for `pc-i440fx-10.0`, `virt` for
/// `virt-10.0`. So does another version, as versions differ in little.
fn same_machine(canonical: &str, asked: &str) -> bool {
    family(canonical) == family(asked)
}

/// Machine types with versions, which distributions name as they like: `pc-q35-10.0`, `pc-q35-rhel9.4.0`, `virt-noble`.
const FAMILIES: [&str; 5] = ["pc-q35", "pc-i440fx", "s390-ccw-virtio", "pseries", "virt"];

/// A machine type without its version.
fn family(machine: &str) -> &str {
    let versioned = |family: &&&str| machine.strip_prefix(**family).is_some_and(|rest| rest.starts_with('-'));
    match machine {
        "q35" => "pc-q35",
        "pc" => "pc-i440fx",
        name => FAMILIES.iter().find(versioned).copied().unwrap_or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_and_another_version_are_the_same_machine() {
        for (canonical, asked) in [
            ("pc-q35-10.0", "q35"),
            ("pc-q35-10.0", "pc-q35-9.2"),
            ("pc-i440fx-10.0", "pc"),
            ("virt-10.0", "virt"),
            ("s390-ccw-virtio-10.0", "s390-ccw-virtio"),
            ("pseries-10.0", "pseries-9.0"),
            ("microvm", "microvm"),
            ("pc-q35-rhel9.4.0", "q35"),
            ("virt-noble", "virt"),
        ] {
            assert!(same_machine(canonical, asked), "{canonical} {asked}");
        }
        assert!(!same_machine("pc-q35-10.0", "pc") && !same_machine("pc-q35-10.0", "microvm"));
    }
}
