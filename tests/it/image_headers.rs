//! Headers of images as vmbuild reads them, beside what qemu-img says of the same files.

use crate::support;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use vmbuild::facts::{FileContent, ImageFormat, ImageHeader, ImageMark};
use vmbuild::host::image::{BLOCK, Pieces, part, read};

/// What qemu-img answers in `folder`.
fn qemu_img(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("qemu-img").args(words).current_dir(folder).output().expect("qemu-img");
    assert!(output.status.success(), "qemu-img {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn is_there() -> bool {
    let there = Command::new("qemu-img").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        support::skip("qemu-img is not installed");
    }
    there
}

fn ours(file: &Path) -> ImageHeader {
    let open = File::open(file).unwrap();
    let length = open.metadata().unwrap().len();
    read(&Pieces::new(length, BLOCK, &|offset, length| part(&open, offset, length))).unwrap()
}

/// Compares everything that both say of `name`.
fn same(folder: &Path, name: &str) {
    let image = ours(&folder.join(name));
    let info: Value = serde_json::from_str(&qemu_img(folder, &["info", "--output=json", name])).unwrap();
    // What LUKS encrypts may as well be a disk that the guest encrypts, and is driven as raw.
    let luks = image.content == FileContent::FileSystem("crypto_LUKS".into());
    let format = if luks { "luks" } else { image.format.name() };
    assert_eq!(format, info["format"], "{name}");
    if !luks {
        assert_eq!(image.virtual_size.map(|size| size.0), info["virtual-size"].as_u64(), "{name}");
    }
    let backing = image.backing.as_ref();
    assert_eq!(backing.map(|base| base.name.as_str()), info["backing-filename"].as_str(), "{name}");
    let format = backing.and_then(|base| base.format).map(ImageFormat::name);
    assert_eq!(format, info["backing-filename-format"].as_str(), "{name}");
    assert_eq!(image.encrypted, info["encrypted"] == true, "{name}");
    assert_eq!(image.marks.contains(&ImageMark::Dirty), info["dirty-flag"] == true, "{name}");
    let specific = &info["format-specific"]["data"];
    assert_eq!(image.marks.contains(&ImageMark::Corrupt), specific["corrupt"] == true, "{name}");
    let data = specific["data-file"].as_str();
    assert_eq!(image.data.first().map(String::as_str).filter(|_| image.format == ImageFormat::Qcow2), data, "{name}");
    assert!(!image.marks.contains(&ImageMark::Damaged), "{name}: {image:?}");
}

/// Takes the format of the base out of a header of qcow2: its extension becomes one of a kind that is not known.
fn forget_format(image: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(image).unwrap();
    let mut length = [0; 4];
    file.read_exact_at(&mut length, 100).unwrap();
    file.write_all_at(b"\x12\x34\x56\x78", u64::from(u32::from_be_bytes(length))).unwrap();
}

#[test]
fn images_are_what_qemu_img_says() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let all: [(&str, &[&str]); 20] = [
        ("plain.qcow2", &["-f", "qcow2", "plain.qcow2", "3G"]),
        ("old.qcow2", &["-f", "qcow2", "-o", "compat=0.10", "old.qcow2", "100M"]),
        ("clusters", &["-f", "qcow2", "-o", "cluster_size=512", "clusters", "10M"]),
        ("large.qcow2", &["-f", "qcow2", "-o", "cluster_size=2M,lazy_refcounts=on", "large.qcow2", "5T"]),
        ("zstd.qcow2", &["-f", "qcow2", "-o", "compression_type=zstd,extended_l2=on", "zstd.qcow2", "1G"]),
        ("over.qcow2", &["-f", "qcow2", "-b", "plain.qcow2", "-F", "qcow2", "over.qcow2"]),
        ("over-old", &["-f", "qcow2", "-o", "compat=0.10", "-b", "old.qcow2", "-F", "qcow2", "over-old", "1G"]),
        ("gone.qcow2", &["-f", "qcow2", "-u", "-b", "/nowhere/base.raw", "-F", "raw", "gone.qcow2", "1G"]),
        ("data.qcow2", &["-f", "qcow2", "-o", "data_file=data.raw", "data.qcow2", "64M"]),
        ("first.qcow", &["-f", "qcow", "first.qcow", "70M"]),
        ("first-over.qcow", &["-f", "qcow", "-u", "-b", "first.qcow", "-F", "qcow", "first-over.qcow", "70M"]),
        ("a.qed", &["-f", "qed", "a.qed", "90M"]),
        ("a.vmdk", &["-f", "vmdk", "a.vmdk", "2G"]),
        ("stream.vmdk", &["-f", "vmdk", "-o", "subformat=streamOptimized", "stream.vmdk", "1G"]),
        ("split.vmdk", &["-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", "split.vmdk", "5G"]),
        ("flat.vmdk", &["-f", "vmdk", "-o", "subformat=monolithicFlat", "flat.vmdk", "20M"]),
        ("a.vdi", &["-f", "vdi", "a.vdi", "3G"]),
        ("a.vhd", &["-f", "vpc", "a.vhd", "1G"]),
        ("exact.vhd", &["-f", "vpc", "-o", "force_size=on", "exact.vhd", "1G"]),
        ("a.vhdx", &["-f", "vhdx", "a.vhdx", "60G"]),
    ];
    for (name, words) in all {
        qemu_img(folder, &[&["create", "-q"], words].concat());
        same(folder, name);
    }
    qemu_img(folder, &["create", "-q", "-f", "raw", "a.img", "1234567"]);
    same(folder, "a.img");
    qemu_img(folder, &["create", "-q", "-f", "parallels", "a.hdd", "1G"]);
    same(folder, "a.hdd");
    // qemu-img no longer makes such images, and there are many.
    qemu_img(folder, &["create", "-q", "-f", "qcow2", "-b", "plain.qcow2", "-F", "qcow2", "unformatted"]);
    forget_format(&folder.join("unformatted"));
    same(folder, "unformatted");
    // A base of VMDK without its format in the header has one by nature, which qemu-img does not say.
    qemu_img(folder, &["create", "-q", "-f", "vmdk", "-b", "a.vmdk", "-F", "vmdk", "over.vmdk"]);
    assert_eq!(ours(&folder.join("over.vmdk")).backing.unwrap().name, "a.vmdk");
    let secret = ["create", "-q", "--object", "secret,id=s,data=word", "-f"];
    qemu_img(
        folder,
        &[&secret[..], &["qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=s", "e.qcow2", "8M"]].concat(),
    );
    same(folder, "e.qcow2");
    qemu_img(folder, &[&secret[..], &["luks", "-o", "key-secret=s", "e.luks", "8M"]].concat());
    same(folder, "e.luks");
}

#[test]
fn marks_and_fixed_sizes_are_seen() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, features) in [("dirty", 1_u8), ("corrupt", 2)] {
        qemu_img(folder, &["create", "-q", "-f", "qcow2", name, "10M"]);
        let file = OpenOptions::new().write(true).open(folder.join(name)).unwrap();
        file.write_all_at(&[features], 79).unwrap();
        same(folder, name);
    }
    // qemu-img takes a fixed VHD for raw unless it is told otherwise.
    qemu_img(folder, &["create", "-q", "-f", "vpc", "-o", "subformat=fixed,force_size=on", "fixed.vhd", "64M"]);
    let info = qemu_img(folder, &["info", "-f", "vpc", "--output=json", "fixed.vhd"]);
    let info: Value = serde_json::from_str(&info).unwrap();
    let image = ours(&folder.join("fixed.vhd"));
    assert_eq!(
        (image.format, image.virtual_size.map(|size| size.0)),
        (ImageFormat::Vpc, info["virtual-size"].as_u64())
    );
}
