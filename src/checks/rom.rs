//! Checks of the video BIOS files of passed devices.

use super::subject::PciRow;
use super::wording::device;
use super::{Check, Notes, Subject};
use crate::facts::{MediaFile, MediaKind};
use crate::spec::Place;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "ROM-MISSING",
        title: "the ROM files exist",
        explain: "rom_file names an image of the card's video BIOS that the guest sees instead of the card's own. The file \
                  must be there: QEMU does not start without it.",
        run: missing,
    },
    Check {
        code: "ROM-UNREADABLE",
        title: "QEMU can read the ROM files",
        explain: "QEMU runs as a user of its own, and libvirt does not hand ROM files to it as it does with disks. The file \
                  must be readable by every user, all folders above it must be enterable, and with AppArmor it must lie \
                  below a folder that QEMU's profile allows, such as /usr/share/vgabios.",
        run: unreadable,
    },
];

/// The rows with a ROM file, and what is known of it.
fn roms<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (PciRow<'a>, &'a str, Result<&'a MediaFile, &'a str>)> {
    subject.pci.iter().filter(|row| !row.asked.is_held()).filter_map(|row| {
        let path = row.asked.rom_file.as_deref().map(str::trim).filter(|path| path.starts_with('/'))?;
        Some((*row, path, subject.file(path)))
    })
}

fn place(row: PciRow) -> Place {
    Place::row("pci_devices", row.row, "rom_file")
}

fn missing(subject: &Subject, notes: &mut Notes) {
    for (row, path, file) in roms(subject) {
        notes.looked();
        let name = format!("{} ROM file '{path}'", device(row.row, row.address));
        match file {
            Err(why) => notes.unknown(place(row), &format!("whether ROM file {path} exists"), why),
            Ok(file) if file.kind == MediaKind::Missing => {
                notes.blocker(
                    place(row),
                    format!("{name} not found: no such file"),
                    "check the path, or leave rom_file out",
                );
            }
            Ok(file) if file.kind != MediaKind::File => {
                notes.blocker(place(row), format!("{name} is not a file"), "name the ROM image itself");
            }
            Ok(file) if file.size.0 == 0 => {
                notes.blocker(
                    place(row),
                    format!("{name} is empty (0 bytes)"),
                    "dump the ROM again, or leave rom_file out",
                );
            }
            Ok(_) => {}
        }
    }
}

fn unreadable(subject: &Subject, notes: &mut Notes) {
    for (row, path, file) in roms(subject) {
        let Ok(file) = file else { continue };
        if file.kind != MediaKind::File {
            continue;
        }
        notes.looked();
        if !file.world_readable {
            let message = format!("{} ROM file '{path}' is not readable by QEMU's user", device(row.row, row.address));
            notes.blocker(
                place(row),
                message,
                "put it where QEMU may read it: install -m 0644 FILE /usr/share/vgabios/",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, file};
    use crate::facts::{MediaFile, MediaKind};
    use crate::units::Bytes;
    use serde_json::json;

    const ROM: &str = "/usr/share/vgabios/rtx.rom";

    fn rom() -> Asked {
        Asked::with(json!({"pci_devices": [{"host_address": "01:00.0", "rom_file": ROM}]}))
    }

    fn with(change: impl Fn(&mut MediaFile)) -> Asked {
        let mut found = file();
        change(&mut found);
        rom().known_file(ROM, found)
    }

    #[test]
    fn a_rom_file_must_be_there() {
        let want = "device 0 (0000:01:00.0) ROM file '/usr/share/vgabios/rtx.rom' not found: no such file";
        let gone = with(|file| file.kind = MediaKind::Missing);
        gone.blocks("ROM-MISSING", "pci_devices[0].rom_file", want).quiet("ROM-UNREADABLE");
        with(|file| file.kind = MediaKind::Folder).said("ROM-MISSING").blocker();
        with(|file| file.size = Bytes(0)).said("ROM-MISSING").blocker();
        with(|_| {}).passes("ROM-MISSING").passes("ROM-UNREADABLE");
        rom().unknown("ROM-MISSING");
        Asked::good().quiet("ROM-MISSING");
    }

    #[test]
    fn libvirt_does_not_hand_rom_files_over() {
        with(|file| file.world_readable = false).said("ROM-UNREADABLE").blocker();
    }
}
