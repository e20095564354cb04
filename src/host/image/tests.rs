#![allow(clippy::unwrap_used)]
use super::fixture::in_memory;
use super::*;
use crate::facts::image::{BackingFile, BootForm, Bootable, FileContent, ImageMark};
use crate::units::Bytes;
use proptest::prelude::*;

fn is(file: &[u8]) -> ImageHeader {
    in_memory(file, |pieces| read(pieces).unwrap())
}

/// A file of `length` bytes with these bytes at these places.
fn file(length: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = vec![0; length];
    for (at, bytes) in parts {
        file[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    file
}

/// A header of qcow2, version 3, with a base and its format.
fn qcow2(features: u64, base: &str, format: &str) -> Vec<u8> {
    let at = 104 + 16;
    let padded = file(8, &[(0, format.as_bytes())]);
    file(
        1024,
        &[
            (0, b"QFI\xfb\0\0\0\x03"),
            (8, &(if base.is_empty() { 0 } else { at as u64 + 8 }).to_be_bytes()),
            (16, &u32::try_from(base.len()).unwrap().to_be_bytes()),
            (20, &16_u32.to_be_bytes()),
            (24, &(20_u64 << 30).to_be_bytes()),
            (72, &features.to_be_bytes()),
            (100, &104_u32.to_be_bytes()),
            (104, &(if format.is_empty() { 0 } else { 0xe279_2aca_u32 }).to_be_bytes()),
            (108, &u32::try_from(format.len()).unwrap().to_be_bytes()),
            (112, &padded),
            (at + 8, base.as_bytes()),
        ],
    )
}

#[test]
fn qcow2_tells_its_size_its_base_and_its_state() {
    let image = is(&qcow2(0, "../base.img", "raw"));
    let base = BackingFile { name: "../base.img".into(), format: Some(ImageFormat::Raw) };
    let want = ImageHeader {
        format: ImageFormat::Qcow2,
        virtual_size: Some(Bytes::gib(20)),
        backing: Some(base.clone()),
        ..ImageHeader::default()
    };
    assert_eq!(image, want);
    let unformatted = is(&qcow2(0, "../base.img", ""));
    assert_eq!(unformatted.backing, Some(BackingFile { format: None, ..base }));
    let marks = |features| is(&qcow2(features, "", "")).marks.into_iter().collect::<Vec<_>>();
    assert_eq!(marks(0), []);
    assert_eq!(marks(0b1_1011), [ImageMark::Dirty, ImageMark::Corrupt]);
    assert_eq!(marks(1 << 9), [ImageMark::Unsupported]);
    assert_eq!(marks(1 << 2), [ImageMark::Damaged], "the data file is not named");
}

#[test]
fn a_header_that_cannot_be_right_is_damaged_and_keeps_its_format() {
    let mut long = qcow2(0, "base", "");
    long[16..20].copy_from_slice(&2000_u32.to_be_bytes());
    let mut beyond = qcow2(0, "base", "");
    beyond[8..16].copy_from_slice(&u64::MAX.to_be_bytes());
    let mut clusters = qcow2(0, "", "");
    clusters[20..24].copy_from_slice(&40_u32.to_be_bytes());
    for header in [long, beyond, clusters, b"QFI\xfb\0\0\0\x02".to_vec()] {
        let image = is(&header);
        assert_eq!((image.format, image.virtual_size), (ImageFormat::Qcow2, None));
        assert!(image.marks.contains(&ImageMark::Damaged));
    }
    assert_eq!(is(b"QFI\xfb\0\0\0\x07").marks, [ImageMark::Unsupported].into());
}

#[test]
fn a_fixed_vhd_is_known_by_its_last_sector() {
    let footer = |kind: u32| {
        file(512, &[(0, b"conectix"), (28, b"win "), (48, &(1_u64 << 20).to_be_bytes()), (60, &kind.to_be_bytes())])
    };
    let disk = file((1 << 20) + 512, &[(1 << 20, &footer(2))]);
    let image = is(&disk);
    assert_eq!((image.format, image.virtual_size), (ImageFormat::Vpc, Some(Bytes::mib(1))));
    assert_eq!(
        is(&file((1 << 20) + 512, &[(1 << 20, &footer(3))])).format,
        ImageFormat::Raw,
        "of growing ones it is a copy"
    );
    assert_eq!(is(&footer(4)).marks, [ImageMark::Differencing].into());
}

#[test]
fn a_descriptor_of_vmware_names_its_extents_and_its_base() {
    let text = "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=deadbeef\nparentFileNameHint=\"base.vmdk\"\n\
                RW 2048 SPARSE \"a-s001.vmdk\"\nRW 1024 FLAT \"a-flat.vmdk\" 0\nRW 8 ZERO\n";
    let image = is(text.as_bytes());
    assert_eq!((image.format, image.virtual_size), (ImageFormat::Vmdk, Some(Bytes(3080 * 512))));
    assert_eq!(image.data, ["a-s001.vmdk", "a-flat.vmdk"]);
    assert_eq!(image.backing.unwrap().name, "base.vmdk");
    let alone = text.replace("deadbeef", "ffffffff").replace("# Disk DescriptorFile", "# made by hand\n");
    assert_eq!((is(alone.as_bytes()).format, is(alone.as_bytes()).backing), (ImageFormat::Vmdk, None));
    let no_header = alone.replace("version=1", "version=9");
    assert_eq!(is(no_header.as_bytes()).content, FileContent::Text);
}

#[test]
fn vhdx_is_followed_to_its_metadata() {
    let metadata: u32 = 0x30_0000;
    let guid = |text: &str| {
        let hex = |range: std::ops::Range<usize>| u32::from_str_radix(&text[range], 16).unwrap();
        let mut bytes = hex(0..8).to_le_bytes().to_vec();
        bytes.extend(u16::try_from(hex(9..13)).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(hex(14..18)).unwrap().to_le_bytes());
        let rest = text[19..].replace('-', "");
        bytes.extend((0..8).map(|at| u8::from_str_radix(&rest[at * 2..at * 2 + 2], 16).unwrap()));
        bytes
    };
    let at = metadata as usize;
    let mut disk = file(
        0x40_0000,
        &[
            (0, b"vhdxfile"),
            (0x1_0000, b"head"),
            (0x2_0000, b"head"),
            (0x2_0008, &[1]),
            (0x3_0000, b"regi"),
            (0x3_0008, &[1]),
            (0x3_0010, &guid("8B7CA206-4790-4B9A-B8FE-575F050F886E")),
            (0x3_0020, &metadata.to_le_bytes()),
            (at, b"metadata"),
            (at + 10, &[2]),
            (at + 32, &guid("2FA54224-CD1B-4876-B211-5DBED83BF4B8")),
            (at + 48, &0x1_0000_u32.to_le_bytes()),
            (at + 64, &guid("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")),
            (at + 80, &0x1_0010_u32.to_le_bytes()),
            (at + 0x1_0000, &(30_u64 << 30).to_le_bytes()),
            (at + 0x1_0014, &[2]),
        ],
    );
    let want = ImageHeader {
        format: ImageFormat::Vhdx,
        virtual_size: Some(Bytes::gib(30)),
        marks: [ImageMark::Differencing].into(),
        ..ImageHeader::default()
    };
    assert_eq!(is(&disk), want);
    disk[0x2_0030] = 7;
    disk[at + 0x1_0014] = 0;
    assert_eq!(is(&disk).marks, [ImageMark::Dirty].into());
    assert_eq!(is(&disk[..0x10_0000]).marks, [ImageMark::Dirty, ImageMark::Damaged].into(), "cut off");
}

fn content(file: &[u8]) -> FileContent {
    let image = is(file);
    assert_eq!(image.format, ImageFormat::Raw);
    image.content
}

#[test]
fn raw_files_are_told_apart_by_what_they_hold() {
    let entry = [0x80, 0, 1, 0, 0x83, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0, 0];
    for (parts, want) in [
        (vec![(0, b"\0".as_slice())], FileContent::Plain),
        (vec![(510, b"\x55\xaa"), (446, &entry)], FileContent::Partitions("mbr".into())),
        (vec![(510, b"\x55\xaa"), (446, &entry), (512, b"EFI PART")], FileContent::Partitions("gpt".into())),
        (vec![(510, b"\x55\xaa"), (54, b"FAT16   ")], FileContent::FileSystem("vfat".into())),
        (vec![(1080, b"\x53\xef")], FileContent::FileSystem("ext2".into())),
        (vec![(1080, b"\x53\xef"), (1024 + 92, &[4]), (1024 + 96, &[0x40])], FileContent::FileSystem("ext4".into())),
        (vec![(65_600, b"_BHRfS_M")], FileContent::FileSystem("btrfs".into())),
        (vec![(0, b"\x1f\x8b\x08")], FileContent::Packed("gzip".into())),
        (vec![(257, b"ustar")], FileContent::Packed("tar".into())),
        (vec![(32_768, b"\x01CD001"), (510, b"\x55\xaa"), (446, &entry)], FileContent::Disc),
    ] {
        assert_eq!(content(&file(70_000, &parts)), want);
    }
    assert_eq!(content(b""), FileContent::Empty);
    assert_eq!(content(b"hostname\n"), FileContent::Text);
    assert_eq!(content("<!DOCTYPE html>\nZu viele Anfragen, später noch einmal.\n".as_bytes()), FileContent::Text);
    assert_eq!(content(b"\x01\x02\x03"), FileContent::Plain);
    let luks = is(&file(4096, &[(0, b"LUKS\xba\xbe\0\x02")]));
    assert_eq!((luks.encrypted, luks.content), (true, FileContent::FileSystem("crypto_LUKS".into())));
}

fn kernel(file: &[u8]) -> (Option<String>, BootForm, bool) {
    match content(file) {
        FileContent::Bootable(Bootable { arch, form, efi }) => (arch, form, efi),
        other => (Some(format!("{other:?}")), BootForm::Efi, false),
    }
}

#[test]
fn kernels_are_known_by_their_heads() {
    let pe = |machine: &'static [u8]| [(0, b"MZ".as_slice()), (0x3c, b"\x80"), (0x80, b"PE\0\0"), (0x84, machine)];
    let with = |parts: &[(usize, &'static [u8])], more: &[(usize, &'static [u8])]| {
        kernel(&file(4096, &[parts, more].concat()))
    };
    let arch = |name: &str| Some(name.to_owned());
    let linux = [(0x1fe, b"\x55\xaa".as_slice()), (0x202, b"HdrS")];
    assert_eq!(with(&linux, &[]), (None, BootForm::BzImage, false));
    assert_eq!(with(&linux, &pe(b"\x64\x86")), (None, BootForm::BzImage, true));
    assert_eq!(with(&pe(b"\x64\x86"), &[]), (arch("x86_64"), BootForm::Efi, true));
    assert_eq!(with(&pe(b"\x64\xaa"), &[(0x38, b"ARM\x64")]), (arch("aarch64"), BootForm::Image, true));
    assert_eq!(with(&pe(b"\x64\xaa"), &[(4, b"zimg")]), (arch("aarch64"), BootForm::ZBoot, true));
    assert_eq!(with(&[(0x38, b"RSC\x05")], &[]), (arch("riscv64"), BootForm::Image, false));
    assert_eq!(with(&[(0x24, b"\x18\x28\x6f\x01")], &[]), (arch("armv7l"), BootForm::ZImage, false));
    assert_eq!(with(&[(0, b"\x27\x05\x19\x56")], &[]), (None, BootForm::UImage, false));
    assert_eq!(kernel(&file(70_000, &[(0x1_0008, b"S390EP")])), (arch("s390x"), BootForm::S390, false));
    assert!(matches!(content(&file(4096, &[(0, b"MZ")])), FileContent::Plain), "a program of DOS");
}

#[test]
fn a_program_says_whether_qemu_starts_it() {
    let elf: &[(usize, &[u8])] =
        &[(0, b"\x7fELF\x02\x01\x01"), (16, b"\x02\0\x3e\0"), (32, b"\x40"), (54, b"\x38\0\x01\0")];
    let note: &[(usize, &[u8])] = &[
        (0x40, b"\x04"),
        (0x48, b"\0\x02"),
        (0x60, b"\x28"),
        (0x200, b"\x04\0\0\0\x04\0\0\0\x06\0\0\0Xen\0abcd"),
        (0x214, b"\x04\0\0\0\x04\0\0\0\x12\0\0\0Xen\0abcd"),
    ];
    let x86 = Some("x86_64".to_owned());
    assert_eq!(kernel(&file(4096, &[elf, note].concat())), (x86.clone(), BootForm::ElfPvh, false));
    assert_eq!(kernel(&file(4096, elf)), (x86.clone(), BootForm::Elf, false));
    let boot: &[(usize, &[u8])] = &[(0x100, b"\x02\xb0\xad\x1b\0\0\0\0\xfe\x4f\x52\xe4")];
    assert_eq!(kernel(&file(9000, &[elf, boot].concat())), (x86, BootForm::Multiboot, false));
    let big = file(4096, &[(0, b"\x7fELF\x02\x02\x01"), (16, b"\0\x02\0\x15")]);
    assert_eq!(kernel(&big), (Some("ppc64".into()), BootForm::Elf, false));
    assert!(matches!(content(&file(64, &[(0, b"\x7fELF\x02\x01\x01"), (16, b"\x01\0\x3e\0")])), FileContent::Plain));
}

/// Bytes that begin as some format does.
fn begun() -> impl Strategy<Value = Vec<u8>> {
    let magic = prop::sample::select(vec![
        (0, b"QFI\xfb\0\0\0\x01".to_vec()),
        (0, b"QFI\xfb\0\0\0\x02".to_vec()),
        (0, b"QFI\xfb\0\0\0\x03".to_vec()),
        (0, b"QED\0".to_vec()),
        (0, b"KDMV".to_vec()),
        (0, b"COWD".to_vec()),
        (0, b"# Disk DescriptorFile\n".to_vec()),
        (0, b"version=1\nRW 9".to_vec()),
        (0, b"conectix".to_vec()),
        (0, b"vhdxfile".to_vec()),
        (0, b"\x7fELF\x02\x01".to_vec()),
        (0, b"\x7fELF\x01\x02".to_vec()),
        (0, b"MZ".to_vec()),
        (64, 0xbeda_107f_u32.to_le_bytes().to_vec()),
        (0x202, b"HdrS".to_vec()),
        (32_768, b"\x01CD001".to_vec()),
        (32_768, b"\0BEA01".to_vec()),
    ]);
    (magic, prop::collection::vec(any::<u8>(), 0..600), 0_usize..70_000, any::<bool>()).prop_map(
        |((at, magic), noise, length, sparse)| {
            let mut file: Vec<u8> = if sparse || noise.is_empty() {
                vec![0; length]
            } else {
                noise.iter().copied().cycle().take(length).collect()
            };
            for (to, from) in file.iter_mut().skip(at).zip(&magic) {
                *to = *from;
            }
            for (to, from) in file.iter_mut().skip(at + magic.len()).zip(&noise) {
                *to = *from;
            }
            file
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_something(bytes in prop_oneof![begun(), prop::collection::vec(any::<u8>(), 0..4096)]) {
        let image = in_memory(&bytes, read);
        let labels = in_memory(&bytes, labels);
        // Too many places is the one refusal.
        if let Ok(image) = image {
            let again = serde_json::from_value(serde_json::to_value(&image).unwrap());
            prop_assert_eq!(again.ok(), Some(image.clone()));
            prop_assert_eq!(image.content == FileContent::Unknown, image.format != ImageFormat::Raw);
            prop_assert!(labels.is_ok_and(|labels| labels.is_none() || image.content == FileContent::Disc || image.format != ImageFormat::Raw));
        }
    }

    #[test]
    fn what_a_file_is_does_not_depend_on_how_it_is_read(bytes in begun(), block in 4096_usize..70_000) {
        let whole = |offset: u64, length: usize| {
            let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
            Ok(rest.get(..length.min(rest.len())).unwrap_or_default().to_vec())
        };
        let read = |block| read(&Pieces::new(bytes.len() as u64, block, &whole)).ok();
        prop_assert_eq!(read(4096), read(block));
    }
}
