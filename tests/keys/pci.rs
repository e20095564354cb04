//! Step 6.

use crate::script::{Desk, parts, read_facts};
use serde_json::json;
use vmbuild::app::steps::pci::{devices, selected};
use vmbuild::app::{Effect, Msg};
use vmbuild::facts::{Fact, FactsPart, Part, PciClass};

fn go(desk: &mut Desk, address: &str) {
    desk.keys("6");
    let row = devices(&desk.app).iter().position(|device| device.address.short() == address).unwrap();
    desk.keys(&format!("g {}", "j ".repeat(row)));
    assert_eq!(selected(&desk.app).unwrap().address.short(), address);
}

fn asked(desk: &Desk) -> Vec<String> {
    let rows = desk.at("/pci_devices");
    let rows = rows.as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row["host_address"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn space_takes_the_whole_group_and_gives_it_back() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.1");
    desk.keys("Space");
    let group: Vec<String> = desk
        .app
        .facts
        .pci
        .items()
        .iter()
        .filter(|device| device.iommu_group == Some(16) && device.kind() != PciClass::Bridge)
        .map(|device| device.address.to_string())
        .collect();
    assert!(group.len() > 1);
    assert_eq!(asked(&desk), group);
    desk.keys("Space");
    assert_eq!(desk.at("/pci_devices"), json!([]));
    desk.keys("u");
    assert_eq!(asked(&desk), group);
}

#[test]
fn a_group_taken_in_part_is_completed_without_touching_what_is_set() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.0");
    desk.keys("Space Enter");
    assert_eq!(desk.focus(), "Fields vBIOS ROM");
    desk.keys("Enter '/roms/a.rom' Esc Esc");
    desk.keys("j");
    assert_eq!(desk.at("/pci_devices/0/rom_file"), "/roms/a.rom");
    desk.keys("Space Space");
    assert_eq!(desk.at("/pci_devices/0/rom_file"), json!(null), "cleared and taken again");
}

#[test]
fn bridges_stay_with_the_host() {
    let mut desk = Desk::workstation();
    go(&mut desk, "00:01.0");
    desk.keys("Space");
    assert_eq!((desk.at("/pci_devices"), desk.toast()), (json!(null), "bridges stay with the host"));
}

#[test]
fn filters_narrow_the_list_and_esc_widens_it() {
    let mut desk = Desk::workstation();
    desk.keys("6");
    let all = devices(&desk.app).len();
    desk.keys("f");
    assert!(devices(&desk.app).iter().all(|device| device.kind() == PciClass::Gpu));
    desk.keys("f f f f");
    assert_eq!(devices(&desk.app).len(), all, "round again");
    desk.keys("/ 'nvidia audio' Enter");
    assert_eq!(desk.focus(), "Rows 0", "Enter leads into the list");
    assert!(devices(&desk.app).iter().all(|device| device.label().contains("Audio")));
    assert!(!devices(&desk.app).is_empty());
    desk.keys("Esc");
    assert_eq!(devices(&desk.app).len(), all);
}

#[test]
fn the_cursor_stays_on_its_device_when_the_list_changes_and_the_change_is_marked() {
    let mut desk = Desk::workstation();
    go(&mut desk, "01:00.1");
    let mut facts = read_facts("workstation");
    let pci = facts.pci.get_mut().unwrap();
    pci.retain(|device| device.kind() != PciClass::Bridge);
    let card = pci.iter_mut().find(|device| device.address.short() == "01:00.0").unwrap();
    card.driver = Some("vfio-pci".into());
    let changed = card.address;
    desk.tell(Msg::Clock(100));
    desk.know(&facts);
    assert_eq!(selected(&desk.app).unwrap().address.short(), "01:00.1");
    assert_eq!(desk.app.pci.changed.keys().copied().collect::<Vec<_>>(), [changed]);
    desk.tell(Msg::Clock(103));
    assert!(desk.app.pci.changed.is_empty());
}

#[test]
fn facts_that_say_nothing_new_change_nothing() {
    let mut desk = Desk::workstation();
    desk.keys("6 j j");
    let before = format!("{:?}", desk.app);
    let mut facts = read_facts("workstation");
    if let Fact::Known { seen_at, .. } = &mut facts.pci {
        *seen_at += 100;
    }
    for part in parts(facts).into_iter().filter(|part| matches!(part, FactsPart::Pci { .. })) {
        desk.tell(Msg::Facts(part));
    }
    assert_eq!(format!("{:?}", desk.app), before);
}

#[test]
fn a_rescan_asks_for_the_devices_and_who_holds_them() {
    let mut desk = Desk::workstation();
    desk.keys("6 r");
    assert_eq!(desk.effects, [Effect::Observe(vec![Part::Pci, Part::Domains])]);
}
