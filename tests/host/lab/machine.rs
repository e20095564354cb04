//! The machine of the lab: booted, reached over SSH, looked at through its sysfs, changed through QEMU's monitor.

use crate::support::program::{Ran, ran};
use crate::support::pty::{Person, Session};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What is plugged in where (`boot.sh`): the display of the console, a two-function card, a bridge with a NIC and a USB
/// controller behind it, the NIC of the SSH session, the drive of the root file system and an idle NIC in one group, a
/// NIC with SR-IOV, the empty slot, an idle drive.
pub(crate) const CONSOLE: &str = "0000:00:02.0";
pub(crate) const CARD: [&str; 2] = ["0000:01:00.0", "0000:01:00.1"];
pub(crate) const BRIDGE: &str = "0000:02:00.0";
pub(crate) const BRIDGED: [&str; 2] = ["0000:03:01.0", "0000:03:02.0"];
pub(crate) const SSH_NIC: &str = "0000:04:00.0";
pub(crate) const ROOT_DRIVE: &str = "0000:05:00.0";
pub(crate) const IDLE_NIC: &str = "0000:06:00.0";
pub(crate) const SRIOV_NIC: &str = "0000:07:00.0";
pub(crate) const EMPTY_SLOT: &str = "0000:08:00.0";
pub(crate) const IDLE_DRIVE: &str = "0000:09:00.0";

/// How long the machine may take to boot: half a minute on a quiet machine, more beside other work.
const BOOT: Duration = Duration::from_secs(240);
/// How often it is tried: now and then a kernel in software emulation stops in the middle of its boot.
const BOOTS: usize = 3;
/// How long something inside may take that must come: the start of a VM takes some ten seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the machine has of an IOMMU.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One that is on.
    Iommu,
    /// One that the kernel is told to leave off.
    IommuOff,
    /// None.
    NoIommu,
}

impl Mode {
    /// As `boot.sh` calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Iommu => "iommu",
            Self::IommuOff => "iommu-off",
            Self::NoIommu => "no-iommu",
        }
    }
}

/// The running machine; it goes with the value.
pub(crate) struct Lab {
    qemu: Child,
    ssh: Child,
    /// The folder that is /lab inside.
    share: TempDir,
    key: PathBuf,
    port: u16,
}

impl Lab {
    /// Boots the machine from the image in `cache`, with vmbuild in it.
    pub(crate) fn boot(cache: &Path, mode: Mode) -> Self {
        for _ in 1..BOOTS {
            match Self::try_boot(cache, mode) {
                Ok(lab) => return lab,
                Err(why) => eprintln!("lab: booted again: {why}"),
            }
        }
        Self::try_boot(cache, mode).unwrap_or_else(|why| panic!("{why}"))
    }

    fn try_boot(cache: &Path, mode: Mode) -> Result<Self, String> {
        let share = tempfile::tempdir().unwrap();
        let program = share.path().join("vmbuild");
        let built = Path::new(env!("CARGO_BIN_EXE_vmbuild"));
        fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        // Nobody else has the port until QEMU takes it, but for bad luck.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(share.path().join("qemu.log")).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/boot.sh");
        let mut boot = Command::new(script);
        boot.arg(cache).arg(share.path()).arg(port.to_string()).arg(mode.word());
        boot.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut qemu = boot.process_group(0).spawn().unwrap();
        let key = cache.join("lab-key");
        let ssh = reach(&mut qemu, share.path(), &key, port)?;
        let lab = Self { qemu, ssh, share, key, port };
        // Running the program from the share would read it page by page over the wire.
        lab.sh("install -m 0755 /lab/vmbuild /usr/local/bin/vmbuild");
        lab.sh("virsh -q pool-create-as default dir --target /var/lib/libvirt/images");
        Ok(lab)
    }

    /// Runs a shell script inside.
    pub(crate) fn run(&self, script: &str) -> Ran {
        let mut command = ssh(self.share.path(), &self.key, self.port);
        ran(command.arg(script).stdin(Stdio::null()).output().unwrap())
    }

    /// What a script says that must succeed.
    #[track_caller]
    pub(crate) fn sh(&self, script: &str) -> String {
        let ran = self.run(script);
        assert_eq!(ran.code, Some(0), "{script}\n{}{}", ran.out, ran.err);
        ran.out.trim().to_owned()
    }

    /// The URI by which libvirt inside is reached from outside.
    pub(crate) fn uri(&self) -> String {
        format!("qemu+ssh://root@127.0.0.1:{}/system?keyfile={}&no_verify=1", self.port, self.key.display())
    }

    /// The program inside, its arguments separated by blanks.
    pub(crate) fn vmbuild(&self, arguments: &str) -> Ran {
        self.run(&format!("vmbuild {arguments}"))
    }

    /// Writes a file to the share; gives its path inside.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.share.path().join(name), text).unwrap();
        format!("/lab/{name}")
    }

    /// The driver of a function; empty without one.
    pub(crate) fn driver(&self, address: &str) -> String {
        self.sh(&format!("basename \"$(readlink /sys/bus/pci/devices/{address}/driver)\""))
    }

    /// The functions of the IOMMU group of a function.
    pub(crate) fn group(&self, address: &str) -> Vec<String> {
        let listed = self.sh(&format!("ls /sys/bus/pci/devices/{address}/iommu_group/devices"));
        listed.lines().map(str::to_owned).collect()
    }

    /// Waits until a script inside succeeds.
    #[track_caller]
    pub(crate) fn wait_until(&self, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(script).code != Some(0) {
            assert!(Instant::now() < deadline, "it does not come true: {script}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Tells QEMU something; gives its answer.
    pub(crate) fn monitor(&self, command: &str) -> String {
        let socket = UnixStream::connect(self.share.path().join("monitor.sock")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let prompted = || {
            let mut said = Vec::new();
            while !said.ends_with(b"(qemu) ") {
                let mut byte = [0];
                (&socket).read_exact(&mut byte).unwrap();
                said.extend(byte);
            }
            String::from_utf8_lossy(&said).into_owned()
        };
        prompted();
        writeln!(&socket, "{command}").unwrap();
        prompted()
    }

    /// Somebody who logs in by SSH, a session of its own, and runs the program in it, without a draft of earlier.
    pub(crate) fn person(&self, arguments: &str) -> Person {
        let mut words = options(&self.key, self.port);
        words.extend(["-tt", "root@127.0.0.1"].map(str::to_owned));
        words.push(format!("XDG_STATE_HOME=$(mktemp -d) vmbuild {arguments}"));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Session::program(self.share.path(), "ssh", &words).size(120, 40).patience(PATIENCE).start()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", last_words(self.share.path()));
        }
        for child in [&mut self.ssh, &mut self.qemu] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The end of what the machine wrote to its console.
fn last_words(share: &Path) -> String {
    let console = fs::read(share.join("console.log")).unwrap_or_default();
    let console = String::from_utf8_lossy(&console).into_owned();
    let lines: Vec<&str> = console.lines().collect();
    format!("the machine's last words:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
}

/// What every ssh to the lab is told; nothing of the user's configuration.
fn options(key: &Path, port: u16) -> Vec<String> {
    let fixed = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "LogLevel=ERROR"];
    let mut words = vec!["-F".into(), "none".into(), "-p".into(), port.to_string()];
    words.extend(["-i".into(), key.to_str().unwrap().to_owned()]);
    for option in fixed.into_iter().chain(["ConnectTimeout=20", "SendEnv=LANG"]) {
        words.extend(["-o".into(), option.into()]);
    }
    words
}

/// An ssh over the connection that is already there: a handshake takes a second in emulation.
fn ssh(share: &Path, key: &Path, port: u16) -> Command {
    let mut command = Command::new("ssh");
    command.args(options(key, port)).arg("-S").arg(share.join("ssh")).arg("root@127.0.0.1");
    command
}

/// Connects as soon as the machine answers.
fn reach(qemu: &mut Child, share: &Path, key: &Path, port: u16) -> Result<Child, String> {
    let deadline = Instant::now() + BOOT;
    let log = || fs::read_to_string(share.join("qemu.log")).unwrap_or_default();
    loop {
        let mut master = ssh(share, key, port);
        master.args(["-M", "-N"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut master = master.spawn().unwrap();
        while matches!(master.try_wait(), Ok(None)) {
            if share.join("ssh").exists() {
                return Ok(master);
            }
            if Instant::now() > deadline {
                let _ = (master.kill(), master.wait(), qemu.kill(), qemu.wait());
                return Err(format!("it does not answer:\n{}{}", log(), last_words(share)));
            }
            thread::sleep(Duration::from_millis(100));
        }
        assert!(matches!(qemu.try_wait(), Ok(None)), "QEMU has ended:\n{}", log());
        thread::sleep(Duration::from_millis(300));
    }
}
