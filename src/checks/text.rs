//! Sentences as data: a template and its typed arguments. Only here do they become text.

use super::row::{RowName, TakenRow};
use crate::facts::Version;
use crate::machine::selector::Wanted;
use crate::spec::Place;
use crate::spec::paths::PathError;
use crate::spec::suggest::quoted;
use crate::units::{Bytes, CpuSet, MacAddr, PciAddress, PciIds, UnitError};
use core::net::IpAddr;
use serde::Serialize;
use std::borrow::Cow;

/// A sentence or a part of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Text {
    template: &'static str,
    args: Vec<(&'static str, Arg)>,
}

/// What stands for a name in braces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arg {
    /// A word or a name as it is.
    Words(Cow<'static, str>),
    /// What the user wrote, in single quotes, with control characters escaped and long texts cut.
    Quoted(String),
    /// Another one's sentence as a part of this one: without its full stop.
    Clause(String),
    /// A number.
    Count(u64),
    /// An amount in its largest unit.
    Bytes(Bytes),
    /// An amount in GiB, so that several in one sentence compare.
    Gib(Bytes),
    /// A function of the host.
    Address(PciAddress),
    /// A row of the spec.
    Row(RowName),
    /// A field of the spec.
    Place(Place),
    /// A set of CPUs or of NUMA nodes.
    Numbers(CpuSet),
    /// `a, b and c`, or with another word before the last.
    List(Joint, Vec<Arg>),
    /// A part that has arguments of its own.
    Text(Text),
    /// To ask for further functions, which reads otherwise before there is a spec.
    Ask {
        /// For one function or for several.
        many: bool,
        /// They may also be held.
        or_hold: bool,
    },
}

/// What stands between the parts of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Joint {
    /// `a, b and c`
    And,
    /// `a, b or c`
    Or,
    /// `a, b, c`
    Comma,
    /// `a or b or c`
    Each,
    /// `a; b; c`
    Semicolon,
    /// `a x b x c`
    Times,
}

/// For whom a text is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// By itself: it says which row it is about.
    Full,
    /// Below the field that it is about: without the row.
    Field,
    /// About functions that are not in a spec yet: by their addresses.
    Taking,
}

/// A sentence whose names in braces are the arguments behind it: `text!("{count} of {total} are free", count, total = n)`. It does
/// not compile where one of them is missing on the other side.
macro_rules! text {
    (@value $name:ident) => { $name };
    (@value $name:ident = $value:expr) => { $value };
    ($template:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {{
        const _: () = assert!(
            $crate::checks::text::fits($template, &[$(stringify!($name)),*]),
            "the names in braces are not the arguments"
        );
        $crate::checks::text::Text::new(
            $template,
            &[$((stringify!($name), &text!(@value $name $(= $value)?))),*],
        )
    }};
}
pub(crate) use text;

impl Text {
    /// For [`text!`], which sees to it that both fit. Not inlined: a thousand sentences are made by it, and their arguments
    /// made in place took a tenth of the program.
    #[inline(never)]
    pub(crate) fn new(template: &'static str, args: &[(&'static str, &dyn ToArg)]) -> Self {
        Self { template, args: args.iter().map(|(name, arg)| (*name, arg.to_arg())).collect() }
    }

    /// True where there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.template.is_empty()
    }

    /// The sentence without its arguments.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// The arguments in the order in which they were given.
    pub fn args(&self) -> impl Iterator<Item = &Arg> {
        self.args.iter().map(|(_, arg)| arg)
    }

    /// The same with every argument, those of its parts included, replaced by what `change` makes of it.
    #[must_use]
    pub fn map(&self, change: &dyn Fn(&Arg) -> Option<Arg>) -> Self {
        let args = self.args.iter().map(|(name, arg)| (*name, arg.map(change)));
        Self { template: self.template, args: args.collect() }
    }

    /// True where `wanted` is one of its arguments, those of its parts included; a row counts as its function.
    pub fn names(&self, wanted: &Arg) -> bool {
        self.args().any(|arg| arg.names(wanted))
    }

    /// The text.
    pub fn say(&self, wording: Wording) -> String {
        let mut out = String::new();
        self.write(wording, &mut out);
        out
    }

    fn write(&self, wording: Wording, out: &mut String) {
        let mut rest = self.template;
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            out.push_str(before);
            let name = word(from.as_bytes(), 1);
            let found = self.args.iter().find(|(known, _)| name.is_some_and(|end| from.get(1..end) == Some(*known)));
            let length = if let (Some((_, arg)), Some(end)) = (found, name) {
                arg.write(wording, out);
                end + 1
            } else {
                out.push('{');
                1
            };
            rest = from.get(length..).unwrap_or_default();
        }
        out.push_str(rest);
    }
}

/// The end of the name that begins at `start` and has a closing brace behind it.
const fn word(text: &[u8], start: usize) -> Option<usize> {
    let mut end = start;
    while end < text.len() && (text[end].is_ascii_lowercase() || text[end] == b'_') {
        end += 1;
    }
    if end > start && end < text.len() && text[end] == b'}' { Some(end) } else { None }
}

/// True where the names in braces in `template` are `names`: each is there, and no other.
pub const fn fits(template: &str, names: &[&str]) -> bool {
    let text = template.as_bytes();
    let (mut at, mut used) = (0, 0_u32);
    while at < text.len() {
        if text[at] == b'{'
            && let Some(end) = word(text, at + 1)
        {
            let mut index = 0;
            while index < names.len() && !is_at(text, at + 1, end, names[index].as_bytes()) {
                index += 1;
            }
            if index == names.len() {
                return false;
            }
            used |= 1 << index;
        }
        at += 1;
    }
    used == (1 << names.len()) - 1
}

/// True where `text` from `start` to `end` is `name`.
const fn is_at(text: &[u8], start: usize, end: usize, name: &[u8]) -> bool {
    let mut at = start;
    while at < end && at - start < name.len() && text[at] == name[at - start] {
        at += 1;
    }
    at == end && end - start == name.len()
}

impl Arg {
    /// What the user wrote, in single quotes.
    pub fn quoted(text: &str) -> Self {
        Self::Quoted(text.to_owned())
    }

    /// Another one's sentence as a part of this one.
    pub fn clause(text: &str) -> Self {
        Self::Clause(text.trim_end_matches('.').to_owned())
    }

    /// What is printed of `value`.
    pub fn shown(value: &impl ToString) -> Self {
        Self::Words(value.to_string().into())
    }

    /// `a, b and c`.
    pub fn all<T: ToArg>(items: impl IntoIterator<Item = T>) -> Self {
        Self::list(Joint::And, items)
    }

    /// Several, with `joint` between them.
    pub fn list<T: ToArg>(joint: Joint, items: impl IntoIterator<Item = T>) -> Self {
        Self::List(joint, items.into_iter().map(|item| item.to_arg()).collect())
    }

    fn names(&self, wanted: &Self) -> bool {
        match self {
            Self::Text(text) => text.names(wanted),
            Self::List(_, items) => items.iter().any(|item| item.names(wanted)),
            Self::Row(row) => row.address().map(Self::Address).as_ref() == Some(wanted),
            other => other == wanted,
        }
    }

    /// What it is replaced by, or itself with its parts replaced.
    fn map(&self, change: &dyn Fn(&Self) -> Option<Self>) -> Self {
        change(self).unwrap_or_else(|| match self {
            Self::Text(text) => Self::Text(text.map(change)),
            Self::List(joint, items) => Self::List(*joint, items.iter().map(|item| item.map(change)).collect()),
            other => other.clone(),
        })
    }

    /// The text.
    pub fn say(&self, wording: Wording) -> String {
        let mut out = String::new();
        self.write(wording, &mut out);
        out
    }

    fn write(&self, wording: Wording, out: &mut String) {
        match self {
            Self::Words(words) => out.push_str(words),
            Self::Quoted(text) => out.push_str(&quoted(text)),
            Self::Clause(text) => out.push_str(text),
            Self::Count(count) => out.push_str(&count.to_string()),
            Self::Bytes(bytes) => out.push_str(&bytes.to_string()),
            Self::Gib(bytes) => out.push_str(&bytes.in_gib()),
            Self::Address(address) => out.push_str(&address.to_string()),
            Self::Row(row) => out.push_str(&row.say(wording == Wording::Taking)),
            Self::Place(place) => out.push_str(&place.to_string()),
            Self::Numbers(set) => out.push_str(&set.to_string()),
            Self::List(joint, items) => joint.write(items, wording, out),
            Self::Text(text) => text.write(wording, out),
            Self::Ask { many, or_hold } => out.push_str(asking(*many, *or_hold, wording)),
        }
    }
}

/// To ask for further functions, as the beginning of a sentence.
fn asking(many: bool, or_hold: bool, wording: Wording) -> &'static str {
    match (wording, many, or_hold) {
        (Wording::Taking, false, _) => "also take it",
        (Wording::Taking, true, _) => "also take them",
        (_, false, false) => "add it to pci_devices",
        (_, true, false) => "add them to pci_devices",
        (_, false, true) => "add it to pci_devices (role pass or hold)",
        (_, true, true) => "add them to pci_devices (role pass or hold)",
    }
}

impl Joint {
    fn write(self, items: &[Arg], wording: Wording, out: &mut String) {
        let (between, last) = match self {
            Self::And => (", ", " and "),
            Self::Or => (", ", " or "),
            Self::Comma => (", ", ", "),
            Self::Each => (" or ", " or "),
            Self::Semicolon => ("; ", "; "),
            Self::Times => (" x ", " x "),
        };
        for (at, item) in items.iter().enumerate() {
            out.push_str(match at {
                0 => "",
                at if at + 1 == items.len() => last,
                _ => between,
            });
            item.write(wording, out);
        }
    }
}

impl From<&'static str> for Text {
    fn from(template: &'static str) -> Self {
        Self { template, args: Vec::new() }
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

/// What can stand for a name in braces.
pub trait ToArg {
    /// It as an argument.
    fn to_arg(&self) -> Arg;
}

impl<T: ToArg + ?Sized> ToArg for &T {
    fn to_arg(&self) -> Arg {
        (**self).to_arg()
    }
}

macro_rules! to_arg {
    ($($source:ty: $value:ident => $arg:expr),* $(,)?) => { $(
        impl ToArg for $source {
            fn to_arg(&self) -> Arg {
                let $value = self;
                $arg
            }
        }
    )* };
}

to_arg! {
    Arg: arg => arg.clone(),
    Text: text => Arg::Text(text.clone()),
    str: words => Arg::Words(words.to_owned().into()),
    String: words => Arg::Words(words.clone().into()),
    Cow<'_, str>: words => Arg::Words(words.clone().into_owned().into()),
    usize: count => Arg::Count(u64::try_from(*count).unwrap_or(u64::MAX)),
    u64: count => Arg::Count(*count),
    u32: count => Arg::Count((*count).into()),
    u16: count => Arg::Count((*count).into()),
    u8: count => Arg::Count((*count).into()),
    Bytes: bytes => Arg::Bytes(*bytes),
    PciAddress: address => Arg::Address(*address),
    RowName: row => Arg::Row(row.clone()),
    TakenRow: row => Arg::Row(row.name()),
    Place: place => Arg::Place(place.clone()),
    CpuSet: set => Arg::Numbers(set.clone()),
    Version: version => Arg::shown(version),
    MacAddr: address => Arg::shown(address),
    PciIds: ids => Arg::shown(ids),
    UnitError: error => Arg::shown(error),
    PathError: error => Arg::shown(error),
    Wanted: wanted => Arg::shown(wanted),
    IpAddr: address => Arg::shown(address),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_the_arguments() {
        assert!(fits("{a} and {b_c}, {a}", &["a", "b_c"]) && fits("none", &[]));
        assert!(fits("{\"type\": \"vnc\"} {} {A} { a} {a", &[]), "other braces mean nothing");
        for (template, names) in
            [("{a} {b}", &["a"][..]), ("{a}", &["a", "b"]), ("{ab}", &["a"]), ("{a}", &["ab"]), ("{a}", &[])]
        {
            assert!(!fits(template, names), "{template} {names:?}");
        }
    }

    #[test]
    fn a_text_is_said_with_its_arguments() {
        let free = Bytes::gib(20);
        let text = text!("{asked} of {free} {\"x\"} {free}", asked = Arg::Gib(Bytes::gib(2000)), free);
        assert_eq!(text.say(Wording::Full), "2000 GiB of 20 GiB {\"x\"} 20 GiB");
        let part = text!("{what}: {part}", what = Arg::quoted("a\nb"), part = text!("{count} left", count = 3_u32));
        assert_eq!(part.say(Wording::Full), "'a\\nb': 3 left");
        assert_eq!(Arg::clause("It is off.").say(Wording::Full), "It is off");
    }

    #[test]
    fn lists_read_as_sentences() {
        let items = ["a", "b", "c"];
        let said = |joint, count| Arg::list(joint, items.into_iter().take(count)).say(Wording::Full);
        assert_eq!([0, 1, 2, 3].map(|count| said(Joint::And, count)), ["", "a", "a and b", "a, b and c"]);
        assert_eq!(said(Joint::Or, 3), "a, b or c");
        assert_eq!(said(Joint::Each, 3), "a or b or c");
        assert_eq!((said(Joint::Comma, 3), said(Joint::Semicolon, 3)), ("a, b, c".into(), "a; b; c".into()));
    }

    #[test]
    fn arguments_are_replaced_however_deep() {
        let address = Arg::Address(PciAddress { domain: 0, bus: 1, slot: 0, function: 0 });
        let text = text!("{all}", all = Arg::all([text!("the header of {address}", address)]));
        assert!(text.names(&address) && !text.names(&Arg::Count(1)));
        let said = text.map(&|arg| (*arg == address).then(|| "it".to_arg())).say(Wording::Full);
        assert_eq!(said, "the header of it");
    }

    #[test]
    fn a_text_can_be_stored() {
        let stored = serde_json::to_value(text!("{free} are free", free = Bytes::mib(1))).unwrap_or_default();
        assert_eq!(stored, serde_json::json!({"template": "{free} are free", "args": [["free", {"bytes": 1 << 20}]]}));
    }
}
