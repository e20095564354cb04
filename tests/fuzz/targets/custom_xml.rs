//! Any bytes as `custom_xml` over a generated domain: refused or merged, never a panic; what is merged reads back, and no
//! element of it is lost.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use vmbuild::checks::{self, Allowed};
use vmbuild::domain::{self, Deed, Element, Node};
use vmbuild::facts::Facts;
use vmbuild::machine::{Machine, machine};
use vmbuild::spec::{self, Spec, custom_xml};

static HOST: LazyLock<Facts> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../golden/facts/workstation.json")).expect("recorded facts")
});
static BASE: LazyLock<(Spec, Machine)> = LazyLock::new(|| {
    let text = include_str!("../../golden/gpu-passthrough-workstation/spec.json");
    let spec = spec::parse(text).expect("a golden spec");
    let machine = machine(&spec, &HOST);
    (spec, machine)
});

/// Without origins, and with attributes in an order: reading puts declarations of namespaces first.
fn plain(element: &Element) -> Element {
    let mut plain = Element { origin: None, ..element.clone() };
    plain.attributes.sort();
    // Texts side by side are read as one, and blanks beside elements as none.
    let mut nodes: Vec<Node> = Vec::new();
    for node in std::mem::take(&mut plain.children) {
        match (nodes.last_mut(), node) {
            (Some(Node::Text(before)), Node::Text(text)) => *before = format!("{before}{text}").into(),
            (_, node) => nodes.push(node),
        }
    }
    let mixed = nodes.iter().any(|node| matches!(node, Node::Element(_)));
    nodes.retain(|node| !matches!(node, Node::Text(text) if mixed && text.trim().is_empty()));
    plain.children = nodes;
    plain.elements_mut().for_each(|child| *child = self::plain(child));
    plain
}

/// Elements of this and below.
fn count(element: &Element) -> usize {
    1 + element.elements().map(count).sum::<usize>()
}

/// Elements of this name.
fn named(element: &Element, name: &str) -> usize {
    usize::from(element.name == name) + element.elements().map(|child| named(child, name)).sum::<usize>()
}

fuzz_target!(|text: &str| {
    let (spec, machine) = &*BASE;
    let spec = Spec { custom_xml: Some(text.to_owned()), ..spec.clone() };
    let report = checks::report(&spec, &HOST, machine, &Allowed::default());
    let merged = domain::merged(&spec, machine);
    assert_eq!(merged.is_err(), custom_xml::read(text, |_| ()).is_err());
    let Ok((tree, changes)) = merged else {
        let blank = text.trim().is_empty();
        let said = report.blockers().any(|finding| finding.code() == "XML-MALFORMED");
        assert!(blank || said, "refused by the merge alone");
        return;
    };
    let written = tree.to_xml();
    let again = domain::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(plain(&again), plain(&tree), "{written}");
    let takes_away = |deed: &Deed| matches!(deed, Deed::Removed { .. } | Deed::Missed { .. });
    if changes.iter().any(|change| takes_away(&change.deed)) || text.contains("op") {
        return;
    }
    let generated = domain::generated(&spec, machine);
    assert!(count(&tree) >= count(&generated), "a generated element is gone\n{written}");
    for wanted in custom_xml::read(text, names).unwrap_or_default() {
        assert!(named(&tree, &wanted) > 0, "<{wanted}> is lost\n{written}");
    }
});

/// The names of the elements of a text, prefix included, those that stand for their children alone left out.
fn names(document: &roxmltree::Document<'_>) -> Vec<String> {
    let text = document.input_text();
    let elements = document.root_element().descendants().skip(1).filter(roxmltree::Node::is_element);
    elements
        .map(|element| {
            let name = &text[element.range().start + 1..];
            name[..name.find(|c: char| c.is_whitespace() || "/>".contains(c)).unwrap_or(name.len())].to_owned()
        })
        .filter(|name| name != "domain" && name != "devices")
        .collect()
}
