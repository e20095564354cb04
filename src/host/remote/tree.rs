//! A listing as a private folder that the readers of sysfs take for the host's root. Every link in it stays in it: what
//! the host says can neither be written nor lead anywhere else.

use super::listing::{LONGEST_PATH, ListedEntry, Listing, Unreadable, is_below_root};
use crate::host::sysfs::rom;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

/// The folder of processes.
const PROCESSES: &str = "proc";
/// A chain of links is not longer.
const MOST_LINKS: usize = 40;

/// What is at a place; all folders above it are folders.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TreeNode {
    Folder,
    File {
        content: Vec<u8>,
        size: u64,
    },
    Link(String),
    /// Its target is a text that nobody follows.
    OpenFile(String),
    Denied,
}

impl TreeNode {
    /// A file that only is there.
    fn bare() -> Self {
        Self::File { content: Vec::new(), size: 0 }
    }
}

/// Writes the listing to a new folder, which goes with the value. `Err` of the inner kind where the listing leads out of
/// the tree.
pub(super) fn unpack(listing: Listing) -> io::Result<Result<TempDir, Unreadable>> {
    let placed = match Places::of(listing) {
        Ok(placed) => placed,
        Err(error) => return Ok(Err(error)),
    };
    let folder = tempfile::Builder::new().prefix("vmbuild-").permissions(Permissions::from_mode(0o700)).tempdir()?;
    for (path, node) in &placed.nodes {
        write(folder.path(), path, node)?;
    }
    Ok(Ok(folder))
}

/// Makes one entry; there is none of its name, and what is above it was made before.
fn write(root: &Path, path: &str, node: &TreeNode) -> io::Result<()> {
    let real = root.join(path);
    match node {
        TreeNode::Folder => DirBuilder::new().mode(0o700).create(real),
        TreeNode::Link(target) | TreeNode::OpenFile(target) => symlink(target, real),
        // Who follows it is told that it cannot be done, which no other file of a host says.
        TreeNode::Denied => symlink(Path::new(path).file_name().unwrap_or_default(), real),
        TreeNode::File { content, size } => {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(real)?;
            file.write_all(content)?;
            if content.is_empty() && *size > 0 { file.set_len(*size) } else { Ok(()) }
        }
    }
}

/// Where a path leads.
type Walked = Result<Option<Vec<String>>, Unreadable>;

/// Nodes by their real paths: of those that are reached by links, too.
#[derive(Default)]
struct Places {
    nodes: BTreeMap<String, TreeNode>,
}

impl Places {
    fn of(listing: Listing) -> Result<Self, Unreadable> {
        let Listing { entries, mut contents, .. } = listing;
        let mut places = Self::default();
        // A folder, or the link to it, sorts before what is in it.
        for (path, entry) in entries {
            let content = contents.remove(&path);
            let node = node(&path, entry, content);
            if let Some(real) = places.place(&path)? {
                places.put(real, node);
            }
        }
        places.keep_links_inside()?;
        Ok(places)
    }

    /// What tells more stays: a folder has something in it, and a content was read. An open file is only where a process has
    /// its own: of nothing else is the target just a text.
    fn put(&mut self, path: String, node: TreeNode) {
        let node = if matches!(node, TreeNode::OpenFile(_)) && !is_open_file(&path) { TreeNode::bare() } else { node };
        let known = self.nodes.get(&path);
        let stays = match (known, &node) {
            (Some(TreeNode::Folder), _) => true,
            (Some(TreeNode::File { content, .. }), TreeNode::File { content: new, .. }) => {
                new.is_empty() && !content.is_empty()
            }
            (Some(TreeNode::File { content, .. }), _) => !content.is_empty(),
            _ => false,
        };
        if !stays {
            self.nodes.insert(path, node);
        }
    }

    /// The real path of `path`, whose folders are made where they are missing; `None` where its links go in circles.
    fn place(&mut self, path: &str) -> Result<Option<String>, Unreadable> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = self.walk(Vec::new(), above, &mut MOST_LINKS.clone(), path)?;
        let Some(mut folder) = folder else { return Ok(None) };
        for depth in 1..=folder.len() {
            let path = folder.get(..depth).unwrap_or_default().join("/");
            if !matches!(self.nodes.get(&path), Some(TreeNode::Folder)) {
                self.nodes.insert(path, TreeNode::Folder);
            }
        }
        folder.push(name.to_owned());
        Ok(Some(folder.join("/")))
    }

    /// Follows `path` from the folder `from` on, with all links in it, `links` at most. `None` where these are too many or
    /// lead by way of an open file; `Err` where it leads above the root: `whole` is what is named then.
    fn walk(&self, from: Vec<String>, path: &str, links: &mut usize, whole: &str) -> Walked {
        let refused = || Unreadable::Path(whole.chars().take(80).collect());
        let mut at = from;
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
            if name == ".." {
                at.pop().ok_or_else(refused)?;
                continue;
            }
            let folder = at.clone();
            at.push(name.to_owned());
            match self.nodes.get(&at.join("/")) {
                Some(TreeNode::Link(target)) => {
                    let Some(fewer) = links.checked_sub(1) else { return Ok(None) };
                    *links = fewer;
                    let Some(real) = self.walk(folder, target, links, whole)? else { return Ok(None) };
                    at = real;
                }
                Some(TreeNode::OpenFile(_)) => return Ok(None),
                _ => {}
            }
        }
        if is_below_root(&at.join("/")) || at.is_empty() { Ok(Some(at)) } else { Err(refused()) }
    }

    /// Looks where every link leads now that all are known. One that leads by way of an open file, or in circles, becomes a
    /// file that only is there; so does one that would show the open files of processes under another name.
    fn keep_links_inside(&mut self) -> Result<(), Unreadable> {
        let links = self.nodes.iter().filter_map(|(path, node)| match node {
            TreeNode::Link(target) => Some((path.clone(), target.clone())),
            _ => None,
        });
        let links: Vec<_> = links.collect();
        for (path, target) in links {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let from = folder.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let leads = self.walk(from, &target, &mut MOST_LINKS.clone(), &path)?;
            let shows_open_files = |real: &Vec<String>| real.first().is_none_or(|name| name == PROCESSES);
            if leads.is_none_or(|real| shows_open_files(&real)) {
                self.nodes.insert(path, TreeNode::bare());
            }
        }
        Ok(())
    }
}

/// True for `proc/7/fd/5`.
fn is_open_file(path: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let names: Vec<&str> = path.split('/').collect();
    matches!(names.as_slice(), [PROCESSES, process, "fd", file] if number(process) && number(file))
}

/// True for a target that no link of a host has, or that says nothing in this tree.
fn is_no_target(target: &str) -> bool {
    target.is_empty() || target.len() > LONGEST_PATH || target.contains('\0')
}

fn node(path: &str, entry: ListedEntry, content: Option<Vec<u8>>) -> TreeNode {
    match (entry, content) {
        // A file that is reached by a link was read all the same.
        (ListedEntry::File(_) | ListedEntry::Link(_), Some(content)) => TreeNode::File { content, size: 0 },
        (ListedEntry::Folder, _) => TreeNode::Folder,
        (ListedEntry::Denied, _) => TreeNode::Denied,
        (ListedEntry::OpenFile(target), _) if !is_no_target(&target) => TreeNode::OpenFile(target),
        (ListedEntry::OpenFile(_), _) => TreeNode::bare(),
        (ListedEntry::Link(target), None) if target.starts_with('/') || is_no_target(&target) => TreeNode::bare(),
        (ListedEntry::Link(target), None) => TreeNode::Link(target),
        (ListedEntry::File(size), None) => {
            // Of all other files nobody asks the size.
            let size = if path.ends_with("/rom") { size.min(rom::LARGEST) } else { 0 };
            TreeNode::File { content: Vec::new(), size }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::host::Sysroot;
    use rustix::fs::inotify;
    use std::fs;

    fn unpacked(entries: &[(&str, ListedEntry)], contents: &[(&str, &str)]) -> Result<TempDir, Unreadable> {
        let entries = entries.iter().map(|(path, entry)| ((*path).to_owned(), entry.clone())).collect();
        let contents = contents.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        unpack(Listing { entries, contents, session: String::new() }).unwrap()
    }

    fn link(target: &str) -> ListedEntry {
        ListedEntry::Link(target.into())
    }

    #[test]
    fn what_is_behind_a_link_is_at_its_real_place() {
        let device = "sys/bus/pci/devices/0000:01:00.0";
        let (uevent, rom) = (format!("{device}/uevent"), format!("{device}/rom"));
        let entries = [
            ("sys/bus/pci/devices", ListedEntry::Folder),
            (device, link("../../../devices/pci0000:00/0000:01:00.0")),
            (&uevent, ListedEntry::File(4096)),
            (&rom, ListedEntry::File(131_072)),
            ("etc/os-release", link("../usr/lib/os-release")),
            ("sbin/grubby", link("/etc/alternatives/grubby")),
            ("etc/modprobe.d", link("/etc/static/modprobe.d")),
            ("etc/modprobe.d/a.conf", ListedEntry::File(9)),
        ];
        let contents =
            [(uevent.as_str(), "X=1\n"), ("etc/os-release", "ID=nixos\n"), ("etc/modprobe.d/a.conf", "blacklist x\n")];
        let folder = unpacked(&entries, &contents).unwrap();
        let root = Sysroot::new(folder.path());
        assert_eq!(root.read("/sys/devices/pci0000:00/0000:01:00.0/uevent").unwrap(), "X=1\n");
        assert_eq!(root.read(&format!("/{uevent}")).unwrap(), "X=1\n");
        assert_eq!(fs::metadata(root.path(&rom)).unwrap().len(), 131_072);
        assert_eq!(root.read("/etc/os-release").unwrap(), "ID=nixos\n");
        assert_eq!(root.read("/etc/modprobe.d/a.conf").unwrap(), "blacklist x\n");
        assert!(root.exists("/sbin/grubby") && root.link("/sbin/grubby").is_err());
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn links_cannot_leave_the_tree() {
        for target in ["../../x", "../a/../../x", "b/../../.."] {
            assert!(unpacked(&[("a/l", link(target))], &[]).is_err(), "{target}");
        }
        // By way of another link, and of one that comes later.
        let chain = [("a/b/c", ListedEntry::Folder), ("a/l", link("b/c/up")), ("a/b/c/up", link("../../../../x"))];
        assert!(unpacked(&chain, &[]).is_err());
        assert!(unpacked(&[("a", link("../x")), ("a/b", ListedEntry::File(0))], &[]).is_err());
    }

    #[test]
    fn open_files_are_read_as_links_and_never_followed() {
        let open = ("proc/7/fd/5", ListedEntry::OpenFile("/dev/dri/card0".into()));
        let entries = [open, ("sys/l", link("../proc/7/fd/5")), ("sys/m", link("../proc/7/fd/5/../../x"))];
        let folder = unpacked(&entries, &[]).unwrap();
        let root = Sysroot::new(folder.path());
        assert_eq!(root.link("/proc/7/fd/5").unwrap(), "/dev/dri/card0");
        for path in ["/sys/l", "/sys/m"] {
            assert!(root.exists(path) && root.link(path).is_err(), "{path}");
        }
    }

    #[test]
    fn open_files_are_those_of_processes_alone() {
        let elsewhere = ["sys/class/net/e/address", "proc/7/fd", "proc/7/fd/x", "proc/7/fdinfo/5", "proc/self/fd/5"];
        for path in elsewhere {
            let folder = unpacked(&[(path, ListedEntry::OpenFile("/etc/passwd".into()))], &[]).unwrap();
            let root = Sysroot::new(folder.path());
            assert_eq!(root.read(&format!("/{path}")).unwrap(), "", "{path}");
        }
        // By way of a link, too: neither to another place, nor from there.
        let open = ListedEntry::OpenFile("/etc/passwd".into());
        let entries = [
            ("proc/8", link("../sys/class/net")),
            ("proc/8/fd/5", open.clone()),
            ("proc/9/fd/5", open),
            ("etc/mkinitcpio.d", link("../proc/9/fd")),
            ("sys/block", link("../proc")),
            ("sys/root", link("..")),
        ];
        let folder = unpacked(&entries, &[]).unwrap();
        let root = Sysroot::new(folder.path());
        assert_eq!(root.read("/sys/class/net/fd/5").unwrap(), "");
        assert_eq!(root.link("/proc/9/fd/5").unwrap(), "/etc/passwd");
        for path in ["/etc/mkinitcpio.d", "/sys/block", "/sys/root"] {
            assert_eq!(root.read(path).unwrap(), "", "{path}");
        }
    }

    #[test]
    fn no_reader_opens_an_open_file() {
        let away = tempfile::tempdir().unwrap();
        let secret = away.path().join("card0");
        fs::write(&secret, "10de\n").unwrap();
        let events = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&events, &secret, inotify::WatchFlags::OPEN).unwrap();
        let opened = || rustix::io::read(&events, &mut [0; 256]).is_ok_and(|length| length > 0);
        let open = ListedEntry::OpenFile(secret.to_str().unwrap().into());
        let entries = [
            ("etc/mkinitcpio.d", link("../proc/7/fd")),
            ("proc/7/comm", ListedEntry::File(0)),
            ("proc/7/fd/5", open.clone()),
            ("proc/self/mountinfo", open.clone()),
            ("sys/bus/pci/devices/0000:01:00.0/uevent", open.clone()),
            ("sys/bus/pci/devices/0000:01:00.0/vendor", open.clone()),
            ("sys/class/net/eth0/address", open.clone()),
            ("sys/kernel/iommu_groups/1/type", open),
        ];
        let folder = unpacked(&entries, &[]).unwrap();
        super::super::read(&Sysroot::new(folder.path()), None);
        assert!(!opened());
        // Whoever opens it is seen.
        fs::read(folder.path().join("proc/7/fd/5")).unwrap();
        assert!(opened());
    }

    #[test]
    fn targets_and_sizes_that_no_host_has_are_not_taken_over() {
        let long = "a/".repeat(4000);
        let entries = [
            ("sys/l", link(&long)),
            ("proc/7/fd/5", ListedEntry::OpenFile(long.clone())),
            ("proc/7/fd/6", ListedEntry::OpenFile("/dev/fb0\0".into())),
            ("sys/bus/pci/devices/0000:01:00.0/rom", ListedEntry::File(1 << 40)),
        ];
        let folder = unpacked(&entries, &[]).unwrap();
        let root = Sysroot::new(folder.path());
        for path in ["/sys/l", "/proc/7/fd/5", "/proc/7/fd/6"] {
            assert!(root.exists(path) && root.link(path).is_err(), "{path}");
        }
        let rom = fs::metadata(root.path("/sys/bus/pci/devices/0000:01:00.0/rom")).unwrap();
        assert_eq!(rom.len(), rom::LARGEST);
    }

    #[test]
    fn circles_and_bombs_end() {
        let circle = [("a", link("b")), ("b", link("a")), ("a/x", ListedEntry::File(0))];
        assert!(unpacked(&circle, &[]).is_ok());
        let bomb: Vec<(String, ListedEntry)> =
            (0..60).map(|n| (format!("l{n}"), link(&format!("l{0}/../l{0}/../l{0}", n + 1)))).collect();
        let bomb: Vec<(&str, ListedEntry)> = bomb.iter().map(|(path, entry)| (path.as_str(), entry.clone())).collect();
        assert!(unpacked(&bomb, &[]).is_ok());
    }

    #[test]
    fn what_is_denied_is_there_and_cannot_be_read() {
        let folder = unpacked(&[("etc/a", ListedEntry::Denied), ("proc/1/fd", ListedEntry::Denied)], &[]).unwrap();
        let root = Sysroot::new(folder.path());
        assert!(root.exists("/etc/a"));
        assert!(crate::host::sysroot::is_refusal(&root.read("/etc/a").unwrap_err()));
        assert!(crate::host::sysroot::is_refusal(&fs::read_dir(root.path("/proc/1/fd")).unwrap_err()));
    }
}
