//! The table of all checks: code, title, explanation, function. Each subject's file holds its own rows.

use super::{
    Notes, Subject, backing, boot_order, character, clone, cloud_init, cpu, custom_xml, devices, disk, firmware,
    graphics, guest_address, guest_os, held, host, hypervisor, image, iommu, kernel_boot, mac, mediated, memory,
    merged, metadata, name, network, nvme, overridden, passthrough, path, pci, pinning, pool, profile, rom, selector,
    share, space, target, template, tuning, version, virtual_function, volume,
};

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Stable name, in upper case with dashes.
    pub code: &'static str,
    /// What it looks at, in a few words.
    pub title: &'static str,
    /// What a finding means, why it matters and what to do.
    pub explain: &'static str,
    /// Looks, and writes down what it finds.
    pub run: fn(&Subject, &mut Notes),
}

/// The rows by subject, in the order of the spec.
const TABLE: &[&[Check]] = &[
    host::CHECKS,
    name::CHECKS,
    template::CHECKS,
    memory::CHECKS,
    backing::CHECKS,
    cpu::CHECKS,
    pinning::CHECKS,
    pool::CHECKS,
    disk::CHECKS,
    path::CHECKS,
    target::CHECKS,
    image::CHECKS,
    clone::CHECKS,
    volume::CHECKS,
    share::CHECKS,
    space::CHECKS,
    guest_os::CHECKS,
    profile::CHECKS,
    hypervisor::CHECKS,
    version::CHECKS,
    firmware::CHECKS,
    network::CHECKS,
    mac::CHECKS,
    tuning::CHECKS,
    boot_order::CHECKS,
    kernel_boot::CHECKS,
    graphics::CHECKS,
    devices::CHECKS,
    rom::CHECKS,
    guest_address::CHECKS,
    mediated::CHECKS,
    cloud_init::CHECKS,
    custom_xml::CHECKS,
    overridden::CHECKS,
    merged::CHECKS,
    character::CHECKS,
    metadata::CHECKS,
];

/// Host PCI functions, in the order in which operators think: IOMMU, isolation, owner and driver, reset, the card.
///
/// Without a code are, of what experts look at: whether a card's ROM can be read, since only the attempt tells, which can
/// hang a card (the kernel's words after a start are ROM-ABSENT); how much memory a session may lock, since PCI-SESSION
/// refuses sessions; what the guest finds (Code 43, the link in use), since nobody asks it; and what the generator decides
/// by itself: functions marked as several, the set of Hyper-V features, topoext, SMM.
const PASSTHROUGH: [&[Check]; 19] = [
    iommu::CHECKS,
    passthrough::kernel::CHECKS,
    passthrough::command_line::CHECKS,
    passthrough::chipset::CHECKS,
    passthrough::group::CHECKS,
    pci::CHECKS,
    selector::CHECKS,
    virtual_function::CHECKS,
    nvme::CHECKS,
    held::CHECKS,
    passthrough::used::CHECKS,
    passthrough::bind::CHECKS,
    passthrough::reset::CHECKS,
    passthrough::gpu::CHECKS,
    passthrough::shared::CHECKS,
    passthrough::link::CHECKS,
    passthrough::space::CHECKS,
    passthrough::guest::CHECKS,
    passthrough::custom_xml::CHECKS,
];

/// Every check, in the order in which they run.
pub fn all() -> impl Iterator<Item = &'static Check> {
    TABLE.iter().chain(&PASSTHROUGH).copied().flatten()
}

/// The checks of host PCI functions, those of ROM files apart.
pub(super) fn of_passthrough() -> impl Iterator<Item = &'static Check> {
    PASSTHROUGH.iter().copied().flatten()
}

/// True for the checks of passthrough that are many and rest on few facts.
pub(super) fn is_of_passthrough(code: &str) -> bool {
    let of = |checks: &&[Check]| checks.iter().any(|check| check.code == code);
    let own = [
        pci::CHECKS,
        selector::CHECKS,
        virtual_function::CHECKS,
        nvme::CHECKS,
        held::CHECKS,
        iommu::CHECKS,
        passthrough::custom_xml::CHECKS,
    ];
    PASSTHROUGH.iter().any(&of) && !own.iter().any(of)
}

/// The check of this code, in any case.
pub fn explain(code: &str) -> Option<&'static Check> {
    all().find(|check| check.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_upper_case_with_dashes() {
        let mut seen = BTreeSet::new();
        for check in all() {
            let fine = check
                .code
                .split('-')
                .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
            assert!(fine, "{}", check.code);
            assert!(seen.insert(check.code), "{} twice", check.code);
        }
    }

    #[test]
    fn every_check_explains_itself() {
        for check in all() {
            assert!(!check.title.is_empty() && !check.title.ends_with('.'), "{}", check.code);
            assert!(check.explain.len() > 80 && check.explain.ends_with('.'), "{}: {}", check.code, check.explain);
        }
    }

    #[test]
    fn a_check_is_found_by_its_code_in_any_case() {
        assert!(explain("disk-size").is_some_and(|check| check.code == "DISK-SIZE"));
        assert!(explain("NO-SUCH-CHECK").is_none());
    }
}
