//! How a thing is removed: one value for what the plan shows, what is printed for doing it by hand, and what is done.

use super::libvirt;
use crate::units::CommandLine;

/// What undoes the making of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// What the engine is asked to do.
    pub removal: Removal,
    /// The thing in words: "volume ws-vda.qcow2 in pool fast".
    pub thing: String,
    /// What will be done: "delete volume fast/ws-vda.qcow2".
    pub words: String,
    /// What was done: "deleted volume ws-vda.qcow2 in pool fast".
    pub done: String,
    /// The command that does the same by hand.
    pub command: CommandLine,
}

/// The act of an undo. Only the engine that made the thing looks into its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// libvirt's.
    Libvirt(libvirt::LibvirtRemoval),
}
