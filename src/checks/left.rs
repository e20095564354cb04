//! What an interrupted build of this user may have left on the host: told where it is in the way.

use super::note::Remedy;
use super::text::text;
use crate::engine::Thing;

/// A build that was interrupted and not recovered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBuild {
    /// Its name, as `vmbuild recover` takes it.
    pub id: String,
    /// What it made, or was about to make.
    pub things: Vec<Thing>,
}

/// What to do about a thing that is there already, where an interrupted build of these made it.
pub(super) fn remedy(left: &[LeftBuild], is_it: impl Fn(&Thing) -> bool) -> Option<Remedy> {
    let LeftBuild { id, .. } = left.iter().find(|build| build.things.iter().any(&is_it))?;
    let text = text!(
        "it was left by build {id}, which was interrupted: finish that with 'vmbuild recover {id} --resume', or take it \
         back with --undo",
        id
    );
    Some(text.into())
}
