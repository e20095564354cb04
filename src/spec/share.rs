//! Folders of the host that a VM mounts.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One folder. The guest mounts it by its tag: `mount -t virtiofs TAG /mnt`, or `mount -t 9p -o trans=virtio TAG /mnt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Share {
    /// The folder on the host, absolute. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the guest knows it by, at most 31 bytes; the name of the folder if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// virtiofs or 9p; virtiofs where libvirt can do what is asked with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<ShareDriver>,
    /// The guest may not write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<bool>,
}

words! {
    /// How a folder gets into a guest.
    ShareDriver {
        /// A process beside QEMU, virtiofsd, over shared memory: fast, and as a local file system.
        Virtiofs = "virtiofs",
        /// QEMU itself: slower, needs nothing else.
        NineP = "9p",
    }
}
