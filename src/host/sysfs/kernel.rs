//! The running kernel and the machine below it: release, command line, build options, firmware, CPU, board.

use super::attribute::{failed, flag, hexadecimal, known, odd, text};
use super::{cpu, sleep};
use crate::facts::{Fact, HostCpu, IommuTable, Kernel, Lockdown};
use crate::host::Sysroot;
use crate::host::sysroot::is_refusal;
use std::collections::{BTreeMap, BTreeSet};

const RELEASE: &str = "/proc/sys/kernel/osrelease";
const INTERRUPTS: &str = "/proc/interrupts";
const TABLES: &str = "/sys/firmware/acpi/tables";
const UNITS: &str = "/sys/class/iommu";
const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// Build options that passthrough depends on.
const OPTIONS: [&str; 20] = [
    "AMD_IOMMU",
    "DRM_SIMPLEDRM",
    "FTRACE",
    "INTEL_IOMMU",
    "INTEL_IOMMU_DEFAULT_ON",
    "INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF",
    "IOMMUFD",
    "IOMMU_DEFAULT_DMA_LAZY",
    "IOMMU_DEFAULT_DMA_STRICT",
    "IOMMU_DEFAULT_PASSTHROUGH",
    "IRQ_REMAP",
    "KPROBES",
    "SYSFB_SIMPLEFB",
    "VFIO",
    "VFIO_DEVICE_CDEV",
    "VFIO_IOMMU_TYPE1",
    "VFIO_NOIOMMU",
    "VFIO_PCI",
    "VFIO_PCI_VGA",
    "X86_X2APIC",
];

/// The kernel and its machine; unknown where there is no procfs.
pub fn read(sysroot: &Sysroot) -> Fact<Kernel> {
    if !sysroot.exists("/proc") {
        return Fact::unknown("There is no /proc.");
    }
    let (release, cpu) = (text(sysroot, RELEASE), cpu(sysroot));
    let kernel = Kernel {
        options: options(sysroot, &release),
        command_line: text(sysroot, "/proc/cmdline").map(|line| words(&line)),
        lockdown: text(sysroot, LOCKDOWN).try_map(|text| lockdown(&text), || odd(LOCKDOWN)),
        secure_boot: secure_boot(sysroot),
        iommu_table: iommu_table(sysroot),
        interrupt_remapping: interrupt_remapping(sysroot, &cpu),
        iommu_address_bits: iommu_address_bits(sysroot),
        cpu,
        cpu_features: cpu_features(sysroot),
        nested: nested(sysroot),
        chassis: number(sysroot, "/sys/class/dmi/id/chassis_type"),
        board: board(sysroot),
        sleep: sleep::read(sysroot),
        release,
    };
    known(kernel, "/proc")
}

/// Words are separated by blanks, except within double quotes.
fn words(line: &str) -> Vec<String> {
    let mut quoted = false;
    let split = line.split(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    split.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn options(sysroot: &Sysroot, release: &Fact<String>) -> Fact<BTreeMap<String, String>> {
    let Some(release) = release.get() else { return Fact::unknown("The kernel's release is unknown.") };
    let paths = [
        format!("/boot/config-{release}"),
        format!("/lib/modules/{release}/config"),
        format!("/usr/lib/modules/{release}/config"),
    ];
    let mut why = Fact::unknown(format!("There is no readable configuration of kernel {release} in /boot."));
    for path in paths {
        match sysroot.read(&path) {
            Ok(text) => return known(chosen(&text), path),
            Err(error) if is_refusal(&error) => why = failed(&path, &error),
            Err(_) => {}
        }
    }
    why
}

/// Those of our options that are set.
fn chosen(text: &str) -> BTreeMap<String, String> {
    let set = text.lines().filter_map(|line| line.strip_prefix("CONFIG_")?.split_once('='));
    set.filter(|(name, _)| OPTIONS.contains(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `none [integrity] confidentiality`: the one in brackets holds.
fn lockdown(text: &str) -> Option<Lockdown> {
    let (_, rest) = text.split_once('[')?;
    Some(match rest.split_once(']')?.0 {
        "none" => Lockdown::None,
        "integrity" => Lockdown::Integrity,
        "confidentiality" => Lockdown::Confidentiality,
        _ => return None,
    })
}

/// The variable's value is its fifth byte, after four of attributes.
fn secure_boot(sysroot: &Sysroot) -> Fact<bool> {
    match sysroot.bytes(SECURE_BOOT) {
        Ok(bytes) => {
            known(bytes, SECURE_BOOT).try_map(|bytes| bytes.get(4).map(|value| *value == 1), || odd(SECURE_BOOT))
        }
        // Without EFI there is nothing that could be signed; with it, a machine without the variable does not know it.
        Err(_) if sysroot.exists("/sys/firmware") && !sysroot.exists("/sys/firmware/efi") => {
            known(false, "/sys/firmware/efi")
        }
        Err(error) => failed(SECURE_BOOT, &error),
    }
}

fn iommu_table(sysroot: &Sysroot) -> Fact<Option<IommuTable>> {
    let tables = sysroot.names(TABLES);
    if tables.is_empty() && !sysroot.exists(TABLES) {
        return Fact::unknown(format!("There is no {TABLES}."));
    }
    let found = [("DMAR", IommuTable::Dmar), ("IVRS", IommuTable::Ivrs), ("IORT", IommuTable::Iort)];
    let table = found.into_iter().find(|(name, _)| tables.iter().any(|table| table == name));
    known(table.map(|(_, table)| table), TABLES)
}

/// On x86 the names of remapped interrupt chips begin with `IR-`. Other architectures have no such thing: their interrupt
/// controllers tell devices apart by themselves, and some name their chips as x86 does.
fn interrupt_remapping(sysroot: &Sysroot, cpu: &Fact<HostCpu>) -> Fact<bool> {
    if cpu.get().is_some_and(|cpu| cpu.virtualises.is_none()) {
        return Fact::unknown("Only x86 has interrupt remapping.");
    }
    text(sysroot, INTERRUPTS)
        .try_map(|text| remapped(&text), || format!("{INTERRUPTS} names no interrupt chip that tells of remapping."))
}

/// Whether the chips of x86 among the words are remapped; `None` where there is none.
fn remapped(text: &str) -> Option<bool> {
    let chip = |word: &str| ["IO-APIC", "PCI-MSI", "PCI-MSIX"].iter().any(|chip| is_chip(word, chip));
    let words = || text.split_whitespace();
    let plain = words().any(chip);
    let translated = words().filter_map(|word| word.strip_prefix("IR-")).any(chip);
    (plain || translated).then_some(translated)
}

/// True for the chip's name alone, and with the device's behind it as kernels from 6.2 on write it.
fn is_chip(word: &str, chip: &str) -> bool {
    word.strip_prefix(chip).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Intel's units tell the width of addresses in bits 21 to 16 of their capability register.
fn iommu_address_bits(sysroot: &Sysroot) -> Fact<u32> {
    let units = sysroot.names(UNITS);
    let path = |unit: &String| format!("{UNITS}/{unit}/intel-iommu/cap");
    let width = |register: u64| u32::try_from(register >> 16 & 0x3f).unwrap_or(0) + 1;
    let widths = units.iter().filter_map(|unit| Some((width(hexadecimal(&sysroot.read(&path(unit)).ok()?)?), unit)));
    match widths.min() {
        Some((bits, unit)) => known(bits, path(unit)),
        None => Fact::unknown("No IOMMU of this host tells the width of its addresses."),
    }
}

fn cpu(sysroot: &Sysroot) -> Fact<HostCpu> {
    const FILE: &str = "/proc/cpuinfo";
    match cpu::CpuFlags::read(sysroot) {
        Ok(cpu) => known(
            HostCpu {
                virtualises: cpu.lists_flags().then(|| cpu.virtualises()),
                is_virtual: cpu.is_virtual(),
                address_bits: cpu.address_bits,
                vendor: cpu.vendor,
            },
            FILE,
        ),
        Err(error) => failed(FILE, &error),
    }
}

fn cpu_features(sysroot: &Sysroot) -> Fact<BTreeSet<String>> {
    const FILE: &str = "/proc/cpuinfo";
    match cpu::CpuFlags::read(sysroot) {
        Ok(cpu) if cpu.lists_flags() => known(cpu.into_flags(), FILE),
        Ok(_) => Fact::unknown(format!("{FILE} lists no flags.")),
        Err(error) => failed(FILE, &error),
    }
}

/// The parameter of the module that is loaded, Intel's or AMD's.
fn nested(sysroot: &Sysroot) -> Fact<bool> {
    let paths = ["kvm_intel", "kvm_amd"].map(|module| format!("/sys/module/{module}/parameters/nested"));
    let loaded = paths.iter().find(|path| sysroot.exists(path));
    let Some(path) = loaded else { return Fact::unknown("Neither kvm_intel nor kvm_amd is loaded.") };
    text(sysroot, path).try_map(|text| flag(&text), || odd(path))
}

fn number(sysroot: &Sysroot, path: &str) -> Fact<u32> {
    text(sysroot, path).try_map(|text| text.parse().ok(), || odd(path))
}

fn board(sysroot: &Sysroot) -> Fact<String> {
    let name = text(sysroot, "/sys/class/dmi/id/board_name");
    let vendor = text(sysroot, "/sys/class/dmi/id/board_vendor");
    name.map(|name| match vendor.get() {
        Some(vendor) => format!("{vendor} {name}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotes_stay_together() {
        assert_eq!(words("quiet dyndbg=\"file a +p; b\"  ro\n"), ["quiet", "dyndbg=\"file a +p; b\"", "ro"]);
    }

    #[test]
    fn interrupts_are_remapped_where_a_whole_word_says_so() {
        for (line, want) in [
            ("9: 0 IR-IO-APIC 9-fasteoi acpi", Some(true)),
            ("120: 0 IR-PCI-MSIX-0000:01:00.0 0-edge nvme", Some(true)),
            ("9: 0 IO-APIC 9-fasteoi acpi\n120: 0 PCI-MSI 524288-edge eth0", Some(false)),
            ("120: 0 PCI-MSIX-0000:01:00.0 0-edge nvme", Some(false)),
            ("90: 0 ITS-PCI-MSIX-0001:01:00.0 0 Edge nvme\n91: 0 ITS-PCI-MSI-0000:01:00.0 0 Edge x", None),
            ("11: 0 GICv3 26 Level arch_timer\n90: 0 ITS-MSI 524288 Edge nvme", None),
            ("90: 0 GICv2m-PCI-MSIX-0000:01:00.0 0 Edge IR-remote", None),
        ] {
            assert_eq!(remapped(line), want, "{line}");
        }
    }

    #[test]
    fn the_word_in_brackets_is_the_lockdown_in_force() {
        assert_eq!(lockdown("none [integrity] confidentiality"), Some(Lockdown::Integrity));
        assert_eq!(lockdown("[none] integrity confidentiality"), Some(Lockdown::None));
        assert_eq!(lockdown("none"), None);
    }

    #[test]
    fn options_that_are_not_set_are_not_listed() {
        let text =
            "CONFIG_INTEL_IOMMU=y\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\nCONFIG_VFIO_PCI=m\nCONFIG_EXT4_FS=y\n";
        let chosen = chosen(text);
        let pairs: Vec<_> = chosen.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("INTEL_IOMMU", "y"), ("VFIO_PCI", "m")]);
    }
}
