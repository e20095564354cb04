//! How the texts of fields are read. Limits of the values are for the checks.

use super::{CpuLimit, DiskSize, MemorySize};
use crate::units::{Bytes, CpuSet, MacAddr, PciAddress, PciIds, UnitError};

/// How the text of a field is read, in a file and in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grammar {
    /// Any text.
    Text,
    /// The name of a VM.
    Name,
    /// One of a few words.
    Word,
    /// Yes or no.
    Switch,
    /// A whole number from 1.
    Count,
    /// A whole number from 0.
    Whole,
    /// A port.
    Port,
    /// An amount whose bare numbers count MiB.
    Memory,
    /// An amount whose bare numbers count GiB.
    DiskSize,
    /// The size of a huge page, or `auto`.
    PageSize,
    /// An amount of CPU time.
    CpuTime,
    /// A set of CPUs or of NUMA nodes.
    CpuSet,
    /// A MAC address.
    Mac,
    /// A PCI address.
    PciAddress,
    /// Vendor and device.
    PciIds,
    /// One text per line.
    List,
    /// One set of CPUs for each thread, which is told by the position.
    Positions,
    /// `key = value` per line.
    Pairs,
    /// Nodes of the guest; a form has them as one line each.
    Cells,
    /// USB devices; a form has them as one line each.
    Usb,
    /// Mediated devices; a form has them as one line each.
    Mediated,
    /// Folders of the host; a form has them as one line each.
    Shares,
    /// Rows of fields; a form shows one row at a time.
    Rows,
    /// Fields of its own.
    Members,
}

impl Grammar {
    /// True for a list.
    pub fn is_list(self) -> bool {
        let lines = matches!(self, Self::Cells | Self::Usb | Self::Mediated | Self::Shares);
        lines || matches!(self, Self::List | Self::Positions | Self::Rows)
    }

    /// Its name in the reference of the spec, and how a value is written in a file; in a form, too, where that differs.
    pub const fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("text", "A string."),
            Self::Name => ("name", "A string without '/' and line breaks, at most 200 bytes; not '.' or '..'."),
            Self::Word => ("word", "One of the words that are listed below the table."),
            Self::Switch => ("true or false", "`true` or `false`."),
            Self::Count => ("count", "A whole number from 1."),
            Self::Whole => ("whole number", "A whole number from 0."),
            Self::Port => ("port", "A whole number from 1 to 65535."),
            Self::Memory => (
                "memory",
                "A number counts MiB. A string has a unit: `\"32 GiB\"`, `\"1.5G\"`; without one it counts MiB.",
            ),
            Self::DiskSize => (
                "disk size",
                "A number counts GiB. A string has a unit: `\"500 GB\"`, `\"1.5T\"`; without one it counts GiB.",
            ),
            Self::PageSize => ("page size", "`\"1 GiB\"`, `\"2 MiB\"`, or `\"auto\"`."),
            Self::CpuTime => {
                ("CPU time", "Host CPUs: `2`. A string can have a fraction or be a percentage: `\"1.5\"`, `\"150 %\"`.")
            }
            Self::CpuSet => ("CPU set", "Numbers and ranges in a string: `\"2\"`, `\"0-3,8\"`."),
            Self::Mac => ("MAC address", "`\"52:54:00:12:34:56\"`."),
            Self::PciAddress => ("PCI address", "`\"0000:01:00.0\"`; the domain can be left out: `\"01:00.0\"`."),
            Self::PciIds => ("PCI IDs", "Vendor and device in hexadecimal: `\"10de:2704\"`."),
            Self::List => ("texts", "A list of strings. In a form one per line."),
            Self::Positions => ("CPU sets", "A list of CPU sets, one for each thread; `\"\"` for none."),
            Self::Pairs => ("keys and values", "An object with any keys. In a form one per line: `key = value`."),
            Self::Cells => ("cells", "A list of objects. In a form one per line: `0-7: 16 GiB, node 0, pages 1 GiB`."),
            Self::Usb => (
                "USB devices",
                "A list of objects. In a form one per line: `046d:c52b` or `bus 1 device 4`, then `startup`.",
            ),
            Self::Mediated => {
                ("mediated devices", "A list of objects. In a form one per line: the UUID, then `display` and `ramfb`.")
            }
            Self::Shares => (
                "folders",
                "A list of objects. In a form one per line: `/srv/data`, the tag, then `virtiofs`, `9p` or `read-only`.",
            ),
            Self::Rows => ("rows", "A list of objects. A form shows one at a time."),
            Self::Members => ("object", "An object."),
        }
    }

    /// Whether `text` can be read as a value of a file. Any text can where no grammar but that of JSON holds.
    pub(super) fn check(self, text: &str) -> Result<(), UnitError> {
        match self {
            Self::Memory => MemorySize::Text(text.to_owned()).bytes().map(drop),
            Self::DiskSize => DiskSize::Text(text.to_owned()).bytes().map(drop),
            Self::CpuTime => CpuLimit::Text(text.to_owned()).thousandths().map(drop),
            Self::CpuSet | Self::Positions => text.parse::<CpuSet>().map(drop),
            Self::PageSize if text.trim() != "auto" => text.parse::<Bytes>().map(drop),
            Self::Mac => text.parse::<MacAddr>().map(drop),
            Self::PciAddress => text.parse::<PciAddress>().map(drop),
            Self::PciIds => text.parse::<PciIds>().map(drop),
            _ => Ok(()),
        }
    }
}
