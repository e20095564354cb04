//! Text to a JSON tree that knows where each value stands. Strict JSON; broken JSON is one problem in plain words.

use super::problem::{Problem, offset};
use super::{Place, suggest};
use jsonc_parser::errors::{ParseError, ParseErrorKind as Kind};
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, ast::Value};
use serde::de::IgnoredAny;

/// JSON as RFC 8259 has it, none of the usual extensions.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The tree of `text`, or what is wrong with it.
pub(super) fn tree(text: &str) -> Result<Value<'_>, Problem> {
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &STRICT).map_err(|e| broken(text, &e))?;
    let value = parsed.value.ok_or_else(|| {
        let remedy = "a spec is an object, the least is {}".to_owned();
        Problem::at(text, text.len(), Place::root(), "the text is empty".to_owned(), remedy)
    })?;
    // The tree's parser lets line breaks in texts and foreign blanks pass; serde_json does not.
    serde_json::from_str::<IgnoredAny>(text).map_err(|e| residual(text, &e))?;
    Ok(value)
}

/// A problem that only serde_json saw.
pub(super) fn residual(text: &str, error: &serde_json::Error) -> Problem {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    let (message, remedy) = if message.starts_with("control character") {
        ("a text contains a line break, tab or other control character".to_owned(), "write it as \\n, \\t or \\u001b")
    } else if message.starts_with("recursion limit") {
        ("the values are nested deeper than 127 levels".to_owned(), "")
    } else {
        (message, "")
    };
    // A line break in a text is reported at column 0 of the next line, other control characters at or just before them.
    let near = offset(text, error.line(), error.column().max(1)).saturating_sub(usize::from(error.column() == 0));
    let control = text.get(near..).filter(|_| message.contains("control")).and_then(|rest| rest.find(char::is_control));
    let at = near + control.unwrap_or(0);
    Problem::at(text, at, Place::root(), message, remedy.to_owned())
}

fn broken(text: &str, error: &ParseError) -> Problem {
    let range = error.range();
    let found = text.get(range.start..range.end.max(range.start)).unwrap_or_default();
    let (message, remedy) = wording(error.kind(), found, text.get(range.start..).is_none_or(str::is_empty));
    Problem::at(text, range.start, Place::root(), message, remedy.to_owned())
}

/// Message and remedy for a kind of error; `found` is the text it is about, `ended` tells that the text was at its end.
fn wording(kind: &Kind, found: &str, ended: bool) -> (String, &'static str) {
    if let Some((message, remedy)) = fixed(kind) {
        return (message.to_owned(), remedy);
    }
    let found = suggest::quoted(found);
    let missing = |what: &str| {
        let message =
            if ended { format!("the text ends where {what} is expected") } else { format!("expected {what}") };
        (message, "")
    };
    match kind {
        Kind::String(_) => (format!("{found} is not a valid JSON escape"), "write a backslash as \\\\"),
        Kind::ExpectedColonAfterObjectKey => missing("':' after the field's name"),
        Kind::ExpectedObjectValue => missing("the field's value"),
        Kind::ExpectedComma => missing("',' or a closing bracket"),
        Kind::ExpectedStringObjectProperty | Kind::UnexpectedTokenInObject => (
            format!("expected the name of a field, found {found}"),
            "names need double quotes, and ',' separates fields",
        ),
        Kind::MultipleRootJsonValues => (format!("{found} follows the end"), "remove what follows the last '}'"),
        Kind::UnexpectedWord | Kind::UnexpectedToken => (
            format!("expected a value, found {found}"),
            "strings need double quotes; true, false and null are in lower case",
        ),
        Kind::UnexpectedCloseBrace | Kind::UnexpectedCloseBracket | Kind::UnexpectedColon | Kind::UnexpectedComma => {
            (format!("expected a value, found {found}"), "")
        }
        // All that remain are about numbers.
        _ => (format!("{found} is not a number in JSON"), "write it as 20, -1 or 1.5, or as a text in double quotes"),
    }
}

/// The kinds whose wording does not depend on what was found.
fn fixed(kind: &Kind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        Kind::UnterminatedObject => ("the object that starts here is not closed", "add the missing '}'"),
        Kind::UnterminatedArray => ("the list that starts here is not closed", "add the missing ']'"),
        Kind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            ("the text that starts here is not closed", "add the missing '\"'")
        }
        Kind::TrailingCommasNotAllowed => ("trailing comma before a closing bracket", "remove it"),
        Kind::CommentsNotAllowed | Kind::UnterminatedCommentBlock => ("JSON has no comments", "remove it"),
        Kind::SingleQuotedStringsNotAllowed => ("JSON has no single quotes", "use double quotes"),
        Kind::NestingDepthExceeded => ("the values are nested deeper than 127 levels", ""),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_json_is_one_problem_where_it_breaks() {
        for (text, want) in [
            ("", "1:1: the text is empty: a spec is an object, the least is {}"),
            ("{\n\"a\": 1", "1:1: the object that starts here is not closed: add the missing '}'"),
            ("{\"a\"", "1:5: the text ends where ':' after the field's name is expected"),
            ("{\"a\":", "1:6: the text ends where the field's value is expected"),
            ("{\"a\": 1,\n}", "1:8: trailing comma before a closing bracket: remove it"),
            ("{\"a\": 1\n\"b\": 2}", "1:8: expected ',' or a closing bracket"),
            ("{\"a\": // x\n1}", "1:7: JSON has no comments: remove it"),
            ("{'a': 1}", "1:2: JSON has no single quotes: use double quotes"),
            (
                "{\"ä\": tru}",
                "1:7: expected a value, found 'tru': strings need double quotes; true, false and null are in lower case",
            ),
            (
                "{\"a\": 1.}",
                "1:7: '1.' is not a number in JSON: write it as 20, -1 or 1.5, or as a text in double quotes",
            ),
            ("{\"a\": \"C:\\x\"}", "1:10: '\\x' is not a valid JSON escape: write a backslash as \\\\"),
            ("{\"a\": \"x", "1:7: the text that starts here is not closed: add the missing '\"'"),
            ("{} }", "1:4: '}' follows the end: remove what follows the last '}'"),
            (
                "{\"a\": \"x\ny\"}",
                "1:9: a text contains a line break, tab or other control character: write it as \\n, \\t or \\u001b",
            ),
        ] {
            assert_eq!(tree(text).map_err(|problem| problem.to_string()), Err(want.to_owned()), "{text}");
        }
        assert!(tree("{\"a\": [1, 2.5e3, \"\\u00e4\", null, true]}").is_ok());
    }
}
