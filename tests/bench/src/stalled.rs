//! Keys while libvirt does not answer: a libvirtd of our own is stopped under a wizard that is connected to it, then made to
//! refresh a pool of very many files, which holds up everybody who lists pools.

use crate::daemon::{Daemon, lacking};
use crate::measure::{ms, percentile};
use crate::program::find;
use crate::pty::{Answers, Output, Session};
use crate::volumes::ManyVolumes;
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Keys while the daemon runs, and while it is stopped.
const KEYS: usize = 200;
/// Files of the large pool: libvirt looks at each, which takes it some 15 us.
const FILES: u32 = 700_000;

/// Prints the times of keys with the daemon running, stopped, and refreshing a pool.
pub fn run(vmbuild: &Path, quick: bool) -> Result<()> {
    println!("\nKeys while libvirt does not answer: moves in the list of step 1");
    if let Some(lacking) = lacking() {
        println!("not measured: {lacking} is lacking");
        return Ok(());
    }
    let daemon = Daemon::start()?;
    let home = daemon.folder.join("wizard");
    fs::create_dir(&home)?;
    let home = home.to_string_lossy().into_owned();
    let argv = [vmbuild.to_string_lossy().into_owned(), "--connect".into(), daemon.uri()];
    let mut session = Session::start(&argv, &[("HOME".into(), home)], Answers::AtOnce)?;
    // The header has the host's name from libvirt's first answer on.
    let name = fs::read_to_string("/proc/sys/kernel/hostname")?;
    until(&mut session, &format!(" {}  qemu", name.trim()))?;
    session.collect(Duration::from_secs(1), Duration::from_secs(5))?;
    tell("running", &moves(&mut session, KEYS, || true)?);
    daemon.signal("STOP")?;
    ask_anew(&mut session)?;
    let stopped = moves(&mut session, KEYS, || true);
    until(&mut session, "waiting for libvirt")?;
    daemon.signal("CONT")?;
    tell("stopped", &stopped?);
    session.collect(Duration::from_secs(1), Duration::from_secs(5))?;
    refreshing(&daemon, &mut session, if quick { FILES / 3 } else { FILES })
}

/// A pool of `files` files is made, which reads it; until that is over libvirt lists no pools for anybody.
fn refreshing(daemon: &Daemon, session: &mut Session, files: u32) -> Result<()> {
    let Some(virsh) = find("virsh") else {
        println!("refreshing   not measured: virsh is lacking");
        return Ok(());
    };
    let pool = ManyVolumes::new("large", files, &[])?;
    let virsh = |args: &[&str]| -> Result<Child> {
        let mut command = Command::new(&virsh);
        command.args(["-q", "-c", &daemon.uri()]).args(args).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.spawn()?)
    };
    let began = Instant::now();
    let mut refresh = virsh(&["pool-create-as", "large", "dir", "--target", &pool.folder().to_string_lossy()])?;
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    let mut list = virsh(&["pool-list"])?;
    ask_anew(session)?;
    let times = moves(session, usize::MAX, || refresh.try_wait().is_ok_and(|ended| ended.is_none()))?;
    let status = refresh.wait()?;
    let took = began.elapsed();
    list.wait()?;
    let listed = asked.elapsed();
    if !status.success() {
        bail!("libvirt makes no pool of {files} files")
    }
    tell("refreshing", &times);
    println!(
        "             {} keys during the refresh of {files} files ({:.1} s); 'virsh pool-list' answered after {:.1} s",
        times.len(),
        took.as_secs_f64(),
        listed.as_secs_f64()
    );
    Ok(())
}

/// Has the wizard ask libvirt for everything again; nothing of it is answered now.
fn ask_anew(session: &mut Session) -> Result<()> {
    for key in [b"3", b"r", b"1"] {
        session.send(key)?;
        session.collect(Duration::from_millis(300), Duration::from_secs(1))?;
    }
    Ok(())
}

/// Waits for a text on the screen.
fn until(session: &mut Session, text: &str) -> Result<()> {
    session.shows(text, Duration::from_secs(20), &mut Output::default())?;
    if session.text().contains(text) { Ok(()) } else { bail!("no '{text}' on:\n{}", session.text()) }
}

fn tell(state: &str, times: &[f64]) {
    println!("{state:12} p50 {:6.2} ms, p99 {:6.2} ms", percentile(times, 50), percentile(times, 99));
}

/// Up and down in the list of the first step, while `goes_on`.
fn moves(session: &mut Session, most: usize, mut goes_on: impl FnMut() -> bool) -> Result<Vec<f64>> {
    let mut times = vec![];
    for key in [&b"\x1b[B"[..], b"\x1b[A"].iter().cycle().take(most) {
        if !goes_on() {
            break;
        }
        let sent = session.send(key)?;
        let output = session.collect(Duration::from_millis(5), Duration::from_millis(500))?;
        times.extend(output.painted.map(|painted| ms(painted - sent)));
    }
    if times.len() < KEYS / 10 { bail!("keys changed nothing:\n{}", session.text()) } else { Ok(times) }
}
