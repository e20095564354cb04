//! Paths and volume names of a spec turned into locations: which pool, which volume, which path.

use super::{Location, NetworkVolume};
use crate::facts::{Facts, KnownImage, MediaKind, Pool, PoolHost, VolumeSource};
use crate::spec::paths::{self, PathError, Resolved};

/// The pool `name`, if the host has it.
pub(super) fn pool<'a>(facts: &'a Facts, name: &str) -> Option<&'a Pool> {
    facts.pools.items().iter().find(|pool| pool.name == name)
}

/// An image that exists, by the path rules; `None` for a path that they refuse.
pub(super) fn existing(path: &str, pool_name: &str, facts: &Facts) -> Option<Location> {
    named(path, pool_name, facts).ok()
}

/// What a path in a spec means: an absolute path; `pool/volume` where a pool of that name has it; else a volume of the pool
/// `pool_name`, or a file below its folder.
pub fn named(path: &str, pool_name: &str, facts: &Facts) -> Result<Location, PathError> {
    let pool = pool(facts, pool_name);
    let folder = pool.filter(|pool| pool.holds_files()).and_then(|pool| pool.path.as_deref());
    let resolved = paths::resolve(path, folder);
    if let Some((other, volume)) = by_pool(path, facts) {
        return Ok(in_pool(&other.name, volume.to_owned(), Some(other)));
    }
    Ok(match resolved? {
        Resolved::Absolute(path) => Location::Path { block: is_block_path(&path, facts), path },
        Resolved::BelowPool(path) => Location::Path { path, block: false },
        Resolved::Volume(volume) => in_pool(pool_name, volume, pool),
    })
}

/// The pool and the name that `pool/volume` stands for, where the pool has that volume.
fn by_pool<'a, 'b>(path: &'b str, facts: &'a Facts) -> Option<(&'a Pool, &'b str)> {
    let (name, volume) = path.split_once('/').filter(|_| !path.starts_with('/'))?;
    Some((pool(facts, name).filter(|pool| pool.volume(volume).is_some())?, volume))
}

/// The boot ISO: as [`named`] says; where the pool of the spec does not have it, and one other pool does, that of the other.
pub(super) fn boot_iso(path: &str, pool_name: &str, facts: &Facts) -> Option<Location> {
    let location = existing(path, pool_name, facts)?;
    let Location::Volume { volume, .. } = &location else { return Some(location) };
    if is_there(&location, facts) {
        return Some(location);
    }
    match elsewhere(&location, facts).as_slice() {
        [only] => Some(in_pool(&only.name, volume.clone(), Some(only))),
        _ => Some(location),
    }
}

/// The other pools that have a volume of the same name; none for what is named by its path.
pub fn elsewhere<'a>(location: &Location, facts: &'a Facts) -> Vec<&'a Pool> {
    let Location::Volume { pool: own, volume, .. } = location else { return Vec::new() };
    let others = facts.pools.items().iter().filter(|pool| pool.name != *own && pool.active);
    others.filter(|pool| pool.volume(volume).is_some()).collect()
}

/// True where the pool lists it, or where a look at its path found it.
fn is_there(location: &Location, facts: &Facts) -> bool {
    let KnownImage { file, volume } = known(location, facts);
    volume.is_some() || file.is_some_and(|file| file.kind != MediaKind::Missing)
}

/// The volume `volume` of the pool `name`, which need not exist yet.
pub(super) fn in_pool(name: &str, volume: String, pool: Option<&Pool>) -> Location {
    let listed = pool.and_then(|pool| pool.volume(&volume)).map(|volume| volume.path.clone());
    let path = listed.or_else(|| pool?.path_of(&volume)).filter(|path| path.starts_with('/'));
    let network = pool.and_then(|pool| network(pool, &volume)).map(Box::new);
    Location::Volume {
        pool: name.to_owned(),
        volume,
        path,
        block: pool.is_some_and(Pool::holds_block_devices),
        network,
    }
}

/// How QEMU reaches a volume of a pool that libvirt does not look up for a domain; `None` for other pools, and where the
/// pool's machines were not read.
fn network(pool: &Pool, volume: &str) -> Option<NetworkVolume> {
    let VolumeSource::Network { protocol, port } = pool.abilities().source else { return None };
    let source = &pool.source;
    let folder = source.folder.as_deref().unwrap_or_default().trim_matches('/');
    let parts = [source.name.as_deref()?, folder, volume];
    let name = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let host = |host: &PoolHost| PoolHost { port: host.port.or(port), ..host.clone() };
    let hosts = Some(source.hosts.iter().map(host).collect()).filter(|hosts: &Vec<_>| !hosts.is_empty())?;
    Some(NetworkVolume { protocol, name, hosts, login: source.login.clone() })
}

/// What is known of the image at a location.
pub fn known<'a>(location: &Location, facts: &'a Facts) -> KnownImage<'a> {
    let file = location.path().and_then(|path| facts.files.get(path)).and_then(|file| file.get());
    let of_pool = |pool: &'a Pool| {
        let volume = match location {
            Location::Volume { pool: name, volume, .. } => {
                if pool.name == *name {
                    pool.volume(volume)
                } else {
                    None
                }
            }
            Location::Path { path, .. } => pool.volumes.items().iter().find(|volume| volume.path == *path),
        };
        Some((pool, volume?))
    };
    KnownImage { file, volume: facts.pools.items().iter().find_map(of_pool) }
}

/// True for a block device, and for what has the name of a device and was not looked at.
pub fn is_block_path(path: &str, facts: &Facts) -> bool {
    match facts.files.get(path).and_then(|file| file.get()) {
        Some(file) => file.kind == MediaKind::BlockDevice,
        None => path.starts_with("/dev/") && !path.starts_with("/dev/shm/"),
    }
}
