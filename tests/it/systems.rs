//! Guest systems: the osinfo database read below a root of our own and where it is installed, and what the labels of an
//! installation medium are known as.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vmbuild::facts::{FactsPart, Iso, Profile, Query};
use vmbuild::host::osinfo::Osinfo;
use vmbuild::host::{Source, Sysroot, observe};
use vmbuild::machine::profile::table::TABLE;
use vmbuild::units::Bytes;

fn tree() -> Sysroot {
    Sysroot::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/tree"))
}

fn profile(osinfo: &Osinfo, id: &str) -> Result<Profile, String> {
    let FactsPart::Profiles(mut profiles) = osinfo.profiles(&[id.to_owned()]) else { panic!() };
    let fact = profiles.remove(id).unwrap();
    fact.get().cloned().ok_or_else(|| fact.why_not().unwrap().to_owned())
}

fn ids(osinfo: &Osinfo, volume: &str, system: &str) -> Vec<String> {
    let iso = Iso { volume: volume.into(), system: system.into(), ..Iso::default() };
    osinfo.recognise(&iso).into_iter().map(|system| system.id).collect()
}

#[test]
fn a_system_has_what_it_inherits_unless_it_says_otherwise() {
    let osinfo = Osinfo::of(&tree());
    let two = profile(&osinfo, "examplelinux2").unwrap();
    assert_eq!((two.name.as_str(), two.family.as_str()), ("Example Linux 2", "linux"));
    assert_eq!(two.url, "http://example.org/linux/2");
    let devices: Vec<&str> = two.devices.iter().map(String::as_str).collect();
    assert_eq!(devices, ["1af4:1001", "1af4:1042", "8086:10d3", "chipset/x86/q35"]);
    assert_eq!((two.boots("x86_64").uefi, two.boots("x86_64").bios, two.boots("i686").uefi), (Some(true), None, None));
    let copy = profile(&osinfo, "acme2").unwrap();
    assert_eq!(copy.devices, two.devices, "a clone in a file of any name");
    assert_eq!(copy.url, "http://acme.com/acme/2");
    let needs = copy.needs("x86_64");
    assert_eq!((needs.minimum.memory, needs.minimum.cpus), (Some(Bytes::gib(2)), None));
    assert_eq!((needs.recommended.memory, needs.recommended.cpus), (Some(Bytes::gib(4)), Some(2)));
    assert_eq!(profile(&osinfo, "examplenew"), Ok(two), "by its second id");
}

#[test]
fn a_file_of_the_administrator_takes_the_place_of_the_packaged_one() {
    let osinfo = Osinfo::of(&tree());
    let one = profile(&osinfo, "examplelinux1").unwrap();
    assert_eq!(one.name, "Example Linux 1, as the administrator knows it");
    assert_eq!(one.needs("x86_64"), vmbuild::facts::Needs::default());
    assert!(one.ended.is_none() && one.knows(&["1af4:1001"]));
}

#[test]
fn chains_that_bite_their_tail_and_files_that_are_no_xml_do_no_harm() {
    let osinfo = Osinfo::of(&tree());
    assert_eq!(profile(&osinfo, "examplelinux3").unwrap().name, "Example Linux 3");
    assert!(profile(&osinfo, "broken4").unwrap_err().contains("does not know broken4"));
    assert!(profile(&osinfo, "windoze").unwrap_err().contains("does not know windoze"));
}

#[test]
fn without_a_database_the_table_answers_and_says_what_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    let osinfo = Osinfo::of(&Sysroot::new(empty.path()));
    assert!(profile(&osinfo, "win11").unwrap().is_windows());
    assert!(profile(&osinfo, "examplelinux2").unwrap_err().contains("osinfo-db"));
    assert!(osinfo.systems().items().iter().any(|system| system.id == "debian13"));
    assert_eq!(ids(&osinfo, "Debian 13.1.0 amd64 n", ""), ["debian13"]);
}

#[test]
fn media_are_known_by_all_labels_that_their_system_names() {
    let osinfo = Osinfo::of(&tree());
    assert_eq!(ids(&osinfo, "Example 1", ""), ["examplelinux1"]);
    assert_eq!(ids(&osinfo, "Example 2.4 amd64", "LINUX"), ["examplelinux2"]);
    assert_eq!(ids(&osinfo, "Example 2.4 amd64", "WINDOWS"), [""; 0], "another system id");
    assert_eq!(ids(&osinfo, "Example 2.9", "LINUX"), ["acme2", "examplelinux2"], "several, the newest first");
    assert_eq!(ids(&osinfo, "example 1", ""), [""; 0], "upper and lower case apart");
    assert_eq!(ids(&osinfo, "CCCOMA_X64FRE_EN-US_DV9", ""), ["win11", "win10"]);
    assert_eq!(ids(&osinfo, "", ""), [""; 0]);
}

/// An image with this label, made by the program that most people make them with; `None` where it is not installed.
fn image(folder: &Path, label: &str, udf: bool) -> Option<PathBuf> {
    let content = folder.join("content");
    std::fs::create_dir_all(&content).unwrap();
    std::fs::write(content.join("README.TXT"), "a medium").unwrap();
    let file = folder.join(format!("{}.iso", label.replace(' ', "-")));
    let mut make = Command::new("genisoimage");
    make.args(["-quiet", "-V", label, "-sysid", "LINUX", "-publisher", "MICROSOFT CORPORATION", "-o"]);
    make.arg(&file).args(udf.then_some("-udf")).arg(&content);
    make.stderr(Stdio::null()).status().ok()?.success().then_some(file)
}

#[test]
fn images_are_looked_into_below_a_root() {
    let root = tempfile::tempdir().unwrap();
    for (label, udf, expected) in [
        ("Debian 12.5.0 amd64 n", false, vec!["debian12"]),
        ("CCCOMA_X64FRE_EN-US_DV9", true, vec!["win11", "win10"]),
        ("virtio-win-0.1.266", false, vec![]),
    ] {
        let Some(file) = image(root.path(), label, udf) else { return };
        let path = format!("/{}", file.file_name().unwrap().to_str().unwrap());
        let source = Source::Tree(Sysroot::new(root.path()));
        let facts = observe(&source, [Query::Files(vec![path.clone()])]).facts;
        let iso = facts.files[&path].get().unwrap().iso.clone().unwrap();
        assert_eq!((iso.volume.as_str(), iso.system.as_str()), (label, "LINUX"));
        assert_eq!(iso.systems.iter().map(|system| system.id.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(iso.is_virtio_win(), label.starts_with("virtio"));
        assert!(iso.size.is_some_and(|size| size.0 <= std::fs::metadata(&file).unwrap().len()));
    }
}

#[test]
fn the_database_of_this_machine_is_understood() {
    if !Path::new("/usr/share/osinfo/os/microsoft.com/win-11.xml").exists() {
        return;
    }
    let osinfo = Osinfo::of(&Sysroot::default());
    let eleven = profile(&osinfo, "win11").unwrap();
    let minimum = eleven.needs("x86_64").minimum;
    assert_eq!((minimum.cpus, minimum.memory, minimum.disk), (Some(2), Some(Bytes::gib(4)), Some(Bytes::gib(64))));
    assert_eq!(eleven.boots("x86_64").bios, Some(false));
    assert!(eleven.knows(&["chipset/x86/q35"]) && eleven.knows(&["8086:10d3"]) && !eleven.knows(&["1af4:1042"]));
    let debian = profile(&osinfo, "debian11").unwrap();
    assert!(
        debian.knows(&["1af4:1042"]) && debian.knows(&["chipset/x86/q35"]) && debian.boots("x86_64").uefi == Some(true)
    );
    for known in TABLE.iter().filter(|known| !known.id.ends_with("2024")) {
        let read = profile(&osinfo, known.id).map_or_else(|_| known.profile().url, |read| read.url);
        assert!(!read.is_empty() && read == known.profile().url, "{}: {read}", known.id);
    }
    assert!(!profile(&osinfo, "winxp").unwrap().knows(&["chipset/x86/q35"]));
    assert!(osinfo.systems().items().len() > 300);
    assert_eq!(ids(&osinfo, "Debian 11.5.0 amd64 n", ""), ["debian11"]);
    let iso =
        Iso { volume: "CCCOMA_X64FRE_EN-US_DV9".into(), publisher: "MICROSOFT CORPORATION".into(), ..Iso::default() };
    let found = osinfo.recognise(&iso);
    for id in ["win10", "win11"] {
        assert!(found.iter().any(|system| system.id == id), "{found:?}");
    }
}
