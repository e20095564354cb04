//! Checks of the video BIOS files of passed devices: there, readable by QEMU, whole, for this card, with UEFI.

use super::note::{clause, without};
use super::subject::PciRow;
use super::text::{Text, text};
use super::{Check, Notes, Subject};
use crate::facts::media::Barrier;
use crate::facts::rom::{RomFile, RomFlaw};
use crate::facts::{MediaFile, MediaKind};
use crate::machine::Firmware;
use crate::spec::{Place, RomBar};
use crate::units::{Bytes, MIB, shell_quote};

pub(super) static CHECKS: &[&Check] = &[
    &ROM_MISSING,
    &ROM_UNREADABLE,
    &ROM_CONFINED,
    &ROM_SIGNATURE,
    &ROM_HEADER,
    &ROM_TRUNCATED,
    &ROM_IDS,
    &ROM_GOP,
    &ROM_BAR,
];

static ROM_MISSING: Check = Check {
    code: "ROM-MISSING",
    title: "ROM files exist",
    explain: "rom_file names an image of the card's video BIOS that the guest sees instead of the card's own. The file \
              must exist: QEMU does not start without it.",
    contract: Some(19),
    run: Some(missing),
    ..Check::VM
};

pub(super) static ROM_UNREADABLE: Check = Check {
    code: "ROM-UNREADABLE",
    title: "QEMU can read the ROM files",
    explain: "QEMU runs as a user of its own, and libvirt does not give it access to ROM files as it does for disks. \
              The file must be readable by every user, all folders above it must be enterable, and with AppArmor it \
              must be below a folder that QEMU's profile allows, such as /usr/share/vgabios.",
    run: Some(unreadable),
    ..Check::VM
};

static ROM_CONFINED: Check = Check {
    code: "ROM-CONFINED",
    title: "AppArmor and SELinux allow the ROM files",
    explain: "AppArmor and SELinux let QEMU read its own files and those that libvirt labels for it. libvirt labels \
              disks but not ROM files, so a file in a home folder is denied (\"Permission denied\") although its mode \
              is right. Put it in /usr/share/vgabios, which QEMU's profile allows for every VM; under SELinux run \
              restorecon on it afterwards.",
    run: Some(confined),
    ..Check::VM
};

static ROM_SIGNATURE: Check = Check {
    code: "ROM-SIGNATURE",
    title: "ROM files have a valid signature",
    explain: "An expansion ROM begins with the bytes 55 AA and points to a structure that begins with PCIR. A file \
              without them is something else: a web page, an archive, a dump of a card that was asleep or the host's \
              first display (\"Invalid PCI ROM header signature: expecting 0xaa55, got 0xffff\"). Dump it while the \
              card is not the first display, or on another machine.",
    run: Some(signature),
    ..Check::VM
};

static ROM_HEADER: Check = Check {
    code: "ROM-HEADER",
    title: "ROM files have no vendor header",
    explain: "Files for updating cards, and dumps by some tools, have a vendor header before the ROM (NVIDIA: NVGI). \
              QEMU gives the guest the file as it is, and the guest's firmware finds no ROM in it. Cut the header off, \
              so that the file begins with 55 AA.",
    run: Some(header),
    ..Check::VM
};

static ROM_TRUNCATED: Check = Check {
    code: "ROM-TRUNCATED",
    title: "ROM files are complete",
    explain: "According to its header the ROM is longer than the file, or its last image is missing. It was cut off \
              when it was dumped or downloaded. The guest's firmware rejects such a ROM, or the card's driver fails on \
              it. Dump or download it again.",
    run: Some(truncated),
    ..Check::VM
};

static ROM_IDS: Check = Check {
    code: "ROM-IDS",
    title: "ROM files are for these cards",
    explain: "Each image of a ROM names the vendor and device that it is for. That of another card initialises another \
              board: the guest's firmware skips it, or the card hangs. Even ROMs of two boards with the same IDs may \
              differ in memory and outputs; use one of exactly the same model.",
    run: Some(ids),
    ..Check::VM
};

static ROM_GOP: Check = Check {
    code: "ROM-GOP",
    title: "ROM files have a UEFI image (GOP)",
    explain: "A guest that boots with UEFI uses the UEFI image (GOP, code type 3) of a card's ROM; the BIOS image has \
              no effect there. Without it the screen stays dark until the guest's driver is loaded. Cards before about \
              2013 have none, and some dumps omit it.",
    run: Some(gop),
    ..Check::VM
};

static ROM_BAR: Check = Check {
    code: "ROM-BAR",
    title: "ROM files are visible to the guest",
    explain: "With rom_bar off, the guest sees no option ROM of the device: neither the device's own nor the file that \
              rom_file names, so that rom_file has no effect. Remove one of the two fields.",
    run: Some(bar),
    ..Check::VM
};

/// The rows with a ROM file, and what is known of it.
fn roms<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (PciRow<'a>, &'a str, Result<&'a MediaFile, &'a str>)> {
    subject.pci.iter().filter(|row| !row.asked.is_held()).filter_map(|row| {
        let path = row.asked.rom_file.as_deref().map(str::trim).filter(|path| path.starts_with('/'))?;
        Some((*row, path, subject.file(path)))
    })
}

fn place(row: PciRow) -> Place {
    row.row.place("rom_file")
}

fn bar(subject: &Subject, notes: &mut Notes) {
    for (row, path, _) in roms(subject) {
        let Some(bar) = row.asked.rom_bar else { continue };
        notes.looked();
        if bar == RomBar::Off {
            let device = row.name();
            let message = text!("{device}: rom_bar is off, so the guest does not see ROM file '{path}'", device, path);
            notes.warning(row.row.place("rom_bar"), message, "remove rom_bar, or remove rom_file");
        }
    }
}

fn missing(subject: &Subject, notes: &mut Notes) {
    for (row, path, file) in roms(subject) {
        notes.looked();
        let name = text!("{device} ROM file '{path}'", device = row.name(), path);
        match file {
            Err(why) => notes.unknown(place(row), text!("whether ROM file {path} exists", path), clause(why)),
            Ok(file) if file.kind == MediaKind::Missing => {
                notes.blocker(
                    place(row),
                    text!("{name} not found: no such file", name),
                    without("check the path, or leave rom_file out"),
                );
            }
            Ok(file) if file.kind != MediaKind::File => {
                notes.blocker(place(row), text!("{name} is not a file", name), "name the ROM image itself");
            }
            Ok(file) if file.size.0 == 0 => {
                notes.blocker(
                    place(row),
                    text!("{name} is empty (0 bytes)", name),
                    without("dump the ROM again, or leave rom_file out"),
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
        let name = text!("{device} ROM file '{path}'", device = row.name(), path);
        if let Some(Barrier { path: at, mode, owner, user }) = &file.barrier {
            let (verb, mode) = (if at == path { "read" } else { "enter" }, mode & 0o777);
            let message = text!(
                "{name}: {user} may not {verb} {at} (mode {mode}, owner {owner})",
                name,
                user,
                verb,
                at,
                mode = format!("{mode:04o}"),
                owner
            );
            notes.blocker(place(row), message, way_out(path));
        } else if !file.world_readable && file.rom.is_none() {
            notes.blocker(place(row), text!("{name} is not readable by QEMU's user", name), way_out(path));
        }
    }
}

fn way_out(path: &str) -> Text {
    text!(
        "put it where QEMU may read it, and name it there: install -D -m 0644 -t /usr/share/vgabios {path}",
        path = shell_quote(path)
    )
}

/// Types of SELinux that VMs may not read, as those of home folders, and types of what comes with packages, which they may.
const REFUSED: [&str; 6] = ["user_home_t", "user_home_dir_t", "admin_home_t", "user_tmp_t", "default_t", "unlabeled_t"];
const PLAIN: [&str; 5] = ["usr_t", "virt_content_t", "virt_image_t", "lib_t", "svirt_image_t"];

fn confined(subject: &Subject, notes: &mut Notes) {
    for (row, path, file) in roms(subject) {
        let Some(file) = file.ok().filter(|file| file.kind == MediaKind::File) else { continue };
        let what = text!("whether AppArmor or SELinux denies QEMU {path}", path);
        let Some(known) = notes.known(&subject.facts.confinement, || place(row), &what) else { continue };
        let name = text!("{device} ROM file '{path}'", device = row.name(), path);
        // libvirt uses AppArmor where it says so; where it was not asked, where the kernel does.
        let models = subject.facts.capabilities.get().map(|known| known.security_models.as_slice());
        let uses = |model: &str| models.is_none_or(|models| models.iter().any(|known| known == model));
        if known.apparmor.get() == Some(&true) && uses("apparmor") {
            match known.apparmor_lets(path) {
                Some(false) => {
                    let message = text!("{name}: QEMU's AppArmor profile does not allow that folder", name);
                    notes.blocker(place(row), message, way_out(path));
                }
                Some(true) => {}
                None => {
                    let why = known.apparmor_reads.why_not().unwrap_or_default();
                    notes.unknown(place(row), text!("whether AppArmor lets QEMU read {path}", path), clause(why));
                }
            }
        }
        if known.selinux.get() == Some(&true) && uses("selinux") {
            let way_out = text!("{way_out}, then: restorecon -v /usr/share/vgabios/*", way_out = way_out(path));
            match file.selinux_type.as_deref() {
                Some(kind) if REFUSED.contains(&kind) => {
                    notes.blocker(
                        place(row),
                        text!("{name}: SELinux denies QEMU files of type {kind}", name, kind),
                        way_out,
                    );
                }
                Some(kind) if !PLAIN.contains(&kind) => {
                    notes.warning(
                        place(row),
                        text!("{name}: SELinux may deny QEMU files of type {kind}", name, kind),
                        way_out,
                    );
                }
                Some(_) => {}
                None => {
                    notes.unknown(
                        place(row),
                        text!("whether SELinux lets QEMU read {path}", path),
                        "its label is not known",
                    );
                }
            }
        }
    }
}

/// What a file is as a ROM, where that can be judged; the note why not, by the first check alone, otherwise.
fn parsed<'a>(
    row: PciRow,
    path: &str,
    file: Result<&'a MediaFile, &str>,
    notes: Option<&mut Notes>,
) -> Option<&'a RomFile> {
    let file = file.ok().filter(|file| file.kind == MediaKind::File && file.size.0 > 0)?;
    let rom = file.rom.as_ref().and_then(|rom| rom.get());
    if let (None, Some(notes)) = (rom, notes) {
        let why = file.rom.as_ref().and_then(|rom| rom.why_not()).unwrap_or("this file cannot be read from here");
        notes.unknown(place(row), text!("whether {path} is a ROM for this card", path), clause(why));
    }
    rom
}

/// The largest ROM that a device can have.
const LARGEST: u64 = 16 * MIB;

fn signature(subject: &Subject, notes: &mut Notes) {
    for (row, path, file) in roms(subject) {
        let name = text!("{device} ROM file '{path}'", device = row.name(), path);
        if let Some(long) = file.ok().filter(|file| file.kind == MediaKind::File && file.size.0 > LARGEST) {
            let message = text!(
                "{name} is too large for a ROM: {size}, at most {most}",
                name,
                size = long.size,
                most = Bytes(LARGEST)
            );
            notes.blocker(place(row), message, without("name the ROM image itself, or leave rom_file out"));
            continue;
        }
        let Some(rom) = parsed(row, path, file, Some(notes)) else { continue };
        notes.looked();
        let wrong = match &rom.flaw {
            Some(RomFlaw::NoSignature { begins }) => {
                let bytes: Vec<String> = begins.iter().map(|byte| format!("{byte:02x}")).collect();
                text!("it begins with {bytes}, not with 55 aa", bytes = bytes.join(" "))
            }
            Some(RomFlaw::NoStructure) => "it has no PCI data structure (PCIR)".into(),
            _ => continue,
        };
        let way_out = "dump it again while the card is awake and not the first display, or leave rom_file out";
        notes.blocker(place(row), text!("{name} is not a ROM: {wrong}", name, wrong), way_out);
    }
}

/// The rows whose file holds images, with what it is.
fn images<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (PciRow<'a>, &'a str, &'a RomFile)> {
    let with = |(row, path, file)| Some((row, path, parsed(row, path, file, None)?));
    roms(subject).filter_map(with).filter(|(_, _, rom)| !rom.images.is_empty())
}

fn header(subject: &Subject, notes: &mut Notes) {
    for (row, path, rom) in images(subject) {
        notes.looked();
        if rom.header.0 > 0 {
            let message = text!(
                "{device} ROM file '{path}' has a vendor header of {header} bytes before the ROM",
                device = row.name(),
                path,
                header = rom.header.0
            );
            let (from, to) = (shell_quote(path), shell_quote(&format!("{path}.stripped")));
            let way_out = text!(
                "cut them off, and name the result: tail -c +{header} {from} > {to}",
                header = rom.header.0 + 1,
                from,
                to
            );
            notes.blocker(place(row), message, way_out);
        }
    }
}

fn truncated(subject: &Subject, notes: &mut Notes) {
    for (row, path, rom) in images(subject) {
        notes.looked();
        let wrong = match &rom.flaw {
            Some(RomFlaw::Truncated { needs }) => {
                let has = subject.file(path).map(|file| file.size.0).unwrap_or_default();
                text!("is cut off: {has} of {needs} bytes are there", has, needs = needs.0)
            }
            Some(RomFlaw::NoLast) => "is cut off: its last image is missing".into(),
            _ => continue,
        };
        let message = text!("{device} ROM file '{path}' {wrong}", device = row.name(), path, wrong);
        notes.blocker(place(row), message, "dump or download it again");
    }
}

fn ids(subject: &Subject, notes: &mut Notes) {
    for (row, path, rom) in images(subject) {
        let Some(known) = row.device else { continue };
        notes.looked();
        if !rom.is_for(known.vendor, known.device) {
            let message = text!(
                "{device} ROM file '{path}' is for {ids}, the device is {own} ({label})",
                device = row.name(),
                path,
                ids = rom.ids().unwrap_or_default(),
                own = known.ids(),
                label = known.label()
            );
            notes.blocker(place(row), message, fitting(subject, row));
        }
    }
}

/// The files of this host that are for the row's device.
fn fitting(subject: &Subject, row: PciRow) -> Text {
    let fits = |found: &&crate::facts::FoundRom| row.device.is_some_and(|d| found.rom.is_for(d.vendor, d.device));
    let found = subject.facts.roms.items().iter().find(fits);
    found.map_or_else(
        || "name the ROM of exactly this model, or leave rom_file out".into(),
        |found| text!("{path} is for this device", path = found.path),
    )
}

fn gop(subject: &Subject, notes: &mut Notes) {
    if subject.machine.firmware.value == Firmware::Bios {
        return;
    }
    for (row, path, rom) in images(subject) {
        let is_display = row.device.is_none_or(|known| known.kind() == crate::facts::PciClass::Gpu);
        notes.looked();
        if is_display && !rom.has_uefi() {
            let message = text!(
                "{device} ROM file '{path}' has no UEFI image (GOP), which this guest needs",
                device = row.name(),
                path
            );
            notes.blocker(
                place(row),
                message,
                without("dump the whole ROM, or leave rom_file out; or set uefi to false"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::known;
    use crate::checks::fixture::{Asked, file};
    use crate::facts::media::Barrier;
    use crate::facts::rom::{Confinement, FoundRom, RomFile, RomFlaw, RomImage};
    use crate::facts::{Fact, MediaFile, MediaKind};
    use crate::units::{Bytes, MIB};
    use serde_json::json;

    const ROM: &str = "/usr/share/vgabios/rtx.rom";

    const PLACE: &str = "pci_devices[0].rom_file";

    fn rom() -> Asked {
        Asked::with(json!({"uefi": true, "pci_devices": [{"host_address": "01:00.0", "rom_file": ROM}]}))
    }

    /// A ROM for the fixture's 10de:2704 with images for BIOS and UEFI.
    fn good() -> RomFile {
        let image = |offset, code| RomImage {
            offset: Bytes(offset),
            length: Bytes(1024),
            code,
            vendor: 0x10de,
            devices: vec![0x2704],
            class: 0x03_0000,
        };
        RomFile { images: vec![image(0, 0), image(1024, 3)], ..RomFile::default() }
    }

    fn holding(rom: RomFile) -> Asked {
        let fact = Some(known(rom));
        with(|file| file.rom.clone_from(&fact))
    }

    fn confined(change: impl Fn(&mut Confinement), kind: Option<&str>) -> Asked {
        let reads = vec!["/usr/share/vgabios/**".to_owned()];
        let off = || known(false);
        let mut confinement =
            Confinement { apparmor: off(), apparmor_reads: known(reads), selinux: off(), ..Confinement::default() };
        change(&mut confinement);
        let asked = with(|file| file.selinux_type = kind.map(str::to_owned));
        asked.facts(|facts| {
            facts.confinement = known(confinement);
            facts.capabilities = Fact::default();
        })
    }

    fn with(change: impl Fn(&mut MediaFile)) -> Asked {
        let mut found = MediaFile { size: Bytes(2048), rom: Some(known(good())), ..file() };
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
    fn a_rom_file_needs_the_rom_bar() {
        let row = |bar: &str| json!({"host_address": "01:00.0", "rom_file": ROM, "rom_bar": bar});
        let asked = |bar| Asked::with(json!({"pci_devices": [row(bar)]}));
        let want =
            "device 0 (0000:01:00.0): rom_bar is off, so the guest does not see ROM file '/usr/share/vgabios/rtx.rom'";
        asked("off").warns("ROM-BAR", "pci_devices[0].rom_bar", want);
        asked("on").passes("ROM-BAR");
        asked("auto").passes("ROM-BAR");
        Asked::pass(&["01:00.0"]).quiet("ROM-BAR");
    }

    #[test]
    fn libvirt_does_not_hand_rom_files_over() {
        let old = with(|file| (file.world_readable, file.rom) = (false, None));
        old.said("ROM-UNREADABLE").blocker();
        let barred = |path: &str, mode| {
            let (path, user) = (path.to_owned(), "libvirt-qemu".into());
            with(|file| file.barrier = Some(Barrier { path: path.clone(), mode, owner: 0, user: String::clone(&user) }))
        };
        let want = "device 0 (0000:01:00.0) ROM file '/usr/share/vgabios/rtx.rom': libvirt-qemu may not enter /root \
                    (mode 0700, owner 0)";
        barred("/root", 0o40700).blocks("ROM-UNREADABLE", PLACE, want);
        assert!(barred(ROM, 0o600).said("ROM-UNREADABLE").blocker().message.contains("may not read"));
        // Its group lets QEMU's user in although others may not.
        with(|file| file.world_readable = false).passes("ROM-UNREADABLE");
    }

    #[test]
    fn security_modules_are_asked() {
        confined(|_| {}, None).passes("ROM-CONFINED");
        confined(|known| known.apparmor = fact(true), None).passes("ROM-CONFINED");
        let home = |known: &mut Confinement| {
            (known.apparmor, known.apparmor_reads) = (fact(true), fact(vec!["/usr/share/kvm/**".into()]));
        };
        confined(home, None).said("ROM-CONFINED").blocker();
        // libvirt without AppArmor's driver confines nothing.
        confined(home, None)
            .facts(|facts| facts.capabilities = known(crate::facts::Capabilities::default()))
            .passes("ROM-CONFINED");
        let enforcing = |kind| confined(|known| known.selinux = fact(true), kind);
        enforcing(Some("usr_t")).passes("ROM-CONFINED");
        enforcing(Some("admin_home_t")).said("ROM-CONFINED").blocker();
        enforcing(Some("etc_t")).said("ROM-CONFINED").warning();
        enforcing(None).unknown("ROM-CONFINED");
        with(|_| {}).unknown("ROM-CONFINED");
    }

    fn fact<T>(value: T) -> Fact<T> {
        known(value)
    }

    #[test]
    fn a_file_that_is_no_rom_is_refused() {
        let codes = ["ROM-SIGNATURE", "ROM-HEADER", "ROM-TRUNCATED", "ROM-IDS", "ROM-GOP"];
        for code in codes {
            holding(good()).passes(code);
            Asked::pass(&["01:00.0"]).quiet(code);
        }
        let flawed = |flaw| RomFile { flaw: Some(flaw), ..RomFile::default() };
        let page = flawed(RomFlaw::NoSignature { begins: b"<htm".to_vec() });
        let want = "device 0 (0000:01:00.0) ROM file '/usr/share/vgabios/rtx.rom' is not a ROM: it begins with 3c 68 \
                    74 6d, not with 55 aa";
        holding(page).blocks("ROM-SIGNATURE", PLACE, want).quiet("ROM-IDS");
        holding(flawed(RomFlaw::NoStructure)).said("ROM-SIGNATURE").blocker();
        with(|file| (file.size, file.rom) = (Bytes(64 * MIB), None)).said("ROM-SIGNATURE").blocker();
        with(|file| file.rom = Some(Fact::unknown("gone"))).unknown("ROM-SIGNATURE");
        with(|file| file.rom = None).unknown("ROM-SIGNATURE");
    }

    #[test]
    fn a_header_of_the_vendor_is_cut_off() {
        let said = holding(RomFile { header: Bytes(0x600), ..good() }).said("ROM-HEADER").blocker();
        assert!(
            said.remedy.ends_with("tail -c +1537 /usr/share/vgabios/rtx.rom > /usr/share/vgabios/rtx.rom.stripped")
        );
    }

    #[test]
    fn a_rom_that_is_cut_off_is_refused() {
        let cut = holding(RomFile { flaw: Some(RomFlaw::Truncated { needs: Bytes(4096) }), ..good() });
        assert!(cut.said("ROM-TRUNCATED").blocker().message.ends_with("is cut off: 2048 of 4096 bytes are there"));
        holding(RomFile { flaw: Some(RomFlaw::NoLast), ..good() }).said("ROM-TRUNCATED").blocker();
    }

    #[test]
    fn the_rom_of_another_card_is_refused() {
        let mut other = good();
        other.images.iter_mut().for_each(|image| image.devices = vec![0x1b80]);
        let said = holding(other.clone()).said("ROM-IDS").blocker();
        assert!(said.message.contains("is for 10de:1b80, the device is 10de:2704"), "{}", said.message);
        let found = || vec![FoundRom { path: "/usr/share/kvm/fits.rom".into(), rom: good() }];
        let said = holding(other).facts(|facts| facts.roms = known(found())).said("ROM-IDS").blocker();
        assert_eq!(said.remedy, "/usr/share/kvm/fits.rom is for this device");
    }

    #[test]
    fn uefi_wants_an_image_for_uefi() {
        let mut old = good();
        old.images.pop();
        holding(old.clone()).said("ROM-GOP").blocker();
        let bios = Asked::with(json!({"uefi": false, "pci_devices": [{"host_address": "01:00.0", "rom_file": ROM}]}));
        let file = MediaFile { size: Bytes(2048), rom: Some(known(old)), ..file() };
        bios.known_file(ROM, file).quiet("ROM-GOP");
    }
}
