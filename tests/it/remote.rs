//! The probe of remote hosts: its script, run by the shells that hosts have, tells what the readers of sysfs find in the
//! same tree; and what hostile hosts print harms nobody.

use crate::support;
use crate::support::machine::{Layout, Machine};
use crate::support::tree::Tree;
use proptest::prelude::*;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use vmbuild::facts::{Fact, Facts, Part, Query};
use vmbuild::host::libvirt::Connection;
use vmbuild::host::{Observer, Request, Source, Sysroot, Worker, observe_by, remote};

/// Shells with the tools that come with them.
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// What the script prints of the tree at `root`.
fn answer(shell: &[&str], root: &Path) -> Vec<u8> {
    let mut command = Command::new(installed(shell[0]).unwrap());
    command.args(&shell[1..]).args(["-s", "--"]).arg(root);
    command.env("SSH_CONNECTION", "192.0.2.9 50000 192.0.2.2 22").env("TIME_STYLE", "+%s");
    if shell[0] == "busybox" {
        // Its own tools instead of those of GNU: busybox prefers them where it is built so; this makes sure.
        command.env("PATH", busybox_tools());
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, remote::SCRIPT.as_bytes()).unwrap();
    drop(stdin);
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&ended.stderr));
    ended.stdout
}

/// A folder with links to busybox alone.
fn busybox_tools() -> &'static Path {
    use std::sync::OnceLock;
    static TOOLS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let tools = TOOLS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let busybox = installed("busybox").unwrap();
        for tool in ["ls", "grep", "sed", "head", "od"] {
            std::os::unix::fs::symlink(&busybox, folder.path().join(tool)).unwrap();
        }
        folder
    });
    tools.path()
}

fn installed(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.exists())
}

fn is_installed(shell: &[&str]) -> bool {
    let found = installed(shell[0]).is_some();
    if !found {
        support::skip(&format!("{} is not installed", shell[0]));
    }
    found
}

/// The facts of the tree, read directly, in the form that they have when they come by ssh.
fn direct(root: &Path) -> Facts {
    // Of this machine's own root, only what needs no libvirt is asked.
    let real = root == Path::new("/");
    let source = if real { Source::at("qemu:///system") } else { Source::Tree(Sysroot::new(root)) };
    let ssh = Some("192.0.2.9 50000 192.0.2.2 22");
    let parts = [Part::Host, Part::Networks, Part::Cpus, Part::Pci, Part::Boot, Part::Uses, Part::Roms, Part::Details];
    let facts = observe_by(&source, ssh, parts.into_iter().skip(if real { 2 } else { 0 })).facts;
    compared(facts.read_over_ssh("hv03", 0).unwrap())
}

/// Without what libvirt tells, and without names: those come from this machine's list where the tree has none.
fn compared(mut facts: Facts) -> Facts {
    for device in facts.pci.get_mut().into_iter().flatten() {
        (device.vendor_name, device.device_name) = (None, None);
    }
    let (host, memory, networks, roms) = Default::default();
    Facts { host, memory, networks, roms, ..facts }
}

#[track_caller]
fn assert_same(root: &Path, what: &str, shells: &[&[&str]]) {
    let expected = direct(root);
    for shell in shells.iter().filter(|shell| is_installed(shell)) {
        let probed = compared(remote::of_answer(&answer(shell, root), "hv03").unwrap());
        let text = |facts: &Facts| {
            let mut value = serde_json::to_value(facts).unwrap();
            without_times(&mut value);
            serde_json::to_string_pretty(&value).unwrap()
        };
        let (seen, wanted) = (text(&probed), text(&expected));
        let differs = seen.lines().zip(wanted.lines()).position(|(a, b)| a != b);
        let around =
            |text: &str, at: usize| text.lines().skip(at.saturating_sub(12)).take(24).collect::<Vec<_>>().join("\n");
        if let Some(at) = differs {
            panic!(
                "{what} by {shell:?}\n--- probed\n{}\n--- read directly\n{}",
                around(&seen, at),
                around(&wanted, at)
            );
        }
        assert_eq!(probed, expected, "{what} by {shell:?}");
    }
}

fn without_times(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("seen_at");
            fields.values_mut().for_each(without_times);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn published_machines_are_probed_as_they_are_read() {
    // A shell for each, and both layouts: the tree below is for what all shells must do alike.
    for (number, machine) in Machine::all().iter().step_by(4).enumerate() {
        let layout = if number % 2 == 0 { Layout::Kernel } else { Layout::Attributes };
        assert_same(machine.tree(layout).path(), &machine.slug, &[SHELLS[number % SHELLS.len()]]);
    }
}

/// PCI functions of which one sleeps: whoever opens its configuration space waits for ever.
fn functions() -> Tree {
    let port = "pci0000:00/0000:00:01.0";
    let gpu = format!("{port}/0000:01:00.0");
    let asleep = format!("{port}/0000:01:00.1");
    let config = "\u{6}".repeat(256);
    Tree::new()
        .function(port, "60400", &[("config", "\n\n==> x <==\n")])
        .function(
            &gpu,
            "30000",
            &[("reset", ""), ("reset_method", "flr bus\n"), ("boot_vga", "1\n"), ("config", &config)],
        )
        .function(&asleep, "40300", &[("power_state", "D3cold\n"), ("current_link_speed", ""), ("label", "HD Audio\n")])
        .function("pci0000:00/0000:05:00.0", "10802", &[("resource0_resize", "00000100\n"), ("vpd", "")])
        .folder(&format!("/sys/devices/{gpu}/msi_irqs"))
        .file(&format!("/sys/devices/{gpu}/current_link_speed"), "16.0 GT/s PCIe\n")
        .file(&format!("/sys/devices/{gpu}/current_link_width"), "16\n")
        .file(&format!("/sys/devices/{gpu}/rom"), &"r".repeat(131_072))
        .file(&format!("/sys/devices/{gpu}/mdev_supported_types/nvidia-63/available_instances"), "3\n")
        .file(&format!("/sys/devices/{gpu}/mdev_supported_types/nvidia-63/name"), "GRID: P40\n")
        .link(&format!("/sys/devices/{gpu}/driver"), "/sys/bus/pci/drivers/nouveau")
        .link(&format!("/sys/devices/{gpu}/iommu_group"), "/sys/kernel/iommu_groups/16")
        .file("/sys/kernel/iommu_groups/16/type", "DMA-FQ\n")
        .file("/sys/kernel/iommu_groups/16/reserved_regions", "0xfee00000 0xfeefffff msi\n")
        .link("/sys/class/drm/card0", &format!("/sys/devices/{gpu}/drm/card0"))
        .file(&format!("/sys/devices/{gpu}/drm/card0/dev"), "226:0\n")
        .trap(&format!("/sys/devices/{asleep}/config"))
}

/// What hangs on them.
fn with_devices(tree: Tree) -> Tree {
    let port = "pci0000:00/0000:00:01.0";
    let nvme = "pci0000:00/0000:05:00.0/nvme/nvme0/nvme0n1";
    tree.block(nvme, "259:0")
        .block(&format!("{nvme}/nvme0n1p1"), "259:1")
        .file(&format!("/sys/devices/{nvme}/nvme0n1p1/partition"), "1\n")
        .mapped("dm-0", "253:0", ("vg-root", "LVM-x"), &["nvme0n1p1"])
        .file("/run/udev/data/b259:0", "S:disk\nE:ID_MODEL=Fast: drive\nE:ID_SERIAL_SHORT=1\n")
        .interface(&format!("{port}/0000:02:00.0/net/eth0"))
        .interface("virtual/net/br0")
        .link("/sys/devices/virtual/net/br0/lower_eth0", &format!("/sys/devices/{port}/0000:02:00.0/net/eth0"))
        .folder("/sys/devices/virtual/net/br0/bridge")
}

/// What the kernel and the system's own files say.
fn with_system(tree: Tree) -> Tree {
    tree.file("/proc/net/route", "Iface\tDestination\nbr0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")
        .file("/proc/net/tcp", "  sl\n   3: 020200C0:0016 090200C0:C350 01 0\n   4: 00000000:0016 00000000:0000 0A 0\n")
        .file("/proc/self/mountinfo", "36 1 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n")
        .file("/proc/swaps", "Filename\n")
        .file("/proc/cmdline", "quiet iommu=pt\n")
        .file("/proc/sys/kernel/osrelease", "6.1.0-test\n")
        .file("/proc/cpuinfo", "vendor_id : GenuineIntel\nflags : vmx\n\nvendor_id : other\n")
        .file("/proc/interrupts", "      CPU0\n 24:   1  5  IR-PCI-MSI 0-edge PCIe PME\nNMI:  1 Non-maskable\n")
        .file("/proc/iomem", "00000000-00000fff : Reserved\n  6000000000-60007fffff : BOOTFB\n")
        .file("/proc/7/comm", "==> x <==\n@ end\n")
        .raw_link("/proc/7/fd/5", "/dev/dri/card0")
        .raw_link("/proc/7/fd/6", "/etc/passwd")
        .file("/boot/config-6.1.0-test", "CONFIG_VFIO=m\nCONFIG_EXT4_FS=y\n")
        .file("/lib/modules/6.1.0-test/modules.dep", "kernel/vfio-pci.ko.zst: kernel/vfio.ko\nkernel/ext4.ko:\n")
        .file("/lib/modules/6.1.0-test/modules.builtin", "kernel/drivers/nvme/host/nvme.ko\n")
        .file("/etc/modprobe.d/gpu.conf", "options vfio-pci ids=10de:2704 \\\n disable_vga=1\n# odd\nblacklist nouveau")
        .file("/etc/ssh/sshd_config", "# Port 1\nPort 22\nPasswordAuthentication no\n")
        .file("/usr/lib/os-release", "ID=debian\n")
        .link("/etc/os-release", "/usr/lib/os-release")
        .bytes("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", &[6, 0, 0, 0, 1])
        .file("/usr/sbin/update-grub", "")
        .link("/sys/bus/usb/devices/1-1", "/sys/devices/pci0000:00/0000:05:00.0/usb1/1-1")
        .link("/sys/bus/usb/devices/1-1:1.0", "/sys/devices/pci0000:00/0000:05:00.0/usb1/1-1/1-1:1.0")
        .file("/sys/devices/pci0000:00/0000:05:00.0/usb1/1-1/idVendor", "046d\n")
        .file("/sys/devices/pci0000:00/0000:05:00.0/usb1/1-1/idProduct", "c31c\n")
        .file("/sys/devices/pci0000:00/0000:05:00.0/usb1/1-1/1-1:1.0/bInterfaceClass", "08\n")
}

#[test]
fn a_tree_with_something_of_everything_is_probed_as_it_is_read() {
    let tree = with_system(with_devices(functions()));
    let facts = direct(tree.sysroot().path("/").as_path());
    // What is compared is there at all.
    assert_eq!(facts.details.len(), 4);
    assert!(facts.displays.get().unwrap().holders.get().is_some_and(|holders| holders.seen.len() == 1));
    assert_same(&tree.sysroot().path("/"), "the tree", &SHELLS);
}

#[test]
fn this_machine_is_probed_as_it_is_read() {
    let expected = direct(Path::new("/"));
    let shell = SHELLS.into_iter().find(|shell| is_installed(shell)).unwrap();
    let probed = compared(remote::of_answer(&answer(shell, Path::new("/")), "hv03").unwrap());
    assert_eq!((&probed.pci, &probed.iommu, &probed.boot), (&expected.pci, &expected.iommu, &expected.boot));
    assert_eq!((&probed.vfio, &probed.details), (&expected.vfio, &expected.details));
    let (probed, expected) = (probed.kernel.get().unwrap(), expected.kernel.get().unwrap());
    assert_eq!(probed, expected);
}

#[test]
fn what_the_user_of_the_probe_may_not_read_is_denied() {
    let text = "@ vmbuild-probe 1\n@ list\ndrwxr-xr-x 2 0 0 0 Nov 21 14:20 proc\n\
        -r-------- 1 0 0 0 Nov 21 14:20 proc/iomem\n-r-------- 1 0 0 0 Nov 21 14:20 proc/net/tcp\n\
        drwxr-xr-x 2 0 0 0 Nov 21 14:20 sys/class/net\n\
        @ refused\ngrep: proc/iomem: Permission denied\n\
        ls: cannot open directory 'proc/1/fd': Permission denied\n@ end\n";
    let facts = remote::of_answer(text.as_bytes(), "hv03").unwrap();
    let displays = facts.displays.get().unwrap();
    assert!(matches!(&displays.firmware_framebuffer, Fact::Denied { why } if why.contains("/proc/iomem")));
    assert!(matches!(displays.holders, Fact::Denied { .. }));
}

/// The look before a build goes this way, too.
#[test]
fn nothing_of_this_machine_is_told_of_a_remote_host() {
    let files = Query::Files(vec!["/etc/passwd".into()]);
    let queries: Vec<Query> = Part::ALL.into_iter().chain([Part::Details]).map(Query::Part).chain([files]).collect();
    let connection = Connection::open(&Source::at("test:///default")).unwrap();
    for probe in [false, true] {
        // Nobody listens there.
        let uri = "qemu+ssh://127.0.0.1:1/system?no_verify=1".to_owned();
        let source = Source::Libvirt { uri, probe, tree: None };
        let observer = Observer::over(&connection, &source, Some("192.0.2.9 1 192.0.2.2 22"), &Arc::default());
        let mut facts = Facts::default();
        for query in &queries {
            facts.absorb(observer.answer(query));
        }
        let text = serde_json::to_string(&facts).unwrap();
        assert!(!text.contains("\"file\":") && !text.contains("192.0.2.2"), "{text}");
        let why = facts.storage.why_not().unwrap();
        assert!(if probe { why.contains("ssh to 127.0.0.1 failed") } else { why.contains("--probe") }, "{why}");
        assert!(facts.details.is_empty() && facts.files["/etc/passwd"].get().is_none());
    }
}

/// Who leaves a host does not leave ssh behind.
#[test]
fn a_dropped_worker_ends_the_probe() {
    if installed("ssh").is_none() {
        return support::skip("ssh is not installed");
    }
    // Takes connections and never says a word; ssh waits for ten seconds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("qemu+ssh://127.0.0.1:{}/system?no_verify=1", silent.local_addr().unwrap().port());
    let source = Source::Libvirt { uri, probe: true, tree: None };
    let mut worker = Worker::spawn(source, None, |_| {});
    worker.ask(Request::Ask(Part::Boot.into(), 1));
    let (mut asked, _) = silent.accept().unwrap();
    drop(worker);
    asked.set_read_timeout(Some(Duration::from_secs(6))).unwrap();
    // Its greeting, and its end.
    std::io::copy(&mut asked, &mut std::io::sink()).expect("ssh is still there");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a host prints is an error or facts, soon, and nothing stays behind.
    #[test]
    fn hostile_answers_harm_nobody(lines in proptest::collection::vec(hostile(), 0..40), whole in any::<bool>()) {
        let mut text = String::from("@ vmbuild-probe 1\n");
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        if whole {
            text.push_str("@ end\n");
        }
        let facts = remote::of_answer(text.as_bytes(), "hv03");
        prop_assert!(whole || facts.is_err());
        if let Ok(facts) = facts {
            // Nothing of this machine shines through.
            let text = serde_json::to_string(&facts).unwrap();
            prop_assert!(!text.contains("root:x:0"), "{text}");
        }
    }

    #[test]
    fn noise_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(remote::of_answer(&bytes, "hv03").is_err());
    }
}

/// Lines that a hostile host would try.
fn hostile() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("etc".to_owned()),
        Just("proc".to_owned()),
        Just("..".to_owned()),
        Just("cpuinfo".to_owned()),
        Just("os-release".to_owned()),
        Just("fd".to_owned()),
        Just("7".to_owned()),
        Just("sys".to_owned()),
    ];
    let path = proptest::collection::vec(name, 1..5).prop_map(|names| names.join("/"));
    let source =
        prop_oneof![path.clone(), path.clone().prop_map(|path| format!("/{path}")), Just("/etc/passwd".into())];
    prop_oneof![
        Just("@ list".to_owned()),
        Just("@ folders".to_owned()),
        Just("@ text".to_owned()),
        Just("@ bytes".to_owned()),
        Just("@ refused".to_owned()),
        Just("@ session ; x".to_owned()),
        (path.clone(), source).prop_map(|(path, source)| format!("lrwxrwxrwx 1 0 0 0 Nov 21 14:20 {path} -> {source}")),
        path.clone().prop_map(|path| format!("-r--r--r-- 1 0 0 18446744073709551615 Nov 21 14:20 {path}/rom")),
        path.clone().prop_map(|path| format!("drwxr-xr-x 1 0 0 0 Nov 21 14:20 {path}")),
        path.clone().prop_map(|path| format!("{path}:text")),
        path.clone().prop_map(|path| format!("ls: {path}: Permission denied")),
        path.prop_map(|path| format!("{path}:")),
        "[0-9a-f ]{0,60}",
        "\\PC{0,40}",
    ]
}
