//! The steps that describe the VM, field by field.

use super::page::StepPage;
use super::{disks, extras, network, pci, storage, system, template};
use crate::app::StepId;

/// The logic of `step`; `None` for those that look at what the others describe.
pub fn of(step: StepId) -> Option<&'static dyn StepPage> {
    Some(match step {
        StepId::Template => &template::TemplatePage,
        StepId::System => &system::System,
        StepId::Storage => &storage::StoragePool,
        StepId::Disks => &disks::Disks,
        StepId::Network => &network::Networks,
        StepId::Pci => &pci::Passthrough,
        StepId::Extras => &extras::Extras,
        StepId::Review | StepId::Build => return None,
    })
}
