//! Heads of programs that are booted: kernels in the forms that QEMU and firmware start.
//!
//! Sources: Documentation/arch/x86/boot.rst, arm64/booting.rst and riscv/boot-image-header.rst of Linux, the Multiboot
//! specification 0.6.96, the PE format, hw/i386/x86-common.c and hw/arm/boot.c of QEMU.

use super::pieces::{Pieces, be16, be32, le16, le32, le64};
use crate::facts::image::{BootForm, Bootable};
use std::io;

/// Program headers and bytes of notes that are looked at; a kernel has a handful and some hundred.
const MOST_HEADERS: usize = 64;
const LONGEST_NOTES: usize = 16 << 10;
/// A note of Xen with the entry in 32 bits, by which QEMU starts an ELF program on x86.
const PVH_ENTRY: u32 = 18;
const NOTE: u32 = 4;
/// Architectures of ELF and PE as libvirt names them.
const ELF_MACHINES: [(u16, &str); 8] = [
    (3, "i686"),
    (21, "ppc64"),
    (22, "s390x"),
    (40, "armv7l"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
    (258, "loongarch64"),
];
const PE_MACHINES: [(u16, &str); 7] = [
    (0x014c, "i686"),
    (0x8664, "x86_64"),
    (0x01c2, "armv7l"),
    (0xaa64, "aarch64"),
    (0x5064, "riscv64"),
    (0x6264, "loongarch64"),
    (0x0200, "ia64"),
];

/// The kernel that the file is, if it is one.
pub(super) fn kernel(pieces: &Pieces<'_>) -> io::Result<Option<Bootable>> {
    let head = pieces.bytes(0, 1024)?;
    let efi = pe_machine(pieces, &head)?;
    let of = |arch: &str, form| Some(Bootable { arch: Some(arch.to_owned()), form, efi: efi.is_some() });
    if head.get(0x202..0x206) == Some(b"HdrS") && head.get(0x1fe..0x200) == Some(&[0x55, 0xaa]) {
        return Ok(Some(Bootable { arch: None, form: BootForm::BzImage, efi: efi.is_some() }));
    }
    if head.get(4..8) == Some(b"zimg") && efi.is_some() {
        return Ok(Some(Bootable { arch: efi.flatten(), form: BootForm::ZBoot, efi: true }));
    }
    if head.get(0x38..0x3c) == Some(b"ARM\x64") {
        return Ok(of("aarch64", BootForm::Image));
    }
    if head.get(0x38..0x3c) == Some(b"RSC\x05") {
        return Ok(of("riscv64", BootForm::Image));
    }
    if le32(&head, 0x24) == Some(0x016f_2818) {
        return Ok(of("armv7l", BootForm::ZImage));
    }
    if head.starts_with(b"\x7fELF") {
        return elf(pieces, &head);
    }
    if be32(&head, 0) == Some(0x2705_1956) {
        return Ok(Some(Bootable { arch: None, form: BootForm::UImage, efi: false }));
    }
    if let Some(arch) = efi {
        let form = if arch.as_deref() == Some("loongarch64") { BootForm::Image } else { BootForm::Efi };
        return Ok(Some(Bootable { arch, form, efi: true }));
    }
    if pieces.has(0x1_0008, b"S390EP")? {
        return Ok(of("s390x", BootForm::S390));
    }
    Ok(None)
}

/// The machine of a program in the PE format; the outer `None` where it is not one. The inner one is for a machine that is
/// not known.
#[allow(clippy::option_option, reason = "not a program, one for a machine that is not known, one that is")]
fn pe_machine(pieces: &Pieces<'_>, head: &[u8]) -> io::Result<Option<Option<String>>> {
    if !head.starts_with(b"MZ") {
        return Ok(None);
    }
    let at = le32(head, 0x3c).unwrap_or(0);
    let header = pieces.bytes(u64::from(at), 6)?;
    if !header.starts_with(b"PE\0\0") {
        return Ok(None);
    }
    Ok(Some(le16(&header, 4).and_then(|machine| named(&PE_MACHINES, machine))))
}

fn named(machines: &[(u16, &str)], number: u16) -> Option<String> {
    machines.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned())
}

/// An ELF file that is a program and not a library, an object or a dump.
fn elf(pieces: &Pieces<'_>, head: &[u8]) -> io::Result<Option<Bootable>> {
    let little = head.get(5) == Some(&1);
    let short = |at: usize| if little { le16(head, at) } else { be16(head, at) };
    // Relocatable kernels have the type of libraries.
    if !matches!(short(16), Some(2 | 3)) {
        return Ok(None);
    }
    let arch = short(18).and_then(|machine| match (machine, little) {
        (21, true) => Some("ppc64le".to_owned()),
        _ => named(&ELF_MACHINES, machine),
    });
    let is_x86 = matches!(arch.as_deref(), Some("x86_64" | "i686"));
    let form = match () {
        () if is_x86 && has_pvh_note(pieces, head)? => BootForm::ElfPvh,
        () if is_x86 && is_multiboot(pieces)? => BootForm::Multiboot,
        () => BootForm::Elf,
    };
    Ok(Some(Bootable { arch, form, efi: false }))
}

/// True where a header of Multiboot is among the first 8 KiB: magic, flags, and what makes their sum zero.
fn is_multiboot(pieces: &Pieces<'_>) -> io::Result<bool> {
    let head = pieces.bytes(0, 8192)?;
    Ok(head.chunks_exact(4).zip(0_usize..).any(|(word, number)| {
        let at = number * 4;
        let sum = || Some(le32(&head, at)?.wrapping_add(le32(&head, at + 4)?).wrapping_add(le32(&head, at + 8)?));
        word == 0x1bad_b002_u32.to_le_bytes() && sum() == Some(0)
    }))
}

/// True where one of the program's notes names the entry for PVH.
fn has_pvh_note(pieces: &Pieces<'_>, head: &[u8]) -> io::Result<bool> {
    let wide = head.get(4) == Some(&2);
    let table = if wide { le64(head, 32) } else { le32(head, 28).map(u64::from) };
    let size = usize::from(le16(head, if wide { 54 } else { 42 }).unwrap_or(0));
    let count = usize::from(le16(head, if wide { 56 } else { 44 }).unwrap_or(0)).min(MOST_HEADERS);
    let (Some(table), 32..=256) = (table, size) else { return Ok(false) };
    let headers = pieces.bytes(table, size * count)?;
    for header in headers.chunks_exact(size).filter(|header| le32(header, 0) == Some(NOTE)) {
        let place = if wide { le64(header, 8).zip(le64(header, 32)) } else { narrow(header) };
        let Some((at, length)) = place else { continue };
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(LONGEST_NOTES);
        if names_pvh(&pieces.bytes(at, length)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Place and length of a segment of 32 bits.
fn narrow(header: &[u8]) -> Option<(u64, u64)> {
    Some((u64::from(le32(header, 4)?), u64::from(le32(header, 16)?)))
}

/// Looks through notes: lengths of name and content, kind, name, content, each padded to four bytes.
fn names_pvh(notes: &[u8]) -> bool {
    let mut at = 0_usize;
    while let (Some(name), Some(content), Some(kind)) = (le32(notes, at), le32(notes, at + 4), le32(notes, at + 8)) {
        if kind == PVH_ENTRY && notes.get(at + 12..at + 16) == Some(b"Xen\0") {
            return true;
        }
        let padded = |length: u32| usize::try_from(length).unwrap_or(usize::MAX).checked_next_multiple_of(4);
        let next = padded(name)
            .zip(padded(content))
            .and_then(|(name, content)| at.checked_add(12)?.checked_add(name)?.checked_add(content));
        match next {
            Some(next) if next < notes.len() => at = next,
            _ => break,
        }
    }
    false
}
