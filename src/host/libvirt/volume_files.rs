//! Volumes of a pool whose folder is on this machine: one listing and one look at each file instead of one call of libvirt
//! per volume, and no limit to their number.

use crate::facts::Volume;
use crate::units::Bytes;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// The magic number at the start of a qcow2 image; the size the guest sees stands at byte 24.
const QCOW2: &[u8; 4] = b"QFI\xfb";

/// The volumes in `folder`, by name, as libvirt would find them: files and folders, links followed.
pub(super) fn list(folder: &str) -> io::Result<Vec<Volume>> {
    let mut volumes = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.chars().any(char::is_control) {
            continue;
        }
        let path = format!("{}/{name}", folder.trim_end_matches('/'));
        // A dangling link, or a file that vanished since: no volume.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        volumes.push(describe(name, path, &metadata));
    }
    volumes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(volumes)
}

fn describe(name: String, path: String, metadata: &Metadata) -> Volume {
    let allocation = Bytes(metadata.blocks().saturating_mul(512));
    if metadata.is_dir() {
        return Volume { name, path, capacity: Bytes(0), allocation, format: Some("dir".into()) };
    }
    if let Some(size) = metadata.is_file().then(|| qcow2_size(Path::new(&path))).flatten() {
        return Volume { name, path, capacity: Bytes(size), allocation, format: Some("qcow2".into()) };
    }
    let is_iso = Path::new(&name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("iso"));
    let format = metadata.is_file().then(|| if is_iso { "iso" } else { "raw" }.to_owned());
    Volume { name, path, capacity: Bytes(metadata.len()), allocation, format }
}

/// The virtual size in a qcow2 header; `None` for any other file, and for one this user may not read.
fn qcow2_size(path: &Path) -> Option<u64> {
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).ok()?;
    let mut file: File = std::fs::OpenOptions::new().read(true).custom_flags(nonblock).open(path).ok()?;
    let mut header = [0; 32];
    file.read_exact(&mut header).ok()?;
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let size = rest.get(20..28)?.first_chunk::<8>()?;
    (magic == QCOW2).then(|| u64::from_be_bytes(*size))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_told_apart_without_libvirt() {
        let folder = tempfile::tempdir().unwrap();
        let mut header = vec![0; 104];
        header[..4].copy_from_slice(QCOW2);
        header[24..32].copy_from_slice(&(20u64 << 30).to_be_bytes());
        std::fs::write(folder.path().join("a.qcow2"), &header).unwrap();
        std::fs::write(folder.path().join("B.ISO"), "x").unwrap();
        std::fs::write(folder.path().join("c.img"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("d")).unwrap();
        let volumes = list(folder.path().to_str().unwrap()).unwrap();
        let seen: Vec<_> =
            volumes.iter().map(|v| (v.name.as_str(), v.capacity, v.format.as_deref().unwrap())).collect();
        assert_eq!(
            seen,
            [("B.ISO", Bytes(1), "iso"), ("a.qcow2", Bytes::gib(20), "qcow2"), ("c.img", Bytes(0), "raw")]
        );
    }
}
