//! Every golden case through both doors: the same findings, the same domain, the same plan.

use super::wizard::Wizard;
use crate::support::cases::{self, Written};
use crate::support::program::Home;
use serde_json::Value;
use vmbuild::host::Source;

/// A home with the templates of the case and its facts as a record.
fn home(case: &Written) -> Home {
    let home = Home::new();
    for (name, text) in case.templates() {
        home.write(&format!(".local/share/vmbuild/templates/{name}.json"), &text);
    }
    home.write("facts.json", &serde_json::to_string(&case.facts).unwrap());
    home.write("spec.json", &case.spec());
    home
}

fn compare(case: &Written) {
    let home = home(case);
    let run = |args: &[&str]| home.run(&[&["--facts", "facts.json", "--json"][..], args].concat());
    let source = Source::Record(home.path().join("facts.json"));
    let mut wizard = Wizard::of(&home, source, serde_json::from_str(&case.spec()).unwrap());
    let check = run(&["check", "spec.json"]).json();
    assert_eq!(check["findings"], wizard.findings(), "{}", case.name);
    let xml = run(&["xml", "spec.json"]).json();
    match xml["xml"].as_str() {
        Some(xml) => assert_eq!(xml, wizard.xml(), "{}", case.name),
        None => assert_eq!(xml["code"], "XML-INVALID", "{}", case.name),
    }
    // What only hinders the start forbids a build that ends with one.
    wizard.start_after_build();
    let plan = run(&["plan", "--start", "spec.json"]).json();
    if let Some(steps) = plan.get("steps") {
        assert_eq!(*steps, wizard.steps(), "{}", case.name);
    } else {
        let findings = wizard.findings();
        let blocks = |finding: &Value| finding["severity"] == "blocker";
        assert!(findings.as_array().unwrap().iter().any(blocks), "{}: {plan}", case.name);
    }
    // What is compared is what the case was recorded for, as far as the facts hold it.
    let recorded: Vec<Value> = serde_json::from_str(&cases::read(&case.folder.join("findings.json"))).unwrap();
    for finding in recorded.iter().filter(|finding| finding["severity"] == "blocker") {
        let mut found = check["findings"].as_array().unwrap().iter();
        let same = |other: &Value| (&other["code"], &other["place"]) == (&finding["code"], &finding["place"]);
        assert!(found.any(same), "{}: {finding}", case.name);
    }
}

/// Every fourth case, from `first` on: four tests run beside each other.
fn quarter(first: usize) {
    let cases = cases::all();
    let mine: Vec<_> = cases.iter().skip(first).step_by(4).collect();
    assert!(mine.len() > 20);
    mine.into_iter().for_each(compare);
}

#[test]
fn the_first_quarter_of_the_golden_cases_is_the_same_at_both_doors() {
    quarter(0);
}

#[test]
fn the_second_quarter_of_the_golden_cases_is_the_same_at_both_doors() {
    quarter(1);
}

#[test]
fn the_third_quarter_of_the_golden_cases_is_the_same_at_both_doors() {
    quarter(2);
}

#[test]
fn the_last_quarter_of_the_golden_cases_is_the_same_at_both_doors() {
    quarter(3);
}
