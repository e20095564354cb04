//! When systemd puts the machine to sleep without being asked: the settings of its login manager, and targets that are
//! masked. What a desktop does beside it is set per user, and is not read.

use super::attribute::known;
use crate::facts::{Fact, Sleep};
use crate::host::Sysroot;
use std::collections::BTreeMap;

/// Where settings are, the weakest first.
const FOLDERS: [&str; 4] = ["/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd"];
/// Where units are masked.
const UNITS: [&str; 2] = ["/etc/systemd/system", "/run/systemd/system"];
/// Without either of these targets nothing sleeps.
const TARGETS: [&str; 2] = ["sleep.target", "suspend.target"];

/// What systemd does by itself; unknown where there is no systemd.
pub(super) fn read(sysroot: &Sysroot) -> Fact<Sleep> {
    if !FOLDERS.iter().any(|folder| sysroot.exists(folder)) {
        return Fact::unknown("There is no /etc/systemd.");
    }
    let login = settings(sysroot, "logind.conf");
    let value = |key: &str, otherwise: &str| login.get(key).cloned().unwrap_or_else(|| otherwise.to_owned());
    // A unit without a word is masked; mostly it is a link to /dev/null.
    let masked = |folder: &str| {
        TARGETS.iter().any(|target| sysroot.read(&format!("{folder}/{target}")).is_ok_and(|text| text.is_empty()))
    };
    let off = |value: &String| ["no", "false", "off", "0"].contains(&value.as_str());
    let refused = settings(sysroot, "sleep.conf").get("AllowSuspend").is_some_and(off);
    let sleep = Sleep {
        idle: value("IdleAction", "ignore"),
        lid: value("HandleLidSwitch", "suspend"),
        forbidden: refused || UNITS.into_iter().any(masked),
    };
    known(sleep, "/etc/systemd/logind.conf")
}

/// The settings of `name` and of its drop-ins, of which the later in name counts.
fn settings(sysroot: &Sysroot, name: &str) -> BTreeMap<String, String> {
    let main = FOLDERS.iter().rev().map(|folder| format!("{folder}/{name}")).find(|path| sysroot.exists(path));
    let mut added: BTreeMap<String, String> = BTreeMap::new();
    for folder in FOLDERS {
        let folder = format!("{folder}/{name}.d");
        added.extend(sysroot.conf_names(&folder).into_iter().map(|file| (file.clone(), format!("{folder}/{file}"))));
    }
    let texts = main.into_iter().chain(added.into_values()).map(|path| sysroot.read(&path).unwrap_or_default());
    texts.flat_map(|text| assignments(&text)).collect()
}

fn assignments(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';', '[']));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn drop_ins_come_after_the_file_and_masks_after_all() {
        let tree = tempfile::tempdir().unwrap();
        let root = Sysroot::new(tree.path());
        assert!(read(&root).get().is_none());
        let write = |path: &str, text: &str| {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("usr/lib/systemd/logind.conf", "[Login]\nIdleAction=poweroff\n");
        let sleep = || read(&root).get().cloned().unwrap();
        assert_eq!((sleep().idle.as_str(), sleep().lid.as_str()), ("poweroff", "suspend"));
        write("etc/systemd/logind.conf", "[Login]\n#IdleAction=suspend\nHandleLidSwitch=ignore\n");
        assert_eq!((sleep().idle.as_str(), sleep().lid.as_str()), ("ignore", "ignore"));
        write("usr/lib/systemd/logind.conf.d/50-a.conf", "[Login]\nIdleAction = suspend\n");
        assert!(sleep().sleeps("suspend") && sleep().idle == "suspend");
        write("etc/systemd/logind.conf.d/50-a.conf", "[Login]\n");
        assert_eq!(sleep().idle, "ignore", "a drop-in of the same name takes its place");
        fs::create_dir_all(tree.path().join("etc/systemd/system")).unwrap();
        std::os::unix::fs::symlink("/dev/null", tree.path().join("etc/systemd/system/sleep.target")).unwrap();
        assert!(sleep().forbidden && !sleep().sleeps("suspend"));
    }

    #[test]
    fn systemd_can_be_told_not_to_suspend() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("etc/systemd/sleep.conf.d")).unwrap();
        fs::write(tree.path().join("etc/systemd/sleep.conf.d/no.conf"), "[Sleep]\nAllowSuspend=no\n").unwrap();
        assert!(read(&Sysroot::new(tree.path())).get().is_some_and(|sleep| sleep.forbidden));
    }
}
