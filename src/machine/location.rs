//! Paths and volume names of a spec turned into locations: which pool, which volume, which path.

use super::Location;
use crate::facts::{Facts, MediaKind, Pool, Volume};
use crate::spec::paths::{self, Resolved};

/// The pool `name`, if the host has it.
pub(super) fn pool<'a>(facts: &'a Facts, name: &str) -> Option<&'a Pool> {
    facts.pools.items().iter().find(|pool| pool.name == name)
}

/// An image that exists, by the path rules. `None` for a path that they refuse.
pub(super) fn existing(path: &str, pool_name: &str, facts: &Facts) -> Option<Location> {
    let pool = pool(facts, pool_name);
    let folder = pool.filter(|pool| pool.holds_files()).and_then(|pool| pool.path.as_deref());
    match paths::resolve(path, folder).ok()? {
        Resolved::Absolute(path) => Some(Location::Path { block: is_block_path(&path, facts), path }),
        Resolved::BelowPool(path) => Some(Location::Path { path, block: false }),
        Resolved::Volume(volume) => Some(in_pool(pool_name, volume, pool)),
    }
}

/// The volume `volume` of the pool `name`, which need not exist yet.
pub(super) fn in_pool(name: &str, volume: String, pool: Option<&Pool>) -> Location {
    let listed = pool.and_then(|pool| pool.volume(&volume)).map(|volume| volume.path.clone());
    let joined =
        || pool.and_then(|pool| pool.path.as_ref()).map(|folder| format!("{}/{volume}", folder.trim_end_matches('/')));
    let path = listed.or_else(joined).filter(|path| path.starts_with('/'));
    Location::Volume { pool: name.to_owned(), volume, path, block: pool.is_some_and(holds_block_devices) }
}

/// What the host's pools know of the volume at a location.
pub(super) fn volume<'a>(location: &Location, facts: &'a Facts) -> Option<&'a Volume> {
    match location {
        Location::Volume { pool: name, volume, .. } => pool(facts, name)?.volume(volume),
        Location::Path { path, .. } => {
            let mut volumes = facts.pools.items().iter().flat_map(|pool| pool.volumes.items());
            volumes.find(|volume| volume.path == *path)
        }
    }
}

/// True where a pool's volumes are block devices, which hold raw data by nature.
pub(super) fn holds_block_devices(pool: &Pool) -> bool {
    matches!(pool.kind.as_str(), "logical" | "disk" | "iscsi" | "iscsi-direct" | "scsi" | "mpath" | "zfs")
}

fn is_block_path(path: &str, facts: &Facts) -> bool {
    match facts.files.get(path).and_then(|file| file.get()) {
        Some(file) => file.kind == MediaKind::BlockDevice,
        None => path.starts_with("/dev/") && !path.starts_with("/dev/shm/"),
    }
}
