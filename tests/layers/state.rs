//! Holds that one file changes the state of the wizard: the pages answer, `app/dispatch.rs` applies the answer.

use crate::rules::built;
use crate::tokens::{Kind, Token, tokens};
use crate::{production, sources_below};

/// The file that may take the whole application mutably.
const DISPATCH: &str = "app/dispatch.rs";

/// Where `source` takes the whole application mutably: `&mut App`, and `&mut self` of `App`.
fn takers(source: &str) -> Vec<usize> {
    let tokens = tokens(production(source));
    let mut found = Vec::new();
    // The depth of braces, and the one below which the methods of the application are.
    let (mut depth, mut methods, mut heading) = (0, None, None);
    for (at, token) in tokens.iter().enumerate() {
        match token.word() {
            Some("impl") if methods.is_none() => heading = Some(at),
            Some("mut") if at > 0 && tokens[at - 1].is('&') => {
                let named = path_after(&tokens[at + 1..]);
                if named == Some("App") || (named == Some("self") && methods.is_some()) {
                    found.push(token.line);
                }
            }
            _ if token.is('{') => {
                let of_app = heading.take().is_some_and(|from| is_of_app(&tokens[from..at]));
                methods = methods.or(of_app.then_some(depth));
                depth += 1;
            }
            _ if token.is('}') => {
                depth -= 1;
                methods = methods.filter(|outer| depth > *outer);
            }
            _ => {}
        }
    }
    found
}

/// The last name of the path that begins `after`.
fn path_after<'a>(after: &[Token<'a>]) -> Option<&'a str> {
    let path = after.iter().take_while(|token| token.word().is_some() || token.kind == Kind::Path);
    path.filter_map(Token::word).last()
}

/// True for the heading of methods of the application itself, or of a trait of it.
fn is_of_app(heading: &[Token]) -> bool {
    let words: Vec<&str> = heading.iter().filter_map(Token::word).collect();
    words.last() == Some(&"App")
}

#[test]
fn one_file_changes_the_state_of_the_wizard() {
    let files = built(sources_below("src"));
    let of_dispatch = files.iter().find(|(path, _)| path == DISPATCH).map(|(_, source)| takers(source).len());
    assert!(of_dispatch.is_some_and(|count| count > 10), "{DISPATCH} is not where it is looked for");
    let others = files.iter().filter(|(path, _)| path != DISPATCH);
    let found: Vec<String> = others
        .flat_map(|(path, source)| takers(source).into_iter().map(move |line| format!("{path}:{line}")))
        .collect();
    assert!(found.is_empty(), "taken mutably outside of {DISPATCH}:\n{}", found.join("\n"));
}

#[test]
fn every_way_of_taking_the_application_mutably_is_found() {
    for source in [
        "fn a(app: &mut App) {}",
        "fn a<'a>(app: &'a mut crate::app::App) {}",
        "impl App { fn a(&mut self) {} }",
        "impl super::App { fn b() { if x { y(); } } fn a(&mut self) {} }",
        "impl Trait for App { fn a(&mut self) {} }",
        "fn a(change: impl FnOnce(&mut App)) {}",
    ] {
        assert_eq!(takers(source), [1], "{source}");
    }
    for source in [
        "fn a(app: &App) {}",
        "impl App { fn a(&self) {} } impl View { fn b(&mut self) {} }",
        "fn a(view: &mut PciView, app: &App) {}",
        "fn a() -> impl Iterator { App { view: 1 } } impl View { fn b(&mut self) {} }",
    ] {
        assert_eq!(takers(source), [0; 0], "{source}");
    }
}
