//! What a journal begins with: all that is needed to go on with the build, or to take it back.

use crate::checks::HostDevice;
use crate::host::{Source, Sysroot};
use crate::plan::Plan;
use crate::spec::Spec;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Name of the build, eight hexadecimal digits.
    pub id: String,
    /// Program and version.
    pub program: String,
    /// The user who builds, by number.
    pub uid: u32,
    /// The process.
    pub pid: u32,
    /// The host.
    pub host: JournalHost,
    /// What is done, as it was reviewed, with the identity that was chosen for the VM.
    pub plan: Plan,
    /// What the plan was made from, without secrets.
    pub spec: Spec,
    /// The fields that were left out because their values may be secrets. To go on, they must be given again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// What is taken from the host although the host uses it, as it was typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

impl Opened {
    /// What is taken from the host although the host uses it.
    pub fn given_up(&self) -> impl Iterator<Item = HostDevice> + '_ {
        self.allowed.iter().filter_map(|typed| HostDevice::typed(typed).ok())
    }

    /// True where both are on one host that outlives their processes. The test driver has a host for each process.
    pub fn shares_host(&self, source: &Source) -> bool {
        let JournalHost { uri, .. } = &self.host;
        let lasting = uri.as_deref().is_some_and(|uri| !uri.starts_with("test:"));
        lasting && self.host.source().name() == source.name()
    }
}

/// How the host is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHost {
    /// URI of libvirt; `None` for the demo.
    pub uri: Option<String>,
    /// The files of the host may be read over SSH.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// A recorded tree in place of the host's own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<PathBuf>,
}

impl JournalHost {
    /// The host as it is opened.
    pub fn source(&self) -> Source {
        match &self.uri {
            Some(uri) => {
                let tree = self.tree.clone().map(Sysroot::new);
                Source::Libvirt { uri: uri.clone(), probe: self.probe, tree }
            }
            None => Source::Demo,
        }
    }
}

impl From<&Source> for JournalHost {
    fn from(source: &Source) -> Self {
        match source {
            Source::Libvirt { uri, probe, tree } => {
                let tree = tree.as_ref().map(|tree| tree.root().to_owned());
                Self { uri: Some(uri.clone()), probe: *probe, tree }
            }
            // Nothing is built on a record or on a tree alone.
            Source::Demo | Source::Record(_) | Source::Tree(_) => Self { uri: None, probe: false, tree: None },
        }
    }
}

/// One for the tests of this layer.
#[cfg(test)]
pub(super) fn example() -> Opened {
    Opened {
        id: "7f3a91c2".into(),
        program: "vmbuild".into(),
        uid: 0,
        pid: 1,
        host: JournalHost { uri: Some("qemu:///system".into()), probe: false, tree: None },
        plan: Plan { name: "ws".into(), ..Plan::default() },
        spec: Spec::default(),
        needs: Vec::new(),
        allowed: Vec::new(),
    }
}
