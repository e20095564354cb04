//! Files in memory for the tests of the readers.

use super::Pieces;

/// What `look` makes of a file with these bytes.
pub(super) fn in_memory<T>(file: &[u8], look: impl FnOnce(&Pieces<'_>) -> T) -> T {
    let read = |offset: u64, length: usize| {
        let rest = usize::try_from(offset).ok().and_then(|from| file.get(from..)).unwrap_or_default();
        Ok(rest.get(..length.min(rest.len())).unwrap_or_default().to_vec())
    };
    look(&Pieces::new(file.len() as u64, 4096, &read))
}
