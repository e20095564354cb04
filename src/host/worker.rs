//! The threads that speak with a host while a screen goes on: requests in, replies out, nothing waits for anything else.

use super::libvirt::{Connection, Happening, OnEvent};
use super::observe::Observer;
use super::session::Listeners;
use super::{Cause, HostError, Source, remote, uevent};
use crate::facts::{FactsPart, Part, Query};
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Number of a request; the asker drops answers to old ones.
pub type Generation = u64;

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Answer a question.
    Ask(Query, Generation),
    /// Read the files of a remote host over ssh, now and from now on: the user agreed.
    Probe,
    /// Do not wait for the probe any longer.
    GiveUpProbe,
    /// Let the threads end as soon as their calls return.
    Stop,
}

/// What is answered.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "most replies are facts, and none is kept")]
pub enum HostReply {
    /// A connection was made.
    Connected,
    /// The answer to a request.
    Facts(Generation, FactsPart),
    /// The probe of the remote host ended; what it found is asked for as after [`HostReply::Changed`].
    Probed(Result<(), HostError>),
    /// Something in this part changed: ask again.
    Changed(Part),
    /// No connection could be made, or it was cut; the next request tries again.
    Failed(HostError),
}

/// Takes replies, from any of the worker's threads, one at a time.
pub(super) type Sink = Arc<Mutex<dyn Fn(HostReply) + Send>>;

/// Delivers a reply.
pub(super) fn deliver(sink: &Sink, reply: HostReply) {
    (sink.lock().unwrap_or_else(PoisonError::into_inner))(reply);
}

/// Questions that may hold each other up share a thread; these may not: listing pools blocks while any pool is
/// refreshed, domain capabilities take seconds when QEMU must be probed, the XML of a thousand domains takes its time behind
/// a network, and the kernel's files never wait for libvirt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lane {
    Files,
    /// Hundreds of files of the osinfo database.
    Systems,
    /// What libvirt answers.
    Libvirt(Part),
    Probe,
}

/// A host under observation. Dropping it lets its threads end, and ends the probe.
pub struct Worker {
    observer: Arc<Observer>,
    sink: Sink,
    news: bool,
    kernel: Option<uevent::Watch>,
    lanes: HashMap<Lane, Sender<(Request, Instant)>>,
}

impl Worker {
    /// Starts to observe `source`; nothing is opened before the first request. `ssh` is the session by which the user came,
    /// in the form of SSH_CONNECTION. `reply` is called from other threads and should only pass the reply on.
    pub fn spawn(source: Source, ssh: Option<String>, reply: impl Fn(HostReply) + Send + 'static) -> Self {
        Self::new(source, ssh, true, Arc::new(Mutex::new(reply)))
    }

    /// The same for who asks once: without [`HostReply::Changed`], and without what it costs to hear of changes.
    pub fn spawn_without_news(source: Source, ssh: Option<String>, reply: impl Fn(HostReply) + Send + 'static) -> Self {
        Self::new(source, ssh, false, Arc::new(Mutex::new(reply)))
    }

    fn new(source: Source, ssh: Option<String>, news: bool, sink: Sink) -> Self {
        let listeners = listeners(&source, &sink, news);
        let observer = Arc::new(Observer::new(source, ssh, Some(listeners)));
        Self { observer, sink, news, kernel: None, lanes: HashMap::new() }
    }

    /// For a process that is about to end: its threads stay where they are. Threads that end while the process does meet
    /// the clean-up of the C libraries, and closing a connection costs a round trip that nobody waits for.
    pub fn leave_behind(self) {
        std::mem::forget(self);
    }

    /// Hands in a request; the answer comes as a reply. Never blocks.
    pub fn ask(&mut self, request: Request) {
        let lane = match &request {
            Request::Stop => {
                self.kernel = None;
                return self.lanes.clear();
            }
            Request::GiveUpProbe => return self.observer.probe().give_up(),
            Request::Probe => {
                self.observer.probe().agree();
                Lane::Probe
            }
            Request::Ask(query, _) => self.lane(query.part()),
        };
        if matches!(request, Request::Ask(Query::Part(Part::Pci), _)) {
            self.hear_kernel();
        }
        let sender = self.lanes.entry(lane).or_insert_with(|| serve(lane, self.observer.clone(), self.sink.clone()));
        // A lane ends only when its sender is dropped.
        let _ = sender.send((request, Instant::now()));
    }

    /// Listens to the kernel from the first question about PCI functions on: before it is answered, so that no change
    /// falls between.
    fn hear_kernel(&mut self) {
        if !self.news || self.kernel.is_some() || !self.observer.hears_kernel() {
            return;
        }
        let sink = self.sink.clone();
        match uevent::Watch::start(move || deliver(&sink, HostReply::Changed(Part::Pci))) {
            Ok(watch) => self.kernel = Some(watch),
            Err(error) => tracing::warn!(%error, "no news of PCI functions from the kernel"),
        }
    }

    fn lane(&self, part: Part) -> Lane {
        match part {
            Part::Systems | Part::Profiles => Lane::Systems,
            _ if self.observer.is_local(part) => Lane::Files,
            _ if self.observer.is_probed(part) => Lane::Probe,
            part => Lane::Libvirt(part),
        }
    }
}

/// Nobody waits for the probe any more; all else that lasts cannot be ended.
impl Drop for Worker {
    fn drop(&mut self) {
        self.observer.probe().give_up();
    }
}

/// Attempts to connect and libvirt's events, as replies.
fn listeners(source: &Source, sink: &Sink, news: bool) -> Listeners {
    let (kernel_tells, name) = (source.reads_sysfs(), source.name());
    let (told, heard) = (sink.clone(), sink.clone());
    let on_attempt = move |attempt: Result<&Connection, &HostError>| {
        let reply = match attempt {
            Ok(_) => HostReply::Connected,
            Err(error) => {
                tracing::warn!(%error, "no connection");
                HostReply::Failed(error.clone())
            }
        };
        deliver(&told, reply);
    };
    let on_event = move |happening| match happening {
        Happening::Closed => deliver(&heard, HostReply::Failed(lost(&name))),
        // sysfs is read, and the kernel tells of it first.
        Happening::Changed(Part::Pci) if kernel_tells => {}
        Happening::Changed(Part::Domains) => {
            deliver(&heard, HostReply::Changed(Part::Domains));
            // A domain that starts or stops takes or frees memory, and devices change hands with it: libvirt has no
            // event for those.
            deliver(&heard, HostReply::Changed(Part::Host));
            if !kernel_tells {
                deliver(&heard, HostReply::Changed(Part::Pci));
            }
        }
        Happening::Changed(part) => deliver(&heard, HostReply::Changed(part)),
    };
    Listeners { on_attempt: Box::new(on_attempt), on_event: news.then(|| Arc::new(on_event) as OnEvent) }
}

fn lost(name: &str) -> HostError {
    HostError::new(Cause::Lost, format!("The connection to {name} was cut."), "The next request makes it again.")
}

/// Starts the thread of a lane.
fn serve(lane: Lane, observer: Arc<Observer>, sink: Sink) -> Sender<(Request, Instant)> {
    let (sender, requests) = channel();
    let name = match lane {
        Lane::Libvirt(part) => format!("host-{part:?}"),
        lane => format!("host-{lane:?}"),
    };
    let run = move || answer(&requests, &observer, &sink);
    if let Err(error) = std::thread::Builder::new().name(name.to_lowercase()).spawn(run) {
        tracing::error!(%error, "no thread for the host");
    }
    sender
}

fn answer(requests: &Receiver<(Request, Instant)>, observer: &Observer, sink: &Sink) {
    while let Ok((request, asked)) = requests.recv() {
        let (query, generation) = match request {
            Request::Ask(query, generation) => (query, generation),
            Request::Probe => {
                observer.probe().renew();
                tell_of_probe(observer, sink);
                continue;
            }
            Request::GiveUpProbe => continue,
            Request::Stop => return,
        };
        let part = observer.answer_since(&query, asked);
        tracing::debug!(generation, part = ?query.part(), after = ?asked.elapsed(), "answered");
        deliver(sink, HostReply::Facts(generation, part));
        tell_of_probe(observer, sink);
    }
}

/// After a run of the probe, more is known of every part that it adds to.
fn tell_of_probe(observer: &Observer, sink: &Sink) {
    let Some(ended) = observer.probe().news() else { return };
    deliver(sink, HostReply::Probed(ended));
    for part in remote::PARTS {
        deliver(sink, HostReply::Changed(part));
    }
}
