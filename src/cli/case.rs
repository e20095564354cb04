//! One spec on one host: read, observed, judged.

use super::args::{GiveUp, GlobalOptions};
use super::exit::{CommandFailure, ExitStatus};
use super::source::source;
use super::store::{folders, left, refused};
use super::survey::Survey;
use crate::case::{self, Case, CaseInput, QueryScope};
use crate::checks::Allowed;
use crate::checks::error::SPEC_INVALID;
use crate::facts::{Facts, FactsPart, Part};
use crate::host::Source;
use crate::spec::{Described, Layer, Origin, Problems, Template};
use crate::store::{Templates, presets};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No spec is longer; a wrong path may name a disk image.
const LONGEST: u64 = 16 << 20;

/// All that the commands about a spec work on.
pub struct Judged {
    /// The host; `None` offline.
    pub source: Option<Source>,
    /// What is known of the host.
    pub facts: Facts,
    /// The spec with all that follows.
    pub case: Case,
    /// What is given up of what the host stands on.
    pub allowed: Allowed,
}

/// How much a command must know.
#[derive(Clone, Debug)]
pub enum CommandDepth {
    /// Nothing of the host.
    Offline,
    /// What the scope says.
    Of(QueryScope),
    /// Everything, and libvirt must have answered for it.
    Build,
}

impl CommandDepth {
    /// Nothing where `offline` is asked for, else what the scope says.
    pub fn of(offline: bool, scope: QueryScope) -> Self {
        if offline { Self::Offline } else { Self::Of(scope) }
    }
}

impl Judged {
    /// Reads the spec at `path` (`-` for standard input) and judges it as far as `depth` allows.
    pub fn read(
        path: &Path,
        depth: CommandDepth,
        options: &GlobalOptions,
        give_up: &GiveUp,
    ) -> Result<Self, CommandFailure> {
        Self::of(read(path, options)?, depth, options, give_up)
    }

    /// Judges what was read as far as `depth` allows.
    pub fn of(
        input: CaseInput,
        depth: CommandDepth,
        options: &GlobalOptions,
        give_up: &GiveUp,
    ) -> Result<Self, CommandFailure> {
        let allowed: Allowed = give_up.give_up.iter().cloned().collect();
        let input = input.allowing(&allowed);
        let build = matches!(depth, CommandDepth::Build);
        let scope = match depth {
            CommandDepth::Offline => return Self::offline(&input, allowed).checked(),
            CommandDepth::Of(scope) => scope,
            CommandDepth::Build => QueryScope::default(),
        };
        let source = source(options)?;
        let input = input.beside(&left(&source));
        let required = build || source.needs_libvirt();
        let (mut survey, mut facts) = (Survey::of(source.clone()), Facts::default());
        let case = case::complete(&input, &mut facts, &scope, |queries| match survey.unreachable {
            // It would be waited for again.
            Some(_) if required => Vec::new(),
            _ => survey.ask(queries),
        });
        if required {
            survey.required()?;
        }
        Self { source: Some(source), facts, case, allowed }.checked()
    }

    fn offline(input: &CaseInput, allowed: Allowed) -> Self {
        let mut facts = Facts::default();
        for part in Part::ALL {
            facts.absorb(FactsPart::unknown(part, "no host was asked"));
        }
        let case = case::judge(input, &facts);
        Self { source: None, facts, case, allowed }
    }

    /// The same, unless something is given up that nobody asked for.
    fn checked(self) -> Result<Self, CommandFailure> {
        let Some(device) = self.allowed.without_finding(&self.case.report.findings).next() else { return Ok(self) };
        let message = format!("--give-up {device}: no finding reports that the VM takes it and the host uses it");
        Err(CommandFailure::usage(message).remedy("Leave it out; vmbuild check shows what blocks the build."))
    }
}

/// The spec at `path` over its presets and its template.
pub fn read(path: &Path, options: &GlobalOptions) -> Result<CaseInput, CommandFailure> {
    let spec = read_described(path)?.spec;
    let alone = options.presets.is_empty() && spec.template.is_none();
    let of_file = Layer { origin: Origin::File(path.display().to_string()), spec };
    // A user without a home can still check.
    if alone {
        return Ok(CaseInput::of(&[of_file], &|_| Template::Pending));
    }
    let folders = folders()?;
    let mut layers = presets::layers(&presets::presets(&folders), &options.presets).map_err(|error| refused(&error))?;
    layers.push(of_file);
    let templates = Templates::new(&folders);
    Ok(CaseInput::of(&layers, &|name| templates.find(name)))
}

/// The spec at `path` alone, or the content of a preset file.
pub fn read_described(path: &Path) -> Result<Described, CommandFailure> {
    let name = if is_stdin(path) { "standard input".into() } else { path.display().to_string() };
    let text = text(path).map_err(|error| {
        CommandFailure::usage(format!("the spec {name} cannot be read: {}", reason(&error)))
            .remedy("Name a file with a spec in JSON, or - for standard input.")
    })?;
    Described::parse(&text).map_err(|problems| unparsable(&name, &problems))
}

/// The text of the XML file at `path`.
pub fn read_xml(path: &Path) -> Result<String, CommandFailure> {
    text(path).map_err(|error| {
        CommandFailure::usage(format!("the XML {} cannot be read: {}", path.display(), reason(&error)))
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
        return Err(io::Error::other("it is longer than 16 MiB, too long for a spec"));
    }
    String::from_utf8(bytes).map_err(|error| {
        io::Error::other(format!("it is not UTF-8 text from byte {} on", error.utf8_error().valid_up_to()))
    })
}

/// A spec that does not parse blocks like a finding; people see a line per problem, programs find them in the details.
fn unparsable(name: &str, problems: &Problems) -> CommandFailure {
    let first = problems.0.first().map(|problem| problem.in_file(name).to_string()).unwrap_or_default();
    let more = problems.0.len().saturating_sub(1);
    let error = if more == 0 { first } else { format!("{first} (and {more} more)") };
    let list = serde_json::to_value(problems).unwrap_or_default();
    CommandFailure::new(ExitStatus::Blocked, SPEC_INVALID.code, error)
        .detail("problems", list)
        .spoken(problems.in_file(name).to_string())
}
