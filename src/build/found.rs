//! What is there of a thing whose making was not heard of since: nothing, the thing that this build made, or another's.

use crate::engine::{EngineId, Made, MadeId, Thing};
use crate::facts::{Facts, Part};
use crate::host::{Backend, Cause, HostError};
use crate::plan::ledger::Begun;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Clocks of the host and of its file systems differ by less.
const TOLERANCE_MS: u64 = 2_000;

/// The answer of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is not there.
    Nothing,
    /// It is there, and this build made it.
    Ours(Made),
    /// It is there, this build may have made it, and nothing proves that: why it is likely.
    Likely(Made, String),
    /// It is there, and another made it: why that is known.
    Foreign(String),
}

/// Looks for what `begun` was about to make since `since_ms`. Waits for a copy that the host is still making.
pub(super) fn look(
    backend: &mut dyn Backend,
    (engine, begun, since_ms): (EngineId, &Begun, u64),
    cancel: &Arc<AtomicBool>,
) -> Result<Found, HostError> {
    backend.settle(&begun.thing, cancel)?;
    let made = |id: MadeId, file| Made { engine, step: begun.step, thing: begun.thing.clone(), id, file };
    let Thing::Volume { pool, name } = &begun.thing else {
        let Some(id) = &begun.foreseen.id else {
            return Ok(Found::Foreign("it is not known which UUID it was given".into()));
        };
        let made = made(id.clone(), None);
        return Ok(if backend.is_there(&made)? { Found::Ours(made) } else { Found::Nothing });
    };
    let facts = facts(backend, cancel)?;
    let pool = facts.pools.items().iter().find(|known| known.name == *pool);
    let Some(path) = pool.and_then(|pool| pool.volume(name)).map(|volume| volume.path.clone()) else {
        return Ok(Found::Nothing);
    };
    if !begun.foreseen.absent {
        return Ok(Found::Foreign("it was there before".into()));
    }
    let file = backend.file(&path);
    let made = made(MadeId(path), file);
    if let Some(user) = user(&facts, &made, None) {
        return Ok(Found::Foreign(format!("domain {user} uses it")));
    }
    Ok(match file.and_then(|file| file.born_ms) {
        Some(born) if born.saturating_add(TOLERANCE_MS) < since_ms => {
            Found::Foreign("its file is older than the build".into())
        }
        Some(_) => Found::Ours(made),
        None => Found::Likely(made, "it was not there when the step began".into()),
    })
}

/// Pools and domains as they are now.
pub(super) fn facts(backend: &mut dyn Backend, cancel: &Arc<AtomicBool>) -> Result<Facts, HostError> {
    let mut facts = Facts::default();
    for part in backend.facts(&[Part::Pools.into(), Part::Domains.into()], cancel) {
        facts.absorb(part);
    }
    match facts.pools.why_not().or(facts.domains.why_not()) {
        Some(why) => Err(HostError::new(Cause::Other, why, "")),
        None => Ok(facts),
    }
}

/// The domain other than `own` that uses the volume.
pub(super) fn user(facts: &Facts, made: &Made, own: Option<&MadeId>) -> Option<String> {
    let Thing::Volume { pool, name } = &made.thing else { return None };
    let by_name = format!("{pool}/{name}");
    let is_it = |source: &String| *source == made.id.0 || *source == by_name;
    let others = facts.domains.items().iter().filter(|domain| own.is_none_or(|own| own.0 != domain.uuid));
    let mut users =
        others.filter(|domain| domain.disks.iter().any(|disk| is_it(&disk.source) || disk.below.iter().any(is_it)));
    users.next().map(|domain| domain.name.clone())
}
