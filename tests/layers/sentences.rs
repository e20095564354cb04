//! Holds that nothing takes the sentence of a finding apart: what it says is in its data, and words may change.

use std::collections::BTreeSet;

use crate::rules::built;
use crate::tokens::{Token, literals, tokens};
use crate::{production, sources_below};

/// What makes a sentence of a finding or of a text.
const MADE_BY: [&str; 3] = ["message", "remedy", "say"];

/// What looks into a string.
const INTO: [&str; 21] = [
    "bytes",
    "char_indices",
    "chars",
    "contains",
    "ends_with",
    "find",
    "matches",
    "replace",
    "replacen",
    "rfind",
    "rsplit",
    "rsplit_once",
    "split",
    "split_at",
    "split_once",
    "split_whitespace",
    "splitn",
    "starts_with",
    "strip_prefix",
    "strip_suffix",
    "trim_matches",
];

/// The place behind the bracket that closes the one at `open`.
fn closed(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(token.is('(')) - i32::from(token.is(')'));
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// True where the word at `at` is the name of a method that makes a sentence, called with a wording.
fn makes_a_sentence(tokens: &[Token], at: usize) -> bool {
    let is_call = at > 0 && tokens[at - 1].is('.') && tokens.get(at + 1).is_some_and(|token| token.is('('));
    let is_named = tokens[at].word().is_some_and(|word| MADE_BY.contains(&word));
    let arguments = || &tokens[at + 1..closed(tokens, at + 1)];
    is_named && is_call && arguments().iter().filter_map(Token::word).any(|word| word == "Wording" || word == "wording")
}

/// The names that the statement around `at` gives with `let`.
fn given<'a>(tokens: &[Token<'a>], at: usize) -> BTreeSet<&'a str> {
    let is_end = |token: &Token| token.is(';') || token.is('{') || token.is('}');
    let start = tokens[..at].iter().rposition(is_end).map_or(0, |end| end + 1);
    let mut words = tokens[start..at].iter();
    if words.next().and_then(Token::word) != Some("let") {
        return BTreeSet::new();
    }
    words.take_while(|token| !token.is('=')).filter_map(Token::word).filter(|word| *word != "mut").collect()
}

/// Where `files` (paths below `src/`) look into a sentence.
fn taken_apart(files: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, source) in files {
        let tokens = tokens(production(source));
        let looks_into = |at: usize| {
            let method = tokens.get(at + 1).and_then(Token::word).filter(|word| INTO.contains(word));
            method.filter(|_| tokens.get(at).is_some_and(|token| token.is('.')))
        };
        let mut sentences = BTreeSet::new();
        for at in 0..tokens.len() {
            let method = if makes_a_sentence(&tokens, at) {
                sentences.extend(given(&tokens, at));
                looks_into(closed(&tokens, at + 1))
            } else {
                let is_sentence = tokens[at].word().is_some_and(|word| sentences.contains(word));
                let is_own = at == 0 || !tokens[at - 1].is('.');
                looks_into(at + 1).filter(|_| is_sentence && is_own)
            };
            let line = tokens[at].line;
            found.extend(
                method.map(|method| format!("{path}:{line}: {method} takes a sentence apart; ask its finding")),
            );
        }
    }
    found
}

/// What a native writer would not write, and what makes a person of a program.
const UNWRITTEN: [&str; 12] = [
    " is no ",
    " are no ",
    "nobody",
    "somebody",
    " anew",
    "belongs into",
    "for who ",
    "way out",
    "wholly",
    "virtual CPU",
    "all the same",
    "by itself",
];

/// The texts of `files` in which one of these is; "there is no" is written by everybody.
fn unwritten(files: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, source) in files.iter().filter(|(path, _)| path.starts_with("checks/")) {
        for (literal, line) in literals(production(source)) {
            let text = literal
                .replace("there is no ", "")
                .replace("There is no ", "")
                .replace("there are no ", "")
                .replace(" no longer", "");
            let phrases = UNWRITTEN.iter().filter(|phrase| text.contains(**phrase));
            found.extend(phrases.map(|phrase| format!("{path}:{line}: reword '{}'", phrase.trim())));
        }
    }
    found
}

#[test]
fn the_texts_of_checks_are_plain() {
    let found = unwritten(&built(sources_below("src")));
    assert!(found.is_empty(), "{}", found.join("\n"));
    let of = |text: &str| unwritten(&[("checks/a.rs".to_owned(), format!("const A: &str = \"{text}\";"))]).len();
    assert_eq!((of("there is no pool"), of("vda is no disk"), of("nobody reads it")), (0, 1, 1));
}

#[test]
fn no_sentence_is_taken_apart() {
    let found = taken_apart(&built(sources_below("src")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_look_into_a_sentence_is_found() {
    let of = |source: &str| taken_apart(&[("app/a.rs".to_owned(), source.to_owned())]).len();
    assert_eq!(of("fn f() { x.message(Wording::Full).contains(\"a\") }"), 1);
    assert_eq!(of("fn f() { let said = x.remedy(wording); g(); said.split(' ') }"), 1);
    assert_eq!(of("fn f() { let (a, b) = (x.message(Wording::Full), 1); a.replace(b, c) }"), 1);
    assert_eq!(of("fn f() { let a = text.say(Wording::Field); h(&a.strip_prefix(c)) }"), 1);
    for fine in [
        "fn f() { error.message().contains(c) }",
        "fn f() { let a = x.message(Wording::Full); wrap(&a); b.contains(&a) }",
        "fn f() { let a = x.message(Wording::Full); y.a.contains(c) }",
        "fn f() { x.concerns(address) }\n#[cfg(test)]\nmod tests {\n    x.message(Wording::Full).contains(c)\n}",
    ] {
        assert_eq!(of(fine), 0, "{fine}");
    }
}
