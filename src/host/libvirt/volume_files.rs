//! Volumes of a pool whose folder is on this machine: one listing and one look at each file instead of one call of libvirt
//! per volume, and no limit to their number.

use crate::facts::Volume;
use crate::units::Bytes;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use std::io;
use std::path::Path;
use std::thread;

/// For fewer files another thread costs more than it takes over.
const WORTH_A_THREAD: usize = 500;
/// The magic number at the start of a qcow2 image; the size the guest sees stands at byte 24.
const QCOW2: &[u8; 4] = b"QFI\xfb";

/// The volumes in `folder`, by name, as libvirt would find them: files and folders, links followed.
pub(super) fn list(folder: &str) -> io::Result<Vec<Volume>> {
    let open = rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&open)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name != "." && name != ".." && !name.chars().any(char::is_control) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    let folder = folder.trim_end_matches('/');
    let look = |names: &[String]| names.iter().filter_map(|name| look(open.as_fd(), folder, name)).collect::<Vec<_>>();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(names.len() / WORTH_A_THREAD).clamp(1, 4);
    let shares = names.chunks(names.len().div_ceil(threads).max(1));
    Ok(thread::scope(|scope| {
        let threads: Vec<_> = shares.map(|share| scope.spawn(|| look(share))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    }))
}

/// A dangling link, or a file that vanished since, is no volume.
fn look(open: BorrowedFd<'_>, folder: &str, name: &str) -> Option<Volume> {
    let status = statat(open, name, AtFlags::empty()).ok()?;
    let amount = |amount: i64| u64::try_from(amount).unwrap_or(0);
    let kind = FileType::from_raw_mode(status.st_mode);
    let size = amount(status.st_size);
    let is_iso = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("iso"));
    let (capacity, format) = match kind {
        FileType::Directory => (0, Some("dir")),
        FileType::RegularFile => match (size > 0).then(|| qcow2_size(open, name)).flatten() {
            Some(virtual_size) => (virtual_size, Some("qcow2")),
            None => (size, Some(if is_iso { "iso" } else { "raw" })),
        },
        _ => (size, None),
    };
    Some(Volume {
        name: name.to_owned(),
        path: format!("{folder}/{name}"),
        capacity: Bytes(capacity),
        allocation: Bytes(amount(status.st_blocks).saturating_mul(512)),
        format: format.map(str::to_owned),
    })
}

/// The virtual size in a qcow2 header; `None` for any other file, and for one this user may not read.
fn qcow2_size(open: BorrowedFd<'_>, name: &str) -> Option<u64> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat(open, name, flags, Mode::empty()).ok()?;
    let mut header = [0; 32];
    let length = rustix::io::read(&file, &mut header[..]).ok()?;
    let (magic, rest) = header.get(..length)?.split_first_chunk::<4>()?;
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

    #[test]
    fn many_files_are_shared_by_threads_and_come_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut names: Vec<String> = (0..2 * WORTH_A_THREAD).map(|number| format!("{number}.img")).collect();
        for name in &names {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        names.sort_unstable();
        let volumes = list(folder.path().to_str().unwrap()).unwrap();
        assert_eq!(volumes.iter().map(|volume| volume.name.clone()).collect::<Vec<_>>(), names);
        assert!(volumes.iter().all(|volume| volume.capacity == Bytes(1) && volume.path.ends_with(&volume.name)));
        assert!(list("/nowhere/at/all").is_err());
    }
}
