//! What the answers of our own files come to.

use super::msg::{Saved, StoreReply};
use super::outcome::{Outcome, Turn};
use super::overlay::{Notice, Overlay};
use super::{App, drafts};

/// An answer from our own files came in.
pub(super) fn received(app: &App, reply: StoreReply) -> Outcome {
    match reply {
        StoreReply::Presets(list) => Outcome::turn(Turn::Presets(by_name(list))),
        StoreReply::Templates(list) => Outcome::turn(Turn::Templates(by_name(list))),
        StoreReply::PresetSaved(name) => Outcome::say(format!("saved as preset {name}")),
        StoreReply::PresetDeleted(name) => Outcome::say(format!("preset {name} deleted")),
        StoreReply::DraftsOffered(left) => drafts::offer(app, left),
        StoreReply::DraftCopied => Outcome::say("this draft is open in another vmbuild; you are working on a copy"),
        StoreReply::Copied(bytes) => Outcome::say(format!("sent to your terminal ({bytes} bytes)")),
        StoreReply::Written(path) => Outcome::say(format!("written to {path}")),
        StoreReply::Failed { what, why } => {
            let notice = Notice { title: format!("Could not {what}"), lines: vec![why], top: 0 };
            Outcome::show(Overlay::Notice(notice))
        }
    }
}

fn by_name(mut list: Vec<Saved>) -> Vec<Saved> {
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}
