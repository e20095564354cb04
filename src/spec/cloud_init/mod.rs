//! First-boot configuration of a guest with cloud-init.

pub mod documents;
pub mod network_config;
pub mod user_data;

pub use documents::CloudDocuments;

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
    /// File on the machine where vmbuild runs; its first line is the password of `user`, or of the image's own account. It is
    /// read when the VM is built, and only its hash is in the seed. For the console: SSH takes keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
    /// Hash of the password, as `mkpasswd --method=SHA-512` prints it; in place of `password_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Packages that are installed at the first boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<String>>,
    /// Commands that root's shell runs at the end of the first boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runcmd: Option<Vec<String>>,
    /// Time zone: Europe/Paris.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Language and character set: en_GB.UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Fixed addresses of the first network card, each with the length of its prefix: 192.168.1.5/24.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
    /// Default gateway, where `addresses` are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Name servers, where `addresses` are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nameservers: Option<Vec<String>>,
    /// The user-data document, used unchanged; excludes the fields above but for `hostname` and addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// The meta-data document, used unchanged; excludes `hostname`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta_data: Option<String>,
    /// The network-config document, used unchanged; excludes `addresses`, `gateway` and `nameservers`.
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
