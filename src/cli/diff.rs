//! `vmbuild diff`: the domain XML of a spec beside a domain that is defined, a preset or template, or a file.

use super::args::{Beside, DiffArgs, GiveUp, GlobalOptions};
use super::case::{CommandDepth, Judged, read, read_xml};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::store::{folders, refused, sentence};
use super::tone::Tone;
use super::{report, xml};
use crate::app::StepId;
use crate::app::xml::{self as lines, DiffLine, Mark};
use crate::case::{QueryScope, preview};
use crate::checks::{Severity, template_check};
use crate::domain::{Comparison, Detail, Element, compare, parse};
use crate::facts::Fact;
use crate::spec::{Layer, Origin, Spec, StackError, stack};
use crate::store::{Templates, presets};
use serde_json::json;
use std::io;
use std::path::Path;

/// Lines that are shown before and behind what differs.
const CONTEXT: usize = 3;
/// As many fields are named for each part that differs.
const NAMED: usize = 4;

/// The other side of the comparison.
struct Other {
    name: String,
    tree: Element,
    detail: Detail,
}

/// Prints what differs; [`ExitStatus::Differs`] where something does.
pub fn run(args: &DiffArgs, options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    let input = read(&args.spec.spec, options)?;
    let beside = match &args.with {
        None => input.spec().name.clone(),
        Some(Beside::Domain(name)) => Some(name.clone()),
        Some(_) => None,
    };
    let depth = CommandDepth::of(args.spec.offline, QueryScope { beside, ..QueryScope::xml() });
    let judged = Judged::of(input, depth, options, &GiveUp::default())?;
    let ours = xml::whole(&judged.case.preview)?;
    let other = other(args, &judged)?;
    let detail = if args.all { Detail::Everything } else { other.detail };
    let comparison = compare(ours, &other.tree, detail);
    let diff = lines::difference(&lines::lines(&comparison.theirs), &lines::lines(ours));
    let same = diff.iter().all(|line| line.mark == Mark::Same);
    if out.is_json() {
        let differences = &comparison.changes;
        out.json(
            &json!({ "with": other.name, "same": same, "differences": differences, "left_out": comparison.left_out() }),
        )?;
    } else {
        print(args, &other.name, &diff, &comparison, out)?;
        report::complain(&judged.case.report, Severity::Blocker, out);
    }
    Ok(if same { ExitStatus::Done } else { ExitStatus::Differs })
}

fn other(args: &DiffArgs, judged: &Judged) -> Result<Other, CommandFailure> {
    let of_layer = |name: String, spec: &Spec| {
        let tree = xml::whole(&preview(spec, &judged.facts))?.clone();
        Ok(Other { name, tree, detail: Detail::Everything })
    };
    let own = &judged.case.machine.name;
    match &args.with {
        None if own.is_empty() => Err(CommandFailure::usage("the spec has no name, so no domain has the same name")
            .remedy("Name the other side: --with domain:NAME, preset:NAME, template:NAME or a file.")),
        None => of_domain(own, judged),
        Some(Beside::Domain(name)) => of_domain(name, judged),
        Some(Beside::Preset(name)) => {
            let loaded = presets(&folders()?).load(name).map_err(|error| refused(&error))?;
            of_layer(format!("preset {name}"), &loaded.spec)
        }
        Some(Beside::Template(name)) => {
            let templates = Templates::new(&folders()?);
            let named = Spec { template: Some(name.clone()), ..Spec::default() };
            let layer = Layer { origin: Origin::User, spec: named };
            let stacked = stack(&[layer], &|name| templates.find(name));
            stacked.error.as_ref().map_or(Ok(()), |error| Err(broken(error)))?;
            of_layer(format!("template {name}"), &stacked.spec)
        }
        Some(Beside::File(path)) => of_file(path),
    }
}

/// A template that was named on the command line and is not there is a wrong command line.
fn broken(error: &StackError) -> CommandFailure {
    let exit = match error {
        StackError::Missing { named_by: None, .. } => ExitStatus::Usage,
        _ => ExitStatus::Blocked,
    };
    CommandFailure::new(exit, template_check(error).code, error.to_string()).remedy(sentence(&error.remedy()))
}

fn of_domain(name: &str, judged: &Judged) -> Result<Other, CommandFailure> {
    if judged.source.is_none() {
        return Err(CommandFailure::usage(format!(
            "domain {name} is read from libvirt, but --offline reads from no host"
        ))
        .remedy("Leave out --offline, or name a file with the XML: --with FILE."));
    }
    let unknown = Fact::default();
    match judged.facts.definitions.get(name).unwrap_or(&unknown) {
        Fact::Known { value, .. } => of_text(format!("domain {name}"), value),
        unknown => {
            let why = unknown.why_not().unwrap_or_default();
            let remedy = "Name another side: --with domain:NAME, preset:NAME, template:NAME or a file.";
            Err(CommandFailure::new(ExitStatus::Usage, "DOMAIN-MISSING", why).remedy(remedy))
        }
    }
}

fn of_file(path: &Path) -> Result<Other, CommandFailure> {
    of_text(path.display().to_string(), &read_xml(path)?)
}

fn of_text(name: String, text: &str) -> Result<Other, CommandFailure> {
    let tree =
        parse(text).map_err(|error| CommandFailure::usage(format!("the XML of {name} cannot be read: {error}")))?;
    if tree.name != "domain" {
        return Err(CommandFailure::usage(format!("the XML of {name} is a <{}>, not a <domain>", tree.name)));
    }
    Ok(Other { name, tree, detail: Detail::Meaning })
}

fn print(args: &DiffArgs, name: &str, diff: &[DiffLine], comparison: &Comparison, out: &mut Out) -> io::Result<()> {
    let shown = shown(diff);
    if !shown.is_empty() {
        out.row(&[(Tone::Strong, &format!("--- {name}"))])?;
        out.row(&[(Tone::Strong, &format!("+++ {}", args.spec.spec.display()))])?;
    }
    for (first, last) in shown {
        let hunk = diff.get(first..last).unwrap_or_default();
        let number = hunk.first().map_or(0, |line| line.number);
        out.row(&[(Tone::Muted, &format!("@@ line {number}: {} @@", made_by(hunk, name)))])?;
        for line in hunk {
            let (sign, tone) = match line.mark {
                Mark::Same => (" ", Tone::Plain),
                Mark::Removed => ("-", Tone::Bad),
                Mark::Added | Mark::Changed => ("+", Tone::Good),
            };
            out.row(&[(tone, &format!("{sign}{}", line.line.text))])?;
        }
    }
    let left_out = comparison.left_out();
    if !args.all && !left_out.is_empty() {
        out.complain(&[(Tone::Muted, &format!("Left out, --all shows it: {left_out}."))]);
    }
    Ok(())
}

/// The parts of a difference that are shown: what differs with the lines around it.
fn shown(diff: &[DiffLine]) -> Vec<(usize, usize)> {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for (at, _) in diff.iter().enumerate().filter(|(_, line)| line.mark != Mark::Same) {
        let (first, last) = (at.saturating_sub(CONTEXT), (at + CONTEXT + 1).min(diff.len()));
        match parts.last_mut() {
            Some(part) if first <= part.1 => part.1 = last,
            _ => parts.push((first, last)),
        }
    }
    parts
}

/// The fields and steps that made what differs, the first ones; or which side has it.
fn made_by(hunk: &[DiffLine], name: &str) -> String {
    let mut fields: Vec<String> = Vec::new();
    for place in hunk.iter().filter(|line| line.mark != Mark::Same).filter_map(|line| line.line.origin.as_ref()) {
        let step = StepId::of(place);
        let words = format!("{place} ({} {})", step.number(), step.title());
        if !fields.contains(&words) {
            fields.push(words);
        }
    }
    let more = fields.len().saturating_sub(NAMED);
    fields.truncate(NAMED);
    match (fields.is_empty(), more) {
        (true, _) if hunk.iter().any(|line| line.mark == Mark::Removed) => format!("only in {name}"),
        (true, _) => "always there".to_owned(),
        (false, 0) => fields.join(", "),
        (false, more) => format!("{} and {more} more", fields.join(", ")),
    }
}
