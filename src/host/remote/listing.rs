//! What the probe prints, read into paths with what is there. Nothing that it says is believed: a path that leads out of
//! the root, or more than a host can have, ends it.

use std::collections::BTreeMap;

/// The first line that counts; what a login shell says before it does not.
const BEGIN: &str = "@ vmbuild-probe 1";
/// More than the largest hosts have.
const MOST_ENTRIES: usize = 400_000;
/// Neither paths nor targets of links are longer.
pub(super) const LONGEST_PATH: usize = 1024;
const LONGEST_NAME: usize = 255;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ListedEntry {
    /// A folder.
    Folder,
    /// Anything else that is no link, with its size as it was listed.
    File(u64),
    /// A link with its target.
    Link(String),
    /// An open file of a process: a link that only says what it is.
    OpenFile(String),
    /// Something that the user of the probe may not read.
    Denied,
}

/// What the probe found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// By path relative to the root.
    pub(super) entries: BTreeMap<String, ListedEntry>,
    /// Contents of files.
    pub(super) contents: BTreeMap<String, Vec<u8>>,
    /// SSH_CONNECTION there.
    pub(super) session: String,
}

/// Why an answer is no listing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The probe did not speak.
    #[error("it contains no output of the probe")]
    Foreign,
    /// The last line is missing.
    #[error("it breaks off in the middle")]
    Cut,
    /// A path that no root has, shortened.
    #[error("it names the path '{0}', which leads out of the host's root or is not a path")]
    Path(String),
    /// More than any host has.
    #[error("it names more than {MOST_ENTRIES} files")]
    Entries,
}

/// What the lines now mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    None,
    List,
    Folders,
    Text,
    Bytes,
    Refused,
}

/// Reads the answer.
pub(super) fn read(answer: &[u8]) -> Result<Listing, Unreadable> {
    let mut reader = ListingReader::default();
    let mut lines = answer.split(|byte| *byte == b'\n');
    lines.by_ref().find(|line| *line == BEGIN.as_bytes()).ok_or(Unreadable::Foreign)?;
    let mut section = Section::None;
    for line in lines {
        if let Some(words) = line.strip_prefix(b"@ ") {
            reader.end_of(section)?;
            let words = String::from_utf8_lossy(words);
            let (word, rest) = words.split_once(' ').unwrap_or((&words, ""));
            section = match word {
                "end" => return Ok(reader.listing),
                "list" => Section::List,
                "folders" => Section::Folders,
                "text" => Section::Text,
                "bytes" => Section::Bytes,
                "refused" => Section::Refused,
                "session" => {
                    rest.clone_into(&mut reader.listing.session);
                    Section::None
                }
                _ => Section::None,
            };
        } else {
            reader.line(section, line)?;
        }
    }
    Err(Unreadable::Cut)
}

#[derive(Default)]
struct ListingReader {
    listing: Listing,
    /// The file that the last line was of: most lines have a neighbour.
    current: String,
    /// The folder whose entries follow.
    folder: String,
    hexadecimal: Vec<u8>,
}

impl ListingReader {
    fn line(&mut self, section: Section, line: &[u8]) -> Result<(), Unreadable> {
        match section {
            Section::None => {}
            Section::List => {
                if let Some((name, entry)) = listed(&String::from_utf8_lossy(line)) {
                    self.put(name, entry)?;
                }
            }
            Section::Folders => self.in_folder(&String::from_utf8_lossy(line))?,
            Section::Text => self.text(line),
            Section::Bytes => self.hexadecimal.extend(line.iter().filter(|byte| byte.is_ascii_hexdigit())),
            Section::Refused => {
                if let Some(path) = refused(&String::from_utf8_lossy(line)) {
                    self.put(path, ListedEntry::Denied)?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, path: String, entry: ListedEntry) -> Result<(), Unreadable> {
        if !is_below_root(&path) {
            return Err(Unreadable::Path(path.chars().take(80).collect()));
        }
        self.listing.entries.insert(path, entry);
        if self.listing.entries.len() > MOST_ENTRIES { Err(Unreadable::Entries) } else { Ok(()) }
    }

    /// `proc/12/fd:`, then what counts in it.
    fn in_folder(&mut self, line: &str) -> Result<(), Unreadable> {
        if let Some(folder) = line.strip_suffix(':').filter(|folder| !folder.contains(' ')) {
            folder.clone_into(&mut self.folder);
            return self.put(folder.to_owned(), ListedEntry::Folder);
        }
        match listed(line) {
            Some((name, ListedEntry::Link(target))) => {
                self.put(format!("{}/{name}", self.folder), ListedEntry::OpenFile(target))
            }
            _ => Ok(()),
        }
    }

    /// `PATH:LINE`. Paths have colons, too: the path is the longest one that was listed.
    fn text(&mut self, line: &[u8]) {
        let Listing { entries, contents, .. } = &mut self.listing;
        let of_current = !self.current.is_empty() && line.get(self.current.len()) == Some(&b':');
        if !of_current || !line.starts_with(self.current.as_bytes()) {
            let file = |at: usize| {
                let path = std::str::from_utf8(line.get(..at)?).ok()?;
                let entry = entries.get(path)?;
                matches!(entry, ListedEntry::File(_) | ListedEntry::Link(_)).then_some(path)
            };
            let Some(path) = memchr::memchr_iter(b':', line).rev().find_map(file) else { return };
            path.clone_into(&mut self.current);
        }
        let text = line.get(self.current.len() + 1..).unwrap_or_default();
        let content = contents.entry(self.current.clone()).or_default();
        content.extend_from_slice(text);
        content.push(b'\n');
    }

    fn end_of(&mut self, section: Section) -> Result<(), Unreadable> {
        if section != Section::Bytes {
            return Ok(());
        }
        let digits = std::mem::take(&mut self.hexadecimal);
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
        let bytes: Vec<u8> =
            digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, c| n << 4 | digit(*c))).collect();
        for (path, content) in headed(&bytes) {
            self.put(path.clone(), ListedEntry::File(0))?;
            self.listing.contents.insert(path, content.to_vec());
        }
        Ok(())
    }
}

/// The files in the output of `head` for several: `==> PATH <==`, then the content, then an empty line. The last is
/// /dev/null.
fn headed(bytes: &[u8]) -> Vec<(String, &[u8])> {
    const BEFORE: &[u8] = b"==> ";
    const BEHIND: &[u8] = b" <==\n";
    let header = |at: usize| {
        let rest = bytes.get(at..)?.strip_prefix(BEFORE)?;
        let length = memchr::memmem::find(rest.get(..LONGEST_PATH.min(rest.len()))?, BEHIND)?;
        let path = std::str::from_utf8(rest.get(..length)?).ok().filter(|path| !path.contains('\n'))?;
        Some((path, at + BEFORE.len() + length + BEHIND.len()))
    };
    let begins = memchr::memmem::find_iter(bytes, b"\n==> ").map(|at| at + 1);
    let headers: Vec<_> = std::iter::once(0).chain(begins).filter_map(|at| Some((at, header(at)?))).collect();
    let files = headers.windows(2).filter_map(|pair| {
        let [(_, (path, from)), (next, _)] = pair else { return None };
        let content = bytes.get(*from..next.checked_sub(1)?)?;
        (!content.is_empty()).then(|| ((*path).to_owned(), content))
    });
    files.collect()
}

/// A line of `ls -ln`: mode, links, owner, group, size or numbers of a device, three words of the date, one blank, name.
fn listed(line: &str) -> Option<(String, ListedEntry)> {
    let kind = line.chars().next()?;
    let word = |rest: &mut &str| {
        *rest = rest.trim_start_matches(' ');
        let (word, after) = rest.split_at(rest.find(' ')?);
        *rest = after;
        Some(word.to_owned())
    };
    let mut rest = line;
    for _ in 0..4 {
        word(&mut rest)?;
    }
    let size = word(&mut rest)?;
    if size.ends_with(',') {
        word(&mut rest)?;
    }
    for _ in 0..3 {
        word(&mut rest)?;
    }
    let name = rest.strip_prefix(' ')?;
    Some(match kind {
        'd' => (name.to_owned(), ListedEntry::Folder),
        'l' => {
            let (name, target) = name.split_once(" -> ")?;
            (name.to_owned(), ListedEntry::Link(target.to_owned()))
        }
        '-' | 'b' | 'c' | 's' | 'p' => (name.to_owned(), ListedEntry::File(size.parse().unwrap_or(0))),
        _ => return None,
    })
}

/// The path in `grep: PATH: Permission denied`, `ls: cannot open directory 'PATH': Permission denied` and the like.
fn refused(line: &str) -> Option<String> {
    let (_, message) = line.trim_end().strip_suffix(": Permission denied")?.split_once(": ")?;
    let quoted = message.strip_suffix('\'').and_then(|message| message.rsplit('\'').next());
    Some(quoted.unwrap_or(message).to_owned())
}

/// True for a relative path that stays where it begins.
pub(super) fn is_below_root(path: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name != "." && name != ".." && name.len() <= LONGEST_NAME;
    path.len() <= LONGEST_PATH && !path.contains('\0') && path.split('/').all(is_name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer(lines: &str) -> String {
        format!("Welcome!\n@ vmbuild-probe 1\n{lines}\n@ end\n")
    }

    #[test]
    fn lists_of_gnu_and_busybox_are_read() {
        let text = "@ session 192.0.2.9 50000 192.0.2.2 22\n@ list\n\
            lrwxrwxrwx 1 0 0 0 Nov 21 14:20 sys/bus/pci/devices/0000:01:00.0 -> ../../../devices/pci0000:00/0000:01:00.0\n\
            lrwxrwxrwx    1 0        0                0 Nov 21 14:20 etc/os-release -> ../usr/lib/os-release\n\
            -rw-------. 1 0 0 131072 Nov 21  2025 sys/bus/pci/devices/0000:01:00.0/rom\n\
            crw-rw----+ 1 0 107 10, 232 Nov 21 14:20 dev/kvm\n\
            drwxr-xr-x 2 0 0 0 Nov 21 14:20 sys/class/my net\nls: odd\n\n";
        let listing = read(answer(text).as_bytes()).unwrap();
        let entry = |path: &str| listing.entries.get(path).cloned().unwrap();
        let link = ListedEntry::Link("../../../devices/pci0000:00/0000:01:00.0".into());
        assert_eq!(entry("sys/bus/pci/devices/0000:01:00.0"), link);
        assert_eq!(entry("etc/os-release"), ListedEntry::Link("../usr/lib/os-release".into()));
        assert_eq!(entry("sys/bus/pci/devices/0000:01:00.0/rom"), ListedEntry::File(131_072));
        assert_eq!((entry("dev/kvm"), entry("sys/class/my net")), (ListedEntry::File(0), ListedEntry::Folder));
        assert_eq!((listing.entries.len(), listing.session.as_str()), (5, "192.0.2.9 50000 192.0.2.2 22"));
    }

    #[test]
    fn lines_belong_to_the_file_that_was_listed_whatever_colons_they_have() {
        let text = "@ list\n-r--r--r-- 1 0 0 4096 Nov 21 14:20 sys/d/0000:01:00.0/uevent\n\
            lrwxrwxrwx 1 0 0 0 Nov 21 14:20 sys/u/1-1 -> ../x\n-r--r--r-- 1 0 0 3 Nov 21 14:20 sys/u/1-1:1.0/class\n@ text\n\
            sys/d/0000:01:00.0/uevent:PCI_ID=10DE:2704\nsys/d/0000:01:00.0/uevent:\nsys/d/0000:01:00.0/uevent:a:b\n\
            sys/d/other:x\nsys/u/1-1:1.0/class:03\nBinary file sys/d/x matches\n";
        let listing = read(answer(text).as_bytes()).unwrap();
        assert_eq!(listing.contents.len(), 2);
        assert_eq!(listing.contents["sys/u/1-1:1.0/class"], b"03\n");
        assert_eq!(listing.contents["sys/d/0000:01:00.0/uevent"], b"PCI_ID=10DE:2704\n\na:b\n");
    }

    #[test]
    fn bytes_are_cut_at_the_headers_of_head() {
        let whole = b"==> a/config <==\n\x86\x80\n==> \n\n==> b/config <==\n\x01\n\n==> c <==\n\n==> /dev/null <==\n";
        let row = |row: &[u8]| row.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let hexadecimal: Vec<String> = whole.chunks(16).map(row).collect();
        let listing = read(answer(&format!("@ bytes\n{}", hexadecimal.join("\n"))).as_bytes()).unwrap();
        assert_eq!(listing.contents["a/config"], b"\x86\x80\n==> \n");
        assert_eq!(listing.contents["b/config"], b"\x01\n");
        assert_eq!(listing.contents.len(), 2, "an empty file tells nothing");
    }

    #[test]
    fn what_is_refused_is_told_apart() {
        let text = "@ refused\ngrep: etc/a: Permission denied\nls: cannot open directory 'proc/1/fd': Permission denied\n\
                    ls: can't open 'proc/2/fd': Permission denied\nls: x: No such file or directory\n";
        let listing = read(answer(text).as_bytes()).unwrap();
        let denied: Vec<_> = listing.entries.keys().map(String::as_str).collect();
        assert_eq!(denied, ["etc/a", "proc/1/fd", "proc/2/fd"]);
    }

    #[test]
    fn open_files_are_those_of_the_folder_above() {
        let text = "@ folders\nproc/7/fd:\nlrwx------ 1 0 0 64 Nov 21 14:20 5 -> /dev/dri/card0\n";
        let listing = read(answer(text).as_bytes()).unwrap();
        assert_eq!(listing.entries["proc/7/fd/5"], ListedEntry::OpenFile("/dev/dri/card0".into()));
        assert_eq!(listing.entries["proc/7/fd"], ListedEntry::Folder);
    }

    #[test]
    fn an_answer_that_is_none_is_refused() {
        assert_eq!(read(b"bash: sh: command not found\n").unwrap_err(), Unreadable::Foreign);
        assert_eq!(read(b"@ vmbuild-probe 1\n@ list\n").unwrap_err(), Unreadable::Cut);
        for path in ["/etc/passwd", "../x", "sys/../../x", "sys//x", "sys/./x"] {
            let line = format!("@ list\n-r--r--r-- 1 0 0 1 Nov 21 14:20 {path}\n");
            assert_eq!(read(answer(&line).as_bytes()).unwrap_err(), Unreadable::Path(path.into()), "{path}");
        }
    }
}
