//! The README's files and commands: every example is run as it stands, on the demo host, and prints what it shows.

use crate::support::program::Home;
use vmbuild::app::Key;
use vmbuild::app::keys::{self, Context};
use vmbuild::cli::exit::EXIT_CODES;

const README: &str = include_str!("../../README.md");

/// A fenced block: its language, the name of its file where the line before it gives one, its text.
struct Block {
    language: String,
    file: Option<String>,
    text: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut file = None;
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("<!-- file: ") {
            file = name.strip_suffix(" -->").map(str::to_owned);
        } else if let Some(language) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: language.into(), file: file.take(), text: text.join("\n") + "\n" });
        }
    }
    blocks
}

/// A command of a console block: what is typed, the exit code behind `#`, the lines that it shows.
struct Shown {
    typed: Vec<String>,
    code: i32,
    lines: Vec<String>,
}

fn commands(text: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("$ ") {
            let (typed, code) = typed.split_once(" # exit code ").unwrap_or((typed, "0"));
            let typed = typed.split_whitespace().map(str::to_owned).collect();
            commands.push(Shown { typed, code: code.trim().parse().unwrap(), lines: Vec::new() });
        } else if !line.is_empty() && line != "..." {
            commands
                .last_mut()
                .unwrap_or_else(|| panic!("output before a command: {line}"))
                .lines
                .push(line.to_owned());
        }
    }
    commands
}

/// Times and UUIDs differ from run to run.
fn comparable(line: &str) -> String {
    let word = |word: &str| {
        let uuid = word.len() == 36 && word.bytes().filter(|b| *b == b'-').count() == 4;
        let time = word.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if uuid || (time && word.contains('.')) { "*".to_owned() } else { word.to_owned() }
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_of_the_readme_runs_and_prints_what_it_shows() {
    let home = Home::new();
    let mut run = 0;
    for block in blocks() {
        if let Some(file) = &block.file {
            home.write(file, &block.text);
        }
        if block.language != "console" {
            continue;
        }
        for shown in commands(&block.text) {
            let [program, args @ ..] = shown.typed.as_slice() else { panic!("an empty command") };
            assert_eq!(program, "vmbuild");
            let ran = home.run(args).code(shown.code);
            let printed: Vec<_> = ran.out.lines().chain(ran.err.lines()).map(comparable).collect();
            for line in &shown.lines {
                assert!(
                    printed.contains(&comparable(line)),
                    "{args:?} does not print\n{line}\nbut\n{}{}",
                    ran.out,
                    ran.err
                );
            }
            run += 1;
        }
    }
    assert!(run > 5, "only {run} commands were found");
}

#[test]
fn every_spec_of_the_readme_can_be_built_on_the_demo_host_except_the_bad_one() {
    let home = Home::new();
    let specs: Vec<_> = blocks().into_iter().filter(|block| block.language == "json").collect();
    assert!(!specs.is_empty());
    for block in specs {
        let ran = home.run_with(&["--demo", "check", "-"], &block.text);
        let bad = block.file.as_deref() == Some("bad.json");
        assert_eq!(ran.code, Some(if bad { 3 } else { 0 }), "{:?}:\n{}{}", block.file, ran.out, ran.err);
    }
}

#[test]
fn every_command_is_in_the_readme() {
    let help = Home::new().run(&["--help"]).code(0).out;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut seen = 0;
    for line in commands {
        let name = line.split_whitespace().next().unwrap();
        // The description of a command that needs two lines goes on far to the right.
        if line.starts_with("   ") || name == "help" {
            continue;
        }
        assert!(README.contains(&format!("`{name}")), "{name}");
        seen += 1;
    }
    assert!(seen > 10);
}

/// The rows of the table below the heading `title`: their cells, without the head.
fn table(title: &str) -> Vec<Vec<&'static str>> {
    let section = README.split_once(&format!("\n{title}\n")).unwrap_or_else(|| panic!("no section {title}")).1;
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_program() {
    let codes: Vec<_> =
        EXIT_CODES.iter().map(|(exit, meaning)| vec![(*exit as u8).to_string(), meaning.to_string()]).collect();
    assert_eq!(table("### Exit codes"), codes);
}

/// The keys that one cell of the table names: each in backticks, a range as its two ends.
fn keys_of(cell: &str) -> Vec<Key> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.map(|key| key.parse().unwrap_or_else(|_| panic!("'{key}' is not a key"))).collect()
}

#[test]
fn the_table_of_keys_has_every_command_key_and_no_key_that_is_not_bound() {
    let told: Vec<Key> = table("## Keys").iter().flat_map(|row| [keys_of(row[0]), keys_of(row[2])].concat()).collect();
    for key in &told {
        assert!(keys::all().any(|entry| entry.keys.contains(key)), "the README names {key}, which is not bound");
    }
    // What steps add is shown in their hints.
    let general = keys::all().filter(|entry| entry.steps.is_empty() && entry.contexts.contains(&Context::Rows));
    for entry in general.filter(|entry| entry.intent.is_command()) {
        let same = keys::all().filter(|other| other.intent == entry.intent);
        let any = same.flat_map(|other| other.keys).any(|key| told.contains(key));
        assert!(any, "the README lacks the key of '{}'", entry.label);
    }
}
