//! First-boot configuration of a guest with cloud-init.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the seed disk carries. Either the three documents as they are, or the simple fields from which they are made;
/// may hold secrets, so it never reaches logs, journals or domain metadata.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CloudInit {
    /// Host name of the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Account to create, with sudo rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Public keys that can log in as `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_authorized_keys: Option<Vec<String>>,
    /// The user-data document, used unchanged; excludes `user` and `ssh_authorized_keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// The meta-data document, used unchanged; excludes `hostname`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<String>,
    /// The network-config document, used unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_config: Option<String>,
}

impl std::fmt::Debug for CloudInit {
    /// Names only what is set: the values may be secrets and Debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudInit")
            .field("hostname", &self.hostname)
            .field("user", &self.user)
            .field("user_data", &self.user_data.is_some())
            .field("meta_data", &self.meta_data.is_some())
            .field("network_config", &self.network_config.is_some())
            .finish_non_exhaustive()
    }
}
