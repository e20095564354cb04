//! What keeps QEMU from reading files: the user it runs as, AppArmor, SELinux.

use super::attribute::{failed, flag, known, odd, text};
use crate::facts::Fact;
use crate::facts::rom::Confinement;
use crate::host::Sysroot;

const APPARMOR: &str = "/sys/module/apparmor/parameters/enabled";
const SELINUX: &str = "/sys/fs/selinux/enforce";
const RULES: &str = "/etc/apparmor.d/abstractions/libvirt-qemu";
/// Where rules of the machine's owner are added to those of the package.
const ADDED: [&str; 2] =
    ["/etc/apparmor.d/local/abstractions/libvirt-qemu", "/etc/apparmor.d/abstractions/libvirt-qemu.d"];

/// What confines QEMU on this host.
pub fn read(sysroot: &Sysroot) -> Fact<Confinement> {
    if !sysroot.exists("/sys") {
        return Fact::unknown("There is no /sys.");
    }
    let state = |path: &str| {
        if sysroot.exists(path) {
            text(sysroot, path).try_map(|on| flag(&on), || odd(path))
        } else {
            known(false, path)
        }
    };
    let confinement = Confinement {
        apparmor: state(APPARMOR),
        apparmor_reads: rules(sysroot),
        selinux: state(SELINUX),
        devices: devices(sysroot),
    };
    known(confinement, "/sys")
}

const QEMU_CONF: &str = "/etc/libvirt/qemu.conf";
/// What libvirt 11.3 lists where its configuration does not.
const DEVICES: [&str; 8] =
    ["/dev/null", "/dev/full", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/kvm", "/dev/userfaultfd"];

/// `cgroup_device_acl`; a host without libvirt's configuration has what libvirt lists by itself.
fn devices(sysroot: &Sysroot) -> Fact<Vec<String>> {
    match sysroot.read(QEMU_CONF) {
        Ok(text) => known(listed(&text), QEMU_CONF),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && sysroot.exists("/etc") => {
            known(listed(""), "/etc/libvirt")
        }
        Err(error) => failed(QEMU_CONF, &error),
    }
}

/// The list may go over several lines, with comments between.
fn listed(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let text = lines.join("\n");
    let list =
        text.split_once("cgroup_device_acl").and_then(|(_, rest)| Some(rest.split_once('[')?.1.split_once(']')?.0));
    match list {
        Some(list) => list.split('"').skip(1).step_by(2).map(str::to_owned).collect(),
        None => DEVICES.map(str::to_owned).into(),
    }
}

/// What the profile of every VM may read, of libvirt's and of the owner's rules.
fn rules(sysroot: &Sysroot) -> Fact<Vec<String>> {
    let own = match sysroot.read(RULES) {
        Ok(text) => text,
        Err(error) => return failed(RULES, &error),
    };
    let [file, folder] = ADDED;
    let added = sysroot.names(folder).into_iter().map(|name| format!("{folder}/{name}")).chain([file.to_owned()]);
    let mut rules: Vec<String> = readable(&own).collect();
    for path in added {
        rules.extend(readable(&sysroot.read(&path).unwrap_or_default()));
    }
    known(rules, RULES)
}

/// Paths without variables and alternatives that the rules of `text` let read.
fn readable(text: &str) -> impl Iterator<Item = String> {
    let rule = |line: &str| {
        let (path, rights) = line.trim().trim_end_matches(',').split_once(char::is_whitespace)?;
        let path = path.trim_matches('"');
        // Of wildcards only the one at the end is understood.
        let plain = !path.trim_end_matches("**").contains(['*', '{', '@', '[', '?']);
        (path.starts_with('/') && plain && rights.contains('r')).then(|| path.to_owned())
    };
    text.lines().filter_map(rule).collect::<Vec<_>>().into_iter()
}

/// The user that libvirt runs QEMU as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QemuUser {
    /// Its name.
    pub(super) name: String,
    /// Its number; `None` for somebody who is nobody's owner.
    number: Option<u32>,
    groups: Vec<u32>,
}

impl QemuUser {
    /// By libvirt's configuration, or one of the names that packages use; `None` where no such user is known.
    pub(super) fn of(sysroot: &Sysroot) -> Option<Self> {
        let users = sysroot.read("/etc/passwd").ok()?;
        let set = configured(&sysroot.read(QEMU_CONF).unwrap_or_default());
        let mut names = set.into_iter().chain(["libvirt-qemu".into(), "qemu".into()]);
        let fields = |line: &str| {
            let mut fields = line.split(':');
            Some((fields.next()?.to_owned(), fields.nth(1)?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?))
        };
        let users: Vec<_> = users.lines().filter_map(fields).collect();
        let (name, number, group) = names.find_map(|name| users.iter().find(|user| user.0 == name))?.clone();
        let groups = sysroot.read("/etc/group").unwrap_or_default();
        let member = |line: &str| {
            let fields: Vec<&str> = line.split(':').collect();
            let members = fields.get(3)?.split(',').any(|member| member.trim() == name);
            members.then(|| fields.get(2)?.parse::<u32>().ok()).flatten()
        };
        let groups = groups.lines().filter_map(member).chain([group]).collect();
        Some(Self { name, number: Some(number), groups })
    }

    /// Any other user, where it is not known which one.
    pub(super) fn other() -> Self {
        Self { name: "QEMU".into(), number: None, groups: Vec::new() }
    }

    /// Whether it has the right `right` (4 to read, 1 to enter) by the permission bits of something.
    pub(super) fn may(&self, right: u32, mode: u32, owner: u32, group: u32) -> bool {
        let of = |class: u32| mode >> class & right != 0;
        match (self.number, owner, group) {
            (Some(0), _, _) => true,
            (Some(number), owner, _) if number == owner => of(6),
            (_, _, group) if self.groups.contains(&group) => of(3),
            _ => of(0),
        }
    }
}

/// `user = "root"`, where the line is no comment.
fn configured(text: &str) -> Option<String> {
    let value = |line: &str| {
        let value = line.trim().strip_prefix("user")?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"').to_owned())
    };
    text.lines().filter_map(value).next_back()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rules_that_let_read_are_found() {
        let text = "  #include <abstractions/base>\n  /usr/share/kvm/** r,\n  /usr/share/OVMF/** rk,\n\
                    \x20 /etc/pki/libvirt{,-spice}/** r,\n  /run/shm w,\n  \"/srv/roms/**\" r,\n  signal (receive),\n";
        assert_eq!(readable(text).collect::<Vec<_>>(), ["/usr/share/kvm/**", "/usr/share/OVMF/**", "/srv/roms/**"]);
    }

    #[test]
    fn devices_that_qemu_may_open_are_listed() {
        let set = "#cgroup_device_acl = [ \"/dev/x\" ]\ncgroup_device_acl = [\n  \"/dev/null\", \"/dev/kvm\",\n# \"/dev/y\",\n  \
                   \"/dev/kvmfr0\"\n]\nuser = \"root\"\n";
        assert_eq!(listed(set), ["/dev/null", "/dev/kvm", "/dev/kvmfr0"]);
        assert_eq!(listed("#cgroup_device_acl = [ \"/dev/x\" ]\n"), DEVICES);
    }

    #[test]
    fn the_user_of_qemu_has_its_groups() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("etc/libvirt")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(tree.path().join(name), text).unwrap();
        write("etc/passwd", "root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:993::/var:/bin/false\n");
        write("etc/group", "kvm:x:993:\nmedia:x:500:ann,libvirt-qemu\n");
        let root = Sysroot::new(tree.path());
        let user = QemuUser::of(&root).unwrap();
        assert!(user.may(4, 0o640, 0, 500) && user.may(4, 0o640, 0, 993) && user.may(4, 0o604, 0, 0));
        assert!(!user.may(4, 0o640, 0, 0) && !user.may(1, 0o700, 0, 0) && user.may(1, 0o700, 64055, 0));
        write("etc/libvirt/qemu.conf", "#user = \"qemu\"\nuser = \"root\"\n");
        assert!(QemuUser::of(&root).unwrap().may(4, 0o600, 1000, 1000));
    }
}
