//! The wizard as a person has it: the real program in a pseudo-terminal, driven by keys, judged by what a terminal shows.

use crate::support::pty::{Person, Session, settled};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The wizard on the demo host, whose facts have come.
#[track_caller]
fn demo(home: &Path) -> Person {
    let person = Session::new(home, &["--demo"]).start();
    person.wait_for("hv03");
    person
}

/// What all drafts say.
fn drafts(home: &Path) -> Vec<String> {
    let folder = std::fs::read_dir(home.join(".local/state/vmbuild/drafts"));
    let files = folder.into_iter().flatten().map(|file| file.unwrap().path());
    files.map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect()
}

fn draft(home: &Path) -> String {
    drafts(home).concat()
}

#[test]
fn the_first_frame_does_not_wait_for_the_host() {
    let home = home();
    // A daemon that takes the connection and never says a word.
    let socket = home.path().join("silent");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let uri = format!("qemu+unix:///system?socket={}", socket.display());
    let mut person = Session::new(home.path(), &["--connect", &uri]).start();
    person.wait_for("Template");
    person.names("patient");
    person.wait_for("waiting for libvirt");
    person.keys("^C");
    person.wait_for("Leave vmbuild?");
    person.keys("^C");
    assert!(person.ended_restored().success());
}

#[test]
fn every_step_is_reached_by_its_number_and_by_next() {
    let home = home();
    let mut person = demo(home.path());
    let steps = ["Template", "System", "Storage pool", "Disks", "Net", "PCI", "Extras", "Review", "Build"];
    for (number, step) in steps.iter().enumerate() {
        person.keys(&(number + 1).to_string());
        person.wait_for(&format!("{}/9 {step}", number + 1));
    }
    person.keys("1");
    for (number, step) in steps.iter().enumerate().skip(1) {
        person.keys("n");
        person.wait_for(&format!("{}/9 {step}", number + 1));
    }
    person.keys("q");
    assert!(person.ended_restored().success());
}

#[test]
fn what_is_typed_is_drafted_and_offered_at_the_next_start() {
    let home = home();
    let mut person = demo(home.path());
    assert!(person.is_raw() && !person.is_restored());
    person.names("keepsake");
    person.keys("q");
    person.wait_for("Leave vmbuild?");
    person.keys("Down Enter");
    assert!(person.ended_restored().success());
    person.wait_for("The draft is kept");
    assert!(draft(home.path()).contains("keepsake"));

    let mut person = demo(home.path());
    person.wait_for("Continue the draft of keepsake?");
    person.keys("Enter");
    person.wait_until("the name", |screen| screen.contents().starts_with(" vmbuild   keepsake"));
    // Forgotten on leaving, it is not offered again.
    person.keys("q");
    person.wait_for("Leave vmbuild?");
    person.keys("Down Down Enter");
    assert!(person.ended_restored().success());
    assert_eq!(draft(home.path()), "");
}

#[test]
fn two_wizards_keep_a_draft_each_and_the_third_is_offered_what_none_holds() {
    let home = home();
    let mut first = demo(home.path());
    first.names("alpha");
    let mut second = demo(home.path());
    second.names("beta");
    let kept = |name: &str| drafts(home.path()).iter().any(|draft| draft.contains(&format!("\"{name}\"")));
    settled("both drafts", || kept("alpha") && kept("beta"));
    // Both run: neither is offered. The thread that offers drafts lists the templates only then.
    let mut third = demo(home.path());
    third.wait_for("gpu-workstation");
    third.keys("q");
    assert!(third.ended_restored().success());
    // Killed without a word, the first one no longer holds its draft.
    first.signal(Signal::KILL);
    first.ended();
    let mut third = demo(home.path());
    third.wait_for("Continue the draft of alpha?");
    third.wait_for("for demo host");
    third.keys("Enter");
    third.wait_until("the name", |screen| screen.contents().starts_with(" vmbuild   alpha"));
    third.names("-two");
    settled("the draft goes on", || kept("alpha-two") && kept("beta") && !kept("alpha"));
    second.keys("^C ^C");
    assert!(second.ended_restored().success());
    let fourth = demo(home.path());
    fourth.wait_for("Continue the draft of beta?");
    assert_eq!(drafts(home.path()).len(), 2);
}

#[test]
fn the_draft_of_an_older_version_is_offered() {
    let home = home();
    let state = home.path().join(".local/state/vmbuild");
    std::fs::create_dir_all(&state).unwrap();
    let old = r#"{"version": 1, "draft": {"saved_at": 1, "spec": {"name": "ancient"}}}"#;
    std::fs::write(state.join("draft.json"), old).unwrap();
    let mut person = demo(home.path());
    person.wait_for("Continue the draft of ancient?");
    person.keys("Enter");
    person.wait_until("the name", |screen| screen.contents().starts_with(" vmbuild   ancient"));
    person.keys("^C ^C");
    assert!(person.ended_restored().success());
    assert!(draft(home.path()).contains("ancient") && !state.join("draft.json").exists());
}

#[test]
fn interrupting_twice_leaves_with_the_draft_saved() {
    let home = home();
    let mut person = demo(home.path());
    person.names("hasty");
    person.keys("^C ^C");
    assert!(person.ended_restored().success());
    assert!(draft(home.path()).contains("hasty"));
}

#[test]
fn signals_save_what_is_being_typed_and_give_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let home = home();
        let mut person = demo(home.path());
        person.keys("2");
        person.wait_for("Names the domain");
        person.keys("Enter 'half'");
        person.wait_for("half");
        person.signal(signal);
        assert_eq!(person.ended_restored().exit_code(), 130, "{signal:?}");
        assert!(draft(home.path()).contains("half"), "{signal:?}");
    }
}

#[test]
fn a_wizard_whose_terminal_is_gone_saves_its_draft_and_ends() {
    let home = home();
    let mut person = demo(home.path());
    person.names("lost");
    person.hang_up();
    person.ended();
    assert!(draft(home.path()).contains("lost"));
}

#[test]
fn a_terminal_that_cannot_show_the_wizard_is_refused_with_a_way_out() {
    let home = home();
    let mut person = Session::new(home.path(), &["--demo"]).env("TERM", "dumb").start();
    assert_eq!(person.ended_restored().exit_code(), 2);
    person.wait_for("headless command");
    let mut person = Session::script(home.path(), "\"$VMBUILD\" --demo >file").start();
    assert_eq!(person.ended_restored().exit_code(), 2);
    person.wait_for("standard output is not a terminal");
}

#[test]
fn an_unknown_preset_is_an_error_before_the_screen_is_touched() {
    let home = home();
    let mut person = Session::new(home.path(), &["--demo", "--preset", "windoze"]).start();
    assert_eq!(person.ended_restored().exit_code(), 2);
    person.wait_for("preset 'windoze' not found");
    assert!(!String::from_utf8_lossy(&person.bytes()).contains("\x1b[?1049h"));
}

#[test]
fn a_preset_on_the_command_line_lies_below_what_is_typed() {
    let home = home();
    let person = Session::new(home.path(), &["--demo", "--preset", "windows-11"]).start();
    person.wait_for("2/9 System");
    person.wait_for("windows-11");
}

#[test]
fn a_screen_that_is_too_small_says_so_and_goes_on_when_it_grows() {
    let home = home();
    let mut person = demo(home.path());
    person.names("elastic");
    person.resize(60, 15);
    person.wait_for("needs a screen of 80 columns");
    person.resize(132, 43);
    // Wide screens show the XML beside the step.
    person.wait_for("<name>elastic</name>");
    person.resize(80, 24);
    person.wait_until("the narrow screen", |screen| screen.contents().contains("2/9 System"));
    person.keys("^C ^C");
    assert!(person.ended_restored().success());
}

#[test]
fn pasted_text_comes_whole_and_starts_no_command() {
    let home = home();
    let mut person = demo(home.path());
    person.keys("2");
    person.wait_for("Names the domain");
    person.keys("Enter");
    person.types("\x1b[200~quick\x1b[201~");
    person.wait_for("quick");
    person.keys("Enter ^C ^C");
    assert!(person.ended_restored().success());
    assert!(draft(home.path()).contains("\"quick\""));
}

#[test]
fn an_idle_wizard_writes_nothing_and_does_not_wake_up() {
    let home = home();
    let mut person = demo(home.path());
    person.names("idle");
    person.wait_until("the end of loading", |screen| !screen.contents().contains("asking the host"));
    assert_idle(&person, 1);
}

/// Recorded facts do not change, so that nobody looks at the card under the cursor again.
#[test]
fn a_card_of_recorded_facts_is_read_once() {
    let home = home();
    let facts = home.path().join("facts.json");
    let recorded = Command::new(env!("CARGO_BIN_EXE_vmbuild")).args(["--demo", "facts", "--json"]).output().unwrap();
    std::fs::write(&facts, recorded.stdout).unwrap();
    let mut person = Session::new(home.path(), &["--facts", facts.to_str().unwrap()]).start();
    person.wait_for("hv03");
    person.keys("6");
    person.wait_for("resets: flr");
    assert_idle(&person, 3);
}

/// Nothing is written for some seconds, and the main thread sleeps.
#[track_caller]
fn assert_idle(person: &Person, looks: u32) {
    let quiet = || person.bytes_within(Duration::from_secs(2));
    // The last facts may still come when the first look is taken.
    let (first, slept) = (quiet(), wakeups(person.process()));
    let written = if first == 0 { 0 } else { quiet() };
    assert_eq!(written, 0);
    let before = if first == 0 { slept } else { wakeups(person.process()) };
    assert!((0..looks).all(|_| quiet() == 0));
    assert!(wakeups(person.process()) - before <= 1, "the main thread woke up");
}

/// How often the main thread of a process gave up the processor by itself.
fn wakeups(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/task/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn without_colours_none_is_written() {
    for (name, value, args) in [("NO_COLOR", "1", vec!["--demo"]), ("X", "", vec!["--demo", "--color", "never"])] {
        let home = home();
        let mut person = Session::new(home.path(), &args).env(name, value).start();
        person.wait_for("hv03");
        person.keys("2 6 8");
        person.wait_for("8/9 Review");
        person.keys("q");
        person.ended_restored();
        assert_eq!(colours(&person.bytes()), Vec::<String>::new());
    }
    // The same look finds them where there are some.
    let home = home();
    let person = demo(home.path());
    person.wait_for("MEM-MISSING");
    assert_ne!(colours(&person.bytes()), Vec::<String>::new());
}

/// Every sequence that sets a colour.
fn colours(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| {
        let (numbers, _) = rest.split_once(|c: char| c.is_ascii_alphabetic())?;
        rest[numbers.len()..].starts_with('m').then_some(numbers)
    });
    let coloured = |number: &str| matches!(number.parse(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107));
    sequences.filter(|numbers| numbers.split([';', ':']).any(coloured)).map(str::to_owned).collect()
}

#[test]
fn outside_of_utf8_only_ascii_is_written() {
    let home = home();
    let mut person = Session::new(home.path(), &["--demo"]).env("LANG", "C").start();
    person.wait_for("hv03");
    for step in 1..=9 {
        person.keys(&step.to_string());
        person.wait_for(&format!("{step}/9"));
    }
    person.keys("?");
    person.wait_for("Keys");
    person.keys("Esc");
    person.wait_gone("Keys");
    person.keys("q");
    person.ended_restored();
    let strange: Vec<u8> = person.bytes().into_iter().filter(|byte| !byte.is_ascii()).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn a_suspended_wizard_comes_back_as_it_was() {
    let home = home();
    let script = "set -m; \"$VMBUILD\" --demo; echo the shell has it; fg >/dev/null; echo ended with $?";
    let mut person = Session::script(home.path(), script).start();
    person.wait_for("hv03");
    person.keys("2");
    person.wait_for("Names the domain");
    person.keys("^Z");
    person.wait_written("\x1b[?1049h", 2);
    person.wait_for("Names the domain");
    let shown = String::from_utf8_lossy(&person.bytes()).into_owned();
    let (left, back) = (shown.find("\x1b[?1049l").unwrap(), shown.rfind("\x1b[?1049h").unwrap());
    let shell = shown.find("the shell has it").unwrap();
    assert!(left < shell && shell < back, "the shell had the terminal while the wizard was stopped");
    person.names("returned");
    person.keys("^C ^C");
    person.wait_for("ended with 0");
    assert!(person.ended_restored().success());
}

#[test]
fn without_a_hypervisor_the_wizard_says_why_and_goes_to_the_demo_host() {
    let home = home();
    let uri = format!("qemu+unix:///system?socket={}", home.path().join("none").display());
    let mut person = Session::new(home.path(), &["--connect", &uri]).start();
    person.wait_for("cannot connect to");
    person.wait_for("Start it with");
    person.keys("Down Down Enter");
    person.wait_for("hv03");
    person.names("anyway");
    person.keys("^C ^C");
    assert!(person.ended_restored().success());
}

#[test]
fn a_vm_is_built_on_the_demo_host_and_told_of_on_the_normal_screen() {
    let home = home();
    let mut person = Session::new(home.path(), &["--demo", "--preset", "linux-server"]).start();
    person.wait_for("hv03");
    person.names("first-light");
    person.keys("3");
    person.wait_for("fast-nvme");
    person.keys("Down Down Enter 8 B");
    person.wait_until("a question or the build", |screen| {
        screen.contents().contains("Build with") || screen.contents().contains("9/9 Build")
    });
    if person.screen().contains("Build with") {
        person.keys("Enter");
    }
    person.wait_for("Built");
    person.keys("q");
    assert!(person.ended_restored().success());
    person.wait_until("name and UUID", |screen| {
        let shown = screen.contents();
        shown.contains("Built first-light") && shown.contains("UUID")
    });
    assert_eq!(draft(home.path()), "", "the draft of what is built would build it twice");
}

#[test]
fn on_recorded_facts_everything_is_seen_and_nothing_is_built() {
    let home = home();
    let record = Session::script(home.path(), "\"$VMBUILD\" --demo facts --json >facts.json").start().ended();
    assert!(record.success());
    let mut person = Session::new(home.path(), &["--facts", "facts.json", "--preset", "linux-server"]).start();
    person.wait_for("hv03");
    person.names("on-paper");
    person.keys("3");
    person.wait_for("fast-nvme");
    person.keys("Down Down Enter 8");
    person.wait_for("0 errors");
    person.keys("B");
    person.wait_for("these are recorded facts");
    person.keys("^C ^C");
    assert!(person.ended_restored().success());
}

#[test]
fn a_host_that_hangs_up_is_asked_again_when_the_user_wants_it() {
    let home = home();
    // A daemon that ends every connection at once.
    let socket = home.path().join("short");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let uri = format!("qemu+unix:///system?socket={}", socket.display());
    let mut person = Session::new(home.path(), &["--connect", &uri]).start();
    drop(listener.accept().unwrap());
    person.wait_for("cannot connect to");
    person.keys("Down Enter");
    // Asked again by the user.
    person.wait_until("closed question", |screen| !screen.contents().contains("cannot connect to"));
    drop(listener.accept().unwrap());
    person.wait_for("cannot connect to");
    person.keys("Enter q");
    assert!(person.ended_restored().success());
}
