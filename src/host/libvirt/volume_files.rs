//! Volumes of a pool whose folder is on this machine: one listing and a look at the head of each file instead of one call of
//! libvirt per volume, and no limit to their number.

use crate::facts::{FileContent, ImageHeader, Volume};
use crate::host::Sysroot;
use crate::host::image::{self, Pieces};
use crate::units::Bytes;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use std::fs::File;
use std::io;
use std::thread;

/// For fewer files another thread costs more than it takes over.
const WORTH_A_THREAD: usize = 500;

/// The volumes in `folder`, by name, as libvirt would find them: files, folders and devices, links followed. Of those that
/// this user may not read the format is not known.
pub(super) fn list(folder: &str) -> io::Result<Vec<Volume>> {
    let open = rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&open)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name != "." && name != ".." && !name.chars().any(char::is_control) {
            names.push(FolderEntry { name: name.to_owned(), link: is_link(entry.file_type()) });
        }
    }
    names.sort_unstable();
    let folder = folder.trim_end_matches('/');
    let look =
        |names: &[FolderEntry]| names.iter().filter_map(|named| named.look(open.as_fd(), folder)).collect::<Vec<_>>();
    let threads = thread::available_parallelism().map_or(1, usize::from).min(names.len() / WORTH_A_THREAD).clamp(1, 4);
    let shares = names.chunks(names.len().div_ceil(threads).max(1));
    Ok(thread::scope(|scope| {
        let threads: Vec<_> = shares.map(|share| scope.spawn(|| look(share))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    }))
}

/// An entry of a folder.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct FolderEntry {
    name: String,
    /// True where it is a link or may be one: not every file system says it in its lists.
    link: bool,
}

fn is_link(listed: FileType) -> bool {
    matches!(listed, FileType::Symlink | FileType::Unknown)
}

impl FolderEntry {
    fn is_link(&self, open: BorrowedFd<'_>) -> bool {
        let itself = || statat(open, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
        self.link && itself().is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::Symlink)
    }

    /// A dangling link, a pipe, or a file that vanished since, is not a volume.
    fn look(&self, open: BorrowedFd<'_>, folder: &str) -> Option<Volume> {
        let status = statat(open, self.name.as_str(), AtFlags::empty()).ok()?;
        let amount = |amount: i64| u64::try_from(amount).unwrap_or(0);
        let kind = FileType::from_raw_mode(status.st_mode);
        if matches!(kind, FileType::Fifo | FileType::Socket) {
            return None;
        }
        let size = amount(status.st_size);
        let path = format!("{folder}/{}", self.name);
        let image = (kind == FileType::RegularFile).then(|| image(open, &self.name, size).ok()).flatten();
        let format = match (kind, &image) {
            (FileType::Directory, _) => Some("dir"),
            (_, Some(image)) if image.content == FileContent::Disc => Some("iso"),
            (_, Some(image)) => Some(image.format.name()),
            (_, None) => None,
        };
        let virtual_size = image.as_ref().and_then(|image| image.virtual_size);
        Some(Volume {
            capacity: virtual_size.unwrap_or(Bytes(if kind == FileType::Directory { 0 } else { size })),
            allocation: Bytes(amount(status.st_blocks).saturating_mul(512)),
            format: format.map(str::to_owned),
            image: image.map(Box::new),
            target: if self.is_link(open) { Sysroot::default().real(&path).ok() } else { None },
            name: self.name.clone(),
            path,
        })
    }
}

/// What a file is by its head. Fails where this user may not read it.
fn image(open: BorrowedFd<'_>, name: &str, size: u64) -> io::Result<ImageHeader> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(openat(open, name, flags, Mode::empty())?);
    image::read(&Pieces::new(size, image::BLOCK, &|offset, length| image::part(&file, offset, length)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_told_apart_without_libvirt() {
        let folder = tempfile::tempdir().unwrap();
        let mut header = vec![0; 104];
        header[..8].copy_from_slice(b"QFI\xfb\0\0\0\x02");
        header[23] = 16;
        header[24..32].copy_from_slice(&(20u64 << 30).to_be_bytes());
        let mut disc = vec![0; 34 << 10];
        disc[32 << 10..][..6].copy_from_slice(b"\x01CD001");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.img"), &header).unwrap();
        std::fs::write(at("B.ISO"), "x").unwrap();
        std::fs::write(at("c.img"), "").unwrap();
        std::fs::write(at("disc"), &disc).unwrap();
        std::fs::create_dir(at("folder.img")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("gone")).unwrap();
        std::os::unix::fs::symlink("a.img", at("link")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let volumes = list(folder.path().to_str().unwrap()).unwrap();
        let seen: Vec<_> =
            volumes.iter().map(|v| (v.name.as_str(), v.capacity, v.format.as_deref().unwrap())).collect();
        let want = [
            ("B.ISO", Bytes(512), "raw"),
            ("a.img", Bytes::gib(20), "qcow2"),
            ("c.img", Bytes(0), "raw"),
            ("disc", Bytes(34 << 10), "iso"),
            ("folder.img", Bytes(0), "dir"),
            ("link", Bytes::gib(20), "qcow2"),
        ];
        assert_eq!(seen, want);
        let real = std::fs::canonicalize(at("a.img")).unwrap();
        let targets: Vec<_> = volumes.iter().filter_map(|volume| volume.target.as_deref()).collect();
        assert_eq!(targets, [real.to_str().unwrap()]);
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
        assert!(volumes.iter().all(|volume| volume.capacity == Bytes(512) && volume.path.ends_with(&volume.name)));
        assert!(list("/nowhere/at/all").is_err());
    }
}
