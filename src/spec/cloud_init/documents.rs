//! The documents of cloud-init that a spec hands over, read as YAML.

use super::CloudInit;
use super::user_data::{UserDataKind, kind};
use crate::spec::custom_xml::Fault;
use crate::spec::yaml::{self, YamlNode};

/// Each document, or where it cannot be read; `None` where there is none.
#[derive(Clone, Default, PartialEq)]
pub struct CloudDocuments {
    /// The user-data, where their first line says that they are YAML.
    pub user_data: Option<Result<YamlNode, Fault>>,
    /// The meta-data.
    pub meta_data: Option<Result<YamlNode, Fault>>,
    /// The configuration of the network.
    pub network_config: Option<Result<YamlNode, Fault>>,
}

impl CloudDocuments {
    /// Reads those of `cloud`.
    pub fn of(cloud: &CloudInit) -> Self {
        let user_data = cloud.user_data.as_deref().filter(|data| kind(data) == UserDataKind::CloudConfig);
        Self {
            user_data: user_data.map(yaml::read),
            meta_data: cloud.meta_data.as_deref().map(yaml::read),
            network_config: cloud.network_config.as_deref().map(yaml::read),
        }
    }
}

impl std::fmt::Debug for CloudDocuments {
    /// Shows no values: they may be secrets, and Debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudDocuments").finish_non_exhaustive()
    }
}
