//! Checks that every text of a spec can be written in XML.

use super::text::text;
use super::{Check, Notes, Subject};
use crate::spec::Place;
use serde_json::Value;

pub(super) static CHECKS: &[&Check] = &[&XML_CHARACTER];

static XML_CHARACTER: Check = Check {
    code: "XML-CHARACTER",
    title: "all text is valid in XML",
    explain: "XML cannot contain control characters other than tab and line ends, not even escaped, so libvirt rejects \
              them. Most often they come from text that was pasted from a terminal. Write the text again without them.",
    run: Some(character),
    ..Check::VM
};

fn character(subject: &Subject, notes: &mut Notes) {
    let Ok(Value::Object(fields)) = serde_json::to_value(subject.spec) else { return };
    notes.looked();
    // The seed is no XML, and its texts are not shown.
    for (field, value) in fields.iter().filter(|(field, _)| *field != "cloud_init") {
        walk(value, &Place::root().key(field), notes);
    }
}

fn walk(value: &Value, place: &Place, notes: &mut Notes) {
    match value {
        Value::String(text) => judge(text, place, notes),
        Value::Array(rows) => {
            rows.iter().enumerate().for_each(|(row, value)| walk(value, &place.clone().index(row), notes));
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let place = place.clone().key(key);
                judge(key, &place, notes);
                walk(value, &place, notes);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn judge(text: &str, place: &Place, notes: &mut Notes) {
    let forbidden =
        |c: &char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    if let Some(found) = text.chars().find(forbidden) {
        let message = text!(
            "{place} contains the character U+{code}, which XML does not allow",
            place,
            code = format!("{:04X}", u32::from(found))
        );
        notes.blocker(place.clone(), message, "write the text again without it");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    #[test]
    fn a_character_that_xml_cannot_hold_is_refused_where_it_stands() {
        let want = "metadata.owner contains the character U+0001, which XML does not allow";
        Asked::with(json!({"metadata": {"owner": "joe\u{1}"}})).blocks("XML-CHARACTER", "metadata.owner", want);
        Asked::with(json!({"metadata": {"a\u{1b}": "joe"}})).said("XML-CHARACTER").blocker();
        let disks = json!([{"action": "create", "size": 1, "target": "vda\u{0}"}]);
        assert_eq!(Asked::disks(disks).said("XML-CHARACTER").blocker().place, "storage.disks[0].target");
        Asked::with(json!({"metadata": {"owner": "joe\t&\n<co>"}})).passes("XML-CHARACTER");
        Asked::with(json!({"cloud_init": {"user_data": "#!/bin/sh\u{7}"}})).passes("XML-CHARACTER");
    }
}
