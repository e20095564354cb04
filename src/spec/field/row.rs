//! What a row of the table of fields says of its field.

use crate::spec::grammar::Grammar;
use crate::spec::place::Place;

/// One field of the spec.
#[derive(Debug)]
pub struct SpecField {
    /// `storage.disks[].size`: the names on the way to it, rows of lists as `[]`.
    pub path: &'static str,
    /// Where forms have it.
    pub group: FieldGroup,
    /// How its text is read.
    pub grammar: Grammar,
    /// Its name in forms.
    pub label: &'static str,
    /// What holds where it is absent, in a few words; begins with "required" where a build needs it. Empty for objects.
    pub default: &'static str,
    /// The parts of the domain XML that it makes: `devices/disk/driver/@cache`, with `=value` where it is the value that
    /// it makes. Empty where it acts through other fields, or outside of the XML.
    pub xml: &'static [&'static str],
    /// Its value may be a secret: never in logs, messages or the domain's metadata.
    pub secret: bool,
}

/// Fields that are together in a form, under one heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldGroup {
    /// The template.
    Template,
    /// What the guest is, and how much it gets.
    Guest,
    /// The virtual CPU.
    Cpu,
    /// Host CPUs of the threads.
    Pinning,
    /// Memory beside its amount.
    Memory,
    /// Firmware beside its kind.
    Firmware,
    /// What is booted.
    Boot,
    /// The storage pool.
    Pool,
    /// A disk, and the installation medium.
    Disk,
    /// How a disk is served.
    Served,
    /// A network interface.
    Network,
    /// A host PCI device.
    Pci,
    /// A graphical console.
    Console,
    /// What few VMs need, first of all.
    Extras,
    /// Emulated devices, and devices of the host that are not PCI functions.
    Devices,
    /// What the guest reads of its maker.
    Identity,
    /// First-boot configuration.
    CloudInit,
    /// What belongs nowhere else.
    Besides,
}

impl FieldGroup {
    /// The heading in a form; empty for what comes first.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Template
            | Self::Guest
            | Self::Pool
            | Self::Disk
            | Self::Network
            | Self::Pci
            | Self::Console
            | Self::Extras => "",
            Self::Cpu => "CPU",
            Self::Pinning => "Pinning",
            Self::Memory => "Memory",
            Self::Firmware => "Firmware",
            Self::Boot => "Boot",
            Self::Served => "Served",
            Self::Devices => "Devices",
            Self::Identity => "Identity",
            Self::CloudInit => "Cloud-init",
            Self::Besides => "Besides",
        }
    }
}

impl SpecField {
    /// The names on its path, outermost first, with [`ROW`] for the rows of a list.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let mut rest = self.path;
        std::iter::from_fn(move || {
            let path = rest.strip_prefix('.').unwrap_or(rest);
            let name;
            (name, rest) = match path.strip_prefix(ROW) {
                Some(after) => (ROW, after),
                None => path.split_at(path.find(['.', '[']).unwrap_or(path.len())),
            };
            (!name.is_empty()).then_some(name)
        })
    }

    /// The sentence that says what holds where it is absent.
    pub fn absent(&self) -> Option<String> {
        match self.default.strip_prefix("required") {
            _ if self.default.is_empty() => None,
            Some(when) => Some(format!("Required{when}.")),
            None => Some(format!("Default: {}.", self.default)),
        }
    }

    /// Its place in the rows of these numbers, the outermost list first; `None` where it is in more lists than there are
    /// numbers.
    pub fn place(&self, rows: impl IntoIterator<Item = usize>) -> Option<Place> {
        let mut rows = rows.into_iter();
        self.names().try_fold(Place::root(), |place, name| {
            Some(if name == ROW { place.index(rows.next()?) } else { place.key(name) })
        })
    }
}

/// What stands for any row in a path.
pub const ROW: &str = "[]";
