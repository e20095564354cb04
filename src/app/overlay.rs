//! What lies over the step: help, commands, pick lists, questions, prompts, notices. Owns their state and keys within
//! their texts; what an answer does is the business of `app::answering`.

use super::comparison::Base;
use super::editor::{line_key, paste_line};
use super::focus::Motion;
use super::intent::Intent;
use super::keys::Offer;
use super::options::Known;
use super::{Key, KeyCode, StepId};
use crate::checks::HostDevice;
use crate::machine::drive::WayKind;
use crate::spec::Place;
use crate::units::{CpuSet, PciAddress};
use memchr::memmem::Finder;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use std::borrow::Cow;
use std::path::PathBuf;
use tui_input::Input;

/// What lies over the step.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The keys of the focus that was there before.
    Help(Help),
    /// All commands.
    Palette(List<PaletteCommand>),
    /// A list to pick one from.
    Pick(Purpose, List<Known>),
    /// A question with answers.
    Ask(Ask),
    /// A text to type.
    Prompt(Prompt),
    /// Something to read.
    Notice(Notice),
    /// The host's CPUs with what runs on them.
    CpuMap(CpuMap),
    /// All that is known of a PCI function, as it is now.
    Sheet(Sheet),
}

/// The map of the host's CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuMap {
    /// The core that has the focus.
    pub row: usize,
}

/// The sheet of a PCI function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The function.
    pub address: PciAddress,
    /// First visible line.
    pub top: usize,
}

/// The help.
#[derive(Clone, Debug)]
pub struct Help {
    /// What the focus offers, first the offers of this list alone.
    pub offers: Vec<Offer>,
    /// What was typed to filter them.
    pub filter: Input,
    /// First visible row.
    pub top: usize,
}

/// What is picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The value of a field.
    Field {
        /// The field.
        place: Place,
        /// Other texts than those of the list are possible.
        free: bool,
    },
    /// What to write where: see `app::saving`.
    Write,
    /// What the XML is compared with: one for each item.
    Compare(Vec<Base>),
    /// The thread that runs on these CPUs.
    Thread(CpuSet),
}

/// A list that is filtered by typing.
#[derive(Clone, Debug)]
pub struct List<T> {
    /// Heading.
    pub title: String,
    /// Everything.
    pub items: Vec<T>,
    /// What matches, best first: positions in `items`.
    pub shown: Vec<usize>,
    /// What was typed.
    pub filter: Input,
    /// Row among what is shown; one more than there are where the typed text itself can be taken.
    pub row: usize,
    /// Why the list is empty, where that has a reason.
    pub why_empty: Option<String>,
    /// What each item is searched by, made once: a host may have tens of thousands of volumes.
    texts: Vec<String>,
    /// The filter that `shown` follows from: a longer one only narrows it.
    filtered_by: String,
}

/// Lists longer than this are searched for the words that were typed, and keep their order: to score 50,000 texts would
/// take longer than a key may.
const FUZZY: usize = 5_000;

/// What an item of a list is searched by.
pub trait Searched {
    /// The text.
    fn text(&self) -> String;
}

impl Searched for Known {
    fn text(&self) -> String {
        format!("{} {}", self.value, self.note)
    }
}

impl Searched for PaletteCommand {
    fn text(&self) -> String {
        format!("{} {}", self.label, self.place)
    }
}

/// A command of the palette.
#[derive(Clone, Debug)]
pub struct PaletteCommand {
    /// What it does.
    pub label: String,
    /// Where: the step, or what it is about.
    pub place: String,
    /// Its key; empty where it has none here.
    pub key: String,
    /// Why it cannot be done now.
    pub why_not: Option<String>,
    /// What it does.
    pub does: Does,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq)]
pub enum Does {
    /// An intent of the key table.
    Act(Intent),
    /// An intent on the list of a step, which may be another one.
    On(StepId, Intent),
    /// Goes to a field.
    GoTo(Place),
    /// Says what a finding means and what to do.
    Explain(usize),
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The question.
    pub title: String,
    /// What has to be known to answer it.
    pub lines: Vec<String>,
    /// The answers; the first one has the focus at the start and changes nothing that could be regretted.
    pub answers: Vec<(Cow<'static, str>, Answer)>,
    /// The answer that has the focus.
    pub row: usize,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing happens.
    Stay,
    /// Leave; the draft stays.
    LeaveKeeping,
    /// Leave and forget the draft.
    LeaveDiscarding,
    /// Go on with a draft.
    TakeDraft(Box<super::LeftDraft>),
    /// Start fresh and delete these drafts, by their files.
    ForgetDrafts(Vec<PathBuf>),
    /// Start the build.
    Build,
    /// Cancel the build and undo it.
    CancelBuild,
    /// Save a preset over the one of the same name.
    OverwritePreset {
        /// Name.
        name: String,
        /// What it is for.
        description: String,
    },
    /// Delete a preset.
    DeletePreset(String),
    /// Give an NVMe drive to the guest in this way.
    Drive(PciAddress, WayKind),
    /// Ask the host that did not answer once more.
    AskAgain,
    /// Work on the demo host instead.
    UseDemo,
    /// Read what libvirt does not tell of a remote host over ssh.
    Probe,
    /// Show what would be run for that, and ask again.
    ShowProbe,
}

/// A text to type.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What it is for.
    pub purpose: PromptFor,
    /// Heading.
    pub title: &'static str,
    /// What has to be known before the text is typed.
    pub lines: Vec<String>,
    /// Label before the text.
    pub label: &'static str,
    /// The text.
    pub input: Input,
    /// The text was put there for the user and not touched yet: what is typed replaces it.
    pub offered: bool,
    /// A second text, where there are two.
    pub second: Option<(&'static str, Input)>,
    /// True while the second text has the cursor.
    pub on_second: bool,
    /// Why the text cannot be taken; shown from the first try on.
    pub error: Option<String>,
}

/// What a prompt is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptFor {
    /// The name of a preset, and what it is for.
    Preset,
    /// A path for the JSON spec.
    SpecFile,
    /// A path for the domain XML.
    XmlFile,
    /// The name of the VM, as consent to a build that can hurt the host.
    Consent,
    /// The name of a device that the host uses, to give it up anyway.
    GiveUp(HostDevice),
}

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Heading.
    pub title: String,
    /// Lines.
    pub lines: Vec<String>,
    /// First visible line.
    pub top: usize,
}

impl<T: Searched> List<T> {
    /// A list with everything shown.
    pub fn new(title: impl Into<String>, items: Vec<T>) -> Self {
        let shown = (0..items.len()).collect();
        let lower = items.len() > FUZZY;
        let texts = items.iter().map(|item| if lower { item.text().to_lowercase() } else { item.text() }).collect();
        Self {
            title: title.into(),
            items,
            shown,
            filter: Input::default(),
            row: 0,
            why_empty: None,
            texts,
            filtered_by: String::new(),
        }
    }

    /// The item that has the focus.
    pub fn current(&self) -> Option<&T> {
        self.items.get(*self.shown.get(self.row)?)
    }

    /// Filters again.
    fn refilter(&mut self) {
        self.row = 0;
        let needle = self.filter.value().to_owned();
        let narrower = !self.filtered_by.is_empty() && needle.starts_with(&self.filtered_by);
        let candidates = if narrower { std::mem::take(&mut self.shown) } else { (0..self.items.len()).collect() };
        self.filtered_by.clone_from(&needle);
        if needle.is_empty() {
            self.shown = candidates;
            return;
        }
        if self.items.len() > FUZZY {
            let words: Vec<_> =
                needle.split_whitespace().map(|word| Finder::new(&word.to_lowercase()).into_owned()).collect();
            let holds = |at: &usize| {
                let text = self.texts.get(*at).map_or(&[][..], |text| text.as_bytes());
                words.iter().all(|word| word.find(text).is_some())
            };
            self.shown = candidates.into_iter().filter(holds).collect();
            return;
        }
        let pattern = Pattern::parse(&needle, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut score = |at: usize| pattern.score(Utf32Str::new(self.texts.get(at)?, &mut buffer), &mut matcher);
        let mut scored: Vec<(u32, usize)> = candidates.into_iter().filter_map(|at| Some((score(at)?, at))).collect();
        scored.sort_unstable_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.shown = scored.into_iter().map(|(_, at)| at).collect();
    }
}

impl List<Known> {
    /// Items that arrived late, under the same filter, or why there are still none.
    pub(super) fn fill(&mut self, items: Vec<Known>, why_empty: Option<String>) {
        let filter = std::mem::take(&mut self.filter);
        *self = Self { filter, why_empty, ..Self::new(std::mem::take(&mut self.title), items) };
        self.refilter();
        // Enter goes on to take what was typed.
        if self.typed().is_some() {
            self.row = self.shown.len();
        }
    }

    /// The typed text, where it is none of the known values.
    pub fn typed(&self) -> Option<&str> {
        let text = self.filter.value().trim();
        let known = self.items.iter().any(|item| item.value == text);
        (!text.is_empty() && !known).then_some(text)
    }
}

impl Overlay {
    /// Gives a key to the text of the overlay; false where it changes nothing.
    pub fn key(&mut self, key: Key) -> bool {
        if let Self::Prompt(prompt) = self {
            prompt.touch(matches!(key.code, KeyCode::Char(_)) && !key.ctrl && !key.alt);
        }
        let changed = self.input().is_some_and(|input| line_key(input, key));
        if changed {
            self.follow();
        }
        changed
    }

    /// The text that takes keys.
    fn input(&mut self) -> Option<&mut Input> {
        match self {
            Self::Help(help) => Some(&mut help.filter),
            Self::Palette(list) => Some(&mut list.filter),
            Self::Pick(_, list) => Some(&mut list.filter),
            Self::Prompt(prompt) => Some(prompt.active()),
            Self::Ask(_) | Self::Notice(_) | Self::CpuMap(_) | Self::Sheet(_) => None,
        }
    }

    /// Makes the list follow the text.
    fn follow(&mut self) {
        match self {
            Self::Help(help) => help.top = 0,
            Self::Palette(list) => list.refilter(),
            Self::Pick(_, list) => list.refilter(),
            Self::Prompt(prompt) => prompt.error = None,
            Self::Ask(_) | Self::Notice(_) | Self::CpuMap(_) | Self::Sheet(_) => {}
        }
    }

    /// Puts a pasted text in.
    pub fn paste(&mut self, text: &str) {
        if let Self::Prompt(prompt) = self {
            prompt.touch(true);
        }
        let Some(input) = self.input() else { return };
        paste_line(input, text);
        self.follow();
    }

    /// Moves within the overlay; `page` is how many rows are visible, `length` how many there are of what follows from the
    /// facts: cores, lines of a sheet.
    pub fn step(&mut self, motion: Motion, page: usize, length: usize) {
        match self {
            Self::Help(help) => help.top = motion.from(help.top, help.offers.len(), page),
            Self::Palette(list) => list.row = motion.from(list.row, list.shown.len(), page),
            Self::Pick(purpose, list) => {
                let free = matches!(purpose, Purpose::Field { free: true, .. });
                let extra = usize::from(free && list.typed().is_some());
                list.row = motion.from(list.row, list.shown.len() + extra, page);
            }
            Self::Ask(ask) => ask.row = motion.from(ask.row, ask.answers.len(), page),
            Self::Notice(notice) => notice.top = motion.from(notice.top, notice.lines.len(), page),
            Self::CpuMap(map) => map.row = motion.from(map.row, length, page),
            Self::Sheet(sheet) => sheet.top = motion.from(sheet.top, length, page),
            Self::Prompt(prompt) => prompt.on_second = prompt.second.is_some() && !prompt.on_second,
        }
    }
}

impl Prompt {
    /// The text is going to be edited; `new` where a text comes in that replaces what was offered.
    fn touch(&mut self, new: bool) {
        if !self.on_second && std::mem::take(&mut self.offered) && new {
            self.input.reset();
        }
    }

    /// The text that has the cursor.
    pub fn active(&mut self) -> &mut Input {
        match &mut self.second {
            Some((_, input)) if self.on_second => input,
            _ => &mut self.input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[&str]) -> List<Known> {
        List::new("t", values.iter().map(|v| Known { value: (*v).into(), note: String::new() }).collect())
    }

    #[test]
    fn typing_filters_a_list_and_the_best_match_comes_first() {
        let mut overlay =
            Overlay::Pick(Purpose::Field { place: Place::root(), free: true }, list(&["bulk", "fast-nvme", "nvme"]));
        for c in "nvme".chars() {
            assert!(overlay.key(Key::char(c)));
        }
        let Overlay::Pick(_, list) = &overlay else { return };
        assert_eq!(list.current().map(|known| known.value.as_str()), Some("nvme"));
        assert_eq!(list.shown.len(), 2);
        assert_eq!(list.typed(), None);
    }

    #[test]
    fn a_very_long_list_is_searched_by_the_words_typed_and_keeps_its_order() {
        let values: Vec<String> = (0..=FUZZY).map(|at| format!("/images/Volume-{at:05}.qcow2")).collect();
        let mut overlay = Overlay::Pick(
            Purpose::Field { place: Place::root(), free: true },
            list(&values.iter().map(String::as_str).collect::<Vec<_>>()),
        );
        overlay.paste("Qcow2 volume-0012");
        let Overlay::Pick(_, list) = &overlay else { return };
        assert_eq!(list.shown, (120..130).collect::<Vec<_>>());
        assert_eq!(list.current().map(|known| known.value.as_str()), Some("/images/Volume-00120.qcow2"));
    }

    #[test]
    fn a_text_that_is_not_in_the_list_can_be_taken_where_that_makes_sense() {
        let mut overlay = Overlay::Pick(Purpose::Field { place: Place::root(), free: true }, list(&["a"]));
        overlay.paste("other pool\n");
        overlay.step(Motion::Last, 10, 0);
        let Overlay::Pick(_, list) = &overlay else { return };
        assert_eq!((list.typed(), list.row, list.shown.len()), (Some("other pool"), 0, 0));
    }
}
