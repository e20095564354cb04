//! What runs the guest: KVM or emulation, and the domain type that says so to libvirt.

use super::Choice;
use crate::facts::{Capabilities, Facts, GuestArch, Kvm};
use crate::spec::{Place, Spec, VirtType};

/// KVM where it works; emulation where it does not. Always with the reason, because emulation is slow.
pub(super) fn virt_type(spec: &Spec, facts: &Facts, arch: &str) -> Choice<VirtType> {
    if let Some(asked) = spec.virt_type {
        return Choice::asked(asked, Place::root().key("virt_type"));
    }
    if let Some(why) = without_kvm(facts, arch) {
        return Choice::default(VirtType::Qemu, format!("emulated, slow: {why}"));
    }
    match facts.kvm.get() {
        Some(_) => Choice::default(VirtType::Kvm, "hardware virtualisation works on this host"),
        None if offered(facts, arch).is_some() => Choice::default(VirtType::Kvm, "libvirt reports KVM on this host"),
        None => Choice::default(VirtType::Kvm, "assumed: the host has not been asked"),
    }
}

/// Why guests of `arch` are emulated on this host; `None` where KVM runs them, or nothing is known.
pub fn without_kvm(facts: &Facts, arch: &str) -> Option<String> {
    let lacks_kvm = |offered: &GuestArch| !offered.domain_types.iter().any(|kind| kind == "kvm");
    if !runs_only_tests(facts) && offered(facts, arch).is_some_and(lacks_kvm) {
        return Some(format!("this host has no KVM for {arch} guests"));
    }
    match facts.kvm.get() {
        Some(Kvm::Crippled { why } | Kvm::Absent { why }) => Some(clause(why).into()),
        Some(Kvm::Usable) | None => None,
    }
}

/// The domain type of the XML. libvirt's test driver refuses every type but its own, so the demo and the tests would
/// have no domain at all if the spec's choice were written there.
pub(super) fn domain_type(virt_type: VirtType, facts: &Facts) -> String {
    if runs_only_tests(facts) { "test".into() } else { virt_type.name().into() }
}

/// True on libvirt's test driver: by its name, whatever capabilities a record lends it, or by what it offers.
fn runs_only_tests(facts: &Facts) -> bool {
    if let Some(host) = facts.host.get() {
        return host.driver.eq_ignore_ascii_case("test");
    }
    facts.capabilities.get().is_some_and(Capabilities::are_of_test_driver)
}

fn offered<'a>(facts: &'a Facts, arch: &str) -> Option<&'a GuestArch> {
    facts.capabilities.get()?.guests.iter().find(|guest| guest.arch == arch)
}

/// A sentence without its full stop, to stand behind a colon.
fn clause(sentence: &str) -> &str {
    sentence.trim().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Capabilities, Fact, Host, Provenance, Version};

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, Provenance::Command("test".into()), 0)
    }

    fn offering(types: &[&str]) -> Fact<Capabilities> {
        let domain_types = types.iter().map(ToString::to_string).collect();
        let guest = GuestArch { arch: "x86_64".into(), domain_types, machines: Vec::new() };
        known(Capabilities { guests: vec![guest], ..Capabilities::default() })
    }

    #[test]
    fn kvm_is_assumed_until_the_host_has_answered() {
        let choice = virt_type(&Spec::default(), &Facts::default(), "x86_64");
        assert_eq!((choice.value, choice.why()), (VirtType::Kvm, Some("assumed: the host has not been asked")));
    }

    #[test]
    fn a_host_without_usable_kvm_emulates_and_says_why() {
        let why = "/dev/kvm is missing.".to_owned();
        let facts = Facts { kvm: known(Kvm::Absent { why }), ..Facts::default() };
        let choice = virt_type(&Spec::default(), &facts, "x86_64");
        assert_eq!((choice.value, choice.why()), (VirtType::Qemu, Some("emulated, slow: /dev/kvm is missing")));
    }

    #[test]
    fn a_foreign_architecture_is_emulated_although_kvm_works() {
        let facts = Facts { kvm: known(Kvm::Usable), capabilities: offering(&["qemu"]), ..Facts::default() };
        assert_eq!(virt_type(&Spec::default(), &facts, "x86_64").value, VirtType::Qemu);
    }

    #[test]
    fn what_the_user_asks_for_is_taken() {
        let spec = Spec { virt_type: Some(VirtType::Qemu), ..Spec::default() };
        let choice = virt_type(&spec, &Facts::default(), "x86_64");
        assert_eq!((choice.value, choice.why()), (VirtType::Qemu, None));
    }

    #[test]
    fn the_test_driver_gets_its_own_domain_type() {
        let facts = Facts { capabilities: offering(&["test"]), ..Facts::default() };
        assert_eq!(domain_type(VirtType::Kvm, &facts), "test");
        let host = Host {
            uri: "test:///demo".into(),
            hostname: "demo".into(),
            libvirt: Version::default(),
            driver: "TEST".into(),
            hypervisor: Version::default(),
            local: false,
        };
        let lent = Facts { host: known(host), capabilities: offering(&["qemu", "kvm"]), ..Facts::default() };
        assert_eq!(domain_type(VirtType::Kvm, &lent), "test");
        assert_eq!(domain_type(VirtType::Kvm, &Facts { capabilities: offering(&["qemu", "kvm"]), ..facts }), "kvm");
    }
}
