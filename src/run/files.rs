//! The thread that reads and writes our own files while the screen goes on: draft, presets, templates, exports.

use super::news::{News, NewsSender};
use crate::app::{Draft, LeftDraft, Saved, StoreReply};
use crate::spec::{Described, Spec};
use crate::store::{Drafts, Folders, OfferedDraft, Owner, ShelfEntry, StoreError, Templates, presets};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// What can be done with our own files.
#[derive(Debug)]
pub(super) enum FileTask {
    OfferDrafts,
    SaveDraft(Box<Draft>),
    TakeDraft(Box<LeftDraft>),
    DiscardDraft,
    ForgetDrafts(Vec<PathBuf>),
    ListPresets,
    ListTemplates,
    SavePreset { name: String, description: String, spec: Box<Spec> },
    DeletePreset(String),
    WriteFile { path: String, text: String },
}

/// The thread, started by the first task.
pub(super) struct FileThread {
    /// Until the thread has it.
    worker: Option<FileWorker>,
    news: NewsSender,
    thread: Option<(Sender<FileTask>, JoinHandle<()>)>,
}

impl FileThread {
    /// Without folders nothing is found and nothing kept, which is reported when the user asks for it.
    pub(super) fn new(folders: Option<Folders>, drafts: Option<Drafts>, news: NewsSender) -> Self {
        let worker = Some(FileWorker { folders, drafts, news: news.clone(), draft_failed: false });
        Self { worker, news, thread: None }
    }

    /// Adds a task. Tasks are carried out one after another.
    pub(super) fn add(&mut self, task: FileTask) {
        if let Some(mut worker) = self.worker.take() {
            let (sender, tasks) = channel();
            let thread = std::thread::Builder::new().name("files".into()).spawn(move || worker.work(&tasks));
            match thread {
                Ok(thread) => self.thread = Some((sender, thread)),
                Err(error) => return self.news.send(failed("read and write files", &error)),
            }
        }
        if let Some((sender, _)) = &self.thread {
            let _ = sender.send(task);
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            // A panic of the thread has been printed.
            let _ = thread.join();
        }
    }
}

impl Drop for FileThread {
    fn drop(&mut self) {
        self.finish();
    }
}

struct FileWorker {
    folders: Option<Folders>,
    drafts: Option<Drafts>,
    news: NewsSender,
    /// Reported once: at every change it would be in the way.
    draft_failed: bool,
}

impl FileWorker {
    fn work(&mut self, tasks: &Receiver<FileTask>) {
        while let Ok(task) = tasks.recv() {
            let mut all: Vec<FileTask> = std::iter::once(task).chain(tasks.try_iter()).collect();
            drop_older_drafts(&mut all);
            for task in all {
                if let Err(reply) = self.carry_out(task) {
                    self.news.send(reply);
                }
            }
        }
    }

    fn carry_out(&mut self, task: FileTask) -> Result<(), News> {
        match task {
            FileTask::OfferDrafts | FileTask::DiscardDraft | FileTask::ListPresets | FileTask::ListTemplates
                if self.folders.is_none() =>
            {
                Ok(())
            }
            FileTask::OfferDrafts => self.offer_drafts(),
            FileTask::SaveDraft(draft) => self.save_draft(&draft),
            FileTask::TakeDraft(left) => self.take_draft(&left),
            FileTask::DiscardDraft => {
                let what = "delete the draft";
                self.drafts(what)?.discard().map_err(|error| failed(what, &error))
            }
            FileTask::ForgetDrafts(paths) => {
                let what = "delete the drafts";
                let drafts = self.drafts(what)?;
                paths.iter().try_for_each(|path| drafts.forget(path)).map_err(|error| failed(what, &error))
            }
            FileTask::ListPresets => self.list_presets(),
            FileTask::ListTemplates => {
                let what = "list the templates";
                let list = Templates::new(self.folders(what)?).list().map_err(|error| failed(what, &error))?;
                self.say(StoreReply::Templates(list.into_iter().map(saved).collect()));
                Ok(())
            }
            FileTask::SavePreset { name, description, spec } => {
                let what = format!("save preset {name}");
                let content = Described { description, spec: *spec };
                presets(self.folders(&what)?).save(&name, &content, true).map_err(|error| failed(&what, &error))?;
                self.say(StoreReply::PresetSaved(name));
                self.list_presets()
            }
            FileTask::DeletePreset(name) => {
                let what = format!("delete preset {name}");
                presets(self.folders(&what)?).delete(&name).map_err(|error| refused(&what, &error))?;
                self.say(StoreReply::PresetDeleted(name));
                self.list_presets()
            }
            FileTask::WriteFile { path, text } => {
                let what = format!("write {path}");
                write_new(&path, &text).map_err(|error| failed(&what, &error))?;
                let full = std::fs::canonicalize(&path).map_or(path, |full| full.display().to_string());
                self.say(StoreReply::Written(full));
                Ok(())
            }
        }
    }

    /// Where our files are; `what` cannot be done without them.
    fn folders(&self, what: &str) -> Result<&Folders, News> {
        self.folders.as_ref().ok_or_else(|| refused(what, &StoreError::NoHome))
    }

    /// The drafts; `what` cannot be done without them.
    fn drafts(&mut self, what: &str) -> Result<&mut Drafts, News> {
        self.drafts.as_mut().ok_or_else(|| refused(what, &StoreError::NoHome))
    }

    fn offer_drafts(&mut self) -> Result<(), News> {
        let what = "read the drafts of earlier sessions";
        let mut left = Vec::new();
        for found in self.drafts(what)?.found().map_err(|error| refused(what, &error))? {
            match found {
                Ok(OfferedDraft { path, draft }) => left.push(LeftDraft { path, draft }),
                Err(error) => self.news.send(refused("read a draft", &error)),
            }
        }
        if !left.is_empty() {
            self.say(StoreReply::DraftsOffered(left));
        }
        Ok(())
    }

    /// Where another wizard has taken the draft up in the meantime, this one gets a copy: nothing is lost.
    fn take_draft(&mut self, left: &LeftDraft) -> Result<(), News> {
        let what = "continue the draft";
        if !self.drafts(what)?.take(&left.path).map_err(|error| refused(what, &error))? {
            self.save_draft(&left.draft)?;
            self.say(StoreReply::DraftCopied);
        }
        Ok(())
    }

    fn save_draft(&mut self, draft: &Draft) -> Result<(), News> {
        let what = "keep the draft";
        let kept = self.drafts(what).and_then(|drafts| drafts.save(draft).map_err(|error| refused(what, &error)));
        let before = std::mem::replace(&mut self.draft_failed, kept.is_err());
        if before { Ok(()) } else { kept }
    }

    fn list_presets(&self) -> Result<(), News> {
        let what = "list the presets";
        let list = presets(self.folders(what)?).list().map_err(|error| refused(what, &error))?;
        self.say(StoreReply::Presets(list.into_iter().map(saved).collect()));
        Ok(())
    }

    fn say(&self, reply: StoreReply) {
        self.news.send(News::Stored(reply));
    }
}

/// Of several drafts in a row only the last one is worth writing.
fn drop_older_drafts(tasks: &mut Vec<FileTask>) {
    let last = tasks.iter().rposition(|task| matches!(task, FileTask::SaveDraft(_) | FileTask::DiscardDraft));
    let mut at = 0;
    tasks.retain(|task| {
        at += 1;
        !matches!(task, FileTask::SaveDraft(_) | FileTask::DiscardDraft) || Some(at - 1) == last
    });
}

fn saved(entry: ShelfEntry) -> Saved {
    let ShelfEntry { name, description, owner, spec } = entry;
    Saved { name, description, shipped: owner == Owner::Shipped, spec }
}

/// Never replaces a file. A spec may hold secrets of cloud-init, so only the user may read the new one.
fn write_new(path: &str, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { file.write_all(b"\n") }
}

fn failed(what: &str, why: &dyn std::fmt::Display) -> News {
    News::Stored(StoreReply::Failed { what: what.to_owned(), why: why.to_string() })
}

/// The reason with the fix.
fn refused(what: &str, error: &StoreError) -> News {
    let why = match error.remedy().as_str() {
        "" => error.to_string(),
        remedy => format!("{error}; {remedy}"),
    };
    failed(what, &why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn done(folders: Option<&Folders>, tasks: Vec<FileTask>) -> Vec<StoreReply> {
        let (sender, mut news) = super::super::news::channel();
        let mut files = FileThread::new(folders.cloned(), folders.map(Drafts::new), sender);
        for task in tasks {
            files.add(task);
        }
        files.finish();
        std::iter::from_fn(|| news.try_recv().ok())
            .filter_map(|news| if let News::Stored(reply) = news { Some(reply) } else { None })
            .collect()
    }

    #[test]
    fn a_file_that_is_written_is_new_and_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.json");
        let task = |text: &str| FileTask::WriteFile { path: path.display().to_string(), text: text.into() };
        let replies = done(None, vec![task("{}"), task("other")]);
        assert!(matches!(replies.as_slice(), [StoreReply::Written(_), StoreReply::Failed { .. }]), "{replies:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_home_what_cannot_be_kept_is_reported_once() {
        let preset = FileTask::SavePreset { name: "a".into(), description: String::new(), spec: Box::default() };
        let draft = || FileTask::SaveDraft(Box::default());
        let replies = done(None, vec![FileTask::OfferDrafts, FileTask::ListPresets, preset, draft(), draft()]);
        let [StoreReply::Failed { what, why }, StoreReply::Failed { what: other, .. }] = replies.as_slice() else {
            panic!("{replies:?}")
        };
        assert_eq!((what.as_str(), other.as_str()), ("save preset a", "keep the draft"));
        assert!(why.contains("no home folder") && why.contains("set HOME"), "{why}");
    }
}
