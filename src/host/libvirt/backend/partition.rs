//! Partitions that libvirt leaves behind: it makes the partition first and compares the name that was asked for afterwards.

use crate::engine::{Made, MadeId, Thing};
use crate::host::HostError;
use crate::host::backend::Work;
use crate::host::libvirt::Connection;
use crate::plan::BuildEvent;

/// Tells of the partition that a step made although it failed, so that it is undone like all else.
pub(super) fn tell_left(connection: &Connection, error: &HostError, work: &mut Work<'_, '_>) {
    let (Some(Thing::Volume { pool, .. }), Some(engine)) = (&work.step.thing, work.step.call.engine()) else { return };
    let Some(name) = left(&error.original) else { return };
    if let Some(made) = connection.volume_after_refresh(pool, name) {
        let thing = Thing::Volume { pool: made.pool, name: made.name };
        work.tell(BuildEvent::Made(Made { engine, step: work.number, thing, id: MadeId(made.key), file: None }));
    }
}

/// The name of the partition that libvirt made, out of its complaint about the name that it should have had
/// (`virStorageBackendDiskMakeDataVol`).
fn left(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("invalid partition name '")?;
    let (_, expected) = rest.split_once("', expected '")?;
    let name = expected.split('\'').next()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_about_the_name_tells_which_partition_there_is() {
        let words = "invalid argument: invalid partition name 'pool01-vda', expected 'loop0p1'";
        assert_eq!(left(words), Some("loop0p1"));
        assert_eq!(left("internal error: no large enough free extent"), None);
        assert_eq!(left("invalid partition name 'a', expected '"), None);
    }
}
