//! The source of a copy: which pool it is in, how large it is, how its bytes change on the way, and what must grow
//! afterwards.

use super::Conversion;
use crate::facts::{Facts, ImageFormat, KnownImage};
use crate::machine::{Location, location};
use crate::units::Bytes;

/// Where a copy comes from.
pub(super) struct CopyFrom<'a> {
    /// Pool and name, where it is a volume that a pool lists or the spec names.
    pub(super) pool: Option<&'a str>,
    /// Name within the pool, or the absolute path.
    pub(super) name: &'a str,
    /// What a guest sees of it, where that is known.
    pub(super) capacity: Option<Bytes>,
    known: KnownImage<'a>,
    is_block: bool,
}

impl<'a> CopyFrom<'a> {
    /// The image at `from` as the host has it.
    pub(super) fn of(from: &'a Location, facts: &'a Facts) -> Self {
        let known = location::known(from, facts);
        let (pool, name) = match (from, known.volume) {
            (Location::Volume { pool, volume, .. }, _) => (Some(pool.as_str()), volume.as_str()),
            (_, Some((pool, volume))) => (Some(pool.name.as_str()), volume.name.as_str()),
            (Location::Path { path, .. }, None) => (None, path.as_str()),
        };
        Self { pool, name, capacity: known.virtual_size(), known, is_block: from.is_block() }
    }

    /// How the bytes of a file that is in no pool become an image of the format `to`; `None` where they are one already.
    /// Of volumes libvirt takes care.
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
        let known = KnownImage::default();
        CopyFrom { pool: None, name: "/srv/golden.img", capacity: capacity.map(Bytes::gib), known, is_block: false }
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
