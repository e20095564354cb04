//! One message in, effects out. Nothing here does I/O or reads a clock.

use super::editor::Target;
use super::history::Content;
use super::steps::pci::PciView;
use super::{
    App, Effect, HostState, Key, Msg, Reply, Saved, Values, Zone, action, case, drafts, keys, leave, probe, steps,
};
use crate::facts::{Fact, FactsPart};

/// Takes a message in. What follows from it is in `app`; what has to be done outside comes back.
pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let pressed_key = matches!(msg, Msg::Key(_));
    let mut effects = match msg {
        Msg::Key(key) => pressed(app, key),
        Msg::Paste(text) => pasted(app, &text),
        Msg::Facts(part) => facts(app, part),
        Msg::Build(event) => app.build_event(event),
        Msg::Stored(reply) => stored(app, reply),
        Msg::Signal(signal) => leave::signal(app, signal),
        other => {
            noted(app, other);
            Vec::new()
        }
    };
    let changed = app.stale;
    app.refresh();
    app.fill_open_list();
    if pressed_key && !changed {
        app.point_xml();
    }
    effects.extend(app.ask());
    effects.extend(app.save_draft());
    effects
}

/// Messages that only change what is shown.
fn noted(app: &mut App, msg: Msg) {
    match msg {
        Msg::Size(width, height) => {
            app.size = (width, height);
            if app.is_wide() {
                app.xml.open = false;
            } else if app.zone == Zone::Xml {
                app.xml.open = true;
            }
        }
        Msg::HostFailed { text, remedy } => leave::host_failed(app, text, remedy),
        Msg::Probed(ended) => probe::ended(app, ended),
        Msg::Waiting(awaited) => app.waiting = awaited,
        Msg::Clock(now) => {
            app.clock = now;
            app.pci.forget_changes(now);
        }
        _ => {}
    }
}

fn pressed(app: &mut App, key: Key) -> Vec<Effect> {
    app.toast = None;
    if let Some(action) = keys::action(app, key) {
        return action::act(app, action);
    }
    if let Some(overlay) = app.overlays.last_mut() {
        overlay.key(key);
    } else if let Some(editing) = &mut app.editing {
        if editing.key(key) {
            typed(app);
        }
    } else if app.filling && key.text().is_some() {
        app.type_into_field(key);
    } else if key.text().is_some() {
        app.toast = Some(no_function(app, key));
    }
    Vec::new()
}

/// A key that has no function here: where it has one, if in other steps.
fn no_function(app: &App, key: Key) -> String {
    let steps: Vec<_> = keys::steps(key).collect();
    let numbers: Vec<String> = steps.iter().map(|step| step.number().to_string()).collect();
    match numbers.as_slice() {
        [] => format!("{key} has no function here; ? lists the keys"),
        _ if steps.contains(&app.step) => format!("{key} works in the list of this step"),
        [one] => format!("{key} works in step {one}"),
        [first @ .., last] => format!("{key} works in steps {} and {last}", first.join(", ")),
    }
}

fn pasted(app: &mut App, text: &str) -> Vec<Effect> {
    app.toast = None;
    if let Some(overlay) = app.overlays.last_mut() {
        overlay.paste(text);
    } else if let Some(editing) = &mut app.editing {
        // A paste is an undo step of its own, also in the middle of typing.
        editing.typed = false;
        editing.paste(text);
        typed(app);
    } else {
        app.toast = Some("open a field with Enter before pasting".into());
    }
    Vec::new()
}

/// The text being typed has changed.
fn typed(app: &mut App) {
    let Some(editing) = &mut app.editing else { return };
    let text = editing.value();
    let first = std::mem::replace(&mut editing.typed, true);
    match editing.target.clone() {
        Target::Field(place) => {
            // All keys of one visit to a field are one step of undo.
            if !first {
                app.checkpoint();
            }
            app.store_typed(&place, &text);
        }
        Target::Filter => steps::logic(app.step).set_filter(app, text),
        Target::Search => {
            app.xml.search = text;
            if app.step == crate::app::StepId::Review && app.zone == Zone::Rows {
                steps::review::search(app);
            } else if let Some(at) = super::xml::find(&app.xml_lines(), app.xml.row, &app.xml.search) {
                app.xml.row = at;
            }
        }
    }
}

fn facts(app: &mut App, part: FactsPart) -> Vec<Effect> {
    if let FactsPart::Host { host, .. } = &part {
        match host {
            Fact::Known { .. } => app.host = HostState::Up,
            // The failure itself says more, and comes first.
            Fact::Unknown { why } | Fact::Denied { why } if !matches!(app.host, HostState::Failed { .. }) => {
                leave::host_failed(app, why.clone(), String::new());
            }
            Fact::Pending | Fact::Unknown { .. } | Fact::Denied { .. } => {}
        }
    }
    if matches!(part, FactsPart::Domains(_)) {
        app.asked.forget_definitions();
    }
    let kept = PciView::before(app);
    if app.facts_would_change(&part) {
        let first_pools = matches!(part, FactsPart::Pools(_)) && app.facts.pools.get().is_none();
        app.facts.absorb(part);
        if first_pools {
            steps::storage::opened(app);
        }
        app.stale = true;
        app.pci_after(&kept);
    }
    Vec::new()
}

fn stored(app: &mut App, reply: Reply) -> Vec<Effect> {
    let by_name = |mut list: Vec<Saved>| {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    };
    match reply {
        Reply::Presets(list) => app.presets = by_name(list),
        Reply::Templates(list) => {
            app.templates = Some(by_name(list));
            app.stale = true;
        }
        Reply::PresetSaved(name) => app.toast = Some(format!("saved as preset {name}")),
        Reply::PresetDeleted(name) => app.toast = Some(format!("preset {name} deleted")),
        Reply::DraftsOffered(left) => drafts::offer(app, left),
        Reply::DraftCopied => {
            app.toast = Some("this draft is open in another vmbuild; you are working on a copy".into());
        }
        Reply::Copied(bytes) => app.toast = Some(format!("sent to your terminal ({bytes} bytes)")),
        Reply::Written(path) => app.toast = Some(format!("written to {path}")),
        Reply::Failed { what, why } => {
            let notice = super::overlay::Notice { title: format!("Could not {what}"), lines: vec![why], top: 0 };
            app.overlays.push(super::overlay::Overlay::Notice(notice));
        }
    }
    app.clamp();
    Vec::new()
}

impl App {
    /// Computes anew what follows, if anything changed.
    pub(super) fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.case = case::judge(&self.content, self.templates.as_deref(), &self.facts, &self.allowed);
        self.values = Values::of(self.case.spec());
        // Whoever asks for another device and comes back types its address again.
        self.allowed.keep(&self.case.report.findings);
        if let Some(report) = self.build.report(&self.content) {
            self.case.report = report;
        }
        steps::pci::relist(self);
        steps::review::opened(self);
        self.clamp();
        self.note_seen();
        if self.zone == Zone::Xml {
            self.xml.row = self.xml.row.min(self.xml_lines().len().saturating_sub(1));
        } else {
            self.follow_xml();
        }
    }

    /// Saves the draft after each accepted change: not at every key of a text.
    fn save_draft(&mut self) -> Option<Effect> {
        if self.editing.is_some() || self.content == self.stored || self.build.has_built(self.name()) {
            return None;
        }
        self.stored = self.content.clone();
        if self.content == Content::default() {
            return Some(Effect::DiscardDraft);
        }
        Some(Effect::SaveDraft(Box::new(self.draft())))
    }

    /// True where `part` says something new. Facts that are read again mostly do not, and then nothing is redrawn.
    fn facts_would_change(&self, part: &FactsPart) -> bool {
        let now = &self.facts;
        match part {
            FactsPart::Host { host, memory, kvm } => {
                !same(host, &now.host) || !same(memory, &now.memory) || !same(kvm, &now.kvm)
            }
            FactsPart::Cpus { cpus, nodes } => !same(cpus, &now.cpus) || !same(nodes, &now.nodes),
            FactsPart::Pools(pools) => !same(pools, &now.pools),
            FactsPart::Networks { networks, bridges } => !same(networks, &now.networks) || !same(bridges, &now.bridges),
            FactsPart::Domains(domains) => !same(domains, &now.domains),
            FactsPart::Pci { pci, iommu } => !same(pci, &now.pci) || !same(iommu, &now.iommu),
            FactsPart::Roms { roms, confinement } => !same(roms, &now.roms) || !same(confinement, &now.confinement),
            FactsPart::Details { details, groups } => {
                let new = details.iter().any(|(address, details)| now.details.get(address) != Some(details));
                new || groups.iter().any(|(number, group)| now.groups.get(number) != Some(group))
            }
            FactsPart::Systems(systems) => !same(systems, &now.systems),
            FactsPart::Boot { .. }
            | FactsPart::Uses { .. }
            | FactsPart::Capabilities { .. }
            | FactsPart::Files(_)
            | FactsPart::Definitions(_)
            | FactsPart::Profiles(_) => true,
        }
    }
}

/// True where both say the same, whenever it was read.
fn same<T: PartialEq>(a: &Fact<T>, b: &Fact<T>) -> bool {
    match (a, b) {
        (Fact::Known { value: a, .. }, Fact::Known { value: b, .. }) => a == b,
        (a, b) => a == b,
    }
}
