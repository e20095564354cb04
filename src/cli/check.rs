//! `vmbuild check`: what the checks say of a spec on a host.

use super::args::{CheckArgs, GlobalOptions};
use super::case::{CommandDepth, Judged};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::report;
use crate::case::QueryScope;
use serde_json::{Value, json};

/// Prints every finding; blockers are in the exit code.
pub fn run(args: &CheckArgs, options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    let depth = CommandDepth::of(args.spec.offline, QueryScope::default());
    let judged = match Judged::read(&args.spec.spec, depth, options, &args.give_up) {
        Err(failure) if out.is_json() && failure.body.details.get("problems").is_some() => {
            out.json(&unparsable(&failure))?;
            return Ok(failure.exit);
        }
        judged => judged?,
    };
    report::print(&judged.case.report, out)?;
    Ok(if judged.case.report.blockers().next().is_some() { ExitStatus::Blocked } else { ExitStatus::Done })
}

/// Problems of the text in the form of findings, each with its line and column beside.
fn unparsable(failure: &CommandFailure) -> Value {
    let mut problems = failure.body.details.get("problems").cloned().unwrap_or_default();
    for problem in problems.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        problem.insert("code".into(), failure.body.code.as_str().into());
        problem.insert("severity".into(), "blocker".into());
    }
    json!({ "verdict": "blocked", "findings": problems, "passed": [] })
}
