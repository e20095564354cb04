//! The source of a copy: which pool it is in, how large it is, how its bytes change on the way, and what must grow
//! afterwards.

use super::Conversion;
use crate::facts::{CopySources, Facts, ImageFormat, KnownImage, PoolType};
use crate::machine::{Location, location};
use crate::units::Bytes;

/// Where a copy comes from.
pub(super) struct CopyFrom<'a> {
    /// Its pool, where it is a volume that libvirt copies itself.
    pub(super) pool: Option<&'a str>,
    /// True where it may be a volume that libvirt does not copy into that pool.
    pub(super) read_as_file: bool,
    /// Name within the pool, or the absolute path.
    pub(super) name: &'a str,
    /// What a guest sees of it, where that is known.
    pub(super) capacity: Option<Bytes>,
    known: KnownImage<'a>,
    is_block: bool,
}

impl<'a> CopyFrom<'a> {
    /// The image at `from` as the host has it, on its way into a pool of the type `into`.
    pub(super) fn of(from: &'a Location, into: &PoolType, facts: &'a Facts) -> Self {
        let known = location::known(from, facts);
        let read_as_file = into.copies == CopySources::Nothing;
        let (pool, name) = match (from, known.volume) {
            (Location::Volume { path: Some(path), .. } | Location::Path { path, .. }, _) if read_as_file => {
                (None, path.as_str())
            }
            (Location::Volume { pool, volume, .. }, _) => (Some(pool.as_str()), volume.as_str()),
            (_, Some((pool, volume))) => (Some(pool.name.as_str()), volume.name.as_str()),
            (Location::Path { path, .. }, None) => (None, path.as_str()),
        };
        Self { pool, read_as_file, name, capacity: known.virtual_size(), known, is_block: from.is_block() }
    }

    /// How the bytes of a file become an image of the format `to`; `None` where they are one already, and where libvirt
    /// copies.
    pub(super) fn conversion(&self, to: ImageFormat) -> Option<Conversion> {
        let image = self.known.image().filter(|_| !self.is_block);
        let from = if self.is_block { ImageFormat::Raw } else { self.known.format()? };
        let flattens = image.is_some_and(|image| image.backing.is_some() || !image.data.is_empty());
        (self.pool.is_none() && (from != to || flattens)).then_some(Conversion { from, to, flattens })
    }

    /// `golden/win11-base.qcow2`, or the path.
    pub(super) fn label(&self) -> String {
        self.pool.map_or_else(|| self.name.to_owned(), |pool| format!("{pool}/{}", self.name))
    }
}

/// How large the new volume is made, and what it must grow to once it is filled. It grows afterwards where its pool can do
/// that, because a copy takes the size of its source; else it is made large enough.
pub(super) fn sizes(source: &CopyFrom, wanted: Option<Bytes>, into: &PoolType) -> (Option<Bytes>, Option<Bytes>) {
    let grown = wanted.filter(|wanted| source.capacity.is_none_or(|capacity| *wanted > capacity));
    if into.resizes { (source.capacity, grown) } else { (grown.or(source.capacity), None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(capacity: Option<u64>) -> CopyFrom<'static> {
        let known = KnownImage::default();
        let capacity = capacity.map(Bytes::gib);
        CopyFrom { pool: None, read_as_file: false, name: "/srv/golden.img", capacity, known, is_block: false }
    }

    #[test]
    fn a_file_is_copied_and_then_grown() {
        let (ten, forty) = (Some(Bytes::gib(10)), Some(Bytes::gib(40)));
        assert_eq!(sizes(&source(Some(10)), forty, PoolType::named("dir")), (ten, forty));
        assert_eq!(sizes(&source(Some(10)), ten, PoolType::named("dir")), (ten, None));
        assert_eq!(sizes(&source(Some(10)), None, PoolType::named("dir")), (ten, None));
        assert_eq!(sizes(&source(None), forty, PoolType::named("dir")), (None, forty));
    }

    #[test]
    fn a_block_volume_is_made_large_enough() {
        let (ten, forty) = (Some(Bytes::gib(10)), Some(Bytes::gib(40)));
        assert_eq!(sizes(&source(Some(10)), forty, PoolType::named("logical")), (forty, None));
        assert_eq!(sizes(&source(Some(10)), None, PoolType::named("disk")), (ten, None));
    }
}
