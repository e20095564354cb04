//! One argument of virt-install: an option with its words, in the quoting of its own that virt-install takes apart.

use super::leaf::{Leaf, leaves};
use super::words::{Flag, Makes, OF_DEVICES};
use crate::domain::Element;
use crate::spec::Place;
use crate::units::{Bytes, KIB, MIB};

/// An argument and the field that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    /// `--disk=path=/a.qcow2,size=20`.
    pub(super) text: String,
    /// The field of the spec; `None` for what is always there.
    pub(super) origin: Option<Place>,
}

impl Argument {
    /// An option that takes no words, or one that is written already.
    pub(super) fn new(text: impl Into<String>, origin: Option<&Place>) -> Self {
        Self { text: text.into(), origin: origin.cloned() }
    }
}

/// What an option says of an element, and what it has no words for.
#[derive(Debug, Default)]
pub(super) struct OptionWords {
    /// `target.dev=vda`.
    pub(super) said: Vec<String>,
    /// What only a path in the XML can say.
    pub(super) unsaid: Vec<Leaf>,
    /// Paths of what virt-install adds and the domain does not have.
    pub(super) unasked: Vec<&'static str>,
}

impl OptionWords {
    /// Of leaves that `skip` does not drop.
    pub(super) fn of(flag: &Flag, leaves: &[Leaf], skip: impl Fn(&Leaf) -> bool) -> Self {
        let mut words = Self::default();
        let device = matches!(flag.makes, Makes::Device(_));
        let amounts: Vec<(Leaf, String)> = leaves.iter().filter_map(|leaf| amount(flag, leaf, leaves)).collect();
        // virt-install multiplies the parts of a topology that it has words for, and clusters are none.
        let is_whole = |leaf: &Leaf| leaf.is_below("topology") && leaves.iter().any(|it| it.is_at("topology.clusters"));
        let is_unit = |leaf: &Leaf| amounts.iter().any(|(amount, _)| leaf.is_unit_of(amount));
        for leaf in leaves.iter().filter(|leaf| !skip(leaf) && !is_unit(leaf)) {
            let known = flag.words.iter().chain(if device { OF_DEVICES } else { &[] });
            let amount = amounts.iter().find(|(amount, _)| amount == leaf).map(|(_, word)| word.clone());
            let word =
                || known.filter(|word| !word.contains(':') && !is_whole(leaf)).find_map(|word| leaf.named_by(word));
            match amount.or_else(|| word().map(|word| said(&word, leaf.value.as_deref()))) {
                Some(word) => words.said.push(word),
                None => words.unsaid.push(leaf.clone()),
            }
        }
        words
    }

    /// The argument, with the paths in it that only a device takes.
    pub(super) fn argument(mut self, flag: &str, origin: Option<&Place>) -> Option<Argument> {
        for (number, leaf) in self.unsaid.iter().enumerate() {
            let path = leaf.xpath();
            match leaf.value.as_deref() {
                None => self.said.push(said(&format!("xpath{number}.create"), Some(&path))),
                Some(value) if is_plain(value) => self.said.push(format!("xpath{number}.set={path}={value}")),
                Some(value) => {
                    self.said.push(said(&format!("xpath{number}.set"), Some(&path)));
                    self.said.push(said(&format!("xpath{number}.value"), Some(value)));
                }
            }
        }
        let first = self.unsaid.len();
        for (number, path) in self.unasked.iter().enumerate() {
            // To delete an attribute deletes its element; set to nothing it is gone.
            let (act, end) = if path.contains('@') { ("set", "=") } else { ("delete", "") };
            self.said.push(format!("xpath{}.{act}={path}{end}", first + number));
        }
        (!self.said.is_empty()).then(|| Argument::new(format!("{flag}={}", self.said.join(",")), origin))
    }
}

/// `--xml` for each of `leaves`, whose paths begin at the domain.
pub(super) fn by_path<'a>(leaves: &'a [Leaf], origin: Option<&'a Place>) -> impl Iterator<Item = Argument> + 'a {
    leaves.iter().map(move |leaf| {
        let path = leaf.xpath();
        let text = match leaf.value.as_deref() {
            None => format!("--xml={}", said("xpath.create", Some(&path))),
            Some(value) if is_plain(value) => format!("--xml={path}={value}"),
            Some(value) => format!("--xml={},{}", said("xpath.set", Some(&path)), said("xpath.value", Some(value))),
        };
        Argument::new(text, origin)
    })
}

/// The leaves of a child of the domain, with paths that begin at the domain.
pub(super) fn leaves_of_domain(child: &Element) -> Vec<Leaf> {
    leaves(child).into_iter().map(|leaf| leaf.below(&child.name)).collect()
}

/// A word with its value, in quotes where virt-install would take it apart; without one it is switched on.
pub(super) fn said(word: &str, value: Option<&str>) -> String {
    let value = value.unwrap_or("on");
    if value.contains([',', '"', '\'', '\\']) {
        format!("{word}=\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
    } else {
        format!("{word}={value}")
    }
}

/// A value that stands behind a path as it is: the last `=` is taken for the one between them.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || "_-./:+@ ".contains(c))
}

/// The leaf of an amount, and what is said of it, where the option counts MiB and it is a whole number of them.
fn amount(flag: &Flag, leaf: &Leaf, all: &[Leaf]) -> Option<(Leaf, String)> {
    let word = flag.words.iter().filter_map(|word| word.strip_suffix(":MiB")).find_map(|word| leaf.named_by(word))?;
    let unit = all.iter().find(|unit| unit.is_unit_of(leaf)).and_then(|unit| unit.value.clone());
    let text = format!("{}{}", leaf.value.as_deref()?, unit.unwrap_or_default());
    let bytes = Bytes::parse_in(&text, KIB).ok()?.0;
    bytes.is_multiple_of(MIB).then(|| (leaf.clone(), said(&word, Some(&(bytes / MIB).to_string()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_virt_install_would_take_apart_is_quoted() {
        assert_eq!(said("path", Some("/a b.img")), "path=/a b.img");
        assert_eq!(said("path", Some("/a,b\"c\\.img")), r#"path="/a,b\"c\\.img""#);
        assert_eq!(said("readonly", None), "readonly=on");
    }
}
