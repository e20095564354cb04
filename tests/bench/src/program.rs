//! The programs that are measured side by side.

use crate::pty::{Answers, Session};
use anyhow::Result;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// One program and how to drive it.
pub struct Program {
    /// Name in the tables.
    pub name: &'static str,
    /// Command line.
    pub argv: Vec<String>,
    /// Environment on top of the terminal's.
    pub env: Vec<(String, String)>,
    /// Text that is on the screen once it is ready.
    pub ready: &'static str,
    /// Keys that lead to a list, before list moves are measured.
    pub to_list: &'static [&'static [u8]],
    /// Moves down one row.
    pub down: &'static [u8],
    /// Keys that lead to a text field, before typing is measured; empty if it has none.
    pub to_field: &'static [&'static [u8]],
    /// Keys that end it.
    pub leave: &'static [u8],
    /// A folder that is emptied before each start: what an earlier one left there would be offered.
    pub state: PathBuf,
}

impl Program {
    /// Starts it as if for the first time.
    pub fn start(&self, answers: Answers) -> Result<Session> {
        match fs::remove_dir_all(&self.state) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Session::start(&self.argv, &self.env, answers),
        }
    }
}

/// The environment of a program that keeps its files below `home`, and where it keeps what it left off.
fn at_home(home: &Path) -> (Vec<(String, String)>, PathBuf) {
    let state = home.join("state");
    let pair = |name: &str, folder: &Path| (name.to_owned(), folder.to_string_lossy().into_owned());
    let env = [("HOME", home), ("XDG_CONFIG_HOME", home), ("XDG_DATA_HOME", home), ("XDG_STATE_HOME", &state)];
    (env.map(|(name, folder)| pair(name, folder)).to_vec(), state)
}

/// To the PCI step of the wizard, and from the GPUs by way of the other kinds to all functions.
const TO_ALL_FUNCTIONS: &[&[u8]] = &[b"6", b"fffff"];

/// Where a command is, if it is installed.
pub fn find(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(command)).find(|file| file.is_file())
}

/// vmbuild on its demo host, the floor, and the peers that are installed; then the names of those that are not.
pub fn programs(vmbuild: &Path, floor: &Path, home: &Path) -> Result<(Vec<Program>, Vec<&'static str>)> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (home_env, state) = at_home(home);
    let mut programs = vec![
        Program {
            name: "floor",
            argv: vec![text(floor)],
            env: vec![],
            ready: "Esc leave",
            to_list: &[],
            down: b"\x1b[B",
            to_field: &[b"a"],
            leave: b"\x1b",
            state: state.clone(),
        },
        Program {
            name: "vmbuild",
            argv: vec![text(vmbuild), "--demo".into()],
            env: home_env.clone(),
            ready: "PCI",
            to_list: TO_ALL_FUNCTIONS,
            down: b"\x1b[B",
            to_field: &[b"2", b"\r"],
            leave: b"\x03\x03",
            state: state.clone(),
        },
    ];
    let mut missing = vec![];
    let peers: [Peer; 5] = [
        ("vm-curator", &["--library"], "VMs", &[], &[b"/"], b"q"),
        ("btm", &[], "CPU", &[b"\x1b[1;2B"], &[], b"q"),
        ("gitui", &[], "Status", &[], &[], b"q"),
        ("htop", &[], "PID", &[], &[b"/"], b"q"),
        ("vim", &["-u", "NONE", "-n"], "~", &[], &[b"i"], b"\x1b:q!\r"),
    ];
    for (name, args, ready, to_list, to_field, leave) in peers {
        let Some(path) = find(name) else {
            missing.push(name);
            continue;
        };
        let mut argv: Vec<String> = std::iter::once(text(&path)).chain(args.iter().map(|&a| a.to_owned())).collect();
        match name {
            "vm-curator" => argv.push(text(&library(home, 60)?)),
            "vim" => argv.push(text(&lines(home)?)),
            _ => {}
        }
        let down = if name == "vim" { b"j" } else { &b"\x1b[B"[..] };
        programs.push(Program {
            name,
            argv,
            env: home_env.clone(),
            ready,
            to_list,
            down,
            to_field,
            leave,
            state: state.clone(),
        });
    }
    Ok((programs, missing))
}

/// vmbuild on a host whose functions are those of the sysfs tree `root`, all of them in the list.
pub fn large(vmbuild: &Path, home: &Path, root: &Path) -> Program {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let argv = vec![text(vmbuild), "--connect".into(), "test:///default".into(), "--sysroot".into(), text(root)];
    let (env, state) = at_home(home);
    Program {
        name: "vmbuild-512",
        argv,
        env,
        ready: "PCI",
        to_list: TO_ALL_FUNCTIONS,
        down: b"\x1b[B",
        to_field: &[b"2", b"\r"],
        leave: b"\x03\x03",
        state,
    }
}

/// vmbuild on its demo host as it starts: in the PCI step the card under the cursor is read again every two seconds.
pub fn at_start(vmbuild: &Path, home: &Path) -> Program {
    let argv = vec![vmbuild.to_string_lossy().into_owned(), "--demo".into()];
    Program { name: "vmbuild-1", argv, to_list: &[], ..large(vmbuild, home, home) }
}

/// Name, arguments, text when ready, keys to a list, keys to a field, keys to leave.
type Peer = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [&'static [u8]],
    &'static [&'static [u8]],
    &'static [u8],
);

/// A vm-curator library of `count` machines, as its own wizard leaves them.
pub fn library(home: &Path, count: usize) -> Result<PathBuf> {
    let library = home.join(format!("library-{count}"));
    for number in 0..count {
        let folder = library.join(format!("linux-debian-{number:04}"));
        fs::create_dir_all(&folder)?;
        let script = folder.join("launch.sh");
        fs::write(
            &script,
            "#!/bin/bash\nDIR=\"$(dirname \"$(readlink -f \"$0\")\")\"\nDISK=\"$DIR/disk.qcow2\"\n\
            exec qemu-system-x86_64 -enable-kvm -machine q35 -cpu host -smp 4 -m 8192 -drive file=\"$DISK\",format=qcow2,if=virtio\n",
        )?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        // The head of an empty qcow2 image: magic and version are what qemu-img looks at first.
        fs::write(folder.join("disk.qcow2"), [&b"QFI\xfb\0\0\0\x03"[..], &[0; 504]].concat())?;
    }
    Ok(library)
}

/// A text of 200 lines, so that an editor has a list to move in.
fn lines(home: &Path) -> Result<PathBuf> {
    let file = home.join("lines.txt");
    fs::write(&file, (0..200).map(|n| format!("line {n}\n")).collect::<String>())?;
    Ok(file)
}
