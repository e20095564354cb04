//! `vmbuild export`: the command line of another tool that makes the same VM.

use super::args::{ExportArgs, ExportTool, GiveUp, GlobalOptions};
use super::case::{CommandDepth, Judged, read};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::{report, xml};
use crate::case::QueryScope;
use crate::checks::{Accepted, Severity};
use crate::engine::Engine;
use crate::engine::virt_install::VirtInstall;
use crate::plan::Refused;
use crate::spec::{Place, field};
use serde_json::json;

/// Prints the command if nothing forbids it, for a part of it would make another VM. The other domains are not looked at, so
/// that a VM that exists can be exported as well.
pub fn run(args: &ExportArgs, options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    let engine: &'static dyn Engine = match args.to {
        ExportTool::VirtInstall => &VirtInstall,
    };
    let input = read(&args.spec.spec, options)?.on(engine, accepted(&args.accept_loss)?);
    let depth = CommandDepth::of(args.spec.offline, QueryScope::xml());
    let Judged { case, .. } = Judged::of(input, depth, options, &GiveUp::default())?;
    if let Some(refused) = Refused::by_findings(&case.report) {
        if !out.is_json() {
            report::complain(&case.report, Severity::Blocker, out);
            return Err(CommandFailure { spoken: "Nothing was printed.".into(), ..refused.into() });
        }
        return Err(refused.into());
    }
    xml::sound(&case.preview)?;
    if out.is_json() {
        out.json(&json!({ "verdict": report::verdict(&case.report), "findings": case.report.findings, "argv": case.preview.document.command() }))?;
    } else {
        out.document(&case.preview.text())?;
        report::complain(&case.report, Severity::Warning, out);
    }
    Ok(ExitStatus::Done)
}

/// The fields that are typed out.
fn accepted(fields: &[String]) -> Result<Accepted, CommandFailure> {
    if fields.iter().any(|field| field == "all") {
        return Ok(Accepted::EVERYTHING);
    }
    let read = |field: &String| {
        field.parse::<Place>().ok().filter(|place| field::at(place).is_some()).ok_or_else(|| {
            CommandFailure::usage(format!("--accept-loss {field}: this is not a field of a spec"))
                .remedy("Name a field as findings do, such as cloud_init or storage.disks[0].clone_from.")
        })
    };
    fields.iter().map(read).collect()
}
