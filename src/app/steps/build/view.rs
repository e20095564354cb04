//! The build as its events tell it.

use crate::app::ExitReason;
use crate::app::history::Content;
use crate::app::model::{DEMO, Model};
use crate::checks::{Diagnosis, Report};
use crate::domain::Difference;
use crate::domain::difference::round_trip;
use crate::engine::{Made, Thing};
use crate::machine::devices::SharedMemory;
use crate::plan::{BuildEvent, BuildResult, Ledger, Plan, Verdict};
use crate::units::shell_quote;

/// What is known of the build of this session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BuildView {
    /// What is run; `None` before the first build.
    pub plan: Option<Plan>,
    /// One per step of the plan.
    pub steps: Vec<StepRun>,
    /// How what libvirt stored differs from what was sent.
    pub stored: Vec<Difference>,
    /// The step that compared it.
    pub compared: Option<usize>,
    /// What is there to undo.
    pub ledger: Ledger,
    /// What was looked at after the start, in order.
    pub verified: Vec<Verified>,
    /// What was undone or could not be, in order.
    pub undone: Vec<Undone>,
    /// What happened, with milliseconds since the start.
    pub log: Vec<(u64, String)>,
    /// How it ended.
    pub outcome: Option<BuildResult>,
    /// The time of the last event, in milliseconds since the start.
    pub at_ms: u64,
    /// When it was started, in seconds since 1970-01-01 UTC.
    pub started: u64,
    /// Cancelling was asked for.
    pub cancelling: bool,
    /// The VM has a screen to look at.
    has_screen: bool,
    /// The command of Looking Glass' client, where the guest has its memory.
    looking_glass: Option<String>,
    /// What was built before in this session: lines for the normal screen.
    earlier: Vec<String>,
    /// What is built, and what the checks said of it.
    before: Option<(Content, Report)>,
}

/// A step of the plan while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRun {
    /// How far it is.
    pub state: RunState,
    /// When it began, in milliseconds since the start.
    pub began_ms: u64,
    /// How long it took.
    pub took_ms: Option<u64>,
    /// Bytes done and in all.
    pub progress: Option<(u64, u64)>,
    /// What came of it, or why it failed.
    pub note: String,
    /// libvirt's own words where it failed.
    pub original: String,
    /// What stands behind them.
    pub diagnosis: Option<Diagnosis>,
}

/// A line of the check list after the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What must hold.
    pub what: String,
    /// Whether it does.
    pub verdict: Verdict,
    /// What was seen, or why nothing could be.
    pub note: String,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RunState {
    /// Not begun.
    #[default]
    Waiting,
    /// Running.
    Running,
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Done and undone again.
    Undone,
}

/// Something that was undone, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// What.
    pub what: String,
    /// Why it could not be undone, and the command that does it by hand.
    pub left: Option<(String, String)>,
}

/// A diagnosis in two lines.
pub fn reason(diagnosis: &Diagnosis) -> [String; 2] {
    [format!("{}: {}", diagnosis.code, diagnosis.cause), diagnosis.remedy.clone()]
}

/// Milliseconds as `1:42.3`.
pub fn clock(ms: u64) -> String {
    let (minutes, seconds, tenths) = (ms / 60_000, ms / 1000 % 60, ms / 100 % 10);
    if minutes > 0 { format!("{minutes}:{seconds:02}.{tenths}") } else { format!("{seconds}.{tenths} s") }
}

impl BuildView {
    /// A build of what `model` holds begins, after this one.
    pub(in crate::app) fn begin(&self, model: &Model) -> Self {
        let plan = model.case.plan.clone();
        let steps = vec![StepRun::default(); plan.steps.len()];
        let before = Some((model.content.clone(), model.case.report.clone()));
        let has_screen = !model.case.machine.consoles.is_empty();
        let looking_glass = model.case.machine.devices.looking_glass.as_ref().map(SharedMemory::client);
        let earlier = self.all_built(model);
        Self {
            plan: Some(plan),
            steps,
            started: model.clock,
            before,
            has_screen,
            looking_glass,
            earlier,
            ..Self::default()
        }
    }

    /// Puts the build aside for another VM; what was built is still told at the end.
    pub(in crate::app) fn aside(&self, model: &Model) -> Self {
        Self { earlier: self.all_built(model), ..Self::default() }
    }

    fn all_built(&self, model: &Model) -> Vec<String> {
        if matches!(self.outcome, Some(BuildResult::Built { .. })) { self.summary(model) } else { self.earlier.clone() }
    }

    /// The findings from before the build, as long as they are about what was built: what a build makes is there
    /// afterwards, and to say that it is in the way would be wrong.
    pub(in crate::app) fn report(&self, content: &Content) -> Option<Report> {
        let holds = self.is_running() || matches!(self.outcome, Some(BuildResult::Built { .. }));
        let (built, report) = self.before.as_ref()?;
        (holds && built == content).then(|| report.clone())
    }

    /// This build, cancelling of which was asked for.
    pub(in crate::app) fn cancelled(&self) -> Self {
        let mut view = self.clone();
        view.cancelling = true;
        view.log.push((view.at_ms, "cancelling".into()));
        view
    }

    /// True from the start to the end.
    pub fn is_running(&self) -> bool {
        self.plan.is_some() && self.outcome.is_none()
    }

    /// True after an end that built the VM of this name.
    pub fn has_built(&self, name: &str) -> bool {
        let built = matches!(self.outcome, Some(BuildResult::Built { .. }));
        built && self.plan.as_ref().is_some_and(|plan| plan.name == name)
    }

    /// The step that runs or failed.
    pub fn current(&self) -> Option<usize> {
        self.steps.iter().position(|step| matches!(step.state, RunState::Running | RunState::Failed))
    }

    /// What would be undone now, newest first.
    pub fn undo_list(&self) -> Vec<String> {
        let begun =
            self.ledger.begun().map(|begun| format!("{} (partial)", self.ledger.undo_by_name(&begun.thing).words));
        let made = self.ledger.newest_first().map(|made| {
            let words = self.ledger.undo(made).words;
            let runs = self.steps.get(made.step).is_some_and(|run| run.state == RunState::Running);
            if runs { format!("{words} (partial)") } else { words }
        });
        begun.into_iter().chain(made).collect()
    }

    /// How the wizard ends after this build.
    pub(in crate::app) fn exit_reason(&self) -> ExitReason {
        match self.outcome {
            None if !self.earlier.is_empty() => ExitReason::Built,
            None => ExitReason::Left,
            Some(BuildResult::Built { .. }) => ExitReason::Built,
            Some(BuildResult::Undone { .. }) => ExitReason::BuildUndone,
            Some(BuildResult::Cancelled) => ExitReason::BuildCancelled,
            Some(BuildResult::NotFullyUndone { .. } | BuildResult::Unverified { .. }) => ExitReason::BuildNotUndone,
        }
    }

    /// What became of what was sent, in one clause, and whether all of it was kept; `None` before it was read back.
    pub fn round_trip(&self) -> Option<(String, bool)> {
        let kept = !self.stored.iter().any(Difference::is_lost);
        (!self.stored.is_empty()).then(|| (round_trip(&self.stored), kept))
    }

    /// What can be done with the VM that was built: labels and commands.
    pub fn commands(&self, model: &Model) -> Vec<(&'static str, String)> {
        let Some(BuildResult::Built { state, .. }) = &self.outcome else { return Vec::new() };
        if model.uri == DEMO {
            return vec![("Demo", "nothing real was changed; the demo host ends with vmbuild".into())];
        }
        let name = shell_quote(self.plan.as_ref().map_or("", |plan| &plan.name));
        let uri = model.facts.host.get().map_or(&model.uri, |host| &host.uri);
        let uri = shell_quote(uri);
        let start = (state != "running").then(|| ("Start", format!("virsh -c {uri} start {name}")));
        let screen = self.has_screen.then(|| ("Screen", format!("virt-viewer -c {uri} {name}")));
        // Every domain has a serial console.
        let console = ("Console", format!("virsh -c {uri} console {name}"));
        let looking_glass = self.looking_glass.clone().map(|client| ("Looking", client));
        start.into_iter().chain(screen).chain(looking_glass).chain([console]).collect()
    }

    /// Lines for the normal screen after the wizard.
    pub(in crate::app) fn summary(&self, model: &Model) -> Vec<String> {
        let name = self.plan.as_ref().map(|plan| plan.name.clone()).unwrap_or_default();
        let mut lines = self.earlier.clone();
        match &self.outcome {
            None => return lines,
            Some(BuildResult::Built { uuid, state }) => {
                lines.push(format!("Built {name}, {state}, UUID {uuid}"));
                let lost = self.stored.iter().filter(|change| change.is_lost());
                lines.extend(lost.map(|change| format!("{:<9}libvirt {change}", "Warning")));
                lines.extend(self.commands(model).into_iter().map(|(label, text)| format!("{label:<9}{text}")));
                let undo = self.removal(state).into_iter().filter(|_| model.uri != DEMO);
                lines.extend(undo.map(|command| format!("{:<9}{command}", "Undo")));
            }
            Some(BuildResult::Cancelled) => lines.push(format!("The build of {name} was cancelled and undone.")),
            Some(BuildResult::Undone { message } | BuildResult::NotFullyUndone { message }) => {
                lines.push(format!("The build of {name} failed: {message}"));
            }
            Some(BuildResult::Unverified { message, .. }) => lines.push(message.clone()),
        }
        lines.extend(self.undone.iter().map(|undone| match &undone.left {
            None => undone.what.clone(),
            Some((why, by_hand)) => format!("left behind: {} ({why}); by hand: {by_hand}", undone.what),
        }));
        lines
    }

    /// The commands that remove the VM in this state. Each thing by its own: one that removes all storage would take
    /// attached images along.
    fn removal(&self, state: &str) -> Vec<String> {
        // What is no longer running need not be stopped.
        let made = self
            .ledger
            .newest_first()
            .filter(|made| state == "running" || !matches!(made.thing, Thing::Running { .. }));
        // It may be started by hand from now on.
        let later = made.map(|made| Made { thing: made.thing.clone().once_started(), ..made.clone() });
        later.map(|made| self.ledger.undo(&made).command.to_string()).collect()
    }

    fn title(&self, at: usize) -> String {
        let step = self.plan.as_ref().and_then(|plan| plan.steps.get(at));
        step.map(|step| format!("{} {}", step.title, step.detail).trim().to_owned()).unwrap_or_default()
    }
}

impl BuildView {
    /// Takes an event of the build in.
    pub(in crate::app) fn take(&mut self, event: BuildEvent) {
        self.ledger.read(&event);
        match event {
            BuildEvent::Began { .. }
            | BuildEvent::Made(_)
            | BuildEvent::Blocked { .. }
            | BuildEvent::Described { .. } => {}
            BuildEvent::StepBegan { step, at_ms, .. } => {
                let run = StepRun { state: RunState::Running, began_ms: at_ms, ..StepRun::default() };
                self.put(step, |old| *old = run);
                self.say(at_ms, self.title(step));
            }
            BuildEvent::Progress { step, done, total } => self.put(step, |run| run.progress = Some((done, total))),
            BuildEvent::StepDone { step, at_ms, note } => {
                self.put(step, |run| run.end(RunState::Done, at_ms, &note));
                self.say(at_ms, note);
            }
            BuildEvent::StepFailed { step, at_ms, message, original, diagnosis, .. } => {
                self.put(step, |run| run.end(RunState::Failed, at_ms, &message));
                self.put(step, |run| run.original.clone_from(&original));
                self.say(at_ms, format!("failed: {message}"));
                self.say(at_ms, original);
                diagnosis.iter().flat_map(reason).for_each(|line| self.say(at_ms, line));
                self.put(step, |run| run.diagnosis = diagnosis);
            }
            BuildEvent::Stored { changes, step } => {
                changes
                    .iter()
                    .filter(|it| it.is_lost())
                    .for_each(|it| self.say(self.at_ms, format!("warning: libvirt {it}")));
                self.stored = changes;
                self.compared = Some(step);
            }
            BuildEvent::Verified { what, verdict, note, original, diagnosis, .. } => {
                let because = if note.is_empty() { String::new() } else { format!(" ({note})") };
                self.say(self.at_ms, format!("{}: {what}{because}", verdict.word()));
                self.say(self.at_ms, original);
                diagnosis.iter().flat_map(reason).for_each(|line| self.say(self.at_ms, line));
                self.verified.push(Verified { what, verdict, note });
            }
            BuildEvent::Undone { step, what, .. } => {
                self.put(step, |run| {
                    if run.state == RunState::Done {
                        run.state = RunState::Undone;
                    }
                });
                self.say(self.at_ms, format!("undone: {what}"));
                self.undone.push(Undone { what, left: None });
            }
            BuildEvent::NotUndone { what, why, by_hand, .. } => {
                self.say(self.at_ms, format!("not undone: {what}: {why}"));
                self.undone.push(Undone { what, left: Some((why, by_hand)) });
            }
            BuildEvent::Ended { at_ms, outcome } => {
                self.at_ms = at_ms;
                self.outcome = Some(outcome);
            }
        }
    }

    fn put(&mut self, at: usize, change: impl FnOnce(&mut StepRun)) {
        if let Some(run) = self.steps.get_mut(at) {
            change(run);
        }
    }

    fn say(&mut self, at_ms: u64, text: String) {
        self.at_ms = at_ms;
        if !text.is_empty() {
            self.log.push((at_ms, text));
        }
    }
}

impl StepRun {
    fn end(&mut self, state: RunState, at_ms: u64, note: &str) {
        self.state = state;
        self.took_ms = Some(at_ms.saturating_sub(self.began_ms));
        note.clone_into(&mut self.note);
        self.progress = None;
    }
}
