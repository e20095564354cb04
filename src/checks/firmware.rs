//! Checks of UEFI, Secure Boot and the TPM.

use super::note::{Remedy, clause};
use super::text::text;
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::facts::{DomainCapabilities, MediaKind};
use crate::machine::files::parent;
use crate::machine::{Chipset, Disk, DiskOrigin, Firmware};
use crate::spec::DiskDevice;
use crate::spec::devices::{FirmwareKind, TpmBackend};
use crate::units::shell_quote;

pub(super) static CHECKS: &[&Check] =
    &[&UEFI_MISSING, &SECURE_BOOT, &SECURE_BOOT_MISSING, &FIRMWARE, &NVRAM_FOLDER, &OS_FIRMWARE, &TPM_MISSING];

pub(super) static UEFI_MISSING: Check = Check {
    code: "UEFI-MISSING",
    title: "host has UEFI firmware",
    explain: "UEFI guests boot with edk2, a separate package for each architecture. If it is missing, the domain \
              cannot be defined: \"Unable to find 'efi' firmware that is compatible with the current configuration\". \
              Install ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch) for PCs, qemu-efi-aarch64 or edk2-aarch64 for \
              ARM, qemu-efi-riscv64 or edk2-riscv64 for RISC-V. IBM Z and POWER have firmware of their own and no \
              UEFI. With uefi false a virt machine has no firmware that starts a disk, and needs boot.kernel.",
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

pub(super) static NVRAM_FOLDER: Check = Check {
    code: "NVRAM-FOLDER",
    title: "folder of the UEFI variables exists",
    explain: "libvirt creates the file of the UEFI variables at the first start, but not the folder that it is in: the \
              start fails with \"Failed to create file\". Leave nvram out, and libvirt uses a folder of its own.",
    run: Some(nvram_folder),
    ..Check::VM
};

static OS_FIRMWARE: Check = Check {
    code: "OS-FIRMWARE",
    title: "firmware fits an installed Windows",
    explain: "Windows from version 8 on is installed by UEFI unless the spec says otherwise. A disk that is attached or \
              cloned may hold a Windows that was installed by BIOS, which UEFI does not start. Set uefi to false for \
              such a disk, or convert it in the guest with mbr2gpt.",
    run: Some(installed),
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
    if known.firmware.is_none() {
        notes.unknown(field("uefi"), what, "libvirt does not report it for this machine type");
    } else if known.lacks_uefi() {
        let message = text!(
            "no UEFI firmware is installed for {arch} guests of machine type {machine}",
            arch = known.arch,
            machine = known.machine
        );
        let remedy = match package(&known.arch) {
            _ if !subject.machine.chipset.can_have_uefi() => {
                text!(
                    "leave uefi out: machine type {machine} has no UEFI",
                    machine = subject.machine.machine_type.value
                )
            }
            Some(package) if subject.machine.is_x86() => package.into(),
            Some(package) => text!("{package}, or set uefi to false and name a boot.kernel", package),
            None => "set uefi to false".into(),
        };
        notes.blocker(field("uefi"), message, remedy);
    }
}

/// How to install the UEFI of an architecture; `None` where none exists.
pub(super) fn package(arch: &str) -> Option<&'static str> {
    Some(match arch {
        "x86_64" => "install ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora, Arch)",
        "i686" => "install ovmf-ia32 (Debian, Ubuntu) or edk2-ovmf-ia32 (Fedora)",
        "aarch64" => "install qemu-efi-aarch64 (Debian, Ubuntu) or edk2-aarch64 (Fedora, Arch)",
        "armv7l" | "armv6l" => "install qemu-efi-arm (Debian, Ubuntu) or edk2-arm (Fedora)",
        "riscv64" => "install qemu-efi-riscv64 (Debian, Ubuntu) or edk2-riscv64 (Fedora)",
        "loongarch64" => "install qemu-efi-loongarch64 (Debian, Ubuntu) or edk2-loongarch64 (Fedora)",
        _ => return None,
    })
}

/// libvirt makes the file and not the folder.
fn nvram_folder(subject: &Subject, notes: &mut Notes) {
    let Some(path) = subject.machine.nvram.as_deref().filter(|path| path.starts_with('/')) else { return };
    if !subject.machine.firmware.value.is_uefi() {
        return;
    }
    let folder = parent(path);
    match subject.file(folder) {
        Err(why) => notes.unknown(field("nvram"), text!("whether the folder {folder} exists", folder), clause(why)),
        Ok(file) if file.kind == MediaKind::Missing => {
            let message = text!("the folder {folder} does not exist, and libvirt does not create it", folder);
            notes.blocker(field("nvram"), message, text!("mkdir -p {folder}", folder = shell_quote(folder)));
        }
        Ok(file) if file.kind != MediaKind::Folder => {
            notes.blocker(field("nvram"), text!("{folder} is not a folder", folder), "name a file in a folder");
        }
        Ok(_) => notes.looked(),
    }
    if subject.file(path).is_ok_and(|file| !matches!(file.kind, MediaKind::Missing | MediaKind::File)) {
        notes.blocker(field("nvram"), text!("{path} is not a regular file", path), "name a file");
    }
}

/// What is installed on a disk by BIOS is not started by UEFI.
fn installed(subject: &Subject, notes: &mut Notes) {
    let machine = subject.machine;
    if !machine.windows || !machine.firmware.value.is_uefi() || machine.firmware.why().is_none() {
        return;
    }
    let there = |disk: &&Disk| {
        let existing =
            matches!(disk.origin, DiskOrigin::Existing(_) | DiskOrigin::Clone { .. } | DiskOrigin::Drive { .. });
        disk.device == DiskDevice::Disk && existing
    };
    let Some(disk) = machine.disks.iter().find(there) else { return };
    let message = "the guest boots by UEFI, the default for Windows; a Windows installed by BIOS does not start";
    notes.info(disk.place.clone(), message, Remedy::from("set uefi to false if it was").setting(field("uefi"), false));
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
    use crate::checks::fixture::{Asked, file};
    use crate::facts::{Fact, MediaFile, MediaKind};
    use serde_json::json;

    #[test]
    fn uefi_needs_a_firmware() {
        let asked = || Asked::with(json!({"uefi": true}));
        let want = "no UEFI firmware is installed for x86_64 guests of machine type pc-q35-10.0";
        asked().offering(|known| known.firmware = Some(vec!["bios".into()])).blocks("UEFI-MISSING", "uefi", want);
        asked().offering(|known| known.firmware = Some(Vec::new())).blocks("UEFI-MISSING", "uefi", want);
        asked().offering(|known| known.firmware = None).unknown("UEFI-MISSING");
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
    fn the_package_is_that_of_the_architecture() {
        let said = |arch: &str, machine: &str| {
            let asked = Asked::with(json!({"architecture": arch, "uefi": true, "virt_type": "qemu"}));
            let asked = asked.offering(|known| {
                (known.arch, known.machine, known.firmware) = (arch.into(), machine.into(), Some(Vec::new()));
            });
            asked.said("UEFI-MISSING").blocker().remedy
        };
        assert!(said("riscv64", "virt-10.0").starts_with("install qemu-efi-riscv64 "));
        assert!(said("aarch64", "virt-10.0").starts_with("install qemu-efi-aarch64 "));
        assert!(said("riscv64", "virt-10.0").ends_with("or set uefi to false and name a boot.kernel"));
        assert_eq!(said("s390x", "s390-ccw-virtio-10.0"), "leave uefi out: machine type s390-ccw-virtio has no UEFI");
    }

    #[test]
    fn variables_are_in_a_folder_that_exists() {
        let asked = || Asked::with(json!({"uefi": true, "nvram": "/opt/vms/a_VARS.fd"}));
        let folder = |kind| MediaFile { kind, ..file() };
        let said = asked().known_file("/opt/vms", folder(MediaKind::Missing)).said("NVRAM-FOLDER").blocker();
        assert_eq!((said.place.as_str(), said.remedy.as_str()), ("nvram", "mkdir -p /opt/vms"));
        asked().known_file("/opt/vms", folder(MediaKind::Folder)).passes("NVRAM-FOLDER");
        asked().known_file("/opt/vms", folder(MediaKind::File)).said("NVRAM-FOLDER").blocker();
        let file = asked().known_file("/opt/vms", folder(MediaKind::Folder));
        file.known_file("/opt/vms/a_VARS.fd", folder(MediaKind::Folder)).said("NVRAM-FOLDER").blocker();
        asked().unknown("NVRAM-FOLDER");
        Asked::with(json!({"uefi": true})).quiet("NVRAM-FOLDER");
    }

    #[test]
    fn an_installed_windows_may_boot_by_bios() {
        let windows = |uefi: Option<bool>| {
            let disks = json!([{"action": "attach", "path": "a.qcow2"}]);
            Asked::with(json!({"os_type": "windows", "uefi": uefi, "storage": {"disks": disks}}))
        };
        let said = windows(None).said("OS-FIRMWARE").info();
        assert_eq!(said.place, "storage.disks[0]");
        windows(Some(true)).quiet("OS-FIRMWARE");
        Asked::with(json!({"os_type": "windows"})).quiet("OS-FIRMWARE");
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
