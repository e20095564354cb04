//! A person at a terminal: the program in a pseudo-terminal, keys typed, and the screen read as a terminal would show it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use portable_pty::{CommandBuilder, ExitStatus, MasterPty, PtyPair, PtySize, native_pty_system};
use rustix::termios::{LocalModes, tcgetattr};
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long something that must come may take, on a slow machine under load.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Tells a test that is played in a terminal its part.
const PART: &str = "VMBUILD_TEST_PART";

/// The part of a test that [`Session::stage`] started; none where the test program was started as usual.
pub(crate) fn part() -> Option<String> {
    std::env::var(PART).ok()
}

/// What the terminal has shown.
struct Shown {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    closed: bool,
}

/// Waits until `fits` holds.
#[track_caller]
pub(crate) fn settled(what: &str, fits: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !fits() {
        assert!(Instant::now() < deadline, "not settled: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A person at a terminal with one program in it.
pub(crate) struct Person {
    /// None once it is gone.
    pair: Option<PtyPair>,
    reader: Option<JoinHandle<()>>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    /// The modes before the program.
    before: String,
    patience: Duration,
}

/// How a program is started.
pub(crate) struct Session {
    command: CommandBuilder,
    size: (u16, u16),
    patience: Duration,
}

impl Session {
    /// The program with `args`, with its home in `home`, on a terminal of 80 columns and 24 rows that knows what xterm
    /// knows.
    pub(crate) fn new(home: &Path, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_vmbuild"));
        command.args(args);
        Self::of(command, home)
    }

    /// The same below a shell that runs `script`; the program is `$VMBUILD`.
    pub(crate) fn script(home: &Path, script: &str) -> Self {
        let mut command = CommandBuilder::new("bash");
        command.args(["--norc", "--noprofile", "-c", script]);
        Self::of(command, home)
    }

    /// Another program from PATH, such as ssh to where the program runs.
    pub(crate) fn program(home: &Path, program: &str, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        Self::of(command, home)
    }

    /// This test program with its test `path` alone, which finds out by [`part`] what it is to do in the terminal.
    pub(crate) fn stage(home: &Path, path: &str, part: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        // Tests are named without the program they are in.
        let (_, test) = path.split_once("::").unwrap();
        Self::program(home, program.to_str().unwrap(), &["--exact", test, "--nocapture"]).env(PART, part)
    }

    fn of(mut command: CommandBuilder, home: &Path) -> Self {
        command.env_clear();
        for (name, value) in std::env::vars().filter(|(name, _)| name == "PATH" || name == "LD_LIBRARY_PATH") {
            command.env(name, value);
        }
        command.env("VMBUILD", env!("CARGO_BIN_EXE_vmbuild"));
        command.env("HOME", home);
        command.env("XDG_RUNTIME_DIR", home.join("run"));
        for (name, folder) in
            [("CONFIG", ".config"), ("DATA", ".local/share"), ("STATE", ".local/state"), ("CACHE", ".cache")]
        {
            command.env(format!("XDG_{name}_HOME"), home.join(folder));
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.cwd(home);
        Self { command, size: (80, 24), patience: PATIENCE }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    /// How long to wait for what must come where everything is slow.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(crate) fn start(self) -> Person {
        let (columns, rows) = self.size;
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let before = modes(&*pair.master);
        let shown =
            Shown { screen: vt100::Parser::new(some(rows), some(columns), 0), bytes: Vec::new(), closed: false };
        let shown = Arc::new((Mutex::new(shown), Condvar::new()));
        let reader = pair.master.try_clone_reader().unwrap();
        let seen = shown.clone();
        let reader = Some(thread::spawn(move || read(reader, &seen)));
        let child = pair.slave.spawn_command(self.command).unwrap();
        let patience = self.patience;
        let keyboard = pair.master.take_writer().unwrap();
        Person { pair: Some(pair), reader, keyboard, child, shown, before, patience }
    }
}

fn some(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// Reads until the terminal is gone. Like a terminal with synchronized updates it shows a frame when all of it is there.
fn read(mut reader: Box<dyn Read + Send>, shown: &(Mutex<Shown>, Condvar)) {
    let mut buffer = vec![0; 65536];
    let mut held = Vec::new();
    loop {
        let count = reader.read(&mut buffer).unwrap_or(0);
        let mut seen = shown.0.lock().unwrap();
        seen.closed |= count == 0;
        seen.bytes.extend_from_slice(&buffer[..count]);
        held.extend_from_slice(&buffer[..count]);
        let whole = if seen.closed { held.len() } else { whole_frames(&held) };
        seen.screen.process(&held[..whole]);
        held.drain(..whole);
        shown.1.notify_all();
        if seen.closed {
            return;
        }
    }
}

/// How many of the bytes come before a frame that has begun and not ended.
fn whole_frames(bytes: &[u8]) -> usize {
    const BEGIN: &[u8] = b"\x1b[?2026h";
    const END: &[u8] = b"\x1b[?2026l";
    let last = |mark: &[u8]| bytes.windows(mark.len()).rposition(|window| window == mark);
    match last(BEGIN) {
        Some(begin) if last(END) < Some(begin) => begin,
        // The mark itself may come in two parts.
        _ => bytes.len() - (0..BEGIN.len()).rev().find(|&part| bytes.ends_with(&BEGIN[..part])).unwrap_or(0),
    }
}

/// Every mode of the terminal.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", terminal_mode(master))
}

fn terminal_mode(master: &dyn MasterPty) -> rustix::termios::Termios {
    let name: PathBuf = master.tty_name().unwrap();
    let terminal = std::fs::File::options().read(true).write(true).open(name).unwrap();
    tcgetattr(&terminal).unwrap()
}

impl Person {
    /// Types text, or control characters.
    pub(crate) fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Presses keys by name, separated by blanks: `Enter`, `Down`, `^C`, a character, or `'a text'` without blanks.
    ///
    /// `Esc` stands last: a key that follows at once makes Alt of it, in every terminal.
    #[track_caller]
    pub(crate) fn keys(&mut self, keys: &str) {
        assert!(!keys.contains("Esc "), "wait for what Esc does before the next key");
        for key in keys.split_whitespace() {
            let text = match key {
                "Enter" => "\r".into(),
                "Tab" => "\t".into(),
                "Esc" => "\x1b".into(),
                "Up" => "\x1b[A".into(),
                "Down" => "\x1b[B".into(),
                "Right" => "\x1b[C".into(),
                "Left" => "\x1b[D".into(),
                "Home" => "\x1b[H".into(),
                "Space" => " ".into(),
                _ => match (key.strip_prefix('^'), key.strip_prefix('\'').and_then(|text| text.strip_suffix('\''))) {
                    (Some(letter), _) if letter.len() == 1 => char::from(letter.as_bytes()[0] & 0x1f).to_string(),
                    (_, Some(text)) => text.into(),
                    _ => key.to_owned(),
                },
            };
            self.types(&text);
        }
    }

    /// Gives the VM its name in the wizard.
    #[track_caller]
    pub(crate) fn names(&mut self, name: &str) {
        self.keys("2");
        self.wait_for("Names the domain");
        self.keys(&format!("Enter '{name}' Enter"));
        self.wait_for("filling in the form");
        // What came right behind the Esc would be Alt with it.
        self.keys("Esc");
        self.wait_gone("filling in the form");
        let shown = self.screen();
        assert!(shown.lines().next().unwrap_or_default().contains(name), "{shown}");
    }

    /// Starts the build from the review, with its warnings, and waits for its end.
    #[track_caller]
    pub(crate) fn builds(&mut self) {
        self.keys("B");
        self.wait_until("a question or the build", |screen| {
            let shown = screen.contents();
            shown.contains("Build with") || shown.contains("Built")
        });
        if self.screen().contains("Build with") {
            self.keys("Enter");
        }
        self.wait_for("UUID");
    }

    /// The screen as text.
    pub(crate) fn screen(&self) -> String {
        self.shown.0.lock().unwrap().screen.screen().contents()
    }

    /// Waits until the screen fits; fails with the screen in hand.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, mut fits: impl FnMut(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + self.patience;
        let mut seen = self.shown.0.lock().unwrap();
        while !fits(seen.screen.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.closed {
                let shown = seen.screen.screen().contents();
                drop(seen);
                panic!("no {what} on:\n{shown}");
            }
            seen = self.shown.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen does not show `text` any more.
    #[track_caller]
    pub(crate) fn wait_gone(&self, text: &str) {
        self.wait_until(&format!("screen without {text}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until `sequence` was written for the `times`th time.
    #[track_caller]
    pub(crate) fn wait_written(&self, sequence: &str, times: usize) {
        let deadline = Instant::now() + self.patience;
        while String::from_utf8_lossy(&self.bytes()).matches(sequence).count() < times {
            assert!(Instant::now() < deadline, "no {sequence:?} number {times} before:\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Everything that was written to the terminal.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shown.0.lock().unwrap().bytes.clone()
    }

    /// The same as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// How many bytes come while nobody does anything for `time`.
    pub(crate) fn bytes_within(&self, time: Duration) -> usize {
        let before = self.bytes().len();
        thread::sleep(time);
        self.bytes().len() - before
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Takes the terminal away from the program.
    pub(crate) fn hang_up(&mut self) {
        let name = self.master().tty_name().unwrap();
        self.shown.0.lock().unwrap().closed = true;
        // Ends the wait of the thread that reads, which holds the terminal as well.
        std::fs::File::options().write(true).open(name).unwrap().write_all(b" ").unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.keyboard = Box::new(std::io::sink());
        self.pair = None;
    }

    /// The end of the terminal that is not the program's.
    fn master(&self) -> &dyn MasterPty {
        &*self.pair.as_ref().unwrap().master
    }

    /// The program's process.
    pub(crate) fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Makes the window larger or smaller.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.shown.0.lock().unwrap().screen.screen_mut().set_size(some(rows), some(columns));
        self.master().resize(size(columns, rows)).unwrap();
    }

    /// True while the terminal is as the program found it: echo, lines, the first screen, a visible cursor.
    pub(crate) fn is_restored(&self) -> bool {
        let seen = self.shown.0.lock().unwrap();
        let screen = seen.screen.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && modes(self.master()) == self.before
    }

    /// True while lines are not edited by the terminal itself.
    pub(crate) fn is_raw(&self) -> bool {
        !terminal_mode(self.master()).local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the program has ended and checks that it left the terminal as it was.
    #[track_caller]
    pub(crate) fn ended_restored(&mut self) -> ExitStatus {
        let status = self.ended();
        // What it wrote last may still be on its way through the kernel.
        let deadline = Instant::now() + self.patience;
        while !self.is_restored() {
            assert!(Instant::now() < deadline, "the terminal is not as it was: {:?}", modes(self.master()));
            thread::sleep(Duration::from_millis(10));
        }
        status
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // What is left when a test fails.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
