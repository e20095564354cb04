//! Folders of very many volumes, in memory: names of one file.

use crate::daemon::NOBODY;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

/// Such a folder; it leaves with the value.
pub struct ManyVolumes(PathBuf);

impl ManyVolumes {
    /// `files` volumes of the daemon's user that all hold `content`.
    pub fn new(name: &str, files: u32, content: &[u8]) -> Result<Self> {
        let folder = Path::new("/dev/shm").join(format!("vmbuild-bench-{name}-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        let pool = Self(folder);
        let first = pool.0.join("disk-0.qcow2");
        fs::write(&first, content)?;
        chown(&first, Some(NOBODY), Some(NOBODY))?;
        for number in 1..files {
            fs::hard_link(&first, pool.0.join(format!("disk-{number}.qcow2")))?;
        }
        chown(&pool.0, Some(NOBODY), Some(NOBODY))?;
        Ok(pool)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for ManyVolumes {
    fn drop(&mut self) {
        // Best effort; it leaves with the machine's memory at the latest.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The head of an empty qcow2 image of 20 GiB, as far as libvirt and vmbuild read it.
pub fn qcow2() -> Vec<u8> {
    let mut head = vec![0; 512];
    head[..4].copy_from_slice(b"QFI\xfb");
    head[7] = 3;
    // Clusters of 64 KiB, and the size that the guest sees.
    head[23] = 16;
    head[24..32].copy_from_slice(&(20_u64 << 30).to_be_bytes());
    // Entries of the reference counts, and the header's own length.
    head[99] = 4;
    head[103] = 104;
    head
}
