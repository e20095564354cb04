//! `vmbuild xml`: the domain XML that would be defined.

use super::args::{GiveUp, GlobalOptions, SpecArgs};
use super::case::{CommandDepth, Judged};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::report;
use crate::case::QueryScope;
use crate::checks::Severity;
use crate::checks::error::XML_INVALID;
use crate::domain::Element;
use crate::engine::Rendered;
use serde_json::json;

/// Prints it whatever the findings: those that block go to standard error and into the exit code. The other domains are
/// read only where they decide the XML, so that of a VM that exists can be printed as well.
pub fn run(args: &SpecArgs, options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    let depth = CommandDepth::of(args.offline, QueryScope::xml());
    let Judged { case, .. } = Judged::read(&args.spec, depth, options, &GiveUp::default())?;
    sound(&case.preview)?;
    let xml = case.preview.text();
    if out.is_json() {
        out.json(&json!({ "verdict": report::verdict(&case.report), "findings": case.report.findings, "xml": xml }))?;
    } else {
        out.document(&xml)?;
        report::complain(&case.report, Severity::Blocker, out);
    }
    Ok(if case.report.blockers().next().is_some() { ExitStatus::Blocked } else { ExitStatus::Done })
}

/// The domain, if all of it could be written.
pub fn whole(rendered: &Rendered) -> Result<&Element, CommandFailure> {
    sound(rendered)?;
    Ok(rendered.document.xml().ok_or_else(|| anyhow::anyhow!("this engine writes no XML"))?)
}

/// Nothing, unless a value of the spec cannot be written.
pub fn sound(rendered: &Rendered) -> Result<(), CommandFailure> {
    let Some(fault) = &rendered.fault else { return Ok(()) };
    let failure = CommandFailure::new(ExitStatus::Blocked, XML_INVALID.code, fault.message.clone());
    Err(failure.detail("place", fault.place.to_string()))
}
