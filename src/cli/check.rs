//! `vmbuild check`: what the checks say of a spec on a host.

use super::args::{CheckArgs, Options};
use super::case::{Case, Depth};
use super::exit::{Ended, Exit, Failure};
use super::out::Out;
use super::report;
use serde_json::{Value, json};

/// Prints every finding; blockers are in the exit code.
pub fn run(args: &CheckArgs, options: &Options, out: &mut Out) -> Ended {
    let depth = if args.spec.offline { Depth::Offline } else { Depth::All };
    let case = match Case::read(&args.spec.spec, depth, options, &args.give_up) {
        Err(failure) if out.is_json() && failure.body.details.get("problems").is_some() => {
            out.json(&unparsable(&failure))?;
            return Ok(failure.exit);
        }
        case => case?,
    };
    report::print(&case.report, out)?;
    Ok(if case.report.blockers().next().is_some() { Exit::Blocked } else { Exit::Done })
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
