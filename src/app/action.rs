//! What the actions of the key table do, when they apply and why they cannot. Owns no key.

use super::against::Base;
use super::editor::{Editing, Target};
use super::focus::Motion;
use super::form::Extent;
use super::overlay::{self, Overlay};
use super::steps::pci::sheet;
use super::steps::system::map;
use super::{App, Effect, HostState, StepId, Zone, leave, probe, steps, write};
use crate::checks::Wording;
use crate::spec::Place;

/// What a key or a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Moves in the list that has the focus.
    Move(Motion),
    /// To the next field, into its text where it has one.
    NextField,
    /// Takes the text and goes on to the next field; never out of the form.
    AcceptField,
    /// To the field before.
    PreviousField,
    /// The value before in the list of known values.
    Left,
    /// The next value.
    Right,
    /// Opens what has the focus.
    Open,
    /// Selects or clears what has the focus.
    Toggle,
    /// One level out.
    Close,
    /// Takes the answer, text or item that has the focus.
    Accept,
    /// The next step.
    NextStep,
    /// The step before.
    PreviousStep,
    /// A step.
    Go(StepId),
    /// Types a filter or search.
    Filter,
    /// The help.
    Help,
    /// The commands.
    Palette,
    /// To the checks and back.
    Checks,
    /// To the XML and back.
    Xml,
    /// One change back.
    Undo,
    /// One change forward.
    Redo,
    /// Copies what has the focus.
    Copy,
    /// Saves a preset or a file.
    Write,
    /// Leaves, after a question.
    Quit,
    /// Leaves after a question; the second time at once. Cancels a running build after a question.
    Interrupt,
    /// Cancels the running build, after a question.
    Cancel,
    /// Stops until the shell continues us.
    Suspend,
    /// Takes a field back to its default.
    Reset,
    /// A new row.
    AddRow,
    /// A new disk that is a copy.
    CloneRow,
    /// A new disk that exists.
    AttachRow,
    /// The installation medium.
    ChooseIso,
    /// Deletes the row.
    DeleteRow,
    /// Moves the row up.
    RowUp,
    /// Moves the row down.
    RowDown,
    /// Reads the host again.
    Refresh,
    /// Reads what libvirt does not tell of a remote host over ssh, after a question; gives it up while it runs.
    Probe,
    /// All fields of the forms, or those that every VM needs.
    MoreFields,
    /// The map of the host's CPUs.
    CpuMap,
    /// Has a thread run on a core.
    PlaceThread,
    /// What was placed on a core goes back.
    FreeCore,
    /// Has threads pinned, or not.
    PinOrNot,
    /// The next kind of devices.
    KindFilter,
    /// Passed, held, or left with the host.
    ChangeRole,
    /// Chooses a ROM file for the device.
    ChooseRom,
    /// Compares the ways in which the guest can have an NVMe drive.
    CompareWays,
    /// The next tab.
    NextTab,
    /// The tab before.
    PreviousTab,
    /// Chooses what the XML is compared with.
    Compare,
    /// Shows what libvirt adds to every domain, or leaves it out.
    WholeDomain,
    /// The next change or hit.
    NextHunk,
    /// The change or hit before.
    PreviousHunk,
    /// Starts the VM at the end of the build, or not.
    StartAfter,
    /// Builds.
    Build,
    /// The same spec for another VM.
    AnotherVm,
    /// The whole log of the build.
    FullLog,
    /// What libvirt made of the XML that was sent.
    ShowStored,
}

impl Action {
    /// True for what makes sense in a list of commands: not moving around.
    pub fn is_command(self) -> bool {
        !matches!(
            self,
            Self::Move(_)
                | Self::Left
                | Self::Right
                | Self::Close
                | Self::Accept
                | Self::Go(_)
                | Self::NextField
                | Self::AcceptField
                | Self::PreviousField
                | Self::Palette
        )
    }
}

/// True where the key has this meaning at all in the state as it is; a key without meaning falls to a later line.
pub fn applies(app: &App, action: Action) -> bool {
    match action {
        Action::NextHunk | Action::PreviousHunk => app.zone == Zone::Xml || app.review.shows_xml(),
        Action::Compare => app.review.shows_xml(),
        Action::WholeDomain => app.review.shows_xml() && matches!(app.review.base, Base::Domain(_)),
        Action::ShowStored => !app.build.stored.is_empty(),
        Action::Cancel => app.build.is_running(),
        Action::Probe => app.probe.is_some(),
        Action::AnotherVm => app.build.has_built(app.name()),
        // A prompt with one text has nowhere to move to.
        Action::Move(_) => !matches!(app.overlays.last(), Some(Overlay::Prompt(prompt)) if prompt.second.is_none()),
        Action::NextField | Action::PreviousField if app.zone == Zone::Rows && app.editing.is_none() => {
            !app.fields().is_empty()
        }
        _ => true,
    }
}

/// Why an action cannot be done now, in a few words.
pub fn why_not(app: &App, action: Action) -> Option<String> {
    let reason = match action {
        Action::Undo if !app.history.can_undo(&app.content) => "nothing to undo",
        Action::Redo if !app.history.can_redo() => "nothing to redo",
        Action::NextStep if app.step == StepId::Build => "this is the last step",
        Action::PreviousStep if app.step == StepId::Template => "this is the first step",
        Action::Suspend if app.build.is_running() => "the build would stop; cancel it with ^C or let it run",
        Action::Checks if app.case.report.findings.is_empty() => "there are no findings",
        Action::Build => return app.build_gate(),
        Action::Reset => return reset_gate(app),
        // What a step says about opening is about its rows.
        Action::Open | Action::Toggle if app.zone != Zone::Rows => return None,
        _ => return steps::logic(app.step).why_not(app, action),
    };
    Some(reason.to_owned())
}

fn reset_gate(app: &App) -> Option<String> {
    let field = app.field()?;
    let set = app.content.pending.contains_key(&field.place) || !field.text.is_empty();
    (!set).then(|| "the field has its default".to_owned())
}

/// Does `action`.
pub fn act(app: &mut App, action: Action) -> Vec<Effect> {
    if let Some(why) = why_not(app, action) {
        app.toast = Some(why);
        return Vec::new();
    }
    if !app.overlays.is_empty() {
        return overlay_act(app, action);
    }
    match action {
        Action::Move(motion) => moved(app, motion),
        Action::NextField => app.step_field(true),
        Action::AcceptField => app.accept_field(),
        Action::PreviousField => app.step_field(false),
        Action::AnotherVm => another_vm(app),
        Action::Left => app.turn(false),
        Action::Right => app.turn(true),
        Action::Reset => app.reset(),
        Action::Close => close(app),
        Action::NextStep => app.go(app.step.next()),
        Action::PreviousStep => app.go(app.step.previous()),
        Action::Go(step) => app.go(step),
        Action::Help => app.overlays.push(overlay::help(app)),
        Action::Palette => app.overlays.push(overlay::palette(app)),
        Action::Checks => toggle_zone(app, Zone::Checks),
        Action::MoreFields => match app.extent {
            Extent::Usual => app.show(Extent::All),
            Extent::All => app.show(Extent::Usual),
        },
        Action::Xml => toggle_xml(app),
        Action::Undo => app.undo(),
        Action::Redo => app.redo(),
        Action::Write => app.overlays.push(write::menu()),
        Action::Filter => filter(app),
        Action::StartAfter => app.switch_start(),
        Action::NextHunk => hunk(app, true),
        Action::PreviousHunk => hunk(app, false),
        Action::Open | Action::Toggle => return open(app, action),
        Action::Copy => return write::copy(app),
        Action::Quit | Action::Interrupt | Action::Cancel => return leave::ask(app),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Refresh => return refresh(app),
        Action::Build => return leave::build(app),
        Action::Probe => return probe::wanted(app),
        _ => return steps::logic(app.step).act(app, action),
    }
    Vec::new()
}

/// Reads anew what the step shows; everything where the host did not answer.
fn refresh(app: &mut App) -> Vec<Effect> {
    let effects = steps::logic(app.step).act(app, Action::Refresh);
    if !effects.is_empty() && app.host == HostState::Up {
        return effects;
    }
    refresh_all(app)
}

/// Reads everything anew.
pub(super) fn refresh_all(app: &mut App) -> Vec<Effect> {
    if app.host != HostState::Up {
        app.host = HostState::Connecting;
    }
    app.asked.forget();
    app.ask().into_iter().chain([Effect::ListTemplates, Effect::ListPresets]).collect()
}

fn overlay_act(app: &mut App, action: Action) -> Vec<Effect> {
    if map::act(app, action) {
        return Vec::new();
    }
    let page = app.page();
    match action {
        Action::Move(motion) => {
            let long = match app.overlays.last() {
                Some(Overlay::Sheet(sheet)) => sheet::lines(app, sheet.address).len(),
                _ => 0,
            };
            if let Some(Overlay::Sheet(sheet)) = app.overlays.last_mut() {
                sheet.top = motion.from(sheet.top, long, page);
            } else if let Some(overlay) = app.overlays.last_mut() {
                overlay.step(motion, page);
            }
        }
        Action::Close => drop(app.overlays.pop()),
        Action::Accept => return accept(app),
        Action::Interrupt => return leave::interrupt(app),
        _ => {}
    }
    Vec::new()
}

fn accept(app: &mut App) -> Vec<Effect> {
    match app.overlays.pop() {
        Some(Overlay::Palette(list)) => match list.current() {
            Some(command) if command.why_not.is_some() => {
                app.toast.clone_from(&command.why_not);
                app.overlays.push(Overlay::Palette(list));
            }
            Some(command) => return run(app, &command.does.clone()),
            None => app.overlays.push(Overlay::Palette(list)),
        },
        Some(Overlay::Pick(purpose, list)) => return write::picked(app, purpose, list),
        Some(Overlay::Ask(ask)) => {
            if let Some((_, answer)) = ask.answers.into_iter().nth(ask.row) {
                return leave::answer(app, answer);
            }
        }
        Some(Overlay::Prompt(prompt)) => return write::prompted(app, prompt),
        other => app.overlays.extend(other),
    }
    Vec::new()
}

fn run(app: &mut App, does: &overlay::Does) -> Vec<Effect> {
    match does {
        overlay::Does::Act(action) => return act(app, *action),
        overlay::Does::GoTo(place) => app.go_to(place),
        overlay::Does::On(step, action) => {
            if *step != app.step {
                app.go(*step);
            }
            app.zone = Zone::Rows;
            app.clamp();
            return act(app, *action);
        }
        overlay::Does::Explain(at) => {
            if let Some(finding) = app.case.report.findings.get(*at) {
                let mut lines = vec![finding.message(Wording::Full), finding.remedy(Wording::Full)];
                lines.push(finding.check.explain.to_owned());
                lines.push(format!("at {}", finding.place()));
                lines.retain(|line| !line.is_empty());
                let notice = overlay::Notice { title: finding.code().to_owned(), lines, top: 0 };
                app.overlays.push(Overlay::Notice(notice));
            }
        }
    }
    Vec::new()
}

fn moved(app: &mut App, motion: Motion) {
    let page = app.page();
    match app.zone {
        Zone::Rows => {
            let rows = steps::logic(app.step).rows(app);
            let to = motion.from(app.cursor().row, rows, page);
            app.cursor_mut().row = to;
            app.cursor_mut().field = 0;
        }
        Zone::Fields => {
            let fields = app.fields().len();
            app.touch();
            let to = motion.from(app.cursor().field, fields, page);
            app.cursor_mut().field = to;
        }
        Zone::Checks => app.checks_row = motion.from(app.checks_row, app.case.report.findings.len(), page),
        Zone::Xml => app.xml.row = motion.from(app.xml.row, app.xml_lines().len(), page),
    }
}

fn open(app: &mut App, action: Action) -> Vec<Effect> {
    match app.zone {
        Zone::Rows if action == Action::Open => return steps::logic(app.step).open(app),
        Zone::Rows => return steps::logic(app.step).toggle(app),
        Zone::Fields => app.open_field(),
        Zone::Checks => {
            if let Some(finding) = app.case.report.findings.get(app.checks_row) {
                let place = finding.place().clone();
                app.go_to(&place);
            }
        }
        Zone::Xml => {
            let origin = app.xml_lines().into_iter().nth(app.xml.row).and_then(|line| line.line.origin);
            match origin {
                Some(place) => app.go_to(&place),
                None => app.toast = Some("this line is always present; custom XML can change it".into()),
            }
        }
    }
    Vec::new()
}

fn close(app: &mut App) {
    let in_form = std::mem::take(&mut app.filling);
    if app.editing.is_some() {
        app.leave_field();
        return;
    }
    if in_form {
        return;
    }
    match app.zone {
        Zone::Fields | Zone::Checks => app.zone = app.home_zone(),
        Zone::Xml => {
            app.xml.open = false;
            app.zone = app.home_zone();
        }
        Zone::Rows => steps::logic(app.step).clear_filter(app),
    }
    app.clamp();
}

/// Everything stays but the name: the field for it is open.
fn another_vm(app: &mut App) {
    app.build = steps::build::BuildView::aside(app);
    let name = Place::root().key("name");
    app.set(&name, None);
    app.refresh();
    app.go_to(&name);
    app.touched.remove(&name);
    app.open_field();
}

fn toggle_zone(app: &mut App, zone: Zone) {
    app.zone = if app.zone == zone { app.home_zone() } else { zone };
    app.clamp();
}

fn toggle_xml(app: &mut App) {
    toggle_zone(app, Zone::Xml);
    app.xml.open = app.zone == Zone::Xml && !app.is_wide();
}

fn filter(app: &mut App) {
    let editing = if app.zone == Zone::Xml || app.step == StepId::Review {
        Editing::new(Target::Search, &app.xml.search, false)
    } else {
        let text = steps::logic(app.step).filter(app);
        Editing::new(Target::Filter, &text, false)
    };
    app.editing = Some(editing);
}

fn hunk(app: &mut App, forward: bool) {
    if app.zone == Zone::Xml {
        let to = super::xml::next(&app.xml_lines(), app.xml.row, &app.xml.search, forward);
        app.xml.row = to.unwrap_or(app.xml.row);
        if to.is_none() {
            app.toast = Some("no match or change in this direction".into());
        }
    } else {
        steps::review::hunk(app, forward);
    }
}

impl App {
    /// What stands in the way of a build, if anything.
    pub fn build_gate(&self) -> Option<String> {
        if self.build.is_running() {
            return Some("the build is running".into());
        }
        if self.build.has_built(self.name()) {
            return Some(format!("{} is built; change the name to build another one", self.name()));
        }
        if let Some(why) = self.no_build {
            return Some(why.into());
        }
        // Lock-outs alone yield to addresses typed out, which the build asks for.
        if self.case.report.is_only_locked_out() {
            return None;
        }
        let blockers: Vec<_> = self.case.report.blockers().collect();
        let in_step = |step: &StepId| blockers.iter().filter(|finding| StepId::of(finding.place()) == *step).count();
        let counts = StepId::ALL.iter().map(|step| (step, in_step(step))).filter(|(_, count)| *count > 0);
        let parts: Vec<String> = counts
            .enumerate()
            .map(|(at, (step, count))| {
                let word = match (at, count) {
                    (0, 1) => " error",
                    (0, _) => " errors",
                    _ => "",
                };
                format!("{count}{word} in {} {}", step.number(), step.title())
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
