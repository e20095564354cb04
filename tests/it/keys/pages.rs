//! Pages as data: the state as it is and an intent in, an outcome out, and nothing is changed by asking.

use super::script::{Desk, saved, templates};
use serde_json::json;
use vmbuild::app::intent::Intent;
use vmbuild::app::outcome::{Edit, Go, Outcome, Turn};
use vmbuild::app::overlay::Overlay;
use vmbuild::app::steps::logic;
use vmbuild::app::{Effect, StepId};
use vmbuild::spec::Place;

/// What the page of `step` answers to `intent`.
fn answer(desk: &mut Desk, step: StepId, intent: Intent) -> Outcome {
    desk.keys(&step.number().to_string());
    logic(step).act(&desk.app, intent)
}

#[test]
fn an_interface_beside_the_one_by_default_is_one_edit() {
    let mut desk = Desk::workstation();
    let outcome = answer(&mut desk, StepId::Network, Intent::AddRow);
    let [Edit::Rows { list, rows, from }] = outcome.edits.as_slice() else { panic!("{:?}", outcome.edits) };
    assert_eq!((list.to_string().as_str(), rows.len()), ("networks", 2));
    assert_eq!(*from, [Some(0), None], "the first one stays what it was");
    assert!(matches!(outcome.go, Some(Go::Cursor(cursor)) if cursor.row == 1));
    assert_eq!(desk.at("/networks"), json!(null), "asking changes nothing");
}

#[test]
fn a_pool_is_chosen_by_one_edit_and_counts_as_seen() {
    let mut desk = Desk::workstation();
    desk.keys("3");
    let outcome = logic(StepId::Storage).open(&desk.app);
    let place: Place = "storage.default_pool".parse().unwrap();
    assert_eq!(outcome.edits, [Edit::Set(place.clone(), Some(json!("bulk-storage")))]);
    assert!(matches!(outcome.turns.as_slice(), [Turn::Touch(seen)] if *seen == place));
}

#[test]
fn a_clone_leads_to_its_source_and_opens_the_list_there() {
    let mut desk = Desk::workstation();
    let outcome = answer(&mut desk, StepId::Disks, Intent::CloneRow);
    assert!(matches!(outcome.go, Some(Go::Field(cursor, "clone_from")) if cursor.row == 0), "{:?}", outcome.go);
    assert_eq!((outcome.edits.len(), outcome.then), (1, Some(Intent::Open)));
}

#[test]
fn a_card_is_taken_with_all_that_goes_with_it_by_one_edit() {
    let mut desk = Desk::workstation();
    desk.keys("6");
    let outcome = logic(StepId::Pci).toggle(&desk.app);
    let [Edit::Rows { rows, .. }] = outcome.edits.as_slice() else { panic!("{:?}", outcome.edits) };
    assert!(rows.len() > 1 && outcome.say.is_some(), "{rows:?}");
}

#[test]
fn a_template_that_a_preset_needs_says_why_it_stays() {
    let mut desk = Desk::workstation();
    desk.tell(templates(vec![saved("t", json!({"memory": "2 GiB"}))]));
    desk.keys("1 g");
    let outcome = logic(StepId::Template).toggle(&desk.app);
    assert_eq!(outcome.edits, [Edit::Layers(Some("t".into()), Vec::new())]);
    desk.keys("Space");
    assert_eq!(logic(StepId::Template).toggle(&desk.app).edits, [Edit::Layers(None, Vec::new())]);
}

#[test]
fn what_is_only_shown_edits_nothing() {
    let mut desk = Desk::workstation();
    let map = answer(&mut desk, StepId::System, Intent::CpuMap);
    assert!(map.edits.is_empty() && matches!(map.show.as_slice(), [Overlay::CpuMap(_)]));
    let scan = answer(&mut desk, StepId::Pci, Intent::Refresh);
    assert!(scan.edits.is_empty() && matches!(scan.effects.as_slice(), [Effect::Ask(_)]));
    let tab = answer(&mut desk, StepId::Review, Intent::NextTab);
    assert!(tab.edits.is_empty() && matches!(tab.turns.as_slice(), [Turn::Review(_)]));
}
