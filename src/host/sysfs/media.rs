//! Files that a spec names, as they are in this machine's file system.

use super::confinement::QemuUser;
use super::rom;
use crate::facts::media::Barrier;
use crate::facts::{Fact, Iso, MediaFile, MediaKind, Provenance};
use crate::host::image::{self, Pieces};
use crate::host::{Sysroot, now};
use crate::units::Bytes;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What is at `path`, links followed.
pub fn read(sysroot: &Sysroot, path: &str) -> Fact<MediaFile> {
    let real = sysroot.path(path);
    let file = match std::fs::metadata(&real) {
        Ok(metadata) => describe(sysroot, path, &real, &metadata),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => MediaFile::default(),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Fact::Denied { why: format!("{path}: this user may not enter a folder above it.") };
        }
        Err(error) => return Fact::unknown(format!("{path} cannot be looked at: {error}.")),
    };
    Fact::known(file, Provenance::File(path.into()), now())
}

fn describe(sysroot: &Sysroot, named: &str, path: &Path, metadata: &Metadata) -> MediaFile {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => MediaKind::File,
        kind if kind.is_dir() => MediaKind::Folder,
        kind if kind.is_block_device() => MediaKind::BlockDevice,
        _ => MediaKind::Other,
    };
    let size = if kind == MediaKind::BlockDevice { device_size(sysroot, metadata.rdev()) } else { metadata.len() };
    let is_file = kind == MediaKind::File;
    MediaFile {
        kind,
        size: Bytes(size),
        world_readable: is_world_readable(sysroot, path, metadata),
        barrier: barrier(sysroot, path, metadata).filter(|_| is_file),
        selinux_type: selinux_type(path).filter(|_| is_file),
        rom: (is_file && size <= rom::LARGEST).then(|| rom::read(sysroot, named, size)),
        iso: if is_file { labels(path, size) } else { None },
        iso_why_not: None,
        secret: None,
    }
}

/// What the file says of itself as an installation medium.
fn labels(path: &Path, length: u64) -> Option<Iso> {
    let file = image::open(path).ok()?;
    let read = |offset, length| image::part(&file, offset, length);
    image::labels(&Pieces::new(length, image::BLOCK, &read)).ok()?
}

/// The first thing on the way that QEMU's user may not enter, or the file that it may not read.
fn barrier(sysroot: &Sysroot, path: &Path, metadata: &Metadata) -> Option<Barrier> {
    let user = QemuUser::of(sysroot).unwrap_or_else(QemuUser::other);
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (root, file) = (real(&sysroot.path("/")), real(path));
    let shown = |path: &Path| format!("/{}", path.strip_prefix(&root).unwrap_or(path).display());
    let bars = |path: &Path, right: u32, found: &Metadata| {
        let (mode, owner) = (found.mode() & 0o7777, found.uid());
        let barred = !user.may(right, mode, owner, found.gid());
        barred.then(|| Barrier { path: shown(path), mode, owner, user: user.name.clone() })
    };
    let folders: Vec<&Path> = file.ancestors().skip(1).take_while(|folder| folder.starts_with(&root)).collect();
    let entered = |folder: &&Path| bars(folder, 1, &std::fs::metadata(folder).ok()?);
    folders.iter().rev().find_map(entered).or_else(|| bars(&file, 4, metadata))
}

/// The third part of `system_u:object_r:usr_t:s0`.
fn selinux_type(path: &Path) -> Option<String> {
    let mut label = [0; 256];
    let length = rustix::fs::getxattr(path, "security.selinux", &mut label[..]).ok()?;
    let text = String::from_utf8_lossy(label.get(..length)?).into_owned();
    text.trim_end_matches('\0').split(':').nth(2).map(str::to_owned)
}

/// The kernel counts a block device in sectors of 512 bytes, whatever its own sectors are.
fn device_size(sysroot: &Sysroot, device: u64) -> u64 {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let sectors = sysroot.read(&format!("/sys/dev/block/{major}:{minor}/size")).ok();
    sectors.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0).saturating_mul(512)
}

/// QEMU's own user must enter every folder on the way and read the file itself.
fn is_world_readable(sysroot: &Sysroot, path: &Path, metadata: &Metadata) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let root = real(&sysroot.path("/"));
    let real = real(path);
    let mut folders = real.ancestors().skip(1).take_while(|folder| folder.starts_with(&root));
    let enters = |folder: &Path| std::fs::metadata(folder).is_ok_and(|folder| folder.mode() & 0o001 != 0);
    metadata.mode() & 0o004 != 0 && folders.all(enters)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_below_a_private_folder_is_not_world_readable() {
        let tree = tempfile::tempdir().unwrap();
        let root = Sysroot::new(tree.path());
        std::fs::create_dir(tree.path().join("isos")).unwrap();
        std::fs::write(tree.path().join("isos/a.iso"), "12345").unwrap();
        let allow =
            |folder: &Path, mode| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
        allow(tree.path(), 0o755);
        allow(&tree.path().join("isos"), 0o700);
        let seen = read(&root, "/isos/a.iso");
        let file = seen.get().unwrap();
        assert_eq!((file.kind, file.size), (MediaKind::File, Bytes(5)));
        assert!(!file.world_readable);
        allow(&tree.path().join("isos"), 0o755);
        assert!(read(&root, "/isos/a.iso").get().unwrap().world_readable);
    }

    #[test]
    fn what_is_not_there_is_known_to_be_missing() {
        let tree = tempfile::tempdir().unwrap();
        let seen = read(&Sysroot::new(tree.path()), "/none.iso");
        assert_eq!(seen.get().unwrap().kind, MediaKind::Missing);
        assert_eq!(read(&Sysroot::new(tree.path()), "/").get().unwrap().kind, MediaKind::Folder);
    }
}
