//! Undo and redo of any edit.

use super::script::Desk;
use serde_json::json;

#[test]
fn one_visit_to_a_field_is_one_step() {
    let mut desk = Desk::workstation();
    desk.set("name", "first");
    desk.set("name", "second");
    desk.keys("u");
    assert_eq!(desk.at("/name"), "first");
    desk.keys("u");
    assert_eq!(desk.at("/name"), json!(null));
    desk.keys("u");
    assert_eq!(desk.toast(), "nothing to undo");
    desk.keys("U U U");
    assert_eq!((desk.at("/name"), desk.toast()), (json!("second"), "nothing to redo"));
}

#[test]
fn a_paste_is_a_step_of_its_own() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter 'a' paste'bcd' Esc");
    assert_eq!(desk.at("/name"), "abcd");
    desk.keys("u");
    assert_eq!(desk.at("/name"), "a");
}

#[test]
fn rows_texts_kept_aside_and_toggles_come_back() {
    let mut desk = Desk::workstation();
    desk.set("vcpus", "many");
    desk.keys("4 a Esc");
    desk.app.go_to(&"tpm".parse().unwrap());
    desk.keys("Space");
    let full = desk.app.content.clone();
    desk.keys("u u u");
    assert_eq!(desk.app.content, vmbuild::app::history::Content::default());
    desk.keys("U U U");
    assert_eq!(desk.app.content, full);
    assert_eq!(desk.app.content.pending.values().collect::<Vec<_>>(), ["many"]);
}

#[test]
fn a_new_edit_ends_redo() {
    let mut desk = Desk::workstation();
    desk.set("name", "a");
    desk.keys("u");
    desk.set("name", "b");
    desk.keys("U");
    assert_eq!((desk.at("/name"), desk.toast()), (json!("b"), "nothing to redo"));
}

#[test]
fn undo_reaches_changes_of_other_steps_and_keeps_the_cursor_in_its_list() {
    let mut desk = Desk::workstation();
    desk.keys("4 a Esc a Esc a Esc G");
    assert_eq!(desk.focus(), "Rows 3");
    desk.keys("u u u");
    assert_eq!(desk.focus(), "Rows 0");
}

#[test]
fn undo_says_what_it_took_back() {
    let mut desk = Desk::workstation();
    desk.set("memory", "4 GiB").set("vcpus", "many");
    desk.keys("4 a Esc e Esc Esc");
    assert_eq!(desk.keys("u").toast(), "undone: storage.disks");
    assert_eq!(desk.keys("u").toast(), "undone: storage");
    assert_eq!(desk.keys("u").toast(), "undone: vcpus");
    assert_eq!(desk.keys("u").toast(), "undone: memory");
    assert_eq!(desk.keys("U").toast(), "redone: memory");
    desk.keys("9 s u");
    assert_eq!(desk.toast(), "undone: start after the build");
}
