//! What libvirt made of the XML that it was sent: how much it added, and what it did not keep.

use roxmltree::{Document, Node};
use std::collections::BTreeMap;

/// One clause for the step's note.
pub(super) fn note(sent: &str, stored: &str) -> String {
    let (Ok(sent), Ok(stored)) = (Document::parse(sent), Document::parse(stored)) else {
        return "what libvirt stored cannot be compared".into();
    };
    let (sent, stored) = (elements(sent.root_element()), elements(stored.root_element()));
    let surplus = |a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>| {
        let more = a.iter().map(|(path, n)| (path.clone(), n.saturating_sub(b.get(path).copied().unwrap_or(0))));
        more.filter(|(_, n)| *n > 0).collect::<Vec<_>>()
    };
    let added: usize = surplus(&stored, &sent).iter().map(|(_, n)| n).sum();
    let lost: Vec<String> = surplus(&sent, &stored).into_iter().map(|(path, _)| path).collect();
    let added = match added {
        0 => "libvirt stored what was sent".to_owned(),
        1 => "libvirt added 1 element".to_owned(),
        n => format!("libvirt added {n} elements"),
    };
    if lost.is_empty() { added } else { format!("{added}; it did not keep {}", lost.join(", ")) }
}

/// How often each path of element names occurs. Attributes are libvirt's to complete, and positions to shift.
fn elements(root: Node<'_, '_>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for node in root.descendants().filter(Node::is_element) {
        let mut names: Vec<_> = node.ancestors().filter(Node::is_element).map(|n| n.tag_name().name()).collect();
        names.reverse();
        *counts.entry(names.get(1..).unwrap_or_default().join("/")).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "<domain><name>a</name><devices><disk/><tpm/></devices></domain>";

    #[test]
    fn what_libvirt_adds_is_counted_and_what_it_drops_is_named() {
        assert_eq!(note(SENT, SENT), "libvirt stored what was sent");
        let stored = "<domain><name>a</name><uuid/><devices><disk><address/></disk><controller/></devices></domain>";
        assert_eq!(note(SENT, stored), "libvirt added 3 elements; it did not keep devices/tpm");
    }
}
