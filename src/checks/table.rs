//! The list of all checks and errors. Each subject's file holds its own rows; a check is added there.

use super::check::Check;
use super::{
    backing, boot_order, character, clone, cloud_init, coverage, cpu, custom_xml, devices, disk, error, failure,
    firmware, graphics, guest_address, guest_os, held, host, hypervisor, image, iommu, kernel_boot, mac, mediated,
    memory, merged, metadata, name, network, numa, nvme, overridden, passthrough, path, pci, pinning, pool, profile,
    rom, selector, share, space, target, template, tuning, version, virtual_function, volume,
};

/// The rows by subject, in the order of the spec.
static TABLE: [&[&Check]; 39] = [
    host::CHECKS,
    name::CHECKS,
    template::CHECKS,
    memory::CHECKS,
    backing::CHECKS,
    numa::CHECKS,
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
    coverage::CHECKS,
];

/// Host PCI functions, in the order in which operators think: IOMMU, isolation, owner and driver, reset, the card.
///
/// Without a code are, of what experts look at: whether a card's ROM can be read, since only the attempt tells, which can
/// hang a card (the kernel's words after a start are ROM-ABSENT); how much memory a session may lock, since PCI-SESSION
/// refuses sessions; what the guest finds (Code 43, the link in use), since nobody asks it; and what the generator decides
/// by itself: functions marked as several, the set of Hyper-V features, topoext, SMM.
static PASSTHROUGH: [&[&Check]; 19] = [
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
    TABLE.iter().chain(&PASSTHROUGH).copied().flatten().copied()
}

/// The checks of host PCI functions, those of ROM files apart.
pub(super) fn of_passthrough() -> impl Iterator<Item = &'static Check> {
    PASSTHROUGH.iter().copied().flatten().copied()
}

/// The errors that no check looks for.
pub fn errors() -> impl Iterator<Item = &'static Check> {
    failure::unforeseen::UNFORESEEN.iter().chain(error::ERRORS).copied()
}

/// The check or error of this code, in any case.
pub fn explain(code: &str) -> Option<&'static Check> {
    all().chain(errors()).find(|check| check.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_upper_case_with_dashes() {
        let mut seen = BTreeSet::new();
        for check in all().chain(errors()) {
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
        for check in all().chain(errors()) {
            assert!(!check.title.is_empty() && !check.title.ends_with('.'), "{}", check.code);
            assert!(check.explain.len() > 80 && check.explain.ends_with('.'), "{}: {}", check.code, check.explain);
        }
    }

    #[test]
    fn checks_look_and_errors_do_not() {
        assert!(all().all(|check| check.run.is_some()) && errors().all(|check| check.run.is_none()));
    }

    #[test]
    fn what_has_a_place_in_an_order_has_one_of_its_own() {
        let mut contract: Vec<u8> = all().filter_map(|check| check.contract).collect();
        let mut host: Vec<u8> = all().filter_map(Check::place_of_host).collect();
        contract.sort_unstable();
        host.sort_unstable();
        let count = |places: &[u8]| u8::try_from(places.len()).unwrap_or_default();
        assert!(contract.iter().copied().eq(1..=19), "{contract:?}");
        assert!(host.iter().copied().eq(1..=count(&host)), "{host:?}");
    }

    #[test]
    fn a_check_is_found_by_its_code_in_any_case() {
        assert!(explain("disk-size").is_some_and(|check| check.code == "DISK-SIZE"));
        assert!(explain("NO-SUCH-CHECK").is_none());
    }
}
