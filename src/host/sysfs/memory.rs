//! Host memory from /proc/meminfo.

use crate::facts::{Fact, Memory, Provenance};
use crate::host::{Sysroot, now};
use crate::units::{Bytes, KIB};

const FILE: &str = "/proc/meminfo";

/// Installed and available memory.
pub fn read(sysroot: &Sysroot) -> Fact<Memory> {
    let text = match sysroot.read(FILE) {
        Ok(text) => text,
        Err(error) => return Fact::unknown(format!("{FILE} cannot be read: {error}")),
    };
    let amount = |key: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        rest.split_whitespace().next()?.parse::<u64>().ok().map(|kib| Bytes(kib.saturating_mul(KIB)))
    };
    match (amount("MemTotal"), amount("MemAvailable").or_else(|| amount("MemFree"))) {
        (Some(total), Some(free)) => Fact::known(Memory { total, free }, Provenance::File(FILE.into()), now()),
        _ => Fact::unknown(format!("{FILE} names no MemTotal and MemAvailable")),
    }
}
