//! Facts from the kernel's files: PCI functions, the IOMMU, memory, KVM, bridges, files that a spec names.

mod attribute;
mod block;
pub mod boot;
pub mod bridge;
pub mod confinement;
pub mod cpu;
pub mod cpu_map;
pub mod display;
mod holders;
mod initramfs;
pub mod iommu;
pub mod iommu_group;
pub mod kernel;
pub mod kvm;
pub mod local;
pub mod media;
pub mod memory;
mod modprobe;
mod mounts;
pub mod networking;
pub mod pci;
mod pci_config;
pub mod pci_details;
pub mod pci_names;
mod pci_resources;
pub mod rom;
mod route;
mod sleep;
mod ssh;
pub mod storage;
pub mod topology;
mod udev;
pub mod usb;
pub mod vfio;

pub use pci_names::PciNames;
