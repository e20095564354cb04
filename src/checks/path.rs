//! Checks of the paths in a spec, as texts: rules of paths, and folders that no image should come from.

use super::note::Topic;
use super::reached::Reached;
use super::row::RowName;
use super::text::text;
use super::wording::field;
use super::{Check, Notes, Subject, reach};
use crate::machine::Location;
use crate::machine::location::named;
use crate::spec::Place;
use crate::spec::host_paths::Access;
use crate::spec::paths::{PathError, climbing};
use std::borrow::Cow;

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
    title: "guest gets no file of the host's system",
    explain: "libvirt gives QEMU's user access to every image of a starting VM, and a guest can write to its disks: a \
              file of the running system (/etc, /boot, /proc, /sys, /usr/bin, ...) would be changed or damaged. A \
              copy, a kernel, a RAM disk or a ROM file shows the guest its content, so none of them comes from /etc, \
              /proc, /sys or /run. A path is what it leads to: links, mounts, base images and custom_xml count. Copy \
              the file to a pool if you need its content.",
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
    /// The name of its pool, where it may be relative.
    pool: Option<&'a str>,
    /// True where only an absolute path has a meaning.
    absolute: bool,
}

/// Every path of the spec that is not blank.
fn written<'a>(subject: &Subject<'a>) -> Vec<WrittenPath<'a>> {
    let mut all = Vec::new();
    if let Some(path) = subject.spec.storage.as_ref().and_then(|storage| storage.boot_iso.as_deref()) {
        let place = field("storage").key("boot_iso");
        let pool = subject.default_pool();
        all.push(WrittenPath { topic: place.into(), name: "boot_iso", path, pool, absolute: false });
    }
    for row in subject.disks() {
        for (key, path) in [("path", &row.asked.path), ("clone_from", &row.asked.clone_from)] {
            let Some(path) = path else { continue };
            let (topic, pool) = (row.bare_topic(key), subject.pool_name(row));
            all.push(WrittenPath { topic, name: key, path, pool, absolute: false });
        }
    }
    let boot = subject.spec.boot.as_ref();
    for (key, path) in
        [("kernel", boot.and_then(|boot| boot.kernel.as_ref())), ("initrd", boot.and_then(|boot| boot.initrd.as_ref()))]
    {
        let Some(path) = path else { continue };
        let (topic, pool) = (field("boot").key(key).into(), subject.default_pool());
        let name = if key == "kernel" { "boot.kernel" } else { "boot.initrd" };
        all.push(WrittenPath { topic, name, path, pool, absolute: false });
    }
    for (row, device) in subject.spec.pci_devices.iter().flatten().enumerate() {
        let Some(path) = &device.rom_file else { continue };
        let topic = Topic::from(Place::row("pci_devices", row, "rom_file")).of(RowName::numbered("device", row));
        all.push(WrittenPath { topic, name: "rom_file", path, pool: None, absolute: true });
    }
    all.retain(|written| !written.path.trim().is_empty());
    all
}

impl WrittenPath<'_> {
    /// What the machine makes of it.
    fn meant(&self, subject: &Subject) -> Result<Location, PathError> {
        named(self.path.trim(), self.pool.unwrap_or_default(), subject.facts)
    }
}

fn invalid(subject: &Subject, notes: &mut Notes) {
    for written in written(subject) {
        notes.looked();
        let meant = written.meant(subject);
        let WrittenPath { topic, name, path, absolute, .. } = written;
        match meant {
            Err(error) => {
                notes.blocker(
                    topic,
                    text!("{name}: {error}", name, error),
                    "write an absolute path, or the name of a volume",
                );
            }
            Ok(_) if absolute && !path.trim().starts_with('/') => {
                let message = text!("{name}: '{path}' is a relative path, and ROM files are in no pool", name, path);
                notes.blocker(topic, message, "write the absolute path");
            }
            Ok(_) => {}
        }
    }
}

fn climbs(subject: &Subject, notes: &mut Notes) {
    for written in written(subject) {
        let Ok(meant) = written.meant(subject) else { continue };
        notes.looked();
        let read = match &meant {
            Location::Path { path, .. } => path,
            Location::Volume { volume, .. } => volume,
        };
        if let Some(note) = climbing(written.path, read) {
            let message = text!("{name}: {note}", name = written.name, note);
            notes.warning(written.topic, message, "write the path without '..'");
        }
    }
}

/// Folders of the running system. /dev is not among them: block devices have a check of their own.
const SYSTEM: [&str; 10] = ["/etc", "/boot", "/proc", "/sys", "/run", "/bin", "/sbin", "/lib", "/usr/bin", "/usr/lib"];
/// Those of which a guest should not even read a file. Kernels come from /boot, firmware and ROM files from /usr.
const PRIVATE: [&str; 4] = ["/etc", "/proc", "/sys", "/run"];
/// Those that the kernel fills. A file system that is also mounted below one of them is not a part of the system.
const FILLED: [&str; 3] = ["/proc", "/sys", "/run"];
/// Removable media, pools that some distributions mount, and firmware where NixOS has it.
const DATA: [&str; 3] = ["/run/media/", "/run/user/", "/run/libvirt/nix-"];

/// Folders of the system beside those that no guest may mount, because it could reach all that is in them. What lies below
/// /home, /srv, /mnt, /media and /var/lib is data.
const MORE: [&str; 6] = ["/dev", "/usr", "/lib64", "/root", "/var/run", "/var/log"];

/// The folder among `folders` that `path` is in.
fn folder_of(path: &str, folders: &[&'static str]) -> Option<&'static str> {
    let inside = |folder: &&&str| path.strip_prefix(**folder).is_some_and(|rest| rest.starts_with('/'));
    let is_data = DATA.iter().any(|folder| path.starts_with(folder));
    folders.iter().find(inside).copied().filter(|_| !is_data)
}

/// The folder of the system that the folder `path` is, or is in, where a guest mounts it. Without `//` and `..`.
pub(super) fn folder_of_mount(path: &str) -> Option<&'static str> {
    if path == "/" {
        return Some("/");
    }
    let within =
        |folder: &&str| path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    // Removable media.
    SYSTEM.into_iter().chain(MORE).find(within).filter(|_| !path.starts_with("/run/media/"))
}

/// The folder of the system that `reached` is in, with the path by which it is.
fn system_folder<'s>(subject: &'s Subject, reached: &'s Reached) -> Option<(&'static str, Cow<'s, str>)> {
    let folders = if reached.given || reached.access != Access::Reads { &SYSTEM[..] } else { &PRIVATE[..] };
    let found = |path: &str| match reached.access {
        Access::Mounts => folder_of_mount(path),
        Access::Reads | Access::Writes => folder_of(path, folders),
    };
    if let Some(folder) = found(&reached.path) {
        return Some((folder, reached.path.as_str().into()));
    }
    place_in(reached.places(subject.facts), found)
}

/// The first of the `places` of one file or folder that is `found` in the system, and there.
pub(super) fn place_in<P: AsRef<str>>(
    places: Vec<P>,
    found: impl Fn(&str) -> Option<&'static str>,
) -> Option<(&'static str, P)> {
    let is_filled = |place: &P| folder_of(place.as_ref(), &FILLED).is_some();
    let elsewhere = places.iter().any(|place| !is_filled(place));
    let mut counts = places.into_iter().filter(|place| !(elsewhere && is_filled(place)));
    counts.find_map(|place| Some((found(place.as_ref())?, place)))
}

fn system(subject: &Subject, notes: &mut Notes) {
    for reached in reach::all(subject) {
        notes.looked();
        let Some((folder, place)) = system_folder(subject, reached) else { continue };
        let Reached { topic, name, path, .. } = reached;
        let message = if place == *path {
            text!("{name}: {path} belongs to the host's own system ({folder})", name, path, folder)
        } else {
            text!(
                "{name}: {path} leads to {place}, which belongs to the host's own system ({folder})",
                name,
                path,
                place = &*place,
                folder
            )
        };
        notes.blocker(topic.clone(), message, "copy the file to a pool, and use the copy");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, file, known};
    use crate::facts::{BackingFile, ImageFormat, ImageHeader, MediaFile};
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
    fn a_volume_of_another_pool_is_named_from_any_pool() {
        let storage = |pool: Option<&str>, path: &str| json!({"storage": {"default_pool": pool, "disks": [{"action": "attach", "path": path}]}});
        for pool in [None, Some("vg0"), Some("bulk")] {
            Asked::with(storage(pool, "fast-nvme/old-vda.qcow2")).passes("PATH-INVALID");
        }
        // A folder of volumes that are no files has no subfolders.
        Asked::with(storage(Some("vg0"), "isos/old.iso")).said("PATH-INVALID").blocker();
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
        clone("/usr/lib/firmware.img").passes("PATH-SYSTEM");
        clone("/etc/shadow").said("PATH-SYSTEM").blocker();
    }

    fn clone(from: &str) -> Asked {
        Asked::with(json!({"storage": {"disks": [{"action": "clone", "clone_from": from}]}}))
    }

    /// `path` leads to these places.
    fn led(asked: Asked, path: &str, places: &[&str]) -> Asked {
        let places = places.iter().map(|place| (*place).to_owned()).collect();
        asked.known_file(path, MediaFile { places, ..file() })
    }

    #[test]
    fn a_path_is_what_it_leads_to() {
        let want = "disk 0: path: /srv/a.img leads to /etc/shadow, which belongs to the host's own system (/etc)";
        let linked = led(attach("/srv/a.img"), "/srv/a.img", &["/etc/shadow"]);
        linked.blocks("PATH-SYSTEM", "storage.disks[0].path", want);
        led(clone("/srv/a.img"), "/srv/a.img", &["/etc/shadow"]).said("PATH-SYSTEM").blocker();
        led(attach("/srv/a.img"), "/srv/a.img", &["/data/a.img"]).passes("PATH-SYSTEM");
        let bound = ["/etc/shadow", "/srv/settings/shadow"];
        led(attach("/srv/settings/shadow"), "/srv/settings/shadow", &bound).said("PATH-SYSTEM").blocker();
        let snapshots = ["/run/timeshift/backup/@home/a.img", "/home/a.img"];
        led(attach("/home/a.img"), "/home/a.img", &snapshots).passes("PATH-SYSTEM");
        led(attach("/srv/a.img"), "/srv/a.img", &["/run/secrets/a"]).said("PATH-SYSTEM").blocker();
    }

    #[test]
    fn what_a_guest_only_reads_is_not_private_to_the_host() {
        let boot = |kernel: &str, initrd: &str| Asked::with(json!({"boot": {"kernel": kernel, "initrd": initrd}}));
        boot("/boot/vmlinuz", "/boot/initrd.img").passes("PATH-SYSTEM");
        let want = "boot.initrd: /etc/shadow belongs to the host's own system (/etc)";
        boot("/boot/vmlinuz", "/etc/shadow").blocks("PATH-SYSTEM", "boot.initrd", want);
        boot("/etc/passwd", "/boot/initrd.img").said("PATH-SYSTEM").blocker();
        let rom = json!({"pci_devices": [{"host_address": "01:00.0", "rom_file": "/etc/shadow"}]});
        Asked::with(rom).said("PATH-SYSTEM").blocker();
        Asked::with(json!({"nvram": "/usr/lib/vars.fd"})).said("PATH-SYSTEM").blocker();
    }

    #[test]
    fn custom_xml_reaches_files_too() {
        let disk = "<domain><devices><disk type='file'><source file='/etc/shadow'/><target dev='vdz'/></disk></devices></domain>";
        let want = "<disk> in custom_xml: /etc/shadow belongs to the host's own system (/etc)";
        Asked::with(json!({"custom_xml": disk})).blocks("PATH-SYSTEM", "custom_xml", want);
        let mount = |folder: &str| {
            let share = format!("<filesystem><source dir='{folder}'/><target dir='x'/></filesystem>");
            Asked::with(json!({"custom_xml": format!("<domain><devices>{share}</devices></domain>")}))
        };
        for folder in ["/", "//", "/srv/..", "/etc", "/etc/ssh", "/root", "/usr/share"] {
            mount(folder).said("PATH-SYSTEM").blocker();
        }
        mount("/srv/data").passes("PATH-SYSTEM");
        led(mount("/srv/data"), "/srv/data", &["/etc"]).said("PATH-SYSTEM").blocker();
    }

    #[test]
    fn a_path_that_was_not_looked_at_is_read_as_the_kernel_reads_it() {
        let want =
            "nvram: //usr/lib/vars.fd leads to /usr/lib/vars.fd, which belongs to the host's own system (/usr/lib)";
        Asked::with(json!({"nvram": "//usr/lib/vars.fd"})).blocks("PATH-SYSTEM", "nvram", want);
        for path in ["//etc/shadow", "/./etc/shadow", "/srv/../etc/shadow"] {
            let rom = json!({"pci_devices": [{"host_address": "01:00.0", "rom_file": path}]});
            Asked::with(rom).said("PATH-SYSTEM").blocker();
            let xml = format!("<domain><devices><disk><source file='{path}'/></disk></devices></domain>");
            Asked::with(json!({"custom_xml": xml})).said("PATH-SYSTEM").blocker();
        }
        // Where the host was looked at, that counts.
        let nvram = Asked::with(json!({"nvram": "/srv/../etc/vars.fd"}));
        led(nvram, "/srv/../etc/vars.fd", &["/data/etc/vars.fd"]).passes("PATH-SYSTEM");
    }

    #[test]
    fn the_base_of_an_image_is_reached_with_it() {
        let header = |base: Option<&str>| ImageHeader {
            format: ImageFormat::Qcow2,
            backing: base.map(|name| BackingFile { name: name.into(), format: Some(ImageFormat::Raw) }),
            ..ImageHeader::default()
        };
        let image = |base| MediaFile { image: Some(known(header(base))), ..file() };
        let asked = attach("/srv/over.qcow2").known_file("/srv/over.qcow2", image(Some("/etc/shadow")));
        let want = "disk 0: path: its base: /etc/shadow belongs to the host's own system (/etc)";
        asked.blocks("PATH-SYSTEM", "storage.disks[0].path", want);
    }

    #[test]
    fn the_data_file_of_a_base_is_reached_with_it() {
        let over = |format| {
            let backing = Some(BackingFile { name: "base".into(), format: Some(format) });
            ImageHeader { format: ImageFormat::Qcow2, backing, ..ImageHeader::default() }
        };
        let base =
            || ImageHeader { format: ImageFormat::Qcow2, data: vec!["/etc/shadow".into()], ..ImageHeader::default() };
        let image = |header| MediaFile { image: Some(known(header)), ..file() };
        let asked = |asked: Asked, format| {
            asked.known_file("/srv/over", image(over(format))).known_file("/srv/base", image(base()))
        };
        let want = "disk 0: path: its base: its data file: /etc/shadow belongs to the host's own system (/etc)";
        asked(attach("/srv/over"), ImageFormat::Qcow2).blocks("PATH-SYSTEM", "storage.disks[0].path", want);
        asked(clone("/srv/over"), ImageFormat::Qcow2).said("PATH-SYSTEM").blocker();
        // Driven as plain bytes, the base has no head.
        asked(attach("/srv/over"), ImageFormat::Raw).passes("PATH-SYSTEM");
    }
}
