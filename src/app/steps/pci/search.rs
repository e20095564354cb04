//! Rows that look for their device: what became of them in a few words, and what the user can do about those that found none.

use crate::app::Model;
use crate::app::outcome::Edit;
use crate::app::steps::page::top;
use crate::checks::{GROUPS_CHANGED, Severity};
use crate::facts::PciDevice;
use crate::machine::selector::{Match, Wanted, outcomes};
use crate::spec;
use crate::units::PciAddress;
use serde_json::Value;

/// The rows that found no device, by their number; none while the host's devices are not known.
fn open(model: &Model) -> Vec<usize> {
    let found = outcomes(model.spec(), &model.facts).unwrap_or_default();
    found.into_iter().filter(|(_, outcome)| outcome.address().is_none()).map(|(row, _)| row).collect()
}

/// Why there is nothing to drop.
pub(super) fn why_nothing_to_drop(model: &Model) -> Option<String> {
    open(model).is_empty().then(|| "every device of the VM was found".into())
}

/// Drops the rows that found no device. Says how many.
pub(super) fn drop_open(model: &Model) -> (Edit, String) {
    let (open, list) = (open(model), top("pci_devices"));
    let rows = model.values.rows(&list).to_vec().into_iter().enumerate();
    let (from, left): (Vec<_>, Vec<_>) =
        rows.filter(|(at, _)| !open.contains(at)).map(|(at, row)| (Some(at), row)).unzip();
    let said = match open.len() {
        1 => "the device that was not found is removed".into(),
        n => format!("{n} devices that were not found are removed"),
    };
    (Edit::Rows { list, rows: left, from }, said)
}

/// True where `row`, as JSON, looks for a device that it has not found, and `device` would be it.
pub(super) fn waits_for(row: &Value, device: &PciDevice) -> bool {
    let row: Result<spec::PciDevice, _> = serde_json::from_value(row.clone());
    let Some((None, Some(known_by))) = row.ok().map(|row| (row.host_address, row.selector)) else { return false };
    Wanted::read(&known_by, None).is_ok_and(|wanted| !wanted.any && !wanted.is_address_alone() && wanted.fits(device))
}

/// Where a taken function was, or what it was chosen for.
pub fn note(model: &Model, address: PciAddress) -> Option<String> {
    outcomes(model.spec(), &model.facts)?.into_values().find_map(|outcome| match outcome {
        Match::Moved { from, to } if to == address => Some(format!("was {}", from.short())),
        Match::Chosen { to, .. } if to == address => Some("any was accepted".into()),
        _ => None,
    })
}

/// The most important thing to say of the rows that look for a device, in one line.
pub fn line(model: &Model) -> Option<(Severity, String)> {
    let found = outcomes(model.spec(), &model.facts)?;
    if let Some((row, outcome)) = found.iter().find(|(_, outcome)| outcome.address().is_none()) {
        return Some((Severity::Blocker, not_found(model, *row, outcome)));
    }
    let group = || model.case.report.findings.iter().any(|finding| *finding.check == GROUPS_CHANGED);
    let moved = found.values().find_map(|outcome| match outcome {
        Match::Moved { from, to } => Some((from.short(), to.short())),
        _ => None,
    });
    match moved {
        Some((from, to)) => {
            let group = if group() { ", and its IOMMU group changed" } else { "" };
            Some((Severity::Warning, format!("{to} was at {from} when it was saved{group}: c shows more")))
        }
        None if group() => {
            Some((Severity::Warning, "an IOMMU group has changed since it was saved: c shows more".into()))
        }
        None => found.values().find_map(|outcome| match outcome {
            Match::Chosen { to, over } if !over.is_empty() => {
                Some((Severity::Info, format!("{} is selected, {} skipped: c shows why", to.short(), over.len())))
            }
            _ => None,
        }),
    }
}

fn not_found(model: &Model, row: usize, outcome: &Match) -> String {
    let rows = model.spec().pci_devices.as_deref().unwrap_or_default();
    let known_by = rows.get(row).and_then(|row| row.selector.as_ref());
    let wanted = known_by.and_then(|known_by| Wanted::read(known_by, None).ok());
    let what = wanted.map_or(format!("device {row}"), |wanted| wanted.to_string());
    match outcome {
        Match::Ambiguous(fitting) if fitting.len() > 1 => {
            format!("{what}: {} match. Space selects one, d removes the row", fitting.len())
        }
        Match::Gone { over } if !over.is_empty() => format!("{what}: none is free. d removes the row, c shows more"),
        _ => format!("{what}: not found. d removes the row, c shows more"),
    }
}
