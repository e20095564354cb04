//! What only the files of a remote host tell: read there by a script over ssh, with the user's consent, and put together
//! here by the readers of sysfs as on the host itself.

mod listing;
mod login;
mod probe;
mod run;
mod tree;

pub use listing::Unreadable;
pub use login::Login;
pub(super) use probe::{COMPLETED, PARTS, Probe};
pub use run::SCRIPT;

use super::sysfs::{PciNames, bridge, kvm, local, topology};
use super::{Cause, HostError, Sysroot, now};
use crate::facts::{Fact, Facts, FactsPart, Provenance};
use std::sync::atomic::AtomicBool;

/// Why ROM files of another machine are not listed.
const NO_ROMS: &str = "The probe reads no ROM files; their paths can be typed.";

/// Facts of the host that `login` leads to, as its files tell them. Blocks while the host answers.
pub fn facts(login: &Login, given_up: &AtomicBool) -> Result<Facts, HostError> {
    let answer = run::answer(login, given_up)?;
    of_answer(&answer, &login.host)
}

/// Facts in the answer of the probe of `host`.
pub fn of_answer(answer: &[u8], host: &str) -> Result<Facts, HostError> {
    let seen_at = now();
    let odd = |why: Unreadable| {
        let message = format!("The answer of the probe of {host} cannot be used: {why}.");
        HostError::new(Cause::Other, message, "Run vmbuild on the host itself.")
    };
    let failed = |why: String| {
        let message = format!("The answer of the probe of {host} cannot be kept: {why}.");
        HostError::new(Cause::Other, message, "Look at the free space of the folder for temporary files.")
    };
    let listing = listing::read(answer).map_err(odd)?;
    let session = Some(listing.session.clone()).filter(|session| !session.is_empty());
    let folder = tree::unpack(listing).map_err(|error| failed(error.to_string()))?.map_err(odd)?;
    let facts = read(&Sysroot::new(folder.path()), session.as_deref());
    facts.read_over_ssh(host, seen_at).map_err(|error| failed(error.to_string()))
}

/// Everything that a tree tells without libvirt.
fn read(sysroot: &Sysroot, session: Option<&str>) -> Facts {
    let mut facts = Facts { kvm: kvm::read(sysroot), bridges: bridge::read(sysroot), ..Facts::default() };
    let parts = [
        topology::read(sysroot),
        local::pci(sysroot, &mut PciNames::default()),
        local::boot(sysroot),
        local::uses(sysroot, session),
        local::roms(sysroot),
        local::details(sysroot, &[]),
    ];
    for part in parts {
        facts.absorb(part);
    }
    facts.roms = Fact::unknown(NO_ROMS);
    facts
}

/// What libvirt told of a remote host, with what it does not tell from the files: what changes while a host runs is
/// libvirt's, which was asked now.
pub(super) fn complete(told: FactsPart, files: &Facts) -> FactsPart {
    match told {
        FactsPart::Host { host, memory, kvm } => FactsPart::Host { host, memory, kvm: files.kvm.clone().or(kvm) },
        FactsPart::Cpus { cpus, nodes } => {
            FactsPart::Cpus { cpus: files.cpus.clone().or(cpus), nodes: files.nodes.clone().or(nodes) }
        }
        FactsPart::Networks { networks, bridges } => {
            FactsPart::Networks { networks, bridges: bridges.or(files.bridges.clone()) }
        }
        FactsPart::Pci { pci, iommu } => {
            let mut pci = pci.or(files.pci.clone());
            for device in pci.get_mut().into_iter().flatten() {
                let same =
                    |known: &&crate::facts::PciDevice| known.address == device.address && known.ids() == device.ids();
                let Some(known) = files.pci.items().iter().find(same) else { continue };
                device.subsystem = device.subsystem.or(known.subsystem);
                device.boot_vga = device.boot_vga.or(known.boot_vga);
            }
            if let Fact::Known { source: Provenance::Libvirt(call), .. } = &mut pci {
                call.push_str(" and by ssh");
            }
            // The files tell why there are no groups.
            FactsPart::Pci { pci, iommu: files.iommu.clone().or(iommu) }
        }
        other => other,
    }
}
