//! What vmbuild computes, measured inside one process: no start, no host, no terminal. The release profile of this package
//! compiles vmbuild as its own does.
//!
//! inside SYSFS-TREE GOLDEN-CASES

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use vmbuild::case::{CaseInput, judge};
use vmbuild::checks::{self, Allowed};
use vmbuild::facts::{Facts, Part, PciClass};
use vmbuild::host::{Source, Sysroot, observe};
use vmbuild::machine::{Role, card, machine};
use vmbuild::{domain, spec};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tree, cases] = arguments.as_slice() else { anyhow::bail!("usage: inside SYSFS-TREE GOLDEN-CASES") };
    findings(Path::new(tree), Path::new(cases))?;
    many_disks(Path::new(cases))?;
    largest_domain(Path::new(cases))
}

/// Median of `runs` runs in microseconds; the first warms the caches.
fn median<T>(runs: usize, mut run: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..=runs)
        .map(|_| {
            let started = Instant::now();
            black_box(run());
            started.elapsed().as_secs_f64() * 1e6
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// All checks of a spec that takes a card, on a host with the functions of `tree`.
fn findings(tree: &Path, cases: &Path) -> Result<()> {
    let source = Source::with_tree("test:///default", Sysroot::new(tree));
    let found = observe(&source, [Part::Pci, Part::Details, Part::Boot, Part::Uses, Part::Cpus]).facts;
    // What libvirt would tell is that of a recorded host.
    let mut facts: Facts = serde_json::from_value(recorded(cases, "workstation")?)?;
    (facts.pci, facts.iommu, facts.details, facts.groups) = (found.pci, found.iommu, found.details, found.groups);
    let gpu = |device: &&vmbuild::facts::PciDevice| device.kind() == PciClass::Gpu && device.address.bus > 0;
    let gpu = facts.pci.items().iter().find(gpu).context("the tree has no card")?.address;
    let members = card::taking(&facts, &[gpu]);
    let row = |member: &card::Member| match member.role {
        Role::Pass => Some(serde_json::json!({"host_address": member.address.to_string()})),
        Role::Hold => Some(serde_json::json!({"host_address": member.address.to_string(), "role": "hold"})),
        Role::Leave => None,
    };
    let rows: Vec<Value> = members.iter().filter_map(row).collect();
    let wanted = serde_json::json!({"name": "bench", "memory": 8192, "vcpus": 4, "uefi": true, "pci_devices": rows});
    let spec = spec::parse(&wanted.to_string()).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let chosen = machine(&spec, &facts);
    let report = || checks::report(&spec, &facts, &chosen, &Allowed::default());
    let (functions, rows, found) = (facts.pci.items().len(), rows.len(), report().findings.len());
    println!(
        "{:52} {:8.0} us   ({found} findings)",
        format!("all checks: {rows} rows, {functions} functions"),
        median(301, report)
    );
    println!("{:52} {:8.0} us", "the machine of that spec", median(301, || machine(&spec, &facts)));
    println!("{:52} {:8.0} us", "what taking that card would mean", median(301, || checks::take(&facts, &[gpu])));
    Ok(())
}

/// A spec with very many disks, judged: the time for ten times as many shows whether it grows faster than they do.
fn many_disks(cases: &Path) -> Result<()> {
    let facts: Facts = serde_json::from_value(recorded(cases, "workstation")?)?;
    let kinds: [(&str, fn(usize) -> Value); 3] = [
        ("created", |_| serde_json::json!({"action": "create", "size": 1})),
        ("attached", |row| serde_json::json!({"action": "attach", "path": format!("/srv/{row}.img"), "format": "raw"})),
        ("cloned", |_| serde_json::json!({"action": "clone", "clone_from": "default/golden.qcow2"})),
    ];
    for (kind, disk) in kinds {
        let mut times = [0.0; 2];
        for (time, count) in times.iter_mut().zip([1_000, 10_000]) {
            let disks: Vec<Value> = (0..count).map(disk).collect();
            let storage = serde_json::json!({"default_pool": "default", "disks": disks});
            let wanted = serde_json::json!({"name": "bench", "memory": 2048, "vcpus": 2, "storage": storage});
            let spec = spec::parse(&wanted.to_string()).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
            let input = CaseInput::reviewed(spec);
            *time = median(3, || judge(&input, &facts));
        }
        let [few, many] = times.map(|time| time / 1e3);
        println!(
            "{:52} {many:8.0} ms   ({:.1} times that of 1,000)",
            format!("10,000 disks judged: {kind}"),
            many / few
        );
    }
    Ok(())
}

/// The case whose domain XML is the longest: from the text of its spec to the text of its XML.
fn largest_domain(cases: &Path) -> Result<()> {
    let mut largest: Option<(u64, String)> = None;
    for case in fs::read_dir(cases)? {
        let case = case?;
        let Ok(xml) = fs::metadata(case.path().join("domain.xml")) else { continue };
        // A template is merged into the spec: another path.
        if !case.path().join("templates").exists() && largest.as_ref().is_none_or(|(size, _)| *size < xml.len()) {
            largest = Some((xml.len(), case.file_name().to_string_lossy().into_owned()));
        }
    }
    let (size, name) = largest.context("no golden case has a domain")?;
    let folder = cases.join(&name);
    let about: Value = serde_json::from_str(&fs::read_to_string(folder.join("case.json"))?)?;
    let mut facts = recorded(cases, about["facts"].as_str().context("no facts")?)?;
    for (pointer, value) in about["but"].as_object().into_iter().flatten() {
        match facts.pointer_mut(pointer) {
            Some(part) => *part = value.clone(),
            None => facts[pointer.trim_start_matches('/')] = value.clone(),
        }
    }
    let facts: Facts = serde_json::from_value(facts)?;
    let text = fs::read_to_string(folder.join("spec.json"))?;
    let xml = || -> Option<String> {
        let spec = spec::parse(&text).ok()?;
        Some(domain::domain(&spec, &machine(&spec, &facts)).ok()?.to_xml())
    };
    ensure!(xml().is_some_and(|xml| xml.len() as u64 == size), "{name} does not come out as it is recorded");
    println!("{:52} {:8.0} us   ({name}, {size} bytes)", "spec to XML, the longest golden case", median(301, xml));
    Ok(())
}

/// A file of facts among the golden cases; one that is `like` another says only what differs.
fn recorded(cases: &Path, name: &str) -> Result<Value> {
    let mut facts: Value = serde_json::from_str(&fs::read_to_string(cases.join(format!("facts/{name}.json")))?)?;
    let like = facts.as_object_mut().and_then(|parts| parts.remove("like"));
    if let Some(like) = like.as_ref().and_then(Value::as_str) {
        let mut base = recorded(cases, like)?;
        if let (Some(base), Some(own)) = (base.as_object_mut(), facts.as_object()) {
            base.extend(own.clone());
        }
        facts = base;
    }
    Ok(facts)
}
