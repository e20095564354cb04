//! The grammar of `custom_xml`: what may be written there, with line and column of what may not. What it does to a
//! domain is the business of `domain`.

use crate::units::PciAddress;
use roxmltree::{Document, Error, Node};

/// Our namespace: that of the `op` attribute here, and of the metadata that domains carry. It names a format, not a page
/// to fetch; the number changes when the format does.
pub const NAMESPACE: &str = "urn:vmbuild:domain:1";
/// Values of the `op` attribute: take the generated element away, or put this one in its place as it is.
pub const OPERATIONS: [&str; 2] = ["remove", "replace"];

/// Levels of nesting read. libvirt's documents have about ten; the limit keeps a hostile text from exhausting the stack.
const DEEPEST: usize = 200;
/// Stands around a fragment while it is read.
const WRAPPER: &str = "fragment";

/// What is wrong with a text, and where. Line and column count from 1, in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {row}, column {column}: {message}")]
pub struct Fault {
    /// Line.
    pub row: u32,
    /// Character within the line.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

/// Reads one document strictly and hands it to `visit`.
pub fn read_document<T>(text: &str, visit: impl FnOnce(&Document<'_>) -> T) -> Result<T, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_deep(text)?;
    let document = Document::parse(text).map_err(|error| fault(&error, text))?;
    match empty_prefix(&document) {
        Some((offset, message)) => {
            let (row, column) = position(text, offset);
            Err(Fault { row, column, message })
        }
        None => Ok(visit(&document)),
    }
}

/// Reads the text of `custom_xml`, a document or a row of elements, and hands it to `visit` as the children of one root.
pub fn read<T>(text: &str, visit: impl FnOnce(&Document<'_>) -> T) -> Result<T, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_deep(text)?;
    // An XML declaration may only stand at the very start. Blanks in its place keep line and column of what follows.
    let declaration = if text.starts_with("<?xml") { text.find("?>").map_or(0, |end| end + 2) } else { 0 };
    let (head, rest) = text.split_at(declaration);
    let blank: String = head.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
    let wrapped = format!("<{WRAPPER}>{blank}{rest}</{WRAPPER}>");
    let document = Document::parse(&wrapped).map_err(|error| unwrapped(fault(&error, &wrapped)))?;
    match stray_text(&document).or_else(|| empty_prefix(&document)).or_else(|| unknown_operation(&document)) {
        Some((offset, message)) => {
            let (row, column) = position(&wrapped, offset);
            Err(unwrapped(Fault { row, column, message }))
        }
        None => Ok(visit(&document)),
    }
}

/// A host PCI function that `custom_xml` gives to the VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostFunction {
    /// On the host.
    pub address: PciAddress,
    /// True where the guest does not see it.
    pub held: bool,
}

/// The host PCI functions that the text takes, by whatever element or argument; none where it does not read.
pub fn host_functions(text: &str) -> Vec<HostFunction> {
    let all = |document: &Document<'_>| {
        let elements = document.root_element().descendants().filter(Node::is_element);
        let mut found: Vec<HostFunction> = Vec::new();
        for function in elements.filter_map(host_function) {
            if found.iter().all(|known| known.address != function.address) {
                found.push(function);
            }
        }
        found
    };
    read(text, all).unwrap_or_default()
}

fn host_function(element: Node<'_, '_>) -> Option<HostFunction> {
    let name = element.tag_name().name();
    if name == "arg" {
        let address = argument(element.attribute("value")?)?;
        return Some(HostFunction { address, held: false });
    }
    let takes = match name {
        "hostdev" => "pci",
        "interface" => "hostdev",
        "disk" => "nvme",
        _ => return None,
    };
    let removes = element.attribute((NAMESPACE, "op")) == Some("remove");
    if removes || element.attribute("type") != Some(takes) {
        return None;
    }
    let address = child(child(element, "source")?, "address")?;
    let held = child(element, "address").is_some_and(|guest| guest.attribute("type") == Some("unassigned"));
    Some(HostFunction { address: pci_address(address)?, held })
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

/// The function in QEMU's own argument: `vfio-pci,host=01:00.0`, or the same in JSON.
fn argument(value: &str) -> Option<PciAddress> {
    let blank = |c: &char| !c.is_whitespace();
    let value: String = value.chars().filter(blank).collect();
    if !value.contains("vfio-pci") {
        return None;
    }
    let (_, rest) = value.split_once("host=").or_else(|| value.split_once("\"host\":\""))?;
    rest.split([',', '"']).next()?.parse().ok()
}

fn pci_address(node: Node<'_, '_>) -> Option<PciAddress> {
    let number = |name: &str| {
        let text = node.attribute(name)?.trim();
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
    };
    let small = |name: &str| u8::try_from(number(name)?).ok();
    let (domain, function) = (number("domain").unwrap_or(0), small("function").unwrap_or(0));
    Some(PciAddress { domain, bus: small("bus")?, slot: small("slot")?, function })
}

/// Text beside elements, of which libvirt has none; what stands in metadata is its owner's matter.
fn stray_text(document: &Document<'_>) -> Option<(usize, String)> {
    let is_text = |node: &Node<'_, '_>| node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty());
    let holds = |node: &Node<'_, '_>| {
        let whole = *node == document.root_element();
        let owned = || node.ancestors().any(|around| around.has_tag_name("metadata"));
        whole || (node.children().any(|child| child.is_element()) && !owned())
    };
    let holders = document.descendants().filter(Node::is_element).filter(holds);
    let stray = holders.flat_map(|node| node.children()).filter(is_text).min_by_key(|text| text.range().start)?;
    let blank = stray.text().map_or(0, |text| text.len() - text.trim_start().len());
    let what =
        if stray.parent() == Some(document.root_element()) { "outside of an element" } else { "beside elements" };
    Some((stray.range().start + blank, format!("text {what}")))
}

/// roxmltree takes `:name` for a name without a prefix, beside which `name` may stand; others refuse it.
fn empty_prefix(document: &Document<'_>) -> Option<(usize, String)> {
    let elements = document.descendants().filter(Node::is_element);
    let mut starts = elements.flat_map(|node| {
        let attributes = node.attributes().map(|attribute| attribute.range().start);
        [node.range().start + 1].into_iter().chain(attributes)
    });
    let is_bare = |start: &usize| document.input_text().get(*start..).is_some_and(|name| name.starts_with(':'));
    starts.find(is_bare).map(|start| (start, "a name begins with a colon".to_owned()))
}

/// What of our namespace is no operation on an element of the domain.
fn unknown_operation(document: &Document<'_>) -> Option<(usize, String)> {
    let elements = document.descendants().filter(Node::is_element);
    let attributes = elements.flat_map(|node| node.attributes().map(move |attribute| (node, attribute)));
    let mut ours = attributes.filter(|(_, attribute)| attribute.namespace() == Some(NAMESPACE));
    ours.find_map(|(node, attribute)| {
        let message = if attribute.name() != "op" {
            format!("unknown attribute '{}' of vmbuild's namespace, the only one is op", attribute.name())
        } else if !OPERATIONS.contains(&attribute.value()) {
            format!("unknown operation '{}', write remove or replace", attribute.value())
        } else if node.has_tag_name("domain") && node.parent() == Some(document.root_element()) {
            format!("the domain itself cannot be {}d, only what is in it", attribute.value())
        } else {
            return None;
        };
        Some((attribute.range().start, message))
    })
}

/// Takes the wrapper off the position of a fault.
fn unwrapped(fault: Fault) -> Fault {
    let added = if fault.row == 1 { u32::try_from(WRAPPER.len() + 2).unwrap_or(0) } else { 0 };
    Fault { column: fault.column.saturating_sub(added).max(1), ..fault }
}

/// roxmltree's error in our words. At the end of the text it knows no position, so that is found here.
fn fault(error: &Error, text: &str) -> Fault {
    let (row, column) = match error {
        Error::UnexpectedEndOfStream | Error::UnclosedRootNode | Error::NoRootNode => position(text, text.len()),
        other => (other.pos().row, other.pos().col),
    };
    let message = match error {
        Error::UnexpectedEndOfStream | Error::UnclosedRootNode => "the text ends within an element".to_owned(),
        Error::NoRootNode => "there is no element".to_owned(),
        Error::UnexpectedCloseTag(open, close, _) if close == WRAPPER => format!("<{open}> is not closed"),
        other => other.to_string().replace(&format!(" at {}", other.pos()), ""),
    };
    Fault { row, column, message }
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let count = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
    (count(before.matches('\n').count()), count(line.chars().count()))
}

/// Where tags are only text: how that begins and ends.
const OPAQUE: [(&str, &str); 3] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];

/// Counts tags without understanding them, before anything that recurses sees the text.
fn refuse_deep(text: &str) -> Result<(), Fault> {
    let mut depth = 0usize;
    let mut passed = 0;
    for (at, _) in text.match_indices('<') {
        let tag = text.get(at..).unwrap_or_default();
        if at < passed {
            continue;
        }
        if let Some((_, end)) = OPAQUE.iter().find(|(start, _)| tag.starts_with(start)) {
            passed = tag.find(end).map_or(text.len(), |end| at + end);
        } else if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !tag.starts_with("<!") {
            let empty = tag.find('>').is_some_and(|end| tag.get(..end).is_some_and(|inner| inner.ends_with('/')));
            depth += usize::from(!empty);
        }
        if depth > DEEPEST {
            let (row, column) = position(text, at);
            let message = format!("elements are nested more than {DEEPEST} deep");
            return Err(Fault { row, column, message });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn place(outcome: Result<(), Fault>) -> (u32, u32) {
        outcome.map_err(|fault| (fault.row, fault.column)).unwrap_err()
    }

    #[test]
    fn errors_have_line_and_column() {
        for (text, want) in [("<a>\n  <b>\n</a>", (3, 1)), ("<a/", (1, 4)), ("<a><x:b/></a>", (1, 5)), ("", (1, 1))] {
            assert_eq!(place(read_document(text, |_| ())), want, "{text}");
        }
        assert!(read_document("< a/>", |_| ()).is_err());
        assert!(read_document("<!DOCTYPE a><a/>", |_| ()).is_err());
    }

    #[test]
    fn errors_in_a_fragment_count_from_the_users_own_text() {
        for (text, want) in
            [("<a/", (1, 4)), ("<a/>\n words <b/>", (2, 2)), ("<a>\n<b></a>", (2, 4)), ("words", (1, 1))]
        {
            assert_eq!(place(read(text, |_| ())), want, "{text}");
        }
        let count = |text| read(text, |document| document.root_element().children().filter(Node::is_element).count());
        assert_eq!(count("<?xml version='1.0'?>\n<a/><b/>"), Ok(2));
        assert_eq!(count("\u{feff}<a/>"), Ok(1));
        assert_eq!(count(" \n<!-- nothing -->"), Ok(0));
    }

    #[test]
    fn operations_are_known_ones() {
        let with = |operation| format!("<a xmlns:v='{NAMESPACE}'>\n<b v:op='{operation}'/></a>");
        assert_eq!(read(&with("remove"), |_| ()), Ok(()));
        assert_eq!(place(read(&with("drop"), |_| ())), (2, 4));
        let refused =
            |text: &str| read(&format!("<domain xmlns:v='{NAMESPACE}' {text}/>"), |_| ()).unwrap_err().message;
        assert_eq!(refused("v:op='remove'"), "the domain itself cannot be removed, only what is in it");
        assert_eq!(refused("v:remove='yes'"), "unknown attribute 'remove' of vmbuild's namespace, the only one is op");
    }

    #[test]
    fn text_stands_alone_in_its_element() {
        let refused = |text: &str| read(text, |_| ()).unwrap_err();
        assert_eq!(refused("<devices>\n +<disk/></devices>").to_string(), "line 2, column 2: text beside elements");
        assert_eq!(refused("<a><b/></a> x").to_string(), "line 1, column 13: text outside of an element");
        for good in ["<name> x </name>", "<a> <b/>\n</a>", "<metadata><o:a xmlns:o='o'>x<o:b/></o:a></metadata>"] {
            assert_eq!(read(good, |_| ()), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_name_does_not_begin_with_a_colon() {
        assert_eq!(place(read("<a b='1'\n :b='2'/>", |_| ())), (2, 2));
        assert_eq!(place(read_document("<a><:b/></a>", |_| ())), (1, 5));
    }

    #[test]
    fn nesting_without_end_is_refused_before_it_exhausts_the_stack() {
        let hidden = |text: &str| text.repeat(100_000) + &"</a>".repeat(100_000);
        for text in [
            "<a>".repeat(100_000),
            hidden("<a>"),
            hidden("<a><!-- </a> -->"),
            hidden("<a><![CDATA[</a>]]>"),
            hidden("<a><?a </a>?>"),
        ] {
            assert!(read_document(&text, |_| ()).is_err_and(|fault| fault.message.contains("nested more than")));
            assert!(read(&text, |_| ()).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC*|[<>/a=' \\n!?-]*") {
            let _ = (read_document(&text, |_| ()), read(&text, |_| ()));
        }
    }
}
