//! The folder with the journals of builds, and who may begin one.

use super::fault::{OtherBuild, UnreadJournal};
use super::line::{is_closed, read};
use super::writer::{lock, now_ms};
use super::{BuildRecord, BuildRefusal, BuildState, Journal, JournalFault, Opened, random};
use crate::checks::LeftBuild;
use crate::engine::{Thing, builder};
use crate::host::Source;
use crate::store::{Folders, StoreError, file};
use crate::units::rfc_3339;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How long another build that begins or a command that looks at a journal is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// Journals of builds that are over are kept for this long, and this many of them.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const KEPT: usize = 100;
/// The last line of a build that is over is hardly ever longer, in bytes.
const LAST_LINE: u64 = 4 << 10;
/// No journal comes near this.
const LONGEST: u64 = 64 << 20;

/// The journals of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builds {
    folder: PathBuf,
}

/// Why a build is not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// None begins so.
    #[error("no build is called '{0}'")]
    None(String),
    /// More than one does.
    #[error("'{0}' is the beginning of {1} builds")]
    Several(String, usize),
}

impl Builds {
    /// Those in the user's state folder.
    pub fn new(folders: &Folders) -> Self {
        Self { folder: folders.state.join("builds") }
    }

    /// Begins the journal of a build. Exactly one of the builds that make the same thing on one host is let in.
    pub fn begin(&self, opened: Opened) -> Result<Journal, BuildRefusal> {
        let begin = || -> Result<Result<Journal, BuildRefusal>, StoreError> {
            file::make_folder(&self.folder)?;
            let _gate = self.gate()?;
            if let Some(refusal) = self.in_the_way(&opened)? {
                return Ok(Err(refusal));
            }
            self.prune();
            let opened = Opened { id: self.free_id()?, ..opened };
            let stamp = rfc_3339(now_ms() / 1000).replace([':', '-'], "");
            Journal::create(&self.folder.join(format!("{stamp}-{}.jsonl", opened.id)), opened).map(Ok)
        };
        begin().unwrap_or_else(|error| Err(BuildRefusal::Unrecorded(error)))
    }

    /// One build begins at a time.
    fn gate(&self) -> Result<File, StoreError> {
        let path = self.folder.join("lock");
        let failed = |error| StoreError::io("write", &path)(error);
        let gate = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
        let began = Instant::now();
        while !lock(&gate, &path)? {
            if began.elapsed() > PATIENCE {
                return Err(failed(io::Error::other("another vmbuild has held its lock for 5 s")));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(gate)
    }

    fn free_id(&self) -> Result<String, StoreError> {
        let files = self.files()?;
        loop {
            let id = random::id()?;
            if !files.iter().any(|path| id_of(path) == id) {
                return Ok(id);
            }
        }
    }

    /// A build that works on what `new` makes, or was interrupted at it.
    fn in_the_way(&self, new: &Opened) -> Result<Option<BuildRefusal>, StoreError> {
        let source = new.host.source();
        let wanted = things(new);
        for record in self.open(&source)? {
            let state = record.state();
            let theirs = if state == BuildState::Running { things(record.opened()) } else { record.left() };
            let Some(shared) = wanted.iter().find(|thing| theirs.iter().any(|other| is_same(thing, other))) else {
                continue;
            };
            let Opened { id, plan, uid, .. } = record.opened();
            let other = OtherBuild {
                id: id.clone(),
                name: plan.name.clone(),
                uid: *uid,
                since_ms: record.text.opened_ms,
                thing: builder(plan.engine).undo(shared, None, None).thing,
                state,
            };
            return Ok(Some(if state == BuildState::Running {
                BuildRefusal::Running(other)
            } else {
                BuildRefusal::Open(other)
            }));
        }
        Ok(None)
    }

    /// The builds on this host that are not over: running ones, and those that left something to be done.
    pub fn open(&self, source: &Source) -> Result<Vec<BuildRecord>, StoreError> {
        let mut open = Vec::new();
        for path in self.files()? {
            if is_over(&path) {
                continue;
            }
            let Some(bytes) = content(&path)? else { continue };
            let Ok(text) = read(&bytes) else { continue };
            let record = BuildRecord { held: is_held(&path), path, text };
            let state = record.state();
            if record.opened().shares_host(source) && (state == BuildState::Running || state.is_open()) {
                open.push(record);
            }
        }
        Ok(open)
    }

    /// What interrupted builds may have left on this host. What cannot be read is left out: a build reads it again.
    pub fn left(&self, source: &Source) -> Vec<LeftBuild> {
        let open = self.open(source).unwrap_or_default().into_iter();
        open.filter(|record| record.state().is_open()).map(|record| record.left_build()).collect()
    }

    /// All builds, newest first; what cannot be read says why.
    pub fn all(&self) -> Result<Vec<Result<BuildRecord, UnreadJournal>>, StoreError> {
        let mut all = Vec::new();
        for path in self.files()?.into_iter().rev() {
            let Some(bytes) = content(&path)? else { continue };
            match read(&bytes) {
                Ok(text) => all.push(Ok(BuildRecord { held: is_held(&path), path, text })),
                Err(JournalFault::Empty) => {}
                Err(fault) => all.push(Err(UnreadJournal { path, fault })),
            }
        }
        Ok(all)
    }

    /// The one build whose name begins with `beginning`, or the newest of the VM that is called so.
    pub fn find(&self, beginning: &str) -> Result<Result<BuildRecord, NotFound>, StoreError> {
        let mut all: Vec<BuildRecord> = self.all()?.into_iter().filter_map(Result::ok).collect();
        if let Some(at) = all.iter().position(|record| record.opened().plan.name == beginning) {
            return Ok(Ok(all.swap_remove(at)));
        }
        all.retain(|record| !beginning.is_empty() && record.opened().id.starts_with(beginning));
        Ok(match (all.pop(), all.len()) {
            (Some(record), 0) => Ok(record),
            (Some(_), more) => Err(NotFound::Several(beginning.to_owned(), more + 1)),
            (None, _) => Err(NotFound::None(beginning.to_owned())),
        })
    }

    /// The journal of an interrupted build, to work on it, and the build as it is now; `None` where another process does.
    pub fn take_up(&self, record: &BuildRecord) -> Result<Option<(Journal, BuildRecord)>, StoreError> {
        let path = &record.path;
        let present = || content(path).ok().flatten().and_then(|bytes| read(&bytes).ok());
        let began = Instant::now();
        loop {
            let whole = || present().map(|text| (text.entries.len() as u64 + 1, text.whole));
            if let Some(journal) = Journal::reopen(path, whole)? {
                let text = present().unwrap_or_else(|| record.text.clone());
                return Ok(Some((journal, BuildRecord { path: path.clone(), text, held: false })));
            }
            // Who lists the builds holds each journal for a moment.
            if began.elapsed() > Duration::from_millis(500) {
                return Ok(None);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Removes the journals of builds that were over long ago, or that many others have followed. What stays although it
    /// could go does no harm.
    fn prune(&self) {
        let Ok(files) = self.files() else { return };
        let old = |path: &Path| {
            let age =
                fs::metadata(path).and_then(|data| data.modified()).ok().map(|at| SystemTime::now().duration_since(at));
            age.is_some_and(|age| age.is_ok_and(|age| age > KEPT_FOR))
        };
        let many = files.len().saturating_sub(KEPT - 1);
        for (number, path) in files.iter().enumerate() {
            let goes = number < many || old(path);
            if goes && !is_held(path) && is_over(path) {
                let _ = file::delete(path);
            }
        }
    }

    /// The journals, oldest first.
    fn files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("list", &self.folder)(error)),
        };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            !hidden && path.extension().is_some_and(|end| end == "jsonl")
        });
        files.sort();
        Ok(files)
    }
}

/// What a build makes.
fn things(opened: &Opened) -> Vec<Thing> {
    opened.plan.steps.iter().filter_map(|step| step.thing.clone()).collect()
}

/// True where both are the same thing of one host.
fn is_same(one: &Thing, other: &Thing) -> bool {
    match (one, other) {
        (Thing::Domain { name: one, .. }, Thing::Domain { name: other, .. }) => one == other,
        (Thing::Volume { .. }, Thing::Volume { .. }) => one == other,
        _ => false,
    }
}

/// The name of the build in the name of its file.
fn id_of(path: &Path) -> &str {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.rsplit('-').next().unwrap_or_default()
}

/// True while a process works on the journal. Whoever asks holds it himself for a moment.
fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

/// True where the last line says that the build is over. Only the end is read: the wizard looks at a hundred journals before
/// its first frame. One whose last line is longer is read whole, as one that is open.
fn is_over(path: &Path) -> bool {
    let end = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE)))?;
        let mut bytes = Vec::new();
        file.take(LAST_LINE).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    end.is_ok_and(|bytes| is_closed(&bytes))
}

/// The bytes of a journal; `None` where it is gone.
fn content(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::engine::libvirt::LibvirtCall;
    use crate::engine::{EngineId, Made, MadeId, Step};
    use crate::journal::RecoveryKind;
    use crate::journal::opened::example;
    use crate::plan::{BuildEvent, BuildResult, Plan};
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn builds(root: &tempfile::TempDir) -> Builds {
        Builds::new(&Folders::below(root.path()))
    }

    /// A build that makes these volumes.
    fn making(volumes: &[&str]) -> Opened {
        let (pool, xml) = ("fast".to_owned(), String::new());
        let call = |volume: &&str| LibvirtCall::CreateVolume {
            pool: pool.clone(),
            volume: (*volume).into(),
            xml: xml.clone(),
        };
        let steps = volumes.iter().map(call).map(|call| Step::new("", "", call)).collect();
        Opened { plan: Plan { name: volumes.join("-"), steps, ..Plan::default() }, ..example() }
    }

    fn made(volume: &str) -> BuildEvent {
        let thing = Thing::Volume { pool: "fast".into(), name: volume.into() };
        BuildEvent::Made(Made { engine: EngineId::Libvirt, step: 0, thing, id: MadeId(volume.into()), file: None })
    }

    fn ended() -> BuildEvent {
        BuildEvent::Ended { at_ms: 1, outcome: BuildResult::Cancelled }
    }

    fn only(builds: &Builds) -> BuildRecord {
        builds.all().unwrap().pop().unwrap().unwrap()
    }

    #[test]
    fn a_journal_is_for_the_user_alone_and_says_how_it_is_with_its_build() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        let mut journal = builds.begin(making(&["a"])).unwrap();
        journal.record(&made("a")).unwrap();
        let record = only(&builds);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&record.path), mode(record.path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(record.state(), BuildState::Running);
        drop(journal);
        let cut = only(&builds);
        assert_eq!((cut.state(), cut.left().len()), (BuildState::CutOff, 1));
        assert_eq!(fs::metadata(&cut.path).unwrap().len(), cut.text.whole, "nothing reserved is left");
        let (mut journal, _) = builds.take_up(&cut).unwrap().unwrap();
        journal.take_up(RecoveryKind::Undo).unwrap();
        journal.record(&ended()).unwrap();
        assert_eq!(only(&builds).state(), BuildState::Cancelled);
    }

    #[test]
    fn what_a_cut_left_of_a_line_is_taken_out_before_more_is_written() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        drop(builds.begin(making(&["a"])).unwrap());
        let record = only(&builds);
        OpenOptions::new().append(true).open(&record.path).unwrap().write_all(b"{\"v\":1,\"seq\":1,\"a").unwrap();
        let cut = only(&builds);
        assert!(cut.text.torn);
        let (mut journal, again) = builds.take_up(&cut).unwrap().unwrap();
        journal.record(&made("a")).unwrap();
        assert_eq!(again.text.entries.len(), 0);
        drop(journal);
        let whole = only(&builds);
        assert_eq!((whole.text.entries.len(), whole.text.torn), (1, false));
    }

    #[test]
    fn one_of_two_builds_of_one_thing_is_let_in_and_the_other_is_told_which() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        let first = builds.begin(making(&["a", "b"])).unwrap();
        let Err(BuildRefusal::Running(other)) = builds.begin(making(&["c", "b"])) else { panic!("two builds of b") };
        assert_eq!((other.name.as_str(), other.thing.as_str()), ("a-b", "volume b in pool fast"));
        drop(builds.begin(making(&["c"])).unwrap());
        // Interrupted before it made anything, it is not in the way.
        drop(first);
        drop(builds.begin(making(&["b"])).unwrap());
    }

    #[test]
    fn what_an_interrupted_build_left_is_in_the_way_until_it_is_taken_back() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        let mut journal = builds.begin(making(&["a"])).unwrap();
        journal.record(&made("a")).unwrap();
        drop(journal);
        let Err(BuildRefusal::Open(other)) = builds.begin(making(&["a"])) else { panic!("a is left") };
        assert_eq!(other.state, BuildState::CutOff);
        let elsewhere = making(&["a"]);
        let host = crate::journal::JournalHost { uri: Some("qemu+ssh://hv/system".into()), ..elsewhere.host.clone() };
        drop(builds.begin(Opened { host, ..elsewhere }).unwrap());
        let (mut journal, _) = builds.take_up(&builds.find(&other.id).unwrap().unwrap()).unwrap().unwrap();
        journal.record(&ended()).unwrap();
        drop(journal);
        builds.begin(making(&["a"])).unwrap();
    }

    #[test]
    fn many_that_begin_at_once_leave_one_winner() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        let started = std::sync::Barrier::new(8);
        let begin = || {
            started.wait();
            let journal = builds.begin(making(&["a"]));
            started.wait();
            journal.is_ok()
        };
        let winners = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|won| *won).count()
        });
        assert_eq!(winners, 1);
    }

    #[test]
    fn a_build_is_found_by_the_beginning_of_its_name_or_by_its_vm() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        for volume in ["a", "b"] {
            drop(builds.begin(making(&[volume])).unwrap());
        }
        let id = builds.find("a").unwrap().unwrap().opened().id.clone();
        assert_eq!(builds.find(&id[..8]).unwrap().unwrap().opened().plan.name, "a");
        assert_eq!(builds.find("zz").unwrap(), Err(NotFound::None("zz".into())));
        assert!(builds.find("").unwrap().is_err());
    }

    #[test]
    fn old_journals_go_and_those_of_interrupted_builds_stay() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        let mut open = builds.begin(making(&["open"])).unwrap();
        open.record(&made("open")).unwrap();
        drop(open);
        for number in 0..KEPT + 5 {
            let mut journal = builds.begin(making(&[&number.to_string()])).unwrap();
            journal.record(&ended()).unwrap();
        }
        let all = builds.all().unwrap();
        assert!(all.len() <= KEPT + 1, "{}", all.len());
        assert!(builds.find("open").unwrap().is_ok());
        assert!(builds.find(&(KEPT + 4).to_string()).unwrap().is_ok());
    }

    #[test]
    fn a_build_is_over_however_long_its_last_line_is() {
        let root = tempfile::tempdir().unwrap();
        let builds = builds(&root);
        let host = making(&[]).host.source();
        for message in [String::new(), "x".repeat(2 * usize::try_from(LAST_LINE).unwrap())] {
            let mut journal = builds.begin(making(&["a"])).unwrap();
            journal.record(&made("a")).unwrap();
            assert_eq!(builds.open(&host).unwrap().len(), 1);
            let outcome = crate::plan::BuildResult::Undone { message };
            journal.record(&BuildEvent::Ended { at_ms: 1, outcome }).unwrap();
            drop(journal);
            assert_eq!(builds.open(&host).unwrap(), []);
        }
    }

    #[test]
    fn a_folder_in_which_nothing_can_be_written_lets_no_build_begin() {
        let root = tempfile::tempdir().unwrap();
        // Root may write anywhere, but not below a file.
        fs::write(root.path().join("state"), "").unwrap();
        let Err(refusal @ BuildRefusal::Unrecorded(_)) = builds(&root).begin(making(&["a"])) else {
            panic!("it began")
        };
        let (message, remedy) = (refusal.message(), refusal.remedy());
        assert!(message.starts_with("the build cannot be recorded, so it does not start: cannot make "), "{message}");
        assert!(remedy.contains("XDG_STATE_HOME"), "{remedy}");
        let open = tempfile::tempdir().unwrap();
        fs::create_dir_all(open.path().join("state/builds")).unwrap();
        fs::set_permissions(open.path().join("state/builds"), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(builds_in(&open), Err(BuildRefusal::Unrecorded(StoreError::Unsafe { .. }))));
    }

    fn builds_in(root: &tempfile::TempDir) -> Result<Journal, BuildRefusal> {
        builds(root).begin(making(&["a"]))
    }
}
