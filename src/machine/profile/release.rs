//! What a release supports, by its osinfo ID: for systems of which the osinfo database is silent or not installed.

use crate::facts::{Boots, Profile};

/// How much of today's virtual hardware an installer can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// It has no virtio driver and cannot be given one.
    Old,
    /// It reads drivers from a CD, and installs by BIOS: Windows Vista and 7 with their servers.
    Bios,
    /// It has virtio drivers or reads them from a CD. Windows of this age installs by UEFI.
    Current,
}

/// A Windows that is not of today, by its ID.
struct OldWindows {
    id: &'static str,
    name: &'static str,
    age: Age,
    /// Drivers of its own for Intel's gigabit card of 2002 and AC97 sound.
    e1000: bool,
}

const fn old(id: &'static str, name: &'static str, e1000: bool) -> OldWindows {
    OldWindows { id, name, age: Age::Old, e1000 }
}

const fn bios(id: &'static str, name: &'static str) -> OldWindows {
    OldWindows { id, name, age: Age::Bios, e1000: true }
}

/// Windows before 8: the text set-up of NT 5 and older takes drivers from a floppy disk only; that of NT 6 from any
/// medium, and it starts by UEFI from Windows 8 (NT 6.2) on without a compatibility module.
const WINDOWS: [OldWindows; 19] = [
    old("win1.0", "Microsoft Windows 1.0", false),
    old("win2.0", "Microsoft Windows 2.0", false),
    old("win2.1", "Microsoft Windows 2.1", false),
    old("win3.1", "Microsoft Windows 3.1", false),
    old("winnt3.1", "Microsoft Windows NT 3.1", false),
    old("winnt3.5", "Microsoft Windows NT 3.5", false),
    old("winnt3.51", "Microsoft Windows NT 3.51", false),
    old("winnt4.0", "Microsoft Windows NT 4.0", false),
    old("win95", "Microsoft Windows 95", false),
    old("win98", "Microsoft Windows 98", false),
    old("winme", "Microsoft Windows Millennium Edition", false),
    old("win2k", "Microsoft Windows 2000", false),
    old("winxp", "Microsoft Windows XP", true),
    old("win2k3", "Microsoft Windows Server 2003", true),
    old("win2k3r2", "Microsoft Windows Server 2003 R2", true),
    bios("winvista", "Microsoft Windows Vista"),
    bios("win2k8", "Microsoft Windows Server 2008"),
    bios("win7", "Microsoft Windows 7"),
    bios("win2k8r2", "Microsoft Windows Server 2008 R2"),
];

/// The first release with virtio drivers of its own, by the name before its number; none ever had them where it is empty.
/// Linux has them since 2.6.25. Not compared with the release notes of each system: one that is taken for old installs anyway,
/// only more slowly.
const FIRST_VIRTIO: [(&str, &[u32]); 30] = [
    ("altlinux", &[5]),
    ("centos", &[5, 4]),
    ("debian", &[5]),
    ("dragonflybsd", &[3, 2]),
    ("fedora", &[9]),
    ("freebsd", &[9]),
    ("freedos", &[]),
    ("haikur1alpha", &[]),
    ("macosx", &[]),
    ("mandrake", &[]),
    ("mandriva", &[2009]),
    ("mes", &[5]),
    ("msdos", &[]),
    ("netbsd", &[6]),
    ("netware", &[]),
    ("oel", &[5, 4]),
    ("ol", &[5, 4]),
    ("openbsd", &[5]),
    ("openserver", &[]),
    ("opensolaris", &[]),
    ("opensuse", &[11]),
    ("os2", &[]),
    ("rhel", &[5, 4]),
    ("rhl", &[]),
    ("scientificlinux", &[5, 4]),
    ("sled", &[11]),
    ("sles", &[11]),
    ("solaris", &[11, 4]),
    ("ubuntu", &[8, 10]),
    ("unixware", &[]),
];

/// The age of the Windows with this ID; what is not in the table is newer than it.
pub(super) fn of_windows(id: &str) -> Age {
    windows(id).map_or(Age::Current, |known| known.age)
}

fn windows(id: &str) -> Option<&'static OldWindows> {
    WINDOWS.iter().find(|known| known.id.eq_ignore_ascii_case(id))
}

/// The age of another system with this ID. One without a number stands for the current release.
pub(super) fn of_other(id: &str) -> Age {
    let id = id.to_ascii_lowercase();
    let start = id.find(|c: char| c.is_ascii_digit()).unwrap_or(id.len());
    let release: Vec<u32> =
        id[start..].split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let of = |(name, first): &&(&str, &[u32])| match *name {
        // Names with a number of their own.
        "haikur1alpha" | "os2" => id.starts_with(name),
        name => id[..start] == *name && (first.is_empty() || !release.is_empty()),
    };
    match FIRST_VIRTIO.iter().find(of) {
        Some((_, first)) if first.is_empty() || release.as_slice() < *first => Age::Old,
        _ => Age::Current,
    }
}

/// What is known of an old Windows where the osinfo database is silent.
pub(super) fn profile(id: &str) -> Option<Profile> {
    let known = windows(id)?;
    let ninth = ["win95", "win98", "winme"].contains(&known.id);
    let family = if ninth { "win9x" } else { "winnt" };
    let devices = ["8086:100e", "8086:2415"].into_iter().filter(|_| known.e1000);
    let modern = ["chipset/x86/q35", "8086:10d3", "8086:2668"].into_iter().filter(|_| known.age == Age::Bios);
    let boots = Boots { bios: Some(true), uefi: Some(false) };
    Some(Profile {
        name: known.name.into(),
        family: family.into(),
        firmware: [("all".to_owned(), boots)].into(),
        devices: devices.chain(modern).map(str::to_owned).collect(),
        ..Profile::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_is_old_before_vista_and_boots_by_uefi_from_8_on() {
        for id in ["winxp", "win2k3", "win2k", "win98", "winnt4.0", "win3.1"] {
            assert_eq!(of_windows(id), Age::Old, "{id}");
        }
        for id in ["winvista", "win7", "win2k8r2"] {
            assert_eq!(of_windows(id), Age::Bios, "{id}");
        }
        for id in ["win8", "win8.1", "win10", "win11", "win2k12", "win2k25", "win2k28", "windows"] {
            assert_eq!(of_windows(id), Age::Current, "{id}");
        }
    }

    #[test]
    fn other_systems_are_old_before_their_first_release_with_virtio() {
        for id in ["solaris9", "solaris11", "netbsd5.1", "openbsd4.9", "rhel5.3", "rhel4.9", "sled10sp1", "ubuntu8.04"]
        {
            assert_eq!(of_other(id), Age::Old, "{id}");
        }
        for id in ["msdos6.22", "freedos1.2", "netware6", "os2warp4", "haikur1alpha3", "rhl7.3", "unixware"] {
            assert_eq!(of_other(id), Age::Old, "{id}");
        }
        for id in ["netbsd9.0", "rhel5.10", "rhel-unknown", "debian13", "ubuntu24.04", "haikur1beta2", "guix-latest"] {
            assert_eq!(of_other(id), Age::Current, "{id}");
        }
    }

    #[test]
    fn each_release_is_in_the_table_once() {
        for known in &WINDOWS {
            assert_eq!(WINDOWS.iter().filter(|other| other.id == known.id).count(), 1, "{}", known.id);
        }
        assert!(FIRST_VIRTIO.is_sorted_by(|one, next| one.0 < next.0));
    }
}
