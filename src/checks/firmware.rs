//! Checks of UEFI, Secure Boot and the TPM.

use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::DomainCapabilities;
use crate::machine::{Chipset, Firmware};

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "UEFI-MISSING",
        title: "the host has a UEFI firmware",
        explain: "UEFI guests boot with OVMF (edk2), a package of its own. Where it is missing, the domain cannot be \
                  defined: \"Unable to find 'efi' firmware that is compatible with the current configuration\". Install \
                  ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch).",
        run: uefi,
    },
    Check {
        code: "SECURE-BOOT",
        title: "Secure Boot fits the other choices",
        explain: "Secure Boot is a part of UEFI and protects its variables with system management mode, which only the \
                  q35 machine has. Asking for it switches UEFI on; asking for it and against UEFI contradicts itself.",
        run: secure_boot,
    },
    Check {
        code: "SECURE-BOOT-MISSING",
        title: "the host has a firmware with Secure Boot",
        explain: "Secure Boot needs an OVMF build that has it, with the vendors' keys enrolled. Debian and Fedora have it \
                  in the same package as plain OVMF; some distributions ship only a build without.",
        run: secure_boot_missing,
    },
    Check {
        code: "TPM-MISSING",
        title: "the host can emulate a TPM",
        explain: "The emulated TPM 2.0, which Windows 11 asks for, is the program swtpm beside QEMU. Install swtpm and \
                  swtpm-tools.",
        run: tpm,
    },
];

/// What QEMU offers for the machine; says so where that is not known.
fn offered<'a>(
    subject: &Subject<'a>,
    notes: &mut Notes,
    key: &'static str,
    what: &str,
) -> Option<&'a DomainCapabilities> {
    notes.known(&subject.facts.domain_capabilities, || field(key), what)?;
    let known = subject.capabilities();
    if known.is_none() {
        notes.unknown(field(key), what, "libvirt does not say it for this machine type");
    }
    known
}

fn uefi(subject: &Subject, notes: &mut Notes) {
    if !subject.machine.firmware.value.is_uefi() {
        return;
    }
    let what = "whether a UEFI firmware is installed";
    let Some(known) = offered(subject, notes, "uefi", what) else { return };
    if known.firmware.is_empty() {
        notes.unknown(field("uefi"), what, "libvirt does not say it for this machine type");
    } else if !known.firmware.iter().any(|kind| kind == "efi") {
        let message =
            format!("no UEFI firmware is installed for {} guests of machine type {}", known.arch, known.machine);
        notes.blocker(field("uefi"), message, "install ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch)");
    }
}

fn secure_boot(subject: &Subject, notes: &mut Notes) {
    if subject.spec.secure_boot != Some(true) {
        return;
    }
    notes.looked();
    let machine = &subject.machine.machine_type.value;
    match (subject.spec.uefi, subject.machine.chipset) {
        (Some(false), _) => {
            let message = "secure_boot is asked and uefi is refused";
            notes.blocker(field("secure_boot"), message, "set uefi to true, or leave secure_boot out");
        }
        (_, Chipset::Pc) => {
            let message = format!("machine type {machine} has no Secure Boot: it lacks system management mode");
            notes.blocker(field("secure_boot"), message, "use machine type q35");
        }
        (None, _) => notes.info(field("secure_boot"), "secure_boot implies uefi, which is switched on", ""),
        (Some(true), _) => {}
    }
}

fn secure_boot_missing(subject: &Subject, notes: &mut Notes) {
    let wanted = Firmware::Uefi { secure_boot: true };
    if subject.machine.firmware.value != wanted || subject.machine.chipset == Chipset::Pc {
        return;
    }
    let what = "whether a firmware with Secure Boot is installed";
    let Some(known) = offered(subject, notes, "secure_boot", what) else { return };
    match known.secure_boot {
        None => notes.unknown(field("secure_boot"), what, "libvirt does not say it"),
        Some(false) => {
            let message = "no firmware with Secure Boot is installed";
            notes.blocker(field("secure_boot"), message, "install ovmf or edk2-ovmf with Secure Boot, or leave it out");
        }
        Some(true) => {}
    }
}

fn tpm(subject: &Subject, notes: &mut Notes) {
    if !subject.machine.tpm.value {
        return;
    }
    let Some(known) = offered(subject, notes, "tpm", "whether a TPM can be emulated") else { return };
    if !known.tpm_backends.iter().any(|backend| backend == "emulator") {
        notes.blocker(field("tpm"), "the host cannot emulate a TPM: swtpm is missing", "install swtpm and swtpm-tools");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use crate::facts::Fact;
    use serde_json::json;

    #[test]
    fn uefi_needs_a_firmware() {
        let asked = || Asked::with(json!({"uefi": true}));
        let want = "no UEFI firmware is installed for x86_64 guests of machine type pc-q35-10.0";
        asked().offering(|known| known.firmware = vec!["bios".into()]).blocks("UEFI-MISSING", "uefi", want);
        asked().offering(|known| known.firmware.clear()).unknown("UEFI-MISSING");
        asked().facts(|facts| facts.domain_capabilities = Fact::default()).unknown("UEFI-MISSING");
        asked().passes("UEFI-MISSING");
        Asked::good().quiet("UEFI-MISSING");
    }

    #[test]
    fn secure_boot_is_a_part_of_uefi_on_q35() {
        Asked::with(json!({"secure_boot": true, "uefi": false})).said("SECURE-BOOT").blocker();
        Asked::with(json!({"secure_boot": true, "machine": "pc"})).said("SECURE-BOOT").blocker();
        Asked::with(json!({"secure_boot": true})).said("SECURE-BOOT").info();
        Asked::with(json!({"secure_boot": true, "uefi": true})).passes("SECURE-BOOT");
        Asked::with(json!({"uefi": true})).quiet("SECURE-BOOT");
    }

    #[test]
    fn secure_boot_needs_its_own_firmware() {
        let asked = || Asked::with(json!({"secure_boot": true}));
        asked().offering(|known| known.secure_boot = Some(false)).said("SECURE-BOOT-MISSING").blocker();
        asked().offering(|known| known.secure_boot = None).unknown("SECURE-BOOT-MISSING");
        asked().passes("SECURE-BOOT-MISSING");
        Asked::with(json!({"uefi": true})).quiet("SECURE-BOOT-MISSING");
    }

    #[test]
    fn a_tpm_needs_swtpm() {
        let asked = || Asked::with(json!({"tpm": true}));
        asked().offering(|known| known.tpm_backends = vec!["passthrough".into()]).said("TPM-MISSING").blocker();
        asked().passes("TPM-MISSING");
        asked().facts(|facts| facts.domain_capabilities = Fact::default()).unknown("TPM-MISSING");
        Asked::good().quiet("TPM-MISSING");
    }
}
