//! Proposals of pins on the topologies of real processors: none trips the checks of pins, whatever is asked for.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use vmbuild::case::{self, Case, CaseInput};
use vmbuild::checks::{Finding, Severity, Wording};
use vmbuild::facts::{CoreKind, Fact, Facts, LogicalCpu, Memory, NumaNode, PciDevice, Provenance};
use vmbuild::spec::{Layer, Origin, Template};
use vmbuild::units::{Bytes, CpuSet};

fn known<T>(value: T) -> Fact<T> {
    Fact::known(value, Provenance::Command("test".into()), 0)
}

/// A cluster of cores that share a cache.
#[derive(Clone, Copy)]
struct Cluster {
    node: u32,
    cores: u32,
    threads: u32,
    cache_mib: u64,
    kind: Option<CoreKind>,
}

const fn cluster(node: u32, cores: u32, threads: u32, cache_mib: u64) -> Cluster {
    Cluster { node, cores, threads, cache_mib, kind: None }
}

const fn kind(cluster: Cluster, kind: CoreKind) -> Cluster {
    Cluster { kind: Some(kind), ..cluster }
}

const P: CoreKind = CoreKind::Performance;
const E: CoreKind = CoreKind::Efficiency;

/// Processors by name; the threads of a core have numbers next to each other.
fn hosts() -> Vec<(&'static str, Vec<Cluster>)> {
    vec![
        ("5600X", vec![cluster(0, 6, 2, 32)]),
        ("3700X", vec![cluster(0, 4, 2, 16); 2]),
        ("7950X3D", vec![cluster(0, 8, 2, 96), cluster(0, 8, 2, 32)]),
        ("7900X3D", vec![cluster(0, 6, 2, 96), cluster(0, 6, 2, 32)]),
        ("12600K", vec![kind(cluster(0, 6, 2, 20), P), kind(cluster(0, 4, 1, 20), E)]),
        ("13900K", vec![kind(cluster(0, 8, 2, 36), P), kind(cluster(0, 16, 1, 36), E)]),
        ("285K", vec![kind(cluster(0, 8, 1, 36), P), kind(cluster(0, 16, 1, 36), E)]),
        ("two sockets", vec![cluster(0, 8, 2, 60), cluster(1, 8, 2, 60)]),
        ("two sockets without SMT", vec![cluster(0, 6, 1, 60), cluster(1, 6, 1, 60)]),
        ("EPYC NPS4", (0..4).flat_map(|node| [cluster(node, 4, 2, 16); 2]).collect()),
        ("two EPYC", (0..2).flat_map(|node| [cluster(node, 8, 2, 32); 4]).collect()),
        ("one node, no SMT", vec![cluster(0, 8, 1, 16)]),
    ]
}

fn facts(clusters: &[Cluster]) -> Facts {
    let (mut cpus, mut next): (Vec<LogicalCpu>, u32) = (Vec::new(), 0);
    for cluster in clusters {
        let all: CpuSet = (next..next + cluster.cores * cluster.threads).collect();
        for _ in 0..cluster.cores {
            let siblings: CpuSet = (next..next + cluster.threads).collect();
            cpus.extend(siblings.iter().map(|number| LogicalCpu {
                number,
                online: true,
                siblings: siblings.clone(),
                cache: all.clone(),
                cache_size: Some(Bytes::mib(cluster.cache_mib)),
                node: Some(cluster.node),
                kind: cluster.kind,
                ..LogicalCpu::default()
            }));
            next += cluster.threads;
        }
    }
    let numbers: BTreeSet<u32> = clusters.iter().map(|cluster| cluster.node).collect();
    let node = |number: u32| NumaNode {
        number,
        cpus: cpus.iter().filter(|cpu| cpu.node == Some(number)).map(|cpu| cpu.number).collect(),
        memory: Some(Bytes::gib(256)),
        free: Some(Bytes::gib(200)),
        ..NumaNode::default()
    };
    Facts {
        nodes: known(numbers.into_iter().map(node).collect()),
        memory: known(Memory { total: Bytes::gib(512), free: Bytes::gib(400) }),
        cpus: known(cpus),
        ..Facts::default()
    }
}

/// A passed card on a node.
fn card(number: u8, node: u32) -> PciDevice {
    let address = format!("0000:{number:02x}:00.0");
    let device = json!({"address": address, "class": 0x03_02_00, "vendor": 0x10de, "device": 0x20b0, "numa_node": node,
        "iommu_group": number, "driver": "vfio-pci"});
    serde_json::from_value(device).unwrap()
}

fn judged(facts: &Facts, vcpus: usize, change: &Value) -> Case {
    let cards = facts.pci.items().iter().map(|card| json!({"host_address": card.address.to_string()}));
    let mut spec = json!({"name": "a", "memory": "16 GiB", "vcpus": vcpus, "cpu": {"pinning": {"auto": true}},
        "pci_devices": cards.collect::<Vec<_>>()});
    for (key, value) in change.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let spec = serde_json::from_value(spec).unwrap();
    case::judge(&CaseInput::of(&[Layer { origin: Origin::User, spec }], &|_| Template::Pending), facts)
}

/// What the checks of pins and nodes say against it.
fn complaints(case: &Case) -> Vec<String> {
    let about = |finding: &&Finding| ["PIN-", "NUMA-"].iter().any(|code| finding.code().starts_with(code));
    let bad = case.report.findings.iter().filter(about).filter(|finding| finding.severity() <= Severity::Warning);
    bad.map(|finding| format!("{}: {}", finding.code(), finding.message(Wording::Full))).collect()
}

fn used(case: &Case) -> CpuSet {
    case.machine.pinning.vcpus.iter().flatten().fold(CpuSet::default(), |all, line| all.with(&line.value))
}

#[test]
fn no_proposal_trips_the_checks_of_pins() {
    for (name, clusters) in hosts() {
        let plain = facts(&clusters);
        let nodes = plain.nodes.items().len();
        let cards = |nodes: &[u32]| {
            let cards = nodes.iter().zip(1..).map(|(node, number)| card(number, *node)).collect();
            Facts { pci: known(cards), ..plain.clone() }
        };
        let mut variants = vec![plain.clone(), cards(&[0])];
        if nodes > 1 {
            variants.extend([cards(&[1]), cards(&[0, 1])]);
        }
        let most = plain.cpus.items().len() - clusters.iter().map(|cluster| cluster.threads).max().unwrap() as usize;
        for (facts, vcpus) in variants.iter().flat_map(|facts| (1..=most).map(move |vcpus| (facts, vcpus))) {
            let case = judged(facts, vcpus, &json!({}));
            let cards: BTreeSet<_> = facts.pci.items().iter().map(|card| card.numa_node).collect();
            // A guest of one virtual CPU has one node, wherever its cards are.
            let few = |text: &String| vcpus < cards.len() && text.starts_with("NUMA-SPAN");
            let complaints: Vec<String> = complaints(&case).into_iter().filter(|text| !few(text)).collect();
            assert_eq!(complaints, [""; 0], "{name}, {vcpus} vCPUs, {} cards", facts.pci.items().len());
            assert_eq!(used(&case).len(), vcpus, "{name}: {:?}", case.machine.pinning);
        }
    }
}

#[test]
fn kinds_of_cores_are_mixed_only_where_one_does_not_suffice_and_that_is_said() {
    for (name, clusters) in hosts().into_iter().filter(|(_, clusters)| clusters[0].kind.is_some()) {
        let facts = facts(&clusters);
        let of = |kind| facts.cpus.items().iter().filter(|cpu| cpu.kind == Some(kind)).map(|cpu| cpu.number).collect();
        let (fast, slow): (CpuSet, CpuSet) = (of(P), of(E));
        for vcpus in 1..=facts.cpus.items().len() - 2 {
            let case = judged(&facts, vcpus, &json!({}));
            let mixes = !used(&case).common(&slow).is_empty();
            assert_eq!(mixes, vcpus > fast.len(), "{name}, {vcpus} vCPUs: {}", used(&case));
            let said = case.report.findings.iter().any(|finding| finding.code() == "PIN-KINDS");
            assert_eq!(said, mixes, "{name}, {vcpus} vCPUs");
        }
        let case = judged(&facts, fast.len(), &json!({}));
        assert_eq!(case.machine.pinning.pairs, clusters[0].threads == 2, "{name}: all are threads of fast cores");
    }
}

#[test]
fn the_guest_has_the_large_cache_and_the_host_the_other() {
    for (name, clusters) in hosts().into_iter().filter(|(name, _)| name.ends_with("X3D")) {
        let facts = facts(&clusters);
        let large: CpuSet = (0..clusters[0].cores * 2).collect();
        for vcpus in [2, 4, 8, clusters[0].cores as usize * 2] {
            let case = judged(&facts, vcpus, &json!({}));
            let pinning = &case.machine.pinning;
            assert!(used(&case).within(&large), "{name}: {}", used(&case));
            assert!(pinning.reserve.common(&large).is_empty(), "{name}: the host keeps {}", pinning.reserve);
            let emulator = &pinning.emulator.as_ref().unwrap().value;
            assert!(emulator.common(&large).is_empty(), "{name}: QEMU's own threads run on {emulator}");
        }
    }
}

#[test]
fn a_guest_of_several_nodes_sees_them() {
    let (_, clusters) = hosts().into_iter().find(|(name, _)| *name == "two sockets").unwrap();
    let facts = facts(&clusters);
    let told = |case: &Case| -> Vec<(String, Option<u32>, Bytes)> {
        case.machine.backing.cells.iter().map(|cell| (cell.vcpus.to_string(), cell.node, cell.memory)).collect()
    };
    let half = Bytes::gib(8);
    assert_eq!(told(&judged(&facts, 16, &json!({}))), [], "one node suffices, as the host keeps a core of the other");
    let large = judged(&facts, 22, &json!({}));
    assert_eq!(told(&large), [("0-11".into(), Some(0), half), ("12-21".into(), Some(1), half)], "pairs stay together");
    let equal = judged(&facts, 20, &json!({}));
    assert_eq!(told(&equal), [("0-9".into(), Some(0), half), ("10-19".into(), Some(1), half)]);
    let topology = equal.machine.cpu.topology.as_ref().unwrap().value;
    assert_eq!((topology.sockets, topology.cores, topology.threads), (2, 5, 2));
    let cards = Facts { pci: known(vec![card(1, 0), card(2, 1)]), ..facts.clone() };
    let both = judged(&cards, 8, &json!({}));
    assert_eq!(told(&both), [("0-3".into(), Some(0), half), ("4-7".into(), Some(1), half)]);
    assert_eq!(both.machine.expanders.len(), 2, "each card is below the bus of its node");
    let asked = judged(&cards, 8, &json!({"numa": {"nodes": "0"}}));
    assert_eq!(told(&asked), [], "what the spec says of nodes counts");
}

#[test]
fn large_guests_are_told_of_huge_pages() {
    let facts = facts(&[cluster(0, 8, 2, 32)]);
    let said = |memory: &str, pages: Value| {
        let case = judged(&facts, 4, &json!({"memory": memory, "memory_backing": {"hugepages": pages}}));
        case.report.findings.iter().any(|finding| finding.code() == "HUGEPAGE-LARGE")
    };
    assert!(said("32 GiB", Value::Null) && !said("31 GiB", Value::Null) && !said("64 GiB", json!("1 GiB")));
}
