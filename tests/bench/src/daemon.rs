//! A libvirtd of our own, that may be stopped and held up without touching the machine's.

use crate::program::find;
use anyhow::{Result, bail};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A user without rights: run by root, libvirtd would be the system's.
pub const NOBODY: u32 = 65534;

/// What of root, libvirtd and setpriv is lacking; `None` where a daemon can be started.
pub fn lacking() -> Option<&'static str> {
    match () {
        () if !is_root() => Some("root's rights"),
        () if find("libvirtd").is_none() => Some("libvirtd"),
        () if find("setpriv").is_none() => Some("setpriv"),
        () => None,
    }
}

/// True for the user who may do everything.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// A libvirtd for sessions, of a user of its own.
pub struct Daemon {
    child: Child,
    /// Where it may write; its user's.
    pub folder: PathBuf,
    socket: PathBuf,
}

impl Daemon {
    /// Starts it and waits for its socket.
    pub fn start() -> Result<Self> {
        Self::start_on(|_| Ok(()))
    }

    /// The same; `prepare` writes before into its configuration, `home/.config/libvirt`.
    pub fn start_on(prepare: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("vmbuild-bench-daemon-{}", std::process::id()));
        let configuration = folder.join("home/.config/libvirt");
        for part in ["", "home", "run", "home/.config", "home/.config/libvirt"] {
            own_folder(&folder.join(part))?;
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        prepare(&configuration)?;
        let nobody = NOBODY.to_string();
        let child = Command::new("setpriv")
            .args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "libvirtd"])
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", folder.join("home"))
            .env("XDG_RUNTIME_DIR", folder.join("run"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let socket = folder.join("run/libvirt/libvirt-sock");
        let daemon = Self { child, folder, socket };
        let end = Instant::now() + Duration::from_secs(30);
        while !daemon.socket.exists() {
            if Instant::now() > end {
                bail!("libvirtd did not come up in {}", daemon.folder.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    /// What to connect to.
    pub fn uri(&self) -> String {
        format!("qemu+unix:///session?socket={}", self.socket.display())
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Sends it STOP or CONT.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { bail!("the daemon takes no signal") }
    }
}

/// Makes a folder of the daemon's user.
pub fn own_folder(folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    Ok(chown(folder, Some(NOBODY), Some(NOBODY))?)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Best effort: a stopped one is killed as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
