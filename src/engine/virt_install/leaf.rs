//! An element taken apart: each attribute and each text with the path that leads to it.

use crate::domain::{Element, Node};

/// An attribute, a text, or an element that has neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The elements on the way, from the one that was taken apart, which is not among them.
    steps: Vec<PathStep>,
    /// Name of the attribute; `None` for a text or an empty element.
    attribute: Option<String>,
    /// The value; `None` for an empty element.
    pub(super) value: Option<String>,
}

/// An element among its siblings of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PathStep {
    name: String,
    /// From 0.
    number: usize,
    /// It is not the only one of its name.
    is_one_of_many: bool,
}

/// The leaves of `element` in the order of the document.
pub(super) fn leaves(element: &Element) -> Vec<Leaf> {
    let mut out = Vec::new();
    gather(element, &[], &mut out);
    out
}

fn gather(element: &Element, steps: &[PathStep], out: &mut Vec<Leaf>) {
    let leaf = |attribute: Option<&str>, value: Option<String>| Leaf {
        steps: steps.to_vec(),
        attribute: attribute.map(str::to_owned),
        value,
    };
    let namespaces = |name: &str| name == "xmlns" || name.starts_with("xmlns:");
    let attributes = element.attributes.iter().filter(|(name, _)| !namespaces(name));
    out.extend(attributes.map(|(name, value)| leaf(Some(name), Some(value.to_string()))));
    let text = element.own_text();
    if !text.trim().is_empty() {
        out.push(leaf(None, Some(text.trim().to_owned())));
    }
    let is_empty = !element.children.iter().any(|node| !matches!(node, Node::Comment(_)));
    if is_empty && element.attributes.is_empty() {
        out.push(leaf(None, None));
    }
    let children: Vec<&Element> = element.elements().collect();
    for (at, child) in children.iter().enumerate() {
        let like = |other: &&&Element| other.name == child.name;
        let number = children.iter().take(at).filter(like).count();
        let is_one_of_many = children.iter().filter(like).count() > 1;
        let step = PathStep { name: child.name.to_string(), number, is_one_of_many };
        gather(child, &[steps, &[step]].concat(), out);
    }
}

impl Leaf {
    /// The same below another element, which is the only one of its name.
    pub(super) fn below(mut self, name: &str) -> Self {
        self.steps.insert(0, PathStep { name: name.to_owned(), number: 0, is_one_of_many: false });
        self
    }

    /// True for the unit of the amount that `other` is.
    pub(super) fn is_unit_of(&self, other: &Self) -> bool {
        self.attribute.as_deref() == Some("unit") && other.attribute.is_none() && self.steps == other.steps
    }

    /// True for what is at this path: names of elements, then of the attribute, with dots.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.plain() == path
    }

    /// True for what is within the element `name`, itself directly within that which was taken apart.
    pub(super) fn is_below(&self, name: &str) -> bool {
        self.steps.first().is_some_and(|step| step.name == name)
    }

    fn plain(&self) -> String {
        let names = self.steps.iter().map(|step| step.name.as_str()).chain(self.attribute.as_deref());
        names.collect::<Vec<_>>().join(".")
    }

    /// The word in which `pattern` names it, if it does: the numbers in the places of `#`.
    pub(super) fn named_by(&self, pattern: &str) -> Option<String> {
        let (path, word) = pattern.split_once('>').unwrap_or((pattern, pattern));
        let mut numbers = Vec::new();
        let mut names = path.split('.');
        for step in &self.steps {
            match names.next()?.strip_suffix('#') {
                Some(name) if name == step.name => numbers.push(step.number),
                None if !step.is_one_of_many => {}
                _ => return None,
            }
        }
        (path.replace('#', "") == self.plain()).then(|| {
            numbers.into_iter().fold(word.to_owned(), |word, number| word.replacen('#', &number.to_string(), 1))
        })
    }

    /// Its path for XPath, from the element that was taken apart.
    pub(super) fn xpath(&self) -> String {
        let steps = self.steps.iter().map(|step| {
            let number = if step.is_one_of_many { format!("[{}]", step.number + 1) } else { String::new() };
            format!("/{}{number}", step.name)
        });
        let attribute = self.attribute.iter().map(|name| format!("/@{name}"));
        std::iter::once(".".to_owned()).chain(steps).chain(attribute).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::parse;

    #[test]
    fn every_attribute_text_and_empty_element_has_its_path() {
        let xml =
            "<cpu mode='custom'><model fallback='forbid'>EPYC</model><feature name='a'/><feature name='b'/><x/></cpu>";
        let leaves = leaves(&parse(xml).unwrap());
        let paths: Vec<_> = leaves.iter().map(|leaf| (leaf.xpath(), leaf.value.as_deref())).collect();
        let want = [
            ("./@mode", Some("custom")),
            ("./model/@fallback", Some("forbid")),
            ("./model", Some("EPYC")),
            ("./feature[1]/@name", Some("a")),
            ("./feature[2]/@name", Some("b")),
            ("./x", None),
        ];
        assert_eq!(paths, want.map(|(path, value)| (path.to_owned(), value)));
    }

    #[test]
    fn a_word_names_a_leaf_with_its_numbers() {
        let xml = "<cputune><vcpupin vcpu='0'/><vcpupin vcpu='1'/><quota>5</quota></cputune>";
        let leaves = leaves(&parse(xml).unwrap());
        let named = |at: usize, pattern: &str| leaves[at].named_by(pattern);
        assert_eq!(named(1, "vcpupin#.vcpu").as_deref(), Some("vcpupin1.vcpu"));
        assert_eq!(named(1, "vcpupin#.vcpu>pin#.cpu").as_deref(), Some("pin1.cpu"));
        assert_eq!(named(1, "vcpupin.vcpu"), None, "one of many has a number");
        assert_eq!(named(2, "quota").as_deref(), Some("quota"));
        assert_eq!(named(2, "quota.x"), None);
    }
}
