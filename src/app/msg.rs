//! What reaches the wizard and what it asks for: plain data both ways. Owns no behaviour.

use super::key::Key;
use crate::checks::Allowed;
use crate::facts::{FactsPart, Part, Query};
use crate::plan::{BuildEvent, Plan};
use crate::spec::{Layer, Place, Spec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Something that happened outside. Time, facts and replies all come in this way, so that a replay is exact.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// A text was pasted in one piece.
    Paste(String),
    /// The screen has this many columns and rows.
    Size(u16, u16),
    /// A part of the facts arrived.
    Facts(FactsPart),
    /// The host cannot be asked: what happened, and what to do about it.
    HostFailed {
        /// What happened.
        text: String,
        /// What to do.
        remedy: String,
    },
    /// The probe of the remote host ended, or why it did without an answer.
    Probed(Result<(), String>),
    /// What has not been answered for how many seconds; `None` once all is answered.
    Waiting(Option<(Part, u64)>),
    /// The wall clock, in seconds since 1970-01-01 UTC.
    Clock(u64),
    /// The running build tells something.
    Build(BuildEvent),
    /// An answer from our own files.
    Stored(StoreReply),
    /// The process got a signal that asks it to end.
    Signal(EndSignal),
}

/// Signals that end the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSignal {
    /// The terminal is gone.
    HangUp,
    /// SIGTERM or SIGINT from elsewhere.
    Terminate,
}

/// Answers to effects on our own files.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreReply {
    /// Answers [`Effect::ListPresets`].
    Presets(Vec<Saved>),
    /// Answers [`Effect::ListTemplates`].
    Templates(Vec<Saved>),
    /// A preset was written; the list that holds now follows as [`StoreReply::Presets`].
    PresetSaved(String),
    /// A preset was deleted; the list that holds now follows as [`StoreReply::Presets`].
    PresetDeleted(String),
    /// Drafts of earlier sessions that no running wizard holds. Sent once after the start.
    DraftsOffered(Vec<LeftDraft>),
    /// Answers [`Effect::TakeDraft`] where another wizard was faster: a copy of the draft is kept for this one.
    DraftCopied,
    /// Answers [`Effect::Copy`]: how many bytes went to the terminal.
    Copied(usize),
    /// Answers [`Effect::WriteFile`]: the path as it is on disk.
    Written(String),
    /// An effect failed: what was tried, and why it failed with the way out.
    Failed {
        /// What was tried: "save preset gpu-ws".
        what: String,
        /// Why it failed.
        why: String,
    },
}

/// A preset or template in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Name.
    pub name: String,
    /// What it is for, one line; may be empty.
    pub description: String,
    /// True for those that come with the program: they cannot be deleted.
    pub shipped: bool,
    /// What it sets, or why its file cannot be read.
    pub spec: Result<Spec, String>,
}

/// What a session needs to go on later. May hold secrets of cloud-init: stored for the user alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub saved_at: u64,
    /// The host it was made for: [`super::Model::uri`]. Empty in drafts of older versions.
    pub uri: String,
    /// What the user set.
    pub spec: Spec,
    /// Presets below it, lowest first; in drafts of older versions also the templates.
    pub layers: Vec<Layer>,
    /// Texts of fields that are not values yet.
    pub pending: BTreeMap<Place, String>,
    /// Start the VM at the end of the build.
    pub start: bool,
}

/// A draft that an earlier session left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftDraft {
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub draft: Draft,
}

/// What the wizard asks the outside to do. Every effect is answered by a message; none blocks.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the host; answered by [`Msg::Facts`] question by question.
    Ask(Vec<Query>),
    /// Leave the host for the built-in demo host: facts of the old one do not come any more.
    UseDemo,
    /// Read over SSH what libvirt does not report about a remote host: the user agreed. Answered by [`Msg::Probed`] and by the
    /// parts that it adds to.
    Probe,
    /// Do not wait for the probe any longer.
    GiveUpProbe,
    /// Keep this draft, in place of the one before of this session.
    SaveDraft(Box<Draft>),
    /// Make a draft of an earlier session the one of this session.
    TakeDraft(Box<LeftDraft>),
    /// Forget the draft of this session.
    DiscardDraft,
    /// Forget drafts of earlier sessions, by their files.
    ForgetDrafts(Vec<PathBuf>),
    /// List the presets with their specs.
    ListPresets,
    /// List the templates with their specs.
    ListTemplates,
    /// Write a preset, in place of one of the same name (the wizard has asked).
    SavePreset {
        /// Name.
        name: String,
        /// What it is for; may be empty.
        description: String,
        /// What it sets.
        spec: Box<Spec>,
    },
    /// Delete a preset.
    DeletePreset(String),
    /// Run this plan; answered by [`Msg::Build`] events until [`BuildEvent::Ended`].
    Build {
        /// What to do.
        plan: Box<Plan>,
        /// The spec it was made from: the re-check and the cloud-init seed need it.
        spec: Box<Spec>,
        /// What is given up of what the host stands on.
        allowed: Allowed,
    },
    /// Cancel the running build and undo what it made.
    CancelBuild,
    /// Put a text on the terminal's clipboard.
    Copy(String),
    /// Write a text to a new file; fails where there is one.
    WriteFile {
        /// Path; relative to the working folder.
        path: String,
        /// Content.
        text: String,
    },
    /// Give the terminal back and stop until the shell continues us.
    Suspend,
    /// End the wizard.
    Leave(WizardExit),
}

impl Effect {
    /// Reads these parts of the facts anew.
    pub fn observe(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::Ask(parts.into_iter().map(Query::Part).collect())
    }

    /// What is done, without what it is done with: for a log that may be shown to others.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ask(_) => "ask",
            Self::UseDemo => "use demo",
            Self::Probe => "probe",
            Self::GiveUpProbe => "give up probe",
            Self::SaveDraft(_) => "save draft",
            Self::TakeDraft(_) => "take draft",
            Self::DiscardDraft => "discard draft",
            Self::ForgetDrafts(_) => "forget drafts",
            Self::ListPresets => "list presets",
            Self::ListTemplates => "list templates",
            Self::SavePreset { .. } => "save preset",
            Self::DeletePreset(_) => "delete preset",
            Self::Build { .. } => "build",
            Self::CancelBuild => "cancel build",
            Self::Copy(_) => "copy",
            Self::WriteFile { .. } => "write file",
            Self::Suspend => "suspend",
            Self::Leave(_) => "leave",
        }
    }
}

/// How the wizard ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WizardExit {
    /// What for.
    pub reason: ExitReason,
    /// Lines for the normal screen: name and UUID, how to connect, what was left behind, where the draft is.
    pub lines: Vec<String>,
}

/// Why the wizard ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The user left; nothing was built.
    Left,
    /// The user left after a build that worked.
    Built,
    /// The user left after a build that failed and of which nothing remains.
    BuildUndone,
    /// The user left after a build that was cancelled and of which nothing remains.
    BuildCancelled,
    /// The user left after a build of which something remains on the host.
    BuildNotUndone,
    /// A signal ended it.
    Signal,
}
