//! Leaving, drafts, signals, a host that does not answer.

use super::script::Desk;
use serde_json::json;
use std::path::Path;
use vmbuild::app::overlay::{Ask, Overlay};
use vmbuild::app::{Draft, Effect, EndSignal, ExitReason, HostState, LeftDraft, Msg, StepId, StoreReply, WizardExit};
use vmbuild::spec::Spec;

fn left(desk: &Desk) -> Option<&WizardExit> {
    desk.effects.iter().find_map(|effect| if let Effect::Leave(exit) = effect { Some(exit) } else { None })
}

#[test]
fn with_nothing_typed_leaving_asks_nothing() {
    let mut desk = Desk::workstation();
    desk.keys("q");
    assert_eq!(left(&desk).map(|exit| exit.reason), Some(ExitReason::Left));
}

#[test]
fn with_a_draft_leaving_asks_once_and_the_first_answer_stays() {
    let mut desk = Desk::workstation();
    desk.set("name", "a");
    desk.keys("q Enter");
    assert_eq!(left(&desk), None);
    desk.keys("q j Enter");
    assert!(left(&desk).is_some_and(|exit| exit.lines.iter().any(|line| line.contains("draft is kept"))));
    assert!(matches!(desk.effects.first(), Some(Effect::SaveDraft(_))));
    desk.keys("q j j Enter");
    assert_eq!(desk.effects.first(), Some(&Effect::DiscardDraft));
}

#[test]
fn interrupting_twice_leaves_at_once_with_the_draft_saved_even_from_a_text() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter 'half' ^C");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Ask(_))));
    assert_eq!(left(&desk), None);
    desk.keys("^C");
    assert!(left(&desk).is_some());
    let Some(Effect::SaveDraft(draft)) = desk.effects.first() else { panic!("{:?}", desk.effects) };
    assert_eq!(draft.spec.name.as_deref(), Some("half"));
}

#[test]
fn interrupting_another_overlay_only_closes_it() {
    let mut desk = Desk::workstation();
    desk.set("name", "a");
    desk.keys("? ^C");
    assert!(desk.app.overlays.is_empty());
    assert_eq!(left(&desk), None);
}

#[test]
fn a_draft_is_offered_and_taken_with_everything_in_it() {
    let mut first = Desk::workstation();
    first.set("name", "gpu-ws-01").set("vcpus", "many");
    let draft: Draft = serde_json::from_str(&serde_json::to_string(&first.app.draft()).unwrap()).unwrap();
    let mut desk = Desk::workstation();
    desk.tell(Msg::Clock(draft.saved_at + 7200));
    offer(&mut desk, [("a", draft)]);
    let ask = question(&desk);
    assert_eq!(ask.title, "Continue the draft of gpu-ws-01?");
    assert_eq!(ask.lines, ["It was saved 2 hours ago, for qemu:///system."]);
    desk.keys("Enter");
    assert_eq!((desk.at("/name"), desk.app.step), (json!("gpu-ws-01"), StepId::System));
    assert_eq!(desk.app.content.pending.values().collect::<Vec<_>>(), ["many"]);
    let [Effect::TakeDraft(left), Effect::Ask(_)] = desk.effects.as_slice() else {
        panic!("a draft that was taken is not saved again before it changes: {:?}", desk.effects)
    };
    assert_eq!(left.path, Path::new("a"));
}

fn offer<const N: usize>(desk: &mut Desk, drafts: [(&str, Draft); N]) {
    let left = drafts.map(|(path, draft)| LeftDraft { path: path.into(), draft });
    desk.tell(Msg::Stored(StoreReply::DraftsOffered(left.into())));
}

#[track_caller]
fn question(desk: &Desk) -> &Ask {
    let Some(Overlay::Ask(ask)) = desk.app.overlays.last() else { panic!("no question") };
    ask
}

fn draft(name: &str, uri: &str, saved_at: u64) -> Draft {
    let spec = Spec { name: Some(name.into()), ..Spec::default() };
    Draft { spec, uri: uri.into(), saved_at, ..Draft::default() }
}

#[test]
fn of_several_drafts_the_newest_are_offered_with_host_and_age() {
    let mut desk = Desk::workstation();
    desk.tell(Msg::Clock(1_000_000));
    let names = ["a", "bb", "c", "d", "e", "f"];
    let mut at = 0;
    let drafts = names.map(|name| {
        at += 3600;
        (name, draft(name, "qemu+ssh://far/system", 1_000_000 - at))
    });
    offer(&mut desk, drafts.clone());
    let ask = question(&desk);
    assert_eq!(ask.title, "Continue one of 6 drafts?");
    assert_eq!(ask.lines[1], "1 older drafts are offered after these.");
    let rows: Vec<_> = ask.answers.iter().map(|(text, _)| text.as_ref()).collect();
    assert_eq!(rows[0], "a   qemu+ssh://far/system, 60 minutes ago");
    assert_eq!(rows[1], "bb  qemu+ssh://far/system, 2 hours ago");
    assert_eq!(rows[5..], ["Start fresh, keep the drafts", "Start fresh, delete these 5"]);
    desk.keys("j Enter");
    assert_eq!(desk.at("/name"), json!("bb"));
    assert!(matches!(desk.effects.as_slice(), [Effect::TakeDraft(left), ..] if left.path == Path::new("bb")));

    let mut desk = Desk::workstation();
    offer(&mut desk, drafts.clone());
    desk.keys("j j j j j j Enter");
    assert_eq!(desk.effects, [Effect::ForgetDrafts(names[..5].iter().map(Into::into).collect())]);

    let mut desk = Desk::workstation();
    offer(&mut desk, drafts);
    desk.keys("j j j j j Enter");
    assert_eq!((desk.effects.as_slice(), desk.app.name()), (&[] as &[Effect], ""));
}

#[test]
fn a_draft_of_another_host_or_of_an_older_version_says_so() {
    let mut desk = Desk::workstation();
    offer(&mut desk, [("a", draft("a", "qemu+ssh://far/system", 0))]);
    assert_eq!(question(&desk).lines[1], "This session works on qemu:///system.");
    let mut desk = Desk::workstation();
    offer(&mut desk, [("a", draft("a", "", 0))]);
    assert_eq!(question(&desk).lines.len(), 1);
    desk.keys("Down Down Enter");
    assert_eq!(desk.effects, [Effect::ForgetDrafts(vec!["a".into()])]);
}

#[test]
fn a_draft_is_not_offered_over_work_that_has_begun() {
    let mut desk = Desk::workstation();
    desk.set("name", "new");
    let mut draft = Draft::default();
    draft.spec.name = Some("old".into());
    offer(&mut desk, [("a", draft)]);
    assert!(desk.app.overlays.is_empty());
    let mut desk = Desk::workstation();
    offer(&mut desk, [("a", Draft::default())]);
    assert!(desk.app.overlays.is_empty(), "an empty draft is none");
}

#[test]
fn a_signal_saves_what_was_typed_and_leaves() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter 'half'");
    desk.tell(Msg::Signal(EndSignal::HangUp));
    assert_eq!(left(&desk).map(|exit| exit.reason), Some(ExitReason::Signal));
    assert!(
        desk.effects
            .iter()
            .any(|effect| matches!(effect, Effect::SaveDraft(draft) if draft.spec.name.as_deref() == Some("half")))
    );
}

#[test]
fn a_host_that_cannot_be_asked_says_why_and_can_be_asked_again() {
    let mut desk = Desk::new();
    desk.tell(Msg::HostFailed { text: "no daemon".into(), remedy: "start it".into() });
    assert!(matches!(desk.app.host, HostState::Failed { .. }));
    desk.keys("Esc 3 r");
    assert!(desk.asked_for_everything(), "{:?}", desk.effects);
    // Asked again in vain, it is offered again.
    desk.tell(Msg::HostFailed { text: "no daemon".into(), remedy: "start it".into() });
    desk.keys("Down Enter");
    assert!(desk.asked_for_everything(), "{:?}", desk.effects);
    desk.know(&super::script::read_facts("workstation"));
    assert_eq!(desk.app.host, HostState::Up);
}

#[test]
fn without_a_host_the_demo_host_is_offered_and_nothing_of_the_old_host_remains() {
    let mut desk = Desk::new();
    desk.keys("2 Enter 'box' Enter");
    desk.tell(Msg::HostFailed { text: "no daemon".into(), remedy: "start it".into() });
    desk.keys("Down Down Enter");
    assert_eq!(desk.effects.first(), Some(&Effect::UseDemo));
    assert!(desk.asked_for_everything(), "{:?}", desk.effects);
    assert_eq!((desk.app.host.clone(), desk.app.name()), (HostState::Connecting, "box"));
}

#[test]
fn a_host_that_is_lost_is_connected_again_without_a_question() {
    let mut desk = Desk::workstation();
    desk.tell(Msg::HostFailed { text: "cut".into(), remedy: String::new() });
    assert!(desk.app.overlays.is_empty());
}

#[test]
fn suspending_is_an_effect() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter ^Z");
    assert_eq!(desk.effects.last(), Some(&Effect::Suspend));
}
