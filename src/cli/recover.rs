//! `vmbuild recover`: an interrupted build is brought to its end, or all that it made is removed.

use super::args::{GlobalOptions, RecoverArgs};
use super::builds::{find, seen, state};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::progress::Progress;
use super::source::came_by;
use super::store::{folders, refused};
use super::survey::unreachable;
use super::{case, signals};
use crate::build::{RecoveryOrder, Unrecovered, recover};
use crate::journal::{BuildRecord, BuildState, Builds, RecoveryKind};
use crate::plan::{BuildEvent, BuildResult};
use crate::spec::{Spec, without_secrets};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal};
use std::sync::mpsc::channel;
use std::thread;

/// Finishes or takes back the build that is meant.
pub fn run(args: &RecoverArgs, options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    let builds = Builds::new(&folders()?);
    let named = args.id.as_deref().map(|id| find(&builds, id)).transpose()?;
    let Some(record) = named.map_or_else(|| only(&builds), |record| Ok(Some(record)))? else {
        out.line("No build is interrupted.")?;
        return Ok(ExitStatus::Done);
    };
    let kind = wanted(args, &record)?;
    let secrets = args.spec.as_deref().map(|path| secrets(path, &record, options)).transpose()?;
    if kind == RecoveryKind::Undo && !args.yes && !accepted(&record, out)? {
        return Err(CommandFailure::silent(ExitStatus::Cancelled));
    }
    let ssh = came_by(&record.opened().host.source());
    let order = RecoveryOrder { kind, likely: args.yes, secrets, ssh };
    let outcome = follow(&builds, &record, &order, out)?;
    Ok(end(&record, kind, &outcome, out))
}

/// The one build that was interrupted.
fn only(builds: &Builds) -> Result<Option<BuildRecord>, CommandFailure> {
    let all = builds.all().map_err(|error| refused(&error))?;
    let mut open: Vec<BuildRecord> = all.into_iter().flatten().filter(|record| record.state().is_open()).collect();
    let Some(record) = open.pop() else { return Ok(None) };
    if open.is_empty() {
        return Ok(Some(record));
    }
    let message = format!("{} builds are interrupted", open.len() + 1);
    Err(CommandFailure::usage(message).remedy("Name one by its ID; 'vmbuild builds --open' lists them."))
}

/// What is to be done, where that can be done with this build.
fn wanted(args: &RecoverArgs, record: &BuildRecord) -> Result<RecoveryKind, CommandFailure> {
    let (id, name) = (&record.opened().id, &record.opened().plan.name);
    let is = record.state();
    let fits = is.is_open() || (is == BuildState::Unverified && args.undo);
    if !fits {
        let message = format!("build {id} of {name} is {}", is.word());
        let remedy = match is {
            BuildState::Running => "Wait until it has ended.",
            _ => "There is nothing to finish or to take back.",
        };
        return Err(CommandFailure::usage(message).remedy(remedy));
    }
    match (args.resume, args.undo) {
        (true, _) => Ok(RecoveryKind::Resume),
        (_, true) => Ok(RecoveryKind::Undo),
        _ => {
            let message = format!("build {id} of {name} is {}", state(record));
            let remedy = format!(
                "Finish it with 'vmbuild recover {id} --resume', or take it back with --undo; 'vmbuild builds show {id}' \
                 lists what it made."
            );
            Err(CommandFailure::usage(message).remedy(remedy))
        }
    }
}

/// The spec with the secrets that the journal has not. It must be the one that was built from in all else that the seed
/// holds.
fn secrets(path: &std::path::Path, record: &BuildRecord, options: &GlobalOptions) -> Result<Spec, CommandFailure> {
    let spec = case::read(path, options)?.spec().clone();
    let bare = without_secrets(&spec).0;
    let recorded = &record.opened().spec;
    let same = bare.name == recorded.name && json!(bare.cloud_init) == json!(recorded.cloud_init);
    if same {
        return Ok(spec);
    }
    let message = format!("{} is not the spec that build {} began with", path.display(), record.opened().id);
    Err(CommandFailure::usage(message).remedy("Its name and cloud_init must be the same."))
}

/// What is there is shown on a terminal, and the answer is asked for.
fn accepted(record: &BuildRecord, out: &mut Out) -> Result<bool, CommandFailure> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) || out.is_json() {
        return Ok(true);
    }
    for seen in seen(record).unwrap_or_default() {
        out.line(&format!("  {}: {}", seen.thing, seen.now))?;
    }
    out.flush()?;
    out.ask(&format!("Remove what build {} of {} made? [y/N] ", record.opened().id, record.opened().plan.name));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn follow(
    builds: &Builds,
    record: &BuildRecord,
    order: &RecoveryOrder,
    out: &mut Out,
) -> Result<BuildResult, CommandFailure> {
    let cancel = signals::cancel_flag().map_err(|error| anyhow::anyhow!("cannot catch signals: {error}"))?;
    let mut progress = Progress::new(&record.opened().plan);
    let mut readable = true;
    let (sender, events) = channel::<BuildEvent>();
    let ended = thread::scope(|scope| {
        let work = move || recover(builds, record, order, &mut |event| drop(sender.send(event)), &cancel);
        let work = thread::Builder::new().name("recovery".into()).spawn_scoped(scope, work)?;
        for event in events {
            if readable {
                readable = if out.is_json() { out.json_line(&event) } else { progress.event(&event, out) }.is_ok();
            }
        }
        work.join().map_err(|_| io::Error::other("its thread ended without a result"))
    });
    let ended = ended.map_err(|error| anyhow::anyhow!("no thread for the recovery: {error}"))?;
    ended.map_err(|error| failure(&error, record))
}

fn failure(error: &Unrecovered, record: &BuildRecord) -> CommandFailure {
    let id = &record.opened().id;
    match error {
        Unrecovered::Busy => CommandFailure::usage(format!("another process works on build {id}")),
        Unrecovered::Store(error) => refused(error),
        Unrecovered::Host(error) => unreachable(error),
        Unrecovered::Hopeless(why) => CommandFailure::usage(format!("build {id} cannot be finished: {why}")),
    }
}

/// The last word.
fn end(record: &BuildRecord, kind: RecoveryKind, outcome: &BuildResult, out: &mut Out) -> ExitStatus {
    let (id, name) = (&record.opened().id, &record.opened().plan.name);
    let (exit, text) = match outcome {
        BuildResult::Built { uuid, state } => (ExitStatus::Done, format!("Built {name}: {state}, UUID {uuid}")),
        BuildResult::Undone { .. } if kind == RecoveryKind::Undo => {
            (ExitStatus::Done, format!("Took build {id} of {name} back; nothing of it is left"))
        }
        BuildResult::Undone { message } => {
            (ExitStatus::Undone, format!("{message}. Everything that build {id} made was undone"))
        }
        BuildResult::Unverified { message, .. } => (ExitStatus::NotUndone, message.clone()),
        BuildResult::NotFullyUndone { message } => {
            (ExitStatus::NotUndone, format!("{message}; build {id} stays listed in 'vmbuild builds'"))
        }
        BuildResult::Cancelled => {
            (ExitStatus::Cancelled, format!("cancelled; everything that build {id} made was undone"))
        }
    };
    // Whoever reads of it, the host is as it is.
    let _ = if out.is_json() {
        out.json_line(&json!({"id": id, "name": name, "result": outcome}))
    } else {
        out.line(&text)
    };
    exit
}
