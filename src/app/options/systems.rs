//! Guest systems to choose from: those the boot ISO may be, those of today, then those without updates.

use super::known::{Known, known};
use crate::app::Model;
use crate::facts::SystemName;
use crate::machine::profile::table::{KnownSystem as Ours, TABLE};

/// The systems of the boot ISO first, then the common ones, then the others, newest first; at the end what has no updates.
pub(super) fn systems(model: &Model) -> Vec<Known> {
    let today = day(model.clock);
    let medium = model.case.machine.guest.medium.as_ref().map_or(&[][..], |medium| &medium.systems);
    let listed = model.facts.systems.items();
    let ours: Vec<SystemName> = TABLE.iter().map(Ours::entry).collect();
    let name = |ours: &SystemName| listed.iter().find(|system| system.id == ours.id).unwrap_or(ours).clone();
    let mut all: Vec<SystemName> = medium.to_vec();
    all.extend(ours.iter().map(name));
    all.extend(listed.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|system| seen.insert(system.id.clone()));
    let (ended, current): (Vec<_>, Vec<_>) = all.into_iter().partition(|system| system.has_ended(&today));
    let note = |system: &SystemName| {
        let on_medium = if medium.contains(system) { ", from the boot ISO" } else { "" };
        let end = system.ended.as_ref().filter(|_| system.has_ended(&today));
        let end = end.map(|end| format!(", no updates since {end}")).unwrap_or_default();
        format!("{}{on_medium}{end}", system.name)
    };
    current.iter().chain(&ended).map(|system| known(&system.id, note(system))).collect()
}

/// The day of a time in seconds since 1970-01-01, as `2026-11-21`: years are counted from March, so that the leap day is the
/// last of its year.
fn day(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_795_219_200, "2026-11-21"),
        ] {
            assert_eq!(day(seconds), expected);
        }
    }
}
