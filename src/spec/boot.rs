//! How the guest gets its first instruction beyond its firmware: a kernel of the host's, a menu, an order of devices.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is booted, and in which order devices are tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Boot {
    /// Kernel image that is started without a boot loader. Absolute path, or relative to the default pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Initial RAM disk of `kernel`. Absolute path, or relative to the default pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initrd: Option<String>,
    /// Command line of `kernel`; root= is added for the root disk if the text has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
    /// Kinds of devices in the order in which they are tried; others are not booted from. A device's own `boot_order`
    /// comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<BootDevice>>,
    /// Let the firmware offer a boot menu for three seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub menu: Option<bool>,
}

words! {
    /// A kind of device that can be booted from.
    BootDevice {
        /// CD-ROMs, the boot ISO first.
        Cdrom = "cdrom",
        /// Hard disks.
        Disk = "disk",
        /// Network interfaces.
        Network = "network",
    }
}
