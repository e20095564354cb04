//! Values with a unit or a grammar: parsing with an explaining error, printing, ordering. Nothing about specs or hosts.

mod bytes;
mod cpu_set;
mod mac;
mod name;
mod pci;
mod pci_ids;
mod phrase;
mod shell;
mod time;

pub use bytes::{Bytes, GIB, KIB, MIB, TIB};
pub use cpu_set::CpuSet;
pub use mac::MacAddr;
pub use name::VmName;
pub use pci::PciAddress;
pub use pci_ids::PciIds;
pub use phrase::{capitalised, listed};
pub use shell::{CommandLine, shell_quote};
pub use time::rfc_3339;

/// Why a text is not a value of the wanted kind. `Display` is a whole sentence part: thing, value, limit and way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnitError(pub String);
