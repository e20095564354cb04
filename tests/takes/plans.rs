//! What no plan may do, on every published machine and for any choice of its functions and their roles: pass a bridge,
//! leave a driver of the host on a companion, split a card over guest slots, or lack a function 0.

use crate::facts;
use crate::support::machine::Machine;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use std::collections::{BTreeMap, BTreeSet};
use vmbuild::checks::{self, Allowed, Severity, take};
use vmbuild::domain::{Element, generated};
use vmbuild::facts::{Facts, PciClass, PciDevice};
use vmbuild::machine::{Member, Role, card, machine};
use vmbuild::spec::{self, PciRole, Spec};
use vmbuild::units::PciAddress;

/// The rows that taking functions comes to, companions among them.
fn taken(facts: &Facts, asked: &[PciAddress]) -> BTreeMap<PciAddress, PciRole> {
    let role = |member: &Member| match member.role {
        Role::Pass => Some((member.address, PciRole::Pass)),
        Role::Hold => Some((member.address, PciRole::Hold)),
        Role::Leave => None,
    };
    take(facts, asked).members.iter().filter_map(role).collect()
}

fn spec_of(rows: &BTreeMap<PciAddress, PciRole>) -> Spec {
    let row = |(address, role): (&PciAddress, &PciRole)| spec::PciDevice {
        host_address: Some(address.to_string()),
        role: (*role == PciRole::Hold).then_some(PciRole::Hold),
        ..spec::PciDevice::default()
    };
    Spec { uefi: Some(true), pci_devices: Some(rows.iter().map(row).collect()), ..Spec::default() }
}

/// True where something about the devices forbids the build; the rest of the spec is not the subject here.
fn is_refused(spec: &Spec, facts: &Facts) -> bool {
    let report = checks::report(spec, facts, &machine(spec, facts), &Allowed::default());
    let mut of_devices = report.findings.iter().filter(|finding| finding.place.to_string().starts_with("pci_devices"));
    of_devices.any(|finding| finding.severity == Severity::Blocker)
}

fn number(element: &Element, name: &str) -> u8 {
    let text = element.attribute(name).unwrap();
    u8::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

fn address(element: &Element) -> PciAddress {
    let domain = element.attribute("domain").unwrap().trim_start_matches("0x");
    PciAddress {
        domain: u32::from_str_radix(domain, 16).unwrap(),
        bus: number(element, "bus"),
        slot: number(element, "slot"),
        function: number(element, "function"),
    }
}

/// Host functions of the domain with their guest addresses; `None` where the guest does not see them.
fn assigned(tree: &Element) -> BTreeMap<PciAddress, Option<PciAddress>> {
    let devices = tree.find("devices").unwrap().elements().filter(|element| element.name == "hostdev");
    let pair = |element: &Element| {
        let guest = element.find("address").unwrap();
        let seen = (guest.attribute("type") == Some("pci")).then(|| address(guest));
        (address(element.find("source").and_then(|source| source.find("address")).unwrap()), seen)
    };
    devices.map(pair).collect()
}

/// Holds of every domain, whether it may be built or not.
fn check_layout(assigned: &BTreeMap<PciAddress, Option<PciAddress>>) -> Result<(), TestCaseError> {
    let seen: Vec<(PciAddress, PciAddress)> =
        assigned.iter().filter_map(|(host, guest)| Some((*host, (*guest)?))).collect();
    for (host, guest) in &seen {
        for (other, at) in &seen {
            prop_assert_eq!(host.same_slot(*other), guest.same_slot(*at), "{} and {} of the host", host, other);
        }
        prop_assert!(seen.iter().any(|(_, at)| *at == guest.with_function(0)), "no function 0 beside {guest}");
        prop_assert!(guest.bus >= 9, "{guest} is libvirt's own");
    }
    Ok(())
}

/// Holds of every domain that the checks let pass.
fn check_host(facts: &Facts, assigned: &BTreeMap<PciAddress, Option<PciAddress>>) -> Result<(), TestCaseError> {
    let device = |address: &PciAddress| facts.pci.items().iter().find(|device| device.address == *address).unwrap();
    for (host, guest) in assigned {
        prop_assert!(device(host).kind() != PciClass::Bridge, "the bridge {host} is given away");
        let Some(group) = device(host).iommu_group.filter(|_| guest.is_some()) else { continue };
        let left = |mate: &&PciDevice| mate.iommu_group == Some(group) && card::is_bound(mate);
        for mate in facts.pci.items().iter().filter(left) {
            prop_assert!(
                assigned.contains_key(&mate.address),
                "{} of {group} stays with {:?}",
                mate.address,
                mate.driver
            );
        }
    }
    Ok(())
}

/// A machine by its place in the list, functions by theirs with the role asked for, and whether what goes with them is added.
fn choices() -> impl Strategy<Value = (Index, Vec<(Index, bool)>, bool)> {
    (any::<Index>(), prop::collection::vec((any::<Index>(), any::<bool>()), 1..4), any::<bool>())
}

#[test]
fn no_plan_passes_a_bridge_leaves_a_companion_splits_a_card_or_lacks_function_0() {
    let machines: Vec<Facts> = Machine::all().iter().map(facts).collect();
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    let built = std::cell::Cell::new(0);
    proptest!(config, |((at, asked, whole) in choices())| {
        let facts = at.get(&machines);
        let chosen: Vec<(PciAddress, bool)> = asked.iter().map(|(at, hold)| (at.get(facts.pci.items()).address, *hold)).collect();
        let mut rows = BTreeMap::new();
        if whole {
            rows = taken(facts, &chosen.iter().map(|(address, _)| *address).collect::<Vec<_>>());
        }
        let role = |hold| if hold { PciRole::Hold } else { PciRole::Pass };
        for (address, hold) in &chosen {
            rows.entry(*address).or_insert(role(*hold));
        }
        let spec = spec_of(&rows);
        let assigned = assigned(&generated(&spec, &machine(&spec, facts)));
        prop_assert_eq!(assigned.keys().collect::<Vec<_>>(), rows.keys().collect::<Vec<_>>());
        check_layout(&assigned)?;
        if !is_refused(&spec, facts) {
            built.set(built.get() + 1);
            check_host(facts, &assigned)?;
        }
    });
    assert!(built.get() > 60, "only {} of 600 could be built: the test shows nothing", built.get());
}

#[test]
fn a_card_taken_with_what_goes_with_it_is_whole_and_covers_its_groups() {
    let mut cards = 0;
    for listed in Machine::all() {
        let facts = facts(&listed);
        for device in facts.pci.items().iter().filter(|device| device.kind() == PciClass::Gpu) {
            let spec = spec_of(&taken(&facts, &[device.address]));
            let report = checks::report(&spec, &facts, &machine(&spec, &facts), &Allowed::default());
            let codes: BTreeSet<&str> = report.findings.iter().map(|finding| finding.code).collect();
            for code in ["PCI-FUNCTIONS", "HOLD-ALONE", "IOMMU-GROUP"] {
                assert!(!codes.contains(code), "{} {}: {codes:?}", listed.slug, device.address);
            }
            cards += 1;
        }
    }
    assert!(cards > 40, "{cards}");
}
