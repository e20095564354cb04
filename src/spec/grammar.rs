//! The fields whose texts have a grammar of their own, for the parser; limits of their values are for the checks.

use super::{CpuLimit, DiskSize, MemorySize, Place, Segment};
use crate::units::{Bytes, CpuSet, MacAddr, PciAddress, PciIds, UnitError};

/// Whether `text` can be read as what the field at `place` holds. Any text does where the field has no grammar.
pub(super) fn read(place: &Place, text: &str) -> Result<(), UnitError> {
    let keys: Vec<&str> = place.0.iter().filter_map(key).collect();
    // A preset file may hold its spec below a description.
    match keys.strip_prefix(&["spec"]).unwrap_or(&keys) {
        ["memory" | "max_memory"] | ["numa", "cells", "memory"] => MemorySize::Text(text.to_owned()).bytes().map(drop),
        ["storage", "disks", "size"] => DiskSize::Text(text.to_owned()).bytes().map(drop),
        ["cpu", "limit"] => CpuLimit::Text(text.to_owned()).thousandths().map(drop),
        ["cpu", "pinning", "vcpus" | "emulator" | "iothreads"] | ["numa", "nodes"] | ["numa", "cells", "vcpus"] => {
            text.parse::<CpuSet>().map(drop)
        }
        ["memory_backing", "hugepages"] | ["numa", "cells", "hugepages"] if text.trim() != "auto" => {
            text.parse::<Bytes>().map(drop)
        }
        ["networks", "mac"] => text.parse::<MacAddr>().map(drop),
        ["pci_devices", "host_address" | "guest_address"]
        | ["networks", "host_address"]
        | ["storage", "disks", "host_address"]
        | ["pci_devices", "match", "address"]
        | ["pci_devices", "match", "group", "address"] => text.parse::<PciAddress>().map(drop),
        ["pci_devices", "match", "ids" | "subsystem"] | ["pci_devices", "match", "group", "ids"] => {
            text.parse::<PciIds>().map(drop)
        }
        _ => Ok(()),
    }
}

fn key(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Key(key) => Some(key),
        Segment::Index(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_with_a_grammar_refuse_what_they_cannot_read() {
        for (place, good, bad) in [
            (Place::root().key("memory"), "2 GiB", "2 GBi"),
            (Place::root().key("cpu").key("limit"), "150 %", "much"),
            (Place::root().key("cpu").key("pinning").key("vcpus").index(0), "0-3,8", "0..3"),
            (Place::root().key("memory_backing").key("hugepages"), "auto", "2 MBi"),
            (Place::disk(1, "size"), "20", "20 GBi"),
            (Place::row("networks", 0, "mac"), "52:54:00:12:34:56", "52:54"),
            (Place::row("pci_devices", 0, "host_address"), "01:00.0", "01:00"),
            (Place::row("pci_devices", 0, "match").key("address"), "01:00.0", "01:00"),
            (Place::row("pci_devices", 0, "match").key("subsystem"), "1043:88e2", "1043"),
            (Place::row("pci_devices", 0, "match").key("group").index(1).key("ids"), "10de:2704", "nvidia"),
        ] {
            assert!(read(&place, good).is_ok() && read(&place, bad).is_err(), "{place}");
        }
        assert!(read(&Place::root().key("name"), "2 GBi").is_ok());
    }
}
