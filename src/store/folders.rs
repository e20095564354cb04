//! Where our files are.

use super::StoreError;
use directories::ProjectDirs;
use std::path::{Path, PathBuf};

/// The folders of one user. None of them needs to exist; writing makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// config.toml.
    pub config: PathBuf,
    /// presets/ and templates/.
    pub data: PathBuf,
    /// drafts/, and builds/ with the journals of builds.
    pub state: PathBuf,
}

impl Folders {
    /// Those of the user who runs us: `vmbuild` below `XDG_CONFIG_HOME`, `XDG_DATA_HOME` and `XDG_STATE_HOME`, or their
    /// usual places below the home folder.
    pub fn of_user() -> Result<Self, StoreError> {
        let folders = ProjectDirs::from("", "", "vmbuild").ok_or(StoreError::NoHome)?;
        let data = folders.data_dir().to_owned();
        Ok(Self {
            config: folders.config_dir().to_owned(),
            state: folders.state_dir().map_or_else(|| data.clone(), Path::to_owned),
            data,
        })
    }

    /// All below one folder.
    pub fn below(root: &Path) -> Self {
        Self { config: root.join("config"), data: root.join("data"), state: root.join("state") }
    }
}
