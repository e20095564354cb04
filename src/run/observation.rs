//! The host under observation: which question is open since when, which answer is too old, when to connect again. Does
//! not interpret the answers.

use super::news::{News, NewsSender};
use crate::app::Msg;
use crate::facts::{FactsPart, Part, Query};
use crate::host::{Cause, Generation, HostReply, Request, Source, Worker};
use crate::units::PciAddress;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The first wait before a lost connection is made again; it doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// A question without an answer.
#[derive(Clone, Copy, Debug)]
struct Open {
    part: Part,
    since: Instant,
}

/// A host and what it was asked.
pub(super) struct Observation {
    worker: Worker,
    number: u64,
    news: NewsSender,
    generation: Generation,
    open: BTreeMap<Generation, Open>,
    /// Parts that changed while a question about them was open: its answer may be older than the change.
    again: BTreeSet<Part>,
    /// Seconds of waiting that were reported last.
    reported: u64,
    retry: Option<Retry>,
    /// The files of a remote host are being read, because the user asked for it.
    probing: Option<Open>,
}

/// A connection that was cut is made again automatically.
#[derive(Clone, Copy, Debug)]
struct Retry {
    at: Instant,
    wait: Duration,
}

impl Observation {
    /// Nothing is opened before the first question.
    pub(super) fn of(source: Source, ssh: Option<String>, news: NewsSender) -> Self {
        Self {
            worker: spawn(source, ssh, 0, &news),
            number: 0,
            news,
            generation: 0,
            open: BTreeMap::new(),
            again: BTreeSet::new(),
            reported: 0,
            retry: None,
            probing: None,
        }
    }

    /// Observes another host from now on, which the user's session of SSH does not reach. Answers of the one before are
    /// dropped.
    pub(super) fn go_to(&mut self, source: Source) {
        self.number += 1;
        self.worker = spawn(source, None, self.number, &self.news);
        self.open.clear();
        self.again.clear();
        self.retry = None;
        self.probing = None;
    }

    /// Asks questions. A part that is being asked for as a whole is asked for again afterwards, so that a host that hangs is
    /// not given ever more questions.
    pub(super) fn ask(&mut self, queries: impl IntoIterator<Item = impl Into<Query>>) {
        for query in queries.into_iter().map(Into::into) {
            let part = query.part();
            match query {
                // These are asked for by name.
                Query::Part(Part::Files | Part::Profiles | Part::Definitions | Part::GuestKinds) => {}
                Query::Part(_) if self.open.values().any(|open| open.part == part) => drop(self.again.insert(part)),
                query => {
                    let generation = self.number_of(part);
                    self.worker.ask(Request::Ask(query, generation));
                }
            }
        }
    }

    /// Asks again while they are on screen, unless a question is still open.
    pub(super) fn watch_details(&mut self, functions: Vec<PciAddress>) {
        if !self.open.values().any(|open| open.part == Part::Details) {
            self.ask([Query::Details(functions)]);
        }
    }

    /// Reads the files of a remote host over SSH, or stops waiting for them.
    pub(super) fn probe(&mut self, go_on: bool) {
        if go_on {
            self.probing = Some(Open { part: Part::Boot, since: Instant::now() });
        }
        self.worker.ask(if go_on { Request::Probe } else { Request::GiveUpProbe });
    }

    fn number_of(&mut self, part: Part) -> Generation {
        self.generation += 1;
        self.open.insert(self.generation, Open { part, since: Instant::now() });
        self.generation
    }

    /// Takes a reply of the host with this number; returns the messages for the wizard.
    pub(super) fn take(&mut self, number: u64, reply: HostReply) -> Vec<Msg> {
        if number != self.number {
            return Vec::new();
        }
        match reply {
            HostReply::Connected => {
                // What was known before the connection was cut may have changed.
                if self.retry.take().is_some() {
                    self.ask(Part::ALL);
                }
                Vec::new()
            }
            HostReply::Facts(generation, part) => self.answered(generation, part),
            HostReply::Probed(ended) => {
                self.probing = None;
                vec![Msg::Probed(ended.map_err(|error| error.to_string()))]
            }
            HostReply::Changed(part) => {
                self.ask([part]);
                Vec::new()
            }
            HostReply::Failed(error) => {
                if error.cause == Cause::Lost || self.retry.is_some() {
                    self.retry = Some(Retry::after(self.retry));
                }
                let words = error.words().map(|words| format!(" libvirt: {words}")).unwrap_or_default();
                vec![Msg::HostFailed { text: error.message.clone() + &words, remedy: error.remedy }]
            }
        }
    }

    fn answered(&mut self, generation: Generation, part: FactsPart) -> Vec<Msg> {
        let Some(open) = self.open.remove(&generation) else { return Vec::new() };
        let mut msgs = vec![Msg::Facts(part)];
        if self.again.remove(&open.part) {
            self.ask([open.part]);
        }
        if self.open.is_empty() && self.reported > 0 {
            self.reported = 0;
            msgs.push(Msg::Waiting(None));
        }
        msgs
    }

    /// When there is something to do without an answer; `None` while nothing is open.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting = self.since().map(|since| since + Duration::from_secs(self.reported + 1));
        let retry = self.retry.filter(|_| self.open.is_empty()).map(|retry| retry.at);
        waiting.into_iter().chain(retry).min()
    }

    fn since(&self) -> Option<Instant> {
        self.oldest().map(|open| open.since)
    }

    /// The question that holds the others up: they are answered in the order in which they were asked.
    fn oldest(&self) -> Option<&Open> {
        self.open.values().chain(&self.probing).next()
    }

    /// Reports how long the host has not answered, and connects again when that is due.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Msg> {
        if self.retry.is_some_and(|retry| retry.at <= now) && self.open.is_empty() {
            self.ask([Part::Host]);
        }
        let seconds = self.since().map_or(0, |since| now.saturating_duration_since(since).as_secs());
        if seconds == self.reported {
            return None;
        }
        self.reported = seconds;
        Some(Msg::Waiting(self.oldest().filter(|_| seconds > 0).map(|open| (open.part, seconds))))
    }
}

impl Retry {
    fn after(before: Option<Self>) -> Self {
        let wait = before.map_or(FIRST_RETRY, |before| (before.wait * 2).min(LONGEST_RETRY));
        Self { at: Instant::now() + wait, wait }
    }
}

fn spawn(source: Source, ssh: Option<String>, number: u64, news: &NewsSender) -> Worker {
    let news = news.clone();
    Worker::spawn(source, ssh, move |reply| news.send(News::Host(number, Box::new(reply))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::Sysroot;

    #[test]
    fn one_question_about_a_watched_card_is_open_at_most() {
        let tree = tempfile::tempdir().unwrap();
        let source = Source::Tree(Sysroot::new(tree.path()));
        let (sender, mut news) = super::super::news::channel();
        let mut observation = Observation::of(source, None, sender);
        let card: PciAddress = "01:00.0".parse().unwrap();
        for _ in 0..3 {
            observation.watch_details(vec![card]);
        }
        assert_eq!(observation.open.len(), 1);
        let Some(News::Host(number, reply)) = news.blocking_recv() else { unreachable!() };
        assert!(matches!(observation.take(number, *reply).as_slice(), [Msg::Facts(FactsPart::Details { .. })]));
        observation.watch_details(vec![card]);
        assert_eq!(observation.open.len(), 1);
    }
}
