//! `vmbuild diff`, run as a program: a spec beside defined domains, presets, templates and files.

use crate::support::program::{Home, Ran};
use serde_json::json;

/// Of the name of a domain that the demo host has.
const WEB: &str = r#"{
  "name": "web-01", "memory": 2048, "vcpus": 2,
  "storage": { "default_pool": "default", "boot_iso": "ubuntu-22.04.iso", "disks": [{ "action": "create", "size": 20 }] }
}"#;

fn home() -> Home {
    let home = Home::new();
    home.write("web.json", WEB);
    home
}

fn diff(home: &Home, args: &[&str]) -> Ran {
    home.run(&[&["--demo", "diff", "web.json"], args].concat())
}

#[test]
fn what_differs_from_the_domain_of_the_same_name_is_shown_with_its_fields() {
    let home = home();
    let ran = diff(&home, &[]).code(7);
    assert!(ran.out.starts_with("--- domain web-01\n+++ web.json\n@@ line 1: memory (2 System), "), "{}", ran.out);
    assert!(ran.out.contains("-  <memory unit='KiB'>4194304</memory>\n"), "{}", ran.out);
    assert!(ran.out.contains("   <vcpu placement='static'>2</vcpu>\n"), "{}", ran.out);
    assert!(!ran.out.contains("<uuid>") && ran.err.contains("Left out, --all shows it: "), "{} {}", ran.out, ran.err);
    assert!(diff(&home, &["--all"]).code(7).out.contains("-  <uuid>"));
    let body = diff(&home, &["--json", "--with", "domain:db-01"]).code(7).json();
    assert_eq!((&body["with"], &body["same"]), (&json!("domain db-01"), &json!(false)));
    let name = json!({"path": "name", "what": "changed", "from": "web-01", "to": "db-01", "weight": "meaning"});
    assert!(body["differences"].as_array().unwrap().contains(&name), "{body}");
}

#[test]
fn the_same_in_other_words_is_no_difference() {
    let home = home();
    let xml = home.run(&["--demo", "xml", "web.json"]).code(0).out;
    let spelled = xml.replace("<memory unit='GiB'>2<", "<memory unit='KiB'>2097152<").replace("'q35'", "'pc-q35-10.0'");
    home.write(
        "same.xml",
        &spelled.replace("  <devices>", "  <uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><devices>"),
    );
    let ran = diff(&home, &["--with", "same.xml"]).code(0);
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("", "Left out, --all shows it: q35 is pc-q35-10.0 there, 1 default.\n")
    );
    home.write("other.xml", &xml.replace(">2</vcpu>", ">3</vcpu>").replace("cores='2'", "cores='3'"));
    let ran = diff(&home, &["--with", "other.xml"]).code(7);
    let changed: Vec<_> = ran.out.lines().filter(|line| line.starts_with(['-', '+', '@'])).collect();
    let [_, _, first, from, to, ..] = changed[..] else { panic!("{}", ran.out) };
    assert!(first.ends_with("vcpus (2 System) @@"), "{first}");
    assert_eq!((from, to), ("-  <vcpu placement='static'>3</vcpu>", "+  <vcpu placement='static'>2</vcpu>"));
}

#[test]
fn presets_and_templates_are_compared_with_by_name() {
    let home = home();
    home.write("part.json", r#"{"name": "web-01", "memory": 4096, "vcpus": 2}"#);
    for kind in ["preset", "template"] {
        home.run(&[kind, "save", "part", "part.json"]).code(0);
        let ran = diff(&home, &["--with", &format!("{kind}:part")]).code(7);
        assert!(ran.out.starts_with(&format!("--- {kind} part\n")), "{}", ran.out);
        assert!(ran.out.contains("-  <memory unit='GiB'>4</memory>\n"), "{}", ran.out);
        assert!(ran.out.contains("+  <memory unit='GiB'>2</memory>\n"), "{}", ran.out);
    }
}

#[test]
fn a_side_that_is_not_there_is_a_usage_error() {
    let home = home();
    home.write("facts.json", &home.run(&["--demo", "facts", "--json"]).code(0).out);
    home.write("pool.xml", "<pool/>");
    for (args, words) in [
        (&["--demo", "diff", "web.json", "--with", "domain:absent"][..], "Could not read the XML of domain absent"),
        (&["--demo", "diff", "web.json", "--with", "preset:absent"], "absent"),
        (&["--demo", "diff", "web.json", "--with", "template:absent"], "absent"),
        (&["--demo", "diff", "web.json", "--with", "absent.xml"], "the XML absent.xml cannot be read"),
        (&["--demo", "diff", "web.json", "--with", "pool.xml"], "is a <pool>, not a <domain>"),
        (&["diff", "web.json", "--offline"], "--offline reads from no host"),
        (&["--facts", "facts.json", "diff", "web.json"], "Recorded facts hold no XML of domains"),
    ] {
        let ran = home.run(args).code(2);
        assert!(ran.err.contains(words) && ran.out.is_empty(), "{args:?}: {}{}", ran.out, ran.err);
    }
}
