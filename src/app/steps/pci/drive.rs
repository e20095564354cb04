//! An NVMe drive in one of its three ways: what is asked, and what the answer makes of the spec.

use super::chosen::role;
use super::taking;
use crate::app::outcome::{Edit, Outcome};
use crate::app::overlay::{Answer, Ask};
use crate::app::steps::page::top;
use crate::app::{App, Model};
use crate::machine::Role;
use crate::machine::drive::{Way, WayKind, ways};
use crate::spec::Place;
use crate::units::{PciAddress, capitalised};
use serde_json::Value;

/// The ways beside each other, and which one the VM has now.
pub(super) fn question(app: &App, address: PciAddress) -> Ask {
    let ways = ways(&app.facts, address);
    let now = way(app, address);
    // All three and the answers fit into 24 rows; where there are more, they are set apart.
    let gap = if app.size.1 < 30 { "" } else { " " };
    let lines = ways.iter().flat_map(|way| [told(way, now), gap.to_owned()]).collect();
    let stay = if now.is_some() { "Leave it as it is" } else { "Leave the drive with the host" };
    let mut answers = vec![(stay.into(), Answer::Stay)];
    let open = ways.into_iter().filter(|way| way.why_not.is_none() && Some(way.kind) != now);
    answers.extend(open.map(|way| (capitalised(way.title).into(), Answer::Drive(address, way.kind))));
    Ask { title: format!("How the guest gets {}", address.short()), lines, answers, row: 0 }
}

/// `The whole controller. Snapshots: none. Boot: by UEFI. ...`.
fn told(way: &Way, now: Option<WayKind>) -> String {
    let now = if now == Some(way.kind) { ", as it is now" } else { "" };
    let closed = way.why_not.as_ref().map(|why| format!(" Not here: {why}."));
    let says = way.says.iter().map(|(subject, text)| match *subject {
        "besides" => format!(" {}.", capitalised(text)),
        subject => format!(" {}: {text}.", capitalised(subject)),
    });
    format!("{}{now}.{}{}", capitalised(way.title), closed.unwrap_or_default(), says.collect::<String>())
}

/// How the VM has the drive.
pub(super) fn way(model: &Model, address: PciAddress) -> Option<WayKind> {
    if role(model, address) == Some(Role::Pass) {
        return Some(WayKind::Controller);
    }
    model.values.rows(&disks()).iter().find_map(|row| way_of_disk(model, row, address))
}

/// The way in which a disk of the spec is the drive.
fn way_of_disk(model: &Model, row: &Value, address: PciAddress) -> Option<WayKind> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    if text("host_address").and_then(|text| text.parse().ok()) == Some(address) {
        return Some(WayKind::Driver);
    }
    let block = ways(&model.facts, address).into_iter().find(|way| way.kind == WayKind::Block)?;
    let same = text("path").is_some_and(|path| block.row.get("path").and_then(Value::as_str) == Some(path));
    same.then_some(WayKind::Block)
}

fn disks() -> Place {
    top("storage").key("disks")
}

/// Gives the drive to the guest in one way, and in no other; one step of undo. Says what follows.
pub(in crate::app) fn choose(model: &Model, address: PciAddress, kind: WayKind) -> Outcome {
    let Some(way) = ways(&model.facts, address).into_iter().find(|way| way.kind == kind) else {
        return Outcome::default();
    };
    let mut edits = take_away(model, address);
    let without = model.after(&edits);
    if kind == WayKind::Controller {
        let (edit, said) = taking::take(&without, address);
        edits.push(edit);
        return Outcome { say: Some(said), ..Outcome::edits(edits) };
    }
    if kind == WayKind::Driver {
        edits.push(taking::take_companions(&without, address));
    }
    let (edit, disk) = without.add_row(&disks(), way.row);
    edits.push(edit);
    let said = format!("{} is disk {}: {}", address.short(), disk + 1, way.title);
    Outcome { say: Some(said), ..Outcome::edits(edits) }
}

/// Takes the drive out of the spec, with what was added for it.
fn take_away(model: &Model, address: PciAddress) -> Vec<Edit> {
    let devices = match way(model, address) {
        Some(WayKind::Controller) => Some(taking::give_back(model, address).0),
        Some(WayKind::Driver) => Some(taking::give_back_companions(model, address)),
        Some(WayKind::Block) | None => None,
    };
    let rows = model.values.rows(&disks());
    let others = rows.iter().enumerate().filter(|(_, row)| way_of_disk(model, row, address).is_none());
    let (from, left): (Vec<_>, Vec<_>) = others.map(|(at, row)| (Some(at), row.clone())).unzip();
    let is_disk = left.len() < rows.len();
    let disks = is_disk.then(|| Edit::Rows { list: disks(), rows: left, from });
    devices.into_iter().chain(disks).collect()
}
