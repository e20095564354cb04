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
    title: "host has UEFI firmware",
    explain: "UEFI guests boot with OVMF (edk2), a separate package. If it is missing, the domain cannot be defined: \
              \"Unable to find 'efi' firmware that is compatible with the current configuration\". Install ovmf \
              (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch).",
    run: Some(uefi),
    ..Check::VM
};

static SECURE_BOOT: Check = Check {
    code: "SECURE-BOOT",
    title: "Secure Boot fits firmware and machine type",
    explain: "Secure Boot is part of UEFI and protects its variables with system management mode, which only the q35 \
              machine has. secure_boot enables UEFI; secure_boot with uefi false is a contradiction.",
    run: Some(secure_boot),
    ..Check::VM
};

pub(super) static SECURE_BOOT_MISSING: Check = Check {
    code: "SECURE-BOOT-MISSING",
    title: "host has firmware with Secure Boot",
    explain: "Secure Boot needs an OVMF build that supports it, with the vendors' keys enrolled. Debian and Fedora \
              ship it in the same package as plain OVMF; some distributions ship only a build without it.",
    run: Some(secure_boot_missing),
    ..Check::VM
};

static FIRMWARE: Check = Check {
    code: "FIRMWARE",
    title: "firmware settings agree",
    explain: "firmware is bios or uefi; the fields uefi and secure_boot must agree with it. enrolled_keys and nvram \
              require UEFI. nvram is a file on the host, named by its absolute path, that libvirt creates from the \
              firmware's template if it is missing.",
    run: Some(firmware),
    ..Check::VM
};

pub(super) static TPM_MISSING: Check = Check {
    code: "TPM-MISSING",
    title: "host can emulate a TPM",
    explain: "The emulated TPM 2.0, which Windows 11 requires, is the program swtpm, separate from QEMU. Install swtpm \
              and swtpm-tools.",
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
        notes.unknown(field(key), what, "libvirt does not report it for this machine type");
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
        notes.unknown(field("uefi"), what, "libvirt does not report it for this machine type");
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
            let message = text!("firmware is {kind}, but uefi or secure_boot contradicts it", kind = kind.name());
            notes.blocker(field("firmware"), message, "leave one of them out");
        }
    }
    for (key, set) in [("nvram", spec.nvram.is_some()), ("enrolled_keys", spec.enrolled_keys.is_some())] {
        if set {
            notes.looked();
            if !uefi {
                notes.warning(
                    field(key),
                    text!("{key} has no effect: the guest boots with BIOS", key),
                    "set firmware to uefi",
                );
            }
        }
    }
    if spec.nvram.as_deref().is_some_and(|path| !path.trim().starts_with('/')) {
        notes.blocker(field("nvram"), "nvram is not an absolute path", "write one, or leave it to libvirt");
    }
    if spec.enrolled_keys == Some(false) && spec.secure_boot == Some(true) {
        let message = "Secure Boot without enrolled keys is in setup mode: it does not verify anything yet";
        notes.warning(field("enrolled_keys"), message, "leave enrolled_keys out, or enrol your own keys in the guest");
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
            let message = "secure_boot is true, but uefi is false";
            notes.blocker(
                field("secure_boot"),
                message,
                Remedy::from("set uefi to true, or leave secure_boot out").setting(field("uefi"), true),
            );
        }
        (_, Chipset::Pc) => {
            let message =
                text!("machine type {machine} does not support Secure Boot: it has no system management mode", machine);
            notes.blocker(
                field("secure_boot"),
                message,
                Remedy::from("use machine type q35").setting(field("machine"), "q35"),
            );
        }
        (None, _) => notes.info(field("secure_boot"), "secure_boot needs UEFI, which is now enabled", ""),
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
        None => notes.unknown(field("secure_boot"), what, "libvirt does not report it"),
        Some(false) => {
            let message = "no firmware with Secure Boot is installed";
            notes.blocker(
                field("secure_boot"),
                message,
                "install ovmf or edk2-ovmf with Secure Boot, or leave secure_boot out",
            );
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
            notes.blocker(field("tpm_device"), "this QEMU does not support passing the host's TPM", "use the emulator");
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
