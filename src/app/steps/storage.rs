//! Step 3: the pool that disks live in unless they say otherwise.

use super::page::{StepPage, top};
use crate::app::form::Field;
use crate::app::intent::Intent;
use crate::app::options::KnownValues;
use crate::app::outcome::{Edit, Outcome, Turn};
use crate::app::{App, Effect, Model};
use crate::facts::{Part, Pool};
use crate::machine::{DiskOrigin, Location, location};
use crate::spec::Place;
use crate::units::Bytes;

/// The step.
pub struct StoragePool;

impl StepPage for StoragePool {
    fn summary(&self, app: &App) -> String {
        chosen(app).unwrap_or_default().to_owned()
    }

    fn subtitle(&self, _app: &App) -> String {
        "Where new disks go; each disk may name another pool.".into()
    }

    fn rows(&self, app: &App) -> usize {
        app.facts.pools.items().len()
    }

    fn fields(&self, _app: &App) -> Vec<Field> {
        vec![
            Field::free(place(), KnownValues::Pools)
                .help("For every disk that names no pool; relative paths start here."),
        ]
    }

    fn row_of(&self, app: &App, place: &Place) -> Option<usize> {
        let _ = place;
        let name = chosen(app)?;
        app.facts.pools.items().iter().position(|pool| pool.name == name)
    }

    fn open(&self, app: &App) -> Outcome {
        let Some(pool) = app.facts.pools.items().get(app.cursor().row) else { return Outcome::default() };
        let name = &pool.name;
        let say = (!pool.active)
            .then(|| format!("{name} is inactive: start it with 'virsh pool-start {name}', or use another"));
        let turns = vec![Turn::Touch(place())];
        Outcome { turns, say, ..Outcome::edit(Edit::Set(place(), Some(name.as_str().into()))) }
    }

    fn act(&self, _app: &App, intent: Intent) -> Outcome {
        match intent {
            Intent::Refresh => Outcome::effect(Effect::observe([Part::Pools])),
            _ => Outcome::default(),
        }
    }
}

/// Where the cursor starts: on the default pool, else on the first pool that can be used.
pub(in crate::app) fn first_row(model: &Model) -> Option<usize> {
    let pools = model.facts.pools.items();
    let named = chosen(model).and_then(|name| pools.iter().position(|pool| pool.name == name));
    named.or_else(|| pools.iter().position(|pool| pool.active))
}

fn place() -> Place {
    top("storage").key("default_pool")
}

/// The name of the default pool.
pub fn chosen(model: &Model) -> Option<&str> {
    model.default_pool()
}

/// What the new disks of this VM take in `pool` when they are full.
pub fn planned(model: &Model, pool: &Pool) -> Bytes {
    let here = |at: &Location| matches!(at, Location::Volume { pool: name, .. } if *name == pool.name);
    let sizes = model.case.machine.disks.iter().filter_map(|disk| match &disk.origin {
        DiskOrigin::New { at, size } if here(at) => *size,
        DiskOrigin::Clone { at, size, from } if here(at) => {
            let source = from.as_ref().and_then(|from| capacity(model, from));
            Some((*size).unwrap_or_default().max(source.unwrap_or_default()))
        }
        _ => None,
    });
    Bytes(sizes.fold(0u64, |sum, size| sum.saturating_add(size.0)))
}

/// The size that a guest sees of an image.
pub fn capacity(model: &Model, at: &Location) -> Option<Bytes> {
    location::known(at, &model.facts).virtual_size()
}
