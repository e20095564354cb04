//! Step 9.

use super::script::Desk;
use crate::support::drives::with_drive;
use crate::support::events;
use vmbuild::app::overlay::Overlay;
use vmbuild::app::steps::build::view::RunState;
use vmbuild::app::{Effect, ExitReason, Msg, StepId};
use vmbuild::checks::Wording;
use vmbuild::domain::{Difference, Weight, What};
use vmbuild::engine::libvirt::LibvirtCall;
use vmbuild::engine::{Call as AnyCall, Common, Step};
use vmbuild::plan::{BuildEvent, BuildResult, Plan};

fn plan() -> Plan {
    let step = |title: &str, call: AnyCall| Step { detail: "detail".into(), ..Step::new(title, title, call) };
    let volume = LibvirtCall::WriteSeed { pool: "p".into(), volume: "a".into() };
    let (name, xml) = ("a".into(), String::new());
    let define =
        LibvirtCall::Define { name, xml, passwords: Vec::new(), variables: false, tpm: false, files: Vec::new() };
    let steps = vec![
        step("Re-check the host", AnyCall::Any(Common::Recheck { functions: Vec::new(), files: Vec::new() })),
        step("Create volume", volume.into()),
        step("Define domain", define.into()),
    ];
    Plan { name: "ws-01".into(), steps, ..Plan::default() }
}

/// A wizard with a build under way.
fn building() -> Desk {
    let mut desk = Desk::workstation();
    desk.complete();
    desk.app.model.case.plan = plan();
    desk.keys("8 B");
    if let Some(Overlay::Ask(_)) = desk.app.overlays.last() {
        desk.keys("Enter");
    }
    assert_eq!(desk.app.step, StepId::Build);
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Build { .. })));
    desk
}

fn event(desk: &mut Desk, event: BuildEvent) {
    desk.tell(Msg::Build(event));
}

fn states(desk: &Desk) -> Vec<RunState> {
    desk.app.build.steps.iter().map(|step| step.state).collect()
}

#[test]
fn a_build_tells_its_steps_and_what_an_undo_would_take_back() {
    let mut desk = building();
    event(&mut desk, events::begins(&plan(), 0, 0));
    event(&mut desk, BuildEvent::StepDone { step: 0, at_ms: 400, note: "nothing new".into() });
    event(&mut desk, events::begins(&plan(), 1, 400));
    assert_eq!(states(&desk), [RunState::Done, RunState::Running, RunState::Waiting]);
    assert_eq!(desk.app.build.undo_list(), ["delete volume p/a (partial)"]);
    assert_eq!(desk.app.cursor().row, 1, "the cursor follows the step that runs");
    event(&mut desk, BuildEvent::Progress { step: 1, done: 1, total: 2 });
    assert_eq!(desk.app.build.steps[1].progress, Some((1, 2)));
    for told in events::done(&plan(), 1, 900) {
        event(&mut desk, told);
        let ends = desk.app.build.steps[1].state == RunState::Done;
        assert_eq!(
            desk.app.build.undo_list(),
            [if ends { "delete volume p/a" } else { "delete volume p/a (partial)" }]
        );
    }
    assert_eq!(desk.app.build.steps[1].took_ms, Some(500));
}

#[test]
fn a_failure_shows_libvirts_words_and_what_was_undone() {
    let mut desk = building();
    event(&mut desk, events::begins(&plan(), 1, 0));
    event(&mut desk, BuildEvent::StepDone { step: 1, at_ms: 1, note: String::new() });
    event(&mut desk, events::begins(&plan(), 2, 1));
    event(
        &mut desk,
        BuildEvent::StepFailed {
            step: 2,
            at_ms: 2,
            message: "cannot define".into(),
            original: "virDomainDefineXML: no".into(),
            diagnosis: None,
            unanswered: false,
        },
    );
    event(
        &mut desk,
        BuildEvent::Undone { step: 1, what: "deleted volume a".into(), made: events::made(&plan(), 1).unwrap() },
    );
    let outcome = BuildResult::Undone { message: "cannot define".into() };
    event(&mut desk, BuildEvent::Ended { at_ms: 3, outcome });
    assert_eq!(states(&desk)[1..], [RunState::Undone, RunState::Failed]);
    assert_eq!(desk.app.build.steps[2].original, "virDomainDefineXML: no");
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Ask(_))), "the host is read again");
    assert_eq!(desk.at("/name"), "ws-01", "the input is kept");
    assert_eq!(desk.app.build_gate(), None, "and can be tried again");
    desk.keys("q j Enter");
    let Some(Effect::Leave(exit)) = desk.effects.last() else { panic!("{:?}", desk.effects) };
    assert_eq!(exit.reason, ExitReason::BuildUndone);
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::SaveDraft(_))));
}

#[test]
fn cancelling_asks_and_shows_what_will_be_undone() {
    let mut desk = building();
    event(&mut desk, events::begins(&plan(), 1, 0));
    desk.keys("^C");
    let Some(Overlay::Ask(ask)) = desk.app.overlays.last() else { panic!("no question") };
    assert!(ask.lines.iter().any(|line| line.contains("delete volume p/a")), "{:?}", ask.lines);
    desk.keys("Enter");
    assert!(desk.effects.is_empty(), "the first answer lets it run");
    desk.keys("^C j Enter");
    assert_eq!(desk.effects, [Effect::CancelBuild]);
    assert!(desk.app.build.cancelling);
}

#[test]
fn a_running_build_is_not_suspended_and_not_left() {
    let mut desk = building();
    desk.keys("^Z");
    assert!(desk.toast().contains("the build would stop") && desk.effects.is_empty());
    desk.keys("q");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Ask(_))));
    desk.keys("Esc 2 B q Esc");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Leave(_) | Effect::CancelBuild)));
}

#[test]
fn after_a_build_the_wizard_leaves_with_a_summary_and_without_a_draft() {
    let mut desk = building();
    for step in 0..3 {
        event(&mut desk, events::begins(&plan(), step, 0));
        event(&mut desk, BuildEvent::StepDone { step, at_ms: 1, note: String::new() });
    }
    let outcome = BuildResult::Built { uuid: "550e8400".into(), state: "shutoff".into() };
    event(&mut desk, BuildEvent::Ended { at_ms: 2, outcome });
    assert!(desk.app.build_gate().unwrap().contains("is built"));
    desk.keys("q");
    let Some(Effect::Leave(exit)) = desk.effects.last() else { panic!("{:?}", desk.effects) };
    assert_eq!(exit.reason, ExitReason::Built);
    assert!(exit.lines[0].contains("ws-01") && exit.lines[0].contains("550e8400"), "{:?}", exit.lines);
    assert!(desk.effects.contains(&Effect::DiscardDraft));
}

#[test]
fn after_a_build_the_lines_fit_the_state_of_the_vm() {
    let lines = |state: &str, graphics: bool| {
        let mut desk = Desk::workstation();
        desk.complete();
        if !graphics {
            desk.app.go_to(&"graphics[0].type".parse().unwrap());
            desk.keys("Enter 'none' Enter Esc Esc");
            assert!(desk.app.case.machine.consoles.is_empty(), "{:?}", desk.spec());
        }
        desk.keys("8 s B");
        if let Some(Overlay::Ask(_)) = desk.app.overlays.last() {
            desk.keys("Enter");
        }
        let plan = desk.app.build.plan.clone().unwrap();
        let told = (0..plan.steps.len()).flat_map(|step| events::done(&plan, step, 1));
        told.for_each(|told| event(&mut desk, told));
        event(
            &mut desk,
            BuildEvent::Ended { at_ms: 2, outcome: BuildResult::Built { uuid: "550e".into(), state: state.into() } },
        );
        desk.keys("q");
        let Some(Effect::Leave(exit)) = desk.effects.last() else { panic!("{:?}", desk.effects) };
        exit.lines.join("\n")
    };
    let text = lines("running", true);
    assert!(!text.contains(" start ws-01") && text.contains("virt-viewer") && text.contains("console ws-01"), "{text}");
    let [destroy, undefine] = ["destroy", "undefine"].map(|what| text.find(what).expect(what));
    assert!(destroy < undefine, "stopped before it is removed: {text}");
    let text = lines("shutoff", false);
    assert!(text.contains(" start ws-01") && !text.contains("destroy"), "{text}");
    assert!(!text.contains("virt-viewer") && text.contains("console ws-01"), "{text}");
}

#[test]
fn after_a_build_another_vm_like_it_needs_a_new_name_only() {
    let mut desk = building();
    let outcome = BuildResult::Built { uuid: "550e8400".into(), state: "shutoff".into() };
    event(&mut desk, BuildEvent::Ended { at_ms: 2, outcome });
    desk.keys("n 'ws-02' Esc");
    assert_eq!((desk.at("/name"), desk.at("/vcpus")), ("ws-02".into(), 4.into()));
    assert_eq!(desk.app.build_gate(), None);
    desk.keys("q j Enter");
    let Some(Effect::Leave(exit)) = desk.effects.last() else { panic!("{:?}", desk.effects) };
    assert_eq!(exit.reason, ExitReason::Built);
    assert!(exit.lines.iter().any(|line| line.contains("Built ws-01")), "{:?}", exit.lines);
}

#[test]
fn what_was_built_is_not_in_the_way_of_itself() {
    let mut desk = building();
    let outcome = BuildResult::Built { uuid: "550e8400".into(), state: "shutoff".into() };
    event(&mut desk, BuildEvent::Ended { at_ms: 2, outcome });
    let mut facts = super::script::read_facts("workstation");
    let domains = facts.domains.get_mut().unwrap();
    let mut built = domains[0].clone();
    built.name = "ws-01".into();
    domains.push(built);
    desk.know(&facts);
    assert!(!desk.codes().contains(&"NAME-TAKEN"), "{:?}", desk.codes());
    desk.set("vcpus", "8");
    assert!(desk.codes().contains(&"NAME-TAKEN"), "another VM of the same name: {:?}", desk.codes());
}

#[test]
fn the_commands_after_a_build_quote_names_and_take_nothing_that_existed() {
    let mut desk = Desk::workstation();
    desk.complete();
    desk.set("name", "my vm");
    desk.keys("8 B");
    if let Some(Overlay::Ask(_)) = desk.app.overlays.last() {
        desk.keys("Enter");
    }
    let plan = desk.app.build.plan.clone().unwrap();
    let told = (0..plan.steps.len()).flat_map(|step| events::done(&plan, step, 1));
    told.for_each(|told| event(&mut desk, told));
    let outcome = BuildResult::Built { uuid: "550e8400".into(), state: "shutoff".into() };
    event(&mut desk, BuildEvent::Ended { at_ms: 2, outcome });
    desk.keys("q");
    let Some(Effect::Leave(exit)) = desk.effects.last() else { panic!("{:?}", desk.effects) };
    let text = exit.lines.join("\n");
    assert!(text.contains("start 'my vm'"), "{text}");
    assert!(text.contains("Undo") && !text.contains("remove-all-storage"), "{text}");
}

#[test]
fn details_and_the_log_are_a_key_away() {
    let mut desk = building();
    desk.keys("g j Enter");
    let Some(Overlay::Notice(notice)) = desk.app.overlays.last() else { panic!("no notice") };
    assert_eq!(notice.title, "Create volume");
    desk.keys("Esc l");
    assert_eq!(desk.toast(), "there is no log yet");
    event(&mut desk, events::begins(&plan(), 0, 0));
    desk.keys("l");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Notice(_))));
}

#[test]
fn starting_afterwards_is_a_choice_that_the_plan_shows() {
    let mut desk = Desk::workstation();
    desk.complete();
    let is_start = |step: &Step| matches!(step.call, AnyCall::Libvirt(LibvirtCall::Start { .. }));
    let starts = |desk: &Desk| desk.app.case.plan.steps.iter().any(is_start);
    desk.keys("8");
    assert!(!starts(&desk));
    desk.keys("s");
    assert!(starts(&desk) && desk.toast().contains("started after the build"));
    desk.keys("u");
    assert!(!starts(&desk));
}

#[test]
fn a_drive_of_the_host_is_given_up_by_its_path_typed() {
    let mut desk = Desk::workstation();
    desk.complete();
    desk.keys("4 e '/dev/sdz' Enter");
    desk.tell(Msg::Facts(with_drive("sdz", &["/srv"])));
    desk.keys("Esc 8 B");
    let Some(Overlay::Prompt(prompt)) = desk.app.overlays.last() else { panic!("no prompt") };
    assert_eq!((prompt.title, prompt.label), ("The host uses this drive", "Its path"));
    assert!(prompt.lines.iter().any(|line| line.contains("mounted /srv")), "{:?}", prompt.lines);
    desk.keys("'/dev/sda' Enter");
    assert!(matches!(desk.app.overlays.last(), Some(Overlay::Prompt(prompt)) if prompt.error.is_some()));
    desk.keys("^U '/dev/sdz' Enter");
    let given_up = desk
        .app
        .case
        .report
        .findings
        .iter()
        .any(|finding| finding.message(Wording::Full).ends_with("GIVEN UP by typed path"));
    assert!(given_up, "{:?}", desk.app.case.report.findings);
}

#[test]
fn what_can_hurt_the_host_takes_the_name_of_the_vm() {
    use vmbuild::facts::{Fact, FactsPart, MediaFile, MediaKind, Provenance};
    let mut desk = Desk::workstation();
    desk.complete();
    desk.keys("4 e '/dev/sdz' Enter");
    let device = MediaFile {
        kind: MediaKind::BlockDevice,
        size: vmbuild::units::Bytes::gib(10),
        world_readable: true,
        ..MediaFile::default()
    };
    let device = Fact::known(device, Provenance::File("stat".into()), 1);
    desk.tell(Msg::Facts(FactsPart::Files([("/dev/sdz".to_owned(), device)].into())));
    desk.tell(Msg::Facts(with_drive("sdz", &[])));
    assert!(desk.codes().contains(&"IMAGE-DEVICE"), "{:?}", desk.codes());
    assert_eq!(desk.app.build_gate(), None, "{:?}", desk.app.case.report.findings);
    desk.keys("Esc 8 B");
    let Some(Overlay::Prompt(prompt)) = desk.app.overlays.last() else { panic!("no prompt") };
    assert!(prompt.lines.iter().any(|line| line.contains("/dev/sdz")), "{:?}", prompt.lines);
    desk.keys("Enter 'yes' Enter");
    let built = |desk: &Desk| desk.effects.iter().any(|effect| matches!(effect, Effect::Build { .. }));
    assert!(!built(&desk), "neither nothing nor yes is consent");
    desk.keys("^U 'ws-01' Enter");
    assert!(built(&desk));
}

#[test]
fn what_libvirt_stored_can_be_read_in_the_build() {
    let mut desk = building();
    event(&mut desk, events::begins(&plan(), 0, 0));
    desk.keys("t");
    assert!(desk.app.overlays.is_empty(), "nothing was read back yet");
    let change = |path: &str, what, weight| Difference { path: path.into(), what, weight };
    let changes = vec![
        change("uuid", What::Added { to: "<uuid>1</uuid>".into() }, Weight::Own),
        change("os/type@machine", What::Changed { from: "q35".into(), to: "pc-q35-10.0".into() }, Weight::Spelling),
        change("devices/tpm", What::Dropped { from: "<tpm model='tpm-crb'/>".into() }, Weight::Meaning),
    ];
    event(&mut desk, BuildEvent::Stored { step: 0, changes });
    event(&mut desk, BuildEvent::StepDone { step: 0, at_ms: 1, note: String::new() });
    assert_eq!(desk.app.build.log.iter().filter(|(_, text)| text.contains("dropped devices/tpm")).count(), 1);
    assert_eq!(desk.app.build.round_trip(), Some(("dropped 1, added 1, reworded 1".into(), false)));
    desk.keys("t");
    let Some(Overlay::Notice(notice)) = desk.app.overlays.last() else { panic!("{:?}", desk.app.overlays) };
    let lines = [
        "libvirt dropped 1, added 1, reworded 1",
        "Not kept as it was sent",
        "  - devices/tpm  <tpm model='tpm-crb'/>",
        "Added to every domain",
        "  + uuid  <uuid>1</uuid>",
        "The same in other words",
        "  ~ os/type@machine  q35 -> pc-q35-10.0",
    ];
    assert_eq!(notice.lines, lines);
}
