//! libvirt, and nothing else in the crate touches it: opening, reading facts, single acts of a build.

mod backend;
mod capabilities;
mod connection;
mod domain;
mod download;
mod error;
mod event;
mod host;
mod library;
mod life;
mod machine;
mod network;
mod node_device;
mod pool;
mod together;
mod topology;
mod volume;
mod volume_files;
mod xml;

pub(super) use backend::LibvirtBackend;
pub(super) use capabilities::kvm as capabilities_kvm;
pub use connection::Connection;
pub(super) use event::{Happening, OnEvent, Registration};
pub use life::Life;
pub use machine::MadeDomain;
pub(super) use node_device::iommu as node_device_iommu;
pub(super) use together::each;
pub use volume::{Attempts, MadeVolume, SourceVolume};
