//! Our own short table of current guest systems: what holds where the osinfo database is not installed or is too old to
//! know them. Requirements are those that the makers publish.

use crate::facts::{Boots, Needs, Profile, Resources, SystemName};
use crate::units::Bytes;

/// A system of the table.
#[derive(Clone, Copy, Debug)]
pub struct KnownSystem {
    /// Short id.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    released: &'static str,
    /// Empty where updates go on without an end that is known.
    ended: &'static str,
    kind: SystemKind,
    minimum: Amounts,
    recommended: Amounts,
    /// Pattern of the volume ids of its media; empty where these do not tell.
    pub volume: &'static str,
}

/// CPUs, MiB of memory, GiB of disk; 0 where nothing is said.
type Amounts = (u32, u64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SystemKind {
    /// Boots by UEFI alone.
    Windows11,
    Windows,
    Linux,
    FreeBsd,
}

const WINDOWS_CLIENT: &str = "^(J_)?(CCSN?A|C?CCOMA)_X64FREE?_";
const WINDOWS_SERVER: &str = "^SSS_X64FREE?_";

const fn known(
    id: &'static str,
    name: &'static str,
    (released, ended): (&'static str, &'static str),
    kind: SystemKind,
    (minimum, recommended): (Amounts, Amounts),
    volume: &'static str,
) -> KnownSystem {
    KnownSystem { id, name, released, ended, kind, minimum, recommended, volume }
}

const SAID_BY_NONE: Amounts = (0, 0, 0);
const ENTERPRISE_LINUX: (Amounts, Amounts) = ((1, 1536, 10), (2, 2048, 20));
const UBUNTU: (Amounts, Amounts) = ((1, 1536, 5), (2, 4096, 25));
const DEBIAN: (Amounts, Amounts) = ((1, 512, 4), (1, 1024, 10));
const FEDORA: (Amounts, Amounts) = ((1, 2048, 15), (2, 4096, 20));
const SUSE: (Amounts, Amounts) = ((1, 1024, 10), (2, 2048, 40));
const SERVER: (Amounts, Amounts) = ((1, 2048, 32), SAID_BY_NONE);

/// The newest of each kind first.
pub const TABLE: &[KnownSystem] = &[
    known(
        "win11",
        "Microsoft Windows 11",
        ("2021-10-05", ""),
        SystemKind::Windows11,
        ((2, 4096, 64), SAID_BY_NONE),
        WINDOWS_CLIENT,
    ),
    known(
        "win10",
        "Microsoft Windows 10",
        ("2015-07-29", "2025-10-14"),
        SystemKind::Windows,
        ((1, 2048, 32), SAID_BY_NONE),
        WINDOWS_CLIENT,
    ),
    known(
        "win2k25",
        "Microsoft Windows Server 2025",
        ("2024-11-01", "2034-10-10"),
        SystemKind::Windows,
        SERVER,
        WINDOWS_SERVER,
    ),
    known(
        "win2k22",
        "Microsoft Windows Server 2022",
        ("2021-08-18", "2031-10-14"),
        SystemKind::Windows,
        SERVER,
        WINDOWS_SERVER,
    ),
    known(
        "ubuntu24.04",
        "Ubuntu 24.04 LTS",
        ("2024-04-25", "2029-05-31"),
        SystemKind::Linux,
        UBUNTU,
        r"^Ubuntu(-\w+)? 24\.04",
    ),
    known(
        "ubuntu22.04",
        "Ubuntu 22.04 LTS",
        ("2022-04-21", "2027-06-01"),
        SystemKind::Linux,
        UBUNTU,
        r"^Ubuntu(-\w+)? 22\.04",
    ),
    known("debian13", "Debian 13", ("2025-08-09", "2030-06-30"), SystemKind::Linux, DEBIAN, r"^Debian 13\.\d+\.\d+ "),
    known("debian12", "Debian 12", ("2023-06-10", "2028-06-30"), SystemKind::Linux, DEBIAN, r"^Debian 12\.\d+\.\d+ "),
    known("fedora42", "Fedora Linux 42", ("2025-04-15", ""), SystemKind::Linux, FEDORA, r"^Fedora-.*-42$"),
    known("fedora41", "Fedora Linux 41", ("2024-10-29", ""), SystemKind::Linux, FEDORA, r"^Fedora-.*-41$"),
    known(
        "rhel10.0",
        "Red Hat Enterprise Linux 10",
        ("2025-05-20", "2035-05-31"),
        SystemKind::Linux,
        ENTERPRISE_LINUX,
        r"^RHEL-10-\d+-\d+-BaseOS",
    ),
    known(
        "almalinux10",
        "AlmaLinux 10",
        ("2025-05-27", "2035-05-31"),
        SystemKind::Linux,
        ENTERPRISE_LINUX,
        "^AlmaLinux-10-",
    ),
    known(
        "almalinux9",
        "AlmaLinux 9",
        ("2022-05-26", "2032-05-31"),
        SystemKind::Linux,
        ENTERPRISE_LINUX,
        "^AlmaLinux-9-",
    ),
    known("rocky10", "Rocky Linux 10", ("2025-06-11", "2035-05-31"), SystemKind::Linux, ENTERPRISE_LINUX, "^Rocky-10-"),
    known("rocky9", "Rocky Linux 9", ("2022-07-14", "2032-05-31"), SystemKind::Linux, ENTERPRISE_LINUX, "^Rocky-9-"),
    known(
        "centos-stream9",
        "CentOS Stream 9",
        ("2021-12-03", "2027-05-31"),
        SystemKind::Linux,
        ENTERPRISE_LINUX,
        "^CentOS-Stream-9-",
    ),
    known("archlinux", "Arch Linux", ("", ""), SystemKind::Linux, ((1, 512, 2), SAID_BY_NONE), r"^ARCH_\d{6}$"),
    known("opensusetumbleweed", "openSUSE Tumbleweed", ("", ""), SystemKind::Linux, SUSE, "^openSUSE-Tumbleweed-"),
    known(
        "opensuse15.6",
        "openSUSE Leap 15.6",
        ("2024-06-12", "2026-04-30"),
        SystemKind::Linux,
        SUSE,
        r"^openSUSE-Leap-15\.6-",
    ),
    known(
        "freebsd14.0",
        "FreeBSD 14",
        ("2023-11-20", "2028-11-30"),
        SystemKind::FreeBsd,
        ((1, 512, 4), SAID_BY_NONE),
        r"^14_\d_RELEASE_",
    ),
    known("linux2024", "any other Linux", ("", ""), SystemKind::Linux, (SAID_BY_NONE, SAID_BY_NONE), ""),
];

/// The system `id` of the table.
pub fn find(id: &str) -> Option<&'static KnownSystem> {
    TABLE.iter().find(|known| known.id == id)
}

impl KnownSystem {
    /// As it stands in a list to choose from.
    pub fn entry(&self) -> SystemName {
        SystemName { id: self.id.into(), name: self.name.into(), released: day(self.released), ended: day(self.ended) }
    }

    /// What is known of it.
    pub fn profile(&self) -> Profile {
        let family = match self.kind {
            SystemKind::Windows11 | SystemKind::Windows => "winnt",
            SystemKind::Linux => "linux",
            SystemKind::FreeBsd => "freebsd",
        };
        let needs = Needs { minimum: resources(self.minimum), recommended: resources(self.recommended) };
        let boots = Boots { bios: (self.kind == SystemKind::Windows11).then_some(false), uefi: Some(true) };
        let common = ["chipset/x86/q35", "8086:10d3", "8086:2668"];
        let virtio = ["1af4:1000", "1af4:1001", "1af4:1041", "1af4:1042", "1af4:1048", "1af4:1050"];
        let virtio = virtio.into_iter().filter(|_| matches!(self.kind, SystemKind::Linux | SystemKind::FreeBsd));
        Profile {
            name: self.name.into(),
            url: url(self.id),
            family: family.into(),
            ended: day(self.ended),
            needs: [("all".to_owned(), needs)].into(),
            firmware: [("x86_64".to_owned(), boots)].into(),
            devices: common.into_iter().chain(virtio).map(str::to_owned).collect(),
        }
    }
}

/// How the osinfo database writes its ids in full: the maker's name before that of the system and its version.
const URLS: [(&str, &str); 12] = [
    ("win", "microsoft.com/win/"),
    ("ubuntu", "ubuntu.com/ubuntu/"),
    ("debian", "debian.org/debian/"),
    ("fedora", "fedoraproject.org/fedora/"),
    ("rhel", "redhat.com/rhel/"),
    ("almalinux", "almalinux.org/almalinux/"),
    ("rocky", "rockylinux.org/rocky/"),
    ("centos-stream", "centos.org/centos-stream/"),
    ("archlinux", "archlinux.org/archlinux/rolling"),
    ("opensuse", "opensuse.org/opensuse/"),
    ("freebsd", "freebsd.org/freebsd/"),
    ("linux", "libosinfo.org/linux/"),
];

fn url(id: &str) -> String {
    let found = URLS.iter().find_map(|(name, url)| Some((url, id.strip_prefix(name)?)));
    found.map_or_else(String::new, |(url, version)| format!("http://{url}{version}"))
}

fn day(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn resources((cpus, memory, disk): Amounts) -> Resources {
    Resources {
        cpus: (cpus > 0).then_some(cpus),
        memory: (memory > 0).then(|| Bytes::mib(memory)),
        disk: (disk > 0).then(|| Bytes::gib(disk)),
    }
}
