//! What the kernel says of single IOMMU groups; who is in which is told by the scan of the functions.

use super::attribute::{hexadecimal, odd, text};
use super::iommu::GROUPS;
use crate::facts::Fact;
use crate::facts::pci_details::{GroupDetails, ReservedRegion};
use crate::host::Sysroot;

/// Details of the group `number`.
pub fn read(sysroot: &Sysroot, number: u32) -> GroupDetails {
    let folder = format!("{GROUPS}/{number}");
    GroupDetails { kind: text(sysroot, &format!("{folder}/type")), reserved: reserved(sysroot, &folder) }
}

fn reserved(sysroot: &Sysroot, folder: &str) -> Fact<Vec<ReservedRegion>> {
    let path = format!("{folder}/reserved_regions");
    text(sysroot, &path).try_map(|text| text.lines().map(region).collect(), || odd(&path))
}

/// `0x00000000fee00000 0x00000000feefffff msi`.
fn region(line: &str) -> Option<ReservedRegion> {
    let mut words = line.split_whitespace();
    Some(ReservedRegion {
        start: hexadecimal(words.next()?)?,
        end: hexadecimal(words.next()?)?,
        kind: words.next()?.to_owned(),
    })
}
