//! `vmbuild build`: a spec in, a VM out, or nothing at all.

use super::args::{BuildArgs, GlobalOptions};
use super::case::{CommandDepth, Judged, read};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::progress::Progress;
use super::source::came_by;
use super::{plan, report, signals};
use crate::build::{Order, run as run_plan};
use crate::case::Case;
use crate::checks::Severity;
use crate::checks::error::{BUILD_CANCELLED, BUILD_OPEN, BUILD_RUNNING, BUILD_UNRECORDED};
use crate::journal::Builds;
use crate::plan::{BuildEvent, BuildResult, Created, Plan, Refused};
use crate::store::Folders;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;

/// Reads, judges, asks where there is somebody to ask, builds.
pub fn run(args: &BuildArgs, options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    if let Some(facts) = &options.facts {
        return Err(CommandFailure::usage(format!(
            "{} is a record, not a host; nothing can be built on it",
            facts.display()
        ))
        .remedy("Leave --facts out, or use: vmbuild plan"));
    }
    let input = read(&args.spec, options)?.starting(args.start);
    let Judged { source, case, allowed, .. } = Judged::of(input, CommandDepth::Build, options, &args.give_up)?;
    plan::of(&case, out)?;
    if !out.is_json() {
        report::warn(&case.report, out);
    }
    if !args.yes && case.report.count(Severity::Warning) > 0 && !accepted(&args.spec, out)? {
        return Err(CommandFailure::new(ExitStatus::Cancelled, BUILD_CANCELLED.code, "cancelled; nothing was changed"));
    }
    let source = source.ok_or_else(|| CommandFailure::usage("a build needs a host"))?;
    let Case { stack, machine, plan, .. } = case;
    let ssh = came_by(&source);
    let builds = Folders::of_user().ok().as_ref().map(Builds::new);
    let order = Order { plan, spec: stack.spec, allowed, source, builds, ssh };
    let events = follow(&order, out)?;
    match events.last() {
        Some(BuildEvent::Ended { outcome: BuildResult::Built { uuid, state }, .. }) => {
            let vm = events.iter().find_map(|event| match event {
                BuildEvent::Described { vm } => Some(vm.as_ref()),
                _ => None,
            });
            Ok(built(&Created::new(&machine, uuid, state, vm), out))
        }
        _ => Err(failure(&order.plan, &events)),
    }
}

/// Warnings are worth a question, but only to somebody who can answer it.
fn accepted(spec: &Path, out: &mut Out) -> Result<bool, CommandFailure> {
    let asked = io::stdin().is_terminal() && io::stderr().is_terminal() && !out.is_json() && spec.as_os_str() != "-";
    if !asked {
        return Ok(true);
    }
    out.ask("Build in spite of the warnings? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Runs the order on a thread of its own and prints its events. Output that nobody reads any more never stops a build.
fn follow(order: &Order, out: &mut Out) -> Result<Vec<BuildEvent>, CommandFailure> {
    let cancel = signals::cancel_flag().map_err(|error| anyhow::anyhow!("cannot catch signals: {error}"))?;
    let mut progress = Progress::new(&order.plan);
    let mut told = Vec::new();
    let mut readable = true;
    let (sender, events) = channel();
    thread::scope(|scope| {
        let build = move || run_plan(order, &mut |event| drop(sender.send(event)), &cancel);
        thread::Builder::new().name("build".into()).spawn_scoped(scope, build)?;
        for event in events {
            if readable {
                readable = print(&event, &mut progress, out).is_ok();
            }
            if !matches!(event, BuildEvent::Progress { .. }) {
                told.push(event);
            }
        }
        Ok::<_, io::Error>(())
    })
    .map_err(|error| anyhow::anyhow!("no thread for the build: {error}"))?;
    Ok(told)
}

fn print(event: &BuildEvent, progress: &mut Progress, out: &mut Out) -> io::Result<()> {
    if out.is_json() { out.json_line(event) } else { progress.event(event, out) }
}

/// The last word of a build that worked. The VM is there, whoever reads of it.
fn built(vm: &Created, out: &mut Out) -> ExitStatus {
    let _ = if out.is_json() {
        out.json_line(vm)
    } else {
        let client = vm.looking_glass.as_ref().and_then(|memory| memory["client"].as_str());
        let client = client.map_or_else(String::new, |client| format!("\nLooking Glass: {client}"));
        out.line(&format!("Built {}: {}, UUID {}{client}", vm.name, vm.state, vm.uuid))
    };
    ExitStatus::Done
}

/// The code of what stands in the way, where that came up after the review.
fn blocked(events: &[BuildEvent]) -> Option<&str> {
    events.iter().find_map(|event| match event {
        BuildEvent::Blocked { code, .. } => Some(code.as_str()),
        _ => None,
    })
}

/// How a build that did not work ends.
fn failure(plan: &Plan, events: &[BuildEvent]) -> CommandFailure {
    let (exit, remedy) = match events.last() {
        Some(BuildEvent::Ended { outcome: BuildResult::Undone { .. }, .. }) => match blocked(events) {
            None => (ExitStatus::Undone, "Everything that this build made was undone."),
            Some(code) if code == BUILD_UNRECORDED.code => (ExitStatus::Unexpected, ""),
            Some(code) if code == BUILD_RUNNING.code || code == BUILD_OPEN.code => (ExitStatus::Blocked, ""),
            Some(_) => (ExitStatus::Blocked, "Nothing of this build is left; correct what the checks find."),
        },
        Some(BuildEvent::Ended { outcome: BuildResult::NotFullyUndone { .. }, .. }) => {
            (ExitStatus::NotUndone, "What is left is listed above, with the command that removes it.")
        }
        Some(BuildEvent::Ended { outcome: BuildResult::Unverified { .. }, .. }) => {
            (ExitStatus::NotUndone, "The VM was left as it is; the commands that remove it are listed above.")
        }
        Some(BuildEvent::Ended { outcome: BuildResult::Cancelled, .. }) => {
            (ExitStatus::Cancelled, "Everything that this build made was undone.")
        }
        _ => {
            return anyhow::anyhow!("the build ended without a result; virsh list --all shows which domains exist")
                .into();
        }
    };
    match Refused::by_events(plan, events) {
        Some(body) => CommandFailure { exit, ..body.into() }.remedy(remedy),
        None => CommandFailure::silent(exit),
    }
}
