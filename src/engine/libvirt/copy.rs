//! The source of a copy: which pool it is in, how large it is, and what must grow afterwards.

use crate::facts::{Facts, Pool, Volume};
use crate::machine::Location;
use crate::units::Bytes;

/// Where a copy comes from.
pub(super) struct CopyFrom<'a> {
    /// Pool and name, where it is a volume that a pool lists or the spec names.
    pub(super) pool: Option<&'a str>,
    /// Name within the pool, or the absolute path.
    pub(super) name: &'a str,
    /// What a guest sees of it, where that is known.
    pub(super) capacity: Option<Bytes>,
}

impl<'a> CopyFrom<'a> {
    /// The image at `from` as the host knows it.
    pub(super) fn of(from: &'a Location, facts: &'a Facts) -> Self {
        let pools = facts.pools.items();
        let capacity = |volume: &Volume| Some(volume.capacity).filter(|capacity| capacity.0 > 0);
        match from {
            Location::Volume { pool, volume, .. } => {
                let known = pools.iter().find(|known| known.name == *pool).and_then(|known| known.volume(volume));
                Self { pool: Some(pool), name: volume, capacity: known.and_then(capacity) }
            }
            Location::Path { path, .. } => {
                if let Some((pool, volume)) = volume_at(pools, path) {
                    return Self { pool: Some(&pool.name), name: &volume.name, capacity: capacity(volume) };
                }
                let file = facts.files.get(path).and_then(|file| file.get());
                Self { pool: None, name: path, capacity: file.map(|file| file.size) }
            }
        }
    }

    /// `golden/win11-base.qcow2`, or the path.
    pub(super) fn label(&self) -> String {
        self.pool.map_or_else(|| self.name.to_owned(), |pool| format!("{pool}/{}", self.name))
    }
}

fn volume_at<'a>(pools: &'a [Pool], path: &str) -> Option<(&'a Pool, &'a Volume)> {
    pools
        .iter()
        .find_map(|pool| pool.volumes.items().iter().find(|volume| volume.path == path).map(|volume| (pool, volume)))
}

/// How large the new volume is made, and what it must grow to once it is filled. A file grows afterwards, because a copy
/// takes the size of its source; a block volume cannot, so it is made large enough.
pub(super) fn sizes(source: &CopyFrom, wanted: Option<Bytes>, is_file: bool) -> (Option<Bytes>, Option<Bytes>) {
    let grown = wanted.filter(|wanted| source.capacity.is_none_or(|capacity| *wanted > capacity));
    if is_file { (source.capacity, grown) } else { (grown.or(source.capacity), None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(capacity: Option<u64>) -> CopyFrom<'static> {
        CopyFrom { pool: None, name: "/srv/golden.img", capacity: capacity.map(Bytes::gib) }
    }

    #[test]
    fn a_file_is_copied_and_then_grown() {
        let (ten, forty) = (Some(Bytes::gib(10)), Some(Bytes::gib(40)));
        assert_eq!(sizes(&source(Some(10)), forty, true), (ten, forty));
        assert_eq!(sizes(&source(Some(10)), ten, true), (ten, None));
        assert_eq!(sizes(&source(Some(10)), None, true), (ten, None));
        assert_eq!(sizes(&source(None), forty, true), (None, forty));
    }

    #[test]
    fn a_block_volume_is_made_large_enough() {
        let (ten, forty) = (Some(Bytes::gib(10)), Some(Bytes::gib(40)));
        assert_eq!(sizes(&source(Some(10)), forty, false), (forty, None));
        assert_eq!(sizes(&source(Some(10)), None, false), (ten, None));
    }
}
