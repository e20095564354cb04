//! The one place that changes the state of the wizard. A message comes in, what has the focus answers with an [`Outcome`], and
//! the outcome takes effect: its edits as one step of undo, the case that follows from them, the views, the focus. Decides
//! nothing that a page could decide; does no I/O and reads no clock.

use super::edit::{difference, moved};
use super::focus::{Cursor, Focus, Motion, Zone};
use super::form::Extent;
use super::history::{Content, History};
use super::intent::Intent;
use super::model::{HostState, Model, Start};
use super::outcome::{Edit, Go, Outcome, Turn};
use super::overlay::Overlay;
use super::state::{App, XmlView};
use super::steps::build::view::BuildView;
use super::steps::pci::view::PciView;
use super::steps::pci::{list, verdict};
use super::steps::review::view::ReviewView;
use super::steps::{logic, storage};
use super::{
    Effect, Key, Msg, StepId, acting, answering, asking, comparison, filling, leaving, news, offers, probing,
    questions, rail, replies, xml,
};
use crate::case::{self, Asked};
use crate::checks;
use crate::facts::{Fact, Facts, FactsPart, Part, uses};
use crate::plan::BuildEvent;
use crate::spec::Place;
use crate::units::PciAddress;
use serde_json::Value;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How long a changed row of the PCI list is marked.
const MARKED_SECONDS: u64 = 3;

/// Takes a message in. What follows from it is in `app`; what has to be done outside comes back.
pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let pressed_key = matches!(msg, Msg::Key(_));
    app.shows_change = false;
    let mut effects = app.receive(msg);
    app.judge();
    app.fill_open_list();
    if pressed_key && !app.shows_change {
        app.point_xml();
    }
    app.look_at_cards();
    effects.extend(app.ask());
    effects.extend(app.save_draft());
    effects
}

/// What reaches the wizard.
impl App {
    /// The state at the start, and what has to be asked.
    pub fn new(start: Start) -> (Self, Vec<Effect>) {
        let (size, model) = (start.size, Model::new(start));
        let mut app = Self {
            stored: model.content.clone(),
            model,
            step: StepId::Template,
            cursors: [Cursor::default(); 9],
            focus: Focus::Rows,
            overlays: Vec::new(),
            history: History::default(),
            touched: BTreeSet::new(),
            seen: std::array::from_fn(|_| None),
            size,
            extent: Extent::Usual,
            waiting: None,
            checks_row: 0,
            xml: XmlView::default(),
            review: ReviewView::default(),
            pci: PciView::default(),
            build: BuildView::default(),
            toast: None,
            asked: Asked::default(),
            stale: false,
            shows_change: false,
        };
        // With a template or a spec the wizard starts at what is still to fill in.
        app.open_step(if app.content.layers.is_empty() { StepId::Template } else { StepId::System });
        let effects = app.ask_all();
        (app, effects)
    }

    fn receive(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Key(key) => return self.pressed(key),
            Msg::Paste(text) => return self.pasted(&text),
            Msg::Facts(part) => self.learn(part),
            Msg::Build(event) => return self.follow_build(event),
            Msg::Stored(reply) => return self.take(replies::received(self, reply)),
            Msg::Signal(_) => return self.take(leaving::signalled(self)),
            Msg::Probed(ended) => return self.take(probing::ended(self, ended)),
            Msg::HostFailed { text, remedy } => self.lose_host(text, remedy),
            Msg::Size(width, height) => self.size = (width, height),
            Msg::Waiting(awaited) => self.waiting = awaited,
            Msg::Clock(now) => {
                self.model.clock = now;
                self.pci.forget_changes(now);
            }
        }
        Vec::new()
    }

    fn pressed(&mut self, key: Key) -> Vec<Effect> {
        self.toast = None;
        if let Some(intent) = offers::intent(self, key) {
            return self.perform(intent);
        }
        if let Some(overlay) = self.overlays.last_mut() {
            overlay.key(key);
        } else if let Some(text) = self.focus.editing_mut() {
            if text.key(key) {
                return self.typed();
            }
        } else if self.focus.is_filling() && key.text().is_some() {
            let effects = self.take(filling::type_into(self));
            self.overlays.last_mut().map(|overlay| overlay.key(key));
            return effects;
        } else if key.text().is_some() {
            self.toast = Some(offers::no_function(self, key));
        }
        Vec::new()
    }

    fn pasted(&mut self, text: &str) -> Vec<Effect> {
        self.toast = None;
        if let Some(overlay) = self.overlays.last_mut() {
            overlay.paste(text);
        } else if let Some(editing) = self.focus.editing_mut() {
            // A paste is an undo step of its own, also in the middle of typing.
            editing.typed = false;
            editing.paste(text);
            return self.typed();
        } else {
            self.toast = Some("open a field with Enter before pasting".into());
        }
        Vec::new()
    }

    /// The text being typed has changed. All keys of one visit to a field are one step of undo.
    fn typed(&mut self) -> Vec<Effect> {
        let goes_on = self.focus.editing_mut().is_some_and(|text| std::mem::replace(&mut text.typed, true));
        self.take(Outcome { goes_on, ..filling::typed(self) })
    }

    /// Answers `intent`, then each intent that an answer leads to.
    fn perform(&mut self, intent: Intent) -> Vec<Effect> {
        let over = !self.overlays.is_empty();
        let mut effects = Vec::new();
        let mut next = Some(intent);
        while let Some(intent) = next.take() {
            let outcome = match offers::why_not(self, intent) {
                Some(why) => Outcome::say(why),
                None if over && !self.overlays.is_empty() => self.answer_over(intent),
                None => self.answer(intent),
            };
            next = outcome.then;
            effects.extend(self.take(outcome));
        }
        effects
    }

    fn answer(&mut self, intent: Intent) -> Outcome {
        match intent {
            Intent::Undo | Intent::Redo => self.walk_back(intent == Intent::Undo),
            _ => return acting::act(self, intent),
        }
        Outcome::default()
    }

    /// What the overlay on top does with `intent`. One that was answered is closed first.
    fn answer_over(&mut self, intent: Intent) -> Outcome {
        match intent {
            Intent::Move(motion) => self.move_over(motion),
            Intent::Close => drop(self.overlays.pop()),
            Intent::Accept => {
                let overlay = self.overlays.pop();
                return overlay.map(|overlay| answering::accepted(self, overlay)).unwrap_or_default();
            }
            Intent::Interrupt => {
                let overlay = self.overlays.pop();
                return overlay.map(|overlay| answering::interrupted(self, &overlay)).unwrap_or_default();
            }
            _ => return acting::act_over(self, intent),
        }
        Outcome::default()
    }

    fn move_over(&mut self, motion: Motion) {
        let (page, length) = (self.page(), acting::length(self));
        if let Some(overlay) = self.overlays.last_mut() {
            overlay.step(motion, page, length);
        }
    }
}

/// What an outcome does.
impl App {
    fn take(&mut self, outcome: Outcome) -> Vec<Effect> {
        let Outcome { edits, goes_on, turns, go, show, say, mut effects, then: _ } = outcome;
        self.edit(&edits, goes_on);
        let asks_all = turns.iter().any(|turn| matches!(turn, Turn::AskAll));
        for turn in turns {
            self.turn(turn);
        }
        let judged = self.judge();
        if asks_all {
            effects.extend(self.ask_all());
        }
        match go {
            Some(go) => self.go(go),
            None if judged => {}
            None => self.keep_legal(),
        }
        self.overlays.extend(show);
        if say.is_some() {
            self.toast = say;
        }
        effects
    }

    /// Changes the content; what it was before is where undo goes back to.
    fn edit(&mut self, edits: &[Edit], goes_on: bool) {
        if edits.is_empty() {
            return;
        }
        if !goes_on {
            self.history.checkpoint(self.model.content.clone());
            self.model.xml_before = Some(self.model.case.preview.lines.clone());
        }
        self.toast = self.model.apply(edits).err().or(self.toast.take());
        for edit in edits {
            if let Edit::Rows { list, from, .. } = edit {
                let touched = self.touched.iter().map(|place| (place.clone(), ())).collect();
                self.touched = moved(&touched, list, from).into_keys().collect();
            }
        }
        self.stale = true;
    }

    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Pci(view) => self.list_otherwise(*view),
            Turn::Review(view) => {
                self.review = *view;
                self.compare();
            }
            Turn::Build(view) => self.build = *view,
            Turn::Xml(view) => self.xml = view,
            Turn::Extent(extent) => self.show_fields(extent),
            Turn::Touch(place) => drop(self.touched.insert(place)),
            Turn::Untouch(place) => drop(self.touched.remove(&place)),
            Turn::AskDefinitions => self.asked.forget_definitions(),
            Turn::AskDetails => self.asked.forget_details(|_| true),
            Turn::AskAll => self.forget_asked(),
            Turn::GiveUp(device) => {
                self.model.allowed.give_up(device);
                self.stale = true;
            }
            Turn::Presets(list) => self.model.presets = list,
            Turn::Templates(list) => {
                self.model.templates = Some(list);
                self.stale = true;
            }
            Turn::Probe(state) => self.model.probe.iter_mut().for_each(|probe| probe.state = state.clone()),
            Turn::UseDemo => {
                self.model.use_demo();
                (self.pci, self.asked, self.stale) = (PciView::default(), Asked::default(), true);
            }
            Turn::Draft(content) => {
                self.model.content = *content;
                self.stored = self.model.content.clone();
                self.review.seen = None;
                self.stale = true;
            }
            Turn::Kept => self.stored = self.model.content.clone(),
        }
    }

    /// Whatever was asked is asked again.
    fn forget_asked(&mut self) {
        if self.host != HostState::Up {
            self.model.host = HostState::Connecting;
        }
        self.asked.forget();
    }

    /// Shows more or fewer fields; the cursor stays on its field where that is shown.
    fn show_fields(&mut self, extent: Extent) {
        let at = self.field().map(|field| field.place);
        self.extent = extent;
        if let Some(field) = at.and_then(|place| self.field_of(&place)) {
            self.cursor_mut().field = field;
        }
    }

    /// One step back, or forward again.
    fn walk_back(&mut self, back: bool) {
        self.focus_on(self.focus.outside());
        let Some(content) = self.history.walk(&self.model.content, back) else { return };
        self.model.xml_before = Some(self.model.case.preview.lines.clone());
        let about = difference(&self.model.content, &content);
        self.model.content = content;
        self.toast = Some(format!("{}: {about}", if back { "undone" } else { "redone" }));
        self.stale = true;
    }

    /// Computes what follows, if anything changed; true where it did.
    fn judge(&mut self) -> bool {
        if !std::mem::take(&mut self.stale) {
            return false;
        }
        self.model.judge();
        if let Some(report) = self.build.report(&self.model.content) {
            self.model.case.report = report;
        }
        self.pci.order = list::order(&self.model, &self.pci);
        self.compare();
        self.keep_legal();
        self.note_seen();
        self.follow_xml();
        self.shows_change = true;
        true
    }

    /// Sets one field, as one step of undo.
    pub fn set(&mut self, place: &Place, value: Option<Value>) {
        self.take(Outcome::edit(Edit::Set(place.clone(), value)));
    }
}

/// Where the focus is.
impl App {
    fn go(&mut self, go: Go) {
        // On within the form the XML stays where the last change is.
        self.shows_change &= matches!(go, Go::At(..));
        match go {
            Go::Step(step) => self.open_step(step),
            Go::List(step) => {
                if step != self.step {
                    self.open_step(step);
                }
                self.focus_on(Focus::Rows);
            }
            Go::Place(place) => self.go_to(&place),
            Go::Cursor(cursor) => *self.cursor_mut() = cursor,
            Go::Field(cursor, name) => {
                *self.cursor_mut() = cursor;
                self.keep_legal();
                if let Some(at) = self.fields().iter().position(|field| field.place.field() == Some(name)) {
                    self.focus_on(Focus::Field { filling: false });
                    self.cursor_mut().field = at;
                }
            }
            Go::At(field, focus) => {
                self.focus_on(focus);
                self.cursor_mut().field = field;
            }
            Go::Focus(focus) => self.focus_on(focus),
            Go::Home => self.focus_on(filling::home(self)),
            Go::Finding(row) => self.checks_row = row,
        }
        self.keep_legal();
    }

    /// Another focus. A text that is left counts as seen: its error is shown from now on.
    fn focus_on(&mut self, focus: Focus) {
        if let Focus::Typing { place, .. } = std::mem::replace(&mut self.focus, focus) {
            self.touched.insert(place);
        }
    }

    fn cursor_mut(&mut self) -> &mut Cursor {
        let index = self.step.index() % self.cursors.len();
        &mut self.cursors[index]
    }

    /// Puts the cursor of a step on another row, where there is one to go to.
    fn put_cursor(&mut self, step: StepId, row: Option<usize>) {
        if let (Some(row), Some(cursor)) = (row, self.cursors.get_mut(step.index())) {
            cursor.row = row;
        }
    }

    /// Shows `step`, with the focus where it is of most use.
    fn open_step(&mut self, step: StepId) {
        self.focus_on(self.focus.outside());
        self.note_seen();
        if step != StepId::Review && self.step == StepId::Review {
            self.review.seen = Some(self.model.case.preview.lines.clone());
        }
        // The user has seen the fields of a step that is left: what is missing in them is an error from now on.
        let seen = self.fields().into_iter().map(|field| field.place);
        self.touched.extend(seen.collect::<Vec<_>>());
        self.step = step;
        if step == StepId::Storage {
            self.put_cursor(step, storage::first_row(self));
        }
        self.focus = filling::home(self);
        self.note_seen();
        self.compare();
        self.keep_legal();
    }

    /// Moves to the field or row that `place` names, to the step otherwise.
    pub fn go_to(&mut self, place: &Place) {
        self.open_step(StepId::of(place));
        if let Some(turn) = logic(self.step).reveal(self, place) {
            self.turn(turn);
        }
        self.put_cursor(self.step, logic(self.step).row_of(self, place));
        let mut field = self.field_of(place);
        if field.is_none() && logic(self.step).fields(self).iter().any(|field| place.within(&field.place)) {
            self.extent = Extent::All;
            field = self.field_of(place);
        }
        if let Some(field) = field {
            self.cursor_mut().field = field;
            self.focus_on(Focus::Field { filling: false });
        }
        self.keep_legal();
    }

    /// Brings the focus back into lists and forms after rows or fields came or went.
    fn keep_legal(&mut self) {
        let rows = logic(self.step).rows(self);
        let row = self.cursor().row.min(rows.saturating_sub(1));
        self.cursor_mut().row = row;
        let (field, focus) = filling::legal(self, rows);
        self.cursor_mut().field = field;
        if let Some(focus) = focus {
            self.focus_on(focus);
        }
        self.checks_row = self.checks_row.min(self.case.report.findings.len().saturating_sub(1));
        // With the change marked it has at least as many lines.
        if self.xml.row >= self.case.preview.lines.len() {
            self.xml.row = self.xml.row.min(self.xml_lines().len().saturating_sub(1));
        }
    }

    /// Remembers how the step on screen looks.
    fn note_seen(&mut self) {
        let look = rail::look(self, self.step);
        if let Some(seen) = self.seen.get_mut(self.step.index()) {
            *seen = Some(look);
        }
    }
}

/// What views show of the model.
impl App {
    /// Makes what the XML is compared with, while the review is on screen.
    fn compare(&mut self) {
        if self.step == StepId::Review {
            let ReviewView { base, seen, whole, .. } = &self.review;
            self.review.against = comparison::against(&self.model, base, seen.as_deref(), *whole);
        }
    }

    /// Lists PCI devices by another view; the cursor stays on its device.
    fn list_otherwise(&mut self, view: PciView) {
        let kept = list::selected(self).map(|device| device.address);
        self.pci = view;
        self.pci.order = list::order(&self.model, &self.pci);
        self.put_cursor(StepId::Pci, kept.and_then(|address| list::row_at(self, address)));
    }

    /// Computes what taking the cards on screen would mean.
    fn look_at_cards(&mut self) {
        if self.step != StepId::Pci {
            return;
        }
        for address in verdict::missing(self) {
            let taken = Rc::new(checks::take_holding(&self.model.facts, &[address]));
            self.pci.verdicts.insert(address, taken);
        }
    }

    /// Fills the open list of a field, where what it offers arrived late.
    fn fill_open_list(&mut self) {
        let Some((items, why_empty)) = filling::late_items(self) else { return };
        if let Some(Overlay::Pick(_, list)) = self.overlays.last_mut() {
            list.fill(items, why_empty);
        }
    }

    /// Moves the XML to what the field that has the focus made.
    fn point_xml(&mut self) {
        let Some(field) = self.field() else { return };
        if let Some(row) = xml::made_by(&self.xml_lines(), &field.place) {
            self.xml.row = row;
        }
    }

    /// Moves the XML to what the last change made, unless the user is reading it.
    fn follow_xml(&mut self) {
        let lines = self.xml_lines();
        if self.zone() != Zone::Xml
            && let Some(first) = xml::hunks(&lines).first()
        {
            self.xml.row = *first;
        }
        self.xml.row = self.xml.row.min(lines.len().saturating_sub(1));
    }
}

/// The outside: the host, the build, our own files.
impl App {
    /// Asks what is not known yet and was not asked for; the answers come later, and may lead to more questions.
    fn ask(&mut self) -> Option<Effect> {
        let scope = asking::scope(self);
        let queries = case::queries(&self.model.case, &self.model.facts, &scope, &mut self.asked);
        (!queries.is_empty()).then_some(Effect::Ask(queries))
    }

    /// Asks the host, and for templates and presets.
    fn ask_all(&mut self) -> Vec<Effect> {
        self.ask().into_iter().chain([Effect::ListTemplates, Effect::ListPresets]).collect()
    }

    /// Facts arrived.
    fn learn(&mut self, part: FactsPart) {
        match &part {
            FactsPart::Host { host: Fact::Known { .. }, .. } => self.model.host = HostState::Up,
            FactsPart::Host { host, .. } => {
                // The failure itself says more, and comes first.
                let told = matches!(self.host, HostState::Failed { .. });
                if let Some(why) = host.why_not().filter(|_| !host.is_pending() && !told) {
                    self.lose_host(why.to_owned(), String::new());
                }
            }
            FactsPart::Domains(_) => self.asked.forget_definitions(),
            _ => {}
        }
        if !news::is_new(&self.facts, &part) {
            return;
        }
        let kept = list::selected(self).map(|device| device.address);
        let first_pools = matches!(part, FactsPart::Pools(_)) && self.facts.pools.get().is_none();
        let before = Rc::clone(&self.model.facts);
        Rc::make_mut(&mut self.model.facts).absorb(part);
        if first_pools {
            self.put_cursor(StepId::Storage, storage::first_row(self));
        }
        self.stale = true;
        self.learn_devices(&before, kept);
    }

    /// Marks the devices that changed and keeps the cursor on the one it was on.
    fn learn_devices(&mut self, before: &Facts, kept: Option<PciAddress>) {
        let facts = &self.model.facts;
        self.pci.look_again(facts.pci.items(), uses(facts));
        self.pci.order = list::order(&self.model, &self.pci);
        let changed = list::changed(before.pci.items(), facts.pci.items());
        // A new driver brings another power state, other ways of reset, virtual functions.
        self.asked.forget_details(|address| changed.contains(&address));
        if !before.pci.is_pending() {
            let until = self.model.clock + MARKED_SECONDS;
            self.pci.changed.extend(changed.into_iter().map(|address| (address, until)));
        }
        self.put_cursor(StepId::Pci, kept.and_then(|address| list::row_at(self, address)));
    }

    /// The host cannot be asked. Where it never answered, the user can have the demo host instead; one that is lost on the
    /// way is connected again automatically.
    fn lose_host(&mut self, text: String, remedy: String) {
        if self.host == HostState::Connecting && self.editing().is_none() {
            // Below a question that is open already.
            self.overlays.insert(0, questions::without_host(self, &text, &remedy));
        }
        self.model.host = HostState::Failed { text, remedy };
    }

    /// Takes an event of the build in; the cursor stays on the step that runs.
    fn follow_build(&mut self, event: BuildEvent) -> Vec<Effect> {
        match &event {
            BuildEvent::StepBegan { step, .. } | BuildEvent::StepFailed { step, .. } => {
                self.put_cursor(StepId::Build, Some(*step));
            }
            BuildEvent::Ended { .. } => self.overlays.clear(),
            _ => {}
        }
        let over = matches!(event, BuildEvent::Ended { .. });
        self.build.take(event);
        // What the build made or undid is new to the facts, too.
        if over { vec![Effect::observe([Part::Pools, Part::Domains, Part::Pci])] } else { Vec::new() }
    }

    /// Saves the draft after each accepted change: not at every key of a text.
    fn save_draft(&mut self) -> Option<Effect> {
        if self.editing().is_some() || self.content == self.stored || self.build.has_built(self.name()) {
            return None;
        }
        self.stored = self.model.content.clone();
        let is_empty = self.content == Content::default();
        Some(if is_empty { Effect::DiscardDraft } else { Effect::SaveDraft(Box::new(self.draft())) })
    }
}
