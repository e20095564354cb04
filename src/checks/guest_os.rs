//! Checks of what the spec says about the guest's system: family and osinfo id.

use super::text::{Arg, Joint, Text, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::machine::{DiskOrigin, Firmware, Machine};
use crate::spec::suggest::nearest;
use crate::spec::{DiskDevice, OsFamily};
use crate::units::Bytes;

pub(super) static CHECKS: &[&Check] = &[&OS_TYPE, &OS_VARIANT, &VM_WIN11];

static OS_TYPE: Check = Check {
    code: "OS-TYPE",
    title: "guest OS family is known",
    explain: "os_type is the family: linux, windows, bsd, solaris, macos, dos or other. Only windows changes the VM: \
              local time and Hyper-V features. Any other text means an OS without these, so a typo turns them off. Put \
              the operating system itself (ubuntu24.04, win11) in os_variant.",
    run: Some(family),
    ..Check::VM
};

static OS_VARIANT: Check = Check {
    code: "OS-VARIANT",
    title: "os_variant is an osinfo ID",
    explain: "os_variant is an ID of the osinfo database, such as ubuntu24.04, debian12, win11 or win2k22; \
              `virt-install --osinfo list` lists them. It is stored with the domain for other programs, and win... \
              enables the settings for Windows. This check covers the form of the ID only, not the database.",
    run: Some(variant),
    ..Check::VM
};

static VM_WIN11: Check = Check {
    code: "VM-WIN11",
    title: "VM meets the Windows 11 requirements",
    explain: "The Windows 11 setup requires UEFI with Secure Boot, a TPM 2.0, two CPUs, 4 GiB of memory and a disk of \
              64 GiB, and feature updates check again. Some of it can be bypassed, so this does not block the build; \
              an installation that bypasses it may not get its next feature update.",
    run: Some(windows_11),
    ..Check::VM
};

/// What Windows 11 asks for at least.
const WIN11: (u32, Bytes, Bytes) = (2, Bytes::gib(4), Bytes::gib(64));

fn family(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = subject.spec.os_type.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return };
    notes.looked();
    let lower = asked.to_ascii_lowercase();
    if OsFamily::named(&lower).is_some() {
        return;
    }
    let message =
        text!("os_type {asked} is not a known family; the Windows settings are off", asked = Arg::quoted(asked));
    let remedy = if let Some(family) = meant(&lower) {
        text!("write {family}, and put the operating system itself in os_variant", family = family.name())
    } else {
        text!("write one of {families}", families = Arg::list(Joint::Comma, known()))
    };
    notes.warning(field("os_type"), message, remedy);
}

fn known() -> Vec<&'static str> {
    OsFamily::ALL.iter().map(|family| family.name()).collect()
}

/// The family of a name that is one of its members, or nearly the family's own.
fn meant(asked: &str) -> Option<OsFamily> {
    const MEMBERS: [(&str, OsFamily); 13] = [
        ("win", OsFamily::Windows),
        ("ubuntu", OsFamily::Linux),
        ("debian", OsFamily::Linux),
        ("fedora", OsFamily::Linux),
        ("rhel", OsFamily::Linux),
        ("centos", OsFamily::Linux),
        ("rocky", OsFamily::Linux),
        ("alma", OsFamily::Linux),
        ("opensuse", OsFamily::Linux),
        ("arch", OsFamily::Linux),
        ("freebsd", OsFamily::Bsd),
        ("openbsd", OsFamily::Bsd),
        ("netbsd", OsFamily::Bsd),
    ];
    let member = MEMBERS.iter().find(|(start, _)| asked.starts_with(start)).map(|(_, family)| *family);
    member.or_else(|| nearest(asked, known()).and_then(OsFamily::named))
}

fn variant(subject: &Subject, notes: &mut Notes) {
    let Some(asked) = subject.spec.os_variant.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return };
    notes.looked();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_+".contains(c);
    if !asked.chars().all(fits) || !asked.starts_with(|c: char| c.is_ascii_lowercase()) {
        let message = text!("os_variant {asked} does not have the form of an osinfo ID", asked = Arg::quoted(asked));
        let remedy = "write an ID such as ubuntu24.04 or win11: virt-install --osinfo list shows them";
        notes.warning(field("os_variant"), message, remedy);
    }
}

fn windows_11(subject: &Subject, notes: &mut Notes) {
    let machine = subject.machine;
    if !machine.guest.is_windows_11() {
        return;
    }
    notes.looked();
    let (vcpus, memory, disk) = WIN11;
    let mut lacks: Vec<Text> = Vec::new();
    match machine.firmware.value {
        Firmware::Bios => lacks.push("UEFI with Secure Boot (secure_boot)".into()),
        Firmware::Uefi { secure_boot: false } => lacks.push("Secure Boot (secure_boot)".into()),
        Firmware::Uefi { secure_boot: true } => {}
    }
    if !machine.tpm.value {
        lacks.push("a TPM 2.0 (tpm)".into());
    }
    if let Some(has) = machine.vcpus.filter(|has| *has < vcpus) {
        lacks.push(text!("{vcpus} CPUs (has {has})", vcpus, has));
    }
    if let Some(has) = machine.memory.filter(|has| *has < memory) {
        lacks.push(text!("{memory} of memory (has {has})", memory = Arg::Gib(memory), has = Arg::Gib(has)));
    }
    if let Some(has) = largest_disk(machine).filter(|has| *has < disk) {
        lacks.push(text!("a disk of {disk} (has {has})", disk = Arg::Gib(disk), has = Arg::Gib(has)));
    }
    if !lacks.is_empty() {
        let message = text!("Windows 11 requires {lacks}", lacks = Arg::all(lacks));
        notes.warning(field("os_variant"), message, "set what is missing; its setup does not continue without it");
    }
}

/// The size of the largest disk, where the build makes all of them.
fn largest_disk(machine: &Machine) -> Option<Bytes> {
    let own = machine.disks.iter().filter(|disk| disk.device == DiskDevice::Disk);
    let sizes = own.filter(|disk| !matches!(disk.origin, DiskOrigin::Seed { .. })).map(|disk| match disk.origin {
        DiskOrigin::New { size, .. } => size,
        _ => None,
    });
    sizes.collect::<Option<Vec<Bytes>>>()?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    #[test]
    fn a_family_that_is_none_is_pointed_out_with_the_likely_one() {
        for (asked, remedy) in [
            ("900 GiB", "write one of linux, windows, bsd, solaris, macos, dos, other"),
            ("Windows 11", "write windows, and put the operating system itself in os_variant"),
            ("ubuntu", "write linux, and put the operating system itself in os_variant"),
            ("linus", "write linux, and put the operating system itself in os_variant"),
        ] {
            assert_eq!(Asked::with(json!({"os_type": asked})).said("OS-TYPE").warning().remedy, remedy, "{asked}");
        }
        Asked::with(json!({"os_type": "Windows"})).passes("OS-TYPE");
        Asked::good().quiet("OS-TYPE").quiet("OS-VARIANT");
    }

    #[test]
    fn what_windows_11_asks_for_is_said_in_one() {
        let want = "Windows 11 requires UEFI with Secure Boot (secure_boot), a TPM 2.0 (tpm), 2 CPUs (has 1), 4 GiB of \
                    memory (has 2 GiB) and a disk of 64 GiB (has 20 GiB)";
        let small = json!({"os_variant": "win11", "memory": 2048, "vcpus": 1, "uefi": false, "tpm": false});
        Asked::with(small).warns("VM-WIN11", "os_variant", want);
        let large = json!({"disks": [{"action": "create", "size": 64}]});
        let whole = json!({"os_variant": "win11", "secure_boot": true, "tpm": true, "storage": large});
        Asked::with(whole).passes("VM-WIN11");
        // What is on a disk that is there already has its own size.
        let copied = json!({"disks": [{"action": "clone", "clone_from": "old-vda.qcow2"}]});
        Asked::with(json!({"os_variant": "win11", "secure_boot": true, "tpm": true, "storage": copied}))
            .passes("VM-WIN11");
        Asked::with(json!({"os_variant": "win10", "vcpus": 1})).quiet("VM-WIN11");
    }

    #[test]
    fn an_osinfo_id_is_one_word_in_lower_case() {
        let want = "os_variant 'Windows 11' does not have the form of an osinfo ID";
        Asked::with(json!({"os_variant": "Windows 11"})).warns("OS-VARIANT", "os_variant", want);
        for id in ["win11", "ubuntu24.04", "opensuse15.6", "silverblue-unknown"] {
            Asked::with(json!({"os_variant": id})).passes("OS-VARIANT");
        }
    }
}
