//! One spec on one host: read, laid over its presets and template, observed, resolved, judged.

use super::args::{GiveUp, Options};
use super::exit::{Exit, Failure};
use super::observe::Observed;
use super::shelves::{folders, refused};
use super::target::target;
use crate::checks::error::SPEC_INVALID;
use crate::checks::{self, Allowed, Report};
use crate::facts::{Facts, FactsPart, Part};
use crate::host::Target;
use crate::machine::{self, Machine};
use crate::spec::{Described, Layer, Origin, Problems, Spec, Stacked, stack};
use crate::store::{Templates, presets};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No spec is longer; a wrong path may name a disk image.
const LONGEST: u64 = 16 << 20;

/// All that the commands about a spec work on.
pub struct Case {
    /// The host; `None` offline.
    pub target: Option<Target>,
    /// The spec with its presets and template beneath it.
    pub spec: Spec,
    /// What is known of the host.
    pub facts: Facts,
    /// What would be built.
    pub machine: Machine,
    /// What the checks say.
    pub report: Report,
    /// What is given up of what the host stands on.
    pub allowed: Allowed,
}

/// How much a command must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Nothing of the host.
    Offline,
    /// What decides the domain XML.
    Xml,
    /// Everything that a check looks at.
    All,
    /// The same, and libvirt must have answered for it.
    Build,
}

impl Depth {
    fn parts_for(self, spec: &Spec) -> Vec<Part> {
        let mut parts = self.parts().to_vec();
        // Which device is free, and which one the host can do without, decides the XML, too.
        if machine::selector::wants_any(spec) && !parts.is_empty() {
            let needed = [Part::Domains, Part::Uses, Part::Details];
            parts.extend(needed.into_iter().filter(|part| !self.parts().contains(part)));
        }
        parts
    }

    fn parts(self) -> &'static [Part] {
        match self {
            Self::Offline => &[],
            Self::Xml => &[Part::Host, Part::Cpus, Part::Pools, Part::Networks, Part::Pci, Part::Capabilities],
            Self::All | Self::Build => {
                const PARTS: [Part; 11] = [
                    Part::Host,
                    Part::Cpus,
                    Part::Pools,
                    Part::Networks,
                    Part::Domains,
                    Part::Pci,
                    Part::Boot,
                    Part::Uses,
                    Part::Roms,
                    Part::Details,
                    Part::Capabilities,
                ];
                &PARTS
            }
        }
    }
}

impl Case {
    /// Reads the spec at `path` (`-` for standard input) and judges it as far as `depth` allows.
    pub fn read(path: &Path, depth: Depth, options: &Options, give_up: &GiveUp) -> Result<Self, Failure> {
        let allowed: Allowed = give_up.give_up.iter().copied().collect();
        let stacked = whole(path, options)?;
        if depth == Depth::Offline {
            let mut facts = Facts::default();
            for part in Part::ALL {
                facts.absorb(FactsPart::unknown(part, "no host was asked"));
            }
            return Self::judged(stacked, facts, None, allowed);
        }
        let target = target(options)?;
        let mut observed = Observed::of(target.clone(), &depth.parts_for(&stacked.spec));
        observed.look_around(&stacked.spec);
        // A recorded tree answers for PCI and the machine; what libvirt would add is unknown, not an error.
        let facts =
            if options.sysroot.is_some() && depth != Depth::Build { observed.facts } else { observed.required()? };
        Self::judged(stacked, facts, Some(target), allowed)
    }

    fn judged(mut stacked: Stacked, facts: Facts, target: Option<Target>, allowed: Allowed) -> Result<Self, Failure> {
        stacked.spec = machine::resolve(&stacked.spec, &facts);
        let machine = machine::machine(&stacked.spec, &facts);
        let report = checks::report_of_stack(&stacked, &facts, &machine, &allowed);
        if let Some(address) = allowed.without_finding(&report.findings).next() {
            let message =
                format!("--give-up {address}: no finding says that the host stands on it and the VM takes it");
            return Err(Failure::usage(message).remedy("Leave it out; vmbuild check shows what stands in the way."));
        }
        Ok(Self { target, spec: stacked.spec, facts, machine, report, allowed })
    }
}

/// The spec at `path` laid over its presets and its template.
fn whole(path: &Path, options: &Options) -> Result<Stacked, Failure> {
    let spec = read_described(path)?.spec;
    if options.presets.is_empty() && spec.template.is_none() {
        return Ok(spec.into());
    }
    let folders = folders()?;
    let mut layers = presets::layers(&presets::presets(&folders), &options.presets).map_err(|error| refused(&error))?;
    layers.push(Layer { origin: Origin::File(path.display().to_string()), spec });
    let templates = Templates::new(&folders);
    Ok(stack(&layers, &|name| templates.find(name)))
}

/// The spec at `path` alone, or the content of a preset file.
pub fn read_described(path: &Path) -> Result<Described, Failure> {
    let name = if is_stdin(path) { "standard input".into() } else { path.display().to_string() };
    let text = text(path).map_err(|error| {
        Failure::usage(format!("the spec {name} cannot be read: {}", reason(&error)))
            .remedy("Name a file with a spec in JSON, or - for standard input.")
    })?;
    Described::parse(&text).map_err(|problems| unparsable(&name, &problems))
}

/// The text of the XML file at `path`.
pub fn read_xml(path: &Path) -> Result<String, Failure> {
    text(path).map_err(|error| {
        Failure::usage(format!("the XML {} cannot be read: {}", path.display(), reason(&error)))
            .remedy("Name a file with domain XML, or a domain as domain:NAME.")
    })
}

/// The error without its number, which says nothing to people.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    if is_stdin(path) {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 16 MiB, which no spec is"));
    }
    String::from_utf8(bytes).map_err(|error| {
        io::Error::other(format!("it is no text in UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
    })
}

/// A spec that does not parse blocks like a finding; people see a line per problem, programs find them in the details.
fn unparsable(name: &str, problems: &Problems) -> Failure {
    let first = problems.0.first().map(|problem| problem.in_file(name).to_string()).unwrap_or_default();
    let more = problems.0.len().saturating_sub(1);
    let error = if more == 0 { first } else { format!("{first} (and {more} more)") };
    let list = serde_json::to_value(problems).unwrap_or_default();
    Failure::new(Exit::Blocked, SPEC_INVALID.code, error)
        .detail("problems", list)
        .spoken(problems.in_file(name).to_string())
}
