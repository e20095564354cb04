//! What a check is: its code, and all that is known of it apart from what it finds.

use super::note::Notes;
use super::subject::Subject;
use std::fmt;

/// One check, or an error that has a code and that no check looks for.
pub struct Check {
    /// Stable name, in upper case with dashes. Nothing else spells it: what speaks of a check refers to its row.
    pub code: &'static str,
    /// The good state that it looks for, in a few words.
    pub title: &'static str,
    /// The bad one in two or three words, for a line of the PCI list; empty where its code has to do.
    pub short: &'static str,
    /// Of several findings of one level the one with the lowest is told where there is room for one.
    pub rank: u8,
    /// What a finding means, why it matters and what to do.
    pub explain: &'static str,
    /// What it is about.
    pub scope: Scope,
    /// What it could not judge is told as a number where another such check misses the same fact.
    pub folded: bool,
    /// A warning of it takes more than Enter: it is about the screen or the data of the host.
    pub consent: bool,
    /// Its place, from 1, among what the creation API validates; clients match the wording of its messages.
    pub contract: Option<u8>,
    /// Looks, and writes down what it finds; `None` for an error.
    pub run: Option<fn(&Subject, &mut Notes)>,
}

/// What a check is about, and so where it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The VM: only where a spec is judged.
    Vm,
    /// Functions of the host: also before a spec asks for them.
    Device,
    /// The host: also by itself, at this place of its check list. Operators go through it in this order: virtualisation and
    /// the IOMMU, what it isolates, VFIO and who may use it, what is bound at boot, what the host does to running VMs. The
    /// sizes that a guest meets come last.
    Host(u8),
}

impl Check {
    /// What a row of the VM does not say.
    pub(super) const VM: Self = Self {
        code: "",
        title: "",
        short: "",
        rank: 2,
        explain: "",
        scope: Scope::Vm,
        folded: false,
        consent: false,
        contract: None,
        run: None,
    };

    /// What a row of functions of the host does not say.
    pub(super) const DEVICE: Self = Self { scope: Scope::Device, ..Self::VM };

    /// What a row of an error does not say.
    pub(super) const ERROR: Self = Self::VM;

    /// Its place in the check list of a host.
    pub(super) fn place_of_host(&self) -> Option<u8> {
        match self.scope {
            Scope::Host(place) => Some(place),
            Scope::Vm | Scope::Device => None,
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

/// A check is one by its code.
impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Check {}
