//! Layers put together: the template that they name and those it builds on beneath them, all merged, and which layer each
//! field came from. Reads no file; whoever calls knows the templates.

use super::merge::{fields, merge};
use super::suggest::{self, one_line};
use super::{Layer, Origin, Place, Spec};
use std::collections::BTreeMap;

/// The longest chain of templates; in a longer one nobody could tell where a value comes from.
pub const DEEPEST: usize = 8;

/// Layers merged, with the origin of every field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stacked {
    /// What all layers say together.
    pub spec: Spec,
    /// The layer of each simple field and each list: `memory`, `storage.disks`, `metadata.owner`.
    pub origins: BTreeMap<Place, Origin>,
    /// The templates beneath the other layers, the lowest first.
    pub templates: Vec<Layer>,
    /// Why these are not all templates that are named.
    pub error: Option<StackError>,
}

/// What is known of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// What it sets.
    Known(Box<Spec>),
    /// There is none of this name; the names there are.
    Missing(Vec<String>),
    /// Its file cannot be read, for this reason.
    Unreadable(String),
    /// The templates have not been read yet.
    Pending,
}

/// Why a template is not part of a stack. `Display` says what is wrong, [`StackError::remedy`] what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// Templates that name each other in a circle, from the first of it to the same again.
    #[error("template '{}' names itself: {}", .0.first().map_or("", String::as_str), .0.join(" → "))]
    Circle(Vec<String>),
    /// More than [`DEEPEST`] templates, each naming the next.
    #[error("templates are nested deeper than {DEEPEST}: {}", .0.join(" → "))]
    TooDeep(Vec<String>),
    /// There is none of this name.
    #[error("template '{}' not found", one_line(.name))]
    Missing {
        /// The name.
        name: String,
        /// The template whose field `template` names it; `None` for the spec or a preset.
        named_by: Option<String>,
        /// The names there are.
        known: Vec<String>,
    },
    /// Its file does not parse, or cannot be opened.
    #[error("template '{name}' cannot be read: {why}")]
    Unreadable {
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// Whether there is one of this name is not known yet.
    #[error("whether template '{}' exists is not known: the templates have not been read yet", one_line(.0))]
    Pending(String),
}

impl StackError {
    /// What to do; empty where the message says it already.
    pub fn remedy(&self) -> String {
        match self {
            Self::Circle(_) | Self::TooDeep(_) => "remove the field `template` from one of them".to_owned(),
            Self::Missing { name, named_by, known } => {
                let by = named_by.as_ref().map(|template| format!("template '{template}' names it; "));
                by.unwrap_or_default() + &suggest::known("template", name, known)
            }
            Self::Unreadable { .. } => "correct the file, or name another template".to_owned(),
            Self::Pending(_) => String::new(),
        }
    }
}

/// Merges `layers`, the lowest first, over the template that the topmost of them names and those that this one builds on;
/// `find` knows the templates. Where the chain breaks, what was found of it is beneath all the same, and the error says why.
pub fn stack(layers: &[Layer], find: &dyn Fn(&str) -> Template) -> Stacked {
    let named = layers.iter().rev().find_map(|layer| layer.spec.template.as_deref());
    let (templates, error) = named.map(|name| chain(name, find)).unwrap_or_default();
    let merged = Stacked::merged(templates.iter().chain(layers));
    Stacked { templates, error, ..merged }
}

/// The template `name` and those it builds on, the lowest first, and why these are not all.
fn chain(name: &str, find: &dyn Fn(&str) -> Template) -> (Vec<Layer>, Option<StackError>) {
    let mut names: Vec<String> = Vec::new();
    let mut layers: Vec<Layer> = Vec::new();
    let mut next = Some(name.to_owned());
    let mut error = None;
    while let Some(name) = next.take() {
        match step(&name, &names, find) {
            Ok(spec) => {
                next.clone_from(&spec.template);
                layers.insert(0, Layer { origin: Origin::Template(name.clone()), spec });
                names.push(name);
            }
            Err(why) => error = Some(why),
        }
    }
    (layers, error)
}

/// The template `name`, which the last of `names` names.
fn step(name: &str, names: &[String], find: &dyn Fn(&str) -> Template) -> Result<Spec, StackError> {
    let with = |from: usize| names.iter().skip(from).cloned().chain([name.to_owned()]).collect();
    if let Some(first) = names.iter().position(|known| known == name) {
        return Err(StackError::Circle(with(first)));
    }
    if names.len() == DEEPEST {
        return Err(StackError::TooDeep(with(0)));
    }
    let name = name.to_owned();
    match find(&name) {
        Template::Known(spec) => Ok(*spec),
        Template::Missing(known) => Err(StackError::Missing { name, named_by: names.last().cloned(), known }),
        Template::Unreadable(why) => Err(StackError::Unreadable { name, why }),
        Template::Pending => Err(StackError::Pending(name)),
    }
}

impl Stacked {
    /// `layers` alone, the lowest first; templates that they name are not looked for.
    pub fn of(layers: &[Layer]) -> Self {
        Self::merged(layers.iter())
    }

    fn merged<'a>(layers: impl Iterator<Item = &'a Layer>) -> Self {
        let mut stacked = Self::default();
        for Layer { origin, spec } in layers {
            stacked.spec = merge(&stacked.spec, spec);
            stacked.origins.retain(|place, _| !spec.nulls.iter().any(|null| place.within(null)));
            for place in fields(spec) {
                stacked.origins.insert(place, origin.clone());
            }
        }
        stacked
    }

    /// The layer that `place` came from: for a place within a list, that of the list; `None` where nothing is set.
    pub fn origin(&self, place: &Place) -> Option<&Origin> {
        let mut place = place.clone();
        loop {
            if let Some(origin) = self.origins.get(&place) {
                return Some(origin);
            }
            place.0.pop()?;
        }
    }
}

/// A spec without layers beneath it.
impl From<Spec> for Stacked {
    fn from(spec: Spec) -> Self {
        Self { spec, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn layer(origin: Origin, value: Value) -> Layer {
        Layer { origin, spec: serde_json::from_value(value).unwrap() }
    }

    fn user(value: Value) -> Layer {
        layer(Origin::User, value)
    }

    /// `user` over templates by name.
    fn stacked(templates: &[(&str, Value)], layers: &[Layer]) -> Stacked {
        stack(layers, &|name| match templates.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => Template::Known(serde_json::from_value(value.clone()).unwrap()),
            None => Template::Missing(templates.iter().map(|(name, _)| (*name).to_owned()).collect()),
        })
    }

    fn error(templates: &[(&str, Value)], name: &str) -> StackError {
        stacked(templates, &[user(json!({ "template": name }))]).error.unwrap()
    }

    #[test]
    fn every_field_knows_its_layer() {
        let template = Origin::Template("base".into());
        let below = json!({"memory": 1, "vcpus": 1, "storage": {"default_pool": "a", "disks": [{"size": 1}]}});
        let layers = [layer(template.clone(), below), user(json!({"memory": 2, "storage": {"default_pool": "b"}}))];
        let stacked = Stacked::of(&layers);
        let origin = |text: &str| stacked.origin(&text.parse().unwrap());
        assert_eq!(origin("memory"), Some(&Origin::User));
        assert_eq!(origin("storage.default_pool"), Some(&Origin::User));
        assert_eq!(origin("vcpus"), Some(&template));
        assert_eq!(origin("storage.disks[0].size"), Some(&template));
        assert_eq!(origin("name"), None);
        assert_eq!(origin("storage"), None);
        assert_eq!(template.to_string(), "template base");
    }

    #[test]
    fn a_spec_is_laid_over_its_template_and_what_that_builds_on() {
        let templates = [
            ("base", json!({"memory": 1024, "vcpus": 1, "uefi": true})),
            ("web", json!({"template": "base", "memory": 2048, "vcpus": 2})),
        ];
        let stacked = stacked(&templates, &[user(json!({"name": "x", "template": "web", "vcpus": 4}))]);
        let want = json!({"name": "x", "template": "web", "memory": 2048, "vcpus": 4, "uefi": true});
        assert_eq!((serde_json::to_value(&stacked.spec).unwrap(), stacked.error.as_ref()), (want, None));
        let origin = |field: &str| stacked.origin(&field.parse().unwrap()).unwrap().to_string();
        assert_eq!(
            (origin("uefi").as_str(), origin("memory").as_str(), origin("vcpus").as_str()),
            ("template base", "template web", "you")
        );
    }

    #[test]
    fn null_takes_away_what_a_template_sets() {
        let below = json!({
            "uefi": true, "boot": {"order": ["disk"], "menu": true}, "cloud_init": {"user": "ops"},
            "cpu": {"mode": "maximum", "topology": {"sockets": 1, "threads": 2}}, "metadata": {"owner": "ops", "tier": 1},
        });
        let own = json!({
            "template": "t", "uefi": null, "boot": {"menu": null}, "cloud_init": null,
            "cpu": {"topology": {"threads": null}}, "metadata": {"owner": null},
        });
        let stacked = stacked(&[("t", below)], &[user(own)]);
        let want = json!({
            "template": "t", "boot": {"order": ["disk"]}, "cpu": {"mode": "maximum", "topology": {"sockets": 1}},
            "metadata": {"tier": 1},
        });
        assert_eq!(
            Spec { nulls: std::collections::BTreeSet::new(), ..stacked.spec.clone() },
            serde_json::from_value(want).unwrap()
        );
        assert_eq!(stacked.origin(&"uefi".parse().unwrap()), None);
        assert_eq!(stacked.origin(&"boot.menu".parse().unwrap()), None);
        // What is saved over the same template says the same.
        let again = serde_json::to_value(&stacked.spec).unwrap();
        assert_eq!((&again["uefi"], &again["boot"]["menu"]), (&Value::Null, &Value::Null));
        assert!(again.as_object().unwrap().contains_key("cloud_init"), "{again}");
    }

    #[test]
    fn the_template_that_the_topmost_layer_names_is_beneath_all() {
        let templates = [("a", json!({"vcpus": 1})), ("b", json!({"vcpus": 2}))];
        let preset = layer(Origin::Preset("p".into()), json!({"template": "a", "memory": 1}));
        let of_preset = stacked(&templates, &[preset.clone(), user(json!({"name": "x"}))]);
        assert_eq!((of_preset.spec.vcpus, of_preset.templates.len()), (Some(1), 1));
        let of_user = stacked(&templates, &[preset, user(json!({"template": "b"}))]);
        assert_eq!((of_user.spec.vcpus, of_user.templates.len()), (Some(2), 1));
    }

    #[test]
    fn a_missing_template_is_named_in_the_contracts_words_and_the_rest_is_merged() {
        let templates = [("web", json!({"template": "bse", "vcpus": 3})), ("base", json!({}))];
        let error = error(&templates, "centos-minimal");
        assert_eq!(error.to_string(), "template 'centos-minimal' not found");
        assert_eq!(error.remedy(), "known are web, base");
        let stacked = stacked(&templates, &[user(json!({"template": "web", "memory": 1}))]);
        let error = stacked.error.unwrap();
        assert_eq!(error.to_string(), "template 'bse' not found");
        assert_eq!(error.remedy(), "template 'web' names it; did you mean 'base'?");
        assert_eq!(stacked.spec.vcpus, Some(3), "what was found counts");
    }

    #[test]
    fn a_circle_and_a_chain_that_is_too_deep_end() {
        let circle = [
            ("a", json!({"template": "b"})),
            ("b", json!({"template": "c", "vcpus": 2})),
            ("c", json!({"template": "b"})),
            ("s", json!({"template": "s"})),
        ];
        assert_eq!(error(&circle, "a").to_string(), "template 'b' names itself: b → c → b");
        assert_eq!(error(&circle, "s").to_string(), "template 's' names itself: s → s");
        assert_eq!(stacked(&circle, &[user(json!({"template": "a"}))]).spec.vcpus, Some(2));
        let tower: Vec<(String, Value)> =
            (0..9).map(|at| (format!("t{at}"), json!({"template": format!("t{}", at + 1)}))).collect();
        let mut tower: Vec<(&str, Value)> = tower.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        assert!(matches!(error(&tower, "t0"), StackError::TooDeep(names) if names.len() == DEEPEST + 1));
        tower.truncate(DEEPEST);
        tower[DEEPEST - 1].1 = json!({"vcpus": 1});
        assert_eq!(stacked(&tower, &[user(json!({"template": "t0"}))]).error, None);
    }

    #[test]
    fn what_was_not_read_or_cannot_be_is_told_apart_from_what_is_not_there() {
        let named = [user(json!({"template": "a"}))];
        let pending = stack(&named, &|_| Template::Pending).error.unwrap();
        assert_eq!(pending, StackError::Pending("a".into()));
        let broken = stack(&named, &|_| Template::Unreadable("a.json:1:2: no".into())).error.unwrap();
        assert_eq!(broken.to_string(), "template 'a' cannot be read: a.json:1:2: no");
    }
}
