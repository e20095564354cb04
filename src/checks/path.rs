//! Checks of the paths in a spec, as texts: rules of paths, and folders that no image should come from.

use super::note::Topic;
use super::row::RowName;
use super::text::text;
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::spec::Place;
use crate::spec::paths::{Resolved, resolve};

pub(super) static CHECKS: &[&Check] = &[&PATH_INVALID, &PATH_CLIMBS, &PATH_SYSTEM];

static PATH_INVALID: Check = Check {
    code: "PATH-INVALID",
    title: "paths are valid",
    explain: "An absolute path is used as it is. A relative one is the name of a volume in the pool, or a file below \
              the pool's folder, and must not leave it with `..`. URLs, `~`, backslashes and control characters are \
              not supported. A ROM file has no pool, so its path is absolute.",
    run: Some(invalid),
    ..Check::VM
};

static PATH_CLIMBS: Check = Check {
    code: "PATH-CLIMBS",
    title: "paths contain no '..'",
    explain: "A path with `..` is resolved as text before it is used. If one of its folders is a link, the kernel \
              would resolve it differently. Write the path without `..`.",
    run: Some(climbs),
    ..Check::VM
};

static PATH_SYSTEM: Check = Check {
    code: "PATH-SYSTEM",
    title: "no image comes from a system folder",
    explain: "libvirt gives QEMU's user access to every image of a starting VM, and a guest can write to its disks. A \
              file of the running system (/etc, /boot, /proc, /sys, /usr/bin, ...) would be changed or damaged. Copy \
              it to a pool if you need its content.",
    run: Some(system),
    ..Check::VM
};

/// One path of the spec.
struct WrittenPath<'a> {
    /// Its field, with its row.
    topic: Topic,
    /// What the field is called.
    name: &'static str,
    /// The text.
    path: &'a str,
    /// The folder of its pool, where it may be relative.
    folder: Option<&'a str>,
    /// True where only an absolute path has a meaning.
    absolute: bool,
    /// True where the guest gets the file itself, not a copy.
    given: bool,
}

/// Every path of the spec that is not blank.
fn written<'a>(subject: &Subject<'a>) -> Vec<WrittenPath<'a>> {
    let mut all = Vec::new();
    let folder = |pool: Option<&'a str>| pool.and_then(|name| subject.pool(name)).and_then(|pool| pool.path.as_deref());
    if let Some(path) = subject.spec.storage.as_ref().and_then(|storage| storage.boot_iso.as_deref()) {
        let place = field("storage").key("boot_iso");
        let folder = folder(subject.default_pool());
        all.push(WrittenPath { topic: place.into(), name: "boot_iso", path, folder, absolute: false, given: true });
    }
    for row in subject.disks() {
        let fields = [("path", &row.asked.path, true), ("clone_from", &row.asked.clone_from, false)];
        for (key, path, given) in fields {
            let Some(path) = path else { continue };
            let (topic, folder) = (row.bare_topic(key), folder(subject.pool_name(row)));
            all.push(WrittenPath { topic, name: key, path, folder, absolute: false, given });
        }
    }
    let boot = subject.spec.boot.as_ref();
    for (key, path) in
        [("kernel", boot.and_then(|boot| boot.kernel.as_ref())), ("initrd", boot.and_then(|boot| boot.initrd.as_ref()))]
    {
        let Some(path) = path else { continue };
        let (topic, folder) = (field("boot").key(key).into(), folder(subject.default_pool()));
        let name = if key == "kernel" { "boot.kernel" } else { "boot.initrd" };
        all.push(WrittenPath { topic, name, path, folder, absolute: false, given: false });
    }
    for (row, device) in subject.spec.pci_devices.iter().flatten().enumerate() {
        let Some(path) = &device.rom_file else { continue };
        let topic = Topic::from(Place::row("pci_devices", row, "rom_file")).of(RowName::numbered("device", row));
        all.push(WrittenPath { topic, name: "rom_file", path, folder: None, absolute: true, given: false });
    }
    all.retain(|written| !written.path.trim().is_empty());
    all
}

fn invalid(subject: &Subject, notes: &mut Notes) {
    for WrittenPath { topic, name, path, folder, absolute, .. } in written(subject) {
        notes.looked();
        match resolve(path.trim(), folder) {
            Err(error) => {
                notes.blocker(
                    topic,
                    text!("{name}: {error}", name, error),
                    "write an absolute path, or the name of a volume",
                );
            }
            Ok(Resolved::Absolute(_)) => {}
            Ok(_) if absolute => {
                let message = text!("{name}: '{path}' is a relative path, and ROM files are in no pool", name, path);
                notes.blocker(topic, message, "write the absolute path");
            }
            Ok(_) => {}
        }
    }
}

fn climbs(subject: &Subject, notes: &mut Notes) {
    for WrittenPath { topic, name, path, folder, .. } in written(subject) {
        let Ok(resolved) = resolve(path.trim(), folder) else { continue };
        notes.looked();
        if let Some(note) = resolved.note(path) {
            notes.warning(topic, text!("{name}: {note}", name, note), "write the path without '..'");
        }
    }
}

/// Folders of the running system. /dev is not among them: block devices have a check of their own.
pub(super) const SYSTEM: [&str; 10] =
    ["/etc", "/boot", "/proc", "/sys", "/run", "/bin", "/sbin", "/lib", "/usr/bin", "/usr/lib"];

fn system(subject: &Subject, notes: &mut Notes) {
    for WrittenPath { topic, name, path, folder, .. } in written(subject).into_iter().filter(|written| written.given) {
        let Ok(resolved) = resolve(path.trim(), folder) else { continue };
        notes.looked();
        let Resolved::Absolute(path) = resolved else { continue };
        let inside = |folder: &&&str| path.strip_prefix(**folder).is_some_and(|rest| rest.starts_with('/'));
        // Removable media appear below /run/media, some distributions mount pools below /run/user.
        let media = ["/run/media/", "/run/user/"].iter().any(|folder| path.starts_with(folder));
        if let Some(folder) = SYSTEM.iter().find(inside).filter(|_| !media) {
            let message = text!("{name}: {path} belongs to the host's own system ({folder})", name, path, folder);
            notes.blocker(topic, message, "copy the file to a pool, and use the copy");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use serde_json::json;

    fn attach(path: &str) -> Asked {
        Asked::with(json!({"storage": {"disks": [{"action": "attach", "path": path}]}}))
    }

    #[test]
    fn a_relative_path_never_leaves_its_pool() {
        attach("../../etc/shadow").said("PATH-INVALID").blocker();
        attach("isos/../data.img").passes("PATH-INVALID");
        Asked::with(json!({"storage": {"boot_iso": "https://x/a.iso"}})).said("PATH-INVALID").blocker();
        attach("/srv/data.img").passes("PATH-INVALID");
        Asked::good().quiet("PATH-INVALID");
    }

    #[test]
    fn a_rom_file_has_no_pool() {
        let rom = |path: &str| Asked::with(json!({"pci_devices": [{"host_address": "01:00.0", "rom_file": path}]}));
        rom("card.rom").said("PATH-INVALID").blocker();
        rom("/usr/share/vgabios/card.rom").passes("PATH-INVALID");
    }

    #[test]
    fn a_climbing_path_is_pointed_out() {
        attach("/srv/a/../data.img").said("PATH-CLIMBS").warning();
        attach("/srv/data.img").passes("PATH-CLIMBS");
    }

    #[test]
    fn files_of_the_system_are_no_disks() {
        attach("/etc/shadow").said("PATH-SYSTEM").blocker();
        attach("/srv/../boot/vmlinuz").said("PATH-SYSTEM").blocker();
        attach("/etc2/data.img").passes("PATH-SYSTEM");
        attach("/run/media/joe/stick.iso").passes("PATH-SYSTEM");
        let clone = json!({"storage": {"disks": [{"action": "clone", "clone_from": "/usr/lib/firmware.img"}]}});
        Asked::with(clone).quiet("PATH-SYSTEM");
    }
}
