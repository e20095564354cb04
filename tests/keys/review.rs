//! Step 8.

use crate::script::{Desk, saved, templates};
use serde_json::json;
use vmbuild::app::StepId;
use vmbuild::app::steps::review::{self, Tab};
use vmbuild::app::xml::Mark;

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
    assert_eq!((desk.toast(), desk.app.step), ("nothing further", StepId::Review));
    desk.keys("Left n");
    assert_eq!(desk.app.step, StepId::Build, "in the other tabs n is the next step");
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
