//! `vmbuild builds`: the builds of this user, what each made, and how it went.

use super::args::BuildsCommand;
use super::exit::CommandFailure;
use super::out::Out;
use super::progress::Progress;
use super::store::{folders, refused};
use super::table::Table;
use super::tone::Tone;
use crate::engine::{MadeId, Thing, builder};
use crate::host::backend::Trace;
use crate::host::{Backend, opening};
use crate::journal::{BuildRecord, BuildState, Builds, UnreadJournal};
use crate::plan::BuildEvent;
use crate::units::rfc_3339;
use serde_json::{Value, json};

/// Does what was asked.
pub fn run(command: Option<BuildsCommand>, out: &mut Out) -> Result<(), CommandFailure> {
    let builds = Builds::new(&folders()?);
    match command.unwrap_or(BuildsCommand::List { open: false }) {
        BuildsCommand::List { open } => list(&builds, open, out),
        BuildsCommand::Show { id } => show(&find(&builds, &id)?, out),
        BuildsCommand::Replay { id } => replay(&find(&builds, &id)?, out),
    }
}

/// The one build that is called so.
pub fn find(builds: &Builds, name: &str) -> Result<BuildRecord, CommandFailure> {
    let found = builds.find(name).map_err(|error| refused(&error))?;
    found.map_err(|error| CommandFailure::usage(error.to_string()).remedy("vmbuild builds lists them."))
}

fn list(builds: &Builds, open: bool, out: &mut Out) -> Result<(), CommandFailure> {
    let all = builds.all().map_err(|error| refused(&error))?;
    let mut records = Vec::new();
    for read in all {
        match read {
            Ok(record) => records.push(record),
            Err(UnreadJournal { path, fault }) => {
                out.complain(&[(Tone::Warn, &format!("{}: {fault}", path.display()))]);
            }
        }
    }
    records.retain(|record| !open || record.state().is_open());
    if out.is_json() {
        let list: Vec<Value> = records.iter().map(document).collect();
        return Ok(out.json(&json!({ "builds": list }))?);
    }
    if records.is_empty() {
        let text = if open { "No build is interrupted." } else { "No builds yet." };
        return Ok(out.line(text)?);
    }
    let mut table = Table::new(&["ID", "BEGAN", "VM", "HOST", "STATE", "LEFT"]);
    for record in &records {
        let opened = record.opened();
        let left = if record.state().is_open() { things(record).join(", ") } else { String::new() };
        let began = rfc_3339(record.text.opened_ms / 1000);
        table.row([
            opened.id.clone(),
            began,
            opened.plan.name.clone(),
            opened.host.source().name(),
            state(record),
            left,
        ]);
    }
    table.print(out)?;
    if records.iter().any(|record| record.state().is_open()) {
        out.line("")?;
        out.line("Finish an interrupted build with 'vmbuild recover ID --resume', or take it back with --undo.")?;
    }
    Ok(())
}

/// `cut off at step 3 of 7`.
pub fn state(record: &BuildRecord) -> String {
    let state = record.state();
    let at = record.at().filter(|_| matches!(state, BuildState::Running | BuildState::CutOff));
    let Some((step, percent)) = at else { return state.word().to_owned() };
    let percent = percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
    format!("{} at step {} of {}{percent}", state.word(), step + 1, record.opened().plan.steps.len())
}

/// What may be there, in words.
fn things(record: &BuildRecord) -> Vec<String> {
    let engine = builder(record.opened().plan.engine);
    // A running VM is named once.
    let things = record.left().into_iter().filter(|thing| !matches!(thing, Thing::Running { .. }));
    things.map(|thing| engine.undo(&thing, None, None).thing).collect()
}

fn document(record: &BuildRecord) -> Value {
    let (opened, state) = (record.opened(), record.state());
    let step = record.at().map(|(step, _)| step + 1);
    let left = if state.is_open() { things(record) } else { Vec::new() };
    json!({
        "id": opened.id,
        "name": opened.plan.name,
        "host": opened.host.source().name(),
        "began": rfc_3339(record.text.opened_ms / 1000),
        "state": state,
        "step": step,
        "steps": opened.plan.steps.len(),
        "percent": record.at().and_then(|(_, percent)| percent),
        "left": left,
        "journal": record.path,
    })
}

/// A thing that the build made or was about to make, and whether it is there.
pub struct Seen {
    /// In words.
    pub thing: String,
    /// What was found.
    pub now: String,
    /// The command that removes it by hand.
    pub by_hand: String,
}

/// What of the build is there now. `None` where the host does not answer, with the reason.
pub fn seen(record: &BuildRecord) -> Result<Vec<Seen>, String> {
    let opened = record.opened();
    let mut backend =
        opening::open(opened.plan.engine, &opened.host.source(), None).map_err(|error| error.to_string())?;
    let ledger = record.ledger();
    let mut all = Vec::new();
    if let Some(begun) = ledger.begun() {
        let now = trace(backend.as_mut(), &begun.thing, begun.foreseen.id.as_ref());
        let undo = ledger.undo_by_name(&begun.thing);
        all.push(Seen { thing: undo.thing, now, by_hand: undo.command.to_string() });
    }
    for made in ledger.newest_first() {
        let now = match backend.is_there(made) {
            Ok(true) => "there".to_owned(),
            Ok(false) => "gone".to_owned(),
            Err(error) => error.message,
        };
        let undo = ledger.undo(made);
        all.push(Seen { thing: undo.thing, now, by_hand: undo.command.to_string() });
    }
    Ok(all)
}

/// What is there of a thing that was about to be made.
fn trace(backend: &mut dyn Backend, thing: &Thing, id: Option<&MadeId>) -> String {
    match backend.observe(thing) {
        Trace::There if id.is_some() => "there, begun by this build".to_owned(),
        Trace::There => "there, and perhaps of this build".to_owned(),
        Trace::Absent => "not there".to_owned(),
        Trace::Unknown(why) => format!("not known: {why}"),
    }
}

fn show(record: &BuildRecord, out: &mut Out) -> Result<(), CommandFailure> {
    let seen = seen(record);
    let opened = record.opened();
    if out.is_json() {
        let things = seen.as_ref().map(|seen| {
            let one = |seen: &Seen| json!({"thing": seen.thing, "now": seen.now, "by_hand": seen.by_hand});
            seen.iter().map(one).collect::<Vec<_>>()
        });
        let mut body = document(record);
        body["things"] = json!(things.as_ref().ok());
        body["not_asked"] = json!(seen.as_ref().err());
        body["needs"] = json!(opened.needs);
        body["spec"] = json!(opened.spec);
        return Ok(out.json(&body)?);
    }
    out.line(&format!("Build {} of {}: {}", opened.id, opened.plan.name, state(record)))?;
    out.line(&format!(
        "Host {}, user {}, began {}",
        opened.host.source().name(),
        opened.uid,
        rfc_3339(record.text.opened_ms / 1000)
    ))?;
    out.line("")?;
    let mut progress = Progress::new(&opened.plan);
    for event in record.events().filter(|event| !matches!(event, BuildEvent::Progress { .. })) {
        progress.event(event, out)?;
    }
    out.line("")?;
    match seen {
        Err(why) => out.line(&format!("What is there now is not known: {why}"))?,
        Ok(seen) if seen.is_empty() => out.line("It left nothing.")?,
        Ok(seen) => {
            let mut table = Table::new(&["MADE", "NOW", "BY HAND"]);
            for Seen { thing, now, by_hand } in seen {
                table.row([thing, now, by_hand]);
            }
            table.print(out)?;
        }
    }
    if record.state().is_open() {
        let id = &opened.id;
        out.line("")?;
        out.line(&format!("Finish it with 'vmbuild recover {id} --resume', or take it back with --undo."))?;
    }
    Ok(())
}

fn replay(record: &BuildRecord, out: &mut Out) -> Result<(), CommandFailure> {
    let mut progress = Progress::new(&record.opened().plan);
    for event in record.events() {
        if out.is_json() { out.json_line(event) } else { progress.event(event, out) }?;
    }
    if !out.is_json() {
        out.line(&format!("{}: {}", record.opened().plan.name, state(record)))?;
    }
    Ok(())
}
