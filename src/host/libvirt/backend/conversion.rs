//! Images of this machine in another format: made by qemu-img into a file without a name, which goes when it is closed.

use crate::engine::libvirt::Conversion;
use crate::host::backend::{Halt, Work};
use crate::host::{Cause, HostError};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a running conversion is looked at.
const PACE: Duration = Duration::from_millis(100);
/// Where large temporary files go: on most systems /tmp is in memory.
const ROOMY: &str = "/var/tmp";
/// What of the words of qemu-img is kept.
const LONGEST_WORDS: u64 = 4096;

/// The image that is open as `source` and has the path `from`, stand-alone and in another format. `total`: bytes that the
/// source takes.
pub(super) fn convert(
    source: &File,
    from: &str,
    conversion: Conversion,
    total: u64,
    work: &mut Work<'_, '_>,
) -> Result<File, Halt> {
    let folder = Some(Path::new(ROOMY)).filter(|folder| folder.is_dir()).map_or_else(std::env::temp_dir, Into::into);
    let made = tempfile::tempfile_in(&folder).map_err(|error| failed(from, &error.to_string()))?;
    let mut child = start(source, from, &made, conversion)?;
    let ended = loop {
        if work.is_cancelled() {
            stop(&mut child);
            return Err(Halt::Cancelled);
        }
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(PACE),
            Err(error) => return Err(failed(from, &error.to_string()).into()),
        }
        let taken = made.metadata().map_or(0, |metadata| metadata.blocks().saturating_mul(512));
        work.progress(taken.min(total), total);
    };
    if ended.success() { Ok(made) } else { Err(failed(from, &words(&mut child)).into()) }
}

/// The child has both files open under their numbers. An image with a base is named by its path: the base is looked for
/// beside it.
fn start(source: &File, from: &str, made: &File, conversion: Conversion) -> Result<Child, HostError> {
    let given = |file: &File| file.try_clone().map_err(|error| failed(from, &error.to_string()));
    let named = if conversion.flattens { from } else { "/proc/self/fd/0" };
    let child = Command::new("qemu-img")
        .args(["convert", "-f", conversion.from.name(), "-O", conversion.to.name(), named, "/proc/self/fd/1"])
        .stdin(Stdio::from(given(source)?))
        .stdout(Stdio::from(given(made)?))
        .stderr(Stdio::piped())
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

/// The last line of what it wrote about its failure.
fn words(child: &mut Child) -> String {
    let mut text = Vec::new();
    if let Some(errors) = child.stderr.take() {
        let _ = errors.take(LONGEST_WORDS).read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("qemu-img failed without a word").trim().to_owned()
}

fn failed(from: &str, why: &str) -> HostError {
    HostError::new(Cause::Other, format!("{from} cannot be converted: {why}."), "")
}
