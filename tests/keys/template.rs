//! Step 1.

use crate::script::{Desk, presets, saved, templates};
use serde_json::json;
use vmbuild::app::{Effect, Msg, Reply};

fn desk() -> Desk {
    let mut desk = Desk::workstation();
    desk.tell(templates(vec![
        saved("base", json!({"vcpus": 2, "memory": "2 GiB"})),
        saved(
            "desktop",
            json!({"template": "base", "memory": "8 GiB", "networks": [{"type": "bridge", "source": "br0"}]}),
        ),
    ]));
    desk.tell(presets(vec![saved(
        "big",
        json!({"vcpus": 16, "storage": {"disks": [{"action": "create", "size": 100}]}}),
    )]));
    desk
}

#[test]
fn a_template_sets_values_that_know_where_they_come_from() {
    let mut desk = desk();
    desk.keys("1 j Space");
    assert_eq!(
        (desk.at("/memory"), desk.at("/vcpus"), desk.at("/template")),
        (json!("8 GiB"), json!(2), json!("desktop"))
    );
    desk.app.go_to(&"memory".parse().unwrap());
    assert_eq!(desk.app.field().unwrap().origin.as_deref(), Some("template desktop"));
    desk.app.go_to(&"vcpus".parse().unwrap());
    assert_eq!(desk.app.field().unwrap().origin.as_deref(), Some("template base"));
    desk.keys("Enter ^U '4' Esc");
    assert_eq!((desk.at("/vcpus"), desk.app.field().unwrap().origin), (json!(4), None));
    desk.keys("Del");
    assert_eq!(desk.at("/vcpus"), json!(2), "back to what the template says");
}

#[test]
fn presets_stack_over_the_template_and_are_dropped_again() {
    let mut desk = desk();
    desk.keys("1 g Space G Space");
    assert_eq!((desk.at("/vcpus"), desk.at("/memory")), (json!(16), json!("2 GiB")));
    desk.keys("Space");
    assert_eq!(desk.at("/vcpus"), json!(2));
    desk.keys("g Space");
    assert_eq!(desk.spec(), json!({}));
    desk.keys("u");
    assert_eq!(desk.at("/vcpus"), json!(2), "undo brings a template back as well");
}

#[test]
fn there_is_one_template() {
    let mut desk = desk();
    desk.keys("1 g Space j Space");
    assert_eq!((desk.at("/template"), desk.at("/memory")), (json!("desktop"), json!("8 GiB")));
    assert_eq!(desk.app.content.layers.len(), 2, "desktop and base, on which it builds");
}

#[test]
fn a_row_of_a_template_becomes_the_users_when_one_field_changes() {
    let mut desk = desk();
    desk.keys("1 G Space");
    desk.set("storage.disks[0].size", "200 GiB");
    assert_eq!(desk.at("/storage/disks"), json!([{"action": "create", "size": "200 GiB"}]));
    desk.keys("1 G Space");
    assert_eq!(desk.at("/storage/disks"), json!([{"action": "create", "size": "200 GiB"}]));
}

#[test]
fn a_preset_is_saved_without_the_name_of_the_vm() {
    let mut desk = Desk::workstation();
    desk.set("name", "ws-01").set("vcpus", "8");
    desk.keys("w Enter ^U 'office' Tab 'for the office' Enter");
    let Some(Effect::SavePreset { name, description, spec }) = desk.effects.last() else {
        panic!("{:?}", desk.effects)
    };
    assert_eq!((name.as_str(), description.as_str()), ("office", "for the office"));
    assert_eq!((spec.name.as_ref(), spec.vcpus), (None, Some(8)));
    desk.tell(Msg::Stored(Reply::PresetSaved("office".into())));
    assert_eq!(desk.toast(), "saved as preset office");
}

#[test]
fn replacing_and_deleting_a_preset_ask_first() {
    let mut desk = desk();
    desk.set("name", "x");
    desk.keys("w Enter ^U 'big' Enter");
    assert_eq!(desk.effects, []);
    desk.keys("j Enter");
    assert!(matches!(desk.effects.last(), Some(Effect::SavePreset { .. })));
    desk.keys("1 G d Enter");
    assert!(!desk.effects.contains(&Effect::DeletePreset("big".into())), "the first answer changes nothing");
    desk.keys("d j Enter");
    assert!(desk.effects.contains(&Effect::DeletePreset("big".into())));
    desk.keys("g d");
    assert_eq!(desk.toast(), "templates are not deleted here");
}

#[test]
fn a_preset_that_cannot_be_read_says_why() {
    let mut desk = Desk::workstation();
    let mut broken = saved("broken", json!({}));
    broken.spec = Err("broken.json, line 3: unknown field `memmory`".into());
    desk.tell(presets(vec![broken]));
    desk.keys("1 Space");
    assert_eq!(desk.toast(), "broken.json, line 3: unknown field `memmory`");
    assert_eq!(desk.spec(), json!({}));
}
