//! Pieces of a file, read when a reader of headers asks for them and kept: few, bounded, from wherever the file is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

/// No header needs more blocks than this; an image that leads through more is not followed.
const MOST_BLOCKS: usize = 48;

/// Reads bytes from an offset on, as many as asked or fewer where the file ends before.
pub type ReadAt<'a> = dyn Fn(u64, usize) -> io::Result<Vec<u8>> + 'a;

/// Bytes of a block of a file that is at hand.
pub const BLOCK: usize = 4096;

/// A file in blocks.
pub struct Pieces<'a> {
    /// Length of the file.
    pub(super) length: u64,
    /// Bytes of a block: small where the file is at hand, larger where each reading is a trip over a network.
    block: usize,
    read: &'a ReadAt<'a>,
    blocks: RefCell<BTreeMap<u64, Vec<u8>>>,
}

impl<'a> Pieces<'a> {
    /// A file of `length` bytes, of which nothing is read yet. `block` is at least [`BLOCK`].
    pub fn new(length: u64, block: usize, read: &'a ReadAt<'a>) -> Self {
        Self { length, block: block.max(BLOCK), read, blocks: RefCell::default() }
    }

    /// `length` bytes from `offset` on; fewer where the file ends before. Fails where the file cannot be read, or where
    /// too much of it would be.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let end = offset.saturating_add(length as u64).min(self.length);
        let mut at = offset;
        while at < end {
            let first = at - at % self.block as u64;
            let block = self.block(first)?;
            let from = usize::try_from(at - first).unwrap_or(usize::MAX);
            let to = usize::try_from(end - first).unwrap_or(usize::MAX).min(block.len());
            let Some(found) = block.get(from..to).filter(|found| !found.is_empty()) else { break };
            bytes.extend_from_slice(found);
            at += found.len() as u64;
        }
        Ok(bytes)
    }

    /// The bytes, or nothing where the file ends before them.
    pub(super) fn whole(&self, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        Ok(Some(self.bytes(offset, length)?).filter(|bytes| bytes.len() == length))
    }

    /// True where these bytes are at `offset`.
    pub(super) fn has(&self, offset: u64, bytes: &[u8]) -> io::Result<bool> {
        Ok(self.bytes(offset, bytes.len())? == bytes)
    }

    fn block(&self, first: u64) -> io::Result<Vec<u8>> {
        let mut blocks = self.blocks.borrow_mut();
        if let Some(block) = blocks.get(&first) {
            return Ok(block.clone());
        }
        if blocks.len() >= MOST_BLOCKS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its header leads through too many places"));
        }
        let mut block = (self.read)(first, self.block)?;
        block.truncate(self.block);
        blocks.insert(first, block.clone());
        Ok(block)
    }
}

/// The `N` bytes at `at`, or nothing where the bytes end before.
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A number of 16 bits, lowest byte first.
pub(super) fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    chunk(bytes, at).map(u16::from_le_bytes)
}

/// A number of 32 bits, lowest byte first.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(u32::from_le_bytes)
}

/// A number of 64 bits, lowest byte first.
pub(super) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    chunk(bytes, at).map(u64::from_le_bytes)
}

/// A number of 16 bits, highest byte first.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    chunk(bytes, at).map(u16::from_be_bytes)
}

/// A number of 32 bits, highest byte first.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    chunk(bytes, at).map(u32::from_be_bytes)
}

/// A number of 64 bits, highest byte first.
pub(super) fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    chunk(bytes, at).map(u64::from_be_bytes)
}

/// A text up to its first NUL.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    fn of(file: &[u8]) -> impl Fn(u64, usize) -> io::Result<Vec<u8>> + '_ {
        |offset, length| {
            let rest = usize::try_from(offset).ok().and_then(|from| file.get(from..)).unwrap_or_default();
            Ok(rest.get(..length.min(rest.len())).unwrap_or_default().to_vec())
        }
    }

    #[test]
    fn a_block_is_read_once_and_not_without_end() {
        let count = Cell::new(0);
        let read = |_: u64, length: usize| {
            count.set(count.get() + 1);
            Ok(vec![0; length])
        };
        let pieces = Pieces::new(u64::MAX, 4096, &read);
        pieces.bytes(10, 20).unwrap();
        pieces.bytes(4090, 20).unwrap();
        assert_eq!(count.get(), 2);
        assert!(pieces.bytes(u64::MAX - 4, 100).unwrap().len() <= 4);
        assert!(pieces.bytes(0, 1 << 30).is_err());
        assert!(count.get() <= MOST_BLOCKS);
    }

    proptest! {
        #[test]
        fn any_piece_is_that_of_the_file(file in prop::collection::vec(any::<u8>(), 0..20_000), offset in 0_u64..25_000,
            length in 0_usize..9000, block in prop_oneof![Just(4096_usize), Just(8192), Just(32_768)]) {
            let read = of(&file);
            let pieces = Pieces::new(file.len() as u64, block, &read);
            prop_assert_eq!(pieces.bytes(offset, length).unwrap(), read(offset, length).unwrap());
        }
    }
}
