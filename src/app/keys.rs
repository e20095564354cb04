//! The one key table: per focus, which key does what, under which name. Hints, help and commands are read from it, and
//! so is every key that is pressed; `app::acting` decides what an intent does.

use super::focus::Motion;
use super::intent::Intent;
use super::{Key, KeyCode, StepId};

/// What has the focus, as far as keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// The list of a step.
    Rows,
    /// A field of a form, the cursor not in its text.
    Fields,
    /// A field of a form that is being filled in: letters are not commands.
    Form,
    /// The text of a line.
    Text,
    /// A text of several lines.
    Lines,
    /// The checks panel.
    Checks,
    /// The XML.
    Xml,
    /// A list over the step: commands, pick lists.
    List,
    /// The help.
    Help,
    /// A question.
    Ask,
    /// A prompt.
    Prompt,
    /// The map of the host's CPUs.
    Map,
    /// Something to read.
    Notice,
}

/// One line of the key table.
#[derive(Clone, Copy, Debug)]
pub struct KeyEntry {
    /// Where it holds.
    pub contexts: &'static [Context],
    /// The steps it holds in; empty for all.
    pub steps: &'static [StepId],
    /// The keys; the first one is shown in hints.
    pub keys: &'static [Key],
    /// What it does.
    pub intent: Intent,
    /// In words, in the imperative.
    pub label: &'static str,
    /// Shown in the hints.
    pub hint: bool,
}

/// A line of the table as it stands now.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The line.
    pub entry: &'static KeyEntry,
    /// Why it cannot be done now.
    pub why_not: Option<String>,
}

impl Offer {
    /// All its keys.
    pub fn keys(&self) -> String {
        self.entry.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

use Context::{Ask, Checks, Fields, Form, Help, Lines, List, Map, Notice, Prompt, Rows, Text, Xml};
use StepId as S;

const fn c(c: char) -> Key {
    Key::char(c)
}
const fn k(code: KeyCode) -> Key {
    Key::plain(code)
}
const fn entry(
    contexts: &'static [Context],
    keys: &'static [Key],
    intent: Intent,
    label: &'static str,
    hint: bool,
) -> KeyEntry {
    KeyEntry { contexts, steps: &[], keys, intent, label, hint }
}
const fn of(
    steps: &'static [StepId],
    contexts: &'static [Context],
    keys: &'static [Key],
    intent: Intent,
    label: &'static str,
) -> KeyEntry {
    KeyEntry { contexts, steps, keys, intent, label, hint: true }
}

/// Where letters are commands.
const COMMANDS: &[Context] = &[Rows, Fields, Checks, Xml];
/// Everything but overlays.
const PAGE: &[Context] = &[Rows, Fields, Form, Text, Lines, Checks, Xml];
const OVERLAYS: &[Context] = &[List, Help, Map, Ask, Prompt, Notice];
const ROWS: &[Context] = &[Rows];
const FORMS: &[StepId] = &[S::System, S::Disks, S::Network, S::Extras];
const LISTS: &[StepId] = &[S::Disks, S::Network, S::Extras];
const ENTER: Key = k(KeyCode::Enter);
const ESC: Key = k(KeyCode::Esc);
const UP: Key = k(KeyCode::Up);
const DOWN: Key = k(KeyCode::Down);
const TAB: Key = k(KeyCode::Tab);
const BACKTAB: Key = k(KeyCode::BackTab);

/// What steps add; looked at before the rest, so that a step may give a key a meaning of its own.
const OF_STEPS: &[KeyEntry] = &[
    of(&[S::Template], ROWS, &[c(' '), ENTER], Intent::Toggle, "use or remove"),
    of(&[S::Template], ROWS, &[c('d')], Intent::DeleteRow, "delete preset"),
    of(&[S::Storage], ROWS, &[ENTER, c(' ')], Intent::Toggle, "use this pool"),
    of(&[S::Disks], ROWS, &[c('a')], Intent::AddRow, "add disk"),
    of(&[S::Network], ROWS, &[c('a')], Intent::AddRow, "add interface"),
    of(&[S::Extras], ROWS, &[c('a')], Intent::AddRow, "add console"),
    of(&[S::Disks], ROWS, &[c('A')], Intent::CloneRow, "clone an image"),
    of(&[S::Disks], ROWS, &[c('e')], Intent::AttachRow, "attach an image"),
    of(&[S::Disks], ROWS, &[c('i')], Intent::ChooseIso, "choose ISO"),
    of(LISTS, ROWS, &[c('d'), k(KeyCode::Delete)], Intent::DeleteRow, "delete"),
    of(LISTS, ROWS, &[c('J')], Intent::RowDown, "move down"),
    of(LISTS, ROWS, &[c('K')], Intent::RowUp, "move up"),
    of(&[S::Pci], ROWS, &[c(' ')], Intent::Toggle, "pass: the whole card, or return it"),
    of(&[S::Pci], ROWS, &[c('h')], Intent::ChangeRole, "role: pass, hold or leave to the host"),
    of(&[S::Pci], ROWS, &[ENTER], Intent::Open, "all facts"),
    of(&[S::Pci], ROWS, &[c('o')], Intent::ChooseRom, "ROM file"),
    of(&[S::Pci], ROWS, &[c('/')], Intent::Filter, "filter"),
    of(&[S::Pci], ROWS, &[c('f')], Intent::KindFilter, "kind"),
    of(&[S::Pci], ROWS, &[c('r')], Intent::Refresh, "rescan"),
    of(&[S::Pci], ROWS, &[c('v')], Intent::CompareWays, "NVMe: controller or disk"),
    of(&[S::Pci], ROWS, &[c('P')], Intent::Probe, "read host files over SSH, or stop"),
    KeyEntry {
        hint: false,
        ..of(&[S::Pci], ROWS, &[c('d'), k(KeyCode::Delete)], Intent::DeleteRow, "remove a device that was not found")
    },
    of(&[S::Review], ROWS, &[c('B')], Intent::Build, "build"),
    of(&[S::Review], ROWS, &[ENTER], Intent::Open, "go to the step"),
    of(&[S::Review], ROWS, &[k(KeyCode::Right), c(']')], Intent::NextTab, "next tab"),
    of(&[S::Review], ROWS, &[k(KeyCode::Left), c('[')], Intent::PreviousTab, "previous tab"),
    of(&[S::Review], ROWS, &[c('n')], Intent::NextHunk, "next change"),
    of(&[S::Review], ROWS, &[c('N')], Intent::PreviousHunk, "previous change"),
    of(&[S::Review], ROWS, &[c('t')], Intent::Compare, "compare with"),
    of(&[S::Review], ROWS, &[c('m')], Intent::WholeDomain, "more: show what libvirt adds, or hide it"),
    of(&[S::Review], ROWS, &[c('/')], Intent::Filter, "search"),
    of(&[S::Build], ROWS, &[c('B'), c('b')], Intent::Build, "build"),
    of(&[S::Review, S::Build], ROWS, &[c('s')], Intent::StartAfter, "start when built, or not"),
    of(&[S::Build], PAGE, &[Key::ctrl('c')], Intent::Cancel, "cancel and undo"),
    of(&[S::Build], ROWS, &[c('n')], Intent::AnotherVm, "another VM like it"),
    of(&[S::Build], ROWS, &[c('l')], Intent::FullLog, "full log"),
    of(&[S::Build], ROWS, &[c('t')], Intent::ShowStored, "what libvirt stored"),
];

/// What holds everywhere or in one kind of focus.
const TABLE: &[KeyEntry] = &[
    entry(&[Text, Lines], &[ESC], Intent::Close, "leave field", true),
    entry(&[Form], &[ESC], Intent::Close, "leave form", true),
    entry(&[Text], &[ENTER], Intent::AcceptField, "next field", true),
    entry(&[Text], &[TAB, DOWN], Intent::NextField, "next field", false),
    entry(&[Form], &[TAB, DOWN], Intent::NextField, "next field", true),
    entry(&[Text, Form], &[BACKTAB, UP], Intent::PreviousField, "previous field", false),
    entry(&[Lines], &[TAB], Intent::NextField, "next field", true),
    entry(&[Lines], &[BACKTAB], Intent::PreviousField, "previous field", false),
    entry(&[Form], &[ENTER, c(' ')], Intent::Open, "choose", true),
    entry(&[Fields], &[ENTER, c(' ')], Intent::Open, "edit", true),
    entry(&[Rows], &[ENTER], Intent::Open, "details", true),
    entry(&[Rows], &[c(' ')], Intent::Toggle, "open", false),
    entry(&[Checks], &[ENTER, c(' ')], Intent::Open, "go to the field", true),
    entry(&[Xml], &[ENTER], Intent::Open, "go to the field", true),
    entry(&[Fields, Form], &[k(KeyCode::Right)], Intent::Right, "next value", false),
    entry(&[Fields, Form], &[k(KeyCode::Left)], Intent::Left, "previous value", false),
    entry(&[Fields, Form], &[k(KeyCode::Delete)], Intent::Reset, "back to default", true),
    of(FORMS, &[Rows, Fields], &[c('m')], Intent::MoreFields, "more: show all fields, or fewer"),
    of(&[S::System], &[Rows, Fields], &[c('M')], Intent::CpuMap, "map of the host's CPUs"),
    entry(&[Rows], &[TAB], Intent::NextField, "fields", true),
    entry(&[Rows], &[BACKTAB], Intent::PreviousField, "last field", false),
    entry(&[Fields], &[TAB], Intent::NextField, "next field", true),
    entry(&[Fields], &[BACKTAB], Intent::PreviousField, "previous field", false),
    entry(&[Checks, Xml], &[TAB, BACKTAB], Intent::Close, "back to the step", false),
    entry(&[Xml], &[c('/')], Intent::Filter, "search", true),
    entry(&[Xml], &[c('n')], Intent::NextHunk, "next match or change", true),
    entry(&[Xml], &[c('N')], Intent::PreviousHunk, "previous match or change", false),
    entry(COMMANDS, &[DOWN, c('j')], Intent::Move(Motion::Down), "down", false),
    entry(COMMANDS, &[UP, c('k')], Intent::Move(Motion::Up), "up", false),
    entry(COMMANDS, &[k(KeyCode::Home), c('g')], Intent::Move(Motion::First), "first", false),
    entry(COMMANDS, &[k(KeyCode::End), c('G')], Intent::Move(Motion::Last), "last", false),
    entry(COMMANDS, &[Key::ctrl('d')], Intent::Move(Motion::HalfDown), "half a screen down", false),
    entry(COMMANDS, &[Key::ctrl('u')], Intent::Move(Motion::HalfUp), "half a screen up", false),
    entry(&[Rows, Fields, Checks], &[c('n')], Intent::NextStep, "next", true),
    entry(COMMANDS, &[c('p')], Intent::PreviousStep, "back", true),
    entry(PAGE, &[Key::ctrl('n'), k(KeyCode::PageDown)], Intent::NextStep, "next step", false),
    entry(PAGE, &[Key::ctrl('p'), k(KeyCode::PageUp)], Intent::PreviousStep, "back", false),
    entry(COMMANDS, &[c('1')], Intent::Go(S::Template), "template", false),
    entry(COMMANDS, &[c('2')], Intent::Go(S::System), "system", false),
    entry(COMMANDS, &[c('3')], Intent::Go(S::Storage), "storage pool", false),
    entry(COMMANDS, &[c('4')], Intent::Go(S::Disks), "disks", false),
    entry(COMMANDS, &[c('5')], Intent::Go(S::Network), "network", false),
    entry(COMMANDS, &[c('6')], Intent::Go(S::Pci), "PCI passthrough", false),
    entry(COMMANDS, &[c('7')], Intent::Go(S::Extras), "extras", false),
    entry(COMMANDS, &[c('8')], Intent::Go(S::Review), "review", false),
    entry(COMMANDS, &[c('9')], Intent::Go(S::Build), "build", false),
    entry(COMMANDS, &[c('c')], Intent::Checks, "checks", false),
    entry(COMMANDS, &[c('x')], Intent::Xml, "XML", true),
    entry(COMMANDS, &[c('u')], Intent::Undo, "undo", false),
    entry(COMMANDS, &[c('U')], Intent::Redo, "redo", false),
    entry(COMMANDS, &[c('y')], Intent::Copy, "copy", false),
    entry(COMMANDS, &[c('w')], Intent::Write, "save preset or file", false),
    entry(COMMANDS, &[c('r')], Intent::Refresh, "read the host again", false),
    entry(COMMANDS, &[c(':')], Intent::Palette, "commands", false),
    entry(PAGE, &[k(KeyCode::F(2))], Intent::Palette, "commands", false),
    entry(COMMANDS, &[c('?')], Intent::Help, "this help", false),
    entry(PAGE, &[k(KeyCode::F(1))], Intent::Help, "this help", false),
    entry(COMMANDS, &[ESC], Intent::Close, "back one level", false),
    entry(COMMANDS, &[c('q')], Intent::Quit, "leave (asks first)", false),
    entry(PAGE, &[Key::ctrl('c')], Intent::Interrupt, "leave (asks first)", false),
    entry(PAGE, &[Key::ctrl('z')], Intent::Suspend, "suspend", false),
    entry(&[Map], &[k(KeyCode::Home), c('g')], Intent::Move(Motion::First), "first", false),
    entry(&[Map], &[k(KeyCode::End), c('G')], Intent::Move(Motion::Last), "last", false),
    entry(&[Map], &[ENTER], Intent::PlaceThread, "pin a thread here", true),
    entry(&[Map], &[c(' ')], Intent::PinOrNot, "pin or unpin", true),
    entry(&[Map], &[k(KeyCode::Delete)], Intent::FreeCore, "back to the proposal", true),
    entry(OVERLAYS, &[Key::ctrl('c')], Intent::Interrupt, "close; when asked about leaving, leave now", false),
    entry(OVERLAYS, &[ESC], Intent::Close, "close", true),
    entry(&[List, Ask, Prompt], &[ENTER], Intent::Accept, "choose", true),
    entry(&[Ask], &[c(' ')], Intent::Accept, "choose", false),
    entry(&[Help, Notice], &[ENTER], Intent::Close, "close", false),
    entry(&[List, Help, Map, Ask, Notice], &[DOWN, TAB], Intent::Move(Motion::Down), "down", false),
    entry(&[List, Help, Map, Ask, Notice], &[UP, BACKTAB], Intent::Move(Motion::Up), "up", false),
    entry(&[Map, Ask, Notice], &[c('j'), k(KeyCode::Right)], Intent::Move(Motion::Down), "down", false),
    entry(&[Map, Ask, Notice], &[c('k'), k(KeyCode::Left)], Intent::Move(Motion::Up), "up", false),
    entry(
        &[List, Help, Map, Notice],
        &[k(KeyCode::PageDown)],
        Intent::Move(Motion::HalfDown),
        "half a screen down",
        false,
    ),
    entry(&[List, Help, Map, Notice], &[k(KeyCode::PageUp)], Intent::Move(Motion::HalfUp), "half a screen up", false),
    entry(&[Prompt], &[TAB, BACKTAB, DOWN, UP], Intent::Move(Motion::Down), "other field", true),
];

/// Every line of the table.
pub fn all() -> impl Iterator<Item = &'static KeyEntry> {
    OF_STEPS.iter().chain(TABLE)
}

/// What the steps add to the table.
pub fn of_steps() -> impl Iterator<Item = &'static KeyEntry> {
    OF_STEPS.iter()
}

/// The steps that give `key` a function of their own.
pub fn steps(key: Key) -> impl Iterator<Item = StepId> {
    let gives = move |step: &StepId| all().any(|entry| entry.steps.contains(step) && entry.keys.contains(&key));
    StepId::ALL.into_iter().filter(gives)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that belong to others on the path: tmux, screen, flow control, quit, and those that are other keys' bytes.
    const FOREIGN: &str = "basqhijm[\\]";

    #[test]
    fn no_key_is_bound_that_belongs_to_another_program() {
        for key in all().flat_map(|entry| entry.keys) {
            assert!(!key.alt, "{key}: Alt is the same bytes as Esc");
            if let (KeyCode::Char(letter), true) = (key.code, key.ctrl) {
                assert!(!FOREIGN.contains(letter), "{key}");
            }
            assert!(!matches!(key.code, KeyCode::F(10 | 11)), "{key} belongs to terminal windows");
            assert_ne!(*key, Key::char('~'), "belongs to ssh");
        }
    }

    #[test]
    fn texts_take_every_printing_key() {
        for entry in all() {
            if [Text, Lines, List, Help, Prompt].iter().any(|context| entry.contexts.contains(context)) {
                assert!(entry.keys.iter().all(|key| key.text().is_none()), "{}", entry.label);
            }
        }
    }
}
