//! What has to be known of a host for a case: whole parts, and by name what the spec leads to.

use super::Asked;
use crate::facts::{Facts, Part, Query};
use crate::machine::{self, Machine, profile, related};
use crate::spec::Spec;
use crate::units::PciAddress;
use std::collections::BTreeSet;

/// How much has to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// What decides the domain XML.
    Xml,
    /// Everything that a check looks at.
    #[default]
    All,
}

/// What an answer is for.
#[derive(Clone, Debug, Default)]
pub struct QueryScope {
    /// How much has to be known.
    pub depth: Depth,
    /// The domain of the host that the VM is compared with.
    pub beside: Option<String>,
    /// Functions whose details are looked at, whoever takes them.
    pub functions: BTreeSet<PciAddress>,
    /// Parts beyond those that the case needs.
    pub parts: Vec<Part>,
    /// A text is being typed: files and guest systems that it names so far may be half a name, and are not asked for.
    pub typing: bool,
}

impl QueryScope {
    /// For the domain XML alone.
    pub fn xml() -> Self {
        Self { depth: Depth::Xml, ..Self::default() }
    }
}

/// What has to be asked of the host for `spec` beyond what was `asked` already; from now on it was.
pub(super) fn queries(
    spec: &Spec,
    machine: &Machine,
    facts: &Facts,
    scope: &QueryScope,
    asked: &mut Asked,
) -> Vec<Query> {
    let mut needed: Vec<Query> = parts(spec, scope.depth).into_iter().map(Query::Part).collect();
    needed.extend(scope.parts.iter().copied().map(Query::Part));
    if !scope.typing {
        let mut files = machine::files(spec, machine, facts);
        files.extend(profile::media_to_look_at(spec, facts));
        needed.push(Query::Files(files));
        needed.push(Query::Profiles(profile::wanted(spec, facts)));
        needed.push(Query::GuestKinds([machine.kind()].into_iter().filter(|kind| facts.can_ask_about(kind)).collect()));
    }
    needed.extend(scope.beside.clone().map(Query::Definition));
    let mut functions = related::functions(spec, machine, facts);
    functions.extend(&scope.functions);
    needed.push(Query::Details(functions.into_iter().collect()));
    needed.into_iter().filter_map(|query| asked.first(query)).collect()
}

/// The parts that are read whole. Of the details of PCI functions, those are asked for by name that matter.
fn parts(spec: &Spec, depth: Depth) -> Vec<Part> {
    const ALWAYS: [Part; 6] = [Part::Host, Part::Cpus, Part::Pools, Part::Networks, Part::Pci, Part::Capabilities];
    if depth == Depth::All {
        // A host of which much is not known yet shows what it has in this order.
        return Part::ALL.into_iter().filter(|part| *part != Part::Files).collect();
    }
    // Which device is free, and which one the host can do without, decides the XML, too.
    let any = machine::selector::wants_any(spec);
    let pins = spec.cpu.as_ref().and_then(|cpu| cpu.pinning.as_ref()?.auto).unwrap_or(false);
    let passes = spec.pci_devices.as_ref().is_some_and(|rows| !rows.is_empty());
    let more = [
        (any || pins, Part::Domains),
        // The width of the IOMMU, the maker of the CPU.
        (passes || spec.cpu.is_some(), Part::Boot),
        (any, Part::Uses),
    ];
    ALWAYS.into_iter().chain(more.into_iter().filter(|(needed, _)| *needed).map(|(_, part)| part)).collect()
}
