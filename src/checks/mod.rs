//! Judgement: spec and facts in, findings out. Every check is one function in one table; a check never does I/O.
//!
//! A check that does not apply (PCI checks on a VM without PCI devices) is not counted: `passed` lists the checks that
//! had something to look at and found it good. What cannot be judged for want of a fact is a finding of severity
//! `Unknown`, never a pass.

pub mod accepted;
pub mod allowed;
pub mod check;
pub mod error;
pub mod failure;
pub mod finding;
pub mod note;
pub mod row;
pub mod subject;
pub mod table;
pub mod text;

mod backing;
mod boot_order;
mod character;
mod clone;
mod cloud_init;
mod coverage;
mod cpu;
mod cpu_feature;
mod custom_xml;
mod devices;
mod disk;
mod firmware;
mod graphics;
mod guest_address;
mod guest_os;
mod held;
mod holding;
mod host;
mod host_device;
mod host_drive;
mod hypervisor;
mod image;
mod image_content;
mod image_sharing;
mod image_state;
mod iommu;
mod kernel_boot;
mod kernel_image;
mod left;
mod mac;
mod machine_bus;
mod mediated;
mod memory;
mod merged;
mod metadata;
mod name;
mod network;
mod network_config;
mod numa;
mod nvme;
mod overridden;
mod passthrough;
mod password_file;
mod path;
mod pci;
mod pinning;
mod pool;
mod pool_type;
mod profile;
mod reach;
mod reached;
mod report;
mod rom;
mod selector;
mod share;
mod space;
mod taking;
mod target;
mod template;
mod tuning;
mod usb;
mod user_data;
mod version;
mod virtual_function;
mod volume;
mod wording;

#[cfg(test)]
mod fixture;

pub use accepted::Accepted;
pub use allowed::Allowed;
pub use check::{Check, Scope};
pub use failure::{Diagnosis, diagnose};
pub use finding::{Finding, Severity};
pub use host_device::HostDevice;
pub use left::LeftBuild;
pub use name::NAME_INVALID;
pub use note::{Level, Notes};
pub use pci::PCI_DRIVER;
pub use report::{Report, report, report_of_stack, report_on};
pub use selector::GROUPS_CHANGED;
pub use subject::Subject;
pub use table::{all, chapters, errors, explain};
pub use taking::{HostLine, Taken, TakenLine, doctor, take, take_holding};
pub use template::{TEMPLATE_MISSING, check_of as template_check};
pub use text::Wording;
