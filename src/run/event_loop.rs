//! The event loop: whatever happens becomes a message for the wizard, whatever the wizard asks for is done, and what
//! changed is drawn. Decides nothing about the wizard; nothing in it waits except the one `select!`.

use super::building::Building;
use super::files::{FileTask, FileThread};
use super::input::Input;
use super::input_event::InputEvent;
use super::news::{News, NewsSender};
use super::observation::Observation;
use super::screen::Screen;
use super::signals::{OutsideEvent, Signals};
use super::terminal::{Terminal, TtyWriter};
use crate::app::{self, App, Effect, Msg, StoreReply, WizardExit};
use crate::build;
use crate::host::Source;
use crate::journal::Builds;
use crate::plan::BuildEvent;
use crate::ui::{self, Look};
use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::UnboundedReceiver;

/// Changes that the user did not make are drawn no more often than this.
const FRAME: Duration = Duration::from_millis(100);

/// How often the card under the cursor is read again.
const WATCH: Duration = Duration::from_secs(2);

/// Where messages come from.
pub(super) struct Sources {
    pub(super) signals: Signals,
    pub(super) input: Input,
    pub(super) news: UnboundedReceiver<News>,
}

/// What on screen is out of date, and who made it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stale {
    No,
    /// Something outside: may wait for [`FRAME`].
    World,
    /// The user, who must see it at once.
    Person,
}

/// The wizard at work.
pub(super) struct WizardSession {
    app: App,
    look: Look,
    /// `None` once it is gone: a running build goes on without it.
    screen: Option<(Screen<TtyWriter>, Terminal)>,
    source: Source,
    /// Where builds are recorded; `None` for a user without a home.
    pub(super) builds: Option<Builds>,
    /// The session of SSH by which the user came.
    ssh: Option<String>,
    observation: Observation,
    files: FileThread,
    news: NewsSender,
    building: Option<Building>,
    /// The signal that ends the wizard as soon as the build is over.
    ending: Option<app::EndSignal>,
    exit: Option<WizardExit>,
    stale: Stale,
    drawn: Instant,
    /// When the card under the cursor was read last.
    watched: Instant,
    /// The wizard asked to be suspended.
    suspending: bool,
    /// The terminal takes texts for its clipboard.
    pub(super) clipboard: bool,
}

/// Seconds since 1970-01-01 UTC.
pub(super) fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Runs the session until the wizard is left; on return the terminal is given back and everything is written.
pub(super) async fn live(mut session: WizardSession, mut sources: Sources) -> WizardExit {
    loop {
        if let Some(exit) = session.exit.take() {
            session.screen = None;
            session.files.finish();
            return exit;
        }
        let due = session.due();
        tokio::select! {
            biased;
            signal = sources.signals.next() => session.signal(signal, &mut sources.input),
            events = sources.input.next() => session.input(events, &mut sources.input),
            Some(news) = sources.news.recv() => session.news(news),
            () = until(due) => session.tick(),
        }
        while let Ok(news) = sources.news.try_recv() {
            session.news(news);
        }
        session.draw_if_due();
    }
}

/// Never, where there is nothing to wait for: an idle wizard does not wake up.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

impl WizardSession {
    pub(super) fn new(
        app: App,
        look: Look,
        screen: (Screen<TtyWriter>, Terminal),
        source: Source,
        ssh: Option<String>,
        files: FileThread,
        news: NewsSender,
    ) -> Self {
        Self {
            app,
            look,
            screen: Some(screen),
            observation: Observation::of(source.clone(), ssh.clone(), news.clone()),
            source,
            builds: None,
            ssh,
            files,
            news,
            building: None,
            ending: None,
            exit: None,
            stale: Stale::No,
            drawn: Instant::now(),
            watched: Instant::now(),
            suspending: false,
            clipboard: false,
        }
    }

    /// Does what the wizard asks for at its start, and offers the drafts of earlier sessions.
    pub(super) fn begin(&mut self, effects: Vec<Effect>) {
        self.files.add(FileTask::OfferDrafts);
        self.perform(effects);
    }

    /// Handles what was typed, all of it before the next frame.
    fn input(&mut self, events: Vec<InputEvent>, input: &mut Input) {
        self.update_clock();
        for event in events {
            self.stale = Stale::Person;
            match event {
                InputEvent::Key(key) => self.update(Msg::Key(key)),
                InputEvent::Paste(text) => self.update(Msg::Paste(text)),
                InputEvent::Resize(size) => {
                    if let Some((screen, _)) = &mut self.screen {
                        screen.resize(size);
                    }
                    self.update(Msg::Size(size.width, size.height));
                }
                InputEvent::Closed => self.end(app::EndSignal::HangUp),
            }
            if std::mem::take(&mut self.suspending) {
                self.suspend(input);
            }
        }
    }

    fn news(&mut self, news: News) {
        self.update_clock();
        self.stale = self.stale.max(Stale::World);
        match news {
            News::Host(number, reply) => {
                for msg in self.observation.take(number, *reply) {
                    self.update(msg);
                }
            }
            News::Stored(reply) => self.update(Msg::Stored(reply)),
            News::Build(event) => {
                let over = matches!(*event, BuildEvent::Ended { .. });
                self.update(Msg::Build(*event));
                if over {
                    self.building = None;
                    if let Some(signal) = self.ending {
                        self.update(Msg::Signal(signal));
                    }
                }
            }
        }
    }

    fn signal(&mut self, signal: OutsideEvent, input: &mut Input) {
        match signal {
            OutsideEvent::HangUp => self.end(app::EndSignal::HangUp),
            OutsideEvent::Terminate | OutsideEvent::Interrupt => {
                if let Some(building) = &self.building {
                    building.cancel();
                }
                self.end(app::EndSignal::Terminate);
            }
            OutsideEvent::Continue => self.continued(input),
        }
    }

    /// Ends the wizard now, or when the build is over.
    fn end(&mut self, signal: app::EndSignal) {
        if signal == app::EndSignal::HangUp {
            self.screen = None;
        }
        self.ending = Some(signal);
        self.update_clock();
        self.update(Msg::Signal(signal));
    }

    /// When there is something to do without an event.
    fn due(&self) -> Option<Instant> {
        let frame = (self.stale == Stale::World && self.screen.is_some()).then(|| self.drawn + FRAME);
        let marks = self.app.pci.changed.values().min().map(|until| until.saturating_sub(self.app.clock));
        let second = self.building.is_some().then_some(1).into_iter().chain(marks).min();
        let second = second.map(|seconds| Instant::now() + Duration::from_secs(seconds.max(1)));
        let watch = self.watches().then(|| self.watched + WATCH);
        [frame, second, watch, self.observation.due()].into_iter().flatten().min()
    }

    /// True while a card is on screen whose details change without an event; those of recorded facts do not.
    fn watches(&self) -> bool {
        let lives = self.source.changes() && self.building.is_none();
        lives && self.screen.is_some() && !self.app.watched().is_empty()
    }

    /// Reads the card under the cursor again when that is due.
    fn watch(&mut self) {
        if self.watches() && self.watched.elapsed() >= WATCH {
            self.watched = Instant::now();
            self.observation.watch_details(self.app.watched());
        }
    }

    fn tick(&mut self) {
        self.watch();
        let reported = self.observation.tick(Instant::now());
        if self.update_clock() || reported.is_some() {
            self.stale = self.stale.max(Stale::World);
        }
        if let Some(msg) = reported {
            self.update(msg);
        }
    }

    /// Passes the time to the wizard; false if it has not changed.
    fn update_clock(&mut self) -> bool {
        let now = clock();
        let new = now != self.app.clock;
        if new {
            self.update(Msg::Clock(now));
        }
        new
    }

    /// Updates the wizard by a message, and performs the effects.
    fn update(&mut self, msg: Msg) {
        let effects = app::update(&mut self.app, msg);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut left = VecDeque::from(effects);
        while let Some(effect) = left.pop_front() {
            if let Some(reply) = self.act(effect) {
                left.extend(app::update(&mut self.app, Msg::Stored(reply)));
            }
        }
    }

    /// Performs one effect, or passes it to a thread that may wait. Returns a reply that is there at once.
    fn act(&mut self, effect: Effect) -> Option<StoreReply> {
        tracing::debug!(effect = effect.name());
        match effect {
            Effect::Ask(queries) => self.observation.ask(queries),
            Effect::SaveDraft(draft) => self.files.add(FileTask::SaveDraft(draft)),
            Effect::TakeDraft(left) => self.files.add(FileTask::TakeDraft(left)),
            Effect::DiscardDraft => self.files.add(FileTask::DiscardDraft),
            Effect::ForgetDrafts(paths) => self.files.add(FileTask::ForgetDrafts(paths)),
            Effect::ListPresets => self.files.add(FileTask::ListPresets),
            Effect::ListTemplates => self.files.add(FileTask::ListTemplates),
            Effect::SavePreset { name, description, spec } => {
                self.files.add(FileTask::SavePreset { name, description, spec });
            }
            Effect::DeletePreset(name) => self.files.add(FileTask::DeletePreset(name)),
            Effect::WriteFile { path, text } => self.files.add(FileTask::WriteFile { path, text }),
            Effect::Build { plan, spec, allowed } => {
                let (source, ssh) = (self.source.clone(), self.ssh.clone());
                let builds = self.builds.clone();
                let order = build::Order { plan: *plan, spec: *spec, allowed, source, builds, ssh };
                self.building = Some(Building::start(order, &self.news));
            }
            Effect::CancelBuild => {
                if let Some(building) = &self.building {
                    building.cancel();
                }
            }
            Effect::Probe => {
                // The check before a build reads them as well.
                self.source.agree_to_probe();
                self.observation.probe(true);
            }
            Effect::GiveUpProbe => self.observation.probe(false),
            Effect::UseDemo => {
                (self.source, self.ssh) = (Source::Demo, None);
                self.observation.go_to(self.source.clone());
            }
            Effect::Copy(text) => return Some(self.copy(&text)),
            Effect::Suspend => self.suspending = self.building.is_none(),
            Effect::Leave(exit) => self.exit = Some(exit),
        }
        None
    }

    fn copy(&mut self, text: &str) -> StoreReply {
        let failed = |why: String| StoreReply::Failed { what: "copy".to_owned(), why };
        if !self.clipboard {
            return failed("this terminal has no clipboard; w writes to a file instead".to_owned());
        }
        let Some((screen, _)) = &mut self.screen else { return failed("the terminal is gone".to_owned()) };
        let mut sequence = Vec::new();
        let queued = queue!(sequence, CopyToClipboard::to_clipboard_from(text));
        match queued.and_then(|()| screen.sink_mut().write_all(&sequence)) {
            Ok(()) => StoreReply::Copied(text.len()),
            Err(error) => failed(error.to_string()),
        }
    }

    fn suspend(&mut self, input: &mut Input) {
        let Some((_, terminal)) = &mut self.screen else { return };
        if terminal.suspend().is_err() {
            return self.end(app::EndSignal::HangUp);
        }
        self.resumed(input);
    }

    fn continued(&mut self, input: &mut Input) {
        let Some((_, terminal)) = &mut self.screen else { return };
        match terminal.continued() {
            Ok(true) => self.resumed(input),
            Ok(false) => {}
            Err(_) => self.end(app::EndSignal::HangUp),
        }
    }

    /// The terminal may have any size and show anything by now.
    fn resumed(&mut self, input: &mut Input) {
        let Some((screen, terminal)) = &mut self.screen else { return };
        if let Ok(size) = terminal.size() {
            input.set_size(size);
            screen.resize(size);
        }
        screen.forget();
        let size = screen.size();
        self.stale = Stale::Person;
        self.update_clock();
        self.update(Msg::Size(size.width, size.height));
    }

    fn draw_if_due(&mut self) {
        match self.stale {
            Stale::No => {}
            Stale::World if self.drawn.elapsed() < FRAME => {}
            Stale::World | Stale::Person => self.draw_now(),
        }
    }

    /// Draws what is out of date; a terminal that accepts no frame is gone.
    pub(super) fn draw_now(&mut self) {
        self.stale = Stale::No;
        let Some((screen, _)) = &mut self.screen else { return };
        match screen.draw(|frame| ui::draw(&self.app, &self.look, frame)) {
            // The screen did not change, so the next change need not wait.
            Ok(0) => {}
            Ok(_) => self.drawn = Instant::now(),
            Err(_) => self.end(app::EndSignal::HangUp),
        }
    }
}
