//! How this host boots: which boot chain and which maker of an initramfs are installed, and how its kernel command line is
//! changed.

use super::attribute::{failed, known};
use crate::facts::Fact;
use crate::facts::boot::{BootChain, Distribution, HostBoot, Initramfs};
use crate::host::Sysroot;

const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
/// A variable by which boot loaders tell their name, in UTF-16.
const LOADER: &str = "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
const ENTRIES: [&str; 3] = ["/boot/loader/entries", "/efi/loader/entries", "/boot/efi/loader/entries"];

/// How the host boots; unknown where the tree has no system in it.
pub fn read(sysroot: &Sysroot) -> Fact<HostBoot> {
    if !sysroot.exists("/etc") && !sysroot.exists("/usr") {
        return Fact::unknown("There is neither /etc nor /usr.");
    }
    let initramfs = initramfs(sysroot);
    let boot = HostBoot {
        distribution: distribution(sysroot),
        chain: chain(sysroot),
        early_modules: super::initramfs::early_modules(sysroot, &initramfs),
        initramfs,
    };
    known(boot, "/etc")
}

fn distribution(sysroot: &Sysroot) -> Fact<Distribution> {
    let mut why = Fact::unknown("There is no /etc/os-release.");
    for path in OS_RELEASE {
        match sysroot.read(path) {
            Ok(text) => return known(os_release(&text), path),
            Err(error) => why = failed(path, &error),
        }
    }
    why
}

/// Shell assignments, one per line.
fn os_release(text: &str) -> Distribution {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        let line = line.trim();
        let bare = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
        Some(bare.or_else(|| line.strip_prefix('\'')?.strip_suffix('\'')).unwrap_or(line).to_owned())
    };
    Distribution {
        id: value("ID").unwrap_or_default(),
        like: value("ID_LIKE").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        version: value("VERSION_ID"),
        name: value("PRETTY_NAME").or_else(|| value("NAME")).unwrap_or_default(),
    }
}

/// The boot chain that decides the kernel command line. What replaces the common ones comes first.
fn chain(sysroot: &Sysroot) -> Fact<BootChain> {
    let first = |paths: &[&'static str]| paths.iter().copied().find(|path| sysroot.exists(path));
    if let Some(path) = first(&["/etc/NIXOS"]) {
        return known(BootChain::Nixos, path);
    }
    if let Some(path) = first(&["/etc/unraid-version"]) {
        return known(BootChain::Unraid, path);
    }
    if let Some(path) = first(&["/run/ostree-booted"]) {
        return known(BootChain::RpmOstree, path);
    }
    if let Some(path) = first(&["/etc/kernel/proxmox-boot-uuids"]) {
        return known(BootChain::ProxmoxBootTool, path);
    }
    if let Some(path) = first(&["/etc/kernelstub/configuration", "/usr/bin/kernelstub"]) {
        return known(BootChain::Kernelstub, path);
    }
    let systemd = || systemd_boot(sysroot);
    let by_name = booted_by_systemd(sysroot).then(systemd).flatten();
    by_name
        .or_else(|| limine(sysroot))
        .or_else(|| grub(sysroot))
        .or_else(systemd)
        .unwrap_or_else(|| Fact::unknown("No boot loader that vmbuild supports is installed here."))
}

/// True where the boot loader that started this kernel calls itself systemd-boot: both may be installed.
fn booted_by_systemd(sysroot: &Sysroot) -> bool {
    sysroot.bytes(LOADER).is_ok_and(|bytes| {
        let name: Vec<u8> = bytes.into_iter().filter(|byte| *byte >= b' ').collect();
        name.windows(12).any(|part| part == b"systemd-boot")
    })
}

/// Limine reads its own file alone, which these programs write from the lines of /etc/default/limine.
fn limine(sysroot: &Sysroot) -> Option<Fact<BootChain>> {
    let first = |paths: &[&'static str]| paths.iter().copied().find(|path| sysroot.exists(path));
    let file = first(&["/boot/limine.conf", "/boot/limine/limine.conf", "/efi/limine.conf", "/boot/efi/limine.conf"])?;
    let settings = sysroot.exists("/etc/default/limine");
    let programs = || first(&["/usr/bin/limine-mkinitcpio", "/usr/bin/limine-dracut", "/usr/bin/limine-update"]);
    let update = settings.then(programs).flatten().and_then(|path| path.rsplit('/').next());
    Some(known(BootChain::Limine { file: file.into(), update: update.map(str::to_owned) }, file))
}

fn grub(sysroot: &Sysroot) -> Option<Fact<BootChain>> {
    let first = |paths: &[&'static str]| paths.iter().copied().find(|path| sysroot.exists(path));
    if let Some(path) = first(&["/usr/sbin/grubby", "/sbin/grubby", "/usr/bin/grubby"]) {
        return Some(known(BootChain::Grubby, path));
    }
    if let Some(path) = first(&["/usr/sbin/update-grub", "/sbin/update-grub"]) {
        return Some(known(BootChain::UpdateGrub, path));
    }
    let made = first(&["/usr/bin/grub-mkconfig", "/usr/sbin/grub-mkconfig"]);
    if let (Some(path), true) = (made, sysroot.exists("/boot/grub")) {
        return Some(known(BootChain::GrubMkconfig { output: "/boot/grub/grub.cfg".into() }, path));
    }
    let path = first(&["/usr/sbin/grub2-mkconfig", "/usr/bin/grub2-mkconfig"])?;
    Some(known(BootChain::Grub2Mkconfig { output: "/boot/grub2/grub.cfg".into() }, path))
}

fn systemd_boot(sysroot: &Sysroot) -> Option<Fact<BootChain>> {
    const CMDLINE: &str = "/etc/kernel/cmdline";
    if let Some(preset) = unified_image(sysroot)
        && sysroot.exists(CMDLINE)
    {
        return Some(known(BootChain::MkinitcpioImage, preset));
    }
    let machine = sysroot.read("/etc/machine-id").unwrap_or_default();
    let machine = machine.trim();
    for folder in ENTRIES {
        let entries = sysroot.conf_names(folder);
        // kernel-install puts the machine's id in front of what it generates.
        if !machine.is_empty() && entries.iter().any(|name| name.starts_with(machine)) {
            return Some(known(BootChain::KernelInstall, folder));
        }
        if !entries.is_empty() {
            let entries = entries.into_iter().map(|name| format!("{folder}/{name}")).collect();
            return Some(known(BootChain::SystemdBootEntries { entries }, folder));
        }
    }
    sysroot.exists(CMDLINE).then(|| known(BootChain::KernelInstall, CMDLINE))
}

/// The preset of mkinitcpio that makes a unified kernel image.
fn unified_image(sysroot: &Sysroot) -> Option<String> {
    const PRESETS: &str = "/etc/mkinitcpio.d";
    let presets = sysroot.names(PRESETS).into_iter().map(|name| format!("{PRESETS}/{name}"));
    let makes_image = |text: String| {
        let mut names = text.lines().filter_map(|line| line.trim().split_once('=').map(|(name, _)| name.trim_end()));
        names.any(|name| name.ends_with("_uki") && !name.starts_with('#'))
    };
    presets.into_iter().find(|path| sysroot.read(path).is_ok_and(makes_image))
}

fn initramfs(sysroot: &Sysroot) -> Fact<Initramfs> {
    let tools: [(&[&str], Initramfs); 4] = [
        (&["/etc/NIXOS"], Initramfs::Nixos),
        (&["/usr/sbin/mkinitramfs", "/usr/bin/mkinitramfs"], Initramfs::InitramfsTools),
        (&["/usr/bin/mkinitcpio"], Initramfs::Mkinitcpio),
        (&["/usr/bin/dracut", "/usr/sbin/dracut", "/sbin/dracut"], Initramfs::Dracut),
    ];
    for (paths, tool) in tools {
        if let Some(path) = paths.iter().find(|path| sysroot.exists(path)) {
            return known(tool, *path);
        }
    }
    Fact::unknown("No program that vmbuild supports for making an initramfs is installed here.")
}
