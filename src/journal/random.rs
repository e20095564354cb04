//! Names that are given once.

use crate::store::StoreError;
use std::fs::File;
use std::io::Read;

const SOURCE: &str = "/dev/urandom";

/// A random UUID of version 4.
pub fn uuid() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    let value = u128::from_be_bytes(bytes) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{value:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// Eight random hexadecimal digits, the name of a build.
pub(super) fn id() -> Result<String, StoreError> {
    let mut bytes = [0; 4];
    fill(&mut bytes)?;
    Ok(format!("{:08x}", u32::from_be_bytes(bytes)))
}

fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    let read = File::open(SOURCE).and_then(|mut source| source.read_exact(bytes));
    read.map_err(StoreError::io("read", SOURCE))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_uuid_is_of_version_4_and_of_no_other_thing() {
        let one = uuid().unwrap();
        let parts: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(one.as_bytes()[14] == b'4' && b"89ab".contains(&one.as_bytes()[19]), "{one}");
        assert_ne!(one, uuid().unwrap());
        assert_eq!(id().unwrap().len(), 8);
    }
}
