//! Lists of mounts, and the other names that a path has by them: a folder may be mounted at a second place.

use super::attribute::{failed, known};
use crate::facts::Fact;
use crate::host::Sysroot;

/// The second is older and lacks numbers.
const LISTS: [&str; 2] = ["/proc/self/mountinfo", "/proc/mounts"];

/// A line of a list of mounts.
pub(super) struct MountLine {
    /// Major and minor number of the file system, where the list has it.
    pub(super) number: String,
    /// What of the file system is mounted: `/`, or a folder of it.
    root: String,
    /// Where.
    pub(super) point: String,
    /// Type.
    pub(super) kind: String,
    /// What is mounted, as the kernel names it.
    pub(super) source: String,
    /// The file system's own options.
    pub(super) options: String,
}

impl MountLine {
    /// Every line of the list that the kernel has.
    pub(super) fn all(sysroot: &Sysroot) -> Fact<Vec<Self>> {
        let mut why = Fact::unknown("There is no list of mounts.");
        for path in LISTS {
            match sysroot.read(path) {
                Ok(text) => {
                    let parse = if path.ends_with("info") { Self::from_mountinfo } else { Self::from_mounts };
                    return known(text.lines().filter_map(parse).collect(), path);
                }
                Err(error) => why = failed(path, &error),
            }
        }
        why
    }

    /// `36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw`, with any number of words before the dash.
    fn from_mountinfo(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let (mut mount, mut system) = (mount.split(' '), system.split(' '));
        Some(Self {
            number: mount.nth(2)?.to_owned(),
            root: unescaped(mount.next()?),
            point: unescaped(mount.next()?),
            kind: system.next()?.to_owned(),
            source: unescaped(system.next()?),
            options: system.next().unwrap_or_default().to_owned(),
        })
    }

    /// `/dev/sda1 /point ext4 rw 0 0`.
    fn from_mounts(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (source, point, kind) = (words.next()?, words.next()?, words.next()?);
        Some(Self {
            number: String::new(),
            root: String::new(),
            point: unescaped(point),
            kind: kind.to_owned(),
            source: unescaped(source),
            options: words.next().unwrap_or_default().to_owned(),
        })
    }
}

/// Every name of the file whose path without links is `real`: where the most of its file system is mounted first. Only
/// `real` itself where the list does not say what is mounted.
pub(super) fn places(lines: &[MountLine], real: &str) -> Vec<String> {
    let Some((own, at)) = mount_of(lines, real) else { return vec![real.to_owned()] };
    let inner = joined(&at.root, below(real, &at.point).unwrap_or_default());
    let same = lines.iter().enumerate().filter(|(_, line)| !line.number.is_empty() && line.number == at.number);
    let mut found: Vec<(usize, String)> = same
        .filter_map(|(number, line)| {
            let place = joined(&line.point, below(&inner, &line.root)?);
            // What is mounted over a place hides it.
            let is_seen = number == own || mount_of(lines, &place).is_some_and(|(seen, _)| seen == number);
            is_seen.then_some((line.root.len(), place))
        })
        .collect();
    found.sort();
    let mut places: Vec<String> = found.into_iter().map(|(_, place)| place).collect();
    places.dedup();
    if places.is_empty() { vec![real.to_owned()] } else { places }
}

/// The mount that a path is on, with its number in the list. Of two on one point the later covers the earlier.
fn mount_of<'a>(lines: &'a [MountLine], path: &str) -> Option<(usize, &'a MountLine)> {
    let on = lines.iter().enumerate().filter(|(_, line)| below(path, &line.point).is_some());
    on.max_by_key(|(_, line)| line.point.len())
}

/// What of `path` is below `folder`, with its slash; empty where both are one.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn joined(folder: &str, rest: &str) -> String {
    let path = format!("{}{rest}", folder.trim_end_matches('/'));
    if path.is_empty() { "/".into() } else { path }
}

/// Characters that separate words are written as `\040`.
pub(super) fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(code) = part.get(..3).and_then(|code| u8::from_str_radix(code, 8).ok()) {
            plain.push(char::from(code));
            plain.push_str(part.get(3..).unwrap_or_default());
        } else {
            plain.push('\\');
            plain.push_str(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_of_mounts_may_have_more_or_fewer_words() {
        let line =
            MountLine::from_mountinfo(r"36 35 98:0 /a /mnt/my\040disk rw shared:1 master:2 - ext4 /dev/sda1 rw,a")
                .unwrap();
        assert_eq!((line.number.as_str(), line.point.as_str()), ("98:0", "/mnt/my disk"));
        assert_eq!((line.kind.as_str(), line.source.as_str()), ("ext4", "/dev/sda1"));
        let line = MountLine::from_mountinfo("27 1 0:25 / / rw - btrfs /dev/nvme0n1p2 rw").unwrap();
        assert_eq!((line.point.as_str(), line.kind.as_str()), ("/", "btrfs"));
        assert!(MountLine::from_mountinfo("27 1 0:25 /").is_none());
    }

    #[test]
    fn escapes_are_octal_and_a_lone_backslash_stays() {
        assert_eq!(unescaped(r"a\040b\134c"), r"a b\c");
        assert_eq!(unescaped(r"a\xb"), r"a\xb");
    }

    fn mounted(lines: &[&str]) -> Vec<MountLine> {
        lines.iter().filter_map(|line| MountLine::from_mountinfo(line)).collect()
    }

    #[test]
    fn a_folder_that_is_mounted_twice_has_two_names() {
        let lines = mounted(&[
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
            "2 1 8:1 /etc /srv/settings rw - ext4 /dev/sda1 rw",
            "3 1 8:2 / /data rw - xfs /dev/sdb1 rw",
            "4 1 8:2 /pool /var/lib/images rw - xfs /dev/sdb1 rw",
            "5 1 8:1 /data /old rw - ext4 /dev/sda1 rw",
        ]);
        let of = |path: &str| places(&lines, path);
        assert_eq!(of("/srv/settings/shadow"), ["/etc/shadow", "/srv/settings/shadow"]);
        assert_eq!(of("/etc/shadow"), ["/etc/shadow", "/srv/settings/shadow"]);
        assert_eq!(of("/var/lib/images/a"), ["/data/pool/a", "/var/lib/images/a"]);
        assert_eq!(of("/data/other"), ["/data/other"]);
        assert_eq!(of("/srv/settings"), ["/etc", "/srv/settings"]);
        assert_eq!(of("/old/a"), ["/old/a"], "/data/a of that file system is hidden");
        assert_eq!(of("/"), ["/"]);
        assert_eq!(places(&[], "/a"), ["/a"]);
    }

    #[test]
    fn parts_of_btrfs_are_traced_to_where_they_are_mounted() {
        let lines = mounted(&[
            "1 0 0:25 /@ / rw - btrfs /dev/sda1 rw",
            "2 1 0:25 /@home /home rw - btrfs /dev/sda1 rw",
            "3 1 0:25 /@/etc /home/x rw - btrfs /dev/sda1 rw",
        ]);
        assert_eq!(places(&lines, "/home/x/fstab"), ["/etc/fstab", "/home/x/fstab"]);
        assert_eq!(places(&lines, "/home/y"), ["/home/y"]);
    }
}
