//! The wizard driven by keys, without a screen: what each key does to the spec, the focus and the outside.

mod build;
mod disks;
mod extras;
mod forms;
mod leave;
mod moving;
mod network;
mod overlays;
mod pages;
mod pci;
mod presets;
mod random;
mod review;
pub(crate) mod script;
mod storage;
mod system;
mod template;
mod undo;
