//! Devices found again, or left to the user.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::facts::pci_details::SrIov;
use crate::facts::storage::{BlockDevice, Mount};
use crate::facts::{Domain, DomainState, Fact, HostStorage, PciDetails, PciDevice, Provenance};
use crate::units::{Bytes, CpuSet, PciAddress};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// `vendor` is 10de, the group that of the bus.
fn device(address: &str, id: u16, board: u16) -> PciDevice {
    let address: PciAddress = address.parse().unwrap();
    PciDevice {
        class: if address.function == 0 { 0x03_0000 } else { 0x04_0300 },
        vendor: 0x10de,
        device: id,
        subsystem: Some((0x1043, board)),
        vendor_name: None,
        device_name: None,
        driver: None,
        iommu_group: Some(u32::from(address.bus)),
        numa_node: None,
        boot_vga: None,
        header: None,
        address,
    }
}

fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, Provenance::Command("test".into()), 0)
}

fn facts(devices: &[(&str, u16)]) -> Facts {
    let devices = devices.iter().map(|(address, id)| device(address, *id, 1)).collect();
    Facts { pci: known(devices), domains: known(Vec::new()), ..Facts::default() }
}

fn with_vm(mut facts: Facts, state: DomainState, pci: &[&str]) -> Facts {
    let vm = Domain {
        name: "a".into(),
        uuid: String::new(),
        state,
        autostart: false,
        macs: Vec::new(),
        disks: Vec::new(),
        pci: pci.iter().map(|address| address.parse().unwrap()).collect(),
        vcpus: 0,
        memory: Bytes(0),
        pinned: CpuSet::default(),
        holdings: Vec::new(),
    };
    facts.domains = known(vec![vm]);
    facts
}

fn spec(rows: &Value) -> Spec {
    serde_json::from_value(json!({ "pci_devices": rows })).unwrap()
}

fn asking(addresses: &[&str]) -> Spec {
    spec(&addresses.iter().map(|address| json!({ "host_address": address })).collect())
}

/// The address of each row, `-` where it has none.
fn addresses(spec: &Spec, facts: &Facts) -> String {
    let resolved = resolve(spec, facts);
    let address = |row: &crate::spec::PciDevice| match super::address(row.host_address.as_deref()) {
        Some(address) => address.short(),
        None => "-".into(),
    };
    resolved.pci_devices.iter().flatten().map(address).collect::<Vec<_>>().join(" ")
}

const HOME: [(&str, u16); 2] = [("01:00.0", 0x2704), ("01:00.1", 0x22bb)];

#[test]
fn what_is_where_it_was_stays_word_for_word() {
    let kept = portable(&asking(&["01:00.0", "01:00.1"]), &facts(&HOME));
    assert_eq!(resolve(&kept, &facts(&HOME)), kept);
    let more = facts(&[HOME[0], HOME[1], ("02:00.0", 0x2704), ("02:00.1", 0x22bb)]);
    assert_eq!(resolve(&kept, &more), kept, "a twin beside it changes nothing");
    assert_eq!(resolve(&kept, &Facts::default()), kept, "nor does a host that has not answered");
}

#[test]
fn a_card_moves_with_its_functions() {
    let kept = portable(&asking(&["01:00.1", "01:00.0"]), &facts(&HOME));
    // Another card has the same sound: only the slot tells the two apart.
    let after = facts(&[("02:00.0", 0x2704), ("02:00.1", 0x22bb), ("03:00.0", 0x2684), ("03:00.1", 0x22bb)]);
    assert_eq!(addresses(&kept, &after), "02:00.1 02:00.0");
    // Its old place has a card with the same sound.
    let after = facts(&[("01:00.0", 0x2684), ("01:00.1", 0x22bb), ("02:00.0", 0x2704), ("02:00.1", 0x22bb)]);
    assert_eq!(addresses(&kept, &after), "02:00.1 02:00.0");
    // It has lost a function on the way.
    assert_eq!(addresses(&kept, &facts(&[("02:00.0", 0x2704), ("03:00.1", 0x22bb)])), "- -");
    assert_eq!(addresses(&kept, &facts(&[("01:00.0", 0x2704), ("03:00.1", 0x22bb)])), "- 01:00.0");
}

#[test]
fn what_is_not_clear_is_left_open() {
    let kept = portable(&asking(&["01:00.0"]), &facts(&HOME));
    let twins = facts(&[("02:00.0", 0x2704), ("03:00.0", 0x2704)]);
    assert_eq!(addresses(&kept, &twins), "-");
    assert_eq!(
        outcomes(&kept, &twins).unwrap()[&0],
        Match::Ambiguous(vec!["02:00.0".parse().unwrap(), "03:00.0".parse().unwrap()])
    );
    assert_eq!(addresses(&kept, &facts(&[("01:00.0", 0x1), ("02:00.0", 0x1)])), "-", "never what is there instead");
    let board = Facts { pci: known(vec![device("01:00.0", 0x2704, 2)]), ..Facts::default() };
    assert_eq!(addresses(&kept, &board), "-");
    // Two that were are one now: which of them is it?
    let two = portable(&asking(&["01:00.0", "02:00.0"]), &facts(&[("01:00.0", 0x2704), ("02:00.0", 0x2704)]));
    assert_eq!(addresses(&two, &facts(&[("05:00.0", 0x2704)])), "- -");
    assert_eq!(addresses(&two, &facts(&[("02:00.0", 0x2704), ("05:00.0", 0x2704)])), "05:00.0 02:00.0");
    assert_eq!(addresses(&two, &facts(&[("02:00.0", 0x2704)])), "- 02:00.0");
}

#[test]
fn a_choice_by_hand_takes_the_rest_of_the_card_along() {
    let mut kept = portable(&asking(&["01:00.0", "01:00.1"]), &facts(&HOME));
    let twins = facts(&[("02:00.0", 0x2704), ("02:00.1", 0x22bb), ("03:00.0", 0x2704), ("03:00.1", 0x22bb)]);
    kept = resolve(&kept, &twins);
    assert_eq!(addresses(&kept, &twins), "- -");
    kept.pci_devices.as_mut().unwrap()[0].host_address = Some("03:00.0".into());
    assert_eq!(addresses(&kept, &twins), "03:00.0 03:00.1");
}

#[test]
fn any_is_one_that_no_vm_has() {
    let any = spec(&json!([{ "match": { "ids": "10de:2704", "kind": "gpu", "any": true } }]));
    let twins = || facts(&[("02:00.0", 0x2704), ("03:00.0", 0x2704), ("03:00.1", 0x22bb)]);
    assert_eq!(addresses(&any, &twins()), "02:00.0");
    assert_eq!(addresses(&any, &with_vm(twins(), DomainState::Inactive, &["02:00.0"])), "03:00.0");
    assert_eq!(addresses(&any, &with_vm(twins(), DomainState::Active, &["02:00.0", "03:00.1"])), "-");
    let mut shown = twins();
    shown.pci.get_mut().unwrap()[0].boot_vga = Some(true);
    assert_eq!(addresses(&any, &shown), "03:00.0", "the host keeps its display");
    assert_eq!(addresses(&any, &with_vm(shown, DomainState::Inactive, &["03:00.0"])), "-", "come what may");
    let two = spec(&json!([
        { "match": { "kind": "audio", "any": true } }, { "match": { "kind": "gpu", "any": true } },
        { "match": { "kind": "gpu", "any": true } }, { "match": { "kind": "gpu", "any": true } },
    ]));
    assert_eq!(addresses(&two, &twins()), "03:00.1 03:00.0 02:00.0 -");
    assert_eq!(portable(&two, &twins()), two, "it is kept as it was written");
    // A plain address comes first, wherever it stands.
    let beside = spec(&json!([{ "match": { "kind": "gpu", "any": true } }, { "host_address": "02:00.0" }]));
    assert_eq!(addresses(&beside, &twins()), "03:00.0 02:00.0");
}

/// Three drives of one model, each in a group of its own.
fn drives() -> Facts {
    let mut facts = facts(&[("02:00.0", 0xa808), ("03:00.0", 0xa808), ("04:00.0", 0xa808)]);
    for device in facts.pci.get_mut().unwrap() {
        (device.class, device.driver) = (0x01_0802, Some("nvme".into()));
    }
    facts
}

/// What was chosen, and what was passed over.
fn chosen(spec: &Spec, facts: &Facts) -> String {
    let words = |over: &[(PciAddress, String)]| {
        over.iter().map(|(address, why)| format!("{} {why}", address.short())).collect::<Vec<_>>().join("; ")
    };
    match &outcomes(spec, facts).unwrap()[&0] {
        Match::Chosen { to, over } => format!("{}: {}", to.short(), words(over)),
        Match::Gone { over } => format!("-: {}", words(over)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn any_is_none_that_the_host_stands_on() {
    let any = spec(&json!([{ "match": { "ids": "10de:a808", "any": true } }]));
    let mut host = drives();
    let disk = |name: &str, at: &str| BlockDevice {
        name: name.into(),
        functions: vec![at.parse().unwrap()],
        ..BlockDevice::default()
    };
    let mount = |name: &str, point: &str| Mount {
        point: point.into(),
        kind: "ext4".into(),
        source: format!("/dev/{name}"),
        devices: vec![name.into()],
        server: None,
    };
    host.storage = known(HostStorage {
        mounts: known(vec![mount("nvme0n1", "/"), mount("nvme1n1", "/srv")]),
        swaps: known(Vec::new()),
        zfs: known(Vec::new()),
        devices: vec![disk("nvme0n1", "02:00.0"), disk("nvme1n1", "03:00.0")],
    });
    let want = "04:00.0: 02:00.0 carries the root file system (/dev/nvme0n1); 03:00.0 carries /srv";
    assert_eq!(chosen(&any, &host), want);
    // The last one would take the drive of the root file system along.
    host.pci.get_mut().unwrap()[2].iommu_group = Some(2);
    let want = "-: 02:00.0 carries the root file system (/dev/nvme0n1); 03:00.0 carries /srv; \
                04:00.0 also takes 0000:02:00.0, which carries the root file system (/dev/nvme0n1)";
    assert_eq!(chosen(&any, &host), want);
}

#[test]
fn any_is_no_port_with_virtual_functions() {
    let any = spec(&json!([{ "match": { "kind": "nvme", "any": true } }]));
    let mut host = drives();
    let sriov = SrIov { total: 4, functions: vec!["02:00.1".parse().unwrap()] };
    let details = PciDetails { sriov: known(Some(sriov)), ..PciDetails::default() };
    host.details.insert("02:00.0".parse().unwrap(), details);
    assert_eq!(chosen(&any, &host), "03:00.0: 02:00.0 has virtual functions in use");
}

#[test]
fn ports_of_a_card_are_told_apart_by_their_function() {
    let ports = facts(&[("05:00.0", 0x1521), ("05:00.1", 0x1521)]);
    let kept = portable(&asking(&["05:00.1"]), &ports);
    assert_eq!(addresses(&kept, &facts(&[("06:00.0", 0x1521), ("06:00.1", 0x1521)])), "06:00.1");
    let several = [("06:00.0", 0x1521), ("06:00.1", 0x1521), ("07:00.1", 0x1521)];
    assert_eq!(addresses(&kept, &facts(&several)), "-");
}

#[test]
fn rows_without_a_selector_and_unreadable_ones_stay() {
    let rows = spec(&json!([
        { "host_address": "09:00.0" }, { "host_address": "here", "match": { "ids": "10de:2704" } },
        { "match": { "ids": "nvidia" } }, { "match": {} },
    ]));
    assert_eq!(resolve(&rows, &facts(&HOME)), rows);
}

/// Hosts with up to three models on up to eight buses, of two functions or one.
fn hosts() -> impl Strategy<Value = Vec<(u8, u16, bool)>> {
    prop::collection::btree_map(1u8..9, (0u16..3, any::<bool>()), 0..7)
        .prop_map(|slots| slots.into_iter().map(|(bus, (model, sound))| (bus, model, sound)).collect())
}

fn host(slots: &[(u8, u16, bool)]) -> Facts {
    let mut devices = Vec::new();
    for (bus, model, sound) in slots {
        devices.push(device(&format!("{bus:02x}:00.0"), 0x2700 + model, model % 2));
        devices.extend(sound.then(|| device(&format!("{bus:02x}:00.1"), 0x22bb, 1)));
    }
    Facts { pci: known(devices), domains: known(Vec::new()), ..Facts::default() }
}

proptest! {
    #[test]
    fn rows_find_what_they_look_for_once_and_for_all(
        before in hosts(), after in hosts(), any in prop::collection::vec(0u16..3, 0..3), order in any::<prop::sample::Index>(),
        held in prop::collection::vec(1u8..9, 0..3),
    ) {
        let home = host(&before);
        let all: Vec<String> = home.pci.items().iter().map(|device| device.address.to_string()).collect();
        let mut kept = portable(&asking(&all.iter().map(String::as_str).collect::<Vec<_>>()), &home);
        prop_assert_eq!(&resolve(&kept, &home), &kept);
        let rows = kept.pci_devices.as_mut().unwrap();
        rows.extend(any.iter().flat_map(|model| {
            spec(&json!([{ "match": { "ids": format!("10de:270{model}"), "any": true } }])).pci_devices.unwrap()
        }));
        let held: Vec<String> = held.iter().map(|bus| format!("{bus:02x}:00.0")).collect();
        let held: Vec<&str> = held.iter().map(String::as_str).collect();
        let now = with_vm(host(&after), DomainState::Inactive, &held);
        let found = resolve(&kept, &now);
        prop_assert_eq!(&resolve(&found, &now), &found, "finding again changes nothing");
        let mut seen = BTreeSet::new();
        for (row, asked) in found.pci_devices.iter().flatten().zip(kept.pci_devices.iter().flatten()) {
            let Some(address) = super::address(row.host_address.as_deref()) else { continue };
            prop_assert!(seen.insert(address), "{address} twice");
            let device = now.pci.items().iter().find(|device| device.address == address).unwrap();
            let wanted = Wanted::read(asked.selector.as_ref().unwrap(), None).unwrap();
            prop_assert!(wanted.fits(device), "{address} is not {wanted}");
            prop_assert!(!wanted.any || !held.iter().any(|held| held.parse() == Ok(address)), "{address} has a VM");
        }
        // Rows that look for certain devices may stand in any order.
        let mut turned = kept.clone();
        let rows = turned.pci_devices.as_mut().unwrap();
        let certain = rows.iter().filter(|row| !row.selector.as_ref().unwrap().is_any()).count();
        if certain > 0 {
            rows[..certain].rotate_left(order.index(certain));
            let turned = resolve(&turned, &now);
            let by_saved = |spec: &Spec| -> BTreeSet<(Option<String>, Option<String>)> {
                let rows = spec.pci_devices.iter().flatten().take(certain);
                rows.map(|row| (row.selector.as_ref().unwrap().address.clone(), row.host_address.clone())).collect()
            };
            prop_assert_eq!(by_saved(&turned), by_saved(&found));
        }
    }
}
