//! Cards and groups, taken by the headless commands.

use super::guest::{Guest, findings, pass, said};
use super::machine::{BRIDGE, BRIDGED, CARD, Lab};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What becomes of each function that `pci --take` lists.
pub(crate) fn roles(taken: &Value) -> BTreeMap<&str, &str> {
    let members = taken["members"].as_array().unwrap();
    members.iter().map(|member| (member["address"].as_str().unwrap(), member["role"].as_str().unwrap())).collect()
}

pub(crate) fn groups_are_those_of_the_kernel(lab: &Lab) {
    let doctor = lab.vmbuild("doctor --json").code(0).json();
    assert_eq!(doctor["verdict"], "ready", "{doctor:#}");
    let listed = lab.vmbuild("pci --json").code(0).json();
    let listed = listed["groups"].as_array().unwrap_or_else(|| panic!("no groups in {listed:#}"));
    let mut seen: Vec<String> = Vec::new();
    for group in listed {
        for device in group["devices"].as_array().unwrap() {
            let text = |key: &str| device[key].as_str().unwrap_or_default().to_owned();
            seen.push(format!("{} {} {}", group["id"], text("address"), text("driver")));
        }
    }
    let real = lab.sh("cd /sys/kernel/iommu_groups; for f in */devices/*; do \
         echo ${f%%/*} ${f##*/} \"$(basename \"$(readlink $f/driver)\")\"; done");
    let mut real: Vec<&str> = real.lines().map(str::trim_end).collect();
    seen.sort_unstable();
    real.sort_unstable();
    assert_eq!(seen.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), real);
}

pub(crate) fn a_group_passes_whole(lab: &Lab) {
    let mut group = BRIDGED.to_vec();
    group.insert(0, BRIDGE);
    assert_eq!(lab.group(BRIDGED[0]), group, "the kernel's group");
    let before = BRIDGED.map(|address| lab.driver(address));

    let taken = lab.vmbuild(&format!("pci --json --take {}", BRIDGED[0])).code(3).json();
    let expected = [(BRIDGE, "leave"), (BRIDGED[0], "pass"), (BRIDGED[1], "hold")];
    assert_eq!(roles(&taken), BTreeMap::from(expected));
    assert!(said(&taken, "IOMMU-GROUP", "blocker").contains(BRIDGED[1]), "{taken:#}");

    let guest = Guest::new(lab, "whole");
    guest.build(&pass(&BRIDGED)).code(0);
    assert_eq!(guest.state(), "running");
    assert_eq!(BRIDGED.map(|address| lab.driver(address)), ["vfio-pci", "vfio-pci"]);
    guest.destroy();
    assert_eq!(BRIDGED.map(|address| lab.driver(address)), before);
}

pub(crate) fn a_companion_is_held(lab: &Lab) {
    let [passed, held] = BRIDGED;
    let before = BRIDGED.map(|address| lab.driver(address));
    let guest = Guest::new(lab, "held");
    let devices = json!([{"host_address": passed}, {"host_address": held, "role": "hold"}]);
    guest.build(&devices).code(0);
    assert_eq!(guest.state(), "running");
    assert_eq!(BRIDGED.map(|address| lab.driver(address)), ["vfio-pci", "vfio-pci"]);
    let tree = lab.sh("virsh qemu-monitor-command held --hmp 'info qtree'");
    let host = |address| tree.contains(&format!("host = \"{address}\""));
    assert!(host(passed) && !host(held), "{tree}");
    guest.destroy();
    assert_eq!(BRIDGED.map(|address| lab.driver(address)), before);
}

pub(crate) fn a_card_of_another_vm(lab: &Lab) {
    let first = Guest::new(lab, "first");
    let second = Guest::new(lab, "second");
    first.build(&pass(&CARD)).code(0);
    assert_eq!(first.state(), "running");
    let report = second.check(&pass(&CARD)).code(3).json();
    let in_use = findings(&report, "PCI-IN-USE");
    assert_eq!(in_use.len(), 2, "{report:#}");
    for finding in in_use {
        assert_eq!(finding["severity"], "blocker", "{finding:#}");
        assert!(finding["message"].as_str().unwrap().contains("first"), "{finding:#}");
    }
    // Nothing is made of what is refused.
    second.build(&pass(&CARD)).code(3);
    assert_ne!(lab.run("virsh dominfo second").code, Some(0));

    first.destroy();
    let report = second.check(&pass(&CARD)).code(0).json();
    let in_use = findings(&report, "PCI-IN-USE");
    assert!(in_use.len() == 2 && in_use.iter().all(|finding| finding["severity"] == "warning"), "{report:#}");
}
