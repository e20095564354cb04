//! Whether KVM runs guests here.

use super::cpu::CpuFlags;
use crate::facts::{Fact, Kvm, Provenance};
use crate::host::{Sysroot, now};
use std::io::ErrorKind;

const DEVICE: &str = "/dev/kvm";

/// The state of KVM from /dev/kvm and the CPU's flags.
pub fn read(sysroot: &Sysroot) -> Fact<Kvm> {
    let cpu = match CpuFlags::read(sysroot) {
        Ok(cpu) => cpu,
        Err(error) => return Fact::unknown(format!("/proc/cpuinfo cannot be read: {error}")),
    };
    match std::fs::metadata(sysroot.path(DEVICE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => known(Kvm::Absent { why: absent(&cpu) }),
        Err(error) => Fact::Denied { why: format!("{DEVICE} cannot be looked at: {error}.") },
        Ok(_) if cpu.lists_flags() && !cpu.virtualises() => known(Kvm::Crippled { why: crippled(&cpu) }),
        Ok(_) => known(Kvm::Usable),
    }
}

fn known(kvm: Kvm) -> Fact<Kvm> {
    Fact::known(kvm, Provenance::File(DEVICE.into()), now())
}

/// The hint how a machine that is itself a guest gets hardware virtualisation.
const NESTED: &str = "this machine is itself a virtual one: enable nested virtualisation on the outer host (kvm_intel or \
                      kvm_amd with nested=1, CPU model host-passthrough)";

/// Why a /dev/kvm that answers does not do: such modules (kvm-pvm) run only kernels made for them.
fn crippled(cpu: &CpuFlags) -> String {
    let seen = format!(
        "{DEVICE} is there, but the CPU shows no hardware virtualisation (vmx, svm), and common kernels do not boot \
         without"
    );
    if cpu.is_virtual() { format!("{seen}; {NESTED}.") } else { format!("{seen}.") }
}

/// Why there is no /dev/kvm, and what to do.
fn absent(cpu: &CpuFlags) -> String {
    if cpu.virtualises() {
        let module = if cpu.is_intel() { "kvm_intel" } else { "kvm_amd" };
        format!("There is no {DEVICE} although the CPU can: load the module with 'modprobe {module}'.")
    } else if cpu.is_virtual() {
        format!("There is no {DEVICE}; {NESTED}.")
    } else if cpu.lists_flags() {
        format!("There is no {DEVICE}: switch on Intel VT-x or AMD SVM in the firmware set-up.")
    } else {
        format!("There is no {DEVICE}: the kernel offers no KVM.")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn host(flags: &str, device: bool) -> Fact<Kvm> {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir(tree.path().join("proc")).unwrap();
        std::fs::create_dir(tree.path().join("dev")).unwrap();
        let text = format!("processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu {flags}\n");
        std::fs::write(tree.path().join("proc/cpuinfo"), text).unwrap();
        if device {
            std::fs::write(tree.path().join("dev/kvm"), "").unwrap();
        }
        read(&Sysroot::new(tree.path()))
    }

    #[test]
    fn kvm_needs_both_the_device_and_the_cpu() {
        assert_eq!(host("svm", true).get(), Some(&Kvm::Usable));
        assert!(matches!(host("", true).get(), Some(Kvm::Crippled { .. })));
    }

    #[test]
    fn a_missing_device_is_explained_by_the_cpu() {
        for (flags, word) in [("svm", "modprobe kvm_amd"), ("hypervisor", "nested"), ("", "firmware")] {
            let fact = host(flags, false);
            assert!(matches!(fact.get(), Some(Kvm::Absent { why }) if why.contains(word)), "{fact:?}");
        }
    }
}
