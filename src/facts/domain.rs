//! Other domains of the host: what they hold that a new VM could clash with.

use super::ImageFormat;
use crate::units::{Bytes, CpuSet, PciAddress};
use serde::{Deserialize, Serialize};

/// One domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Name.
    pub name: String,
    /// UUID.
    pub uuid: String,
    /// What it does now.
    pub state: DomainState,
    /// True where libvirt starts it by itself.
    pub autostart: bool,
    /// MAC addresses of its interfaces, lower case.
    pub macs: Vec<String>,
    /// Its disks that have an image.
    pub disks: Vec<DomainDisk>,
    /// Host PCI functions it takes: hostdev, interface type=hostdev and disk type=nvme alike.
    pub pci: Vec<PciAddress>,
    /// Its virtual CPUs; 0 where that is not told.
    #[serde(default)]
    pub vcpus: u32,
    /// Its memory; 0 where that is not told.
    #[serde(default)]
    pub memory: Bytes,
    /// The host CPUs that its virtual CPUs are pinned to; empty where they are not.
    #[serde(default)]
    pub pinned: CpuSet,
    /// Other things of the host that it names and that one domain alone can have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holdings: Vec<Holding>,
}

/// Something of the host that one domain at a time can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Shared memory, by its name.
    SharedMemory(String),
    /// The file of its UEFI variables.
    Variables(String),
    /// A Unix socket that QEMU listens on.
    Socket(String),
    /// The number of its vsock.
    Vsock(u32),
    /// The port of a console.
    Port(u16),
    /// The host's end of a network interface.
    Interface(String),
    /// A USB device, by bus and number.
    Usb(u16, u16),
}

/// One disk of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, from = "RecordedDisk")]
pub struct DomainDisk {
    /// Path of its image; `pool/volume` where the XML names a volume.
    pub source: String,
    /// The format that its XML says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
    /// True where the domain only reads it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub readonly: bool,
    /// Paths of the images below it, as far as the XML says them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<String>,
}

impl From<&str> for DomainDisk {
    fn from(source: &str) -> Self {
        Self { source: source.into(), ..Self::default() }
    }
}

/// A disk as it was recorded; first its source alone was.
#[derive(Deserialize)]
#[serde(untagged)]
enum RecordedDisk {
    Source(String),
    Whole {
        source: String,
        #[serde(default)]
        format: Option<ImageFormat>,
        #[serde(default)]
        readonly: bool,
        #[serde(default)]
        below: Vec<String>,
    },
}

impl From<RecordedDisk> for DomainDisk {
    fn from(recorded: RecordedDisk) -> Self {
        match recorded {
            RecordedDisk::Source(source) => Self { source, ..Self::default() },
            RecordedDisk::Whole { source, format, readonly, below } => Self { source, format, readonly, below },
        }
    }
}

/// State of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DomainState {
    /// Running, paused, or on its way.
    Active,
    /// Defined only.
    Inactive,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_that_were_recorded_by_their_source_alone_are_read() {
        let read = |text: &str| serde_json::from_str::<DomainDisk>(text).ok();
        assert_eq!(read(r#""/a.qcow2""#), Some(DomainDisk::from("/a.qcow2")));
        let whole = DomainDisk { format: Some(ImageFormat::Raw), readonly: true, ..DomainDisk::from("/a") };
        assert_eq!(read(&serde_json::to_string(&whole).unwrap_or_default()), Some(whole));
    }
}
