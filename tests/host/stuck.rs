//! The wizard beside a libvirtd that stops answering: one of the test's own, in a mount namespace of its own, stopped by
//! SIGSTOP.

use crate::support;
use crate::support::pty;
use crate::support::pty::Session;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Sees nothing of the machine's libvirt, and is not seen by it.
const ALONE: &str = "set -e
mount --make-rprivate /
for folder in /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /etc/libvirt; do
    if [ -d $folder ]; then mount -t tmpfs tmpfs $folder; fi
done
mkdir -p /run/libvirt
exec libvirtd -p /run/libvirt/alone.pid";

/// A libvirtd that may be stopped.
struct Daemon(Child);

impl Daemon {
    /// `None`, recorded as a skip, where none can be started.
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            support::skip("only root can give a libvirtd folders of its own");
            return None;
        }
        if Command::new("libvirtd").arg("--version").output().is_err() {
            support::skip("libvirtd is not installed");
            return None;
        }
        let mut command = Command::new("unshare");
        command.args(["-m", "-n", "sh", "-c", ALONE]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            support::skip("unshare is not installed");
            return None;
        };
        let mut daemon = Self(child);
        let deadline = Instant::now() + pty::PATIENCE;
        // Before it has folders of its own it would see the machine's.
        let alone = format!("/proc/{}/root/run/libvirt/alone.pid", daemon.0.id());
        while !Path::new(&alone).exists() || UnixStream::connect(daemon.socket()).is_err() {
            if daemon.0.try_wait().unwrap().is_some() || Instant::now() > deadline {
                support::skip("a libvirtd with folders of its own cannot be started here");
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(daemon)
    }

    /// The socket as it is seen from outside of the namespace.
    fn socket(&self) -> String {
        format!("/proc/{}/root/run/libvirt/libvirt-sock", self.0.id())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap(), signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Also ends one that is stopped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_daemon_that_is_stopped_leaves_the_wizard_alive_and_is_waited_for_in_words() {
    let Some(daemon) = Daemon::start() else { return };
    let home = tempfile::tempdir().unwrap();
    let uri = format!("qemu+unix:///system?socket={}", daemon.socket());
    let mut person = Session::new(home.path(), &["--connect", &uri]).size(120, 40).start();
    // The version stands in the first line once libvirt has answered.
    let first_line = |screen: &vt100::Screen| screen.contents().lines().next().unwrap_or_default().to_owned();
    person.wait_until("answer of libvirt", |screen| first_line(screen).contains("libvirt "));
    person.wait_until("quiet", |screen| !first_line(screen).contains("waiting"));
    daemon.signal(Signal::STOP);
    // The list of domains is libvirt's.
    person.keys("6");
    person.wait_for("step 6 of 9");
    person.keys("r");
    person.wait_for("waiting for libvirt: VMs, 2 s");
    // Every key is answered as ever.
    for (step, text) in [("2", "Names the domain"), ("7", "step 7 of 9"), ("6", "step 6 of 9"), ("2", "step 2 of 9")] {
        let pressed = Instant::now();
        person.keys(step);
        person.wait_for(text);
        assert!(pressed.elapsed() < Duration::from_secs(2), "{text} took {:?}", pressed.elapsed());
    }
    person.keys("Enter 'patient'");
    person.wait_for("patient");
    person.keys("Enter Esc");
    // How long, and the way out.
    person.wait_for("^C leaves");
    daemon.signal(Signal::CONT);
    person.wait_until("answer after the stop", |screen| !first_line(screen).contains("waiting"));
    person.wait_until("name that was typed meanwhile", |screen| first_line(screen).contains("patient"));
    daemon.signal(Signal::STOP);
    person.keys("6 r");
    person.wait_for("waiting for libvirt");
    person.keys("^C");
    person.wait_for("Leave vmbuild?");
    person.keys("^C");
    assert!(person.ended_restored().success(), "it can be left while libvirt is silent");
}
