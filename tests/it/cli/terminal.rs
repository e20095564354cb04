//! The headless commands on a terminal: questions, progress in place, colour.

use crate::support::program::Home;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};

/// A spec that draws a warning on the demo host: the card is bound to its driver.
const GPU: &str = r#"{
  "name": "gpu-ws-01", "memory": "16 GiB", "vcpus": 8, "uefi": true,
  "storage": { "default_pool": "fast-nvme", "disks": [{ "action": "create", "size": "20 GiB" }] },
  "pci_devices": [{ "host_address": "0000:01:00.0" }, { "host_address": "0000:01:00.1" }]
}"#;

/// Narrower than the lines that tell of a running step.
const COLUMNS: u16 = 32;

/// Runs `vmbuild --demo build gpu.json` with `args` in a terminal of its own and types `answer` at the question.
/// Returns the exit code and all that was shown.
fn build(args: &[&str], answer: Option<&str>, environment: &[(&str, &str)]) -> (u32, String) {
    let home = Home::new();
    home.write("gpu.json", GPU);
    let plain = home.command(&[&["--demo", "build", "gpu.json"], args].concat());
    let mut command = CommandBuilder::new(plain.get_program());
    command.args(plain.get_args());
    command.env_clear();
    command.cwd(home.path());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("TERM", "xterm-256color");
    for (name, value) in environment {
        command.env(name, value);
    }
    let size = PtySize { rows: 40, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
    let pty = native_pty_system().openpty(size).unwrap();
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let shown = converse(pty.master.as_ref(), answer);
    (child.wait().unwrap().exit_code(), shown)
}

/// Reads to the end; types the answer when the question is there.
fn converse(terminal: &dyn MasterPty, answer: Option<&str>) -> String {
    let (mut reader, mut writer) = (terminal.try_clone_reader().unwrap(), terminal.take_writer().unwrap());
    let (mut shown, mut buffer, mut answer) = (Vec::new(), [0; 4096], answer);
    // A terminal whose program has ended reads as an error on Linux.
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
        if String::from_utf8_lossy(&shown).contains("[y/N] ")
            && let Some(answer) = answer.take()
        {
            writer.write_all(answer.as_bytes()).unwrap();
        }
    }
    String::from_utf8(shown).unwrap()
}

/// Without the line breaks that the width of the terminal makes.
fn words(shown: &str) -> String {
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How wide a line is without its colours.
fn cells(line: &str) -> usize {
    let pieces = line.split('\x1b').enumerate();
    pieces
        .map(|(at, piece)| if at == 0 { piece } else { piece.split_once('m').map_or("", |(_, text)| text) })
        .map(|text| text.chars().count())
        .sum()
}

#[test]
fn warnings_are_a_question_and_no_is_no() {
    for answer in ["n\n", "\n", "what\n", "\u{4}"] {
        let (code, shown) = build(&[], Some(answer), &[]);
        assert_eq!(code, 130, "{shown}");
        assert!(shown.contains("BOOT-NOTHING") && words(&shown).contains("nothing was changed"), "{shown}");
        // Long sentences are broken at blanks, in the width of the terminal; a question stays one line with its answer.
        let mut sentences = shown.lines().filter(|line| !line.contains("[y/N]"));
        assert!(sentences.all(|line| cells(line) <= usize::from(COLUMNS)), "{shown}");
        assert!(!shown.contains("[1/"), "{shown}");
    }
    let (code, shown) = build(&[], Some("y\n"), &[]);
    assert_eq!(code, 0, "{shown}");
    assert!(words(&shown).contains("Built gpu-ws-01: shutoff"), "{shown}");
}

#[test]
fn yes_on_the_command_line_leaves_no_question() {
    for args in [["--yes"], ["--json"]] {
        let (code, shown) = build(&args, None, &[]);
        assert_eq!(code, 0, "{shown}");
        assert!(!shown.contains("[y/N]"), "{shown}");
    }
}

#[test]
fn each_step_has_one_line_that_is_rewritten() {
    let (code, shown) = build(&["-y"], None, &[]);
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("\r\x1b[K● [2/4] Create volume") && shown.contains("\x1b[32m✓\x1b[0m [2/4] Create"),
        "{shown}"
    );
    let mut screen = vt100::Parser::new(40.try_into().unwrap(), COLUMNS.try_into().unwrap(), 0);
    screen.process(shown.as_bytes());
    // Nothing is left of the lines that were rewritten, though they were longer than the terminal is wide.
    let rows: Vec<_> = screen.screen().rows(0, COLUMNS).filter(|row| row.contains("/4] ")).collect();
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(rows.iter().all(|row| row.starts_with("✓ [")), "{rows:?}");
}

#[test]
fn colour_and_marks_follow_the_environment() {
    let (_, shown) = build(&["-y"], None, &[("NO_COLOR", "1"), ("LC_ALL", "C")]);
    // Only the line that is rewritten needs a sequence.
    assert!(!shown.replace("\x1b[K", "").contains('\x1b'), "{shown}");
    assert!(shown.contains("+ [1/4]") && shown.is_ascii(), "{shown}");
}
