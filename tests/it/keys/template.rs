//! Step 1.

use super::script::{Desk, presets, saved, templates};
use serde_json::json;
use vmbuild::app::{Draft, Effect, LeftDraft, Msg, StepId, StoreReply};
use vmbuild::checks::Severity;
use vmbuild::spec::{Layer, Origin};

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
fn an_emptied_field_takes_away_what_the_template_sets_however_it_was_emptied() {
    for keys in ["^U", "Backspace", "'6' Backspace Backspace", "Backspace '4' Backspace", "'x' Backspace Backspace"] {
        let mut desk = desk();
        desk.keys("1 j Space");
        desk.app.go_to(&"vcpus".parse().unwrap());
        desk.keys(&format!("Enter {keys}"));
        assert_eq!(desk.at("/vcpus"), json!(null), "{keys}");
        desk.keys("Esc Del");
        assert_eq!(desk.at("/vcpus"), json!(2), "{keys}: back to what the template says");
    }
}

#[test]
fn a_text_that_is_not_a_value_takes_nothing_away_from_the_template() {
    let mut desk = desk();
    desk.keys("1 j Space");
    desk.app.go_to(&"vcpus".parse().unwrap());
    for keys in ["Enter ^U 'x'", "'y'", "'z'"] {
        desk.keys(keys);
        assert_eq!(desk.at("/vcpus"), json!(2), "{keys}: what is typed is kept aside");
    }
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
    assert_eq!(desk.app.layers().count(), 2, "desktop and base, on which it builds");
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
    desk.tell(Msg::Stored(StoreReply::PresetSaved("office".into())));
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

#[test]
fn a_template_that_is_gone_blocks_and_can_be_dropped() {
    let mut desk = desk();
    desk.keys("1 g Space");
    desk.tell(templates(vec![]));
    assert!(desk.codes().contains(&"TEMPLATE-MISSING"), "{:?}", desk.codes());
    desk.keys("1 G Space");
    assert_eq!(desk.at("/template"), json!(null), "its row is the last one, behind the preset");
}

#[test]
fn templates_in_a_circle_block_and_nothing_is_said_before_they_are_read() {
    let mut desk = Desk::workstation();
    desk.load(json!({"name": "x", "template": "a"}));
    assert_eq!(desk.app.worst(StepId::Template), Some(Severity::Unknown));
    desk.tell(templates(vec![saved("a", json!({"template": "b", "vcpus": 2})), saved("b", json!({"template": "a"}))]));
    assert!(desk.codes().contains(&"TEMPLATE-CIRCLE"), "{:?}", desk.codes());
    assert_eq!((desk.app.worst(StepId::Template), desk.at("/vcpus")), (Some(Severity::Blocker), json!(2)));
}

#[test]
fn a_preset_of_the_start_brings_its_template_and_a_draft_looks_its_template_up() {
    let mut desk = Desk::workstation();
    let layer = |origin, spec| Layer { origin, spec: serde_json::from_value(spec).unwrap() };
    let preset = layer(Origin::Preset("p".into()), json!({"template": "base"}));
    let old = layer(Origin::Template("base".into()), json!({"vcpus": 1}));
    let draft = Draft { layers: vec![old, preset], ..Draft::default() };
    desk.tell(Msg::Stored(StoreReply::DraftsOffered(vec![LeftDraft { path: "d".into(), draft }]))).keys("Enter");
    desk.tell(templates(vec![saved("base", json!({"vcpus": 4}))]));
    assert_eq!(desk.at("/vcpus"), json!(4), "as it is now, not as the draft of an older version had it");
    assert_eq!(desk.app.layers().count(), 2);
}
