//! What the texts of fields mean: text in, JSON value of the spec or the reason why not out; and back for showing.

use super::rows;
use crate::spec::{CpuLimit, Grammar};
use crate::units::{Bytes, CpuSet, GIB, MIB, MacAddr, PciAddress, PciIds, VmName};
use serde_json::{Map, Value};

/// What a text turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// Nothing: the field is not set.
    Empty,
    /// A value.
    Value(Value),
    /// Not a value of this kind. The spec may still hold it as text where its field is a text.
    Wrong {
        /// What the spec can hold of it.
        stored: Option<Value>,
        /// What is wrong and what to type.
        why: String,
    },
}

/// Reads the text of a field.
pub fn read(grammar: Grammar, text: &str) -> Reading {
    if text.trim().is_empty() {
        return Reading::Empty;
    }
    match grammar {
        // Rows and objects have no text of their own; words and switches are not typed.
        Grammar::Text | Grammar::Word | Grammar::Switch | Grammar::Rows | Grammar::Members => {
            Reading::Value(text.into())
        }
        Grammar::Name => kept(text, text.parse::<VmName>().map(|_| text.into())),
        Grammar::Memory => kept(text, Bytes::parse_in(text, MIB).map(|_| amount(text))),
        Grammar::DiskSize => kept(text, Bytes::parse_in(text, GIB).map(|_| amount(text))),
        Grammar::Mac => kept(text, text.parse::<MacAddr>().map(|_| text.trim().into())),
        Grammar::PciAddress => kept(text, text.parse::<PciAddress>().map(|address| address.to_string().into())),
        Grammar::PciIds => kept(text, text.parse::<PciIds>().map(|_| text.into())),
        Grammar::CpuTime => kept(text, CpuLimit::Text(text.into()).thousandths().map(|_| text.into())),
        Grammar::PageSize if text.trim() == "auto" => Reading::Value(text.into()),
        Grammar::PageSize => kept(text, text.parse::<Bytes>().map(|_| text.into())),
        // The text of one position.
        Grammar::CpuSet | Grammar::Positions => kept(text, text.parse::<CpuSet>().map(|_| text.into())),
        Grammar::Count => number(text, 1, u64::from(u32::MAX)),
        Grammar::Whole => number(text, 0, u64::from(u32::MAX)),
        Grammar::Port => number(text, 1, u64::from(u16::MAX)),
        Grammar::List => Reading::Value(text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()),
        Grammar::Pairs => pairs(text),
        Grammar::Cells => by_line(text, rows::cell),
        Grammar::Usb => by_line(text, rows::usb),
        Grammar::Mediated => by_line(text, rows::mediated),
        Grammar::Shares => by_line(text, rows::share),
    }
}

/// A list, one row per line.
fn by_line(text: &str, row: fn(&str) -> Result<Value, String>) -> Reading {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match lines.map(row).collect::<Result<Vec<_>, _>>() {
        Ok(rows) => Reading::Value(rows.into()),
        Err(why) => Reading::Wrong { stored: None, why },
    }
}

/// A text that the spec holds even where it is wrong.
fn kept<E: std::fmt::Display>(text: &str, parsed: Result<Value, E>) -> Reading {
    match parsed {
        Ok(value) => Reading::Value(value),
        Err(error) => Reading::Wrong { stored: Some(text.into()), why: error.to_string() },
    }
}

/// Bare whole numbers stay numbers, as the spec has them.
fn amount(text: &str) -> Value {
    text.trim().parse::<u64>().map_or_else(|_| text.trim().into(), Value::from)
}

fn number(text: &str, least: u64, most: u64) -> Reading {
    match text.trim().parse::<u64>() {
        Ok(number) if (least..=most).contains(&number) => Reading::Value(number.into()),
        _ => Reading::Wrong {
            stored: None,
            why: format!("'{}' is not a whole number from {least} to {most}", text.trim()),
        },
    }
}

fn pairs(text: &str) -> Reading {
    let mut map = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once('=') else {
            return Reading::Wrong {
                stored: None,
                why: format!("'{line}' has no '=': write key = value, one per line"),
            };
        };
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            return Reading::Wrong { stored: None, why: format!("'{line}' has no key before '='") };
        }
        map.insert(key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into()));
    }
    Reading::Value(Value::Object(map))
}

/// The text that shows `value` in a field of this grammar, and from which editing starts.
pub fn show(grammar: Grammar, value: &Value) -> String {
    match (grammar, value) {
        (Grammar::Memory, Value::Number(n)) => n.as_u64().map_or_else(|| n.to_string(), |n| in_unit(n, MIB)),
        (Grammar::DiskSize, Value::Number(n)) => n.as_u64().map_or_else(|| n.to_string(), |n| in_unit(n, GIB)),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Bool(on)) => if *on { "yes" } else { "no" }.to_owned(),
        (Grammar::Cells, Value::Array(rows)) => rows.iter().map(rows::show_cell).collect::<Vec<_>>().join("\n"),
        (Grammar::Usb, Value::Array(rows)) => rows.iter().map(rows::show_usb).collect::<Vec<_>>().join("\n"),
        (Grammar::Mediated, Value::Array(rows)) => rows.iter().map(rows::show_mediated).collect::<Vec<_>>().join("\n"),
        (Grammar::Shares, Value::Array(rows)) => rows.iter().map(rows::show_share).collect::<Vec<_>>().join("\n"),
        (_, Value::Array(rows)) => rows.iter().map(|row| show(grammar, row)).collect::<Vec<_>>().join("\n"),
        (Grammar::Pairs, Value::Object(map)) => {
            let line = |(key, value): (&String, &Value)| format!("{key} = {}", pair_value(value));
            map.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        (_, Value::Null) => String::new(),
        (_, other) => other.to_string(),
    }
}

/// A text that would be read back as something else is written in quotes.
fn pair_value(value: &Value) -> String {
    match value {
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() && text.trim() == text => text.clone(),
        other => other.to_string(),
    }
}

fn in_unit(number: u64, unit: u64) -> String {
    number.checked_mul(unit).map_or_else(|| number.to_string(), |bytes| exact(Bytes(bytes)))
}

/// `bytes` in the largest unit that shows it whole: 1536 MiB stays 1536 MiB, because this text is edited further.
pub fn exact(bytes: Bytes) -> String {
    let shown = bytes.to_string();
    if shown.parse() == Ok(bytes) {
        return shown;
    }
    let units = [(GIB, "GiB"), (MIB, "MiB"), (1024, "KiB"), (1, "B")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes.0.is_multiple_of(*unit)).unwrap_or((1, "B"));
    format!("{} {name}", bytes.0 / unit)
}

/// How an amount is understood while it is typed: `2000` is `2000 GiB`; empty where there is nothing to add.
pub fn echo(grammar: Grammar, text: &str) -> String {
    let unit = match grammar {
        Grammar::Memory => MIB,
        Grammar::DiskSize => GIB,
        _ => return String::new(),
    };
    match Bytes::parse_in(text, unit) {
        Ok(bytes) if exact(bytes) != text.trim() => format!("= {}", exact(bytes)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn amounts_keep_the_users_writing_and_are_shown_with_their_unit() {
        assert_eq!(read(Grammar::DiskSize, "200"), Reading::Value(json!(200)));
        assert_eq!(read(Grammar::DiskSize, " 200G"), Reading::Value(json!("200G")));
        assert_eq!(show(Grammar::DiskSize, &json!(200)), "200 GiB");
        assert_eq!(show(Grammar::Memory, &json!(1536)), "1.5 GiB");
        assert_eq!(show(Grammar::Memory, &json!(1100)), "1100 MiB");
        assert_eq!(echo(Grammar::DiskSize, "2000"), "= 2 TiB".replace("2 TiB", &exact(Bytes::gib(2000))));
        assert_eq!(echo(Grammar::DiskSize, "20 GiB"), "");
    }

    #[test]
    fn what_is_wrong_is_kept_as_text_where_the_spec_can_hold_it() {
        assert!(matches!(read(Grammar::Memory, "lots"), Reading::Wrong { stored: Some(v), .. } if v == "lots"));
        assert!(matches!(read(Grammar::Count, "four"), Reading::Wrong { stored: None, .. }));
        assert!(matches!(read(Grammar::Count, "0"), Reading::Wrong { .. }));
        assert_eq!(read(Grammar::Text, "  "), Reading::Empty);
    }

    #[test]
    fn pairs_keep_numbers_and_quote_what_would_be_misread() {
        let map = json!({"owner": "mia", "rack": 4, "version": "4", "blank": " x"});
        let text = show(Grammar::Pairs, &map);
        assert_eq!(text, "owner = mia\nrack = 4\nversion = \"4\"\nblank = \" x\"");
        assert_eq!(read(Grammar::Pairs, &text), Reading::Value(map));
        assert!(matches!(read(Grammar::Pairs, "owner"), Reading::Wrong { .. }));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back_as_the_same_amount(n in 0u64..1 << 40) {
            let shown = show(Grammar::Memory, &json!(n));
            prop_assert_eq!(Bytes::parse_in(&shown, MIB), Ok(Bytes::mib(n)));
        }
    }
}
