//! Architecture, machine type, firmware, TPM and the family of the guest system.

use super::{Chipset, Choice, Firmware, Guest};
use crate::facts::{DomainCapabilities, Facts};
use crate::spec::devices::FirmwareKind;
use crate::spec::{Place, Spec, filled};

/// True where the guest is a PC.
pub fn is_x86(arch: &str) -> bool {
    matches!(arch, "x86_64" | "i686")
}

pub(super) fn arch(spec: &Spec) -> Choice<String> {
    match filled(spec.architecture.as_deref()) {
        Some(arch) => Choice::asked(arch.to_owned(), Place::root().key("architecture")),
        None => Choice::default("x86_64".into(), "the usual one"),
    }
}

/// q35 on PCs, `virt` and its like elsewhere; what the host lists decides only where our first choice is missing.
pub(super) fn machine_type(spec: &Spec, facts: &Facts, arch: &str, guest: &Guest) -> Choice<String> {
    if let Some(asked) = filled(spec.machine.as_deref()) {
        return Choice::asked(asked.to_owned(), Place::root().key("machine"));
    }
    let (first, why) = match arch {
        "x86_64" | "i686" => ("q35", "PCI Express, which passed cards and UEFI need"),
        "ppc64" | "ppc64le" => ("pseries", "the common machine of POWER"),
        "s390x" => ("s390-ccw-virtio", "the common machine of IBM Z"),
        _ => ("virt", "the common machine of this architecture"),
    };
    let guests = facts.capabilities.get().map_or(&[][..], |known| &known.guests);
    let listed = guests.iter().find(|guest| guest.arch == arch).map_or(&[][..], |guest| &guest.machines);
    let has = |name: &str| listed.is_empty() || listed.iter().any(|listed| listed == name);
    if first == "q35" && guest.lacks_q35() && !spec.secure_boot.unwrap_or(false) && has("pc") {
        return Choice::default("pc".into(), format!("{} does not support q35", guest.name()));
    }
    match listed.first() {
        Some(other) if !listed.iter().any(|name| name == first) => {
            Choice::default(other.clone(), format!("this host's QEMU has no {first}"))
        }
        _ => Choice::default(first.to_owned(), why),
    }
}

/// UEFI where asked for, where Secure Boot needs it and where the machine has nothing else.
pub(super) fn firmware(
    spec: &Spec,
    host: Option<&DomainCapabilities>,
    chipset: Chipset,
    arch: &str,
    guest: &Guest,
) -> Choice<Firmware> {
    let secure_boot = spec.secure_boot.unwrap_or(false);
    if let Some(kind) = spec.firmware.filter(|kind| !secure_boot || *kind == FirmwareKind::Uefi) {
        let firmware = if kind == FirmwareKind::Uefi { Firmware::Uefi { secure_boot } } else { Firmware::Bios };
        return Choice::asked(firmware, Place::root().key("firmware"));
    }
    match spec.uefi {
        _ if secure_boot => Choice::asked(Firmware::Uefi { secure_boot }, Place::root().key("secure_boot")),
        Some(true) => Choice::asked(Firmware::Uefi { secure_boot }, Place::root().key("uefi")),
        Some(false) => Choice::asked(Firmware::Bios, Place::root().key("uefi")),
        None if chipset.boots_by_uefi_alone() => {
            Choice::default(Firmware::Uefi { secure_boot }, "this machine type has no BIOS")
        }
        None if !chipset.can_have_uefi() => Choice::default(Firmware::Bios, "this machine type has no UEFI"),
        None => by_guest(spec, host, chipset, arch, guest),
    }
}

/// UEFI where the system boots by nothing else, for a Windows that installs by it, and where another that boots by it is
/// installed; as far as the host has it.
fn by_guest(
    spec: &Spec,
    host: Option<&DomainCapabilities>,
    chipset: Chipset,
    arch: &str,
    guest: &Guest,
) -> Choice<Firmware> {
    let boots = guest.profile.as_ref().map(|profile| profile.boots(arch)).unwrap_or_default();
    let lacks_uefi = host.is_some_and(DomainCapabilities::lacks_uefi);
    let signed = chipset == Chipset::Q35 && spec.secure_boot != Some(false);
    let secure_boot = guest.is_windows_11() && signed && host.is_none_or(|host| host.secure_boot != Some(false));
    let uefi = |why: String| Choice::default(Firmware::Uefi { secure_boot }, why);
    let by_uefi = format!("{} boots by UEFI", guest.name());
    match (boots.bios, boots.uefi) {
        (Some(false), _) if lacks_uefi => Choice::default(Firmware::Bios, "this host has no UEFI firmware"),
        (Some(false), _) if secure_boot => uefi(format!("{by_uefi} only, and Secure Boot is requested")),
        (Some(false), _) => uefi(format!("{by_uefi} alone")),
        _ if guest.installs_by_uefi(arch) && lacks_uefi => {
            Choice::default(Firmware::Bios, "this host has no UEFI firmware")
        }
        _ if guest.installs_by_uefi(arch) => uefi("Windows installs by UEFI from version 8 on".into()),
        (_, Some(true)) if guest.installs && chipset == Chipset::Q35 && !lacks_uefi => uefi(by_uefi),
        _ => Choice::default(Firmware::Bios, "UEFI was not requested"),
    }
}

/// As asked; else for Windows 11, where the host can emulate one.
pub(super) fn tpm(spec: &Spec, host: Option<&DomainCapabilities>, guest: &Guest) -> Choice<bool> {
    let lacks = host.is_some_and(|host| !host.tpm_backends.iter().any(|backend| backend == "emulator"));
    match spec.tpm {
        Some(asked) => Choice::asked(asked, Place::root().key("tpm")),
        None if guest.is_windows_11() && lacks => {
            Choice::default(false, "this host cannot emulate one: it has no swtpm")
        }
        None if guest.is_windows_11() => Choice::default(true, format!("{} needs TPM 2.0", guest.name())),
        None => Choice::default(false, "not requested"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::machine;

    #[test]
    fn a_plain_spec_is_a_bios_q35_pc() {
        let spec = Spec::default();
        assert_eq!(arch(&spec).value, "x86_64");
        let machine = machine(&spec, &Facts::default());
        assert_eq!((machine.machine_type.value.as_str(), machine.firmware.value), ("q35", Firmware::Bios));
    }

    #[test]
    fn secure_boot_brings_uefi_along() {
        let spec = Spec { secure_boot: Some(true), ..Spec::default() };
        assert_eq!(machine(&spec, &Facts::default()).firmware.value, Firmware::Uefi { secure_boot: true });
    }

    #[test]
    fn machines_without_a_bios_boot_by_uefi() {
        let spec = Spec { architecture: Some("aarch64".into()), ..Spec::default() };
        assert_eq!(machine(&spec, &Facts::default()).firmware.value, Firmware::Uefi { secure_boot: false });
    }
}
