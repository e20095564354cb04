//! The paths a file names: every one in a `use`, however nested, and every one in the code. Judges none.

use std::collections::BTreeSet;

use crate::tokens::{Kind, Token, tokens};

/// One path as it is written out in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// From the crate's root (`crate`) or the name of another crate; `*` for all.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// It is in code that is only built for tests.
    pub(crate) in_test: bool,
    /// The module that names it.
    pub(crate) module: Vec<String>,
    /// What a `use` makes of it.
    pub(crate) import: Option<Import>,
}

/// The name that a `use` gives to a path in its module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// `*` for all names of a module.
    pub(crate) name: String,
    /// Others may name it from here.
    pub(crate) is_public: bool,
}

/// One function with its length in lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) length: usize,
}

/// What was found in one file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) paths: Vec<Named>,
    /// The names of items.
    pub(crate) items: Vec<String>,
    /// Single words in the code outside tests, but fields and methods.
    pub(crate) words: BTreeSet<String>,
    /// Calls of methods by name, outside tests.
    pub(crate) methods: Vec<(String, usize)>,
    pub(crate) functions: Vec<Function>,
    /// Modules in files of their own.
    pub(crate) modules: Vec<String>,
    /// Those of them that are only built for tests.
    pub(crate) test_modules: Vec<String>,
}

/// Reads `source`, the module `module` (from the crate's root, empty for the root).
pub(crate) fn read(module: &[String], source: &str) -> Found {
    let tokens = tokens(source);
    let mut reader =
        Reader { tokens: &tokens, at: 0, blocks: Vec::new(), module: module.to_vec(), found: Found::default() };
    reader.run();
    reader.found.functions = functions(&tokens);
    reader.found
}

/// A pair of braces that is open.
struct Block {
    /// It is the body of a module.
    module: bool,
    test: bool,
}

struct Reader<'t, 's> {
    tokens: &'t [Token<'s>],
    at: usize,
    blocks: Vec<Block>,
    module: Vec<String>,
    found: Found,
}

impl<'s> Reader<'_, 's> {
    fn run(&mut self) {
        // An attribute is for the item after it.
        let mut for_test = false;
        while let Some(token) = self.tokens.get(self.at).copied() {
            match token.kind {
                Kind::Mark('#') if self.mark(1, '[') || self.mark(1, '!') => for_test |= self.attribute(),
                Kind::Word("use") if !self.mark(1, '<') => {
                    let is_public =
                        self.at > 0 && matches!(self.tokens[self.at - 1].kind, Kind::Word("pub") | Kind::Mark(')'));
                    self.at += 1;
                    self.tree(&[], is_public, for_test || self.in_test());
                    for_test = false;
                }
                Kind::Word("mod") => self.module(std::mem::take(&mut for_test)),
                Kind::Mark('{') => self.open(false, std::mem::take(&mut for_test)),
                Kind::Mark('}') => self.close(),
                Kind::Mark(';') => {
                    for_test = false;
                    self.at += 1;
                }
                Kind::Word(_) => self.words(for_test || self.in_test()),
                _ => self.at += 1,
            }
        }
    }

    fn in_test(&self) -> bool {
        self.blocks.iter().any(|block| block.test)
    }

    fn mark(&self, ahead: usize, mark: char) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|token| token.is(mark))
    }

    fn open(&mut self, module: bool, test: bool) {
        self.blocks.push(Block { module, test });
        self.at += 1;
    }

    fn close(&mut self) {
        if self.blocks.pop().is_some_and(|block| block.module) {
            self.module.pop();
        }
        self.at += 1;
    }

    /// Steps over an attribute's opening. True if it says that what follows is only built for tests.
    fn attribute(&mut self) -> bool {
        let words = self.tokens[self.at..].iter().take_while(|token| !token.is(']')).filter_map(Token::word);
        let words: Vec<_> = words.collect();
        self.at += 2;
        words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not")
    }

    /// Reads `mod name`, and enters it if it is here.
    fn module(&mut self, for_test: bool) {
        let name = self.tokens.get(self.at + 1).and_then(Token::word).unwrap_or_default().to_owned();
        self.at += 2;
        if self.mark(0, '{') {
            self.module.push(name);
            self.open(true, for_test);
        } else {
            self.found.test_modules.extend(for_test.then(|| name.clone()));
            self.found.modules.push(name);
        }
    }

    /// Reads what follows `use`, or one branch of it below `stem`, up to its end.
    fn tree(&mut self, stem: &[&'s str], is_public: bool, in_test: bool) {
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        let mut path = stem.to_vec();
        let mut alias = None;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token.kind {
                Kind::Word("as") => {
                    alias = self.tokens.get(self.at).and_then(Token::word);
                    self.at += 1;
                }
                Kind::Word(word) => path.push(word),
                Kind::Mark('*') => path.push("*"),
                Kind::Mark('{') => {
                    while !self.mark(0, '}') && self.at < self.tokens.len() {
                        self.tree(&path, is_public, in_test);
                        self.at += usize::from(self.mark(0, ','));
                    }
                    self.at += 1;
                    return;
                }
                Kind::Mark(',' | '}' | ';') => {
                    self.at -= 1;
                    break;
                }
                _ => {}
            }
        }
        // `use a::{self}` is `use a`.
        if path.len() > 1 && path.last() == Some(&"self") {
            path.pop();
        }
        let name = alias.or(path.last().copied()).unwrap_or_default().to_owned();
        self.name(&path, line, in_test, Some(Import { name, is_public }));
    }

    /// Reads a path in the code, or steps over a single word.
    fn words(&mut self, in_test: bool) {
        let start = self.at;
        let mut path = Vec::new();
        while let Some(word) = self.tokens.get(self.at).and_then(Token::word) {
            path.push(word);
            self.at += 1;
            if self.tokens.get(self.at).is_none_or(|token| token.kind != Kind::Path) {
                break;
            }
            self.at += 1;
        }
        let line = self.tokens[start].line;
        let after_dot = start > 0 && self.tokens[start - 1].is('.');
        match path.as_slice() {
            [method] if after_dot && self.mark(0, '(') && !in_test => {
                self.found.methods.push(((*method).to_owned(), line));
            }
            [word] if self.is_item(start) => self.found.items.push((*word).to_owned()),
            [word] if !after_dot && !in_test => drop(self.found.words.insert((*word).to_owned())),
            [_] | [] => {}
            _ => self.name(&path, line, in_test, None),
        }
    }

    /// Whether the word at `at` is the name of an item that is defined there.
    fn is_item(&self, at: usize) -> bool {
        const BEFORE: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union"];
        at > 0 && self.tokens[at - 1].word().is_some_and(|word| BEFORE.contains(&word))
    }

    /// Notes a path, with `self` and `super` worked out.
    fn name(&mut self, path: &[&str], line: usize, in_test: bool, import: Option<Import>) {
        let relative = path.iter().take_while(|segment| matches!(**segment, "self" | "super")).count();
        let (here, rest) = path.split_at(relative);
        let mut whole = Vec::new();
        if relative > 0 {
            let ups = here.iter().filter(|segment| **segment == "super").count();
            let kept = self.module.len().saturating_sub(ups);
            whole.push("crate".to_owned());
            whole.extend_from_slice(&self.module[..kept]);
        }
        whole.extend(rest.iter().map(|segment| (*segment).to_owned()));
        let module = self.module.clone();
        self.found.paths.push(Named { path: whole, line, in_test, module, import });
    }
}

/// The functions that have a body.
fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let named = |at: usize| tokens.get(at + 1).and_then(Token::word);
    let starts = (0..tokens.len()).filter(|at| tokens[*at].word() == Some("fn"));
    starts.filter_map(|at| named(at).and_then(|name| function(&tokens[at..], name))).collect()
}

/// The function whose tokens start with `fn`, unless it has no body.
fn function(tokens: &[Token<'_>], name: &str) -> Option<Function> {
    let line = tokens.first()?.line;
    let (mut round, mut curly) = (0, 0);
    for token in tokens {
        match token.kind {
            Kind::Mark('(' | '[') => round += 1,
            Kind::Mark(')' | ']') => round -= 1,
            Kind::Mark(';') if round == 0 && curly == 0 => return None,
            Kind::Mark('{') => curly += 1,
            Kind::Mark('}') => {
                curly -= 1;
                if curly == 0 {
                    return Some(Function { name: name.to_owned(), line, length: token.line - line + 1 });
                }
            }
            _ => {}
        }
    }
    None
}
