//! A partial spec with a word on what it is for: the content of a preset or template file.

use super::{Problems, Spec, parse::parse_as, syntax};
use jsonc_parser::ast::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A partial spec and its description.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Described {
    /// What it is for, one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it sets.
    pub spec: Spec,
}

impl Described {
    /// Reads `{"description": ..., "spec": {...}}`, or a spec as it is, which has no description.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
        match syntax::tree(plain) {
            Ok(Value::Object(object)) if object.properties.iter().any(|p| p.name.as_str() == "spec") => parse_as(text),
            _ => super::parse(text).map(|spec| Self { description: String::new(), spec }),
        }
    }

    /// The text of a file that [`Self::parse`] reads; a plain spec where there is no description.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let text = if self.description.is_empty() {
            serde_json::to_string_pretty(&self.spec)
        } else {
            serde_json::to_string_pretty(self)
        };
        text.map(|text| text + "\n")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_forms_are_read_and_written() {
        let plain = Described::parse(r#"{"vcpus": 2}"#).unwrap();
        assert_eq!((plain.description.as_str(), plain.spec.vcpus), ("", Some(2)));
        assert_eq!(plain.to_json().unwrap(), "{\n  \"vcpus\": 2\n}\n");
        let described = Described { description: "for tests".into(), ..plain };
        assert_eq!(Described::parse(&described.to_json().unwrap()), Ok(described));
    }

    #[test]
    fn problems_stand_where_they_are_in_the_file() {
        let problems = Described::parse("{\n  \"description\": 5,\n  \"spec\": {\"vcpu\": 2}\n}").unwrap_err();
        let texts: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "2:18: description: expected a text, found the number 5: put it in double quotes",
                "3:12: spec: unknown field `vcpu`: did you mean `vcpus`?"
            ]
        );
        assert!(Described::parse("{").is_err());
    }
}
