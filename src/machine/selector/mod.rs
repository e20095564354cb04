//! Host devices that a spec knows by more than their address, found again: on another day, after a card was moved, on
//! another host. What became of them is for `checks` to say.

mod outcome;
mod portable;
mod search;
mod wanted;

pub use outcome::Match;
pub use portable::{group, portable};
pub use search::outcomes;
pub use wanted::Wanted;

use crate::facts::{Facts, PciDevice as PciFunction};
use crate::spec::{PciDevice, Spec};
use crate::units::PciAddress;
use outcome::address;

/// The spec with the host address of every row that says what its device is known by: where exactly that is found, or none,
/// so that nothing passes what happens to be there instead. Where it was is kept in `match`. Resolving twice changes
/// nothing; without the list of devices everything stays.
#[must_use]
pub fn resolve(spec: &Spec, facts: &Facts) -> Spec {
    let mut resolved = spec.clone();
    for (at, outcome) in outcomes(spec, facts).unwrap_or_default() {
        if let Some(row) = resolved.pci_devices.as_mut().and_then(|rows| rows.get_mut(at)) {
            settle(row, &outcome);
        }
    }
    resolved
}

fn settle(row: &mut PciDevice, outcome: &Match) {
    let named = address(row.host_address.as_deref());
    let to = outcome.address();
    if to == named && to.is_some() {
        return;
    }
    if let Some(known_by) = row.selector.as_mut() {
        let from = if let Match::Moved { from, .. } = outcome { Some(*from) } else { named };
        known_by.address = from.map(|from| from.to_string()).or(known_by.address.take());
    }
    row.host_address = to.map(|to| to.to_string());
}

/// True where a row takes any device that no other VM has: what the other domains hold then decides the domain.
pub fn wants_any(spec: &Spec) -> bool {
    let mut known_by = spec.pci_devices.iter().flatten().filter_map(|row| row.selector.as_ref());
    known_by.any(crate::spec::PciMatch::is_any)
}

/// The functions among which rows that take any device choose.
pub fn candidates(spec: &Spec, facts: &Facts) -> Vec<PciAddress> {
    let rows = spec.pci_devices.iter().flatten();
    let any = rows.filter_map(|row| row.selector.as_ref()).filter(|known_by| known_by.is_any());
    let wanted: Vec<Wanted> = any.filter_map(|known_by| Wanted::read(known_by, None).ok()).collect();
    let fits = |device: &&PciFunction| wanted.iter().any(|wanted| wanted.fits(device));
    facts.pci.items().iter().filter(fits).map(|device| device.address).collect()
}

#[cfg(test)]
mod tests;
