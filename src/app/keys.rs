//! The one key table: per focus, which key does what, under which name. Hints, help and commands are read from it, and
//! so is every key that is pressed; what an action does is the business of [`super::acting`].

use super::action::Action;
use super::focus::Motion;
use super::{Key, KeyCode, StepId};

/// What has the focus, as far as keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// The list of a step.
    Rows,
    /// A field of a form, the cursor not in its text.
    Fields,
    /// A field of a form that is being filled in: letters are no commands.
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
pub struct Entry {
    /// Where it holds.
    pub contexts: &'static [Context],
    /// The steps it holds in; empty for all.
    pub steps: &'static [StepId],
    /// The keys; the first one is shown in hints.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// In words, in the imperative.
    pub label: &'static str,
    /// Shown in the hints.
    pub hint: bool,
}

/// A line of the table as it stands now.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The line.
    pub entry: &'static Entry,
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
    action: Action,
    label: &'static str,
    hint: bool,
) -> Entry {
    Entry { contexts, steps: &[], keys, action, label, hint }
}
const fn of(
    steps: &'static [StepId],
    contexts: &'static [Context],
    keys: &'static [Key],
    action: Action,
    label: &'static str,
) -> Entry {
    Entry { contexts, steps, keys, action, label, hint: true }
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
const OF_STEPS: &[Entry] = &[
    of(&[S::Template], ROWS, &[c(' '), ENTER], Action::Toggle, "use or remove"),
    of(&[S::Template], ROWS, &[c('d')], Action::DeleteRow, "delete preset"),
    of(&[S::Storage], ROWS, &[ENTER, c(' ')], Action::Toggle, "use this pool"),
    of(&[S::Disks], ROWS, &[c('a')], Action::AddRow, "add disk"),
    of(&[S::Network], ROWS, &[c('a')], Action::AddRow, "add interface"),
    of(&[S::Extras], ROWS, &[c('a')], Action::AddRow, "add console"),
    of(&[S::Disks], ROWS, &[c('A')], Action::CloneRow, "clone an image"),
    of(&[S::Disks], ROWS, &[c('e')], Action::AttachRow, "attach an image"),
    of(&[S::Disks], ROWS, &[c('i')], Action::ChooseIso, "choose ISO"),
    of(LISTS, ROWS, &[c('d'), k(KeyCode::Delete)], Action::DeleteRow, "delete"),
    of(LISTS, ROWS, &[c('J')], Action::RowDown, "move down"),
    of(LISTS, ROWS, &[c('K')], Action::RowUp, "move up"),
    of(&[S::Pci], ROWS, &[c(' ')], Action::Toggle, "pass: the whole card, or return it"),
    of(&[S::Pci], ROWS, &[c('h')], Action::ChangeRole, "role: pass, hold or leave to the host"),
    of(&[S::Pci], ROWS, &[ENTER], Action::Open, "all facts"),
    of(&[S::Pci], ROWS, &[c('o')], Action::ChooseRom, "ROM file"),
    of(&[S::Pci], ROWS, &[c('/')], Action::Filter, "filter"),
    of(&[S::Pci], ROWS, &[c('f')], Action::KindFilter, "kind"),
    of(&[S::Pci], ROWS, &[c('r')], Action::Refresh, "rescan"),
    of(&[S::Pci], ROWS, &[c('v')], Action::CompareWays, "NVMe: controller or disk"),
    of(&[S::Pci], ROWS, &[c('P')], Action::Probe, "read host files over SSH, or stop"),
    Entry {
        hint: false,
        ..of(&[S::Pci], ROWS, &[c('d'), k(KeyCode::Delete)], Action::DeleteRow, "remove a device that was not found")
    },
    of(&[S::Review], ROWS, &[c('B')], Action::Build, "build"),
    of(&[S::Review], ROWS, &[ENTER], Action::Open, "go to the step"),
    of(&[S::Review], ROWS, &[k(KeyCode::Right), c(']')], Action::NextTab, "next tab"),
    of(&[S::Review], ROWS, &[k(KeyCode::Left), c('[')], Action::PreviousTab, "previous tab"),
    of(&[S::Review], ROWS, &[c('n')], Action::NextHunk, "next change"),
    of(&[S::Review], ROWS, &[c('N')], Action::PreviousHunk, "previous change"),
    of(&[S::Review], ROWS, &[c('t')], Action::Compare, "compare with"),
    of(&[S::Review], ROWS, &[c('m')], Action::WholeDomain, "more: show what libvirt adds, or hide it"),
    of(&[S::Review], ROWS, &[c('/')], Action::Filter, "search"),
    of(&[S::Build], ROWS, &[c('B'), c('b')], Action::Build, "build"),
    of(&[S::Review, S::Build], ROWS, &[c('s')], Action::StartAfter, "start when built, or not"),
    of(&[S::Build], PAGE, &[Key::ctrl('c')], Action::Cancel, "cancel and undo"),
    of(&[S::Build], ROWS, &[c('n')], Action::AnotherVm, "another VM like it"),
    of(&[S::Build], ROWS, &[c('l')], Action::FullLog, "full log"),
    of(&[S::Build], ROWS, &[c('t')], Action::ShowStored, "what libvirt stored"),
];

/// What holds everywhere or in one kind of focus.
const TABLE: &[Entry] = &[
    entry(&[Text, Lines], &[ESC], Action::Close, "leave field", true),
    entry(&[Form], &[ESC], Action::Close, "leave form", true),
    entry(&[Text], &[ENTER], Action::AcceptField, "next field", true),
    entry(&[Text], &[TAB, DOWN], Action::NextField, "next field", false),
    entry(&[Form], &[TAB, DOWN], Action::NextField, "next field", true),
    entry(&[Text, Form], &[BACKTAB, UP], Action::PreviousField, "previous field", false),
    entry(&[Lines], &[TAB], Action::NextField, "next field", true),
    entry(&[Lines], &[BACKTAB], Action::PreviousField, "previous field", false),
    entry(&[Form], &[ENTER, c(' ')], Action::Open, "choose", true),
    entry(&[Fields], &[ENTER, c(' ')], Action::Open, "edit", true),
    entry(&[Rows], &[ENTER], Action::Open, "details", true),
    entry(&[Rows], &[c(' ')], Action::Toggle, "open", false),
    entry(&[Checks], &[ENTER, c(' ')], Action::Open, "go to the field", true),
    entry(&[Xml], &[ENTER], Action::Open, "go to the field", true),
    entry(&[Fields, Form], &[k(KeyCode::Right)], Action::Right, "next value", false),
    entry(&[Fields, Form], &[k(KeyCode::Left)], Action::Left, "previous value", false),
    entry(&[Fields, Form], &[k(KeyCode::Delete)], Action::Reset, "back to default", true),
    of(FORMS, &[Rows, Fields], &[c('m')], Action::MoreFields, "more: show all fields, or fewer"),
    of(&[S::System], &[Rows, Fields], &[c('M')], Action::CpuMap, "map of the host's CPUs"),
    entry(&[Rows], &[TAB], Action::NextField, "fields", true),
    entry(&[Rows], &[BACKTAB], Action::PreviousField, "last field", false),
    entry(&[Fields], &[TAB], Action::NextField, "next field", true),
    entry(&[Fields], &[BACKTAB], Action::PreviousField, "previous field", false),
    entry(&[Checks, Xml], &[TAB, BACKTAB], Action::Close, "back to the step", false),
    entry(&[Xml], &[c('/')], Action::Filter, "search", true),
    entry(&[Xml], &[c('n')], Action::NextHunk, "next match or change", true),
    entry(&[Xml], &[c('N')], Action::PreviousHunk, "previous match or change", false),
    entry(COMMANDS, &[DOWN, c('j')], Action::Move(Motion::Down), "down", false),
    entry(COMMANDS, &[UP, c('k')], Action::Move(Motion::Up), "up", false),
    entry(COMMANDS, &[k(KeyCode::Home), c('g')], Action::Move(Motion::First), "first", false),
    entry(COMMANDS, &[k(KeyCode::End), c('G')], Action::Move(Motion::Last), "last", false),
    entry(COMMANDS, &[Key::ctrl('d')], Action::Move(Motion::HalfDown), "half a screen down", false),
    entry(COMMANDS, &[Key::ctrl('u')], Action::Move(Motion::HalfUp), "half a screen up", false),
    entry(&[Rows, Fields, Checks], &[c('n')], Action::NextStep, "next", true),
    entry(COMMANDS, &[c('p')], Action::PreviousStep, "back", true),
    entry(PAGE, &[Key::ctrl('n'), k(KeyCode::PageDown)], Action::NextStep, "next step", false),
    entry(PAGE, &[Key::ctrl('p'), k(KeyCode::PageUp)], Action::PreviousStep, "back", false),
    entry(COMMANDS, &[c('1')], Action::Go(S::Template), "template", false),
    entry(COMMANDS, &[c('2')], Action::Go(S::System), "system", false),
    entry(COMMANDS, &[c('3')], Action::Go(S::Storage), "storage pool", false),
    entry(COMMANDS, &[c('4')], Action::Go(S::Disks), "disks", false),
    entry(COMMANDS, &[c('5')], Action::Go(S::Network), "network", false),
    entry(COMMANDS, &[c('6')], Action::Go(S::Pci), "PCI passthrough", false),
    entry(COMMANDS, &[c('7')], Action::Go(S::Extras), "extras", false),
    entry(COMMANDS, &[c('8')], Action::Go(S::Review), "review", false),
    entry(COMMANDS, &[c('9')], Action::Go(S::Build), "build", false),
    entry(COMMANDS, &[c('c')], Action::Checks, "checks", false),
    entry(COMMANDS, &[c('x')], Action::Xml, "XML", true),
    entry(COMMANDS, &[c('u')], Action::Undo, "undo", false),
    entry(COMMANDS, &[c('U')], Action::Redo, "redo", false),
    entry(COMMANDS, &[c('y')], Action::Copy, "copy", false),
    entry(COMMANDS, &[c('w')], Action::Write, "save preset or file", false),
    entry(COMMANDS, &[c('r')], Action::Refresh, "read the host again", false),
    entry(COMMANDS, &[c(':')], Action::Palette, "commands", false),
    entry(PAGE, &[k(KeyCode::F(2))], Action::Palette, "commands", false),
    entry(COMMANDS, &[c('?')], Action::Help, "this help", false),
    entry(PAGE, &[k(KeyCode::F(1))], Action::Help, "this help", false),
    entry(COMMANDS, &[ESC], Action::Close, "back one level", false),
    entry(COMMANDS, &[c('q')], Action::Quit, "leave (asks first)", false),
    entry(PAGE, &[Key::ctrl('c')], Action::Interrupt, "leave (asks first)", false),
    entry(PAGE, &[Key::ctrl('z')], Action::Suspend, "suspend", false),
    entry(&[Map], &[k(KeyCode::Home), c('g')], Action::Move(Motion::First), "first", false),
    entry(&[Map], &[k(KeyCode::End), c('G')], Action::Move(Motion::Last), "last", false),
    entry(&[Map], &[ENTER], Action::PlaceThread, "pin a thread here", true),
    entry(&[Map], &[c(' ')], Action::PinOrNot, "pin or unpin", true),
    entry(&[Map], &[k(KeyCode::Delete)], Action::FreeCore, "back to the proposal", true),
    entry(OVERLAYS, &[Key::ctrl('c')], Action::Interrupt, "close; when asked about leaving, leave now", false),
    entry(OVERLAYS, &[ESC], Action::Close, "close", true),
    entry(&[List, Ask, Prompt], &[ENTER], Action::Accept, "choose", true),
    entry(&[Ask], &[c(' ')], Action::Accept, "choose", false),
    entry(&[Help, Notice], &[ENTER], Action::Close, "close", false),
    entry(&[List, Help, Map, Ask, Notice], &[DOWN, TAB], Action::Move(Motion::Down), "down", false),
    entry(&[List, Help, Map, Ask, Notice], &[UP, BACKTAB], Action::Move(Motion::Up), "up", false),
    entry(&[Map, Ask, Notice], &[c('j'), k(KeyCode::Right)], Action::Move(Motion::Down), "down", false),
    entry(&[Map, Ask, Notice], &[c('k'), k(KeyCode::Left)], Action::Move(Motion::Up), "up", false),
    entry(
        &[List, Help, Map, Notice],
        &[k(KeyCode::PageDown)],
        Action::Move(Motion::HalfDown),
        "half a screen down",
        false,
    ),
    entry(&[List, Help, Map, Notice], &[k(KeyCode::PageUp)], Action::Move(Motion::HalfUp), "half a screen up", false),
    entry(&[Prompt], &[TAB, BACKTAB, DOWN, UP], Action::Move(Motion::Down), "other field", true),
];

/// Every line of the table.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    OF_STEPS.iter().chain(TABLE)
}

/// What the steps add to the table.
pub fn of_steps() -> impl Iterator<Item = &'static Entry> {
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
