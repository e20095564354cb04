//! Golden cases: a spec and the facts of a host in; domain XML, findings and plan out. A folder in `tests/golden` is a
//! case; `UPDATE_GOLDEN=1 cargo test --test it golden` writes what comes out, to be read before it is committed.
#![allow(clippy::print_stderr)]

use crate::support::cases::{self as written, Written, read, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};
use vmbuild::checks::note::Change;
use vmbuild::checks::{self, Accepted, Allowed, Finding, Report, Severity};
use vmbuild::engine::libvirt::{Libvirt, LibvirtCall};
use vmbuild::engine::virt_install::VirtInstall;
use vmbuild::engine::{Blueprint, Call as AnyCall, Engine as _, PlanOptions};
use vmbuild::facts::{Facts, Version};
use vmbuild::machine::{Machine, Reason, Topology, machine, resolve};
use vmbuild::plan::Plan;
use vmbuild::spec::field::FIELDS;
use vmbuild::spec::{self, Grammar, Layer, Origin, Place, Segment, Spec, SpecField, StackError, Stacked, Template};
use vmbuild::{domain, domain::Element};

/// One folder.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// The spec as written, for the fields it sets.
    pub(crate) written: Value,
    pub(crate) spec: Spec,
    /// Why a template that it names is not part of it.
    pub(crate) stack_error: Option<StackError>,
    pub(crate) facts: Facts,
    pub(crate) machine: Machine,
}

impl Case {
    fn report(&self) -> Report {
        let stacked = Stacked { error: self.stack_error.clone(), ..self.spec.clone().into() };
        checks::report_of_stack(&stacked, &self.facts, &self.machine, &Allowed::default())
    }

    /// For an engine that does not carry every field.
    fn report_of_export(&self) -> Report {
        let (stacked, allowed) = (self.spec.clone().into(), Allowed::default());
        let permitted: (&Allowed, &[_]) = (&allowed, &[]);
        checks::report_on(&VirtInstall, &Accepted::NOTHING, &stacked, &self.facts, &self.machine, permitted, false)
    }
}

fn parse_spec(text: &str) -> Spec {
    spec::parse(text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub(crate) fn cases() -> Vec<Case> {
    written::all().into_iter().map(case).collect()
}

fn case(case: Written) -> Case {
    let (layer, templates) = (Layer { origin: Origin::User, spec: parse_spec(&case.spec()) }, case.templates());
    let find = |name: &str| match templates.get(name).map(|text| spec::parse(text)) {
        None => Template::Missing(templates.keys().cloned().collect()),
        Some(Ok(spec)) => Template::Known(Box::new(spec)),
        Some(Err(problems)) => Template::Unreadable(problems.in_file(&format!("{name}.json")).to_string()),
    };
    let Stacked { spec, error: stack_error, .. } = spec::stack(&[layer], &find);
    let Written { name, folder, facts } = case;
    let written = serde_json::to_value(Spec { nulls: BTreeSet::new(), ..spec.clone() }).unwrap();
    let spec = resolve(&spec, &facts);
    let machine = machine(&spec, &facts);
    Case { name, folder, written, spec, stack_error, facts, machine }
}

/// What a case must come out as, by file name.
fn artefacts(case: &Case) -> Vec<(&'static str, String)> {
    vec![
        ("domain.xml", xml(case)),
        ("choices.txt", choices(case)),
        ("findings.json", findings(case)),
        ("plan.txt", steps(case)),
    ]
}

/// The plan as users read it, and the XML of the volumes it makes.
fn steps(case: &Case) -> String {
    let blueprint = Blueprint { spec: &case.spec, machine: &case.machine, facts: &case.facts };
    let plan = Plan::of(&Libvirt, &blueprint, &Libvirt.render(&blueprint), PlanOptions { start: true });
    let volumes = plan.steps.iter().filter_map(|step| match &step.call {
        AnyCall::Libvirt(LibvirtCall::CreateVolume { xml, .. } | LibvirtCall::CloneVolume { xml, .. }) => {
            Some(format!("\n{xml}"))
        }
        _ => None,
    });
    volumes.fold(plan.to_string(), |text, xml| text + &xml)
}

/// Without the checks that passed: a new check would change every file, and what it finds is held by its own tests.
fn findings(case: &Case) -> String {
    serde_json::to_string_pretty(&case.report().findings).unwrap() + "\n"
}

fn xml(case: &Case) -> String {
    match domain::domain(&case.spec, &case.machine) {
        Ok(tree) => tree.to_xml(),
        Err(error) => format!("error: {error}\n"),
    }
}

/// Every value that vmbuild chose, with its reason: the texts that the review screen shows.
fn choices(case: &Case) -> String {
    let machine = &case.machine;
    let mut out = String::new();
    let mut say = |what: &str, value: String, why: Option<&str>| {
        writeln!(out, "{what}: {value} ({})", why.unwrap_or("asked")).unwrap();
    };
    say("virt_type", machine.virt_type.value.name().into(), machine.virt_type.why());
    say("architecture", machine.arch.value.clone(), machine.arch.why());
    say("machine", machine.machine_type.value.clone(), machine.machine_type.why());
    say("firmware", format!("{:?}", machine.firmware.value), machine.firmware.why());
    if case.spec.cpu.is_some() || case.spec.memory_backing.is_some() || case.spec.numa.is_some() {
        resources(machine, &mut say);
    }
    say("tpm", machine.tpm.value.to_string(), machine.tpm.why());
    if let Some(boot) = &machine.direct_boot {
        say("boot.args", boot.args.value.clone(), boot.args.why());
    }
    for disk in &machine.disks {
        say(&format!("{} bus", disk.place), disk.bus.value.name().into(), disk.bus.why());
        say(&format!("{} target", disk.place), disk.target.value.clone(), disk.target.why());
    }
    for interface in &machine.interfaces {
        let place = interface.row.map_or("networks".into(), |row| format!("networks[{row}]"));
        say(&format!("{place} source"), interface.source.value.clone(), interface.source.why());
        say(&format!("{place} model"), interface.model.value.name().into(), interface.model.why());
    }
    for console in &machine.consoles {
        let place = console.row.map_or("graphics".into(), |row| format!("graphics[{row}]"));
        say(&format!("{place} listen"), console.listen.value.clone(), console.listen.why());
    }
    say("video", machine.video.value.clone().unwrap_or_else(|| "none".into()), machine.video.why());
    for function in machine.slots.iter().flat_map(|slot| &slot.functions) {
        let what = format!("{} {} in the guest", function.place, function.host);
        say(&what, function.guest.value.to_string(), function.guest.why());
        let bar = if function.rom_bar.value { "on" } else { "off" };
        say(&format!("{} ROM BAR", function.place), bar.into(), function.rom_bar.why());
    }
    for bus in &machine.expanders {
        say(&format!("bus {} of node", bus.index), bus.cell.value.to_string(), bus.cell.why());
    }
    say("hide_kvm", machine.hide_kvm.value.to_string(), machine.hide_kvm.why());
    out
}

/// CPU and memory beside their amounts.
fn resources(machine: &Machine, say: &mut impl FnMut(&str, String, Option<&str>)) {
    say("cpu", machine.cpu.mode.value.name().into(), machine.cpu.mode.why());
    if let Some(topology) = &machine.cpu.topology {
        let Topology { sockets, dies, clusters, cores, threads } = topology.value;
        say("topology", format!("{sockets} {dies} {clusters} {cores} {threads}"), topology.why());
    }
    for feature in &machine.cpu.features {
        let why = if let Reason::Default(why) = &feature.reason { Some(why.as_str()) } else { None };
        say(&format!("feature {}", feature.name), if feature.on { "on" } else { "off" }.into(), why);
    }
    let pinning = &machine.pinning;
    let vcpus = pinning.vcpus.iter().enumerate().map(|(at, line)| (format!("vcpu {at}"), line.as_ref()));
    let threads =
        pinning.iothreads.iter().enumerate().map(|(at, line)| (format!("iothread {}", at + 1), line.as_ref()));
    for (name, line) in vcpus.chain([("emulator".to_owned(), pinning.emulator.as_ref())]).chain(threads) {
        if let Some(line) = line {
            say(&name, format!("CPU {}", line.value), line.why());
        }
    }
    let backing = &machine.backing;
    if let Some(page) = &backing.page {
        say("huge pages", page.value.to_string(), page.why());
    }
    if let Some(policy) = &backing.policy {
        say("memory policy", format!("{} {}", policy.value.0.name(), policy.value.1), policy.why());
    }
    if let Some(growth) = &backing.growth {
        say("memory grows by", growth.by.value.name().into(), growth.by.why());
    }
}

#[test]
fn every_case_comes_out_as_recorded() {
    let update = env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let mut wrong = String::new();
    for case in cases() {
        for (file, now) in artefacts(&case) {
            let path = case.folder.join(file);
            let recorded = fs::read_to_string(&path).unwrap_or_default();
            if update {
                fs::write(&path, &now).unwrap();
            } else if recorded != now {
                let diff = similar::TextDiff::from_lines(&recorded, &now);
                writeln!(wrong, "{}/{file}\n{}", case.name, diff.unified_diff()).unwrap();
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\nIf this is meant: UPDATE_GOLDEN=1 cargo test --test it golden, and read the diff."
    );
}

/// The paths that a spec sets.
fn set_paths(node: &Value, path: &str, out: &mut BTreeSet<String>) {
    match node {
        Value::Object(members) => {
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                out.insert(path.clone());
                set_paths(member, &path, out);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| set_paths(item, &format!("{path}[]"), out)),
        _ => {}
    }
}

#[test]
fn every_field_of_a_spec_is_in_some_case() {
    let mut set = BTreeSet::new();
    for case in cases() {
        set_paths(&case.written, "", &mut set);
    }
    let missing: Vec<_> = FIELDS.iter().map(|field| field.path).filter(|path| !set.contains(*path)).collect();
    assert!(missing.is_empty(), "in no golden case: {missing:?}");
}

#[test]
fn what_may_be_a_secret_is_in_no_output() {
    const SECRET: &str = "hunter2";
    for field in FIELDS.iter().filter(|field| field.secret) {
        let Written { name, folder, facts } =
            written::all().into_iter().find(|c| c.name == "cloud-init-linux").unwrap();
        let mut written: Value = serde_json::from_str(&read(&folder.join("spec.json"))).unwrap();
        let secret = if field.grammar.is_list() { Value::from(vec![SECRET]) } else { Value::from(SECRET) };
        *field.names().fold(&mut written, |node, name| &mut node[name]) = secret;
        let spec = resolve(&parse_spec(&written.to_string()), &facts);
        let machine = machine(&spec, &facts);
        let case = Case { name, folder, written, spec, stack_error: None, facts, machine };
        let outputs = artefacts(&case).into_iter().chain([("Debug", format!("{:?}", case.spec))]);
        for (output, text) in outputs {
            assert!(!text.contains(SECRET), "{} is in {output}: {text}", field.path);
        }
    }
}

/// Fields that reach the XML through others, or not at all, with all that is within them.
const WITHOUT_PART: [&str; 14] = [
    "autostart",
    "cloud_init",
    "cpu.pinning.auto",
    "cpu.pinning.reserve",
    "custom_xml",
    "graphics[].password_file",
    "pci_devices[].match",
    "pci_devices[].primary_gpu",
    "storage.default_pool",
    "storage.disks[].action",
    "storage.disks[].clone_from",
    "storage.disks[].root",
    "storage.disks[].size",
    "storage.disks[].storage_pool",
];

/// Whether a domain has the part: `devices/disk/driver/@io`, or `devices/disk/@type=nvme`.
fn has_part(element: &Element, part: &str) -> bool {
    if let Some(attribute) = part.strip_prefix('@') {
        let (name, value) = attribute.split_once('=').map_or((attribute, None), |(name, value)| (name, Some(value)));
        return element.attribute(name).is_some_and(|is| value.is_none_or(|value| is == value));
    }
    let (name, rest) = part.split_once('/').unwrap_or((part, ""));
    element.elements().filter(|child| child.name == name).any(|child| rest.is_empty() || has_part(child, rest))
}

#[test]
fn every_field_makes_the_parts_of_the_domain_that_its_row_names() {
    let parts = FIELDS.iter().flat_map(|field| field.xml.iter().map(move |part| (field, *part)));
    let mut missing: Vec<_> = parts.collect();
    for case in cases() {
        let (mut set, domain) = (BTreeSet::new(), domain::generated(&case.spec, &case.machine));
        set_paths(&case.written, "", &mut set);
        // What is there by default is set where it is switched off.
        let sets = |field: &SpecField| field.grammar == Grammar::Switch || set.contains(field.path);
        missing.retain(|(field, part)| !(sets(field) && has_part(&domain, part)));
    }
    let missing: Vec<_> = missing.into_iter().map(|(field, part)| (field.path, part)).collect();
    assert!(missing.is_empty(), "in no golden case that sets the field: {missing:#?}");
    let within = |path: &str, outer| {
        path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    for field in FIELDS.iter().filter(|field| field.grammar != Grammar::Members && field.xml.is_empty()) {
        let known = WITHOUT_PART.iter().any(|outer| within(field.path, outer));
        assert!(known, "{}: its row in src/spec/field/rows.rs names no part of the XML", field.path);
    }
}

/// The words in quotes that a source writes: names and values of XML. Comments and tests are left out.
fn quoted_words(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    let is_word = |text: &&str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ":_-".contains(c))
    };
    quoted.filter(is_word).collect()
}

#[test]
fn every_word_of_the_domain_model_is_in_some_case() {
    // What reads the XML of the user, or of libvirt, names more than is ever written.
    const READERS: [&str; 11] = [
        "custom.rs",
        "holding.rs",
        "identity.rs",
        "parse.rs",
        "error.rs",
        "compare.rs",
        "difference.rs",
        "pair.rs",
        "same.rs",
        "always.rs",
        "by_libvirt.rs",
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| !READERS.iter().any(|name| path.ends_with(name))).collect();
    let fields: BTreeSet<_> = FIELDS.iter().flat_map(|field| field.path.split(['.', '[', ']'])).collect();
    let written: String = cases().iter().map(xml).collect();
    let words = written.split(|c: char| !(c.is_ascii_alphanumeric() || ":_-".contains(c)));
    // An alias is made of words: `ua-gpu0-audio`.
    let mut words: BTreeSet<_> = words.collect();
    let parts = words.iter().flat_map(|word| word.split('-')).map(|part| part.trim_end_matches(char::is_numeric));
    words.extend(parts.collect::<Vec<_>>());
    let mut missing = Vec::new();
    for path in &files {
        let source = read(path);
        let unseen = quoted_words(&source).into_iter().filter(|word| !words.contains(word) && !fields.contains(word));
        missing.extend(unseen.map(|word| format!("{}: {word}", path.file_name().unwrap().display())));
    }
    assert!(words.contains("memballoon") && files.len() > 15);
    assert!(missing.is_empty(), "in no golden case: {missing:?}");
}

#[test]
fn every_finding_code_is_in_some_case() {
    // "not checked" alone does not show what a check finds. The connection is the one thing that can only be missing.
    let says = |finding: &Finding| finding.severity() != Severity::Unknown || finding.code() == "HOST-CONNECTION";
    let found = |case: Case| [case.report().findings, case.report_of_export().findings].concat();
    let seen: BTreeSet<_> = cases().into_iter().flat_map(found).filter(says).map(|finding| finding.code()).collect();
    // What taking devices of published machines says: `! CODE: message` in `takes/*.txt`.
    let takes = fs::read_dir(root().join("takes")).unwrap().map(|entry| read(&entry.unwrap().path()));
    let takes: String = takes.collect();
    let marked = |line: &str| {
        ["X ", "! ", "i "]
            .iter()
            .find_map(|mark| line.trim_start().strip_prefix(mark)?.split(':').next().map(String::from))
    };
    let by_taking: BTreeSet<String> = takes.lines().filter_map(marked).collect();
    let known = |code: &&str| seen.contains(code) || by_taking.contains(*code);
    let missing: Vec<_> = checks::all().map(|check| check.code).filter(|code| !known(code)).collect();
    assert!(missing.is_empty(), "in no golden case: {missing:?}");
}

#[test]
fn only_the_faults_are_refused() {
    for case in cases() {
        let report = case.report();
        let blockers: Vec<_> = report.blockers().collect();
        assert!(blockers.is_empty() || case.name.starts_with("faults-"), "{}: {blockers:?}", case.name);
    }
}

#[test]
fn nothing_is_written_that_a_libvirt_does_not_know() {
    let table = super::versions::Table::read();
    let hosts = [(6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 0), (11, 3)];
    let mut wrong = BTreeSet::new();
    for case in cases() {
        let Some(host) = case.facts.host.get() else { continue };
        for libvirt in
            hosts.map(|(major, minor)| Version { major, minor, release: 0 }).into_iter().chain([host.libvirt])
        {
            let mut facts = case.facts.clone();
            facts.host.get_mut().unwrap().libvirt = libvirt;
            let machine = machine(&case.spec, &facts);
            let report = checks::report(&case.spec, &facts, &machine, &Allowed::default());
            if report.blockers().next().is_none() {
                let found = table.too_new(&domain::generated(&case.spec, &machine), libvirt);
                wrong.extend(found.into_iter().map(|part| format!("{} on {libvirt}: {part}", case.name)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Fields that reach the XML only through others, or not at all.
const WITHOUT_ELEMENT: [&str; 3] = ["autostart", "custom_xml", "storage.default_pool"];

/// The rows and top-level fields of a spec: what an element's origin names at least.
fn rows(spec: &Value) -> Vec<String> {
    let rows_of = |list: &str, value: &Value| -> Vec<String> {
        (0..value.as_array().map_or(0, Vec::len)).map(|row| format!("{list}[{row}]")).collect()
    };
    let mut all = Vec::new();
    for (key, value) in spec.as_object().into_iter().flatten() {
        match key.as_str() {
            "storage" => {
                all.extend(value.get("disks").into_iter().flat_map(|disks| rows_of("storage.disks", disks)));
                all.extend(value.get("boot_iso").map(|_| "storage.boot_iso".to_owned()));
            }
            "networks" | "pci_devices" => all.extend(rows_of(key, value)),
            _ => all.push(key.clone()),
        }
    }
    all.retain(|field| !WITHOUT_ELEMENT.contains(&field.as_str()));
    all
}

fn origins<'a>(element: &'a Element, out: &mut BTreeSet<&'a Place>) {
    out.extend(&element.origin);
    element.elements().for_each(|child| origins(child, out));
}

/// The names of elements that no field makes; what is within one that a field makes is made by it, too.
fn without_field<'a>(element: &'a Element, out: &mut BTreeSet<&'a str>) {
    if element.origin.is_none() {
        out.insert(&element.name);
        element.elements().for_each(|child| without_field(child, out));
    }
}

#[test]
fn every_element_names_its_field_or_is_always_there_for_a_reason() {
    let trees: Vec<_> = cases()
        .into_iter()
        .map(|case| {
            let tree = domain::domain(&case.spec, &case.machine);
            tree.unwrap_or_else(|_| domain::generated(&case.spec, &case.machine))
        })
        .collect();
    let mut always = BTreeSet::new();
    for tree in &trees {
        without_field(tree, &mut always);
    }
    let known: BTreeSet<_> = domain::always::ALWAYS.iter().map(|(name, _)| *name).collect();
    assert_eq!(always, known, "what no field makes, and what is known to be always there");
}

/// Fields whose default value changes nothing in the XML, with that value.
fn is_silent(field: &str, spec: &Value) -> bool {
    let value = spec.get(field);
    match field {
        "enrolled_keys" | "nvram" if spec.get("firmware") == Some(&Value::from("bios")) => true,
        // Said in another word.
        "uefi" if spec.get("firmware").is_some() => true,
        "uefi" | "secure_boot" | "tpm" | "tablet" | "guest_agent" | "rng" | "virtio_win" => {
            value == Some(&Value::Bool(false))
        }
        // Others name the element: `tpm`, the disks.
        "architecture" | "tpm_device" | "scsi_controller" => true,
        // An order shows at the devices.
        "boot" => value.is_some_and(|boot| boot.get("kernel").is_none() && boot.get("menu").is_none()),
        // The mode of the CPU that follows from it was asked for itself.
        "virt_type" => spec.pointer("/cpu/mode").is_some(),
        _ => false,
    }
}

#[test]
fn every_row_and_field_of_a_case_has_an_element_that_names_it() {
    for case in cases() {
        let tree = domain::generated(&case.spec, &case.machine);
        let mut named = BTreeSet::new();
        origins(&tree, &mut named);
        let named: BTreeSet<String> = named
            .into_iter()
            .flat_map(|place| (1..=place.0.len()).map(|n| Place(place.0[..n].to_vec()).to_string()))
            .collect();
        // A row that is refused, such as one without an address, may have none.
        let report = case.report();
        let refused: Vec<String> = report.blockers().map(|finding| finding.place().to_string()).collect();
        for field in rows(&case.written) {
            let excused = is_silent(&field, &case.written) || refused.iter().any(|place| place.starts_with(&field));
            assert!(named.contains(&field) || excused, "{}: {field} has no element", case.name);
        }
        let shown = |place: &Place| matches!(place.0.first(), Some(Segment::Key(_)));
        assert!(tree.write().origins.into_iter().flatten().all(shown), "{}", case.name);
    }
}

#[test]
fn facts_of_the_cases_are_as_the_program_writes_them() {
    for case in cases() {
        let text = serde_json::to_string(&case.facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), case.facts, "{}", case.name);
    }
}

/// The member at `place`, made where it is missing.
fn member<'a>(spec: &'a mut Value, place: &Place) -> &'a mut Value {
    place.0.iter().fold(spec, |value, segment| match segment {
        Segment::Key(key) => &mut value[key.as_str()],
        Segment::Index(index) => &mut value[*index],
    })
}

fn changed(spec: &Spec, finding: &Finding, change: &Change) -> Spec {
    let mut value = serde_json::to_value(spec).unwrap();
    match change {
        Change::Set(place, wanted) => *member(&mut value, place) = wanted.clone(),
        Change::Clear => *member(&mut value, finding.place()) = Value::Null,
        Change::Add(functions) => {
            let rows = functions.iter().map(|address| serde_json::json!({ "host_address": address }));
            let mut all = value["pci_devices"].as_array().cloned().unwrap_or_default();
            all.extend(rows);
            value["pci_devices"] = all.into();
        }
        Change::Remove(functions) => value["pci_devices"]
            .as_array_mut()
            .unwrap()
            .retain(|row| functions.iter().all(|address| row["host_address"] != serde_json::json!(address))),
    }
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_a_finding_offers_to_change_does_away_with_it() {
    let (mut tried, mut left) = (0, Vec::new());
    for case in cases() {
        for finding in case.report().findings {
            let Some(change) = &finding.remedy.change else { continue };
            tried += 1;
            let spec = resolve(&changed(&case.spec, &finding, change), &case.facts);
            let machine = machine(&spec, &case.facts);
            let report = checks::report(&spec, &case.facts, &machine, &Allowed::default());
            let is = |finding: &Finding| (finding.check, finding.place().clone(), finding.message.clone());
            let same = |other: &&Finding| is(other) == is(&finding);
            if report.findings.iter().any(|other| same(&other)) {
                left.push(format!("{}: {} {} {change:?}", case.name, finding.code(), finding.place()));
            }
        }
    }
    assert!(tried > 30 && left.is_empty(), "of {tried}:\n{}", left.join("\n"));
}
