//! Images of this machine in another format: made by qemu-img into a file without a name, which goes when it is closed.

use crate::engine::libvirt::Conversion;
use crate::host::backend::{Halt, Work};
use crate::host::{Cause, HostError};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a running conversion is looked at.
const PACE: Duration = Duration::from_millis(100);
/// Where large temporary files go unless TMPDIR says otherwise: on most systems /tmp is in memory.
const ROOMY: &str = "/var/tmp";
/// What of the messages of qemu-img is kept, in bytes.
const MOST_OUTPUT: u64 = 4096;

/// The image that is open as `source` and has the path `from`, stand-alone and in another format. `total`: bytes that the
/// source takes.
pub(super) fn convert(
    source: &File,
    from: &str,
    conversion: Conversion,
    total: u64,
    work: &mut Work<'_, '_>,
) -> Result<File, Halt> {
    let folder = folder();
    let made = tempfile::tempfile_in(&folder).map_err(|error| failed(from, &error.to_string()))?;
    let mut errors = tempfile::tempfile().map_err(|error| failed(from, &error.to_string()))?;
    let mut child = start(source, from, [&made, &errors], conversion)?;
    let ended = loop {
        if work.is_cancelled() {
            stop(&mut child);
            return Err(Halt::Cancelled);
        }
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(PACE),
            Err(error) => {
                stop(&mut child);
                return Err(failed(from, &error.to_string()).into());
            }
        }
        let taken = made.metadata().map_or(0, |metadata| metadata.blocks().saturating_mul(512));
        work.progress(taken.min(total), total);
    };
    if ended.success() { Ok(made) } else { Err(refused(from, &folder, &output(&mut errors)).into()) }
}

/// Where the converted image is made.
fn folder() -> PathBuf {
    let roomy = || Some(PathBuf::from(ROOMY)).filter(|folder| folder.is_dir());
    std::env::var_os("TMPDIR").map(PathBuf::from).or_else(roomy).unwrap_or_else(std::env::temp_dir)
}

/// The child has the source and what it makes open under their numbers, and writes its errors to a file, where it can
/// never wait for a reader. An image with a base is named by its path: the base is looked for beside it.
fn start(source: &File, from: &str, [made, errors]: [&File; 2], conversion: Conversion) -> Result<Child, HostError> {
    let given = |file: &File| file.try_clone().map_err(|error| failed(from, &error.to_string()));
    let named = if conversion.flattens { from } else { "/proc/self/fd/0" };
    let child = Command::new("qemu-img")
        .args(["convert", "-f", conversion.from.name(), "-O", conversion.to.name(), named, "/proc/self/fd/1"])
        .stdin(Stdio::from(given(source)?))
        .stdout(Stdio::from(given(made)?))
        .stderr(Stdio::from(given(errors)?))
        // A Ctrl-C at the terminal is for vmbuild, which then ends the child.
        .process_group(0)
        .spawn();
    child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("{from} has to be converted, and qemu-img is not installed.");
            HostError::new(Cause::Unsupported, message, "Install qemu-utils (qemu-img on Fedora and openSUSE).")
        }
        _ => failed(from, &error.to_string()),
    })
}

fn stop(child: &mut Child) {
    // It may have ended meanwhile, which is as good.
    let _ = child.kill();
    let _ = child.wait();
}

/// What it wrote about its failure.
fn output(errors: &mut File) -> String {
    let mut text = Vec::new();
    if errors.rewind().is_ok() {
        let _ = errors.take(MOST_OUTPUT).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// The failure that qemu-img reported: the first line says what failed, those behind it are hints.
fn refused(from: &str, folder: &Path, output: &str) -> HostError {
    let output = output.replace("/proc/self/fd/0", from);
    let line = output.lines().find_map(|line| line.strip_prefix("qemu-img: ")).or_else(|| output.lines().next());
    let error = failed(from, line.unwrap_or("qemu-img failed without a message").trim_end_matches('.'));
    let full = output.contains("No space left on device");
    let remedy = full.then(|| {
        let folder = folder.display();
        format!("The converted copy is made in {folder}: make room there, or set TMPDIR to a folder with more.")
    });
    HostError { remedy: remedy.unwrap_or_default(), original: output, ..error }
}

fn failed(from: &str, why: &str) -> HostError {
    HostError::new(Cause::Other, format!("{from} cannot be converted: {why}."), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_qemu_img_says_is_told_with_the_name_of_the_image() {
        let locked = "qemu-img: Could not open '/proc/self/fd/0': Failed to get shared \"write\" lock\n\
                      Is another process using the image [/proc/self/fd/0]?\n";
        let error = refused("/srv/a.vmdk", Path::new("/var/tmp"), locked);
        let first = "Could not open '/srv/a.vmdk': Failed to get shared \"write\" lock";
        assert_eq!(error.message, format!("/srv/a.vmdk cannot be converted: {first}."));
        assert!(error.original.ends_with("Is another process using the image [/srv/a.vmdk]?\n"), "{}", error.original);
        assert_eq!(error.remedy, "");
        let full = refused("/srv/a.vmdk", Path::new("/var/tmp"), "qemu-img: error: No space left on device");
        assert!(full.remedy.contains("/var/tmp") && full.remedy.contains("TMPDIR"), "{}", full.remedy);
        assert!(refused("/a", Path::new("/tmp"), "").message.ends_with("qemu-img failed without a message."));
    }
}
