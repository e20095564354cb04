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
    title: "the family of the guest's system is a known one",
    explain: "os_type is the family: linux, windows, bsd, solaris, macos, dos or other. Only windows changes the VM: \
              clock in local time and Hyper-V features. Any other text stands for a system without these, so a slip of \
              the pen takes them away. The system itself (ubuntu24.04, win11) belongs into os_variant.",
    run: Some(family),
    ..Check::VM
};

static OS_VARIANT: Check = Check {
    code: "OS-VARIANT",
    title: "the guest's system has the form of an osinfo id",
    explain: "os_variant is an id of the osinfo database, such as ubuntu24.04, debian12, win11 or win2k22; \
              `virt-install --osinfo list` lists them. It is kept with the domain for other programs, and win... \
              brings the settings for Windows. vmbuild looks at its form only, not into the database.",
    run: Some(variant),
    ..Check::VM
};

static VM_WIN11: Check = Check {
    code: "VM-WIN11",
    title: "the VM has what Windows 11 asks for",
    explain: "The setup of Windows 11 goes on only with UEFI with Secure Boot, a TPM 2.0, two CPUs, 4 GiB of memory \
              and a disk of 64 GiB, and updates look again. There are ways around some of it, so that this is no \
              blocker; what is installed by them may be refused its next feature update.",
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
        text!("os_type {asked} is not a known family; no settings for Windows are made", asked = Arg::quoted(asked));
    let remedy = if let Some(family) = meant(&lower) {
        text!("write {family}; the system itself belongs into os_variant", family = family.name())
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
        let message = text!("os_variant {asked} has not the form of an osinfo id", asked = Arg::quoted(asked));
        let remedy = "write an id such as ubuntu24.04 or win11: virt-install --osinfo list shows them";
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
        let message = text!("Windows 11 asks for {lacks}", lacks = Arg::all(lacks));
        notes.warning(field("os_variant"), message, "set what is missing; its setup does not go on without");
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
            ("Windows 11", "write windows; the system itself belongs into os_variant"),
            ("ubuntu", "write linux; the system itself belongs into os_variant"),
            ("linus", "write linux; the system itself belongs into os_variant"),
        ] {
            assert_eq!(Asked::with(json!({"os_type": asked})).said("OS-TYPE").warning().remedy, remedy, "{asked}");
        }
        Asked::with(json!({"os_type": "Windows"})).passes("OS-TYPE");
        Asked::good().quiet("OS-TYPE").quiet("OS-VARIANT");
    }

    #[test]
    fn what_windows_11_asks_for_is_said_in_one() {
        let want = "Windows 11 asks for UEFI with Secure Boot (secure_boot), a TPM 2.0 (tpm), 2 CPUs (has 1), 4 GiB of memory \
                    (has 2 GiB) and a disk of 64 GiB (has 20 GiB)";
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
        let want = "os_variant 'Windows 11' has not the form of an osinfo id";
        Asked::with(json!({"os_variant": "Windows 11"})).warns("OS-VARIANT", "os_variant", want);
        for id in ["win11", "ubuntu24.04", "opensuse15.6", "silverblue-unknown"] {
            Asked::with(json!({"os_variant": id})).passes("OS-VARIANT");
        }
    }
}
