//! A JSON tree beside its JSON Schema: everything that does not fit. Knows the part of JSON Schema that schemars writes
//! for our types.

use super::suggest::{nearest, one_line, quoted, same_word};
use super::{Place, field, problem::Problem};
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use serde_json::Value;
use std::collections::HashSet;

/// Who has more to mend than this has given us the wrong file; finding line and column takes time for each.
const MOST: usize = 100;

/// No field of ours lies deeper, in segments of its place.
const DEEPEST: usize = 8;

/// What does not fit, in the order of the walk; the last one says so where there are more than are told.
pub(super) fn problems(text: &str, tree: &ast::Value<'_>, schema: &Value) -> Vec<Problem> {
    let mut walk = Walk { text, schema, problems: Vec::new(), values: Vec::new() };
    walk.value(tree, schema, &Place::root());
    if !walk.problems.is_empty() {
        // Without a wrong type the spec can be read, and the checks tell these with their remedies.
        walk.problems.append(&mut walk.values);
    }
    walk.problems
}

struct Walk<'a> {
    text: &'a str,
    schema: &'a Value,
    problems: Vec<Problem>,
    /// Texts of the right type that do not mean anything.
    values: Vec<Problem>,
}

/// What a value may be, read from a schema node.
#[derive(Default)]
struct Expected<'a> {
    object: Option<&'a Value>,
    items: Option<&'a Value>,
    words: Vec<&'a str>,
    integer: Option<(i128, i128)>,
    /// Names of the types that need no more telling: string, boolean, null; `any` where the node names no type.
    kinds: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &ast::Value<'_>, node: &'a Value, place: &Place) {
        if self.problems.len() > MOST {
            return;
        }
        let mut wanted = Expected::default();
        self.gather(node, &mut wanted);
        if wanted.takes("any") {
            return self.free(value, place);
        }
        match value {
            ast::Value::Object(object) => match wanted.object {
                Some(shape) => self.object(object, shape, place),
                None => self.wrong(value, &wanted, place),
            },
            ast::Value::Array(array) => match wanted.items {
                Some(items) => {
                    for (index, element) in array.elements.iter().enumerate() {
                        self.value(element, items, &place.clone().index(index));
                    }
                }
                None => self.wrong(value, &wanted, place),
            },
            ast::Value::StringLit(text) if wanted.takes("string") => self.meaning(value, &text.value, place),
            ast::Value::StringLit(text) if wanted.words.contains(&text.value.as_ref()) => {}
            ast::Value::StringLit(text) if !wanted.words.is_empty() => self.word(value, &text.value, &wanted, place),
            ast::Value::NumberLit(number) if wanted.integer.is_some_and(|range| within(number.value, range)) => {}
            ast::Value::BooleanLit(_) if wanted.takes("boolean") => {}
            ast::Value::NullKeyword(_) if wanted.takes("null") => {}
            _ => self.wrong(value, &wanted, place),
        }
    }

    fn object(&mut self, object: &ast::Object<'_>, shape: &'a Value, place: &Place) {
        self.twice(object, place);
        let fields = shape.get("properties").and_then(Value::as_object);
        for property in &object.properties {
            let name = property.name.as_str();
            let inner = place.clone().key(name);
            match (fields.and_then(|fields| fields.get(name)), shape.get("additionalProperties")) {
                (Some(field), _) => self.value(&property.value, field, &inner),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> = fields.into_iter().flat_map(|f| f.keys().map(String::as_str)).collect();
                    let remedy = self.way_out(name, &known, place);
                    let message = format!("unknown field `{}`", one_line(name));
                    self.report(property.name.start(), place, message, remedy);
                }
                (None, Some(other)) => self.value(&property.value, other, &inner),
                (None, None) => self.free(&property.value, &inner),
            }
        }
    }

    /// Where a field belongs, what was meant by it, or what there is.
    fn way_out(&self, name: &str, known: &[&str], place: &Place) -> String {
        let mut homes = homes(self, name);
        homes.retain(|home| home.within(place) || place.within(home));
        let homes: Vec<String> = homes.iter().map(home).collect();
        match nearest(name, known.iter().copied()) {
            _ if !homes.is_empty() => format!("it belongs {}", homes.join(" or ")),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known fields: {}", known.join(", ")),
        }
    }

    /// A text where the grammar of the field decides.
    fn meaning(&mut self, value: &ast::Value<'_>, text: &str, place: &Place) {
        if let Err(error) = field::read(place, text)
            && self.values.len() < MOST
        {
            self.values.push(Problem::at(self.text, value.start(), place.clone(), error.0, String::new()));
        }
    }

    /// A value that may be anything: only fields given twice are wrong in it.
    fn free(&mut self, value: &ast::Value<'_>, place: &Place) {
        match value {
            ast::Value::Object(object) => {
                self.twice(object, place);
                for property in &object.properties {
                    self.free(&property.value, &place.clone().key(property.name.as_str()));
                }
            }
            ast::Value::Array(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    self.free(element, &place.clone().index(index));
                }
            }
            _ => {}
        }
    }

    fn twice(&mut self, object: &ast::Object<'_>, place: &Place) {
        let mut names = HashSet::new();
        for property in &object.properties {
            if !names.insert(property.name.as_str()) {
                let inner = place.clone().key(property.name.as_str());
                self.report(property.name.start(), &inner, "given twice".to_owned(), "keep one of them".to_owned());
            }
        }
    }

    fn word(&mut self, value: &ast::Value<'_>, found: &str, wanted: &Expected<'_>, place: &Place) {
        let remedy = match nearest(found, wanted.words.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"? Known are {}", wanted.words.join(", ")),
            None => format!("known are {}", wanted.words.join(", ")),
        };
        self.report(value.start(), place, format!("unknown value {}", quoted(found)), remedy);
    }

    fn wrong(&mut self, value: &ast::Value<'_>, wanted: &Expected<'_>, place: &Place) {
        let message = format!("expected {}, found {}", wanted.name(whole_number(value)), found(value));
        self.report(value.start(), place, message, remedy(value, wanted));
    }

    fn report(&mut self, offset: usize, place: &Place, message: String, remedy: String) {
        if self.problems.len() < MOST {
            self.problems.push(Problem::at(self.text, offset, place.clone(), message, remedy));
        } else if self.problems.len() == MOST {
            let (message, remedy) = (format!("more than {MOST} problems"), "is this the right file?".to_owned());
            self.problems.push(Problem::at(self.text, offset, place.clone(), message, remedy));
        }
    }

    /// Reads a node with its references and alternatives followed.
    fn gather(&self, node: &'a Value, wanted: &mut Expected<'a>) {
        let alternatives = node.get("anyOf").or_else(|| node.get("oneOf")).and_then(Value::as_array);
        let target = node.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(target) = target.and_then(|pointer| self.schema.pointer(pointer)) {
            self.gather(target, wanted);
        } else if let Some(alternatives) = alternatives {
            for alternative in alternatives {
                self.gather(alternative, wanted);
            }
        } else {
            wanted.add(node);
        }
    }
}

impl<'a> Expected<'a> {
    fn add(&mut self, node: &'a Value) {
        let listed = |key: &str| node.get(key).and_then(Value::as_array).into_iter().flatten();
        let words = self.words.len();
        self.words.extend(listed("enum").chain(node.get("const")).filter_map(Value::as_str));
        if self.words.len() > words {
            return;
        }
        let kinds = listed("type").chain(node.get("type")).filter_map(Value::as_str);
        for kind in kinds.chain(node.get("type").is_none().then_some("any")) {
            match kind {
                "object" => self.object = Some(node),
                "array" => self.items = node.get("items"),
                "integer" => self.integer = Some(range(node)),
                kind => self.kinds.push(kind),
            }
        }
    }

    fn takes(&self, kind: &str) -> bool {
        self.kinds.contains(&kind)
    }

    /// In words; with the limits of a number where they tell something: where the number found is a whole one, or where
    /// they are not just those of its type.
    fn name(&self, limits: bool) -> String {
        let number = self.integer.map(|(least, most)| match most {
            most if most < i128::from(u32::MAX) => format!("a whole number from {least} to {most}"),
            most if limits && most < i128::from(u64::MAX) => format!("a whole number from {least} to {most}"),
            _ if limits && least > i128::from(i64::MIN) => format!("a whole number from {least} up"),
            _ => "a whole number".to_owned(),
        });
        let words = (!self.words.is_empty()).then(|| format!("one of the texts {}", self.words.join(", ")));
        let names = [
            self.object.map(|_| "an object".to_owned()),
            self.items.map(|_| "a list".to_owned()),
            number,
            words,
            self.takes("string").then(|| "a text".to_owned()),
            self.takes("boolean").then(|| "true or false".to_owned()),
        ];
        names.into_iter().flatten().collect::<Vec<_>>().join(" or ")
    }
}

/// The objects that have a field `name`, rows of lists as row 0.
fn homes(walk: &Walk<'_>, name: &str) -> Vec<Place> {
    let mut homes = Vec::new();
    let mut ahead = vec![(walk.schema, Place::root())];
    while let Some((node, place)) = ahead.pop() {
        let mut wanted = Expected::default();
        walk.gather(node, &mut wanted);
        if let Some(items) = wanted.items.filter(|_| place.0.len() < DEEPEST) {
            ahead.push((items, place.clone().index(0)));
        }
        let fields = wanted.object.and_then(|shape| shape.get("properties")).and_then(Value::as_object);
        for (field, node) in fields.into_iter().flatten().filter(|_| place.0.len() < DEEPEST) {
            if same_word(field, name) {
                homes.push(place.clone());
            }
            ahead.push((node, place.clone().key(field)));
        }
    }
    homes.sort_by_key(|place| place.0.len());
    homes
}

/// `into `storage``, `into a row of `networks``.
fn home(place: &Place) -> String {
    let text = place.to_string();
    match text.strip_suffix("[0]") {
        _ if text.is_empty() => "to the top level".to_owned(),
        Some(list) => format!("in a row of `{list}`"),
        None => format!("in `{text}`"),
    }
}

/// The numbers that a node takes: its own bounds, else those of the integer type named by `format`.
fn range(node: &Value) -> (i128, i128) {
    let bound = |key: &str| node.get(key).and_then(Value::as_i64).map(i128::from);
    let most = match node.get("format").and_then(Value::as_str) {
        Some("uint8") => i128::from(u8::MAX),
        Some("uint16") => i128::from(u16::MAX),
        Some("uint32") => i128::from(u32::MAX),
        _ => i128::from(u64::MAX),
    };
    (bound("minimum").unwrap_or(i128::from(i64::MIN)), bound("maximum").unwrap_or(most))
}

fn within(number: &str, (least, most): (i128, i128)) -> bool {
    number.parse::<i128>().is_ok_and(|n| least <= n && n <= most)
}

fn whole_number(value: &ast::Value<'_>) -> bool {
    matches!(value, ast::Value::NumberLit(number) if number.value.parse::<i128>().is_ok())
}

fn found(value: &ast::Value<'_>) -> String {
    match value {
        ast::Value::Object(_) => "an object".to_owned(),
        ast::Value::Array(_) => "a list".to_owned(),
        ast::Value::StringLit(text) => format!("the text \"{}\"", one_line(&text.value)),
        ast::Value::NumberLit(number) => format!("the number {}", number.value),
        ast::Value::BooleanLit(flag) => flag.value.to_string(),
        ast::Value::NullKeyword(_) => "null".to_owned(),
    }
}

/// The likely way out of a wrong type; empty where none is likely.
fn remedy(value: &ast::Value<'_>, wanted: &Expected<'_>) -> String {
    let way = match value {
        ast::Value::StringLit(text) if wanted.integer.is_some_and(|range| within(text.value.trim(), range)) => {
            "remove the quotes"
        }
        ast::Value::StringLit(text) if wanted.takes("boolean") && matches!(text.value.trim(), "true" | "false") => {
            "remove the quotes"
        }
        ast::Value::NumberLit(number) if wanted.integer.is_some() && number.value.contains(['.', 'e', 'E']) => {
            "write it without fraction and exponent"
        }
        ast::Value::NumberLit(_) if wanted.takes("string") && wanted.integer.is_none() => "put it in double quotes",
        value if wanted.items.is_some() && !matches!(value, ast::Value::NullKeyword(_)) => "put it in brackets: [ ]",
        _ => "",
    };
    way.to_owned()
}
