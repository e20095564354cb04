//! A host that one command asks: questions in, facts out, and the sentence for a host that does not answer.

use super::exit::{CommandFailure, ExitStatus};
use super::source::came_by;
use crate::checks::error::{LIBVIRT_DENIED, LIBVIRT_MISSING, LIBVIRT_NOT_RUNNING};
use crate::facts::{Facts, FactsPart, Query};
use crate::host::{Cause, HostError, HostReply, Request, Source, Worker};
use std::io::{IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A silent host is mentioned after this long, and again each time it passes.
const PATIENCE: Duration = Duration::from_secs(3);

/// A host, and whether it answers.
pub struct Survey {
    /// Never dropped: the process ends with the command, see [`Worker::leave_behind`].
    worker: ManuallyDrop<Worker>,
    replies: Receiver<HostReply>,
    /// Why libvirt did not answer, if it did not.
    pub unreachable: Option<HostError>,
}

impl Survey {
    /// Nothing is opened before the first question.
    pub fn of(source: Source) -> Self {
        let (sender, replies) = channel();
        // The receiver goes when the command ends; answers after that interest nobody.
        let ssh = came_by(&source);
        let worker = Worker::spawn_without_news(source, ssh, move |reply| drop(sender.send(reply)));
        let worker = ManuallyDrop::new(worker);
        Self { worker, replies, unreachable: None }
    }

    /// The answers to `queries`, which are asked at once; what libvirt must answer and does not is unknown in them.
    pub fn ask(&mut self, queries: impl IntoIterator<Item = impl Into<Query>>) -> Vec<FactsPart> {
        let mut missing = 0;
        for query in queries {
            self.worker.ask(Request::Ask(query.into(), 0));
            missing += 1;
        }
        self.take(missing)
    }

    /// The same, as facts.
    pub fn facts(&mut self, queries: impl IntoIterator<Item = impl Into<Query>>) -> Facts {
        let mut facts = Facts::default();
        self.ask(queries).into_iter().for_each(|part| facts.absorb(part));
        facts
    }

    /// Looks into the installation media of all pools.
    pub fn look_into_media(&mut self, facts: &mut Facts) {
        let volumes = facts.pools.items().iter().flat_map(|pool| pool.volumes.items());
        let paths = volumes.filter(|volume| volume.is_iso()).map(|volume| volume.path.clone());
        let paths: Vec<String> = paths.filter(|path| path.starts_with('/')).collect();
        if !paths.is_empty() {
            self.ask([Query::Files(paths)]).into_iter().for_each(|part| facts.absorb(part));
        }
    }

    /// The failure, where libvirt was asked in vain.
    pub fn required(&self) -> Result<(), CommandFailure> {
        self.unreachable.as_ref().map_or(Ok(()), |error| Err(unreachable(error)))
    }

    fn take(&mut self, missing: usize) -> Vec<FactsPart> {
        let began = Instant::now();
        let mut answers = Vec::new();
        while answers.len() < missing {
            match self.replies.recv_timeout(PATIENCE) {
                Ok(HostReply::Facts(_, part)) => answers.push(part),
                Ok(HostReply::Failed(error)) => self.unreachable = Some(error),
                Ok(HostReply::Connected | HostReply::Changed(_) | HostReply::Probed(_)) => {}
                Err(RecvTimeoutError::Timeout) => still_waiting(began.elapsed()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        answers
    }
}

/// Only people are told: a log should not fill with it.
fn still_waiting(since: Duration) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = writeln!(stderr, "vmbuild: waiting for the host, {} s; Ctrl-C leaves", since.as_secs());
    }
}

/// The failure of a host that does not answer.
pub fn unreachable(error: &HostError) -> CommandFailure {
    let code = match error.cause {
        Cause::LibraryMissing => LIBVIRT_MISSING.code,
        Cause::DaemonDown => LIBVIRT_NOT_RUNNING.code,
        Cause::Denied => LIBVIRT_DENIED.code,
        _ => "HOST-UNREACHABLE",
    };
    let mut lines: Vec<String> = error.words().map(|words| format!("libvirt: {words}")).into_iter().collect();
    lines.extend(Some(error.remedy.clone()).filter(|remedy| !remedy.is_empty()));
    // The demo host runs on the same library.
    if error.cause != Cause::LibraryMissing && !error.remedy.contains("--demo") {
        lines.push("Without a host: vmbuild --demo".into());
    }
    CommandFailure::new(ExitStatus::Unreachable, code, &error.message)
        .remedy(lines.join("\n"))
        .detail("libvirt", error.original.as_str())
}
