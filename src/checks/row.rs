//! Rows of the spec, and how messages name them.

use crate::spec::Place;
use crate::spec::suggest::one_line;
use crate::units::PciAddress;
use serde::Serialize;
use std::fmt;

/// A row as messages name it: `disk 0 (vda)`, `device 1 (0000:01:00.0)`, `network 0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct RowName {
    /// What rows of its list are called, or what there is one of.
    pub noun: &'static str,
    /// From 0.
    pub number: Option<usize>,
    /// What tells it from the others beside its number.
    pub mark: Option<RowMark>,
}

/// What a row is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowMark {
    /// The name of a disk in the guest, or whatever else names one.
    Name(String),
    /// A function of the host.
    Address(PciAddress),
}

impl RowName {
    /// Row `number` of a list.
    pub fn numbered(noun: &'static str, number: usize) -> Self {
        Self { noun, number: Some(number), mark: None }
    }

    /// What there is one of, or stands for a list that was left out.
    pub fn only(noun: &'static str) -> Self {
        Self { noun, number: None, mark: None }
    }

    /// The same with a name behind it.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { mark: Some(RowMark::Name(name.into())), ..self }
    }

    /// The function that it takes.
    pub fn address(&self) -> Option<PciAddress> {
        match self.mark {
            Some(RowMark::Address(address)) => Some(address),
            _ => None,
        }
    }

    /// As text; `alone` where there is no spec that it is a row of, so that a function is named by its address.
    pub(super) fn say(&self, alone: bool) -> String {
        let number = self.number.map(|number| format!(" {number}")).unwrap_or_default();
        match &self.mark {
            Some(RowMark::Address(address)) if alone => address.to_string(),
            Some(RowMark::Address(address)) => format!("{}{number} ({address})", self.noun),
            Some(RowMark::Name(name)) => format!("{}{number} ({})", self.noun, one_line(name)),
            None => format!("{}{number}", self.noun),
        }
    }
}

/// A row of the spec that takes a function of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TakenRow {
    /// Of `pci_devices`.
    Device(usize),
    /// Of `networks`: a virtual function.
    Network(usize),
    /// Of `storage.disks`: an NVMe drive.
    Disk(usize),
    /// Of `custom_xml`: whatever element takes it.
    Custom,
}

impl TakenRow {
    /// The place of its field `name`.
    pub fn place(self, name: &str) -> Place {
        match self {
            Self::Device(row) => Place::row("pci_devices", row, name),
            Self::Network(row) => Place::row("networks", row, name),
            Self::Disk(row) => Place::disk(row, name),
            Self::Custom => Place::root().key("custom_xml"),
        }
    }

    /// Its name without the function that it takes.
    pub fn name(self) -> RowName {
        match self {
            Self::Device(row) => RowName::numbered("device", row),
            Self::Network(row) => RowName::numbered("network", row),
            Self::Disk(row) => RowName::numbered("disk", row),
            Self::Custom => RowName::only("custom_xml"),
        }
    }

    /// Its name with the function that it takes.
    pub fn taking(self, address: PciAddress) -> RowName {
        RowName { mark: Some(RowMark::Address(address)), ..self.name() }
    }
}

impl fmt::Display for TakenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().say(false))
    }
}
