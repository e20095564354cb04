//! Step 4.

use super::script::Desk;
use serde_json::json;
use vmbuild::app::steps::disks::row;
use vmbuild::checks::Wording;
use vmbuild::facts::Query;

#[test]
fn a_disk_is_added_with_its_size_ready_to_type() {
    let mut desk = Desk::workstation();
    desk.keys("3 j Enter 4 a");
    assert_eq!(desk.focus(), "Fields Size");
    desk.keys("Enter ^U '200G' Esc Esc");
    assert_eq!(desk.at("/storage/disks/0"), json!({"action": "create", "size": "200G"}));
    let first = row(&desk.app, 0);
    assert_eq!((first.number.as_str(), first.action.as_str(), first.target.as_str()), ("0", "create", "vda"));
    assert_eq!(first.size.unwrap().to_string(), "200 GiB");
    assert_eq!(row(&desk.app, 1).number, "cd");
}

#[test]
fn rows_have_the_numbers_that_the_checks_give_them() {
    let mut desk = Desk::workstation();
    desk.keys("3 j Enter 4 a Esc e Esc Esc");
    let finding = desk.app.case.report.findings.iter().find(|finding| finding.code() == "DISK-PATH").unwrap();
    let number = row(&desk.app, finding.place().row_index().unwrap()).number;
    assert_eq!(finding.message(Wording::Full), format!("disk {number}: path is required for attach action"));
    let logic = vmbuild::app::steps::logic(desk.app.step);
    let heading = (logic.form_title(&desk.app), logic.form_note(&desk.app));
    assert_eq!(heading, (format!("Disk {number}"), "attach".to_owned()));
}

#[test]
fn the_iso_is_picked_from_all_pools() {
    let mut desk = Desk::workstation();
    desk.keys("4 i 'ubuntu-22' Enter");
    assert_eq!(desk.at("/storage/boot_iso"), "ubuntu-22.04.iso");
    assert_eq!(row(&desk.app, 0).number, "cd");
    assert_eq!(row(&desk.app, 0).action, "attach");
    desk.keys("Esc Esc d");
    assert_eq!(desk.at("/storage"), json!(null));
    desk.keys("d");
    assert_eq!(desk.toast(), "there is no medium");
}

#[test]
fn cloning_and_attaching_start_with_the_source() {
    let mut desk = Desk::workstation();
    desk.keys("4 A 'golden' Enter");
    assert_eq!(desk.at("/storage/disks/0"), json!({"action": "clone", "clone_from": "bulk-storage/golden"}));
    desk.keys("Esc e 'shared/data.qcow2' Enter");
    assert_eq!(desk.at("/storage/disks/1/action"), "attach");
    assert_eq!(desk.field(), "Image");
}

#[test]
fn files_named_by_the_spec_are_asked_for_once_and_not_while_typing() {
    let mut desk = Desk::workstation();
    desk.keys("4 e '/srv/new.img' Enter Esc");
    // The other is a VM's: it may be based on the new one.
    assert_eq!(desk.asked(), [&Query::Files(vec!["/srv/new.img".into(), "/srv/fast/games.qcow2".into()])]);
    desk.keys("Esc j k Enter Esc");
    assert_eq!(desk.asked(), [] as [&Query; 0]);
}

#[test]
fn rows_change_places_and_take_their_texts_along() {
    let mut desk = Desk::workstation();
    desk.keys("4 a Esc a Esc");
    desk.set("storage.disks[0].boot_order", "first");
    desk.set("storage.disks[1].size", "7 GiB");
    desk.keys("Esc g J");
    assert_eq!(desk.focus(), "Rows 1");
    assert_eq!(desk.at("/storage/disks/0/size"), "7 GiB");
    assert_eq!(desk.app.content.pending.keys().next().unwrap().to_string(), "storage.disks[1].boot_order");
    desk.keys("d");
    assert_eq!(desk.at("/storage/disks").as_array().map(Vec::len), Some(1));
    assert!(desk.app.content.pending.is_empty());
    desk.keys("K");
    assert_eq!(desk.toast(), "the medium has no place in the order of creation");
}

#[test]
fn a_text_of_a_moved_row_keeps_its_finding() {
    let mut desk = Desk::workstation();
    desk.keys("4 a Esc a Esc");
    desk.set("storage.disks[0].boot_order", "first");
    desk.keys("Esc g J c g Enter");
    desk.app.go_to(&"storage.disks[1].boot_order".parse().unwrap());
    assert_eq!(desk.app.field().unwrap().text, "first");
}

#[test]
fn changing_the_action_changes_the_fields_but_loses_no_value() {
    let mut desk = Desk::workstation();
    desk.keys("4 a");
    desk.set("storage.disks[0].size", "50 GiB");
    desk.app.go_to(&"storage.disks[0].action".parse().unwrap());
    desk.keys("Right");
    assert_eq!(desk.at("/storage/disks/0/action"), "clone");
    assert_eq!(desk.at("/storage/disks/0/size"), "50 GiB");
    desk.keys("Left");
    assert_eq!(desk.at("/storage/disks/0"), json!({"action": "create", "size": "50 GiB"}));
}
