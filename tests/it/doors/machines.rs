//! Published machines, as trees: whoever asks for the domain of a VM that takes a device gets the same text, and the details
//! that are asked for by name are all that matter.

use super::wizard::Wizard;
use crate::support::machine::{Layout, Machine};
use crate::support::program::Home;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;
use vmbuild::case::{self, CaseInput, QueryScope};
use vmbuild::cli::args::{GiveUp, GlobalOptions};
use vmbuild::cli::case::{CommandDepth, Judged};
use vmbuild::engine::{Call, libvirt};
use vmbuild::facts::pci_details::{Link, ResetMethod};
use vmbuild::facts::{Fact, Facts, FactsPart, Part, PciClass, PciDetails, Provenance, Query};
use vmbuild::host::{Source, Sysroot, observe};
use vmbuild::machine::{Role, card};
use vmbuild::spec::{Layer, Origin};
use vmbuild::units::PciAddress;

const KINDS: [PciClass; 6] =
    [PciClass::Gpu, PciClass::Audio, PciClass::Nic, PciClass::Nvme, PciClass::Usb, PciClass::Storage];

/// The tree of a machine whose graphics cards have large windows, behind an IOMMU that is narrower than the CPU: both are
/// details that the domain depends on.
fn tree(machine: &Machine) -> TempDir {
    let tree = machine.tree(Layout::Kernel);
    let write = |path: &str, text: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for (_, device) in machine.devices() {
        let own = format!("sys/devices/pci{}/{}", &device.address[..7], device.address);
        write(&format!("{own}/power_state"), "D0\n");
        let window = "0x0000006000000000 0x0000006fffffffff 0x000000000014220c\n";
        write(&format!("{own}/resource"), if device.class.starts_with("03") { window } else { "" });
    }
    write("sys/class/iommu/dmar0/intel-iommu/cap", "1c0000c40260462\n");
    write(
        "proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\naddress sizes\t: 46 bits physical, 48 bits virtual\n",
    );
    tree
}

fn options(tree: &Path) -> GlobalOptions {
    GlobalOptions {
        connect: Some("test:///default".into()),
        sysroot: Some(tree.to_owned()),
        ..GlobalOptions::default()
    }
}

fn source(tree: &Path) -> Source {
    Source::with_tree("test:///default", Sysroot::new(tree))
}

/// A VM that takes the card of `address` with all that goes with it.
fn spec(facts: &Facts, address: PciAddress) -> Value {
    let row = |member: &card::Member| match member.role {
        Role::Pass => Some(json!({"host_address": member.address})),
        Role::Hold => Some(json!({"host_address": member.address, "role": "hold"})),
        Role::Leave => None,
    };
    let rows: Vec<Value> = card::taking(facts, &[address]).iter().filter_map(row).collect();
    json!({
        "name": "taking", "memory": 4096, "vcpus": 4, "uefi": true, "virt_type": "kvm", "pci_devices": rows,
        "storage": {"default_pool": "default-pool", "disks": [{"action": "create", "size": 20}]},
    })
}

/// The first device of each kind.
fn one_of_each_kind(facts: &Facts) -> Vec<PciAddress> {
    let first = |kind| facts.pci.items().iter().find(|device| device.kind() == kind).map(|device| device.address);
    KINDS.into_iter().filter_map(first).collect()
}

fn input(spec: &Value) -> CaseInput {
    let spec = serde_json::from_value(spec.clone()).unwrap();
    CaseInput::of(&[Layer { origin: Origin::User, spec }], &|_| vmbuild::spec::Template::Pending)
}

/// The XML that the plan of a case defines.
fn defined(case: &case::Case) -> &str {
    let xml = case.plan.steps.iter().find_map(|step| match &step.call {
        Call::Libvirt(libvirt::LibvirtCall::Define { xml, .. }) => Some(xml.as_str()),
        _ => None,
    });
    xml.unwrap()
}

#[test]
fn xml_wizard_and_build_have_one_text_for_each_kind_of_device_of_every_machine() {
    let (home, mut wide, mut limited) = (Home::new(), 0, 0);
    for machine in Machine::all() {
        let tree = tree(&machine);
        let facts = observe(&source(tree.path()), [Part::Pci, Part::Details]).facts;
        for address in one_of_each_kind(&facts) {
            let spec = spec(&facts, address);
            let judged = |depth: CommandDepth| {
                let judged = Judged::of(input(&spec), depth, &options(tree.path()), &GiveUp::default());
                judged.unwrap_or_else(|failure| panic!("{failure:?}")).case
            };
            let xml = judged(CommandDepth::of(false, QueryScope::xml())).preview.text();
            let build = judged(CommandDepth::Build);
            let wizard = Wizard::of(&home, source(tree.path()), spec.clone());
            let what = format!("{} {address}", machine.slug);
            assert_eq!(xml, defined(&build), "{what}");
            assert_eq!(wizard.xml(), xml, "{what}");
            wide += usize::from(xml.contains("pcihole64"));
            limited += usize::from(xml.contains("maxphysaddr"));
        }
    }
    assert!(wide > 10 && limited > 50, "{wide} {limited}");
}

#[test]
fn the_program_prints_what_it_would_define() {
    let machine = Machine::load("intel-z690-ashtonian-full");
    let tree = tree(&machine);
    let facts = observe(&source(tree.path()), [Part::Pci, Part::Details]).facts;
    let home = Home::new();
    let gpu = facts.pci.items().iter().find(|device| device.kind() == PciClass::Gpu && device.address.bus > 0).unwrap();
    home.write("spec.json", &spec(&facts, gpu.address).to_string());
    let sysroot = tree.path().to_str().unwrap();
    let run = |args: &[&str]| home.run(&[&["-c", "test:///default", "--sysroot", sysroot][..], args].concat());
    let xml = run(&["xml", "spec.json"]).out;
    assert!(
        xml.contains("<pcihole64 unit='GiB'>") && xml.contains("<maxphysaddr mode='passthrough' limit='39'/>"),
        "{xml}"
    );
    home.write("spec.xml", &xml);
    run(&["diff", "spec.json", "--with", "spec.xml"]).code(0);
}

/// What a host answers that is asked for the details of some functions.
fn answer(all: &Facts, query: &Query) -> FactsPart {
    match query {
        Query::Details(functions) => {
            let details = functions.iter().filter_map(|address| Some((*address, all.details.get(address)?.clone())));
            let groups = all.pci.items().iter().filter(|device| functions.contains(&device.address));
            let groups = groups.filter_map(|device| device.iommu_group);
            let groups = groups.filter_map(|number| Some((number, all.groups.get(&number)?.clone()))).collect();
            FactsPart::Details { details: details.collect(), groups }
        }
        Query::Part(Part::Pci) => FactsPart::Pci { pci: all.pci.clone(), iommu: all.iommu.clone() },
        Query::Part(Part::Boot) => FactsPart::Boot {
            kernel: Box::new(all.kernel.clone()),
            boot: Box::new(all.boot.clone()),
            vfio: Box::new(all.vfio.clone()),
        },
        Query::Part(Part::Uses) => FactsPart::Uses {
            storage: Box::new(all.storage.clone()),
            networking: Box::new(all.networking.clone()),
            displays: Box::new(all.displays.clone()),
            usb: Box::new(all.usb.clone()),
        },
        query => FactsPart::unknown(query.part(), "this host tells of its devices alone"),
    }
}

fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, Provenance::Command("test".into()), 0)
}

/// The bridges above each bus, the one next to it last. A bridge leads to one bus, of a higher number than its own; a bus
/// without a bridge is a root.
fn above(functions: &[PciAddress], bridges: &[PciAddress]) -> BTreeMap<(u32, u8), Vec<PciAddress>> {
    let buses: BTreeSet<(u32, u8)> = functions.iter().map(|address| (address.domain, address.bus)).collect();
    let mut free = bridges.to_vec();
    let mut above: BTreeMap<(u32, u8), Vec<PciAddress>> = BTreeMap::new();
    for (domain, bus) in buses {
        let leads = |bridge: &PciAddress| bridge.domain == domain && bridge.bus < bus;
        let bridge = free.iter().rposition(leads).map(|at| free.remove(at));
        let upper = bridge.and_then(|bridge| above.get(&(domain, bridge.bus)).cloned()).unwrap_or_default();
        above.insert((domain, bus), upper.into_iter().chain(bridge).collect());
    }
    above
}

/// Details that make others matter: resets of a bus, interrupts by line, bridges above, physical functions.
fn details(seed: u32, upstream: &[PciAddress], functions: &[PciAddress]) -> PciDetails {
    let methods = [vec![ResetMethod::Flr, ResetMethod::Bus], vec![ResetMethod::Bus], Vec::new()];
    let physical = functions[seed as usize % functions.len()];
    PciDetails {
        reset_methods: known(methods[(seed % 3) as usize].clone()),
        resettable: known(!seed.is_multiple_of(5)),
        msi: known(!seed.is_multiple_of(7)),
        interrupt_line: known(Some(seed % 4)),
        upstream: known(upstream.to_vec()),
        physical_function: known(seed.is_multiple_of(11).then_some(physical)),
        bars: known(Vec::new()),
        link: known(None::<Link>),
        ..PciDetails::default()
    }
}

/// What the trees of all machines tell.
fn every_machine() -> &'static [Facts] {
    static READ: OnceLock<Vec<Facts>> = OnceLock::new();
    let read = |machine: Machine| {
        let tree = tree(&machine);
        observe(&source(tree.path()), [Part::Pci, Part::Details, Part::Boot, Part::Uses]).facts
    };
    READ.get_or_init(|| Machine::all().into_iter().map(read).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::default() })]
    #[test]
    fn details_that_nobody_asked_for_change_nothing(
        machine in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        seeds in prop::collection::vec(any::<u32>(), 64), any_fits in any::<bool>(),
    ) {
        let mut all = machine.get(every_machine()).clone();
        let functions: Vec<PciAddress> = all.pci.items().iter().map(|device| device.address).collect();
        let bridges = all.pci.items().iter().filter(|device| device.kind() == PciClass::Bridge);
        let bridges: Vec<PciAddress> = bridges.map(|device| device.address).collect();
        let above = above(&functions, &bridges);
        for (number, address) in functions.iter().enumerate() {
            let seed = seeds[number % seeds.len()].wrapping_add(u32::try_from(number).unwrap());
            let upstream = &above[&(address.domain, address.bus)];
            all.details.insert(*address, details(seed, upstream, &functions));
        }
        let asked = at.get(&functions);
        let mut spec = spec(&all, *asked);
        let kind = all.pci.items().iter().find(|device| device.address == *asked).unwrap().kind();
        if any_fits && KINDS.contains(&kind) {
            spec["pci_devices"] = json!([{"match": {"kind": kind, "any": true}}]);
        }
        let input = input(&spec);
        let answers = |queries: Vec<Query>| queries.iter().map(|query| answer(&all, query)).collect();
        let mut facts = Facts::default();
        let case = case::complete(&input, &mut facts, &QueryScope::default(), answers);
        facts.absorb(answer(&all, &Query::Details(functions.clone())));
        let knowing_all = case::judge(&input, &facts);
        let told = |case: &case::Case, than: &case::Case| -> Vec<String> {
            let new = case.report.findings.iter().filter(|finding| !than.report.findings.contains(finding));
            new.map(|finding| format!("{}: {}", finding.code(), finding.message(vmbuild::checks::Wording::Full))).collect()
        };
        let (more, less) = (told(&case, &knowing_all), told(&knowing_all, &case));
        prop_assert!(case.report == knowing_all.report, "{spec}\n{more:#?}\ninstead of {less:#?}");
        prop_assert_eq!(case.preview.text(), knowing_all.preview.text());
    }
}
