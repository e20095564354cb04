//! The nine steps by name and number.

use crate::spec::{FieldGroup, Place, field};

/// A step of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepId {
    /// Templates and presets.
    Template,
    /// Name, memory, CPUs, firmware.
    System,
    /// The pool that disks live in.
    Storage,
    /// Disks and the installation medium.
    Disks,
    /// Interfaces.
    Network,
    /// Host devices.
    Pci,
    /// TPM, consoles, cloud-init, custom XML, metadata.
    Extras,
    /// Everything once more.
    Review,
    /// The build.
    Build,
}

impl StepId {
    /// All of them in order.
    pub const ALL: [Self; 9] = [
        Self::Template,
        Self::System,
        Self::Storage,
        Self::Disks,
        Self::Network,
        Self::Pci,
        Self::Extras,
        Self::Review,
        Self::Build,
    ];

    /// Position from 0.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Number as the rail shows it, from 1.
    pub const fn number(self) -> usize {
        self.index() + 1
    }

    /// The step with this number, if there is one.
    pub fn numbered(number: usize) -> Option<Self> {
        Self::ALL.get(number.checked_sub(1)?).copied()
    }

    /// The next step; the last one stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL.get(self.index() + 1).copied().unwrap_or(self)
    }

    /// The step before; the first one stays.
    #[must_use]
    pub fn previous(self) -> Self {
        Self::ALL.get(self.index().wrapping_sub(1)).copied().unwrap_or(self)
    }

    /// Name on the rail and as heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Template => "Template",
            Self::System => "System",
            Self::Storage => "Storage pool",
            Self::Disks => "Disks",
            Self::Network => "Network",
            Self::Pci => "PCI passthrough",
            Self::Extras => "Extras",
            Self::Review => "Review",
            Self::Build => "Build",
        }
    }

    /// Name where room is short: the one-line rail and the checks panel.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Storage => "Pool",
            Self::Network => "Net",
            Self::Pci => "PCI",
            other => other.title(),
        }
    }

    /// True for the steps that a VM can do without.
    pub const fn optional(self) -> bool {
        matches!(self, Self::Template | Self::Pci | Self::Extras)
    }

    /// The step with the field at `place`. What is about the whole spec is in the review, and so is what is not a field.
    pub fn of(place: &Place) -> Self {
        use FieldGroup as Group;
        match field::around(place).map(|field| field.group) {
            None => Self::Review,
            Some(Group::Template) => Self::Template,
            Some(Group::Guest | Group::Cpu | Group::Pinning | Group::Memory | Group::Firmware | Group::Boot) => {
                Self::System
            }
            Some(Group::Pool) => Self::Storage,
            Some(Group::Disk | Group::Served) => Self::Disks,
            Some(Group::Network) => Self::Network,
            Some(Group::Pci) => Self::Pci,
            Some(
                Group::Console | Group::Extras | Group::Devices | Group::Identity | Group::CloudInit | Group::Besides,
            ) => Self::Extras,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_field_is_in_no_step_of_fields() {
        assert_eq!(StepId::of(&Place::root()), StepId::Review);
        assert_eq!(StepId::of(&Place::root().key("memmory")), StepId::Review);
        assert_eq!(StepId::of(&Place::root().key("metadata").key("memory")), StepId::Extras);
    }
}
