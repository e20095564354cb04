//! Taking cards with all that goes with them, giving them back, and changing what becomes of single functions.

use super::{role, row_in_spec, sought};
use crate::app::App;
use crate::app::steps::top;
use crate::checks::{Severity, Wording};
use crate::facts::PciDevice;
use crate::machine::{Member, Role, card};
use crate::spec::PciRole;
use crate::units::{PciAddress, listed};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// True where the row of the spec is one that is held.
pub(super) fn is_held(app: &App, row: usize) -> bool {
    app.spec().pci_devices.as_deref().and_then(|rows| rows.get(row)).is_some_and(crate::spec::PciDevice::is_held)
}

/// The functions that the guest gets.
fn passed(app: &App) -> Vec<PciAddress> {
    let devices = app.facts.pci.items().iter().map(|device| device.address);
    devices.filter(|address| role(app, *address) == Some(Role::Pass)).collect()
}

/// True where something of its card, its group or its bus is taken.
pub(super) fn is_selected_with(app: &App, device: &PciDevice) -> bool {
    let passed = passed(app);
    let drawn = card::taking(&app.facts, &passed);
    !passed.is_empty() && drawn.iter().any(|member| member.address == device.address)
}

/// What is held for the sake of `passed`.
fn held_for(app: &App, passed: &[PciAddress]) -> BTreeSet<PciAddress> {
    let drawn = card::companions(&app.facts, passed).into_iter();
    drawn.filter(|member| member.role == Role::Hold).map(|member| member.address).collect()
}

/// Takes the card of the function at `address` with all that goes with it, or returns it. Returns what was added, in words.
pub(super) fn toggle(app: &mut App, address: PciAddress) -> String {
    match role(app, address) {
        Some(Role::Pass) => give_back(app, address),
        _ => take(app, address),
    }
}

pub(super) fn take(app: &mut App, address: PciAddress) -> String {
    let members = card::taking(&app.facts, &[address]);
    let before = passed(app);
    let new: Vec<&Member> = members.iter().filter(|member| member.role != Role::Leave).collect();
    let mut roles: Vec<(PciAddress, Role)> = new.iter().map(|member| (member.address, member.role)).collect();
    roles.sort_unstable_by_key(|(address, role)| (*role, *address));
    // What another card has already passed is not held on account of this one.
    roles.retain(|(address, role)| *role == Role::Pass || !before.contains(address));
    set(app, &roles, &[]);
    let added: Vec<&Member> = members
        .iter()
        .filter(|member| member.address != address && roles.iter().any(|(other, _)| *other == member.address))
        .collect();
    if added.is_empty() {
        return format!("{} is passed: it is alone in its group", address.short());
    }
    notice(&added)
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
        // "; nvme may not drive it meanwhile" belongs to the reason.
        format!("{names} {verb}: {}", reason.replace("; ", ", "))
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join(". ")
}

pub(super) fn give_back(app: &mut App, address: PciAddress) -> String {
    let card: Vec<PciAddress> = match app.facts.pci.items().iter().find(|device| device.address == address) {
        Some(device) => card::card(&app.facts, device).into_iter().map(|other| other.address).collect(),
        None => vec![address],
    };
    let before = passed(app);
    let remaining: Vec<PciAddress> = before.iter().copied().filter(|address| !card.contains(address)).collect();
    let (was, needed) = (held_for(app, &before), held_for(app, &remaining));
    let mut gone: Vec<PciAddress> = card.into_iter().filter(|address| row_in_spec(app, *address).is_some()).collect();
    let freed = was.into_iter().filter(|address| !needed.contains(address));
    gone.extend(freed.filter(|address| role(app, *address) == Some(Role::Hold)));
    gone.dedup();
    // What other cards cannot do without stays held.
    let stay: Vec<(PciAddress, Role)> =
        gone.iter().filter(|address| needed.contains(address)).map(|address| (*address, Role::Hold)).collect();
    set(app, &stay, &gone);
    let others = gone.len().saturating_sub(stay.len() + 1);
    let with = match others {
        0 => String::new(),
        1 => " with one other".into(),
        n => format!(" with {n} others"),
    };
    let kept = stay.first().map(|(address, _)| format!("; {} is held for another card", address.short()));
    format!("{} returns to the host{with}{}", address.short(), kept.unwrap_or_default())
}

/// What goes along with a function that is no device of the guest itself: the drive behind a disk.
fn companions(app: &App, address: PciAddress) -> Vec<(PciAddress, Role)> {
    let members = card::taking(&app.facts, &[address]).into_iter();
    let with = members.filter(|member| member.address != address && member.role != Role::Leave);
    with.map(|member| (member.address, member.role)).collect()
}

/// Takes what goes along with the drive at `address`, as far as nothing else has taken it.
pub(super) fn take_companions(app: &mut App, address: PciAddress) {
    let mut roles = companions(app, address);
    roles.retain(|(other, _)| row_in_spec(app, *other).is_none());
    set(app, &roles, &[]);
}

/// Returns to the host what was added with the drive at `address` and belongs to no card that is passed.
pub(super) fn give_back_companions(app: &mut App, address: PciAddress) {
    let companions = companions(app, address);
    let others: Vec<PciAddress> =
        passed(app).into_iter().filter(|passed| companions.iter().all(|(other, _)| other != passed)).collect();
    let kept: BTreeSet<PciAddress> = card::taking(&app.facts, &others).iter().map(|member| member.address).collect();
    let gone: Vec<PciAddress> =
        companions.iter().map(|(other, _)| *other).filter(|other| !kept.contains(other)).collect();
    set(app, &[], &gone);
}

/// Passed, then held, then left with the host, then passed again. Says what follows.
pub(super) fn change_role(app: &mut App, address: PciAddress) -> String {
    let name = address.short();
    let blockers = |app: &App| app.case.report.count(Severity::Blocker);
    let before = blockers(app);
    let text = match role(app, address) {
        Some(Role::Pass) => {
            set(app, &[(address, Role::Hold)], &[]);
            format!("{name} is held: on vfio-pci while the VM runs, not passed to the guest")
        }
        Some(_) => {
            set(app, &[], &[address]);
            format!("{name} stays with the host and its driver")
        }
        None => {
            set(app, &[(address, Role::Pass)], &[]);
            format!("{name} is passed to the guest")
        }
    };
    app.refresh();
    let about =
        |finding: &&crate::checks::Finding| finding.severity() == Severity::Blocker && finding.concerns(address);
    match app.case.report.findings.iter().find(about) {
        Some(finding) if blockers(app) > before => {
            format!("{text}. {}: {}", finding.code(), finding.message(Wording::Full))
        }
        _ => text,
    }
}

/// Gives rows their roles, adds those that are missing, drops `gone`; one step of undo.
fn set(app: &mut App, roles: &[(PciAddress, Role)], gone: &[PciAddress]) {
    let list = top("pci_devices");
    let rows = app.values.rows(&list).to_vec();
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
        let device = app.facts.pci.items().iter().find(|device| device.address == *wanted);
        let waiting = new.iter_mut().find(|row| device.is_some_and(|device| sought::waits_for(row, device)));
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
    app.set_rows(&list, new, &from);
}

/// What is passed says nothing of its role; what is held has no place in the guest.
fn give_role(fields: &mut serde_json::Map<String, Value>, role: Role) {
    fields.shift_remove("role");
    if role == Role::Hold {
        fields.retain(|name, _| matches!(name.as_str(), "host_address" | "match"));
        fields.insert("role".into(), PciRole::Hold.name().into());
    }
}
