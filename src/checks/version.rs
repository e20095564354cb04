//! Checks of what the connected libvirt is too old for.

use super::wording::field;
use super::{Check, Notes, Subject};
use crate::machine::Feature;

pub(super) const CHECKS: &[Check] = &[Check {
    code: "HOST-FEATURE-VERSION",
    title: "libvirt knows all that the domain would have",
    explain: "Parts of the domain's description came with some version of libvirt, and an older one refuses a domain that \
              has them. What the VM can do without is left out, and said here. What it cannot do without stops the build: \
              a held device needs libvirt 6.0, for an older one would show it to the guest.",
    run: features,
}];

fn features(subject: &Subject, notes: &mut Notes) {
    // Only a held device depends on a version that is still met: what else is old enough is nothing to speak of.
    if subject.machine.held.is_empty() && subject.machine.dropped.is_empty() {
        return;
    }
    let what = "whether libvirt knows all that the domain would have";
    let Some(host) = notes.known(&subject.facts.host, || field("pci_devices"), what) else { return };
    for feature in &subject.machine.dropped {
        let needs = format!("needs libvirt {}, and this is {}", feature.since(), host.libvirt);
        match feature {
            Feature::UnassignedAddress => {
                let message = format!("a device that is held from the guest {needs}");
                notes.blocker(field("pci_devices"), message, "pass the held devices, too, or update libvirt");
            }
            Feature::PortWithoutHotplug => {
                let message = format!("a port from which Windows does not offer to eject the GPU {needs}: left out");
                notes.info(field("pci_devices"), message, "nothing need be done: do not eject the card in the guest");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, host, known};
    use crate::facts::{Fact, Host, Version};
    use serde_json::json;

    fn on(major: u32, minor: u32) -> Asked {
        let rows = json!([{"host_address": "01:00.0"}, {"host_address": "01:00.1"}, {"host_address": "04:00.0", "role": "hold"}]);
        let libvirt = Version { major, minor, release: 0 };
        Asked::with(json!({"pci_devices": rows})).facts(|facts| facts.host = known(Host { libvirt, ..host() }))
    }

    #[test]
    fn an_old_libvirt_is_told_less() {
        let want = "a device that is held from the guest needs libvirt 6.0, and this is 5.10";
        on(5, 10).blocks("HOST-FEATURE-VERSION", "pci_devices", want);
        on(6, 2).said("HOST-FEATURE-VERSION").info();
        on(6, 3).passes("HOST-FEATURE-VERSION");
        on(5, 10).facts(|facts| facts.host = Fact::default()).unknown("HOST-FEATURE-VERSION");
        Asked::good().quiet("HOST-FEATURE-VERSION");
    }
}
