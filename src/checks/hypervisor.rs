//! Checks of what runs the guest: hypervisor, architecture, machine type.

use super::note::{clause, without};
use super::text::{Arg, Text, text};
use super::wording::field;
use super::{Check, Notes, Scope, Subject};
use crate::facts::{Capabilities, GuestArch, Kvm};
use crate::machine::Reason;
use crate::machine::hypervisor::without_kvm;
use crate::spec::VirtType;

pub(super) static CHECKS: &[&Check] = &[&VIRT_KVM, &ARCH_UNKNOWN, &MACHINE_UNKNOWN];

pub(super) static VIRT_KVM: Check = Check {
    code: "VIRT-KVM",
    title: "guest runs on KVM",
    explain: "With KVM the guest's instructions run on the host's CPU. Without it QEMU translates them (TCG), which is \
              ten to a hundred times slower: good enough to try an installation, not for work. The usual causes: \
              virtualisation is disabled in the firmware (VT-x, SVM), the kvm module is not loaded, the host is itself \
              a VM without nested virtualisation, or the guest's architecture differs from the host's.",
    scope: Scope::Host(1),
    run: Some(kvm),
    ..Check::VM
};

pub(super) static ARCH_UNKNOWN: Check = Check {
    code: "ARCH-UNKNOWN",
    title: "host can emulate the architecture",
    explain: "libvirt lists the architectures for which QEMU is installed. One that is not in the list needs another \
              package (qemu-system-arm, qemu-system-misc, ...), or is misspelt: x86_64, aarch64, riscv64.",
    run: Some(arch),
    ..Check::VM
};

pub(super) static MACHINE_UNKNOWN: Check = Check {
    code: "MACHINE-UNKNOWN",
    title: "QEMU supports the machine type",
    explain: "A machine type is the virtual board: q35 (PCI Express, the default), pc (the old i440FX), or a versioned \
              name of one of them. The host's QEMU does not have this machine type, often because the name is from a \
              newer QEMU.",
    run: Some(machine),
    ..Check::VM
};

fn kvm(subject: &Subject, notes: &mut Notes) {
    let chosen = &subject.machine.virt_type;
    if subject.machine.is_only_a_test() {
        return;
    }
    let asked = matches!(chosen.reason, Reason::Asked(_));
    let place = || field("virt_type");
    match (chosen.value, asked, subject.facts.kvm.get()) {
        (VirtType::Kvm, true, Some(Kvm::Absent { why })) => {
            notes.blocker(
                place(),
                text!("KVM requested, but the host has none: {why}", why = Arg::clause(why)),
                without("leave virt_type out to emulate, or fix the cause"),
            );
        }
        (VirtType::Kvm, _, Some(Kvm::Crippled { why })) => {
            let message = text!("KVM requested, but it may not run this guest: {why}", why = Arg::clause(why));
            notes.warning(place(), message, without("leave virt_type out to emulate, which is slow but works"));
        }
        (VirtType::Qemu, false, _) => {
            let why = without_kvm(subject.facts, &subject.machine.arch.value).unwrap_or_default();
            let message = text!("the guest is emulated and slow: {why}", why);
            notes.warning(place(), message, "fix the cause, or choose a host that runs KVM guests");
        }
        (VirtType::Kvm, _, None) if !offers_kvm(subject) => {
            let why = subject.facts.kvm.why_not().unwrap_or_default();
            notes.unknown(place(), "whether the host runs guests on KVM", clause(why));
        }
        _ => notes.looked(),
    }
}

/// libvirt's own word, where nobody looked at /dev/kvm.
fn offers_kvm(subject: &Subject) -> bool {
    let guests = subject.facts.capabilities.get().map(|known| known.guests.as_slice()).unwrap_or_default();
    let arch = &subject.machine.arch.value;
    guests.iter().any(|guest| guest.arch == *arch && guest.domain_types.iter().any(|kind| kind == "kvm"))
}

/// The guests that the host can run; says so where that is not known.
fn guests<'a>(subject: &Subject<'a>, notes: &mut Notes, key: &'static str, what: &Text) -> Option<&'a [GuestArch]> {
    if subject.facts.capabilities.get().is_some_and(Capabilities::are_of_test_driver) {
        return None;
    }
    let known = notes.known(&subject.facts.capabilities, || field(key), what)?;
    if known.guests.is_empty() {
        notes.unknown(field(key), what, "libvirt lists no guests");
        return None;
    }
    Some(&known.guests)
}

fn arch(subject: &Subject, notes: &mut Notes) {
    let arch = &subject.machine.arch.value;
    let Some(guests) = guests(subject, notes, "architecture", &text!("whether QEMU emulates {arch}", arch)) else {
        return;
    };
    if guests.iter().all(|guest| guest.arch != *arch) {
        let names: Vec<String> = guests.iter().map(|guest| guest.arch.clone()).take(8).collect();
        let message = text!("this host does not run {arch} guests", arch);
        notes.blocker(
            field("architecture"),
            message,
            text!("install QEMU for it, or choose one of: {names}", names = Arg::all(names)),
        );
    }
}

fn machine(subject: &Subject, notes: &mut Notes) {
    let (arch, machine) = (&subject.machine.arch.value, &subject.machine.machine_type.value);
    let what = text!("whether QEMU has machine type {machine}", machine);
    let Some(guests) = guests(subject, notes, "machine", &what) else { return };
    let Some(guest) = guests.iter().find(|guest| guest.arch == *arch) else { return };
    if guest.machines.is_empty() {
        notes.unknown(field("machine"), &what, "libvirt lists no machine types");
    } else if guest.machines.iter().all(|known| known != machine) {
        let near = guest.machines.iter().min_by_key(|known| strsim::levenshtein(known, machine));
        let message = text!("this host's QEMU does not have machine type {machine} for {arch}", machine, arch);
        let remedy = near.map_or_else(Text::default, |near| text!("leave it out, or use {near}", near));
        notes.blocker(field("machine"), message, remedy);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::checks::fixture::{Asked, Said, known};
    use crate::facts::{Fact, Facts, GuestArch, Kvm};
    use serde_json::json;

    fn without_kvm(asked: Asked) -> Asked {
        asked.facts(|facts| facts.kvm = known(Kvm::Absent { why: "/dev/kvm is missing.".into() }))
    }

    #[test]
    fn emulation_is_never_silent() {
        let Said { message, .. } = without_kvm(Asked::good()).said("VIRT-KVM").warning();
        assert_eq!(message, "the guest is emulated and slow: /dev/kvm is missing");
        let want = "KVM requested, but the host has none: /dev/kvm is missing";
        without_kvm(Asked::with(json!({"virt_type": "kvm"}))).blocks("VIRT-KVM", "virt_type", want);
        without_kvm(Asked::with(json!({"virt_type": "qemu"}))).passes("VIRT-KVM");
        Asked::good().passes("VIRT-KVM");
    }

    #[test]
    fn a_crippled_kvm_is_said() {
        let crippled = |facts: &mut Facts| facts.kvm = known(Kvm::Crippled { why: "no vmx and no svm.".into() });
        Asked::good().facts(crippled).said("VIRT-KVM").warning();
        Asked::with(json!({"virt_type": "kvm"})).facts(crippled).said("VIRT-KVM").warning();
    }

    #[test]
    fn libvirts_word_does_where_nobody_saw_the_device() {
        Asked::good().facts(|facts| facts.kvm = Fact::default()).passes("VIRT-KVM");
        let neither = |facts: &mut Facts| (facts.kvm, facts.capabilities) = (Fact::default(), Fact::default());
        Asked::good().facts(neither).unknown("VIRT-KVM");
    }

    #[test]
    fn architecture_and_machine_are_ones_that_qemu_has() {
        Asked::with(json!({"architecture": "x68_64"})).said("ARCH-UNKNOWN").blocker();
        let Said { remedy, .. } = Asked::with(json!({"machine": "pc-q35-11.0"})).said("MACHINE-UNKNOWN").blocker();
        assert_eq!(remedy, "leave it out, or use pc-q35-10.0");
        Asked::with(json!({"machine": "pc"})).passes("MACHINE-UNKNOWN").passes("ARCH-UNKNOWN");
        let unknown = Asked::good().facts(|facts| facts.capabilities = Fact::default());
        unknown.unknown("ARCH-UNKNOWN").unknown("MACHINE-UNKNOWN");
    }

    #[test]
    fn the_test_driver_takes_what_it_does_not_list() {
        let guest =
            |kind: &str| GuestArch { arch: "i686".into(), domain_types: vec![kind.into()], machines: Vec::new() };
        let offering = |kind: &str| {
            let guest = guest(kind);
            Asked::good().facts(|facts| facts.capabilities.get_mut().unwrap().guests = vec![guest])
        };
        let report = offering("test").report();
        assert_eq!(report.blockers().next(), None, "{report:?}");
        offering("test").quiet("ARCH-UNKNOWN").quiet("MACHINE-UNKNOWN");
        offering("kvm").said("ARCH-UNKNOWN").blocker();
    }
}
