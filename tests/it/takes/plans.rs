//! What no plan may do, on every published machine and for any choice of its functions and their roles: pass a bridge,
//! leave a driver of the host on a companion, split a card over guest slots, or lack a function 0.

use super::{facts, known};
use crate::support::machine::{Device, Group, Machine};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseError;
use std::collections::{BTreeMap, BTreeSet};
use vmbuild::checks::{self, Allowed, Severity, take};
use vmbuild::domain::{Element, generated};
use vmbuild::facts::pci_details::ResetMethod;
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
    let mut of_devices =
        report.findings.iter().filter(|finding| finding.place().to_string().starts_with("pci_devices"));
    of_devices.any(|finding| finding.severity() == Severity::Blocker)
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

/// What every plan for functions of a machine must keep to; true where the checks let it pass.
fn check_plan(facts: &Facts, asked: &[(Index, bool)], whole: bool) -> Result<bool, TestCaseError> {
    let chosen: Vec<(PciAddress, bool)> =
        asked.iter().map(|(at, hold)| (at.get(facts.pci.items()).address, *hold)).collect();
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
    let refused = is_refused(&spec, facts);
    if !refused {
        check_host(facts, &assigned)?;
    }
    Ok(!refused)
}

#[test]
fn no_plan_passes_a_bridge_leaves_a_companion_splits_a_card_or_lacks_function_0() {
    let machines: Vec<Facts> = Machine::all().iter().map(facts).collect();
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    let built = std::cell::Cell::new(0);
    proptest!(config, |((at, asked, whole) in choices())| {
        built.set(built.get() + u32::from(check_plan(at.get(&machines), &asked, whole)?));
    });
    assert!(built.get() > 60, "only {} of 600 could be built: the test shows nothing", built.get());
}

/// One function: its place, what it is, its group, its driver. Few buses, slots and groups, so that they meet.
fn function() -> impl Strategy<Value = (u32, Device)> {
    let kinds = select(vec![
        ("0300", "10de"),
        ("0300", "1002"),
        ("0403", "10de"),
        ("0200", "8086"),
        ("0108", "144d"),
        ("0106", "1022"),
        ("0c03", "1022"),
        ("0c03", "1b21"),
        ("0604", "8086"),
        ("0600", "1022"),
        ("0601", "8086"),
        ("0c05", "8086"),
        ("1300", "1022"),
    ]);
    let drivers = select(vec![None, Some("vfio-pci"), Some("pcieport"), Some("host"), Some("other")]);
    let place = (0u8..5, 0u8..3, 0u8..5);
    (place, kinds, 0u32..12, drivers, 0x1000u16..0x1004).prop_map(|((bus, slot, function), kind, group, driver, id)| {
        let device = Device {
            address: format!("0000:{bus:02x}:{slot:02x}.{function}"),
            class: kind.0.into(),
            vendor_id: kind.1.into(),
            device_id: format!("{id:04x}"),
            driver: driver.map(String::from),
            physfn: None,
        };
        (group, device)
    })
}

/// Any machine: functions by place, each in one group, and some that only the reset of their bus resets.
fn random_machine() -> impl Strategy<Value = Facts> {
    let functions = prop::collection::vec((function(), any::<bool>()), 2..24);
    functions.prop_map(|drawn| {
        let mut by_place = BTreeMap::new();
        for ((group, device), alone) in drawn {
            by_place.entry(device.address.clone()).or_insert((group, device, alone));
        }
        let of_bus: Vec<PciAddress> = by_place
            .values()
            .filter(|(.., alone)| !alone)
            .map(|(_, device, _)| device.address.parse().unwrap())
            .collect();
        let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
        for (group, device, _) in by_place.into_values() {
            groups.entry(group).or_insert(Group { id: group, devices: Vec::new() }).devices.push(device);
        }
        let machine = Machine { slug: "any".into(), cmdline: None, groups: groups.into_values().collect() };
        let mut facts = facts(&machine);
        for address in of_bus {
            facts.details.get_mut(&address).unwrap().reset_methods = known(vec![ResetMethod::Bus]);
        }
        facts
    })
}

#[test]
fn no_plan_on_any_machine_breaks_the_rules_either() {
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    let built = std::cell::Cell::new(0);
    let rows = prop::collection::vec((any::<Index>(), any::<bool>()), 1..4);
    proptest!(config, |(facts in random_machine(), asked in rows, whole in any::<bool>())| {
        built.set(built.get() + u32::from(check_plan(&facts, &asked, whole)?));
    });
    assert!(built.get() > 150, "only {} of 1500 could be built: the test shows nothing", built.get());
}

#[test]
fn what_is_taken_on_any_machine_is_whole() {
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(facts in random_machine(), at in any::<Index>())| {
        let asked = at.get(facts.pci.items());
        let members = card::taking(&facts, &[asked.address]);
        let role = |address: PciAddress| members.iter().find(|member| member.address == address).map(|m| m.role);
        for member in &members {
            let device = facts.pci.items().iter().find(|device| device.address == member.address).unwrap();
            let bridge = device.kind() == PciClass::Bridge;
            prop_assert!(!bridge || member.role == Role::Leave, "passes the bridge {}", member.address);
            let left = member.role == Role::Leave && !bridge && card::is_bound(device);
            prop_assert!(!left, "leaves {} to {:?}", member.address, device.driver);
            if member.role == Role::Pass {
                // Said here once more, for the code may not be its own judge.
                let of_card = |known: &&PciDevice| {
                    let loose = |known: &PciDevice| known.vendor == 0x1022 || known.kind() == PciClass::Bridge;
                    let slot = known.address.same_slot(device.address) && known.address.bus != 0;
                    slot && !loose(known) && !loose(device)
                };
                for other in facts.pci.items().iter().filter(of_card) {
                    prop_assert_eq!(role(other.address), Some(Role::Pass), "splits {}", member.address);
                }
            }
            let mates = facts.pci.items().iter().filter(|mate| mate.iommu_group == device.iommu_group);
            let whole = member.role == Role::Leave || mates.into_iter().all(|mate| role(mate.address).is_some());
            prop_assert!(whole, "forgets a mate of {}", member.address);
        }
    });
}

#[test]
fn these_tests_see_each_of_the_four_faults() {
    let facts = facts(&Machine::load("amd-b550m-mortar"));
    let at = |text: &str| text.parse::<PciAddress>().unwrap();
    let plan = |rows: &[(&str, Option<&str>)]| -> BTreeMap<PciAddress, Option<PciAddress>> {
        rows.iter().map(|(host, guest)| (at(host), guest.map(at))).collect()
    };
    let whole = [
        ("2b:00.0", Some("09:00.0")),
        ("2b:00.1", Some("09:00.1")),
        ("2b:00.2", Some("09:00.2")),
        ("2b:00.3", Some("09:00.3")),
    ];
    let good = plan(&whole);
    assert!(check_layout(&good).is_ok() && check_host(&facts, &good).is_ok());
    assert!(check_host(&facts, &plan(&[("02:00.2", Some("09:00.0"))])).is_err(), "a bridge is passed");
    assert!(check_host(&facts, &plan(&whole[..2])).is_err(), "a companion stays bound");
    let split = [("2b:00.0", Some("09:00.0")), ("2b:00.1", Some("0a:00.0"))];
    assert!(check_layout(&plan(&split)).is_err(), "a card is split");
    assert!(check_layout(&plan(&whole[1..])).is_err(), "function 0 is missing");
}

#[test]
fn a_card_taken_with_what_goes_with_it_is_whole_and_covers_its_groups() {
    let mut cards = 0;
    for listed in Machine::all() {
        let facts = facts(&listed);
        for device in facts.pci.items().iter().filter(|device| device.kind() == PciClass::Gpu) {
            let spec = spec_of(&taken(&facts, &[device.address]));
            let report = checks::report(&spec, &facts, &machine(&spec, &facts), &Allowed::default());
            let codes: BTreeSet<&str> = report.findings.iter().map(vmbuild::checks::Finding::code).collect();
            for code in ["PCI-FUNCTIONS", "HOLD-ALONE", "IOMMU-GROUP"] {
                assert!(!codes.contains(code), "{} {}: {codes:?}", listed.slug, device.address);
            }
            cards += 1;
        }
    }
    assert!(cards > 40, "{cards}");
}
