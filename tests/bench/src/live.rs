//! News of the kernel on the screen: from the write that makes a uevent to the byte in the terminal. The uevent is a real
//! one, of a function of this machine; what vmbuild then finds in /sys is a generated tree of 512 functions, in a mount
//! namespace, one of which has another driver by then. No driver of this machine is touched.

use crate::daemon::is_root;
use crate::measure::{ms, percentile};
use crate::program::find;
use crate::pty::{Answers, Output, Session};
use crate::scan;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Functions of the host on the screen.
const FUNCTIONS: u32 = 512;
/// Marks of what changed fade after three seconds, and each fading is a frame of its own.
const FADED: Duration = Duration::from_millis(4500);

/// Prints how long news take.
pub fn run(vmbuild: &Path, home: &Path, runs: usize) -> Result<()> {
    println!("\nNews of the kernel on the screen, {FUNCTIONS} functions: write of the uevent to the new driver's name");
    let Some(own) = own_function() else {
        println!("not measured: it takes root, unshare, mounts in a namespace of one's own, and a PCI function");
        return Ok(());
    };
    let tree = scan::InMemory::new(home, "live")?;
    let root = scan::tree(&tree.0, FUNCTIONS)?;
    let shown = root.join("sys/bus/pci/devices/0000:00:00.1/uevent");
    let before = fs::read_to_string(&shown)?;
    let mut session = start(vmbuild, home, &root.join("sys"))?;
    let mut times = vec![];
    for driver in ["amdgpu", "nouveau"].into_iter().cycle().take(runs) {
        session.collect(FADED, FADED)?;
        session.collect(FADED, FADED)?;
        fs::write(&shown, before.replace("DRIVER=vfio-pci", &format!("DRIVER={driver}")))?;
        let written = Instant::now();
        fs::write(&own, "change")?;
        let seen = session.shows(driver, Duration::from_secs(5), &mut Output::default())?;
        let seen = seen.with_context(|| format!("no '{driver}' on:\n{}", session.text()))?;
        times.push(ms(seen - written));
    }
    println!("p50 {:6.2} ms, worst of {runs} {:6.2} ms", percentile(&times, 50), percentile(&times, 100));
    Ok(())
}

/// The file of a function of this machine that makes a uevent; `None` where there is none or nothing can be mounted.
fn own_function() -> Option<PathBuf> {
    let mounts = || {
        let mut command = Command::new("unshare");
        command.args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !is_root() || find("unshare").is_none() || !mounts() {
        return None;
    }
    let functions = fs::read_dir("/sys/bus/pci/devices").ok()?;
    functions
        .flatten()
        .map(|function| function.path().join("uevent"))
        .find(|file| fs::OpenOptions::new().write(true).open(file).is_ok())
}

/// A wizard on its PCI step that takes `sys` for /sys.
fn start(vmbuild: &Path, home: &Path, sys: &Path) -> Result<Session> {
    let script = "mount --make-rprivate / && mount --bind \"$1\" /sys && exec \"$2\" --connect 'qemu+unix:///system?socket=/none'";
    let home = home.join("live-home");
    fs::create_dir_all(&home)?;
    let [sys, vmbuild, home] = [sys, vmbuild, &home].map(|path| path.to_string_lossy().into_owned());
    let argv = ["unshare", "-m", "sh", "-c", script, "sh", &sys, &vmbuild].map(str::to_owned);
    let mut session = Session::start(&argv, &[("HOME".into(), home)], Answers::AtOnce)?;
    // What is said of the missing libvirt is closed.
    for (key, text) in [("", "cannot connect to"), ("\x1b", "step 1 of 9"), ("6", "vfio-pci")] {
        session.send(key.as_bytes())?;
        session.shows(text, Duration::from_secs(20), &mut Output::default())?;
        session.collect(Duration::from_millis(300), Duration::from_secs(2))?;
        if !session.text().contains(text) {
            bail!("no '{text}' on:\n{}", session.text());
        }
    }
    Ok(session)
}
