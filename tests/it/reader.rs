//! Why the wizard has a reader of its own: what crossterm's reader (0.29) makes of a bad line, and what ours does. Both are
//! asked in the same way, in a terminal each. When crossterm passes one of these tests, its reader can do the work.
#![allow(clippy::print_stdout, reason = "a program of this test writes there")]

use crate::support::pty::{self, Person, Session, settled};
use crossterm::event::{self, Event};
use ratatui::layout::Size;
use rustix::process::Signal;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::Duration;
use tokio::runtime::Runtime;
use vmbuild::run::input::Input;
use vmbuild::run::input_event::InputEvent;
use vmbuild::run::signals::Signals;

/// Longer than a test waits between the two parts of a key.
const HOLD: Duration = Duration::from_secs(30);
/// As many keys as the kernel keeps for a program that is busy, and more than crossterm reads at once.
const BURST: usize = 3000;
/// How the program ends when its reader says that the terminal is gone.
const GONE: u8 = 7;

/// No test of its own: the program that the tests of this file start in a terminal.
#[test]
fn the_program_that_reads() {
    let Some(part) = pty::part() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The program outlives its terminal, as one does that builds.
    let _signals = runtime.block_on(async { Signals::new() }).unwrap();
    crossterm::terminal::enable_raw_mode().unwrap();
    let (reader, pending) = part.split_once(' ').unwrap();
    let busy = || {
        tell("ready");
        while rustix::io::ioctl_fionread(std::io::stdin()).unwrap() < pending.parse().unwrap() {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    match reader {
        "crossterm" => crossterm_reads(busy),
        _ => ours_reads(&runtime, busy),
    }
}

fn crossterm_reads(busy: impl Fn()) {
    busy();
    loop {
        let mut keys = vec![event::read().unwrap()];
        while event::poll(Duration::ZERO).unwrap() {
            keys.push(event::read().unwrap());
        }
        let names = keys.into_iter().map(|event| match event {
            Event::Key(key) => key.code.to_string(),
            other => format!("{other:?}"),
        });
        tell_keys(&names.collect::<Vec<_>>());
    }
}

fn ours_reads(runtime: &Runtime, busy: impl Fn()) {
    let keyboard = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let mut input = runtime.block_on(async { Input::new(keyboard, Size::new(80, 24), HOLD) }).unwrap();
    busy();
    loop {
        let events = runtime.block_on(input.next());
        tell_keys(&events.into_iter().map(shown).collect::<Vec<_>>());
    }
}

fn shown(event: InputEvent) -> String {
    match event {
        InputEvent::Key(key) => key.to_string(),
        InputEvent::Closed => std::process::exit(GONE.into()),
        InputEvent::Resize(size) => size.to_string(),
        InputEvent::Paste(text) => text,
    }
}

/// Tells which keys came together.
fn tell_keys(keys: &[String]) {
    let runs = keys.chunk_by(|a, b| a == b).map(|run| match run {
        [key] => format!(" {key}"),
        [key, ..] => format!(" {}*{key}", run.len()),
        [] => String::new(),
    });
    tell(&runs.collect::<String>());
}

/// Tells something in a terminal that may be gone.
fn tell(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// A terminal in which `reader` reads once `pending` bytes are there.
fn read_by(reader: &str, pending: usize) -> Person {
    let home = tempfile::tempdir().unwrap();
    let person = Session::stage(
        home.path(),
        concat!(module_path!(), "::the_program_that_reads"),
        &format!("{reader} {pending}"),
    )
    .start();
    person.wait_for("ready");
    person
}

/// What the reader has told so far.
fn told(person: &Person) -> String {
    person.text().rsplit("ready").next().unwrap().to_owned()
}

/// Waits until the reader has told just this.
#[track_caller]
fn wait_told(person: &Person, keys: &str) {
    settled(keys, || told(person) == keys);
}

/// Time to show more, for a reader that could.
fn wait_a_moment() {
    std::thread::sleep(Duration::from_millis(50));
}

#[test]
fn an_arrow_that_the_network_splits_is_one_key() {
    let mut person = read_by("crossterm", 0);
    person.types("\x1b");
    wait_told(&person, " Esc");
    person.types("[A");
    wait_told(&person, " Esc [ A");
    let mut person = read_by("ours", 0);
    person.types("\x1b");
    wait_a_moment();
    assert_eq!(told(&person), "");
    person.types("[A");
    wait_told(&person, " Up");
}

#[test]
fn a_burst_is_read_whole() {
    let mut person = read_by("crossterm", BURST);
    person.types(&"a".repeat(BURST));
    wait_told(&person, " 1024*a");
    wait_a_moment();
    // The rest comes with the next keys: https://github.com/crossterm-rs/crossterm/pull/1057
    assert_eq!(told(&person), " 1024*a");
    person.types("b");
    wait_told(&person, " 1024*a 1024*a");
    let mut person = read_by("ours", BURST);
    person.types(&"a".repeat(BURST));
    wait_told(&person, " 3000*a");
}

#[test]
fn a_terminal_that_is_gone_is_reported() {
    let hung_up = |reader| {
        let mut person = read_by(reader, 0);
        person.types("a");
        wait_told(&person, " a");
        person.hang_up();
        person
    };
    let person = hung_up("crossterm");
    // https://github.com/crossterm-rs/crossterm/issues/793
    settled("crossterm spins", || cpu_time(person.process()) > Duration::from_millis(300));
    let mut person = hung_up("ours");
    assert_eq!(person.ended().exit_code(), u32::from(GONE));
}

#[test]
fn only_the_last_of_several_new_sizes_is_reported() {
    let mut person = read_by("ours", 0);
    person.signal(Signal::STOP);
    settled("stopped", || stat(person.process()).starts_with(" T"));
    for columns in [90, 100, 132] {
        person.resize(columns, 50);
    }
    person.signal(Signal::CONT);
    wait_told(&person, " 132x50");
    person.types("z");
    wait_told(&person, " 132x50 z");
}

/// What proc(5) tells of a process in `stat`, from its state on.
fn stat(process: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().to_owned()
}

/// The processor time that a process has used.
fn cpu_time(process: u32) -> Duration {
    let stat = stat(process);
    // utime and stime, in hundredths of a second.
    let ticks = stat.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Duration::from_millis(10 * ticks.sum::<u64>())
}
