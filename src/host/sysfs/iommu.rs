//! Whether the IOMMU is on and, if not, why: firmware, kernel command line, or the hypervisor around this machine.

use super::cpu::CpuFlags;
use crate::facts::{Fact, Iommu, Provenance};
use crate::host::{Sysroot, now};

/// Where the kernel lists its groups.
pub const GROUPS: &str = "/sys/kernel/iommu_groups";

/// The state of the IOMMU; unknown in a tree without /sys, where nothing speaks for or against it.
pub fn read(sysroot: &Sysroot) -> Fact<Iommu> {
    let groups = sysroot.names(GROUPS).len();
    let iommu = if groups > 0 {
        Iommu::On { groups: u32::try_from(groups).unwrap_or(u32::MAX) }
    } else if sysroot.exists("/sys") {
        let (cause, remedy) = why_off(sysroot);
        Iommu::Off { cause, remedy }
    } else {
        return Fact::unknown(format!("{GROUPS} cannot be listed: there is no /sys in this tree."));
    };
    Fact::known(iommu, Provenance::File(GROUPS.into()), now())
}

fn why_off(sysroot: &Sysroot) -> (String, String) {
    let tables = sysroot.names("/sys/firmware/acpi/tables");
    let cpu = CpuFlags::read(sysroot).ok();
    if cpu.as_ref().is_some_and(|cpu| !cpu.lists_flags()) {
        return why_off_beside_x86(sysroot, &tables);
    }
    let announced = tables.iter().any(|table| table == "DMAR" || table == "IVRS");
    let cmdline = sysroot.read("/proc/cmdline").unwrap_or_default();
    let words: Vec<&str> = cmdline.split_whitespace().collect();
    if let Some(word) = words.iter().find(|word| ["iommu=off", "intel_iommu=off", "amd_iommu=off"].contains(*word)) {
        let cause = format!("The kernel command line switches the IOMMU off with '{word}'.");
        return (cause, format!("Remove {word} from the kernel command line, then reboot."));
    }
    if !announced {
        return not_announced(cpu.as_ref());
    }
    if tables.iter().any(|table| table == "DMAR") && !words.contains(&"intel_iommu=on") {
        let cause = "The firmware announces Intel VT-d, but this kernel leaves it off by default.";
        return (cause.into(), "Add intel_iommu=on to the kernel command line, then reboot.".into());
    }
    (
        "The firmware announces an IOMMU, but the kernel has built no groups.".into(),
        "Look for the reason with 'dmesg | grep -e DMAR -e AMD-Vi -e IOMMU'.".into(),
    )
}

/// On ARM the firmware tells of IOMMUs (SMMU) in the table IORT or in the device tree; small boards have none in front of PCI
/// Express, and nothing to set.
fn why_off_beside_x86(sysroot: &Sysroot, tables: &[String]) -> (String, String) {
    let units = sysroot.names("/sys/class/iommu");
    let nodes = ["/proc/device-tree", "/proc/device-tree/soc", "/proc/device-tree/axi"].map(|node| sysroot.names(node));
    let named = |name: &String| ["iommu@", "smmu@"].iter().any(|kind| name.starts_with(kind));
    let has_unit = !units.is_empty() || nodes.iter().flatten().any(named);
    if tables.iter().any(|table| table == "IORT") {
        return (
            "The firmware has a table of IOMMUs (IORT), but the kernel has built no groups.".into(),
            "Switch the SMMU on in the firmware set-up, or use a kernel that has its driver (CONFIG_ARM_SMMU_V3, \
             CONFIG_ARM_SMMU); 'dmesg | grep -i smmu' shows which."
                .into(),
        );
    }
    if has_unit {
        return (
            "This machine has an IOMMU, but the kernel has built no groups.".into(),
            "Look for the reason with 'dmesg | grep -i -e smmu -e iommu'.".into(),
        );
    }
    (
        "This board has no IOMMU in front of PCI Express.".into(),
        "Nothing can be switched on: use a machine that has one.".into(),
    )
}

/// No DMAR (Intel) and no IVRS (AMD) table.
fn not_announced(cpu: Option<&CpuFlags>) -> (String, String) {
    match cpu {
        Some(cpu) if cpu.is_virtual() => (
            "This machine is itself a virtual machine, and its hypervisor gives it no IOMMU.".into(),
            "Run vmbuild against the physical host, or give this machine a virtual IOMMU (libvirt: <iommu model='intel'> \
             with <driver intremap='on'/>)."
                .into(),
        ),
        Some(cpu) if cpu.is_intel() => (
            "The firmware announces no IOMMU (there is no DMAR table in ACPI).".into(),
            "Switch on VT-d in the firmware set-up, then reboot.".into(),
        ),
        Some(cpu) if cpu.vendor == "AuthenticAMD" => (
            "The firmware announces no IOMMU (there is no IVRS table in ACPI).".into(),
            "Set IOMMU to Enabled, not Auto, and switch on SVM in the firmware set-up, then reboot.".into(),
        ),
        _ => (
            "The kernel has built no IOMMU groups, and the firmware announces no IOMMU.".into(),
            "Switch on Intel VT-d or AMD IOMMU in the firmware set-up, then reboot.".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// A host without groups, by ACPI table, command line, CPU vendor and flags.
    fn off(table: &str, cmdline: &str, vendor: &str, flags: &str) -> (String, String) {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["sys/firmware/acpi/tables", "proc", "usr/sbin"] {
            std::fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        if !table.is_empty() {
            std::fs::write(tree.path().join("sys/firmware/acpi/tables").join(table), "").unwrap();
        }
        std::fs::write(tree.path().join("usr/sbin/update-grub"), "").unwrap();
        std::fs::write(tree.path().join("proc/cmdline"), cmdline).unwrap();
        let cpu = format!("vendor_id : {vendor}\nflags : fpu {flags}\n");
        std::fs::write(tree.path().join("proc/cpuinfo"), cpu).unwrap();
        match read(&Sysroot::new(tree.path())).get() {
            Some(Iommu::Off { cause, remedy }) => (cause.clone(), remedy.clone()),
            other => panic!("no groups, yet {other:?}"),
        }
    }

    #[test]
    fn a_tree_without_sysfs_says_nothing_of_the_iommu() {
        let tree = tempfile::tempdir().unwrap();
        assert!(read(&Sysroot::new(tree.path())).get().is_none());
        assert!(read(&Sysroot::new(tree.path().join("nonexistent"))).get().is_none());
    }

    #[test]
    fn the_command_line_is_quoted() {
        let (cause, remedy) = off("DMAR", "quiet intel_iommu=off", "GenuineIntel", "vmx");
        assert!(cause.contains("'intel_iommu=off'"), "{cause}");
        assert!(remedy.contains("Remove intel_iommu=off from"), "{remedy}");
    }

    #[test]
    fn an_intel_kernel_that_waits_to_be_told_is_told() {
        let (_, remedy) = off("DMAR", "quiet", "GenuineIntel", "vmx");
        assert!(remedy.contains("Add intel_iommu=on to"), "{remedy}");
    }

    #[test]
    fn a_board_without_an_iommu_has_nothing_to_switch_on() {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["sys/firmware/acpi/tables", "proc"] {
            std::fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        let file = |path: &str, text: &str| std::fs::write(tree.path().join(path), text).unwrap();
        file("proc/cpuinfo", "processor : 0\nFeatures : fp asimd\nCPU implementer : 0x41\n");
        let root = Sysroot::new(tree.path());
        let (cause, remedy) = why_off(&root);
        assert!(cause.contains("no IOMMU") && remedy.contains("Nothing can be switched on"), "{cause} {remedy}");
        file("sys/firmware/acpi/tables/IORT", "");
        assert!(why_off(&root).1.contains("SMMU"), "{}", why_off(&root).1);
    }

    #[test]
    fn firmware_and_hypervisor_are_told_apart() {
        assert!(off("", "quiet", "AuthenticAMD", "svm").1.contains("SVM"));
        assert!(off("", "quiet", "GenuineIntel", "vmx").1.contains("VT-d"));
        assert!(off("", "quiet", "GenuineIntel", "hypervisor").0.contains("virtual machine"));
        assert!(off("IVRS", "quiet", "AuthenticAMD", "svm").1.contains("dmesg"));
    }
}
