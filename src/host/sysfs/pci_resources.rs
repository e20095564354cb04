//! The address ranges of a PCI function, from `resource` and, where it is awake, `resourceN_resize`.

use super::attribute::{Folder, hexadecimal, known};
use crate::facts::Fact;
use crate::facts::pci_details::{Bar, BarSpace};
use crate::units::Bytes;

/// The kernel's flags of a range.
const IO: u64 = 0x100;
const MEMORY: u64 = 0x200;
const PREFETCHABLE: u64 = 0x2000;
const WIDE: u64 = 0x10_0000;
const UNSET: u64 = 0x2000_0000;

/// Ranges with a size.
pub(super) fn bars(folder: &Folder, complete: bool, awake: &Result<(), String>) -> Fact<Vec<Bar>> {
    // The first six lines are the device's registers; its ROM and what a bridge forwards follow.
    let mut bars = folder.text("resource").map(|text| {
        let lines = (0..6).zip(text.lines());
        lines.filter_map(|(index, line)| bar(index, line)).collect::<Vec<_>>()
    });
    for bar in bars.get_mut().into_iter().flatten() {
        bar.sizes = sizes(folder, bar.index, complete, awake);
    }
    bars
}

/// `start end flags`, hexadecimal.
fn bar(index: u8, line: &str) -> Option<Bar> {
    let mut numbers = line.split_whitespace().map_while(hexadecimal);
    let (start, end, flags) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let space = match (flags & IO, flags & MEMORY, flags & WIDE) {
        (0, 0, _) => return None,
        (0, _, 0) => BarSpace::Memory,
        (0, ..) => BarSpace::WideMemory,
        _ => BarSpace::Io,
    };
    Some(Bar {
        index,
        start,
        size: Bytes(end.checked_sub(start)?.saturating_add(1)),
        space,
        prefetchable: flags & PREFETCHABLE != 0,
        assigned: flags & UNSET == 0 && start != 0,
        sizes: Fact::default(),
    })
}

fn sizes(folder: &Folder, index: u8, complete: bool, awake: &Result<(), String>) -> Fact<Vec<Bytes>> {
    let name = format!("resource{index}_resize");
    match awake {
        _ if !folder.has(&name) && complete => known(Vec::new(), folder.path(&name)),
        Err(why) if folder.has(&name) => Fact::unknown(why.clone()),
        _ => folder.parsed(&name, |text| hexadecimal(text).map(resizes)),
    }
}

/// Bit n stands for 2^n MiB.
fn resizes(bits: u64) -> Vec<Bytes> {
    (0..43).filter(|bit| bits >> bit & 1 == 1).map(|bit| Bytes(1 << (bit + 20))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn flags_tell_ports_from_memory_and_a_range_without_a_place() {
        let read = |line| bar(0, line).unwrap();
        let ports = read("0x000000000000e000 0x000000000000e07f 0x0000000000040101");
        assert_eq!((ports.space, ports.size, ports.assigned), (BarSpace::Io, Bytes(128), true));
        let frame = read("0x0000006000000000 0x00000063ffffffff 0x000000000014220c");
        assert_eq!((frame.space, frame.size), (BarSpace::WideMemory, Bytes(16 << 30)));
        assert!(frame.prefetchable && frame.assigned);
        let lost = read("0x0000000000000000 0x00000003ffffffff 0x000000002014220c");
        assert!(!lost.assigned);
        assert_eq!(bar(1, "0x0000000000000000 0x0000000000000000 0x0000000000000000"), None);
    }

    #[test]
    fn sizes_are_powers_of_two_from_one_mebibyte_on() {
        assert_eq!(resizes(0x4100), [Bytes(256 << 20), Bytes(16 << 30)]);
        assert_eq!(resizes(u64::MAX).len(), 43);
    }
}
