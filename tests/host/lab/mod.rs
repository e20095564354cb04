//! The IOMMU lab: vmbuild in a machine with real IOMMU groups, a real vfio-pci and a real libvirtd, judged from sysfs and
//! by virsh inside. `make.sh` makes the image, `boot.sh` runs it in software emulation and says what is plugged in where.
//!
//! A boot takes half a minute, so one serves many scenarios; each leaves the machine as it found it.
#![allow(clippy::print_stderr, reason = "one line per scenario")]

mod cards;
mod guest;
mod hot_plug;
mod lock_out;
mod machine;
mod off;
mod remote;
mod sriov;
mod wizard;

use crate::support;
use machine::{Lab, Mode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What is tried in one boot.
type Scenario = (&'static str, fn(&Lab));

const WITH_IOMMU: &[Scenario] = &[
    ("the host is ready and its groups are those of the kernel", cards::groups_are_those_of_the_kernel),
    ("(a) keys over SSH take a two-function card, build and start", wizard::a_card_by_keys_over_ssh),
    ("(b) a group is shown whole, and passes whole", cards::a_group_passes_whole),
    ("(b) a companion is held while its neighbour passes", cards::a_companion_is_held),
    ("(b) a key over SSH holds a companion", wizard::a_companion_held_by_a_key_over_ssh),
    ("(c) what the host lives on is refused", lock_out::what_the_host_lives_on_is_refused),
    ("(e) a card of another VM", cards::a_card_of_another_vm),
    ("(f) virtual functions", sriov::virtual_functions),
    ("a remote host tells as much as a local one", remote::a_remote_host_tells_as_much_as_a_local_one),
    ("(g) devices appear and vanish on the screen", hot_plug::devices_appear_and_vanish),
];

#[test]
fn real_groups() {
    run(Mode::Iommu, WITH_IOMMU);
}

#[test]
fn an_iommu_that_is_switched_off() {
    run(Mode::IommuOff, &[("(d) the word that switches it off is named", off::the_word_is_named)]);
}

#[test]
fn no_iommu_at_all() {
    run(Mode::NoIommu, &[("(d) the missing IOMMU is explained", off::the_missing_iommu_is_explained)]);
}

/// Runs the scenarios whose names hold the text in VMBUILD_TEST_LAB_ONLY, all of them without it. One that fails does not
/// keep the others from telling.
fn run(mode: Mode, scenarios: &[Scenario]) {
    let only = std::env::var("VMBUILD_TEST_LAB_ONLY").unwrap_or_default();
    let scenarios: Vec<_> = scenarios.iter().filter(|(name, _)| name.contains(&only)).collect();
    let Some(cache) = support::lab().filter(|_| !scenarios.is_empty()) else { return };
    let begun = Instant::now();
    let lab = Lab::boot(&cache, mode);
    eprintln!("lab: {:>4} s  booted ({})", begun.elapsed().as_secs(), mode.word());
    let mut failed = Vec::new();
    for (name, scenario) in scenarios {
        let begun = Instant::now();
        let passed = catch_unwind(AssertUnwindSafe(|| scenario(&lab))).is_ok();
        let mark = if passed { "" } else { "  FAILED" };
        eprintln!("lab: {:>4} s  {name}{mark}", begun.elapsed().as_secs());
        failed.extend((!passed).then_some(*name));
    }
    assert!(failed.is_empty(), "failed in the lab: {}", failed.join(", "));
}
