//! The terminal while the wizard has it, seen from its other end: what is set, in which order it is taken back, and that it
//! is, whatever happens.
#![allow(clippy::print_stdout, reason = "a program of this test writes there")]

use crate::support::pty::{self, Person, Session};
use std::io::{Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use vmbuild::run::capability::{Charset, Colours, TerminalCapabilities};
use vmbuild::run::terminal::{Terminal, TerminalError, Tty, install_panic_hook};

pub(crate) const XTERM: TerminalCapabilities = TerminalCapabilities {
    colours: Colours::Ansi16,
    charset: Charset::Unicode,
    ssh: false,
    escape_hold: Duration::ZERO,
    full_screen: true,
    xterm: true,
};
const OLD: TerminalCapabilities = TerminalCapabilities { xterm: false, ..XTERM };

const ENTER: &str = "\x1b[22;0t\x1b]0;vmbuild\x07\x1b[?1049h\x1b[?2004h";
const LEAVE: &str = "\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b[23;0t";

/// Starts `part` of the program below in a terminal.
fn play(part: &str) -> Person {
    let home = tempfile::tempdir().unwrap();
    Session::stage(home.path(), concat!(module_path!(), "::the_program_in_the_terminal"), part).start()
}

/// No test of its own: the program that the tests of this file start in a terminal.
#[test]
fn the_program_in_the_terminal() {
    match pty::part().as_deref() {
        Some("xterm") => enter_and_leave(&XTERM),
        Some("old") => enter_and_leave(&OLD),
        Some("panic") => panic_inside(),
        Some("continued") => be_continued(),
        _ => {}
    }
}

fn enter(terminal: &TerminalCapabilities) -> Result<Terminal, TerminalError> {
    Terminal::enter(Tty::open()?, terminal, "vm\x07build")
}

/// Writes `text` and waits for a key.
fn shows(text: &str) {
    print!("{text}");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_exact(&mut [0]).unwrap();
}

fn enter_and_leave(terminal: &TerminalCapabilities) {
    let entered = enter(terminal).unwrap();
    assert!(matches!(enter(terminal), Err(TerminalError::InUse)));
    shows("inside");
    drop(entered);
    println!("outside");
}

fn panic_inside() {
    install_panic_hook(|| Some("last words".into()));
    let mut entered = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        entered = Some(enter(&XTERM).unwrap());
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    // Leaves nothing, since the hook has left it.
    drop(entered);
    let _again = enter(&XTERM).unwrap();
}

fn be_continued() {
    let mut entered = enter(&XTERM).unwrap();
    assert!(entered.continued().unwrap());
    shows("inside");
}

/// What the program writes to a terminal of this `kind`, which is raw meanwhile and restored at the end.
fn entered_and_left(kind: &str) -> String {
    let mut person = play(kind);
    person.wait_for("inside");
    assert!(person.is_raw());
    person.keys("x");
    assert!(person.ended_restored().success());
    person.wait_written("outside\r\n", 1);
    person.text()
}

#[test]
fn what_is_entered_is_left_in_reverse_order() {
    let written = entered_and_left("xterm");
    assert!(written.contains(&format!("{ENTER}inside{LEAVE}outside\r\n")), "{written:?}");
}

#[test]
fn an_old_terminal_gets_nothing_it_could_print() {
    let written = entered_and_left("old");
    assert!(written.contains("inside\x1b[0m\x1b[1;1H\x1b[J\x1b[?25houtside\r\n"), "{written:?}");
    assert_eq!(written.matches("\x1b[?").count(), 1, "only the cursor: {written:?}");
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_printed() {
    let mut person = play("panic");
    assert!(person.ended_restored().success());
    person.wait_written(LEAVE, 2);
    let written = person.text();
    let parts: Vec<_> = written.split(LEAVE).collect();
    let [before, message, after] = parts[..] else { panic!("{written:?}") };
    assert!(before.ends_with(ENTER), "{before:?}");
    // A raw terminal would begin no new line at the left.
    assert!(message.contains("on purpose") && message.contains("\r\nlast words\r\n"), "{message:?}");
    assert!(message.ends_with(ENTER) && !after.contains(ENTER), "{written:?}");
}

#[test]
fn being_continued_by_another_process_enters_again_and_keeps_the_mode_of_the_shell() {
    let mut person = play("continued");
    person.wait_for("inside");
    assert!(person.is_raw());
    person.keys("x");
    assert!(person.ended_restored().success());
    person.wait_written(LEAVE, 2);
    let written = person.text();
    assert!(written.contains(&format!("{ENTER}{LEAVE}{ENTER}inside{LEAVE}")), "{written:?}");
}
