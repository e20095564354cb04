//! The thread that reads and writes our own files while the screen goes on: draft, presets, templates, exports.

use super::news::{News, Teller};
use crate::app::{Draft, LeftDraft, Reply, Saved};
use crate::spec::{Described, Spec};
use crate::store::{Drafts, Entry, Folders, Found, Source, StoreError, Templates, presets};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// What can be asked of our own files.
#[derive(Debug)]
pub(super) enum Order {
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

/// The thread, started by the first order.
pub(super) struct Shelves {
    /// Until the thread has it.
    keeper: Option<Keeper>,
    news: Teller,
    thread: Option<(Sender<Order>, JoinHandle<()>)>,
}

impl Shelves {
    /// Without folders nothing is found and nothing kept, which is said where the user asks for it.
    pub(super) fn new(folders: Option<Folders>, drafts: Option<Drafts>, news: Teller) -> Self {
        let keeper = Some(Keeper { folders, drafts, news: news.clone(), draft_failed: false });
        Self { keeper, news, thread: None }
    }

    /// Hands in an order. Orders are carried out one after another.
    pub(super) fn order(&mut self, order: Order) {
        if let Some(mut keeper) = self.keeper.take() {
            let (sender, orders) = channel();
            let thread = std::thread::Builder::new().name("files".into()).spawn(move || keeper.work(&orders));
            match thread {
                Ok(thread) => self.thread = Some((sender, thread)),
                Err(error) => return self.news.tell(failed("read and write files", &error)),
            }
        }
        if let Some((sender, _)) = &self.thread {
            let _ = sender.send(order);
        }
    }

    /// Waits until everything is written.
    pub(super) fn finish(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            // A panic over there has been printed.
            let _ = thread.join();
        }
    }
}

impl Drop for Shelves {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Keeper {
    folders: Option<Folders>,
    drafts: Option<Drafts>,
    news: Teller,
    /// Said once: at every change it would stand in the way.
    draft_failed: bool,
}

impl Keeper {
    fn work(&mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            let mut all: Vec<Order> = std::iter::once(order).chain(orders.try_iter()).collect();
            drop_older_drafts(&mut all);
            for order in all {
                if let Err(reply) = self.carry_out(order) {
                    self.news.tell(reply);
                }
            }
        }
    }

    fn carry_out(&mut self, order: Order) -> Result<(), News> {
        match order {
            Order::OfferDrafts | Order::DiscardDraft | Order::ListPresets | Order::ListTemplates
                if self.folders.is_none() =>
            {
                Ok(())
            }
            Order::OfferDrafts => self.offer_drafts(),
            Order::SaveDraft(draft) => self.save_draft(&draft),
            Order::TakeDraft(left) => self.take_draft(&left),
            Order::DiscardDraft => {
                let what = "forget the draft";
                self.drafts(what)?.discard().map_err(|error| failed(what, &error))
            }
            Order::ForgetDrafts(paths) => {
                let what = "forget the drafts";
                let drafts = self.drafts(what)?;
                paths.iter().try_for_each(|path| drafts.forget(path)).map_err(|error| failed(what, &error))
            }
            Order::ListPresets => self.list_presets(),
            Order::ListTemplates => {
                let what = "list the templates";
                let list = Templates::new(self.folders(what)?).list().map_err(|error| failed(what, &error))?;
                self.say(Reply::Templates(list.into_iter().map(saved).collect()));
                Ok(())
            }
            Order::SavePreset { name, description, spec } => {
                let what = format!("save preset {name}");
                let content = Described { description, spec: *spec };
                presets(self.folders(&what)?).save(&name, &content, true).map_err(|error| failed(&what, &error))?;
                self.say(Reply::PresetSaved(name));
                self.list_presets()
            }
            Order::DeletePreset(name) => {
                let what = format!("delete preset {name}");
                presets(self.folders(&what)?).delete(&name).map_err(|error| refused(&what, &error))?;
                self.say(Reply::PresetDeleted(name));
                self.list_presets()
            }
            Order::WriteFile { path, text } => {
                let what = format!("write {path}");
                write_new(&path, &text).map_err(|error| failed(&what, &error))?;
                let full = std::fs::canonicalize(&path).map_or(path, |full| full.display().to_string());
                self.say(Reply::Written(full));
                Ok(())
            }
        }
    }

    /// Where our files are; `what` cannot be done without.
    fn folders(&self, what: &str) -> Result<&Folders, News> {
        self.folders.as_ref().ok_or_else(|| refused(what, &StoreError::NoHome))
    }

    /// The drafts; `what` cannot be done without.
    fn drafts(&mut self, what: &str) -> Result<&mut Drafts, News> {
        self.drafts.as_mut().ok_or_else(|| refused(what, &StoreError::NoHome))
    }

    fn offer_drafts(&mut self) -> Result<(), News> {
        let what = "read the drafts of earlier sessions";
        let mut left = Vec::new();
        for found in self.drafts(what)?.found().map_err(|error| refused(what, &error))? {
            match found {
                Ok(Found { path, draft }) => left.push(LeftDraft { path, draft }),
                Err(error) => self.news.tell(refused("read a draft", &error)),
            }
        }
        if !left.is_empty() {
            self.say(Reply::DraftsOffered(left));
        }
        Ok(())
    }

    /// Where another wizard has taken the draft up in the meantime, this one gets a copy: nothing is lost.
    fn take_draft(&mut self, left: &LeftDraft) -> Result<(), News> {
        let what = "take up the draft";
        if !self.drafts(what)?.take(&left.path).map_err(|error| refused(what, &error))? {
            self.save_draft(&left.draft)?;
            self.say(Reply::DraftCopied);
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
        self.say(Reply::Presets(list.into_iter().map(saved).collect()));
        Ok(())
    }

    fn say(&self, reply: Reply) {
        self.news.tell(News::Stored(reply));
    }
}

/// Of several drafts in a row only the last one is worth writing.
fn drop_older_drafts(orders: &mut Vec<Order>) {
    let last = orders.iter().rposition(|order| matches!(order, Order::SaveDraft(_) | Order::DiscardDraft));
    let mut at = 0;
    orders.retain(|order| {
        at += 1;
        !matches!(order, Order::SaveDraft(_) | Order::DiscardDraft) || Some(at - 1) == last
    });
}

fn saved(entry: Entry) -> Saved {
    let Entry { name, description, source, spec } = entry;
    Saved { name, description, shipped: source == Source::Shipped, spec }
}

/// A file that exists is somebody's work. A spec may hold secrets of cloud-init, so a new one is the user's alone.
fn write_new(path: &str, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { file.write_all(b"\n") }
}

fn failed(what: &str, why: &dyn std::fmt::Display) -> News {
    News::Stored(Reply::Failed { what: what.to_owned(), why: why.to_string() })
}

/// The reason with the way out.
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

    fn done(folders: Option<&Folders>, orders: Vec<Order>) -> Vec<Reply> {
        let (teller, mut news) = super::super::news::channel();
        let mut shelves = Shelves::new(folders.cloned(), folders.map(Drafts::new), teller);
        for order in orders {
            shelves.order(order);
        }
        shelves.finish();
        std::iter::from_fn(|| news.try_recv().ok())
            .filter_map(|news| if let News::Stored(reply) = news { Some(reply) } else { None })
            .collect()
    }

    #[test]
    fn a_file_that_is_written_is_new_and_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.json");
        let order = |text: &str| Order::WriteFile { path: path.display().to_string(), text: text.into() };
        let replies = done(None, vec![order("{}"), order("other")]);
        assert!(matches!(replies.as_slice(), [Reply::Written(_), Reply::Failed { .. }]), "{replies:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn without_a_home_what_cannot_be_kept_is_said_once() {
        let preset = Order::SavePreset { name: "a".into(), description: String::new(), spec: Box::default() };
        let draft = || Order::SaveDraft(Box::default());
        let replies = done(None, vec![Order::OfferDrafts, Order::ListPresets, preset, draft(), draft()]);
        let [Reply::Failed { what, why }, Reply::Failed { what: other, .. }] = replies.as_slice() else {
            panic!("{replies:?}")
        };
        assert_eq!((what.as_str(), other.as_str()), ("save preset a", "keep the draft"));
        assert!(why.contains("no home folder") && why.contains("set HOME"), "{why}");
    }
}
