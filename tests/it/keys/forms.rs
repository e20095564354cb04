//! Forms as such: every field of the spec has one, and those that not every VM needs are shown when they are wanted.

use super::script::{Desk, saved, templates};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use vmbuild::app::StepId;
use vmbuild::app::form::{Field, FieldKind};
use vmbuild::app::steps::pci::Show;
use vmbuild::app::steps::system::map::{self, Thread};
use vmbuild::facts::Fact;
use vmbuild::spec::field::{self, FIELDS};
use vmbuild::spec::{Grammar, SpecField};

/// A spec whose rows are of every kind.
fn varied() -> Value {
    let networks = ["network", "bridge", "direct", "user", "hostdev"].map(|kind| json!({"type": kind}));
    json!({
        "vcpus": 2, "iothreads": 1,
        "cpu": {"pinning": {"auto": true}},
        "storage": {"default_pool": "fast-nvme", "disks": [
            {"action": "create", "size": 1}, {"action": "clone"}, {"action": "attach"},
            {"action": "attach", "host_address": "04:00.0"}
        ]},
        "networks": networks,
        "pci_devices": [{"host_address": "0000:01:00.0"}, {"host_address": "0000:04:00.0"}],
        "graphics": [{"type": "vnc"}]
    })
}

/// The fields of all forms by path, rows as `[]`, each with its step.
fn fields(desk: &mut Desk) -> BTreeMap<String, (StepId, Field)> {
    let mut found = BTreeMap::new();
    for step in StepId::ALL {
        desk.keys(&format!("{} g", step.number()));
        while step == StepId::Pci && desk.app.pci.show() != Show::All {
            desk.keys("f");
        }
        for _ in 0..50 {
            let numbers = |text: String| text.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
            let shown = desk.app.fields().into_iter();
            found.extend(shown.map(|field| (numbers(field.place.to_string()), (step, field))));
            desk.keys("j");
        }
    }
    found
}

#[test]
fn every_field_of_the_spec_can_be_set_in_the_wizard() {
    let mut desk = Desk::workstation();
    desk.load(varied());
    desk.keys("2 m");
    let shown = fields(&mut desk);
    let leaf = |field: &&SpecField| !matches!(field.grammar, Grammar::Members | Grammar::Rows);
    let mut wanted: BTreeSet<&str> = FIELDS.iter().filter(leaf).map(|field| field.path).collect();
    // Templates are chosen in the list of step 1; devices are taken, and their roles changed, in that of step 6.
    for by_list in ["template", "pci_devices[].host_address", "pci_devices[].role"] {
        assert!(wanted.remove(by_list), "{by_list}");
    }
    // Saving a preset writes what its devices are known by.
    wanted.retain(|path| !path.starts_with("pci_devices[].match."));
    let has = |path: &str| {
        // Lists that are typed as lines have one field for all of their rows.
        let whole = path.split("[]").next().unwrap_or_default();
        [path, whole, &format!("{path}[]")].iter().any(|path| shown.contains_key(*path))
    };
    let missing: Vec<&str> = wanted.into_iter().filter(|path| !has(path)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_field_of_a_form_is_where_and_what_the_table_of_fields_says() {
    // What they are called depends on the row.
    const OTHER: [&str; 4] = ["Grow to", "Bridge", "Host interface", "vBIOS ROM"];
    let mut desk = Desk::workstation();
    desk.load(varied());
    desk.keys("2 m");
    for (path, (step, field)) in fields(&mut desk) {
        let row = field::at(&field.place).unwrap_or_else(|| panic!("{path} has no row"));
        assert!(field.label.starts_with(row.label) || OTHER.contains(&&*field.label), "{path}: {}", field.label);
        assert_eq!(field.group, row.group.heading(), "{path}");
        assert_eq!(StepId::of(&field.place), step, "{path}");
        assert_eq!(matches!(field.kind, FieldKind::Toggle), row.grammar == Grammar::Switch, "{path}");
        if let FieldKind::Choice { free: false, .. } = field.kind {
            assert!(row.grammar == Grammar::Word, "{path}");
        }
    }
}

#[test]
fn fields_that_not_every_vm_needs_are_shown_on_demand_or_where_they_are_set() {
    let mut desk = Desk::workstation();
    desk.keys("2");
    let labels = |desk: &Desk| desk.app.fields().into_iter().map(|field| field.label.into_owned()).collect::<Vec<_>>();
    let few = labels(&desk);
    assert!(!few.contains(&"Sockets".to_owned()), "{few:?}");
    desk.keys("j m");
    let all = labels(&desk);
    assert!(all.contains(&"Sockets".to_owned()) && all.len() > few.len() + 20, "{all:?}");
    assert_eq!(desk.field(), "Guest system", "the cursor stays on its field");
    desk.set("cpu.topology.sockets", "2");
    desk.keys("Esc m");
    assert_eq!(labels(&desk).len(), few.len() + 1, "what is set stays visible");
    assert_eq!(desk.at("/cpu/topology/sockets"), 2);
    // What is reset does not vanish under the cursor, so that the next key meets no other field.
    desk.app.go_to(&"cpu.topology.sockets".parse().unwrap());
    desk.keys("Del Del");
    assert_eq!((desk.field(), desk.at("/cpu")), ("Sockets".to_owned(), Value::Null));
}

#[test]
fn a_finding_leads_to_a_field_that_is_not_shown() {
    let mut desk = Desk::workstation();
    desk.app.go_to(&"memory_backing.hugepages".parse().unwrap());
    assert_eq!(desk.field(), "Huge pages");
}

#[test]
fn a_pin_replaces_one_line_of_the_proposal_and_no_other() {
    let mut desk = Desk::on("ryzen");
    desk.load(json!({"vcpus": 4, "cpu": {"pinning": {"auto": true}}}));
    let line = |desk: &mut Desk, row: usize| {
        desk.app.go_to(&format!("cpu.pinning.vcpus[{row}]").parse().unwrap());
        desk.app.field().unwrap()
    };
    let proposed = line(&mut desk, 2).default;
    assert!(!proposed.is_empty() && proposed != "any", "{proposed}");
    desk.set("cpu.pinning.vcpus[2]", "9");
    desk.keys("Esc");
    assert_eq!(desk.at("/cpu/pinning/vcpus"), json!(["", "", "9"]));
    assert_eq!(line(&mut desk, 1).text, "", "its proposal stands");
    line(&mut desk, 2);
    desk.keys("Del");
    assert_eq!(desk.at("/cpu/pinning"), json!({"auto": true}));
}

/// The threads on the core of `cpu`, and the text of the line that the map shows for the CPUs.
fn on_core(desk: &Desk, cpu: u32) -> Vec<String> {
    let cores = map::cores(&desk.app);
    let core = cores.iter().find(|core| core.core.cpus.contains(cpu)).unwrap();
    core.threads.iter().map(|thread| thread.name()).collect()
}

#[test]
fn the_map_of_cpus_shows_the_proposal_and_moves_threads() {
    let mut desk = Desk::on("ryzen");
    desk.load(json!({"vcpus": 4, "iothreads": 1}));
    desk.keys("2 M");
    assert!(map::summary(&desk.app).starts_with("Nothing is pinned"), "{}", map::summary(&desk.app));
    desk.keys("Space");
    assert_eq!(desk.at("/cpu/pinning/auto"), true);
    let cores = map::cores(&desk.app);
    let placed: usize =
        cores.iter().flat_map(|core| &core.threads).filter(|thread| matches!(thread, Thread::Vcpu(_))).count();
    assert_eq!(placed, 4);
    assert!(cores[0].others.contains(&"the host's own".to_owned()), "{:?}", cores[0]);
    // The last core runs nothing of it; guest CPU 0 is moved there.
    let last = cores.last().unwrap().core.cpus.first().unwrap();
    assert_eq!(on_core(&desk, last), [""; 0]);
    desk.keys("G Enter Enter");
    assert_eq!(on_core(&desk, last), ["CPU 0"]);
    assert_eq!(desk.at("/cpu/pinning/vcpus"), json!([last.to_string()]));
    assert_eq!(map::cores(&desk.app).last().unwrap().why, "", "the user said so");
    desk.keys("Del");
    assert_eq!((on_core(&desk, last), desk.at("/cpu/pinning")), (Vec::new(), json!({"auto": true})));
    desk.keys("Del");
    assert_eq!(desk.toast(), "no thread was pinned to this CPU by hand");
    desk.keys("Esc u");
    assert_eq!(desk.at("/cpu/pinning/vcpus"), json!([last.to_string()]), "what went back can be undone");
}

#[test]
fn two_guest_cpus_on_a_core_take_its_two_threads() {
    let mut desk = Desk::on("ryzen");
    desk.load(json!({"vcpus": 2}));
    desk.keys("2 M j Enter Enter Enter Enter");
    let pins = desk.at("/cpu/pinning/vcpus");
    let core = &map::cores(&desk.app)[1];
    let both: Vec<String> = core.core.cpus.iter().map(|cpu| cpu.to_string()).collect();
    assert_eq!((pins, core.threads.len()), (json!(both), 2));
}

#[test]
fn without_the_hosts_cpus_there_is_no_map() {
    let mut desk = Desk::new();
    desk.keys("2 M");
    assert_eq!(desk.toast(), "the host has not answered yet");
    let mut facts = super::script::read_facts("ryzen");
    facts.cpus = Fact::unknown("the host does not say");
    desk.know(&facts);
    desk.keys("M");
    assert_eq!(desk.toast(), "the host's CPUs are not known: the host does not say");
}

#[test]
fn the_pins_of_a_template_are_kept_beside_a_change_and_can_be_taken_away() {
    let mut desk = Desk::on("ryzen");
    let pinning = json!({"vcpus": ["1", "2"], "emulator": "0"});
    let pinned = json!({"vcpus": 2, "cpu": {"pinning": pinning, "topology": {"cores": 1, "threads": 2}}});
    desk.tell(templates(vec![saved("pinned", pinned)]));
    desk.keys("1 g Space 2 M Space");
    assert_eq!(desk.at("/cpu/pinning"), json!({"auto": true, "vcpus": ["1", "2"], "emulator": "0"}));
    desk.keys("Space Esc");
    for row in [1, 0] {
        desk.app.go_to(&format!("cpu.pinning.vcpus[{row}]").parse().unwrap());
        desk.keys("Del");
    }
    assert_eq!(desk.at("/cpu/pinning"), json!({"auto": false, "emulator": "0"}));
    desk.set("cpu.topology.sockets", "1");
    assert_eq!(desk.at("/cpu/topology"), json!({"sockets": 1, "cores": 1, "threads": 2}));
}
