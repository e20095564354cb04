//! Facts that were recorded as JSON and answer in place of a host.

use super::osinfo::Osinfo;
use super::{Cause, HostError};
use crate::facts::{Fact, Facts, FactsPart, Part};
use crate::units::Bytes;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The facts of a host with ten thousand volumes and a thousand domains take a few MiB.
const LONGEST: u64 = 64 << 20;

/// Reads the file, the output of `vmbuild facts --json`.
pub(super) fn load(path: &Path) -> Result<Facts, HostError> {
    let name = path.display();
    let refused = |why: String| {
        let remedy = "Record one with 'vmbuild facts --json > FILE' on the host.";
        HostError::new(Cause::NotFound, format!("The facts in {name} cannot be used: {why}."), remedy)
    };
    let mut text = Vec::new();
    // It may be a pipe, which has no size to ask for.
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut text));
    read.map_err(|error| refused(error.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(refused(format!("the file is larger than {}, which no record is", Bytes(LONGEST))));
    }
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof if text.trim_ascii().is_empty() => refused("the file is empty".into()),
        serde_json::error::Category::Eof => {
            refused(format!("the JSON breaks off at line {}, column {}", error.line(), error.column()))
        }
        _ => refused(error.to_string()),
    })?;
    // Every part may be absent, so any object would do, a spec as well.
    if !value.as_object().is_some_and(|parts| parts.keys().any(|name| NAMES.contains(&name.as_str()))) {
        return Err(refused("it holds none of the parts that facts have".into()));
    }
    serde_json::from_value(value).map_err(|error| refused(error.to_string()))
}

/// Names of parts, one of which a record must have.
const NAMES: [&str; 10] =
    ["host", "cpus", "capabilities", "pools", "networks", "domains", "pci", "iommu", "kernel", "files"];

/// One part of recorded facts.
pub(super) fn part(facts: &Facts, part: Part) -> FactsPart {
    let facts = facts.clone();
    match part {
        Part::Host => FactsPart::Host { host: facts.host, memory: facts.memory, kvm: facts.kvm },
        Part::Cpus => FactsPart::Cpus { cpus: facts.cpus, nodes: facts.nodes },
        Part::Pools => FactsPart::Pools(facts.pools),
        Part::Networks => FactsPart::Networks { networks: facts.networks, bridges: facts.bridges },
        Part::Domains => FactsPart::Domains(facts.domains),
        Part::Pci => FactsPart::Pci { pci: facts.pci, iommu: facts.iommu },
        Part::Capabilities => {
            FactsPart::Capabilities { capabilities: facts.capabilities, domain_capabilities: facts.domain_capabilities }
        }
        Part::Boot => {
            FactsPart::Boot { kernel: Box::new(facts.kernel), boot: Box::new(facts.boot), vfio: Box::new(facts.vfio) }
        }
        Part::Uses => FactsPart::Uses {
            storage: Box::new(facts.storage),
            networking: Box::new(facts.networking),
            displays: Box::new(facts.displays),
            usb: Box::new(facts.usb),
        },
        Part::Roms => FactsPart::Roms { roms: facts.roms, confinement: Box::new(facts.confinement) },
        Part::Details => FactsPart::Details { details: facts.details, groups: facts.groups },
        Part::Files => FactsPart::Files(facts.files),
        Part::Systems if facts.systems.is_pending() => FactsPart::Systems(Osinfo::none().systems()),
        Part::Systems => FactsPart::Systems(facts.systems),
        Part::Profiles => FactsPart::Profiles(facts.profiles),
        Part::Definitions => FactsPart::Definitions(facts.definitions),
        // All of them are in the part with the capabilities.
        Part::GuestKinds => FactsPart::GuestKinds(Vec::new()),
    }
}

/// Recorded systems; those that were not recorded as the table of ours has them, so that a record is the same everywhere.
pub(super) fn profiles(recorded: &Result<Facts, HostError>, ids: &[String]) -> FactsPart {
    let mut answer = Osinfo::none().profiles(ids);
    if let (FactsPart::Profiles(profiles), Ok(facts)) = (&mut answer, recorded) {
        let known = ids.iter().filter_map(|id| Some((id.clone(), facts.profiles.get(id)?.clone())));
        profiles.extend(known);
    }
    answer
}

/// Why the XML of a domain is not known.
pub(super) const NO_DEFINITIONS: &str =
    "Recorded facts hold no XML of domains; leave --facts out, and the host is asked for it.";

/// Recorded files; those that nobody looked at then are unknown now.
pub(super) fn files(recorded: &Result<Facts, HostError>, paths: &[String]) -> FactsPart {
    let answer = |path: &String| match recorded {
        Ok(facts) => {
            let known = facts.files.get(path).cloned();
            known.unwrap_or_else(|| Fact::unknown(format!("{path} is not among the recorded facts.")))
        }
        Err(error) => error.fact(),
    };
    FactsPart::Files(paths.iter().map(|path| (path.clone(), answer(path))).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_is_no_record_by_its_size_is_not_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.json");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = load(&path).unwrap_err();
        assert!(error.message.contains("the file is larger than 64 MiB"), "{}", error.message);
    }
}
