//! Checks of the virtual CPUs.

use super::wording::field;
use super::{Check, Notes, Subject};

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "CPU-MISSING",
        title: "virtual CPUs are given",
        explain: "There is no sensible default for the number of virtual CPUs of a VM. Write a number from 1 up; as many \
                  as the host has cores to spare is a good upper limit.",
        run: missing,
    },
    Check {
        code: "CPU-COUNT",
        title: "the machine type takes so many virtual CPUs",
        explain: "QEMU has a largest number of virtual CPUs per machine type, which libvirt reports. A domain that asks \
                  for more, or for none, cannot be defined.",
        run: count,
    },
    Check {
        code: "CPU-HOST",
        title: "the host has so many CPUs",
        explain: "More virtual CPUs in one VM than the host has logical CPUs never run at the same time. The guest waits \
                  for its own locks and becomes slower than with fewer CPUs.",
        run: host,
    },
];

fn missing(subject: &Subject, notes: &mut Notes) {
    notes.looked();
    if subject.spec.vcpus.is_none() {
        notes.blocker(field("vcpus"), "vcpus is required", "write the number of virtual CPUs, such as 4");
    }
}

fn count(subject: &Subject, notes: &mut Notes) {
    let Some(vcpus) = subject.spec.vcpus else { return };
    if vcpus == 0 {
        return notes.blocker(field("vcpus"), "vcpus is 0", "give the VM at least one virtual CPU");
    }
    let what = "how many virtual CPUs the machine type takes";
    let Some(_) = notes.known(&subject.facts.domain_capabilities, || field("vcpus"), what) else { return };
    let Some(known) = subject.capabilities().and_then(|known| Some((known, known.max_vcpus?))) else {
        return notes.unknown(field("vcpus"), what, "libvirt does not say it for this machine type");
    };
    let (known, most) = known;
    if vcpus > most {
        let message = format!("{vcpus} virtual CPUs asked, machine type {} takes at most {most}", known.machine);
        notes.blocker(field("vcpus"), message, format!("use {most} or fewer"));
    }
}

fn host(subject: &Subject, notes: &mut Notes) {
    let Some(vcpus) = subject.spec.vcpus.filter(|vcpus| *vcpus > 0) else { return };
    let what = "how many CPUs the host has";
    let Some(host) = notes.known(&subject.facts.capabilities, || field("vcpus"), what) else { return };
    if host.cpus == 0 {
        notes.unknown(field("vcpus"), what, "libvirt does not say it");
    } else if vcpus > host.cpus {
        let message = format!("{vcpus} virtual CPUs asked, the host has {} logical CPUs", host.cpus);
        notes.warning(field("vcpus"), message, format!("use {} or fewer", host.cpus));
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use crate::facts::Fact;
    use serde_json::json;

    #[test]
    fn virtual_cpus_are_required() {
        Asked::with(json!({"vcpus": null})).blocks("CPU-MISSING", "vcpus", "vcpus is required").quiet("CPU-COUNT");
        Asked::with(json!({"vcpus": 0})).blocks("CPU-COUNT", "vcpus", "vcpus is 0").passes("CPU-MISSING");
    }

    #[test]
    fn qemu_has_a_largest_number() {
        let want = "289 virtual CPUs asked, machine type pc-q35-10.0 takes at most 288";
        Asked::with(json!({"vcpus": 289})).blocks("CPU-COUNT", "vcpus", want);
        Asked::with(json!({"vcpus": 288})).passes("CPU-COUNT");
        Asked::good().facts(|facts| facts.domain_capabilities = Fact::default()).unknown("CPU-COUNT");
    }

    #[test]
    fn more_than_the_host_has_is_a_warning() {
        Asked::with(json!({"vcpus": 25})).said("CPU-HOST").warning();
        Asked::with(json!({"vcpus": 24})).passes("CPU-HOST");
        Asked::good().facts(|facts| facts.capabilities = Fact::default()).unknown("CPU-HOST");
    }
}
