//! The probe's run: ssh started without a shell, its answer bounded in size and time.

use super::login::Login;
use crate::host::{Cause, HostError};
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The probe.
pub const SCRIPT: &str = include_str!("probe.sh");

/// A host of 4,096 PCI functions answers with half of it.
const LONGEST: u64 = 64 << 20;
/// A message of ssh is shorter.
const LONGEST_MESSAGE: u64 = 8 << 10;
/// A host that is busy takes some seconds.
const PATIENCE: Duration = Duration::from_secs(90);
/// How soon it is noticed that nobody waits any more.
const PACE: Duration = Duration::from_millis(100);
/// How long ssh may take to end when its outputs have.
const FAREWELL: Duration = Duration::from_secs(3);

/// Runs the probe and gives what it printed. Blocks; ends early where `given_up` becomes true.
pub(super) fn answer(login: &Login, given_up: &AtomicBool) -> Result<Vec<u8>, HostError> {
    let mut command = Command::new("ssh");
    command.args(login.arguments()).args(["sh", "-s"]);
    read(command, login, given_up, PATIENCE)
}

/// What a program prints that is given the probe on standard input.
fn read(mut command: Command, login: &Login, given_up: &AtomicBool, patience: Duration) -> Result<Vec<u8>, HostError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        let remedy = "Install the client of OpenSSH (openssh-client).";
        HostError::new(Cause::Other, format!("ssh cannot be started: {error}."), remedy)
    })?;
    let deadline = Instant::now() + patience;
    let answered = exchange(&mut child, given_up, deadline);
    let status = ended(&mut child, matches!(answered, ScriptEnd::Told { .. }));
    match answered {
        ScriptEnd::Told { answer, message } => judged(answer, &message, status, login),
        ScriptEnd::GivenUp => {
            Err(HostError::new(Cause::Other, format!("The probe of {} was stopped.", login.host), ""))
        }
        ScriptEnd::Late => {
            let why = format!("The probe of {} took more than {} s.", login.host, patience.as_secs());
            Err(HostError::new(Cause::HostUnreachable, why, "Look at the load of the host, then try again."))
        }
    }
}

/// How the program ended; one that has told everything gets a moment to do so by itself.
fn ended(child: &mut Child, told: bool) -> Option<ExitStatus> {
    let deadline = Instant::now() + if told { FAREWELL } else { Duration::ZERO };
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(PACE / 10),
            _ => break,
        }
    }
    let _ = child.kill();
    child.wait().ok()
}

enum ScriptEnd {
    Told { answer: Vec<u8>, message: Vec<u8> },
    GivenUp,
    Late,
}

/// Hands in the probe and reads until both outputs end.
fn exchange(child: &mut Child, given_up: &AtomicBool, deadline: Instant) -> ScriptEnd {
    let (sender, outputs) = channel();
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let told = sender.clone();
    std::thread::spawn(move || {
        // One that does not take it says why on its other outputs.
        let _ = stdin.map(|mut stdin| stdin.write_all(SCRIPT.as_bytes()));
        told.send((true, stdout.map(|stdout| bytes(stdout, LONGEST)).unwrap_or_default()))
    });
    std::thread::spawn(move || sender.send((false, stderr.map(|it| bytes(it, LONGEST_MESSAGE)).unwrap_or_default())));
    let (mut answer, mut message) = (None, None);
    while answer.is_none() || message.is_none() {
        match outputs.recv_timeout(PACE) {
            Ok((true, bytes)) => answer = Some(bytes),
            Ok((false, bytes)) => message = Some(bytes),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) if given_up.load(Ordering::Relaxed) => return ScriptEnd::GivenUp,
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => return ScriptEnd::Late,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    ScriptEnd::Told { answer: answer.unwrap_or_default(), message: message.unwrap_or_default() }
}

/// One byte more than `longest` at most.
fn bytes(from: impl Read, longest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error counts: whether it is whole, its end tells.
    let _ = from.take(longest + 1).read_to_end(&mut bytes);
    bytes
}

fn judged(answer: Vec<u8>, message: &[u8], status: Option<ExitStatus>, login: &Login) -> Result<Vec<u8>, HostError> {
    let host = &login.host;
    if answer.len() as u64 > LONGEST {
        let why = format!("The probe of {host} answered with more than {} MiB.", LONGEST >> 20);
        return Err(HostError::new(Cause::Other, why, "Run vmbuild on the host itself."));
    }
    if status.is_some_and(|status| status.success()) {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(message);
    let words: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let words: String =
        words.last().map_or("it said nothing", |line| line).chars().filter(|c| !c.is_control()).collect();
    let cause = if words.contains("Permission denied") { Cause::Denied } else { Cause::HostUnreachable };
    let shown = login.shown();
    let remedy = format!(
        "Make '{}' work without questions (a key in an agent, a known host key).",
        shown.trim_end_matches(" sh -s")
    );
    Err(HostError::new(cause, format!("ssh to {host} failed: {words}."), remedy))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn login() -> Login {
        Login::of("qemu+ssh://hv03/system").unwrap().unwrap()
    }

    fn ran(script: &str, patience: Duration) -> Result<Vec<u8>, HostError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        read(command, &login(), &AtomicBool::new(false), patience)
    }

    #[test]
    fn the_words_of_ssh_are_kept() {
        let error = ran("echo 'root@hv03: Permission denied (publickey).' >&2; exit 255", PATIENCE).unwrap_err();
        assert_eq!(error.cause, Cause::Denied);
        assert!(
            error.message.contains("Permission denied (publickey)") && error.remedy.contains("'ssh hv03'"),
            "{error}"
        );
        assert_eq!(ran("cat >/dev/null; echo hello", PATIENCE).unwrap(), b"hello\n");
    }

    #[test]
    fn who_hangs_or_floods_is_left() {
        let late = ran("exec sleep 60", Duration::from_millis(300)).unwrap_err();
        assert!(late.message.contains("took more than"), "{late}");
        let flood = ran("exec cat /dev/zero", PATIENCE).unwrap_err();
        assert!(flood.message.contains("more than 64 MiB"), "{flood}");
        let mut command = Command::new("sleep");
        command.arg("60");
        let given_up = read(command, &login(), &AtomicBool::new(true), PATIENCE).unwrap_err();
        assert!(given_up.message.contains("was stopped"), "{given_up}");
    }
}
