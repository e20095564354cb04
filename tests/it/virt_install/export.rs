//! The command line of virt-install for every golden case and every set-up: run by the real virt-install, it makes the same
//! domain as vmbuild, but for the losses that the findings list.

use super::workstation::Workstation;
use super::{facts, installed, read, setups};
use crate::golden::{self, Case};
use crate::support;
use std::process::Command;
use vmbuild::checks::{self, Accepted, Allowed, Report, Severity};
use vmbuild::domain::{Detail, Difference, Element, compare, parse};
use vmbuild::engine::virt_install::VirtInstall;
use vmbuild::engine::{Blueprint, Engine as _, Rendered};
use vmbuild::machine::{self, DiskOrigin};

fn report(case: &Case, accepted: &Accepted) -> Report {
    let stacked = case.spec.clone().into();
    let allowed: (&Allowed, &[_]) = (&Allowed::default(), &[]);
    checks::report_on(&VirtInstall, accepted, &stacked, &case.facts, &case.machine, allowed, false)
}

fn rendered(case: &Case) -> Rendered {
    VirtInstall.render(&Blueprint { spec: &case.spec, machine: &case.machine, facts: &case.facts })
}

/// Everything of which a command can be written.
fn cases() -> Vec<Case> {
    let all: Vec<Case> = exportable().into_iter().filter(|case| rendered(case).fault.is_none()).collect();
    assert!(all.len() > 90, "{}", all.len());
    all
}

/// Everything that no finding forbids to export once its losses are accepted.
fn exportable() -> Vec<Case> {
    let facts = facts();
    let setups = setups().into_iter().map(|(name, folder)| {
        let spec = machine::resolve(&vmbuild::spec::parse(&read(&folder.join("spec.json"))).unwrap(), &facts);
        let machine = machine::machine(&spec, &facts);
        Case { name, folder, written: serde_json::Value::Null, spec, stack_error: None, facts: facts.clone(), machine }
    });
    let allowed = |case: &Case| report(case, &Accepted::EVERYTHING).blockers().next().is_none();
    setups.chain(golden::cases()).filter(allowed).collect()
}

/// What virt-install makes of the arguments, on a host that has what `ours` names.
fn made(case: &Case, ours: &Element, arguments: &[String]) -> Result<Element, String> {
    let (cache, host) = (tempfile::tempdir().unwrap(), Workstation::of(case, ours));
    let arguments = arguments.iter().skip(1).filter(|argument| !argument.starts_with("--connect="));
    let mut command = Command::new("virt-install");
    command.args(["--connect", &host.connection(), "--dry-run", "--print-xml", "1", "--check=disk_size=off"]);
    let output = command.args(arguments).env("XDG_CACHE_HOME", cache.path()).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    // The test driver's addresses are not those that virt-install makes up elsewhere.
    let text = String::from_utf8(output.stdout).unwrap().replace("00:11:22:33:44:55", "52:54:00:33:44:55");
    parse(&text).map_err(|error| error.to_string())
}

/// What differs in meaning, and is no loss that a finding names.
fn differences(case: &Case) -> Vec<String> {
    let ours = vmbuild::domain::domain(&case.spec, &case.machine).unwrap();
    let theirs = match made(case, &ours, &rendered(case).document.command().unwrap().0) {
        Ok(theirs) => theirs,
        Err(why) => return vec![why],
    };
    let report = report(case, &Accepted::EVERYTHING);
    let is_lost = |field: &str| {
        let mut warnings = report.findings.iter().filter(|finding| finding.code() == "ENGINE-FIELD");
        warnings.any(|finding| finding.severity() == Severity::Warning && finding.place().to_string() == field)
    };
    let seed = case.machine.disks.iter().find(|disk| matches!(disk.origin, DiskOrigin::Seed { .. }));
    let seed = seed.filter(|_| is_lost("cloud_init")).map(|disk| format!("devices/disk {}", disk.target.value));
    let lost = |change: &&Difference| match change.path.as_str() {
        // What vmbuild notes of itself in the domain.
        "metadata" | "metadata/vmbuild:vm" => true,
        path => Some(path) == seed.as_deref(),
    };
    compare(&ours, &theirs, Detail::Meaning).meanings().filter(|it| !lost(it)).map(ToString::to_string).collect()
}

/// How many tests share the cases, for each of which virt-install takes half a second.
const PARTS: usize = 4;

fn same_domain(part: usize) {
    if installed().is_none() {
        return support::skip("needs virt-install");
    }
    let of = |case: &Case| differences(case).into_iter().map(|it| format!("{}: {it}", case.name)).collect::<Vec<_>>();
    let found: Vec<String> = cases().iter().skip(part).step_by(PARTS).flat_map(of).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn virt_install_makes_the_same_domain_first_part() {
    same_domain(0);
}

#[test]
fn virt_install_makes_the_same_domain_second_part() {
    same_domain(1);
}

#[test]
fn virt_install_makes_the_same_domain_third_part() {
    same_domain(2);
}

#[test]
fn virt_install_makes_the_same_domain_fourth_part() {
    same_domain(3);
}

#[test]
fn a_value_that_virt_install_does_not_take_is_named_with_its_field() {
    let faults = exportable().into_iter().filter_map(|case| Some((rendered(&case).fault?.message, case.name)));
    let named: Vec<_> = faults.map(|(message, name)| format!("{name}: {message}")).collect();
    let want = [
        "nothing-known: storage.disks[0]: ",
        "pool-types-create: storage.disks[8]: ",
        "strange-name: name: ",
        "volume-group: name: ",
    ];
    assert_eq!(named.len(), want.len(), "{named:?}");
    assert!(named.iter().zip(want).all(|(message, start)| message.starts_with(start)), "{named:?}");
}
