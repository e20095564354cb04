//! `vmbuild check`: what the checks say of a spec on a host.

use super::args::{CheckArgs, Options};
use super::case::{Depth, Judged};
use super::exit::{Ended, Exit, Failure};
use super::out::Out;
use super::report;
use crate::case::Scope;
use serde_json::{Value, json};

/// Prints every finding; blockers are in the exit code.
pub fn run(args: &CheckArgs, options: &Options, out: &mut Out) -> Ended {
    let depth = Depth::of(args.spec.offline, Scope::default());
    let judged = match Judged::read(&args.spec.spec, depth, options, &args.give_up) {
        Err(failure) if out.is_json() && failure.body.details.get("problems").is_some() => {
            out.json(&unparsable(&failure))?;
            return Ok(failure.exit);
        }
        judged => judged?,
    };
    report::print(&judged.case.report, out)?;
    Ok(if judged.case.report.blockers().next().is_some() { Exit::Blocked } else { Exit::Done })
}

/// Problems of the text in the form of findings, each with its line and column beside.
fn unparsable(failure: &Failure) -> Value {
    let mut problems = failure.body.details.get("problems").cloned().unwrap_or_default();
    for problem in problems.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        problem.insert("code".into(), failure.body.code.as_str().into());
        problem.insert("severity".into(), "blocker".into());
    }
    json!({ "verdict": "blocked", "findings": problems, "passed": [] })
}
