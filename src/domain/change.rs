//! What `custom_xml` did to the generated domain, element by element, so that checks can judge it.

use super::Element;
use super::identity::{self, number};
use super::same::amount;
use crate::spec::Place;

/// One thing that it did, or could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomChange {
    /// The element as users tell it from others: `<disk> vda`, `<driver> of <disk> vda`.
    pub element: String,
    /// The names on the way to it below the domain: `devices/disk/driver`; empty for the domain itself.
    pub path: String,
    /// The field that made the element, or the one around it.
    pub origin: Option<Place>,
    /// What became of it.
    pub deed: Deed,
}

/// What became of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Its attribute has another value.
    Attribute {
        /// Which.
        name: String,
        /// As generated.
        from: String,
        /// As it is now; empty where it is gone.
        to: String,
    },
    /// Its text has another value, units included.
    Text {
        /// As generated.
        from: String,
        /// As it is now.
        to: String,
    },
    /// It is gone, and with it what these fields made.
    Removed {
        /// The fields.
        fields: Vec<Place>,
    },
    /// It is a device beside those of its name that the fields make.
    Added {
        /// The generated devices of that name.
        beside: Vec<String>,
        /// What would tell which of them is meant, where the element lacks it.
        lacks: Option<String>,
    },
    /// The operation found nothing to work on.
    Missed {
        /// `remove` or `replace`.
        operation: String,
        /// What there is of that name.
        there: Vec<String>,
    },
}

/// The element around, as a change names it.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    label: Option<String>,
    path: String,
    origin: Option<Place>,
}

impl Around {
    /// What changes of `element`, a child of this one named `parent`, are said of.
    pub(super) fn child(&self, parent: &str, element: &Element) -> Self {
        let own = identity::label(parent, element);
        let label = match &self.label {
            _ if element.name == "devices" => None,
            Some(outer) => Some(format!("{own} of {outer}")),
            None => Some(own),
        };
        let slash = if self.path.is_empty() { "" } else { "/" };
        let path = format!("{}{slash}{}", self.path, element.name);
        Self { label, path, origin: element.origin.clone().or_else(|| self.origin.clone()) }
    }

    /// A change of it.
    pub(super) fn change(&self, deed: Deed) -> CustomChange {
        let element = self.label.clone().unwrap_or_else(|| "<domain>".into());
        CustomChange { element, path: self.path.clone(), origin: self.origin.clone(), deed }
    }
}

/// Notes that an attribute changes, unless both values mean the same.
pub(super) fn attribute(around: &Around, lower: &Element, name: &str, to: &str) -> Option<CustomChange> {
    let from = lower.attribute(name)?;
    // The unit is said with the text.
    let same = from == to
        || name == "unit"
        || number(from).is_some_and(|value| number(to) == Some(value))
        || (name == "address" && from.eq_ignore_ascii_case(to));
    (!same).then(|| around.change(Deed::Attribute { name: name.to_owned(), from: from.to_owned(), to: to.to_owned() }))
}

/// Notes that the text changes, unless both mean the same.
pub(super) fn text(around: &Around, lower: &Element, upper: &Element) -> Option<CustomChange> {
    let sized = lower.attribute("unit").is_some();
    let number = |element: &Element| element.own_text().trim().to_owned();
    // Without a unit libvirt counts in KiB.
    let told = |element: &Element| match element.attribute("unit") {
        _ if !sized => number(element),
        unit => format!("{} {}", number(element), unit.unwrap_or("KiB")),
    };
    let (from, to) = (told(lower), told(upper));
    let bytes = |element: &Element| amount(element, &number(element));
    let same = from == to || (sized && bytes(lower).is_some_and(|size| bytes(upper) == Some(size)));
    (!same).then(|| around.change(Deed::Text { from, to }))
}

/// Notes that an element goes away whole.
pub(super) fn removed(around: &Around, element: &Element) -> CustomChange {
    let mut fields = Vec::new();
    origins(element, &mut fields);
    around.change(Deed::Removed { fields })
}

fn origins(element: &Element, out: &mut Vec<Place>) {
    if let Some(origin) = element.origin.as_ref().filter(|origin| !out.contains(origin)) {
        out.push(origin.clone());
    }
    element.elements().for_each(|child| origins(child, out));
}

/// Notes what is lost where `upper` stands in the place of `lower`.
pub(super) fn replaced(around: &Around, lower: &Element, upper: &Element, out: &mut Vec<CustomChange>) {
    for (name, _) in &lower.attributes {
        out.extend(attribute(around, lower, name, upper.attribute(name).unwrap_or_default()));
    }
    if !lower.own_text().is_empty() {
        out.extend(text(around, lower, upper));
    }
    for child in lower.elements() {
        let around = around.child(&lower.name, child);
        let key = identity::identity(&lower.name, child);
        let same = |other: &&Element| other.name == child.name && identity::identity(&lower.name, other) == key;
        match upper.elements().find(same) {
            Some(other) => replaced(&around, child, other, out),
            None => out.push(removed(&around, child)),
        }
    }
}
