//! Domain XML of any spec: what must hold of it always, and what libvirt says to it.

use crate::support;
use crate::support::definition::{assert_kept, define, permitted};
use crate::support::golden::{recorded, workstation};
use crate::support::specs;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use virt::connect::Connect;
use vmbuild::domain::{Element, Node, domain, generated, parse};
use vmbuild::facts::Facts;
use vmbuild::machine::{Machine, machine};
use vmbuild::spec::Spec;

// ---- what always holds ------------------------------------------------------------------------------------------------

fn check_targets(machine: &Machine, spec: &Spec) -> Result<(), TestCaseError> {
    let asked: Vec<_> =
        spec.storage.iter().flat_map(|s| s.disks.iter().flatten()).filter_map(|d| d.target.as_deref()).collect();
    let twice = asked.iter().any(|target| asked.iter().filter(|other| other == &target).count() > 1);
    let targets: HashSet<_> = machine.disks.iter().map(|disk| &disk.target.value).collect();
    prop_assert!(twice || targets.len() == machine.disks.len(), "{:?}", targets);
    Ok(())
}

fn check_slots(machine: &Machine, spec: &Spec) -> Result<(), TestCaseError> {
    let asked = spec.pci_devices.iter().flatten().any(|device| device.guest_address.is_some());
    for slot in &machine.slots {
        let first = slot.functions.first().expect("a slot has functions");
        prop_assert!(asked || first.guest.value.function == 0, "{slot:?}");
        prop_assert!(slot.functions.len() == 1 || first.guest.value.function != 0 || first.multifunction);
        let mut numbers = HashSet::new();
        prop_assert!(asked || slot.functions.iter().all(|function| numbers.insert(function.guest.value.function)));
    }
    let cards: HashSet<_> = machine.slots.iter().flat_map(|s| &s.functions).map(|f| f.host.with_function(0)).collect();
    prop_assert!(asked || cards.len() == machine.slots.len());
    Ok(())
}

fn check_listening(machine: &Machine, spec: &Spec) -> Result<(), TestCaseError> {
    for console in &machine.consoles {
        let asked = console.row.and_then(|row| spec.graphics.as_ref()?.get(row)?.listen.clone());
        let asked = asked.map(|listen| listen.trim().to_owned()).filter(|listen| !listen.is_empty());
        prop_assert_eq!(&console.listen.value, &asked.unwrap_or_else(|| "127.0.0.1".into()));
    }
    Ok(())
}

fn check_boot_orders(machine: &Machine, spec: &Spec) -> Result<(), TestCaseError> {
    let disks =
        spec.storage.iter().flat_map(|storage| storage.disks.iter().flatten()).filter_map(|disk| disk.boot_order);
    let asked: Vec<u32> =
        disks.chain(spec.networks.iter().flatten().filter_map(|network| network.boot_order)).collect();
    let all = machine.disks.iter().filter_map(|disk| disk.boot_order);
    let all: Vec<u32> = all.chain(machine.interfaces.iter().filter_map(|interface| interface.boot_order)).collect();
    for order in &all {
        let given = asked.iter().filter(|other| *other == order).count();
        prop_assert_eq!(all.iter().filter(|other| *other == order).count(), given.max(1));
    }
    Ok(())
}

fn find<'a>(tree: &'a Element, path: &[&str]) -> Option<&'a Element> {
    path.iter().try_fold(tree, |element, name| element.find(name))
}

/// Without the origins and notes, which a text does not carry.
fn plain(element: &Element) -> Element {
    let mut element = Element { origin: None, ..element.clone() };
    element.children.retain(|node| !matches!(node, Node::Comment(_)));
    element.elements_mut().for_each(|child| *child = plain(child));
    element
}

proptest! {
    #![proptest_config(specs::cases(256))]

    #[test]
    fn any_spec_becomes_a_domain_that_reads_back(spec in specs::any_spec(), known in any::<bool>()) {
        let facts = if known { workstation() } else { Facts::default() };
        let machine = machine(&spec, &facts);
        check_targets(&machine, &spec)?;
        check_slots(&machine, &spec)?;
        check_listening(&machine, &spec)?;
        check_boot_orders(&machine, &spec)?;
        let tree = generated(&spec, &machine);
        prop_assert_eq!(find(&tree, &["os", "boot"]), None, "boot order stands at the devices");
        prop_assert!(find(&tree, &["devices", "console"]).is_some());
        let firmware = tree.find("os").and_then(|os| os.attribute("firmware"));
        prop_assert!(firmware.is_none() || find(&tree, &["os", "firmware", "feature"]).is_some(), "bare firmware='efi'");
        if let Ok(tree) = domain(&spec, &machine) {
            prop_assert_eq!(parse(&tree.to_xml()).unwrap(), plain(&tree));
        }
    }

    #[test]
    fn the_same_spec_gives_the_same_text(spec in specs::any_spec()) {
        let facts = workstation();
        let text = |spec: &Spec| generated(spec, &machine(spec, &facts)).to_xml();
        prop_assert_eq!(text(&spec), text(&spec.clone()));
    }
}

// ---- what libvirt says ------------------------------------------------------------------------------------------------

#[test]
fn every_golden_domain_is_valid_by_libvirts_schema() {
    const SCHEMA: &str = "/usr/share/libvirt/schemas/domain.rng";
    if !Path::new(SCHEMA).exists() {
        return support::skip("libvirt's schemas are not installed");
    }
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--relaxng", SCHEMA]).args(recorded().into_iter().map(|(_, file, _)| file));
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => support::skip(&format!("xmllint does not run: {error}")),
    }
}

/// libvirt's test driver, which needs no daemon.
fn test_driver() -> Option<Connect> {
    virt::error::clear_error_callback();
    match Connect::open(Some("test:///default")) {
        Ok(connection) => Some(connection),
        Err(error) => {
            support::skip(&format!("no test driver of libvirt: {error}"));
            None
        }
    }
}

/// The domain as the test driver takes it: of its own type.
fn of_test_type(mut tree: Element) -> String {
    tree.set("type".into(), "test".into());
    tree.to_xml()
}

/// What the test driver drops without a word.
const NOT_OF_TEST: [&str; 2] = ["qemu:commandline", "qemu:override"];

#[test]
fn every_golden_domain_is_defined_by_the_test_driver() {
    let Some(connection) = test_driver() else { return };
    for (name, _, text) in recorded() {
        let text = of_test_type(parse(&text).unwrap());
        let outcome = define(&connection, &text, 0);
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
        assert_kept(&name, &text, &outcome.unwrap(), &NOT_OF_TEST);
    }
}

#[test]
fn what_the_checks_permit_is_defined_by_the_test_driver() {
    let Some(connection) = test_driver() else { return };
    let facts = workstation();
    proptest!(specs::cases(64), |(spec in prop_oneof![specs::complete_spec(), specs::nearly_complete_spec()])| {
        if let Some(tree) = permitted(&spec, &facts) {
            let text = of_test_type(tree);
            let outcome = define(&connection, &text, 0);
            prop_assert!(outcome.is_ok(), "{outcome:?}\n{text}");
        }
    });
}
