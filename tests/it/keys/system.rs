//! Step 2.

use super::script::Desk;
use serde_json::json;
use vmbuild::app::overlay::Overlay;
use vmbuild::app::{Effect, Msg};
use vmbuild::checks::Severity;
use vmbuild::checks::Wording;
use vmbuild::facts::{Fact, FactsPart, Iso, MediaFile, MediaKind, Provenance, Query, SystemName};

#[test]
fn a_name_is_typed_and_becomes_the_domains() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter 'gpu-ws-01' Enter");
    assert_eq!(desk.at("/name"), "gpu-ws-01");
    assert_eq!(desk.field(), "Guest system", "Enter goes on to the next field");
    assert!(desk.app.case.preview.lines.iter().any(|line| line.text.contains("<name>gpu-ws-01</name>")));
}

#[test]
fn memory_is_read_while_typing_with_its_unit_echoed() {
    let mut desk = Desk::workstation();
    desk.set("memory", "");
    desk.keys("Enter '32768'");
    assert_eq!(desk.at("/memory"), json!(32768));
    assert!(desk.app.field().unwrap().note.starts_with("= 32 GiB"), "{}", desk.app.field().unwrap().note);
    desk.keys("^U '32G' Esc");
    assert_eq!(desk.at("/memory"), json!("32G"), "written back as the user wrote it");
    assert_eq!(desk.app.case.machine.memory.map(|memory| memory.to_string()).as_deref(), Some("32 GiB"));
}

#[test]
fn an_error_is_shown_when_the_field_is_left_and_then_follows_each_key() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"memory".parse().unwrap());
    let shown = |desk: &Desk| desk.app.shown_finding(&desk.app.field().unwrap()).map(vmbuild::checks::Finding::code);
    desk.keys("Enter 'lots'");
    assert_eq!(shown(&desk), None, "not while it is typed for the first time");
    desk.keys("Esc");
    assert!(shown(&desk).is_some());
    desk.keys("Enter");
    assert!(shown(&desk).is_some(), "an error that shows stays while it is mended");
    desk.keys("^U '4 GiB'");
    assert_eq!(shown(&desk), None);
    assert_eq!(desk.at("/memory"), "4 GiB");
}

#[test]
fn a_text_that_the_spec_cannot_hold_is_kept_and_blocks_the_build() {
    let mut desk = Desk::workstation();
    desk.complete();
    assert_eq!(desk.app.build_gate(), None, "{:?}", desk.app.case.report.blockers().collect::<Vec<_>>());
    desk.set("vcpus", "four");
    assert_eq!(desk.app.field().unwrap().text, "four", "nothing typed is lost");
    assert_eq!(desk.at("/vcpus"), json!(null));
    let finding = desk.app.finding_at(&"vcpus".parse().unwrap()).unwrap();
    assert_eq!((finding.code(), finding.severity()), ("FIELD-VALUE", Severity::Blocker));
    assert!(
        finding.message(Wording::Full).contains("'four' is not a whole number"),
        "{}",
        finding.message(Wording::Full)
    );
    assert!(desk.app.build_gate().unwrap().contains(" in 2 System"));
    desk.keys("Enter ^U '4' Esc");
    assert_eq!((desk.at("/vcpus"), desk.app.build_gate()), (json!(4), None));
}

#[test]
fn a_toggle_starts_at_its_default_and_del_goes_back_to_it() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"uefi".parse().unwrap());
    let default = desk.app.field().unwrap().is_on();
    desk.keys("Space");
    assert_eq!(desk.at("/uefi"), json!(!default));
    desk.keys("Space");
    assert_eq!(desk.at("/uefi"), json!(default));
    desk.keys("Del");
    assert_eq!(desk.at("/uefi"), json!(null));
    desk.keys("Del");
    assert_eq!(desk.toast(), "the field has its default");
}

#[test]
fn what_cannot_be_edited_says_why() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"uefi".parse().unwrap());
    if desk.app.field().unwrap().is_on() {
        desk.keys("Space");
    }
    desk.keys("j Enter");
    assert_eq!(desk.field(), "Secure Boot");
    assert_eq!(desk.toast(), "Secure Boot needs UEFI: switch UEFI on first");
    assert_eq!(desk.at("/secure_boot"), json!(null));
}

#[test]
fn a_choice_is_walked_with_arrows_or_picked_from_a_list() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"machine".parse().unwrap());
    assert_eq!(desk.app.field().unwrap().shown(), "q35");
    desk.keys("Right");
    assert_eq!(desk.at("/machine"), "pc");
    desk.keys("Left");
    assert_eq!(desk.at("/machine"), "q35");
    desk.keys("Enter 'i440' Enter");
    assert_eq!(desk.at("/machine"), "pc");
    desk.keys("Enter 'pc-q35-9.1' Enter");
    assert_eq!(desk.at("/machine"), "pc-q35-9.1", "a text that is in no list is taken where that makes sense");
}

#[test]
fn a_paste_goes_into_the_text_in_one_piece_and_never_acts_as_keys() {
    let mut desk = Desk::workstation();
    desk.keys("2 paste'qqq'");
    assert_eq!((desk.at("/name"), desk.toast()), (json!(null), "open a field with Enter before pasting"));
    desk.keys("Enter 'a' paste'b c' Esc");
    assert_eq!(desk.at("/name"), "ab c");
}

#[test]
fn the_draft_is_saved_when_a_field_is_left_not_at_each_key() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter 'abc'");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::SaveDraft(_))));
    desk.keys("Esc");
    let drafts: Vec<_> = desk.effects.iter().filter(|effect| matches!(effect, Effect::SaveDraft(_))).collect();
    assert_eq!(drafts.len(), 1);
    desk.keys("j k j");
    assert_eq!(desk.effects, [], "moving changes nothing");
}

/// The workstation with Win11.iso chosen, after the host has looked into it.
fn with_medium(systems: &[(&str, &str)]) -> Desk {
    let path = "/var/lib/libvirt/images/Win11.iso";
    let named =
        systems.iter().map(|(id, name)| SystemName { id: (*id).into(), name: (*name).into(), ..SystemName::default() });
    let iso = Iso { volume: "LABEL".into(), systems: named.collect(), ..Iso::default() };
    let file = MediaFile { kind: MediaKind::File, iso: Some(iso), ..MediaFile::default() };
    let mut desk = Desk::workstation();
    desk.load(json!({"storage": {"boot_iso": path, "disks": [{"action": "create", "size": 80}]}}));
    let known = Fact::known(file, Provenance::File(path.into()), 0);
    desk.tell(Msg::Facts(FactsPart::Files([(path.to_owned(), known)].into())));
    desk
}

#[test]
fn a_medium_of_one_system_stands_in_for_the_field_until_the_user_fills_it() {
    let mut desk = with_medium(&[("debian12", "Debian 12")]);
    assert!(desk.asked().contains(&&Query::Profiles(vec!["debian12".into()])), "{:?}", desk.effects);
    desk.keys("2 j");
    let field = desk.app.field().unwrap();
    assert_eq!((field.default.as_str(), field.why.as_str()), ("debian12", "the boot ISO is 'LABEL'"));
    assert_eq!(desk.at("/os_variant"), serde_json::Value::Null, "nothing is written into the spec");
    desk.keys("Enter 'fedora42' Enter");
    assert_eq!(desk.app.case.machine.guest.name(), "Fedora Linux 42");
}

#[test]
fn a_medium_of_several_systems_offers_them_first_and_chooses_none() {
    let mut desk = with_medium(&[("win10", "Windows 10"), ("win11", "Windows 11")]);
    assert!(desk.app.case.machine.guest.system.is_none() && desk.app.case.machine.windows);
    desk.keys("2 j Enter");
    let Some(Overlay::Pick(_, list)) = desk.app.overlays.last() else { panic!("no list") };
    let first: Vec<&str> = list.items.iter().take(2).map(|known| known.note.as_str()).collect();
    assert_eq!(first, ["Windows 10, from the boot ISO", "Windows 11, from the boot ISO"]);
    desk.keys("Down Enter");
    assert_eq!(desk.at("/os_variant"), "win11");
}
