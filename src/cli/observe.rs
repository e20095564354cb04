//! Facts for one command: the parts it needs, asked at once, and the sentence for a host that does not answer.

use super::exit::{Exit, Failure};
use crate::checks::error::{LIBVIRT_DENIED, LIBVIRT_MISSING, LIBVIRT_NOT_RUNNING};
use crate::facts::{Facts, Part};
use crate::host::{Cause, HostError, Reply, Request, Target, Worker};
use crate::machine::{self, profile};
use crate::spec::Spec;
use crate::units::PciAddress;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A silent host is mentioned after this long, and again each time it passes.
const PATIENCE: Duration = Duration::from_secs(3);

/// A host under observation, and what is known of it so far.
pub struct Observed {
    /// Never dropped: the process ends with the command, see [`Worker::leave_behind`].
    worker: ManuallyDrop<Worker>,
    replies: Receiver<Reply>,
    /// What is known.
    pub facts: Facts,
    /// Why libvirt did not answer, if it did not.
    pub unreachable: Option<HostError>,
}

impl Observed {
    /// Reads `parts` of a host; a part that libvirt must answer stays unknown where it does not.
    pub fn of(target: Target, parts: &[Part]) -> Self {
        let (sender, replies) = channel();
        // The receiver goes when the command ends; answers after that interest nobody.
        let worker = ManuallyDrop::new(Worker::spawn_without_news(target, move |reply| drop(sender.send(reply))));
        let mut observed = Self { worker, replies, facts: Facts::default(), unreachable: None };
        for part in parts {
            observed.worker.ask(Request::Observe(*part, 0));
        }
        observed.take(parts.len());
        observed
    }

    /// Looks at files of the host.
    pub fn files(&mut self, paths: Vec<String>) {
        if !paths.is_empty() {
            self.worker.ask(Request::Files(paths, 0));
            self.take(1);
        }
    }

    /// Looks into the installation media of all pools.
    pub fn look_into_media(&mut self) {
        let volumes = self.facts.pools.items().iter().flat_map(|pool| pool.volumes.items());
        let paths = volumes.filter(|volume| volume.is_iso()).map(|volume| volume.path.clone());
        let paths = paths.filter(|path| path.starts_with('/')).collect();
        self.files(paths);
    }

    /// Reads what is known of guest systems.
    pub fn profiles(&mut self, ids: Vec<String>) {
        if !ids.is_empty() {
            self.worker.ask(Request::Profiles(ids, 0));
            self.take(1);
        }
    }

    /// Looks at what the machine of `spec` names, and at what is only known to matter once that was seen.
    pub fn look_around(&mut self, spec: &Spec) {
        let mut asked = BTreeSet::new();
        loop {
            let machine = machine::machine(spec, &self.facts);
            let mut named = machine::files(&machine);
            named.extend(profile::media_to_look_at(spec, &self.facts));
            let ids = profile::wanted(spec, &self.facts);
            let paths: Vec<String> = named.into_iter().filter(|path| asked.insert(path.clone())).collect();
            let ids: Vec<String> = ids.into_iter().filter(|id| !self.facts.profiles.contains_key(id)).collect();
            if paths.is_empty() && ids.is_empty() {
                return;
            }
            self.files(paths);
            self.profiles(ids);
        }
    }

    /// Reads the details of PCI functions.
    pub fn details(&mut self, addresses: Vec<PciAddress>) {
        if !addresses.is_empty() {
            self.worker.ask(Request::Details(addresses, 0));
            self.take(1);
        }
    }

    /// The facts, or the failure where libvirt was asked in vain.
    pub fn required(self) -> Result<Facts, Failure> {
        match self.unreachable {
            Some(error) => Err(unreachable(&error)),
            None => Ok(self.facts),
        }
    }

    fn take(&mut self, mut missing: usize) {
        let began = Instant::now();
        while missing > 0 {
            match self.replies.recv_timeout(PATIENCE) {
                Ok(Reply::Facts(_, part)) => {
                    self.facts.absorb(part);
                    missing -= 1;
                }
                Ok(Reply::Failed(error)) => self.unreachable = Some(error),
                Ok(Reply::Connected | Reply::Changed(_) | Reply::Probed(_)) => {}
                Err(RecvTimeoutError::Timeout) => still_waiting(began.elapsed()),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
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
pub fn unreachable(error: &HostError) -> Failure {
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
    Failure::new(Exit::Unreachable, code, &error.message)
        .remedy(lines.join("\n"))
        .detail("libvirt", error.original.as_str())
}
