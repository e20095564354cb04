//! The headless commands over the same core: arguments in, text or JSON and an exit code out.

pub mod args;
pub mod build;
pub mod builds;
pub mod case;
pub mod check;
pub mod diff;
pub mod exit;
pub mod explain;
pub mod export;
pub mod facts;
pub mod isos;
pub mod log;
pub mod out;
pub mod pci;
pub mod plan;
pub mod pools;
pub mod progress;
pub mod recover;
pub mod report;
pub mod schema;
pub mod shelves;
pub mod signals;
pub mod source;
pub mod store;
pub mod survey;
pub mod table;
pub mod take;
pub mod tone;
pub mod wizard;
mod wrap;
pub mod xml;

use crate::facts::{Facts, Part};
use crate::host::Source;
use crate::units::{PciAddress, UnitError};
use args::{Arguments, CliCommand, GlobalOptions};
use clap::Parser;
use exit::{CommandEnd, CommandFailure, ExitStatus};
use out::Out;
use std::io;
use std::process::ExitCode;
use survey::Survey;
use tone::Tone;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            out::clap_text(&error);
            return if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done }.into();
        }
    };
    let mut out = Out::new(&arguments.options);
    let exit = run(arguments, &mut out).unwrap_or_else(|failure| tell(&failure, &mut out));
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => tell(&error.into(), &mut out).into(),
        _ => exit.into(),
    }
}

fn run(arguments: Arguments, out: &mut Out) -> CommandEnd {
    let Arguments { options, command } = arguments;
    if let Some(file) = &options.log {
        log::start(file)?;
    }
    let Some(command) = command else { return wizard::run(&options, out) };
    match command {
        CliCommand::Schema => schema::run(out)?,
        CliCommand::Builds { command } => builds::run(command, out)?,
        CliCommand::Recover(args) => return recover::run(&args, &options, out),
        CliCommand::Facts => facts::print(&known(&options, &[&Part::ALL[..], &[Part::Details]].concat())?, out)?,
        CliCommand::Pci { take } if !take.is_empty() => return taken(&take, &options, out),
        CliCommand::Pci { .. } => pci::print(&known(&options, &[Part::Pci])?, out)?,
        CliCommand::Doctor => {
            let left = store::left(&source::source(&options)?);
            return Ok(take::doctor(&judged(&options)?, &left, out)?);
        }
        CliCommand::Pools => pools::print(&known(&options, &[Part::Pools])?, out)?,
        CliCommand::Isos => isos::run(&options, out)?,
        CliCommand::Preset(command) => shelves::preset(command, &options, out)?,
        CliCommand::Template(command) => shelves::template(command, &options, out)?,
        CliCommand::Explain { markdown: true, .. } => out.document(&explain::markdown())?,
        CliCommand::Explain { code, .. } => explain::run(code.as_deref(), out)?,
        CliCommand::Check(args) => return check::run(&args, &options, out),
        CliCommand::Build(args) => return build::run(&args, &options, out),
        CliCommand::Plan(args) => return plan::run(&args, &options, out),
        CliCommand::Xml(args) => return xml::run(&args, &options, out),
        CliCommand::Export(args) => return export::run(&args, &options, out),
        CliCommand::Diff(args) => return diff::run(&args, &options, out),
    }
    Ok(ExitStatus::Done)
}

/// What the judgement of cards rests on: the host, then what libvirt says.
const JUDGED: [Part; 8] =
    [Part::Host, Part::Pci, Part::Boot, Part::Uses, Part::Details, Part::Pools, Part::Domains, Part::Capabilities];

/// What the judgement of cards rests on at the host that the options mean; of a recorded tree alone, what its files tell.
fn judged(options: &GlobalOptions) -> Result<Facts, CommandFailure> {
    let source = source::source(options)?;
    let parts = if matches!(source, Source::Tree(_)) { &JUDGED[..5] } else { &JUDGED };
    facts_of(source, parts)
}

fn taken(addresses: &[String], options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    let parsed =
        addresses.iter().map(|text| text.parse().map_err(|error: UnitError| CommandFailure::usage(error.to_string())));
    let parsed = parsed.collect::<Result<Vec<PciAddress>, CommandFailure>>()?;
    Ok(take::take(&judged(options)?, &parsed, out)?)
}

/// `parts` of the host that the options mean.
fn known(options: &GlobalOptions, parts: &[Part]) -> Result<Facts, CommandFailure> {
    facts_of(source::source(options)?, parts)
}

fn facts_of(source: Source, parts: &[Part]) -> Result<Facts, CommandFailure> {
    let required = source.needs_libvirt();
    let mut survey = Survey::of(source);
    let mut facts = survey.facts(parts.iter().copied());
    if parts.contains(&Part::Files) {
        survey.look_into_media(&mut facts);
    }
    if required {
        survey.required()?;
    }
    Ok(facts)
}

/// Says why a command failed, to those who asked: people on standard error, programs on standard output.
fn tell(failure: &CommandFailure, out: &mut Out) -> ExitStatus {
    if failure.silent {
        return failure.exit;
    }
    if out.is_json() {
        // A reader that closed the pipe learns of the failure by the exit code.
        let _ = out.json_line(&failure.body);
    } else {
        let (name, text) = match failure.spoken.as_str() {
            "" => ("vmbuild: ", failure.body.error.as_str()),
            spoken => ("", spoken),
        };
        out.complain(&[(Tone::Bad, name), (Tone::Plain, text)]);
        if !failure.remedy.is_empty() {
            out.complain(&[(Tone::Plain, &failure.remedy)]);
        }
    }
    failure.exit
}
