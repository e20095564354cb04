//! Step 8.

use super::script::{Desk, presets, saved, templates};
use serde_json::json;
use std::collections::BTreeSet;
use vmbuild::app::comparison::Base;
use vmbuild::app::steps::review::{self, view::Tab};
use vmbuild::app::xml::Mark;
use vmbuild::app::{Effect, Msg, StepId, Zone};
use vmbuild::facts::{Fact, FactsPart, Provenance, Query};
use vmbuild::spec::Origin;

#[test]
fn a_line_of_the_summary_leads_to_its_field_and_back() {
    let mut desk = Desk::workstation();
    desk.set("memory", "8 GiB");
    desk.keys("8");
    let row = review::summary_lines(&desk.app).iter().position(|line| line.label == "memory").unwrap();
    desk.keys(&"j ".repeat(row));
    desk.keys("Enter");
    assert_eq!((desk.app.step, desk.field().as_str()), (StepId::System, "Memory"));
    desk.keys("8");
    assert_eq!(desk.app.cursor().row, row, "back on the same line");
}

#[test]
fn tabs_go_round() {
    let mut desk = Desk::workstation();
    desk.keys("8 Right");
    assert_eq!(desk.app.review.tab, Tab::Xml);
    desk.keys("] ]");
    assert_eq!(desk.app.review.tab, Tab::Json);
    desk.keys("Right");
    assert_eq!(desk.app.review.tab, Tab::Summary);
    desk.keys("[");
    assert_eq!(desk.app.review.tab, Tab::Json);
}

#[test]
fn the_xml_is_compared_with_what_the_template_alone_gives() {
    let mut desk = Desk::workstation();
    desk.tell(templates(vec![saved("t", json!({"vcpus": 2, "memory": "2 GiB"}))]));
    desk.keys("1 Space");
    desk.set("vcpus", "4");
    desk.keys("8 Right");
    let changed = |desk: &Desk| {
        let lines = review::xml_lines(&desk.app);
        lines
            .into_iter()
            .filter(|line| line.mark != Mark::Same)
            .map(|line| (line.mark, line.line.text))
            .collect::<Vec<_>>()
    };
    let vcpu = |count| format!("  <vcpu placement='static'>{count}</vcpu>");
    let cores = |count| format!("    <topology sockets='1' cores='{count}' threads='1'/>");
    assert_eq!(
        changed(&desk),
        [(Mark::Removed, vcpu(2)), (Mark::Added, vcpu(4)), (Mark::Removed, cores(2)), (Mark::Added, cores(4))]
    );
    desk.keys("n");
    assert_eq!(review::xml_lines(&desk.app)[desk.app.cursor().row].line.text, vcpu(2));
    desk.keys("t 'nothing' Enter");
    assert_eq!(changed(&desk), []);
    desk.keys("n");
    assert_eq!((desk.toast(), desk.app.step), ("no match or change in this direction", StepId::Review));
    desk.keys("Left n");
    assert_eq!(desk.app.step, StepId::Build, "in the other tabs n is the next step");
}

/// The lines that differ, with their signs.
fn changed(desk: &Desk) -> Vec<String> {
    let lines = review::xml_lines(&desk.app).into_iter().filter(|line| line.mark != Mark::Same);
    let sign = |mark| if mark == Mark::Removed { "-" } else { "+" };
    lines.map(|line| format!("{}{}", sign(line.mark), line.line.text.trim())).collect()
}

#[test]
fn each_layer_is_compared_with_by_itself() {
    let mut desk = Desk::workstation();
    desk.tell(templates(vec![saved("t", json!({"vcpus": 2, "memory": "2 GiB"}))]));
    desk.tell(presets(vec![saved("p", json!({"memory": "4 GiB"}))]));
    desk.keys("1 Space j Space 8 Right t Down Down Enter");
    assert_eq!(desk.app.review.base, Base::Layer(Origin::Preset("p".into())));
    let differs = changed(&desk);
    assert!(differs.contains(&"+<vcpu placement='static'>2</vcpu>".into()), "the template's: {differs:?}");
    assert!(!differs.iter().any(|line| line.contains("<memory ")), "the preset's own: {differs:?}");
    desk.keys("t Down Enter");
    let memory = ["-<memory unit='GiB'>2</memory>", "+<memory unit='GiB'>4</memory>"].map(String::from);
    assert_eq!(changed(&desk), memory);
    let line = review::xml_lines(&desk.app).into_iter().find(|line| line.mark == Mark::Added).unwrap();
    assert_eq!(desk.app.made_by(&line, ""), "made by memory, step 2 System, from preset p");
    desk.keys("1 j Space 8");
    assert_eq!(desk.app.layers().count(), 1);
    desk.keys("t Enter");
    assert_eq!(changed(&desk), [""; 0]);
}

#[test]
fn the_xml_is_compared_with_what_was_seen_last() {
    let mut desk = Desk::workstation();
    desk.set("memory", "4 GiB");
    desk.keys("8 Right t 'last seen' Enter");
    assert!(desk.app.review.against.missing.as_ref().unwrap().contains("not left the review yet"));
    assert_eq!(review::xml_lines(&desk.app), []);
    desk.set("memory", "8 GiB").set("vcpus", "2");
    desk.keys("8");
    let differs = changed(&desk);
    assert!(differs.starts_with(&["-<memory unit='GiB'>4</memory>".into(), "+<memory unit='GiB'>8</memory>".into()]));
    assert!(differs.iter().any(|line| line.contains("vcpu")), "not only the last change: {differs:?}");
    desk.keys("7 8");
    assert_eq!(changed(&desk), [""; 0], "seen by now");
}

#[test]
fn a_defined_domain_is_asked_for_and_its_xml_compared() {
    let mut desk = Desk::workstation();
    desk.set("name", "web").set("memory", "4 GiB").set("vcpus", "2");
    desk.keys("8 Right t 'defined under the name' Enter");
    assert_eq!(desk.effects, [Effect::Ask(vec![Query::Definition("web".into())])]);
    assert_eq!(desk.app.review.against.missing.as_deref(), Some("Asking libvirt for the XML of web."));
    let mut stored = desk.app.case.preview.text().replace(">2</vcpu>", ">3</vcpu>");
    stored = stored.replace("  <on_poweroff>", "  <uuid>u</uuid>\n  <on_poweroff>").replace("'q35'", "'pc-q35-8.2'");
    stored = stored.replace("</devices>", "<sound model='ich9'/></devices>");
    let answer = |desk: &mut Desk, xml: &str| {
        let fact = Fact::known(xml.to_owned(), Provenance::Libvirt(String::new()), 0);
        desk.tell(Msg::Facts(FactsPart::Definitions([("web".to_owned(), fact)].into())));
    };
    answer(&mut desk, &stored);
    let differs =
        ["-<vcpu placement='static'>3</vcpu>", "+<vcpu placement='static'>2</vcpu>", "-<sound model='ich9'/>"];
    assert_eq!(changed(&desk), differs);
    assert_eq!(desk.app.review.against.left_out, "q35 is pc-q35-8.2 there, 1 default");
    desk.keys("N N N n n Enter");
    assert_eq!((desk.toast(), desk.app.step), ("this line is only in domain web", StepId::Review));
    desk.keys("m");
    assert!(changed(&desk).contains(&"-<uuid>u</uuid>".into()), "{:?}", changed(&desk));
    desk.keys("m r");
    assert!(desk.asked().contains(&&Query::Definition("web".into())), "r asks again: {:?}", desk.effects);
    answer(&mut desk, &stored.replace(">3</vcpu>", ">2</vcpu>"));
    assert_eq!(changed(&desk), ["-<sound model='ich9'/>"]);
    answer(&mut desk, "<domain");
    assert!(desk.app.review.against.missing.as_ref().unwrap().starts_with("The XML of web cannot be read"));
    desk.keys("t 'domain games' Enter");
    assert_eq!(desk.effects, [Effect::Ask(vec![Query::Definition("games".into())])], "another one of the host");
}

#[test]
fn every_line_leads_to_the_field_that_made_it() {
    let mut desk = Desk::workstation();
    desk.load(serde_json::from_str(include_str!("../../examples/gpu-passthrough-workstation.json")).unwrap());
    let origins: BTreeSet<_> = desk.app.case.preview.lines.iter().filter_map(|line| line.origin.clone()).collect();
    assert!(origins.len() > 10);
    for place in origins {
        desk.app.go_to(&place);
        let step = StepId::of(&place);
        assert_eq!(desk.app.step, step, "{place}");
        let field = desk.app.field().map(|field| field.place);
        let related = field.is_some_and(|field| place.within(&field) || field.within(&place));
        // Lists and their rows have a row to show.
        let list = ["graphics", "networks", "storage.disks"].contains(&place.to_string().as_str());
        let row = place.row_index() == Some(desk.app.cursor().row);
        let rows = list || row || matches!(step, StepId::Pci | StepId::Template);
        assert!(related || (rows && desk.app.zone() == Zone::Rows), "{place} led to {}", desk.focus());
    }
}

#[test]
fn a_text_is_searched() {
    let mut desk = Desk::workstation();
    desk.set("name", "needle");
    desk.keys("8 Right / 'needle' Esc");
    assert!(review::xml_lines(&desk.app)[desk.app.cursor().row].line.text.contains("needle"));
}

#[test]
fn only_build_is_gated_and_says_by_what() {
    let mut desk = Desk::workstation();
    desk.keys("8 B");
    assert_eq!(desk.app.step, StepId::Review);
    assert!(desk.toast().contains("errors in 2 System"), "{}", desk.toast());
    assert!(desk.effects.is_empty());
}
