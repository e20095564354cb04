//! Files that a spec names, as they are in this machine's file system.

use super::attribute::{failed, known};
use super::confinement::QemuUser;
use super::mounts::{MountLine, places};
use super::rom;
use crate::facts::media::Barrier;
use crate::facts::{Fact, FileId, ImageHeader, Iso, MediaFile, MediaKind, Provenance};
use crate::host::image::{self, Pieces};
use crate::host::{Sysroot, now};
use crate::units::Bytes;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Files of one machine, several of which are looked at.
pub struct HostFiles<'a> {
    sysroot: &'a Sysroot,
    mounts: Vec<MountLine>,
}

impl<'a> HostFiles<'a> {
    /// Those below `sysroot`.
    pub fn of(sysroot: &'a Sysroot) -> Self {
        let mounts = MountLine::all(sysroot).get_mut().map(std::mem::take).unwrap_or_default();
        Self { sysroot, mounts }
    }

    /// What is at `path`, links followed.
    pub fn read(&self, path: &str) -> Fact<MediaFile> {
        let real = self.sysroot.real(path);
        let found = real.and_then(|real| Ok((std::fs::metadata(self.sysroot.path(&real))?, real)));
        let file = match found {
            Ok((metadata, real)) => match self.describe(path, &real, &metadata) {
                Some(file) => file,
                None => return Fact::unknown(format!("{path} was replaced while it was looked at.")),
            },
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                MediaFile::default()
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Fact::Denied { why: format!("{path}: this user may not enter a folder above it.") };
            }
            Err(error) => return Fact::unknown(format!("{path} cannot be looked at: {error}.")),
        };
        Fact::known(file, Provenance::File(path.into()), now())
    }

    /// Every path by which what is at `path` is known, where that is not only `path`; none where nothing is there.
    pub fn places(&self, path: &str) -> Vec<String> {
        let places = self.sysroot.real(path).map(|real| places(&self.mounts, &real)).unwrap_or_default();
        if places == [path] { Vec::new() } else { places }
    }

    /// `None` where what was read is not what `metadata` is of.
    fn describe(&self, named: &str, real: &str, metadata: &Metadata) -> Option<MediaFile> {
        let (sysroot, path) = (self.sysroot, &self.sysroot.path(real));
        let kind = match metadata.file_type() {
            kind if kind.is_file() => MediaKind::File,
            kind if kind.is_dir() => MediaKind::Folder,
            kind if kind.is_block_device() => MediaKind::BlockDevice,
            _ => MediaKind::Other,
        };
        let (is_file, is_block) = (kind == MediaKind::File, kind == MediaKind::BlockDevice);
        let number = is_block.then(|| (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev())));
        let size = number.map_or(metadata.len(), |number| device_size(sysroot, number));
        let identity = FileId { device: metadata.dev(), inode: metadata.ino() };
        let bytes = if is_file || is_block { contents(path, named, size) } else { FileBytes::default() };
        if bytes.identity.is_some_and(|opened| opened != identity) {
            return None;
        }
        let places = places(&self.mounts, real);
        Some(MediaFile {
            kind,
            size: Bytes(size),
            allocation: is_file.then(|| Bytes(metadata.blocks().saturating_mul(512))),
            image: bytes.image,
            places: if places == [named] { Vec::new() } else { places },
            identity: Some(identity),
            number: number.map(|(major, minor)| format!("{major}:{minor}")),
            world_readable: is_world_readable(sysroot, path, metadata),
            barrier: barrier(sysroot, path, metadata).filter(|_| is_file),
            selinux_type: selinux_type(path).filter(|_| is_file),
            rom: (is_file && size <= rom::LARGEST).then(|| rom::read(sysroot, real, size)),
            iso: bytes.iso.filter(|_| is_file),
            iso_why_not: None,
            secret: None,
        })
    }
}

/// What a file is by its own bytes.
#[derive(Default)]
struct FileBytes {
    /// The file that was opened; `None` where it could not be.
    identity: Option<FileId>,
    image: Option<Fact<ImageHeader>>,
    /// The labels of a CD.
    iso: Option<Iso>,
}

fn contents(path: &Path, named: &str, length: u64) -> FileBytes {
    let looked = image::open(path).and_then(|file| {
        let opened = file.metadata()?;
        let read = |offset, length| image::part(&file, offset, length);
        let pieces = Pieces::new(length, image::BLOCK, &read);
        let image = known(image::read(&pieces)?, named);
        let identity = FileId { device: opened.dev(), inode: opened.ino() };
        Ok(FileBytes { identity: Some(identity), image: Some(image), iso: image::labels(&pieces).unwrap_or_default() })
    });
    looked.unwrap_or_else(|error| FileBytes { image: Some(failed(named, &error)), ..FileBytes::default() })
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
fn device_size(sysroot: &Sysroot, (major, minor): (u32, u32)) -> u64 {
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
        let read = |path| HostFiles::of(&root).read(path);
        let seen = read("/isos/a.iso");
        let file = seen.get().unwrap();
        assert_eq!((file.kind, file.size), (MediaKind::File, Bytes(5)));
        assert!(!file.world_readable);
        allow(&tree.path().join("isos"), 0o755);
        assert!(read("/isos/a.iso").get().unwrap().world_readable);
    }

    #[test]
    fn a_file_is_what_its_bytes_and_its_way_say() {
        let tree = tempfile::tempdir().unwrap();
        let root = Sysroot::new(tree.path());
        let at = |path: &str| tree.path().join(path);
        std::fs::create_dir_all(at("etc")).unwrap();
        std::fs::create_dir_all(at("srv/settings")).unwrap();
        std::fs::create_dir_all(at("proc/self")).unwrap();
        let mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:1 /etc /srv/settings rw - ext4 /dev/sda1 rw\n";
        std::fs::write(at("proc/self/mountinfo"), mounts).unwrap();
        std::fs::write(at("etc/shadow"), "root:*:1::::::\n").unwrap();
        std::fs::write(at("srv/settings/other"), "QFI\u{fb}").unwrap();
        std::os::unix::fs::symlink("/etc/shadow", at("srv/disk.img")).unwrap();
        let files = HostFiles::of(&root);
        let read = |path: &str| files.read(path).get().cloned().unwrap();
        let link = read("/srv/disk.img");
        assert_eq!(link.places, ["/etc/shadow", "/srv/settings/shadow"]);
        assert_eq!(link.image().unwrap().content, crate::facts::FileContent::Text);
        assert_eq!(link.identity, read("/etc/shadow").identity);
        assert_eq!(read("/srv/settings/other").places, ["/etc/other", "/srv/settings/other"]);
        assert!(read("/proc/self/mountinfo").places.is_empty());
        assert_eq!(read("/srv").image, None);
    }

    #[test]
    fn what_is_not_there_is_known_to_be_missing() {
        let tree = tempfile::tempdir().unwrap();
        let seen = HostFiles::of(&Sysroot::new(tree.path())).read("/none.iso");
        assert_eq!(seen.get().unwrap().kind, MediaKind::Missing);
        assert_eq!(HostFiles::of(&Sysroot::new(tree.path())).read("/").get().unwrap().kind, MediaKind::Folder);
    }
}
