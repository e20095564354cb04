//! What the XML of the review is compared with: which bases there are, and the text of the one that was chosen. Asks no
//! host; what it lacks is asked for by `app::asking`.

use super::options::Known;
use super::xml::{self, XmlLine};
use super::{Model, age};
use crate::case;
use crate::domain::{self, Detail};
use crate::facts::{DomainState, Fact};
use crate::spec::{Layer, Origin, Spec, Stacked};

/// What the XML is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// What templates and presets alone would give.
    #[default]
    Layers,
    /// What one of them would give.
    Layer(Origin),
    /// The XML when the review was left the last time.
    LastSeen,
    /// The XML before the last change.
    LastChange,
    /// A domain that is defined on the host, by its name.
    Domain(String),
    /// Nothing: the XML as it is.
    Nothing,
}

/// The text that the XML is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Against {
    /// Its lines.
    pub lines: Vec<XmlLine>,
    /// Why there are none.
    pub missing: Option<String>,
    /// What was left out of it, in words.
    pub left_out: String,
    /// When it was read, in seconds since 1970-01-01 UTC.
    pub seen_at: Option<u64>,
}

impl Base {
    /// In words, short.
    pub fn name(&self) -> String {
        match self {
            Self::Layers => "templates".into(),
            Self::Layer(origin) => origin.to_string(),
            Self::LastSeen => "last seen".into(),
            Self::LastChange => "last change".into(),
            Self::Domain(name) => format!("domain {name}"),
            Self::Nothing => "nothing".into(),
        }
    }
}

impl Against {
    fn of(lines: Vec<XmlLine>) -> Self {
        Self { lines, ..Self::default() }
    }

    fn missing(why: impl Into<String>) -> Self {
        Self { missing: Some(why.into()), ..Self::default() }
    }

    /// When it was read, in words; empty for what was not read from anywhere.
    pub fn age(&self, now: u64) -> String {
        self.seen_at.map(|at| age::age(now.saturating_sub(at))).unwrap_or_default()
    }
}

/// Everything that the XML can be compared with, in the order in which it is offered.
pub(super) fn bases(model: &Model, present: &Base) -> Vec<(Base, Known)> {
    let several = model.layers().nth(1).is_some();
    let single = model.layers().filter(|_| several).map(|layer| Base::Layer(layer.origin.clone()));
    let same = |name: &&str| **name == *model.name();
    let domains = || model.facts.domains.items().iter().map(|domain| domain.name.as_str());
    let named = domains().filter(same).chain(domains().filter(|name| !same(name)));
    let mut all = vec![Base::Layers];
    all.extend(single);
    all.extend([Base::LastSeen, Base::LastChange, Base::Nothing]);
    all.extend(named.map(|name| Base::Domain(name.to_owned())));
    let mut offered: Vec<_> = all.into_iter().map(|base| (base.clone(), offer(model, &base))).collect();
    if let Some(why) = model.facts.domains.why_not() {
        // The present one stays.
        offered.push((present.clone(), Known { value: "domains".into(), note: format!("not known: {why}") }));
    }
    offered
}

fn offer(model: &Model, base: &Base) -> Known {
    let note = match base {
        Base::Layers => "the XML from templates and presets alone".into(),
        Base::Layer(_) => "the XML from it alone".into(),
        Base::LastSeen => "the XML when you last left the review".into(),
        Base::LastChange => "the XML before the last change".into(),
        Base::Nothing => "the XML as it is".into(),
        Base::Domain(name) => {
            let domain = model.facts.domains.items().iter().find(|domain| domain.name == *name);
            let running = domain.is_some_and(|domain| domain.state == DomainState::Active);
            let state = if running { "it is running" } else { "it is not running" };
            if *name == model.name() { format!("defined under the name of this VM; {state}") } else { state.into() }
        }
    };
    Known { value: base.name(), note }
}

/// The text of the base that is chosen; `seen` is the XML when the review was left, `whole` shows all of a domain.
pub(super) fn against(model: &Model, base: &Base, seen: Option<&[XmlLine]>, whole: bool) -> Against {
    match base {
        Base::Layers => Against::of(of_layers(model, model.layers())),
        Base::Layer(origin) => match model.layers().find(|layer| layer.origin == *origin) {
            Some(layer) => Against::of(of_layers(model, [layer])),
            None => Against::missing(format!("{origin} is no longer in use; t compares with something else.")),
        },
        Base::LastSeen => match seen {
            Some(lines) => Against::of(lines.to_vec()),
            None => Against::missing("You have not left the review yet; t compares with something else."),
        },
        Base::LastChange => Against::of(model.xml_before.clone().unwrap_or_else(|| model.case.preview.lines.clone())),
        Base::Nothing => Against::of(model.case.preview.lines.clone()),
        Base::Domain(name) => of_domain(model, name, whole),
    }
}

/// What these layers alone would give.
fn of_layers<'a>(model: &Model, layers: impl IntoIterator<Item = &'a Layer>) -> Vec<XmlLine> {
    // The name of the template is part of the domain.
    let named = Spec { template: model.content.own.template.clone(), ..Spec::default() };
    let mut layers: Vec<Layer> = layers.into_iter().cloned().collect();
    layers.push(Layer { origin: Origin::User, spec: named });
    case::preview(&Stacked::of(&layers).spec, &model.facts).lines
}

fn of_domain(model: &Model, name: &str, whole: bool) -> Against {
    let (text, seen_at) = match model.facts.definitions.get(name) {
        None | Some(Fact::Pending) => return Against::missing(format!("Asking libvirt for the XML of {name}.")),
        Some(Fact::Unknown { why } | Fact::Denied { why }) => return Against::missing(why.clone()),
        Some(Fact::Known { value, seen_at, .. }) => (value, *seen_at),
    };
    let theirs = match domain::parse(text) {
        Ok(theirs) => theirs,
        Err(error) => return Against::missing(format!("The XML of {name} cannot be read: {error}.")),
    };
    let Some(ours) = model.case.preview.document.xml() else { return Against::missing("There is no XML to compare.") };
    let detail = if whole { Detail::Everything } else { Detail::Meaning };
    let comparison = domain::compare(ours, &theirs, detail);
    let left_out = if whole { String::new() } else { comparison.left_out() };
    Against { lines: xml::lines(&comparison.theirs), missing: None, left_out, seen_at: Some(seen_at) }
}
