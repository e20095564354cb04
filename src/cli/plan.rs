//! `vmbuild plan`: the steps of a build, none of them done.

use super::args::{GlobalOptions, PlanArgs};
use super::case::{CommandDepth, Judged, read};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::tone::Tone;
use super::{report, xml};
use crate::case::{Case, QueryScope};
use crate::checks::Severity;
use crate::engine::Step;
use crate::plan::{Plan, Refused};
use serde_json::{Value, json};
use std::io;

/// Prints the plan, if nothing forbids it.
pub fn run(args: &PlanArgs, options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    let depth = CommandDepth::of(args.spec.offline, QueryScope::default());
    let input = read(&args.spec.spec, options)?.starting(args.start);
    let Judged { case, .. } = Judged::of(input, depth, options, &args.give_up)?;
    let plan = of(&case, out)?;
    if out.is_json() {
        let findings = &case.report.findings;
        let steps: Vec<_> = plan.steps.iter().map(|step| described(plan, step)).collect();
        out.json(&json!({ "name": plan.name, "steps": steps, "findings": findings }))?;
    } else {
        report::warn(&case.report, out);
        print(plan, out)?;
    }
    Ok(ExitStatus::Done)
}

/// The plan of a case, or the findings that forbid it.
pub fn of<'a>(case: &'a Case, out: &mut Out) -> Result<&'a Plan, CommandFailure> {
    if let Some(refused) = Refused::by_findings(&case.report) {
        if out.is_json() {
            return Err(refused.into());
        }
        report::complain(&case.report, Severity::Warning, out);
        let counts = report::counts(&case.report);
        return Err(CommandFailure { spoken: format!("Nothing was changed: {counts}."), ..refused.into() });
    }
    xml::whole(&case.preview)?;
    Ok(&case.plan)
}

/// A step with what undoes it.
fn described(plan: &Plan, step: &Step) -> Value {
    let undo = plan.undo(step);
    let mut body = json!(step);
    body["undo"] = undo.as_ref().map(|undo| undo.words.clone()).into();
    body["by_hand"] = undo.map(|undo| undo.command.to_string()).into();
    body
}

fn print(plan: &Plan, out: &mut Out) -> io::Result<()> {
    out.spans(&[(Tone::Strong, &plan.name), (Tone::Muted, &format!("  {} steps", plan.steps.len()))])?;
    plan.to_string().lines().try_for_each(|line| out.line(line))
}
