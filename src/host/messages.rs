//! What the kernel and QEMU write down while a VM starts: their logs from now on. Only read; what the words mean is not
//! known here.

use super::Source;
use rustix::fs::{Mode, OFlags, SeekFrom, seek};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};

const KERNEL: &str = "/dev/kmsg";
/// Where the system instance keeps what QEMU prints, a file per domain.
const QEMU: &str = "/var/log/libvirt/qemu";
/// More than this of a log is not read.
const LONGEST: u64 = 1 << 20;
/// A record of the kernel is shorter.
const RECORD: usize = 8192;

/// Messages of the kernel since this was made.
#[derive(Debug)]
pub struct KernelMessages(File);

/// Lines of a domain's log since this was made.
#[derive(Debug)]
pub struct QemuLog {
    path: String,
    from: u64,
}

impl KernelMessages {
    /// Skips what is there. The error says why nothing can be read.
    pub fn from_now(source: &Source) -> Result<Self, String> {
        if !source.shares_files() {
            return Err("kernel messages of this host cannot be read from here".into());
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = || -> Result<File, Errno> {
            let file = rustix::fs::open(KERNEL, flags, Mode::empty())?;
            seek(&file, SeekFrom::End(0))?;
            Ok(File::from(file))
        };
        open().map(Self).map_err(|error| refused(KERNEL, &error.into()))
    }

    /// The messages since then, or since the last call, without their numbers. The error says why they cannot be read.
    pub fn fresh(&mut self) -> Result<Vec<String>, String> {
        let mut messages = Vec::new();
        let mut record = vec![0; RECORD];
        loop {
            match rustix::io::read(&self.0, &mut record) {
                Ok(0) | Err(Errno::AGAIN) => return Ok(messages),
                Ok(length) => messages.extend(record.get(..length).and_then(message)),
                // The oldest were overwritten meanwhile, or a signal came.
                Err(Errno::PIPE | Errno::INTR) => {}
                Err(error) => return Err(refused(KERNEL, &error.into())),
            }
        }
    }
}

/// `6,1234,5678,-;text` and, on lines of their own, what belongs to it.
fn message(record: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(record);
    let (_, text) = text.split_once(';')?;
    text.lines().next().map(str::to_owned)
}

impl QemuLog {
    /// Skips what is there from earlier starts. The error says why nothing can be read.
    pub fn from_now(source: &Source, domain: &str) -> Result<Self, String> {
        if !source.shares_files() || source.uri().is_some_and(|uri| uri.ends_with("/session")) {
            return Err("QEMU's log of this host cannot be read from here".into());
        }
        let path = format!("{QEMU}/{domain}.log");
        match std::fs::metadata(&path) {
            Ok(known) => Ok(Self { path, from: known.len() }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self { path, from: 0 }),
            Err(error) => Err(refused(&path, &error)),
        }
    }

    /// What was added since, without the command line that libvirt writes there.
    pub fn fresh(&self) -> Result<Vec<String>, String> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            // A log that is shorter than it was has been exchanged for a new one.
            let from = if file.metadata()?.len() < self.from { 0 } else { self.from };
            file.seek(io::SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.take(LONGEST).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| refused(&self.path, &error))?;
        Ok(said(&String::from_utf8_lossy(&bytes)))
    }
}

/// The lines that are no part of a command line, which is written one option a line with a backslash behind it.
fn said(log: &str) -> Vec<String> {
    let mut continued = false;
    let is_said = |line: &&str| {
        let part = std::mem::replace(&mut continued, line.ends_with('\\'));
        !part && !line.ends_with('\\')
    };
    log.lines().filter(is_said).map(str::to_owned).collect()
}

fn refused(path: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!("this user may not read {path}"),
        ErrorKind::NotFound => format!("{path} does not exist"),
        _ => format!("{path} cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_of_the_kernel_is_its_first_line_without_numbers() {
        let record = b"4,1250,99,-;vfio-pci 0000:01:00.0: BAR 1: can't reserve [mem]\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0\n";
        assert_eq!(message(record).unwrap(), "vfio-pci 0000:01:00.0: BAR 1: can't reserve [mem]");
        assert_eq!(message(b"odd"), None);
    }

    #[test]
    fn the_command_line_in_a_log_is_not_said_by_qemu() {
        let log = "2026-11-21 11:00:00.000+0000: starting up\nLC_ALL=C \\\n/usr/bin/qemu-system-x86_64 \\\n-name guest=ws \\\n\
                   -msg timestamp=on\nqemu-system-x86_64: VFIO_MAP_DMA failed: Invalid argument\n";
        let lines = said(log);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("VFIO_MAP_DMA"));
    }

    #[test]
    fn only_what_was_added_to_a_log_is_read_and_a_new_log_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ws.log");
        std::fs::write(&path, "old\n").unwrap();
        let log = QemuLog { path: path.display().to_string(), from: 4 };
        std::fs::write(&path, "old\nnew\n").unwrap();
        assert_eq!(log.fresh().unwrap(), ["new"]);
        std::fs::write(&path, "x\n").unwrap();
        assert_eq!(log.fresh().unwrap(), ["x"]);
        std::fs::remove_file(&path).unwrap();
        assert!(log.fresh().unwrap_err().ends_with(" does not exist"));
    }

    #[test]
    fn another_machine_is_not_heard_from_here() {
        let remote = Source::at("qemu+ssh://hv03/system");
        assert!(KernelMessages::from_now(&remote).unwrap_err().contains("from here"));
        assert!(QemuLog::from_now(&remote, "ws").unwrap_err().contains("from here"));
    }
}
