//! How libvirt removes what a build made, and the virsh command that does the same.

use super::LibvirtRemoval;
use crate::engine::{MadeId, Thing, Undo, undo};
use crate::units::CommandLine;

/// What removes `thing`; by its identity where it is known. `uri` is the connection that virsh opens; its default if absent.
pub(super) fn undo(thing: &Thing, id: Option<&MadeId>, uri: Option<&str>) -> Undo {
    let removal = LibvirtRemoval::of(thing);
    let virsh = CommandLine::of(["virsh"]).and(uri.into_iter().flat_map(|uri| ["-c", uri]));
    Undo {
        thing: removal.thing(),
        words: removal.words(),
        done: removal.done(),
        command: virsh.and(removal.subcommand(id.map(|id| id.0.as_str()))),
        removal: undo::Removal::Libvirt(removal),
    }
}

impl LibvirtRemoval {
    fn of(thing: &Thing) -> Self {
        match thing.clone() {
            Thing::Volume { pool, name } => Self::DeleteVolume { pool, name },
            Thing::Domain { name, variables, tpm, started } => {
                Self::Undefine { name, variables, tpm, with_files: started }
            }
            Thing::Running { domain } => Self::Destroy { name: domain },
        }
    }

    fn thing(&self) -> String {
        match self {
            Self::DeleteVolume { pool, name } => format!("volume {name} in pool {pool}"),
            Self::Undefine { name, .. } => format!("domain {name}"),
            Self::Destroy { name } => format!("running domain {name}"),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::DeleteVolume { pool, name } => format!("delete volume {pool}/{name}"),
            Self::Undefine { name, .. } => format!("undefine domain {name}"),
            Self::Destroy { name } => format!("stop domain {name}"),
        }
    }

    fn done(&self) -> String {
        match self {
            Self::DeleteVolume { .. } => format!("deleted {}", self.thing()),
            Self::Undefine { .. } => format!("removed {}", self.thing()),
            Self::Destroy { name } => format!("stopped domain {name}"),
        }
    }

    /// The words behind virsh. It takes the key of a volume and the UUID of a domain in the place of a name.
    fn subcommand<'a>(&'a self, id: Option<&'a str>) -> Vec<&'a str> {
        match self {
            Self::DeleteVolume { pool, name } => match id {
                Some(key) => vec!["vol-delete", key],
                None => vec!["vol-delete", "--pool", pool, name],
            },
            Self::Undefine { name, variables, tpm, with_files } => {
                let [nvram, state] = if *with_files { ["--nvram", "--tpm"] } else { ["--keep-nvram", "--keep-tpm"] };
                let flags = [(*variables, nvram), (*tpm, state)].into_iter().filter(|(has, _)| *has);
                ["undefine"].into_iter().chain(flags.map(|(_, flag)| flag)).chain([id.unwrap_or(name)]).collect()
            }
            Self::Destroy { name } => vec!["destroy", id.unwrap_or(name)],
        }
    }
}
