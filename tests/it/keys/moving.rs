//! Moving: steps, fields, rows, Esc.

use super::script::Desk;
use vmbuild::app::{Msg, StepId};

#[test]
fn steps_are_reached_by_letters_by_numbers_and_while_typing() {
    let mut desk = Desk::workstation();
    assert_eq!(desk.app.step, StepId::Template);
    assert_eq!(desk.keys("n").app.step, StepId::System);
    assert_eq!(desk.keys("Tab ^N").app.step, StepId::Storage);
    assert_eq!(desk.keys("6").app.step, StepId::Pci);
    assert_eq!(desk.keys("PgDn PgDn").app.step, StepId::Review);
    assert_eq!(desk.keys("p").app.step, StepId::Extras);
    assert_eq!(desk.keys("^P").app.step, StepId::Pci);
    desk.keys("1 p");
    assert_eq!((desk.app.step, desk.toast()), (StepId::Template, "this is the first step"));
    desk.keys("9 n");
    assert_eq!((desk.app.step, desk.toast()), (StepId::Build, "this is the last step"));
}

#[test]
fn letters_in_a_text_are_text_and_esc_makes_them_commands_again() {
    let mut desk = Desk::workstation();
    desk.keys("2");
    assert_eq!(desk.focus(), "Fields Name", "entering a step types nothing");
    desk.keys("Enter 'nqxu?:12'");
    assert_eq!((desk.at("/name"), desk.app.step), ("nqxu?:12".into(), StepId::System));
    assert_eq!(desk.focus(), "Text Name");
    desk.keys("Esc");
    assert_eq!((desk.focus(), desk.at("/name")), ("Fields Name".into(), "nqxu?:12".into()));
    assert_eq!(desk.keys("n").app.step, StepId::Storage);
}

#[test]
fn tab_goes_round_and_into_texts() {
    let mut desk = Desk::workstation();
    desk.keys("2");
    assert_eq!(desk.focus(), "Fields Name");
    desk.keys("Tab");
    assert_eq!(desk.focus(), "Fields Guest system");
    desk.keys("Shift-Tab");
    assert_eq!(desk.focus(), "Text Name");
    desk.keys("Shift-Tab");
    assert_eq!(desk.focus(), "Text Name", "the first field stays");
    desk.keys("Esc 4 a Esc");
    assert_eq!(desk.focus(), "Rows 0");
    desk.keys("Shift-Tab");
    assert_eq!(desk.focus(), "Text Boot order");
    desk.keys("Tab");
    assert_eq!(desk.focus(), "Rows 0", "after the last field the rows again");
}

#[test]
fn what_is_typed_after_enter_or_tab_never_runs_commands() {
    let mut desk = Desk::workstation();
    desk.keys("2 Enter 'puw' Enter 'debian12' Enter");
    assert_eq!((desk.at("/name"), desk.at("/os_variant")), ("puw".into(), "debian12".into()));
    assert_eq!(desk.focus(), "Fields Family", "a choice that was typed goes on to the next field");
    desk.keys("Tab 'nqpu' Esc");
    assert_eq!((desk.app.step, desk.at("/name")), (StepId::System, "puw".into()));
    for _ in 0..30 {
        desk.keys("Tab 'nqpu1' Esc Shift-Tab Tab");
        assert_eq!(desk.app.step, StepId::System);
    }
    desk.keys("Esc 4 a Enter Enter Enter Enter Enter Enter Enter Enter Enter Enter Enter Enter 'nqd'");
    assert_eq!(desk.app.step, StepId::Disks, "the last text keeps the cursor");
    assert_eq!(desk.keys("Esc Esc Esc n").app.step, StepId::Network, "Esc makes letters commands again");
}

#[test]
fn esc_goes_one_level_out_and_never_leaves_or_discards() {
    let mut desk = Desk::workstation();
    desk.keys("4 a Enter 'x' ? ");
    desk.keys("Esc Esc Esc Esc Esc Esc");
    assert_eq!(desk.focus(), "Rows 0");
    assert!(desk.app.overlays.is_empty());
    assert_eq!(desk.at("/storage/disks/0/action"), "create");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, vmbuild::app::Effect::Leave(_))));
}

#[test]
fn moving_in_lists_stops_at_the_ends() {
    let mut desk = Desk::workstation();
    desk.keys("4 a Esc a Esc a Esc g");
    assert_eq!(desk.focus(), "Rows 0");
    assert_eq!(desk.keys("k Up").focus(), "Rows 0");
    assert_eq!(desk.keys("j Down").focus(), "Rows 2");
    assert_eq!(desk.keys("G j").focus(), "Rows 3");
    assert_eq!(desk.keys("Home").focus(), "Rows 0");
    assert_eq!(desk.keys("^D").focus(), "Rows 3");
    assert_eq!(desk.keys("^U").focus(), "Rows 0");
}

#[test]
fn a_key_without_a_function_here_names_the_steps_where_it_has_one() {
    let mut desk = Desk::workstation();
    desk.keys("2 Z");
    assert_eq!(desk.toast(), "Z has no function here; ? lists the keys");
    assert_eq!(desk.keys("B").toast(), "B works in steps 8 and 9");
    assert_eq!(desk.keys("a").toast(), "a works in steps 4, 5 and 7");
    assert_eq!(desk.keys("v").toast(), "v works in step 6");
    assert_eq!(desk.keys("4 c a").toast(), "a works in the list of this step");
    assert_eq!(desk.keys("j").toast(), "", "the next key takes the message away");
}

#[test]
fn a_finding_is_one_enter_away_from_its_field() {
    let mut desk = Desk::workstation();
    desk.keys("6 c g");
    let first = &desk.app.case.report.findings[0];
    assert_eq!(first.place().to_string(), "name");
    desk.keys("Enter");
    assert_eq!((desk.app.step, desk.focus().as_str()), (StepId::System, "Fields Name"));
    desk.keys("c");
    assert_eq!(desk.focus(), "Checks 0");
    assert_eq!(desk.keys("c").focus(), "Fields Name");
}

#[test]
fn the_rail_tells_what_was_seen_what_is_wrong_and_what_changed_elsewhere() {
    use vmbuild::app::rail::{StepState, state};
    let mut desk = Desk::workstation();
    assert_eq!(state(&desk.app, StepId::System), StepState::Todo, "not seen yet, so no error yet");
    desk.keys("2 5");
    assert_eq!(state(&desk.app, StepId::System), StepState::Error);
    assert_eq!(state(&desk.app, StepId::Network), StepState::Here);
    desk.keys("7 6 7");
    assert_eq!(state(&desk.app, StepId::Pci), StepState::Skipped);
    assert_eq!(state(&desk.app, StepId::Network), StepState::Done);
    desk.keys("5 j Enter");
    desk.tell(Msg::Key(vmbuild::app::Key::plain(vmbuild::app::KeyCode::Esc)));
    desk.set("vcpus", "2").set("memory", "4 GiB").set("name", "a");
    desk.keys("5 4 a Esc Esc 2");
    assert_eq!(state(&desk.app, StepId::System), StepState::Here);
    desk.keys("3 g Enter 4 2");
    assert_eq!(state(&desk.app, StepId::Disks), StepState::Warning, "an empty disk alone boots nothing");
    desk.keys("3 j Enter 2");
    assert_eq!(state(&desk.app, StepId::Disks), StepState::Touched, "in another pool the disks want another look");
}
