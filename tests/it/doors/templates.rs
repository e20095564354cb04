//! Templates that are not as they should be: the same finding at both doors.

use super::wizard::Wizard;
use crate::support::program::Home;
use serde_json::{Value, json};
use vmbuild::host::Source;

/// A spec that lacks nothing but what its template says.
fn spec(template: &str) -> Value {
    json!({
        "name": "stacked-01", "template": template, "memory": 2048, "vcpus": 2,
        "storage": {"default_pool": "default", "disks": [{"action": "create", "size": 20}]},
    })
}

fn home(templates: &[(&str, Value)]) -> Home {
    let home = Home::new();
    for (name, content) in templates {
        home.write(&format!(".local/share/vmbuild/templates/{name}.json"), &content.to_string());
    }
    home
}

/// Templates `t1` to `tN`, each of which names the next.
fn tower(height: usize) -> Vec<(String, Value)> {
    let of = |at: usize| match at {
        last if last == height => (format!("t{at}"), json!({"iothreads": 1})),
        at => (format!("t{at}"), json!({"template": format!("t{}", at + 1)})),
    };
    (1..=height).map(of).collect()
}

/// The findings about templates at both doors, which must agree in all findings.
fn both(home: &Home, spec: &Value) -> Vec<Value> {
    home.write("spec.json", &spec.to_string());
    let code = |findings: &[Value]| if findings.is_empty() { 0 } else { 3 };
    let ran = home.run(&["--demo", "check", "spec.json", "--json"]);
    let report = ran.json();
    let wizard = Wizard::of(home, Source::Demo, spec.clone());
    assert_eq!(report["findings"], wizard.findings());
    let findings = report["findings"].as_array().unwrap();
    let ours = findings.iter().filter(|finding| finding["place"] == "template").cloned().collect::<Vec<_>>();
    ran.code(code(&ours));
    ours
}

fn only(home: &Home, spec: &Value, code: &str, message: &str) {
    let found = both(home, spec);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&finding["code"], &finding["severity"]), (&json!(code), &json!("blocker")));
    assert_eq!(finding["message"], message);
    assert_ne!(finding["remedy"], "");
}

#[test]
fn a_circle_is_the_same_blocker_at_both_doors() {
    let home = home(&[("a", json!({"vcpus": 4, "template": "b"})), ("b", json!({"iothreads": 1, "template": "a"}))]);
    only(&home, &spec("a"), "TEMPLATE-CIRCLE", "template 'a' names itself: a → b → a");
}

#[test]
fn a_chain_of_nine_or_twelve_is_the_same_blocker_at_both_doors() {
    for height in [9, 12] {
        let tower = tower(height);
        let tower: Vec<(&str, Value)> = tower.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
        let names = (1..=9).map(|at| format!("t{at}")).collect::<Vec<_>>().join(" → ");
        let message = format!("templates are nested deeper than 8: {names}");
        only(&home(&tower), &spec("t1"), "TEMPLATE-CIRCLE", &message);
        assert_eq!(both(&home(&tower), &spec(&format!("t{}", height - 7))), [] as [Value; 0], "eight are not too many");
    }
}

#[test]
fn a_missing_template_is_one_finding_among_the_others() {
    let home = home(&[("base", json!({"vcpus": 2}))]);
    let mut lacking = spec("bse");
    lacking["storage"]["disks"][0]["size"].take();
    only(&home, &lacking, "TEMPLATE-MISSING", "template 'bse' not found");
    let report = home.run(&["--demo", "check", "spec.json", "--json"]).code(3).json();
    let codes: Vec<&Value> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert!(codes.contains(&&json!("DISK-SIZE")), "{codes:?}");
}

#[test]
fn a_template_that_cannot_be_read_is_the_same_blocker_at_both_doors() {
    let home = home(&[("a", json!({"vcpu": 2}))]);
    let found = both(&home, &spec("a"));
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((&finding["code"], &finding["severity"]), (&json!("TEMPLATE-INVALID"), &json!("blocker")));
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("a.json:1:2: unknown field `vcpu`"), "{message}");
}

#[test]
fn what_blocks_a_build_for_its_template_is_told_before_what_the_template_would_have_brought() {
    let home = home(&[]);
    home.write("spec.json", r#"{"name": "a", "template": "gone"}"#);
    let refused = home.run(&["--demo", "plan", "spec.json", "--json"]).code(3).json();
    assert_eq!(
        (&refused["code"], &refused["error"]),
        (&json!("TEMPLATE-MISSING"), &json!("template 'gone' not found"))
    );
}
