//! Help, commands, pick lists, what is written.

use super::script::Desk;
use vmbuild::app::overlay::{Does, Overlay};
use vmbuild::app::{Effect, Msg, StepId, StoreReply, offers};

#[test]
fn commands_are_found_by_typing_and_run() {
    let mut desk = Desk::workstation();
    desk.keys("4 : 'add disk' Enter");
    assert_eq!(desk.at("/storage/disks/0/action"), "create");
    desk.keys("Esc Esc F2 'go network' Enter");
    assert_eq!(desk.app.step, StepId::Network);
    desk.keys("2 : 'field memory' Enter");
    assert_eq!(desk.focus(), "Fields Memory");
}

#[test]
fn commands_of_other_steps_are_found_and_go_there() {
    let mut desk = Desk::workstation();
    desk.keys("2 : 'add disk' Enter");
    assert_eq!((desk.app.step, desk.at("/storage/disks/0/action")), (StepId::Disks, "create".into()));
    desk.keys(": 'clone image' Enter");
    assert_eq!(desk.at("/storage/disks/1/action"), "clone", "also from a field of the same step");
    desk.keys("Esc Esc : 'delete interf' Esc : 'delete network' Enter");
    assert_eq!((desk.app.step, desk.at("/networks")), (StepId::Network, serde_json::json!([])));
}

#[test]
fn a_command_that_is_off_says_why_and_the_list_stays() {
    let mut desk = Desk::workstation();
    desk.keys("8 : 'build' Enter");
    let blocked = matches!(desk.app.overlays.last(), Some(Overlay::Palette(_)));
    assert!(blocked || desk.app.step == StepId::Build);
    desk.keys("Esc 2 : 'redo' Enter");
    assert_eq!(desk.toast(), "nothing to redo");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Palette(_))));
}

#[test]
fn a_finding_is_explained() {
    let mut desk = Desk::workstation();
    desk.keys("2 : 'explain name' Enter");
    let Some(Overlay::Notice(notice)) = desk.app.overlays.last() else { panic!("no notice") };
    assert!(notice.title.starts_with("NAME"), "{}", notice.title);
    assert!(notice.lines.iter().any(|line| line.len() > 20));
}

#[test]
fn help_lists_the_keys_of_the_focus_first_and_is_filtered_by_typing() {
    let mut desk = Desk::workstation();
    desk.keys("6 ?");
    let Some(Overlay::Help(help)) = desk.app.overlays.last() else { panic!("no help") };
    assert_eq!(help.offers[0].entry.steps, [StepId::Pci]);
    desk.keys("'undo'");
    let Some(Overlay::Help(help)) = desk.app.overlays.last() else { panic!("no help") };
    assert_eq!(help.filter.value(), "undo");
    desk.keys("Esc");
    assert!(desk.app.overlays.is_empty());
}

#[test]
fn every_offered_key_does_what_its_line_says() {
    for script in [
        "1",
        "2",
        "2 Enter",
        "3",
        "4 a",
        "4 a Esc",
        "5",
        "6",
        "7 Tab",
        "8",
        "8 Right",
        "9",
        "c",
        "x",
        ":",
        "?",
        "w",
        "2 j Enter",
    ] {
        let mut desk = Desk::workstation();
        desk.keys(script);
        for offer in offers::offers(&desk.app) {
            assert!(
                offer.entry.keys.iter().any(|key| offers::intent(&desk.app, *key) == Some(offer.entry.intent)),
                "{script}: {}",
                offer.entry.label
            );
            assert!(!offer.entry.label.is_empty());
        }
    }
}

#[test]
fn a_list_that_is_empty_because_of_the_host_says_so() {
    let mut desk = Desk::new();
    desk.keys("4 i");
    let Some(Overlay::Pick(_, list)) = desk.app.overlays.last() else { panic!("no list") };
    assert_eq!((list.items.len(), list.why_empty.as_deref()), (0, Some("not asked yet")));
    desk.keys("Enter");
    assert_eq!(desk.app.overlays.len(), 1, "there is nothing to take");
}

#[test]
fn files_and_the_clipboard_get_what_is_on_screen() {
    let mut desk = Desk::workstation();
    desk.set("name", "ws-01");
    desk.keys("w Down Enter Enter");
    let Some(Effect::WriteFile { path, text }) = desk.effects.last() else { panic!("{:?}", desk.effects) };
    assert_eq!(path, "ws-01.json");
    assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap()["name"], "ws-01");
    desk.keys("w Down Down Enter Home ^K Enter");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::WriteFile { .. })), "a path is needed");
    desk.keys("'out.xml' Enter");
    assert!(matches!(desk.effects.last(), Some(Effect::WriteFile { path, .. }) if path == "out.xml"));
    desk.keys("2 g y");
    assert_eq!(desk.effects, [Effect::Copy("ws-01".into())]);
    desk.keys("x y");
    assert!(matches!(desk.effects.last(), Some(Effect::Copy(text)) if text.starts_with("<domain")));
    desk.tell(Msg::Stored(StoreReply::Copied(42)));
    assert_eq!(desk.toast(), "sent to your terminal (42 bytes)");
}

#[test]
fn what_failed_outside_is_said_in_full() {
    let mut desk = Desk::workstation();
    desk.tell(Msg::Stored(StoreReply::Failed { what: "save preset a".into(), why: "the disk is full".into() }));
    let Some(Overlay::Notice(notice)) = desk.app.overlays.last() else { panic!("no notice") };
    assert_eq!(
        (notice.title.as_str(), notice.lines.as_slice()),
        ("Could not save preset a", &["the disk is full".to_owned()][..])
    );
}

#[test]
fn the_xml_follows_every_edit_and_marks_the_last_one() {
    use vmbuild::app::xml::Mark;
    let mut desk = Desk::workstation();
    desk.set("vcpus", "4").set("memory", "4 GiB");
    let lines = desk.app.xml_lines();
    let changed: Vec<_> =
        lines.iter().filter(|line| line.mark != Mark::Same).map(|line| line.line.text.trim()).collect();
    assert_eq!(changed, ["<memory unit='GiB'>4</memory>"]);
    assert_eq!(lines[desk.app.xml.row].line.text.trim(), "<memory unit='GiB'>4</memory>", "it scrolls to the change");
    desk.keys("Enter ^U '8 GiB'");
    let lines = desk.app.xml_lines();
    assert_eq!(lines.iter().filter(|line| line.mark == Mark::Changed).count(), 1);
    desk.keys("Esc x / 'vcpu' Esc Enter");
    assert_eq!((desk.app.step, desk.field().as_str()), (StepId::System, "CPUs"));
}

#[test]
fn a_text_that_is_offered_is_replaced_by_what_is_typed_and_edited_from_a_motion_on() {
    let written = |keys: &str| {
        let mut desk = Desk::workstation();
        desk.set("name", "box").keys(keys);
        desk.effects.iter().find_map(|effect| match effect {
            Effect::WriteFile { path, .. } => Some(path.clone()),
            _ => None,
        })
    };
    assert_eq!(written("w Down Enter 'a.json' Enter").as_deref(), Some("a.json"));
    assert_eq!(written("w Down Enter Home 'a-' Enter").as_deref(), Some("a-box.json"));
    assert_eq!(written("w Down Enter Backspace '5' Enter").as_deref(), Some("box.jso5"));
}

#[test]
fn the_palette_names_nothing_twice() {
    for step in 1..=9 {
        let mut desk = Desk::workstation();
        desk.complete().keys(&format!("{step} F2"));
        let Some(Overlay::Palette(list)) = desk.app.overlays.last() else { panic!("no palette at step {step}") };
        let mut seen = std::collections::BTreeSet::new();
        for item in list.items.iter().filter(|item| matches!(item.does, Does::Act(_) | Does::On(..))) {
            assert!(seen.insert((&item.label, &item.place)), "step {step}: {} ({}) twice", item.label, item.place);
        }
    }
}
