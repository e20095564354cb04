//! The nine steps: fields, rows and actions of each. Drawing is the business of `ui/steps`, file by file.

pub mod build;
pub mod disks;
pub mod extras;
pub mod network;
pub mod page;
pub mod pci;
pub mod review;
pub mod spec_pages;
pub mod storage;
pub mod system;
pub mod template;

use super::StepId;
use page::StepPage;

/// The logic of `step`.
pub fn logic(step: StepId) -> &'static dyn StepPage {
    match step {
        StepId::Review => &review::Review,
        StepId::Build => &build::Build,
        _ => spec_pages::of(step).unwrap_or(&build::Build),
    }
}
