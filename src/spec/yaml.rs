//! YAML as cloud-init's reader takes it, PyYAML: which plain words are numbers or truth values differs from later YAML, so
//! the scalars are resolved here. Every node has the line that it begins in.

use super::custom_xml::Fault;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use std::collections::{HashMap, HashSet};

/// Levels of nesting read; the limit keeps a hostile text from exhausting the stack.
const DEEPEST: usize = 64;
/// Nodes read, those that aliases repeat included: a few hundred bytes of aliases can stand for gigabytes.
const MOST: usize = 100_000;
/// The key whose mappings lend their members to the one that it is in.
const MERGE: &str = "<<";

/// One value of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct YamlNode {
    /// What it is.
    pub value: YamlValue,
    /// The line that it begins in, from 1.
    pub line: usize,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum YamlValue {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<YamlNode>),
    /// A mapping, in the order of the text; a key may be there twice.
    Map(Vec<(YamlNode, YamlNode)>),
}

/// Reads the first document of `text`; nothing at all is null.
pub fn read(text: &str) -> Result<YamlNode, Fault> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| fault(&error, text))?;
        if reader.take(event, &span)? {
            break;
        }
    }
    Ok(reader.root.unwrap_or(YamlNode { value: YamlValue::Null, line: 1 }))
}

fn fault(error: &ScanError, text: &str) -> Fault {
    let marker = error.marker();
    // The end of a text is in its last line.
    match (text.lines().count(), text.lines().last()) {
        (lines, Some(last)) if marker.line() > lines => at(lines, last.chars().count(), error.info()),
        _ => at(marker.line(), marker.col(), error.info()),
    }
}

/// `column` counts from 0.
fn at(line: usize, column: usize, message: &str) -> Fault {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Fault { row: number(line.max(1)), column: number(column + 1), message: message.to_owned() }
}

/// The nodes that are begun.
#[derive(Default)]
struct Reader {
    open: Vec<OpenNode>,
    anchors: HashMap<usize, YamlNode>,
    nodes: usize,
    root: Option<YamlNode>,
}

/// A list or mapping whose end was not met yet.
struct OpenNode {
    node: YamlNode,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<YamlNode>,
}

impl Reader {
    /// Takes one event; true once the document is complete.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<bool, Fault> {
        let line = span.start.line();
        let refuse = |message: &str| Err(at(line, span.start.col(), message));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if plain { resolved(&text) } else { YamlValue::Text(text.into_owned()) };
                self.put(YamlNode { value, line }, anchor);
            }
            Event::SequenceStart(anchor, _) => self.begin(YamlValue::List(Vec::new()), line, anchor),
            Event::MappingStart(anchor, _) => self.begin(YamlValue::Map(Vec::new()), line, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(OpenNode { node, anchor, .. }) = self.open.pop() {
                    self.put(node, anchor);
                }
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else { return refuse("an alias names itself") };
                self.nodes += node.count();
                self.put(node, 0);
            }
            Event::DocumentEnd => return Ok(true),
            _ => {}
        }
        if self.open.len() > DEEPEST {
            return refuse("values are nested more than 64 deep");
        }
        if self.nodes > MOST {
            return refuse("there are more than 100000 values");
        }
        Ok(false)
    }

    fn begin(&mut self, value: YamlValue, line: usize, anchor: usize) {
        self.open.push(OpenNode { node: YamlNode { value, line }, anchor, key: None });
    }

    fn put(&mut self, node: YamlNode, anchor: usize) {
        self.nodes += 1;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match (&mut open.node.value, open.key.take()) {
            (YamlValue::List(items), _) => items.push(node),
            (YamlValue::Map(members), Some(key)) => members.push((key, node)),
            (_, None) => open.key = Some(node),
            _ => {}
        }
    }
}

/// What a plain scalar is by the rules of YAML 1.1.
fn resolved(text: &str) -> YamlValue {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => YamlValue::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => YamlValue::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => YamlValue::Bool(false),
        _ if is_number(text) => YamlValue::Number(text.to_owned()),
        _ => YamlValue::Text(text.to_owned()),
    }
}

/// Whole numbers in four bases, fractions, and numbers to the base 60 such as `12:30`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all = |digits: &str, of: fn(u8) -> bool| {
        digits.bytes().any(of) && digits.bytes().all(|byte| of(byte) || byte == b'_')
    };
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return all(hexadecimal, |byte| byte.is_ascii_hexdigit());
    }
    if let Some(binary) = digits.strip_prefix("0b") {
        return all(binary, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(octal) = digits.strip_prefix('0').filter(|rest| !rest.is_empty() && !rest.starts_with('.')) {
        return all(octal, |byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some((first, rest)) = digits.split_once(':') {
        let below_60 = |part: &str| part.len() <= 2 && part.parse::<u8>().is_ok_and(|value| value < 60);
        return all(first, |byte| byte.is_ascii_digit()) && !first.starts_with('0') && rest.split(':').all(below_60);
    }
    match digits.split_once('.') {
        Some((whole, fraction)) => {
            let exponent = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'e' | b'E' | b'+' | b'-' | b'_');
            all(whole, |byte| byte.is_ascii_digit())
                && !fraction.starts_with(['e', 'E'])
                && fraction.bytes().all(exponent)
        }
        None => all(digits, |byte| byte.is_ascii_digit()) && !digits.starts_with('_'),
    }
}

impl YamlNode {
    /// The member `key` of a mapping: the last of that name, as PyYAML takes it, else one that `<<` lends.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let own = self.members().iter().rev().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value);
        own.or_else(|| self.lent().find_map(|lender| lender.get(key)))
    }

    /// The mappings that `<<` names.
    fn lent(&self) -> impl Iterator<Item = &Self> {
        let merges = self.members().iter().filter(|(name, _)| name.text() == Some(MERGE));
        merges.flat_map(|(_, value)| if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() })
    }

    /// The members of a mapping as they are written; empty for anything else.
    pub fn members(&self) -> &[(Self, Self)] {
        if let YamlValue::Map(members) = &self.value { members } else { &[] }
    }

    /// The members of a mapping whose keys are texts.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.members().iter().filter_map(|(name, value)| Some((name.text()?, value)))
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Self] {
        if let YamlValue::List(items) = &self.value { items } else { &[] }
    }

    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        if let YamlValue::Text(text) = &self.value { Some(text) } else { None }
    }

    /// False for what Python counts as false: nothing, no, zero, and what is empty.
    pub fn is_set(&self) -> bool {
        match &self.value {
            YamlValue::Null => false,
            YamlValue::Bool(value) => *value,
            YamlValue::Number(number) => number.bytes().any(|byte| matches!(byte, b'1'..=b'9' | b'a'..=b'f')),
            YamlValue::Text(text) => !text.is_empty(),
            YamlValue::List(items) => !items.is_empty(),
            YamlValue::Map(members) => !members.is_empty(),
        }
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            YamlValue::Null => "nothing",
            YamlValue::Bool(_) => "a truth value",
            YamlValue::Number(_) => "a number",
            YamlValue::Text(_) => "a text",
            YamlValue::List(_) => "a list",
            YamlValue::Map(_) => "a mapping",
        }
    }

    /// Keys that a mapping in it has twice: the name, with the line of the second.
    pub fn doubles(&self) -> Vec<(&str, usize)> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let own = self.members();
        for (key, _) in own {
            let double = key.text().filter(|name| *name != MERGE && !seen.insert(*name));
            found.extend(double.map(|name| (name, key.line)));
        }
        let inner = own.iter().map(|(_, value)| value).chain(self.items());
        found.extend(inner.flat_map(Self::doubles));
        found
    }

    fn count(&self) -> usize {
        let members = self.members().iter().map(|(key, value)| key.count() + value.count());
        1 + members.chain(self.items().iter().map(Self::count)).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> YamlValue {
        read(text).unwrap().value
    }

    #[test]
    fn plain_words_are_what_pyyaml_takes_them_for() {
        for (text, want) in [
            ("no", YamlValue::Bool(false)),
            ("On", YamlValue::Bool(true)),
            ("'no'", YamlValue::Text("no".into())),
            ("y", YamlValue::Text("y".into())),
            ("~", YamlValue::Null),
            ("", YamlValue::Null),
            ("!!str 5", YamlValue::Text("5".into())),
        ] {
            assert_eq!(value(text), want, "{text}");
        }
        for number in ["2", "-3", "0755", "0x1f", "0b101", "1_000", "1.5", "12:30", "52:54:00:12:34:56", "1.5e+3"] {
            assert_eq!(value(number), YamlValue::Number(number.into()));
        }
        for text in ["52:54:00:ab:cd:ef", "08", "1.2.3.4", "10.0.0.1/24", "2b", "52:54:00:12:34:99", "0:30"] {
            assert_eq!(value(text), YamlValue::Text(text.into()));
        }
    }

    #[test]
    fn an_error_has_line_and_column() {
        let fault = read("version: [2").unwrap_err();
        assert_eq!((fault.row, fault.column), (1, 12), "{fault}");
        assert_eq!(read("a: 1\nb: 'x\n").unwrap_err().row, 2);
        assert!(read("a: b: c").is_err());
    }

    #[test]
    fn nodes_have_their_lines_and_members_their_names() {
        let root = read("#cloud-config\nusers:\n- name: ops\n  shell: /bin/sh\n").unwrap();
        let users = root.get("users").unwrap();
        assert_eq!((users.items().len(), users.items()[0].line), (1, 3));
        assert_eq!(users.items()[0].get("shell").and_then(YamlNode::text), Some("/bin/sh"));
        assert_eq!(read("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n").unwrap().doubles(), [("a", 5), ("c", 4)]);
    }

    #[test]
    fn aliases_and_merges_are_followed_within_limits() {
        let root = read("base: &b {shell: /bin/sh, x: 1}\nuser:\n  <<: *b\n  x: 2\n").unwrap();
        let user = root.get("user").unwrap();
        assert_eq!(user.get("shell").and_then(YamlNode::text), Some("/bin/sh"));
        assert_eq!(user.get("x").map(|x| &x.value), Some(&YamlValue::Number("2".into())));
        let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, at| {
            let ten = vec![format!("*a{at}"); 10].join(",");
            format!("{text}a{}: &a{} [{ten}]\n", at + 1, at + 1)
        });
        assert!(read(&bomb).unwrap_err().message.contains("more than 100000"));
        assert!(read(&"[".repeat(10_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*|[-a-c:&*<\\[\\]{}#'\"|> \n\t,?!0-9]*") {
            let _ = read(&text);
        }
    }
}
