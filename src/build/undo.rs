//! Undo of what a build made: newest first, by identity, never by name alone.

use crate::engine::{Made, Thing};
use crate::host::backend::{Removed, Teller, Trace};
use crate::host::{Backend, Cause, HostError};
use crate::plan::BuildEvent;
use crate::plan::ledger::Begun;

/// Undoes everything that was made; `true` where nothing is left behind.
pub(super) fn all(backend: &mut dyn Backend, teller: &mut Teller<'_>) -> bool {
    all_but(backend, &|_| None, teller)
}

/// The same but for what must be left alone: `spare` says why.
pub(super) fn all_but(
    backend: &mut dyn Backend,
    spare: &dyn Fn(&Made) -> Option<String>,
    teller: &mut Teller<'_>,
) -> bool {
    let made: Vec<Made> = teller.ledger.newest_first().cloned().collect();
    let mut clean = true;
    for made in made {
        let undo = teller.ledger.undo(&made);
        let step = made.step;
        let spared = spare(&made).map(|why| HostError::new(Cause::Other, why, ""));
        let event = match spared.map_or_else(|| backend.undo(&made), Err) {
            Ok(Removed::Now) => BuildEvent::Undone { step, what: undo.done, made },
            Ok(Removed::Before) => BuildEvent::Undone { step, what: format!("{} no longer existed", undo.thing), made },
            Err(error) => {
                clean = false;
                BuildEvent::NotUndone {
                    step,
                    what: undo.thing,
                    why: error.to_string(),
                    by_hand: undo.command.to_string(),
                    made: Some(made),
                }
            }
        };
        teller.tell(event);
    }
    clean
}

/// Tells what the step that failed may have left behind; `true` where there is nothing. Whose it is cannot be said, so it is
/// told and not undone.
pub(super) fn left(backend: &mut dyn Backend, failure: &HostError, begun: &Begun, teller: &mut Teller<'_>) -> bool {
    let lost = failure.cause == Cause::Lost;
    let may_be_left = match begun.thing {
        // A VM that runs is stopped with its definition.
        Thing::Running { .. } => false,
        // libvirt answers a definition before it keeps it, and a volume after it has begun with it.
        Thing::Domain { .. } => lost,
        Thing::Volume { .. } => true,
    };
    if !may_be_left {
        return true;
    }
    let what = if lost { "the connection was cut while it was made" } else { "it could not be made" };
    let why = match backend.observe(&begun.thing) {
        Trace::Absent => return true,
        Trace::There => format!("{what}, and it is there now"),
        Trace::Unknown(why) => format!("{what}: {why}"),
    };
    let undo = teller.ledger.undo_by_name(&begun.thing);
    let by_hand = undo.command.to_string();
    teller.tell(BuildEvent::NotUndone { step: begun.step, what: undo.thing, why, by_hand, made: None });
    false
}

/// Tells what there is and how it is removed, and removes nothing.
pub(super) fn nothing(backend: &mut dyn Backend, why: &str, teller: &mut Teller<'_>) {
    let made: Vec<Made> = teller.ledger.newest_first().cloned().collect();
    for made in made.into_iter().filter(|made| backend.observe(&made.thing) != Trace::Absent) {
        let undo = teller.ledger.undo(&made);
        let (step, by_hand) = (made.step, undo.command.to_string());
        teller.tell(BuildEvent::NotUndone { step, what: undo.thing, why: why.to_owned(), by_hand, made: Some(made) });
    }
}
