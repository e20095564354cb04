//! Elements as text, the way libvirt writes it: two blanks of indent, single quotes, the same escapes.

use super::{Element, Node};
use crate::spec::Place;
use std::fmt;

/// A written tree: its text, and for each line the field that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written<'a> {
    /// The text, each line closed.
    pub text: String,
    /// Per line of `text`, the origin of the innermost element on it that has one.
    pub origins: Vec<Option<&'a Place>>,
}

impl Element {
    /// The text and the origin of each line.
    pub fn write(&self) -> Written<'_> {
        let mut out = Written { text: String::with_capacity(4096), origins: Vec::with_capacity(128) };
        out.element(self, 0, None);
        out
    }

    /// The text in one line, without the blanks between elements.
    pub fn in_line(&self) -> String {
        self.write().text.lines().map(str::trim).collect()
    }

    /// The text.
    pub fn to_xml(&self) -> String {
        self.write().text
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write().text)
    }
}

impl<'a> Written<'a> {
    /// The lines with their origins.
    pub fn lines(&self) -> impl Iterator<Item = (&str, Option<&'a Place>)> {
        self.text.lines().zip(self.origins.iter().copied())
    }

    fn element(&mut self, element: &'a Element, depth: usize, around: Option<&'a Place>) {
        let origin = element.origin.as_ref().or(around);
        self.indent(depth);
        self.open(element);
        if element.children.iter().any(|node| matches!(node, Node::Text(_))) {
            self.inline(element, origin);
        } else if !element.children.is_empty() {
            self.end_line(origin);
            for node in &element.children {
                match node {
                    Node::Element(child) => self.element(child, depth + 1, origin),
                    Node::Comment(note) => {
                        self.indent(depth + 1);
                        self.comment(note);
                        self.end_line(origin);
                    }
                    Node::Text(_) => {}
                }
            }
            self.indent(depth);
            self.close(element);
        }
        self.end_line(origin);
    }

    /// Content with text stays on one line: a blank added to it would change it.
    fn inline(&mut self, element: &'a Element, origin: Option<&'a Place>) {
        for node in &element.children {
            match node {
                Node::Text(text) => {
                    let lines = text.matches('\n').count();
                    self.origins.extend(std::iter::repeat_n(origin, lines));
                    escape(text, &mut self.text, false);
                }
                Node::Comment(note) => self.comment(note),
                Node::Element(child) => {
                    self.open(child);
                    if !child.children.is_empty() {
                        self.inline(child, child.origin.as_ref().or(origin));
                    }
                }
            }
        }
        self.close(element);
    }

    /// The start tag, or the whole of an empty element.
    fn open(&mut self, element: &Element) {
        self.text.push('<');
        self.text.push_str(&element.name);
        for (name, value) in &element.attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("='");
            escape(value, &mut self.text, true);
            self.text.push('\'');
        }
        self.text.push_str(if element.children.is_empty() { "/>" } else { ">" });
    }

    fn comment(&mut self, note: &str) {
        self.text.push_str("<!-- ");
        self.text.push_str(note);
        self.text.push_str(" -->");
    }

    fn close(&mut self, element: &Element) {
        self.text.push_str("</");
        self.text.push_str(&element.name);
        self.text.push('>');
    }

    fn indent(&mut self, depth: usize) {
        for _ in 0..depth {
            self.text.push_str("  ");
        }
    }

    fn end_line(&mut self, origin: Option<&'a Place>) {
        self.text.push('\n');
        self.origins.push(origin);
    }
}

/// True for a character that no XML 1.0 document may hold, not even escaped.
pub(super) fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Appends `text` escaped. Line ends are written as references where a parser would otherwise turn them into blanks.
/// Forbidden characters never come here from a domain, which refuses them by name; elsewhere they are shown as U+FFFD.
fn escape(text: &str, out: &mut String, in_attribute: bool) {
    let special = |c: char| matches!(c, '&' | '<' | '>' | '\'' | '"' | '\t' | '\n' | '\r') || is_forbidden(c);
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = tail.chars();
        match characters.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('\'') => out.push_str("&apos;"),
            Some('"') => out.push_str("&quot;"),
            Some('\r') => out.push_str("&#13;"),
            Some('\n') if in_attribute => out.push_str("&#10;"),
            Some('\t') if in_attribute => out.push_str("&#9;"),
            Some(c @ ('\n' | '\t')) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_as_libvirt_does() {
        let tree = Element::new("domain")
            .attr("type", "kvm")
            .child(Element::new("name").text("Jörg's \"box\" & <co>"))
            .child(Element::new("os").child(Element::new("bios").attr("x", "a'\n\tb")));
        let want = "<domain type='kvm'>\n  <name>Jörg&apos;s &quot;box&quot; &amp; &lt;co&gt;</name>\n  <os>\n    \
                    <bios x='a&apos;&#10;&#9;b'/>\n  </os>\n</domain>\n";
        assert_eq!(tree.to_xml(), want);
    }

    #[test]
    fn every_line_knows_its_origin() {
        let memory = Place::root().key("memory");
        let tree = Element::new("a")
            .child(Element::new("b").origin(memory.clone()).child(Element::new("c")))
            .child(Element::new("d").text("two\nlines"));
        let written = tree.write();
        let origins: Vec<_> = written.lines().map(|(line, origin)| (line.trim(), origin)).collect();
        let m = Some(&memory);
        let want = [
            ("<a>", None),
            ("<b>", m),
            ("<c/>", m),
            ("</b>", m),
            ("<d>two", None),
            ("lines</d>", None),
            ("</a>", None),
        ];
        assert_eq!(origins, want);
    }

    #[test]
    fn a_character_that_xml_cannot_hold_is_never_written() {
        assert_eq!(Element::new("a").text("x\u{1}y\r").to_xml(), "<a>x\u{fffd}y&#13;</a>\n");
    }
}
