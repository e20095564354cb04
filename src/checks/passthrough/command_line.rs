//! Checks of the kernel command line as far as passthrough depends on it.

use super::super::note::Topic;
use super::super::text::text;
use super::super::{Check, Notes, Scope, Subject};
use super::{DEVICE, host_place, of_host, remedy};
use crate::facts::{Iommu, IommuTable};

pub(in super::super) static CHECKS: &[&Check] =
    &[&IOMMU_CMDLINE_TYPO, &IOMMU_PLACEBO, &IOMMU_PT, &IOMMU_IGPU_BYPASSED, &ACS_OVERRIDE, &ACS_RELAXED];

static IOMMU_CMDLINE_TYPO: Check = Check {
    code: "IOMMU-CMDLINE-TYPO",
    title: "kernel command line words are valid",
    explain: "The kernel ignores unknown words without a message, so a misspelt vfio-pci.ids or intel_iommu has no \
              effect. vfio-pci.ids takes vendor:device pairs such as 10de:2704, not addresses.",
    scope: Scope::Host(3),
    run: Some(typo),
    ..DEVICE
};

static IOMMU_PLACEBO: Check = Check {
    code: "IOMMU-PLACEBO",
    title: "IOMMU kernel options have an effect",
    explain: "amd_iommu=on is not a kernel option: the AMD IOMMU is on unless it is turned off. The word is copied \
              from guide to guide and is harmless.",
    scope: Scope::Host(4),
    run: Some(placebo),
    ..DEVICE
};

static IOMMU_PT: Check = Check {
    code: "IOMMU-PT",
    title: "host devices use IOMMU translation",
    explain: "With iommu=pt (or a group of type identity) the IOMMU does not translate the addresses of devices that \
              the host keeps (identity mapping), which is a little faster. It changes nothing for VMs: as soon as a \
              device is on vfio-pci, the IOMMU confines it to the memory of its guest. Only the host's own drivers and \
              devices are trusted more.",
    scope: Scope::Host(5),
    run: Some(identity),
    ..DEVICE
};

static IOMMU_IGPU_BYPASSED: Check = Check {
    code: "IOMMU-IGPU-BYPASSED",
    title: "Intel GPU is behind the IOMMU",
    explain: "Kernels with INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF exclude the processor's GPU from the IOMMU unless \
              intel_iommu=on is on the kernel command line. It then cannot be passed.",
    run: Some(igpu),
    ..DEVICE
};

static ACS_OVERRIDE: Check = Check {
    code: "ACS-OVERRIDE",
    title: "ACS override is off",
    explain: "pcie_acs_override makes a patched kernel assume isolation that the hardware does not guarantee: a guest \
              may reach the memory of devices that share its switch. This is acceptable on a personal workstation, not \
              with untrusted guests. Before you use it, enable ACS and AER in the firmware, or use a slot of the \
              processor rather than of the chipset.",
    scope: Scope::Host(9),
    run: Some(acs_override),
    ..DEVICE
};

static ACS_RELAXED: Check = Check {
    code: "ACS-RELAXED",
    title: "ACS is at its default on every port",
    explain: "pci=disable_acs_redir= and pci=config_acs= change manually how ports isolate the devices behind them; \
              groups were merged or split by that. Check that this is intended.",
    scope: Scope::Host(10),
    run: Some(acs_relaxed),
    ..DEVICE
};

/// Words that guides for passthrough use, by name.
const KNOWN: [&str; 14] = [
    "vfio-pci.ids",
    "vfio-pci.disable-vga",
    "vfio-pci.disable-idle-d3",
    "vfio-iommu-type1.allow-unsafe-interrupts",
    "intel-iommu",
    "amd-iommu",
    "iommu",
    "intremap",
    "pcie-acs-override",
    "kvm.ignore-msrs",
    "default-hugepagesz",
    "hugepagesz",
    "hugepages",
    "pcie-aspm",
];

fn words<'a>(subject: &Subject<'a>, notes: &mut Notes, what: &'static str) -> Option<&'a [String]> {
    let kernel = of_host(subject, notes, &subject.facts.kernel, what)?;
    of_host(subject, notes, &kernel.command_line, what).map(Vec::as_slice)
}

fn typo(subject: &Subject, notes: &mut Notes) {
    let Some(words) = words(subject, notes, "the spelling of the kernel command line") else { return };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let plain = name.replace('_', "-");
        if plain == "vfio-pci.ids" && value.split(',').any(|id| id.contains('.')) {
            let message = text!("{word} names an address: vfio-pci.ids takes ids such as 10de:2704", word);
            notes.warning(host_place(subject), message, remedy::remove(subject.facts, word));
        } else if let Some(near) = misspelt(&plain) {
            let message = text!("the kernel has no option {name}: was {near} meant?", name, near);
            notes.warning(host_place(subject), message, remedy::remove(subject.facts, word));
        }
    }
}

/// The known word that this one is nearly, and is not. Short words are near to too many others.
fn misspelt(name: &str) -> Option<&'static str> {
    if KNOWN.contains(&name) || name.len() < 7 {
        return None;
    }
    KNOWN.into_iter().find(|known| known.len() > 7 && distance(name, known) <= 2)
}

/// Letters to change, insert, drop or swap with their neighbour to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: Option<&Vec<usize>>, column: usize| row.and_then(|row| row.get(column)).copied();
            let above = at(rows.get(i), j + 1).unwrap_or(usize::MAX - 1) + 1;
            let left = at(Some(&row), j).unwrap_or(usize::MAX - 1) + 1;
            let over = at(rows.get(i), j).unwrap_or(usize::MAX - 1) + usize::from(x != y);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            let swap =
                if swapped { at(rows.get(i - 1), j - 1).map_or(usize::MAX, |cost| cost + 1) } else { usize::MAX };
            row.push(above.min(left).min(over).min(swap));
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(usize::MAX)
}

fn placebo(subject: &Subject, notes: &mut Notes) {
    // Worth a note where the words are known, and no more: nothing depends on it.
    let Some(kernel) = subject.facts.kernel.get().filter(|_| subject.wants_passthrough()) else { return };
    if let Some(words) = kernel.command_line.get() {
        notes.looked();
        if words.iter().any(|word| word == "amd_iommu=on") {
            let message = "amd_iommu=on is not a kernel option: the AMD IOMMU is on by default";
            notes.info(host_place(subject), message, "it is harmless; you may remove it");
        }
    }
}

/// Whether this word has the devices of the host translated; `None` for one that says nothing of it.
fn translates(word: &str) -> Option<bool> {
    match word.split_once('=')? {
        ("iommu.passthrough", value) => Some(matches!(value, "0" | "n" | "N" | "off")),
        ("iommu", options) => options.split(',').rev().find_map(|option| match option {
            "pt" => Some(false),
            "nopt" => Some(true),
            _ => None,
        }),
        _ => None,
    }
}

fn identity(subject: &Subject, notes: &mut Notes) {
    // Nothing depends on it, so that nothing is said where it is not known.
    if !subject.wants_passthrough() || !matches!(subject.facts.iommu.get(), Some(Iommu::On { .. })) {
        return;
    }
    let words = subject.facts.kernel.get().and_then(|kernel| kernel.command_line.get());
    let word = words.and_then(|words| words.iter().rfind(|word| translates(word).is_some()));
    let kind = |group: &u32| subject.facts.groups.get(group).and_then(|details| details.kind.get());
    let groups: Vec<u32> = subject.leaving().iter().filter_map(|leaving| leaving.device.iommu_group).collect();
    if words.is_none() && groups.iter().all(|group| kind(group).is_none()) {
        return;
    }
    notes.looked();
    let said = match word.filter(|word| translates(word) == Some(false)) {
        Some(word) => text!("{word}", word),
        None => match groups.iter().find(|group| kind(group).is_some_and(|kind| kind == "identity")) {
            Some(group) => text!("IOMMU group {group} is of type identity", group),
            None => return,
        },
    };
    let message = text!("{said}: the host's own devices bypass IOMMU translation; VMs are still isolated", said);
    notes.info(host_place(subject), message, "nothing to do");
}

fn igpu(subject: &Subject, notes: &mut Notes) {
    let is_igpu =
        |vendor: u16, class: u32, bus: u8, slot: u8| vendor == 0x8086 && class >> 16 == 3 && bus == 0 && slot == 2;
    let igpu = subject.leaving().into_iter().find(|leaving| {
        let device = leaving.device;
        is_igpu(device.vendor, device.class, device.address.bus, device.address.slot)
    });
    let Some(igpu) = igpu else { return };
    let what = "whether the Intel GPU is excluded from the IOMMU";
    let Some(kernel) = of_host(subject, notes, &subject.facts.kernel, what) else { return };
    let Some(options) = of_host(subject, notes, &kernel.options, what) else { return };
    let told = kernel.words("intel_iommu").any(|word| word.contains("on"));
    let vtd = kernel.iommu_table.get().is_none_or(|table| *table == Some(IommuTable::Dmar));
    let off = options.get("INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF").is_some_and(|value| value == "y");
    if off && !told && vtd {
        let message =
            text!("this kernel excludes the Intel GPU {address} from the IOMMU", address = igpu.device.address);
        notes.warning(
            Topic::from(igpu.row.place()).about(igpu.device.address),
            message,
            remedy::add(subject.facts, "intel_iommu=on"),
        );
    }
}

fn acs_override(subject: &Subject, notes: &mut Notes) {
    let Some(words) = words(subject, notes, "whether the ACS override splits groups") else { return };
    if let Some(word) = words.iter().find(|word| word.starts_with("pcie_acs_override=")) {
        let message = text!("{word} splits the IOMMU groups: a guest may reach the memory of its neighbours", word);
        let way_out = "enable ACS and AER in the firmware, or use another slot, and remove it; or accept the risk";
        notes.warning(host_place(subject), message, way_out);
    }
}

fn acs_relaxed(subject: &Subject, notes: &mut Notes) {
    let Some(words) = words(subject, notes, "whether the ACS setting of ports was changed") else { return };
    let relaxes = |word: &&String| {
        let options = word.strip_prefix("pci=").unwrap_or_default();
        options.contains("disable_acs_redir=") || options.contains("config_acs=")
    };
    if let Some(word) = words.iter().find(relaxes) {
        let message = text!("{word}: the isolation of these ports was changed manually", word);
        notes.warning(host_place(subject), message, "check that this is intended; groups depend on it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_decides_whether_the_host_is_translated() {
        for (word, want) in [
            ("iommu=pt", Some(false)),
            ("iommu=force,pt", Some(false)),
            ("iommu=pt,nopt", Some(true)),
            ("iommu.passthrough=1", Some(false)),
            ("iommu.passthrough=0", Some(true)),
            ("iommu=off", None),
            ("intel_iommu=on", None),
            ("iommu", None),
        ] {
            assert_eq!(translates(word), want, "{word}");
        }
    }

    #[test]
    fn a_word_that_is_nearly_one_is_told() {
        assert_eq!(misspelt("vifo-pci.ids"), Some("vfio-pci.ids"));
        assert_eq!(misspelt("intel-iomu"), Some("intel-iommu"));
        for fine in
            ["vfio-pci.ids", "quiet", "hugepages", "iommu", "root", "nvidia-drm.modeset", "transparent-hugepage"]
        {
            assert_eq!(misspelt(fine), None, "{fine}");
        }
    }
}
