//! Checks of UEFI, Secure Boot and the TPM.

use super::note::Remedy;
use super::text::text;
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::DomainCapabilities;
use crate::machine::{Chipset, Firmware};
use crate::spec::devices::{FirmwareKind, TpmBackend};

pub(super) static CHECKS: &[&Check] = &[&UEFI_MISSING, &SECURE_BOOT, &SECURE_BOOT_MISSING, &FIRMWARE, &TPM_MISSING];

pub(super) static UEFI_MISSING: Check = Check {
    code: "UEFI-MISSING",
    title: "the host has a UEFI firmware",
    explain: "UEFI guests boot with OVMF (edk2), a package of its own. Where it is missing, the domain cannot be \
              defined: \"Unable to find 'efi' firmware that is compatible with the current configuration\". Install \
              ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch).",
    run: Some(uefi),
    ..Check::VM
};

static SECURE_BOOT: Check = Check {
    code: "SECURE-BOOT",
    title: "Secure Boot fits the other choices",
    explain: "Secure Boot is a part of UEFI and protects its variables with system management mode, which only the q35 \
              machine has. Asking for it switches UEFI on; asking for it and against UEFI contradicts itself.",
    run: Some(secure_boot),
    ..Check::VM
};

pub(super) static SECURE_BOOT_MISSING: Check = Check {
    code: "SECURE-BOOT-MISSING",
    title: "the host has a firmware with Secure Boot",
    explain: "Secure Boot needs an OVMF build that has it, with the vendors' keys enrolled. Debian and Fedora have it \
              in the same package as plain OVMF; some distributions ship only a build without.",
    run: Some(secure_boot_missing),
    ..Check::VM
};

static FIRMWARE: Check = Check {
    code: "FIRMWARE",
    title: "the words about the firmware agree",
    explain: "firmware says bios or uefi; uefi and secure_boot say the same in other words, and must agree with it. \
              enrolled_keys and nvram belong to UEFI. nvram is a file of the host, named by its absolute path, that \
              libvirt makes from the firmware's template where it is missing.",
    run: Some(firmware),
    ..Check::VM
};

pub(super) static TPM_MISSING: Check = Check {
    code: "TPM-MISSING",
    title: "the host can emulate a TPM",
    explain: "The emulated TPM 2.0, which Windows 11 asks for, is the program swtpm beside QEMU. Install swtpm and \
              swtpm-tools.",
    run: Some(tpm),
    ..Check::VM
};

/// What QEMU offers for the machine; says so where that is not known.
fn offered<'a>(
    subject: &Subject<'a>,
    notes: &mut Notes,
    key: &'static str,
    what: &'static str,
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
        let message = text!(
            "no UEFI firmware is installed for {arch} guests of machine type {machine}",
            arch = known.arch,
            machine = known.machine
        );
        notes.blocker(field("uefi"), message, "install ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch)");
    }
}

fn firmware(subject: &Subject, notes: &mut Notes) {
    let (spec, uefi) = (subject.spec, subject.machine.firmware.value.is_uefi());
    if let Some(kind) = spec.firmware {
        notes.looked();
        let asks_uefi = spec.uefi == Some(true) || spec.secure_boot == Some(true);
        if kind == FirmwareKind::Bios && asks_uefi || kind == FirmwareKind::Uefi && spec.uefi == Some(false) {
            let message = text!("firmware is {kind}, and uefi or secure_boot says otherwise", kind = kind.name());
            notes.blocker(field("firmware"), message, "leave one of them out");
        }
    }
    for (key, set) in [("nvram", spec.nvram.is_some()), ("enrolled_keys", spec.enrolled_keys.is_some())] {
        if set {
            notes.looked();
            if !uefi {
                notes.warning(
                    field(key),
                    text!("{key} has no effect: the guest boots by BIOS", key),
                    "set firmware to uefi",
                );
            }
        }
    }
    if spec.nvram.as_deref().is_some_and(|path| !path.trim().starts_with('/')) {
        notes.blocker(field("nvram"), "nvram is not an absolute path", "write one, or leave it to libvirt");
    }
    if spec.enrolled_keys == Some(false) && spec.secure_boot == Some(true) {
        let message = "Secure Boot without enrolled keys is in set-up mode: it checks nothing yet";
        notes.warning(
            field("enrolled_keys"),
            message,
            "leave enrolled_keys out, or enrol keys of your own in the guest",
        );
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
            notes.blocker(
                field("secure_boot"),
                message,
                Remedy::from("set uefi to true, or leave secure_boot out").setting(field("uefi"), true),
            );
        }
        (_, Chipset::Pc) => {
            let message = text!("machine type {machine} has no Secure Boot: it lacks system management mode", machine);
            notes.blocker(
                field("secure_boot"),
                message,
                Remedy::from("use machine type q35").setting(field("machine"), "q35"),
            );
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
    let backend = subject.machine.devices.tpm.backend;
    if backend == TpmBackend::Passthrough {
        if !known.tpm_backends.iter().any(|known| known == backend.name()) {
            notes.blocker(field("tpm_device"), "this QEMU does not pass the host's TPM", "use the emulator");
        }
    } else if !known.tpm_backends.iter().any(|known| known == backend.name()) {
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
    fn the_words_about_the_firmware_agree() {
        Asked::with(json!({"firmware": "bios", "uefi": true})).said("FIRMWARE").blocker();
        Asked::with(json!({"firmware": "uefi", "uefi": false})).said("FIRMWARE").blocker();
        Asked::with(json!({"firmware": "uefi", "nvram": "vars.fd"})).said("FIRMWARE").blocker();
        Asked::with(json!({"nvram": "/srv/vars.fd"})).said("FIRMWARE").warning();
        Asked::with(json!({"secure_boot": true, "enrolled_keys": false})).said("FIRMWARE").warning();
        Asked::with(json!({"firmware": "uefi", "nvram": "/srv/vars.fd"})).passes("FIRMWARE");
        Asked::good().quiet("FIRMWARE");
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
