//! Keys while the daemon stands still: a libvirtd of our own is stopped under a wizard that is connected to it.

use crate::measure::{ms, percentile};
use crate::program::find;
use crate::pty::{Answers, Output, Session};
use anyhow::{Result, bail};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A user without rights: run by root, libvirtd would be the system's.
const NOBODY: u32 = 65534;
/// Keys in each state.
const KEYS: usize = 200;

/// Prints the times of keys with the daemon running and stopped.
pub fn run(vmbuild: &Path) -> Result<()> {
    println!("\nKeys while libvirtd is stopped, {KEYS} moves each");
    if !is_root() || find("libvirtd").is_none() || find("setpriv").is_none() {
        println!("not measured: needs root, libvirtd and setpriv");
        return Ok(());
    }
    let daemon = Daemon::start()?;
    let uri = format!("qemu+unix:///session?socket={}", daemon.socket.display());
    let home = daemon.folder.join("wizard").to_string_lossy().into_owned();
    let argv = [vmbuild.to_string_lossy().into_owned(), "--connect".into(), uri];
    let mut session = Session::start(&argv, &[("HOME".into(), home)], Answers::AtOnce)?;
    // The header has the host's name from libvirt's first answer on.
    let name = fs::read_to_string("/proc/sys/kernel/hostname")?;
    until(&mut session, &format!(" {}  qemu", name.trim()))?;
    session.collect(Duration::from_secs(1), Duration::from_secs(5))?;
    tell("running", &moves(&mut session)?);
    daemon.signal("STOP")?;
    // Everything is asked anew, and hangs.
    for key in [b"3", b"r", b"1"] {
        session.send(key)?;
        session.collect(Duration::from_millis(300), Duration::from_secs(1))?;
    }
    tell("stopped", &moves(&mut session)?);
    until(&mut session, "waiting for libvirt")?;
    daemon.signal("CONT")
}

/// Waits for a text on the screen.
fn until(session: &mut Session, text: &str) -> Result<()> {
    session.shows(text, Duration::from_secs(20), &mut Output::default())?;
    if session.text().contains(text) { Ok(()) } else { bail!("no '{text}' on:\n{}", session.text()) }
}

fn tell(state: &str, times: &[f64]) {
    println!("{state:12} p50 {:6.2} ms, p99 {:6.2} ms", percentile(times, 50), percentile(times, 99));
}

/// Up and down in the list of steps' first list.
fn moves(session: &mut Session) -> Result<Vec<f64>> {
    let mut times = vec![];
    for key in [&b"\x1b[B"[..], b"\x1b[A"].iter().cycle().take(KEYS) {
        let sent = session.send(key)?;
        let output = session.collect(Duration::from_millis(5), Duration::from_millis(500))?;
        times.extend(output.painted.map(|painted| ms(painted - sent)));
    }
    if times.len() < KEYS / 2 { bail!("keys changed nothing:\n{}", session.text()) } else { Ok(times) }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// A libvirtd for sessions, of a user of its own.
struct Daemon {
    child: Child,
    folder: PathBuf,
    socket: PathBuf,
}

impl Daemon {
    fn start() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("vmbuild-bench-daemon-{}", std::process::id()));
        for part in ["", "home", "run"] {
            fs::create_dir(folder.join(part))?;
            chown(folder.join(part), Some(NOBODY), Some(NOBODY))?;
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
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

    fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { bail!("the daemon takes no signal") }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Best effort: a stopped one is killed as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
