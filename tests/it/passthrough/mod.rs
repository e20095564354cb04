//! What the host tells about passthrough, from trees that stand for hosts: what a function is, and what the host uses it for.
#![allow(clippy::indexing_slicing)]

mod boot;
mod disks;
mod function;
mod given_up;
mod network;
mod preset_screen;
mod presets;
mod screen;
mod watched;

use crate::support::tree::Tree;
use std::collections::BTreeSet;
use vmbuild::facts::{Facts, Part, Use, uses};
use vmbuild::host::{Source, observe_by};
use vmbuild::units::PciAddress;

/// All that the tree tells to a user who came by the session `ssh`.
pub(crate) fn facts_of(tree: &Tree, ssh: Option<&str>) -> Facts {
    observe_by(&Source::Tree(tree.sysroot()), ssh, [Part::Pci, Part::Boot, Part::Uses, Part::Details]).facts
}

pub(crate) fn at(address: &str) -> PciAddress {
    address.parse().unwrap()
}

/// The uses of one function.
pub(crate) fn uses_of(facts: &Facts, address: &str) -> BTreeSet<Use> {
    uses(facts).remove(&at(address)).unwrap_or_default()
}

/// Where the GPU of [`gpu`] is.
pub(crate) const GPU: &str = "pci0000:00/0000:00:01.0/0000:01:00.0";

/// 256 bytes of an endpoint that signals by MSI-X and has an interrupt line.
pub(crate) fn config() -> [u8; 256] {
    let mut bytes = [0; 256];
    for (offset, byte) in [(0, 0xde), (1, 0x10), (0x06, 0x10), (0x34, 0x60), (0x3d, 1), (0x60, 0x11)] {
        bytes[offset] = byte;
    }
    bytes
}

pub(crate) fn gpu(attributes: &[(&str, &str)]) -> Tree {
    let common = [
        (
            "resource",
            "0x00000000a0000000 0x00000000a0ffffff 0x0000000000040200\n\
             0x0000006000000000 0x00000063ffffffff 0x000000000014220c\n\
             0x0000000000000000 0x0000000000000000 0x0000000000000000\n\
             0x0000006400000000 0x0000006401ffffff 0x000000000014220c\n\
             0x0000000000000000 0x0000000000000000 0x0000000000000000\n\
             0x000000000000e000 0x000000000000e07f 0x0000000000040101\n\
             0x00000000a1000000 0x00000000a107ffff 0x0000000000046200\n",
        ),
        ("reset", ""),
        ("reset_method", "device_specific bus\n"),
        ("rom", "not to be read"),
        ("label", "PCIEX16(G5)\n"),
    ];
    let all: Vec<_> = common.iter().chain(attributes).copied().collect();
    Tree::new()
        .function("pci0000:00/0000:00:01.0", "60400", &[])
        .function(GPU, "30000", &all)
        .link(&format!("/sys/devices/{GPU}/iommu_group"), "/sys/kernel/iommu_groups/16")
        .file("/sys/kernel/iommu_groups/16/type", "DMA-FQ\n")
        .file(
            "/sys/kernel/iommu_groups/16/reserved_regions",
            "0x000000009d800000 0x000000009fffffff direct\n0x00000000fee00000 0x00000000feefffff msi\n",
        )
        .file("/sys/bus/pci/slots/7/address", "0000:01:00\n")
}

#[test]
fn facts_survive_being_written_and_read() {
    let tree = gpu(&[("reset_method", "flr newer_one\n")]);
    let facts = facts_of(&tree, Some("203.0.113.9 50000 192.0.2.2 22"));
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    assert!(text.contains(r#"["flr","newer_one"]"#), "a method that came later keeps its name");
}
