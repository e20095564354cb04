//! Any keys in any order: nothing panics, the focus stays valid, undo goes all the way back.

use super::script::{Desk, parts, presets, read_facts, saved, templates};
use proptest::prelude::*;
use serde_json::json;
use vmbuild::app::history::Content;
use vmbuild::app::overlay::Overlay;
use vmbuild::app::steps::logic;
use vmbuild::app::{App, Effect, Focus, Key, KeyCode, Msg, offers, update};
use vmbuild::facts::{FactsPart, Part};

fn key() -> impl Strategy<Value = Key> {
    let plain = prop::sample::select(vec![
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::F(1),
        KeyCode::F(2),
        KeyCode::Char(' '),
    ]);
    prop_oneof![
        4 => plain.prop_map(Key::plain),
        4 => prop::sample::select("npjkgGadeiAJKxcuUywrf/?:tN[]B123456789".chars().collect::<Vec<_>>()).prop_map(Key::char),
        1 => prop::sample::select(vec!['n', 'p', 'd', 'u', 'k', 'w', 'c', 'z']).prop_map(Key::ctrl),
        1 => any::<char>().prop_filter("printing", |c| !c.is_control()).prop_map(Key::char),
    ]
}

fn msg() -> impl Strategy<Value = Msg> {
    let facts = prop::sample::select(vec!["workstation", "server-without-kvm", "nothing-known"]);
    prop_oneof![
        40 => key().prop_map(Msg::Key),
        2 => "\\PC{0,8}|[0-9]{1,3} GiB|a\nb".prop_map(Msg::Paste),
        1 => (facts, 0usize..7).prop_map(|(name, part)| Msg::Facts(parts(read_facts(name)).swap_remove(part))),
        1 => prop::sample::select(Part::ALL.to_vec()).prop_map(|part| Msg::Facts(FactsPart::unknown(part, "asked in vain"))),
        1 => (1u16..200, 1u16..60).prop_map(|(width, height)| Msg::Size(width, height)),
    ]
}

fn holds(app: &App) {
    let step = logic(app.step);
    let (rows, fields, cursor) = (step.rows(app), app.fields(), app.cursor());
    assert!(cursor.row < rows.max(1), "row {} of {rows} in {:?}", cursor.row, app.step);
    assert!(cursor.field < fields.len().max(1), "field {} of {} in {:?}", cursor.field, fields.len(), app.step);
    match &app.focus {
        Focus::Rows | Focus::Narrowing(_) | Focus::Finding { in_xml: false, .. } => {
            assert!(rows > 0 || fields.is_empty(), "no row in {:?}", app.step);
        }
        Focus::Field { .. } => assert!(!fields.is_empty(), "no field in {:?}", app.step),
        Focus::Typing { place, .. } => assert_eq!(fields.get(cursor.field).map(|field| &field.place), Some(place)),
        Focus::Checks => assert!(app.checks_row < app.case.report.findings.len()),
        Focus::Xml | Focus::Finding { in_xml: true, .. } => assert!(app.xml.row < app.xml_lines().len().max(1)),
    }
    for offer in offers::offers(app) {
        assert!(offer.entry.keys.iter().any(|key| offers::intent(app, *key) == Some(offer.entry.intent)));
    }
}

/// Undo from where `app` is leads back to `before` in one step, whatever has the focus.
fn undo_leads_to(app: &App, before: &Content) {
    let mut app = app.clone();
    app.overlays.clear();
    app.focus = Focus::Rows;
    update(&mut app, Msg::Key(Key::char('2')));
    app.focus = Focus::Field { filling: false };
    update(&mut app, Msg::Key(Key::char('u')));
    assert_eq!(app.content, *before, "{:?}", app.toast);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_keep_the_focus_valid_and_can_be_undone(msgs in prop::collection::vec(msg(), 1..120)) {
        let mut desk = Desk::workstation();
        desk.tell(templates(vec![saved("t", json!({"memory": "2 GiB", "networks": [{}, {}]}))]));
        desk.tell(presets(vec![saved("p", json!({"template": "t", "storage": {"disks": [{"action": "create"}]}}))]));
        for msg in msgs {
            let (before, typing) = (desk.app.content.clone(), desk.app.editing().is_some());
            // The palette may hold undo itself.
            let walks = matches!(desk.app.overlays.last(), Some(Overlay::Palette(_)));
            let walks = walks || [Key::char('u'), Key::char('U')].map(Msg::Key).contains(&msg);
            desk.tell(msg);
            holds(&desk.app);
            if !typing && !walks && desk.app.content != before {
                undo_leads_to(&desk.app, &before);
            }
            prop_assert!(serde_json::to_value(desk.app.spec()).is_ok());
        }
        desk.app.overlays.clear();
        desk.keys("Esc Esc 2");
        let content = desk.app.content.clone();
        let mut steps = 0;
        while desk.keys("u").toast().starts_with("undone") && steps < 600 {
            steps += 1;
            holds(&desk.app);
        }
        for _ in 0..steps {
            desk.keys("U");
        }
        prop_assert_eq!(&desk.app.content, &content);
    }

    #[test]
    fn esc_alone_never_asks_for_anything(msgs in prop::collection::vec(msg(), 0..60)) {
        let mut desk = Desk::workstation();
        for msg in msgs {
            desk.tell(msg);
        }
        let before = desk.app.content.clone();
        desk.keys("Esc Esc Esc Esc Esc Esc Esc Esc");
        prop_assert_eq!(&desk.app.content, &before);
        let asked = |effect: &&Effect| !matches!(effect, Effect::SaveDraft(_) | Effect::Ask(_) | Effect::DiscardDraft);
        prop_assert_eq!(desk.effects.iter().find(asked), None);
    }
}
