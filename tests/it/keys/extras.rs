//! Step 7.

use super::script::Desk;
use serde_json::json;
use vmbuild::app::{Key, KeyCode, Msg};

#[test]
fn texts_of_several_lines_take_enter_and_are_left_with_esc() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"cloud_init.user_data".parse().unwrap());
    desk.keys("Enter '#cloud-config' Enter 'users: []' Esc");
    assert_eq!(desk.at("/cloud_init/user_data"), "#cloud-config\nusers: []");
    assert_eq!(desk.focus(), "Fields user-data");
}

#[test]
fn keys_are_a_list_with_one_line_each() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"cloud_init.ssh_authorized_keys".parse().unwrap());
    desk.keys("Enter paste'ssh-ed25519 AAAA a@b\r\nssh-ed25519 BBBB c@d\n' Esc");
    assert_eq!(desk.at("/cloud_init/ssh_authorized_keys"), json!(["ssh-ed25519 AAAA a@b", "ssh-ed25519 BBBB c@d"]));
}

#[test]
fn metadata_that_is_no_pair_is_kept_as_typed() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"metadata".parse().unwrap());
    desk.keys("Enter 'owner' Esc");
    assert_eq!(desk.at("/metadata"), json!(null));
    assert_eq!(desk.app.field().unwrap().text, "owner");
    assert!(desk.codes().contains(&"FIELD-VALUE"));
    desk.keys("Enter ' = mia' Esc");
    assert_eq!(desk.at("/metadata"), json!({"owner": "mia"}));
    assert!(!desk.codes().contains(&"FIELD-VALUE"));
}

#[test]
fn consoles_are_rows_and_none_is_a_choice() {
    let mut desk = Desk::workstation();
    desk.keys("7 a");
    assert_eq!(desk.at("/graphics"), json!([{"type": "vnc"}, {"type": "vnc"}]));
    desk.keys("d Enter Left");
    assert_eq!(desk.at("/graphics/0/type"), "none");
    assert!(desk.app.case.machine.consoles.is_empty());
}

#[test]
fn custom_xml_is_merged_as_it_is_typed_and_its_errors_are_findings() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"custom_xml".parse().unwrap());
    desk.keys("Enter '<domain><title>Mine</title></domain>' Esc");
    assert!(desk.app.case.preview.lines.iter().any(|line| line.text.contains("<title>Mine</title>")));
    desk.keys("Enter '<' Esc");
    assert!(desk.codes().iter().any(|code| code.contains("XML")), "{:?}", desk.codes());
    assert!(!desk.app.case.preview.lines.is_empty(), "the preview goes on without it");
}

#[test]
fn wide_letters_are_deleted_whole() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter '名前é'");
    desk.tell(Msg::Key(Key::plain(KeyCode::Backspace)));
    assert_eq!(desk.at("/name"), "名前");
}
