//! Taking cards with all that goes with them, giving them back, and changing what becomes of single functions.

use super::chosen::{role, row_in_spec};
use super::search;
use crate::app::Model;
use crate::app::outcome::Edit;
use crate::app::steps::page::top;
use crate::checks::{Severity, Wording};
use crate::facts::PciDevice;
use crate::machine::{Member, Role, card};
use crate::spec::PciRole;
use crate::units::{PciAddress, listed};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The functions that the guest gets.
fn passed(model: &Model) -> Vec<PciAddress> {
    let devices = model.facts.pci.items().iter().map(|device| device.address);
    devices.filter(|address| role(model, *address) == Some(Role::Pass)).collect()
}

/// True where something of its card, its group or its bus is taken.
pub(super) fn is_selected_with(model: &Model, device: &PciDevice) -> bool {
    let passed = passed(model);
    let drawn = card::taking(&model.facts, &passed);
    !passed.is_empty() && drawn.iter().any(|member| member.address == device.address)
}

/// What is held for the sake of `passed`.
fn held_for(model: &Model, passed: &[PciAddress]) -> BTreeSet<PciAddress> {
    let drawn = card::companions(&model.facts, passed).into_iter();
    drawn.filter(|member| member.role == Role::Hold).map(|member| member.address).collect()
}

/// Takes the card of the function at `address` with all that goes with it, or returns it. Returns what was added, in words.
pub(super) fn toggle(model: &Model, address: PciAddress) -> (Edit, String) {
    match role(model, address) {
        Some(Role::Pass) => give_back(model, address),
        _ => take(model, address),
    }
}

pub(super) fn take(model: &Model, address: PciAddress) -> (Edit, String) {
    let members = card::taking(&model.facts, &[address]);
    let before = passed(model);
    let new: Vec<&Member> = members.iter().filter(|member| member.role != Role::Leave).collect();
    let mut roles: Vec<(PciAddress, Role)> = new.iter().map(|member| (member.address, member.role)).collect();
    roles.sort_unstable_by_key(|(address, role)| (*role, *address));
    // What another card has already passed is not held on account of this one.
    roles.retain(|(address, role)| *role == Role::Pass || !before.contains(address));
    let edit = set(model, &roles, &[]);
    let added: Vec<&Member> = members
        .iter()
        .filter(|member| member.address != address && roles.iter().any(|(other, _)| *other == member.address))
        .collect();
    if added.is_empty() {
        return (edit, format!("{} is passed: it is alone in its group", address.short()));
    }
    (edit, notice(&added))
}

/// `01:00.1 is added: the same card as 01:00.0; 02:00.0 is held: ...`.
fn notice(members: &[&Member]) -> String {
    let mut parts: Vec<(String, Role, Vec<String>)> = Vec::new();
    for member in members {
        match parts.iter_mut().find(|(reason, role, _)| *reason == member.reason && *role == member.role) {
            Some((.., names)) => names.push(member.address.short()),
            None => parts.push((member.reason.clone(), member.role, vec![member.address.short()])),
        }
    }
    let part = |(reason, role, names): (String, Role, Vec<String>)| {
        let many = names.len() > 1;
        let names = listed(&names);
        let verb = match (role, many) {
            (Role::Hold, false) => "is held",
            (Role::Hold, true) => "are held",
            (_, false) => "is added",
            (_, true) => "are added",
        };
        // "; nvme must not be bound to it meanwhile" belongs to the reason.
        format!("{names} {verb}: {}", reason.replace("; ", ", "))
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join(". ")
}

pub(super) fn give_back(model: &Model, address: PciAddress) -> (Edit, String) {
    let card: Vec<PciAddress> = match model.facts.pci.items().iter().find(|device| device.address == address) {
        Some(device) => card::card(&model.facts, device).into_iter().map(|other| other.address).collect(),
        None => vec![address],
    };
    let before = passed(model);
    let remaining: Vec<PciAddress> = before.iter().copied().filter(|address| !card.contains(address)).collect();
    let (was, needed) = (held_for(model, &before), held_for(model, &remaining));
    let mut gone: Vec<PciAddress> = card.into_iter().filter(|address| row_in_spec(model, *address).is_some()).collect();
    let freed = was.into_iter().filter(|address| !needed.contains(address));
    gone.extend(freed.filter(|address| role(model, *address) == Some(Role::Hold)));
    gone.dedup();
    // What other cards cannot do without stays held.
    let stay: Vec<(PciAddress, Role)> =
        gone.iter().filter(|address| needed.contains(address)).map(|address| (*address, Role::Hold)).collect();
    let edit = set(model, &stay, &gone);
    let others = gone.len().saturating_sub(stay.len() + 1);
    let with = match others {
        0 => String::new(),
        1 => " with one other".into(),
        n => format!(" with {n} others"),
    };
    let kept = stay.first().map(|(address, _)| format!("; {} is held for another card", address.short()));
    (edit, format!("{} returns to the host{with}{}", address.short(), kept.unwrap_or_default()))
}

/// What goes along with a function that is no device of the guest itself: the drive behind a disk.
fn companions(model: &Model, address: PciAddress) -> Vec<(PciAddress, Role)> {
    let members = card::taking(&model.facts, &[address]).into_iter();
    let with = members.filter(|member| member.address != address && member.role != Role::Leave);
    with.map(|member| (member.address, member.role)).collect()
}

/// Takes what goes along with the drive at `address`, as far as nothing else has taken it.
pub(super) fn take_companions(model: &Model, address: PciAddress) -> Edit {
    let mut roles = companions(model, address);
    roles.retain(|(other, _)| row_in_spec(model, *other).is_none());
    set(model, &roles, &[])
}

/// Returns to the host what was added with the drive at `address` and belongs to no card that is passed.
pub(super) fn give_back_companions(model: &Model, address: PciAddress) -> Edit {
    let companions = companions(model, address);
    let others: Vec<PciAddress> =
        passed(model).into_iter().filter(|passed| companions.iter().all(|(other, _)| other != passed)).collect();
    let kept: BTreeSet<PciAddress> = card::taking(&model.facts, &others).iter().map(|member| member.address).collect();
    let gone: Vec<PciAddress> =
        companions.iter().map(|(other, _)| *other).filter(|other| !kept.contains(other)).collect();
    set(model, &[], &gone)
}

/// Passed, then held, then left with the host, then passed again. Says what follows.
pub(super) fn change_role(model: &Model, address: PciAddress) -> (Edit, String) {
    let name = address.short();
    let blockers = |model: &Model| model.case.report.count(Severity::Blocker);
    let (edit, text) = match role(model, address) {
        Some(Role::Pass) => {
            let edit = set(model, &[(address, Role::Hold)], &[]);
            (edit, format!("{name} is held: on vfio-pci while the VM runs, not passed to the guest"))
        }
        Some(_) => (set(model, &[], &[address]), format!("{name} stays with the host and its driver")),
        None => (set(model, &[(address, Role::Pass)], &[]), format!("{name} is passed to the guest")),
    };
    let after = model.after(std::slice::from_ref(&edit));
    let about =
        |finding: &&crate::checks::Finding| finding.severity() == Severity::Blocker && finding.concerns(address);
    match after.case.report.findings.iter().find(about) {
        Some(finding) if blockers(&after) > blockers(model) => {
            (edit, format!("{text}. {}: {}", finding.code(), finding.message(Wording::Full)))
        }
        _ => (edit, text),
    }
}

/// Gives rows their roles, adds those that are missing, drops `gone`.
fn set(model: &Model, roles: &[(PciAddress, Role)], gone: &[PciAddress]) -> Edit {
    let list = top("pci_devices");
    let rows = model.values.rows(&list).to_vec();
    let address = |row: &Value| -> Option<PciAddress> { row.get("host_address")?.as_str()?.parse().ok() };
    let (mut new, mut from) = (Vec::new(), Vec::new());
    for (at, mut row) in rows.into_iter().enumerate() {
        let own = address(&row);
        let role = roles.iter().find(|(other, _)| Some(*other) == own).map(|(_, role)| *role);
        if role.is_none() && own.is_some_and(|own| gone.contains(&own)) {
            continue;
        }
        if let (Some(role), Some(fields)) = (role, row.as_object_mut()) {
            give_role(fields, role);
        }
        new.push(row);
        from.push(Some(at));
    }
    for (wanted, role) in roles {
        if new.iter().any(|row| address(row) == Some(*wanted)) {
            continue;
        }
        let device = model.facts.pci.items().iter().find(|device| device.address == *wanted);
        let waiting = new.iter_mut().find(|row| device.is_some_and(|device| search::waits_for(row, device)));
        if let Some(fields) = waiting.and_then(Value::as_object_mut) {
            // It keeps its own role and ROM file.
            fields.insert("host_address".into(), wanted.to_string().into());
        } else {
            let mut row = json!({"host_address": wanted.to_string()});
            row.as_object_mut().into_iter().for_each(|fields| give_role(fields, *role));
            new.push(row);
            from.push(None);
        }
    }
    Edit::Rows { list, rows: new, from }
}

/// What is passed says nothing of its role; what is held has no place in the guest.
fn give_role(fields: &mut serde_json::Map<String, Value>, role: Role) {
    fields.shift_remove("role");
    if role == Role::Hold {
        fields.retain(|name, _| matches!(name.as_str(), "host_address" | "match"));
        fields.insert("role".into(), PciRole::Hold.name().into());
    }
}
