//! Step 5.

use super::script::Desk;
use serde_json::json;

#[test]
fn the_default_interface_becomes_the_users_when_it_is_changed() {
    let mut desk = Desk::workstation();
    desk.keys("5");
    assert_eq!((desk.focus().as_str(), desk.at("/networks")), ("Rows 0", json!(null)));
    desk.keys("Enter Right Tab Enter 'br0' Enter");
    assert_eq!(desk.at("/networks"), json!([{"type": "bridge", "source": "br0"}]));
}

#[test]
fn a_second_interface_leaves_the_first_as_it_was() {
    let mut desk = Desk::workstation();
    desk.keys("5 a");
    assert_eq!(desk.at("/networks"), json!([{"type": "network"}, {"type": "network"}]));
    assert_eq!(desk.focus(), "Rows 1");
    desk.keys("d d");
    assert_eq!(desk.at("/networks"), json!([]), "no interface at all is a choice, too");
    desk.keys("u u");
    assert_eq!(desk.at("/networks").as_array().map(Vec::len), Some(2));
}

#[test]
fn a_bad_mac_address_stays_in_the_field_with_its_finding() {
    let mut desk = Desk::workstation();
    desk.set("networks[0].mac", "52:54:zz");
    assert_eq!(desk.at("/networks/0/mac"), "52:54:zz");
    let finding = desk.app.shown_finding(&desk.app.field().unwrap()).unwrap();
    assert!(finding.code().starts_with("MAC"), "{}", finding.code());
}
