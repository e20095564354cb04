//! The list of all checks and errors. Each subject's file holds its own rows; a check is added there.

use super::check::Check;
use super::{
    backing, boot_order, character, clone, cloud_init, coverage, cpu, cpu_feature, custom_xml, devices, disk, error,
    failure, firmware, graphics, guest_address, guest_os, held, holding, host, host_drive, hypervisor, image,
    image_content, image_sharing, image_state, iommu, kernel_boot, kernel_image, mac, machine_bus, mediated, memory,
    merged, metadata, name, network, network_config, numa, nvme, overridden, passthrough, path, pci, pinning, pool,
    pool_type, profile, rom, selector, share, space, target, template, tuning, usb, user_data, version,
    virtual_function, volume,
};

/// Checks of one file, below the heading of their chapter in CHECKS.md.
type Group = (&'static str, &'static [&'static Check]);

/// The rows by subject, in the order of the spec.
static TABLE: [Group; 51] = [
    ("Host", host::CHECKS),
    ("Name and metadata", name::CHECKS),
    ("Templates", template::CHECKS),
    ("Memory", memory::CHECKS),
    ("Memory", backing::CHECKS),
    ("Memory", numa::CHECKS),
    ("CPU", cpu::CHECKS),
    ("CPU", cpu_feature::CHECKS),
    ("CPU", pinning::CHECKS),
    ("Storage", pool::CHECKS),
    ("Storage", pool_type::CHECKS),
    ("Storage", disk::CHECKS),
    ("Storage", path::CHECKS),
    ("Storage", target::CHECKS),
    ("Storage", image::CHECKS),
    ("Storage", image_content::CHECKS),
    ("Storage", image_state::CHECKS),
    ("Storage", image_sharing::CHECKS),
    ("Storage", host_drive::CHECKS),
    ("Storage", clone::CHECKS),
    ("Storage", volume::CHECKS),
    ("Shared folders", share::CHECKS),
    ("Storage", space::CHECKS),
    ("Guest operating system", guest_os::CHECKS),
    ("Guest operating system", profile::CHECKS),
    ("Host", hypervisor::CHECKS),
    ("Host", version::CHECKS),
    ("Firmware and boot", firmware::CHECKS),
    ("Network", network::CHECKS),
    ("Network", mac::CHECKS),
    ("Disk and network tuning", tuning::CHECKS),
    ("Firmware and boot", boot_order::CHECKS),
    ("Firmware and boot", kernel_boot::CHECKS),
    ("Firmware and boot", kernel_image::CHECKS),
    ("Consoles and emulated devices", graphics::CHECKS),
    ("Consoles and emulated devices", devices::CHECKS),
    ("Consoles and emulated devices", machine_bus::CHECKS),
    ("Consoles and emulated devices", usb::CHECKS),
    ("Host", holding::CHECKS),
    ("ROM files", rom::CHECKS),
    ("Guest addresses", guest_address::CHECKS),
    ("Mediated devices", mediated::CHECKS),
    ("Cloud-init", cloud_init::CHECKS),
    ("Cloud-init", user_data::CHECKS),
    ("Cloud-init", network_config::CHECKS),
    ("Custom XML", custom_xml::CHECKS),
    ("Custom XML", overridden::CHECKS),
    ("Custom XML", merged::CHECKS),
    ("Name and metadata", character::CHECKS),
    ("Name and metadata", metadata::CHECKS),
    ("Export", coverage::CHECKS),
];

/// Host PCI functions, in the order in which operators think: IOMMU, isolation, owner and driver, reset, the card.
///
/// Without a code are, of what experts look at: whether a card's ROM can be read, since only the attempt tells, which can
/// hang a card (the kernel's words after a start are ROM-ABSENT); how much memory a session may lock, since PCI-SESSION
/// refuses sessions; what the guest finds (Code 43, the link in use), since nobody asks it; and what the generator decides
/// by itself: functions marked as several, the set of Hyper-V features, topoext, SMM.
static PASSTHROUGH: [Group; 24] = [
    ("IOMMU and VFIO", iommu::CHECKS),
    ("IOMMU and VFIO", passthrough::kernel::CHECKS),
    ("IOMMU and VFIO", passthrough::command_line::CHECKS),
    ("IOMMU and VFIO", passthrough::boot_chain::CHECKS),
    ("IOMMU groups", passthrough::chipset::CHECKS),
    ("IOMMU groups", passthrough::group::CHECKS),
    ("Host devices", pci::CHECKS),
    ("Host devices", selector::CHECKS),
    ("Virtual functions", virtual_function::CHECKS),
    ("Host devices", nvme::CHECKS),
    ("Host devices", held::CHECKS),
    ("Devices in use by the host", passthrough::used::CHECKS),
    ("Driver binding", passthrough::bind::CHECKS),
    ("Reset and power", passthrough::reset::CHECKS),
    ("Reset and power", passthrough::radeon::CHECKS),
    ("Graphics cards", passthrough::gpu::CHECKS),
    ("Graphics cards", passthrough::nvswitch::CHECKS),
    ("Graphics cards", passthrough::own_switch::CHECKS),
    ("Virtual functions", passthrough::vgpu::CHECKS),
    ("Virtual functions", passthrough::shared::CHECKS),
    ("Links and address space", passthrough::link::CHECKS),
    ("Links and address space", passthrough::space::CHECKS),
    ("Passthrough and the guest", passthrough::guest::CHECKS),
    ("Passthrough and the guest", passthrough::custom_xml::CHECKS),
];

/// What can go wrong without a check that looks for it.
static ERRORS: [Group; 2] =
    [("Failures of a build", failure::unforeseen::UNFORESEEN), ("Errors of a command", error::ERRORS)];

/// Every check, in the order in which they run.
pub fn all() -> impl Iterator<Item = &'static Check> {
    TABLE.iter().chain(&PASSTHROUGH).flat_map(|(_, checks)| *checks).copied()
}

/// The checks of host PCI functions, those of ROM files apart.
pub(super) fn of_passthrough() -> impl Iterator<Item = &'static Check> {
    PASSTHROUGH.iter().flat_map(|(_, checks)| *checks).copied()
}

/// The errors that no check looks for.
pub fn errors() -> impl Iterator<Item = &'static Check> {
    ERRORS.iter().flat_map(|(_, errors)| *errors).copied()
}

/// All checks and errors by chapter, each chapter where its first group is.
pub fn chapters() -> Vec<(&'static str, Vec<&'static Check>)> {
    let mut chapters: Vec<(&str, Vec<&Check>)> = Vec::new();
    for (title, checks) in TABLE.iter().chain(&PASSTHROUGH).chain(&ERRORS) {
        match chapters.iter_mut().find(|(known, _)| known == title) {
            Some((_, all)) => all.extend(*checks),
            None => chapters.push((title, checks.to_vec())),
        }
    }
    chapters
}

/// The check or error of this code, in any case.
pub fn explain(code: &str) -> Option<&'static Check> {
    all().chain(errors()).find(|check| check.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Names that a title may begin with and that have one capital letter only.
    const NAMES: [&str; 3] = ["Intel", "Looking", "Secure"];

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
            assert!(check.explain.len() > 80 && check.explain.ends_with('.'), "{}: {}", check.code, check.explain);
        }
    }

    #[test]
    fn titles_are_short_and_state_a_condition_of_their_own() {
        let mut seen = BTreeSet::new();
        for Check { code, title, .. } in all().chain(errors()) {
            let first = title.split(' ').next().unwrap_or_default();
            let is_name = first.chars().skip(1).any(char::is_uppercase) || NAMES.contains(&first);
            assert!((1..=45).contains(&title.chars().count()), "{code}: '{title}' has more than 45 characters");
            assert!(!["the", "The", "a", "A", "an", "An"].contains(&first), "{code}: '{title}' begins with an article");
            assert!(
                is_name || !first.starts_with(char::is_uppercase),
                "{code}: '{title}' begins with a capital letter"
            );
            assert!(!title.ends_with('.'), "{code}: '{title}' ends with a full stop");
            assert!(seen.insert(title), "{code}: '{title}' is the title of another one, too");
        }
    }

    #[test]
    fn every_check_is_in_one_chapter() {
        let chapters = chapters();
        let listed: BTreeSet<&str> = chapters.iter().flat_map(|(_, checks)| checks).map(|check| check.code).collect();
        assert_eq!(listed.len(), all().chain(errors()).count());
        assert_eq!(chapters.iter().map(|(_, checks)| checks.len()).sum::<usize>(), listed.len());
        let headings: BTreeSet<String> =
            chapters.iter().map(|(title, _)| title.replace(' ', "-").to_uppercase()).collect();
        assert!(headings.len() == chapters.len() && headings.iter().all(|heading| !listed.contains(heading.as_str())));
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
