//! Folders of the host that a VM mounts.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One folder. The guest mounts it by its tag: `mount -t virtiofs TAG /mnt`, or `mount -t 9p -o trans=virtio TAG /mnt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Share {
    /// Folder on the host, absolute path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Name by which the guest mounts it, at most 31 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// How the guest reaches the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<ShareDriver>,
    /// The guest cannot write to the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<bool>,
}

words! {
    /// How a folder gets into a guest.
    ShareDriver {
        /// virtiofsd beside QEMU, over shared memory: fast, and like a local file system.
        Virtiofs = "virtiofs",
        /// QEMU itself: slower, needs nothing else.
        NineP = "9p",
    }
}
