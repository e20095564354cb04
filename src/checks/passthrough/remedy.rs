//! Remedies: the one file, line and command of the boot chain that this host has, how to see that it worked, how to undo it.

use super::super::text::{Arg, Text, text};
use crate::facts::{BootChain, Facts, Initramfs, ModuleState};
use crate::units::PciAddress;

const VERIFY: &str = "Reboot; /proc/cmdline then shows the change.";

/// How `words` come onto the kernel command line.
pub(in super::super) fn add(facts: &Facts, words: &str) -> Text {
    text!(
        "{edit} {verify} To undo it, remove the words in the same way.",
        edit = edit(facts, words, true),
        verify = VERIFY
    )
}

/// How `words` leave the kernel command line.
pub(in super::super) fn remove(facts: &Facts, words: &str) -> Text {
    text!("{edit} {verify}", edit = edit(facts, words, false), verify = VERIFY)
}

fn edit(facts: &Facts, words: &str, adds: bool) -> Text {
    let (verb, joint) = if adds { ("Add", "to") } else { ("Remove", "from") };
    let grub =
        text!("{verb} {words} {joint} GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub and run", verb, words, joint);
    let line = text!("{verb} {words} {joint} /etc/kernel/cmdline and run", verb, words, joint);
    let Some(chain) = chain(facts) else {
        return text!(
            "{verb} {words} {joint} the kernel command line; {unknown}",
            verb,
            words,
            joint,
            unknown = unknown(facts)
        );
    };
    match chain {
        BootChain::ProxmoxBootTool => text!("{line} 'proxmox-boot-tool refresh'.", line),
        BootChain::Grubby => {
            let option = if adds { "--args" } else { "--remove-args" };
            text!("Run 'grubby --update-kernel=ALL {option}=\"{words}\"'.", option, words)
        }
        BootChain::UpdateGrub => text!("{grub} 'update-grub'.", grub),
        BootChain::GrubMkconfig { output } => text!("{grub} 'grub-mkconfig -o {output}'.", grub, output),
        BootChain::Grub2Mkconfig { output } => text!("{grub} 'grub2-mkconfig -o {output}'.", grub, output),
        BootChain::SystemdBootEntries { entries } => {
            let file = entries.first().map_or("/boot/loader/entries/*.conf", String::as_str);
            text!("{verb} {words} {joint} the line 'options' of {file}.", verb, words, joint, file)
        }
        BootChain::KernelInstall => text!("{line} 'kernel-install add-all'.", line),
        BootChain::MkinitcpioImage => text!("{line} 'mkinitcpio -P'.", line),
        BootChain::Kernelstub => {
            text!("Run 'kernelstub {option} \"{words}\"'.", option = if adds { "-a" } else { "-d" }, words)
        }
        BootChain::RpmOstree => {
            text!(
                "Run 'rpm-ostree kargs {option}={words}'.",
                option = if adds { "--append" } else { "--delete" },
                words
            )
        }
        BootChain::Limine { update: Some(update), .. } => {
            let file = "KERNEL_CMDLINE[default] in /etc/default/limine";
            text!("{verb} {words} {joint} {file} and run '{update}'.", verb, words, joint, file, update)
        }
        BootChain::Limine { file, update: None } => {
            text!("{verb} {words} {joint} the lines 'cmdline' of {file}.", verb, words, joint, file)
        }
        BootChain::Unraid => {
            let file = "/boot/syslinux/syslinux.cfg";
            text!("{verb} {words} {joint} the line 'append' of {file} (Main > Flash).", verb, words, joint, file)
        }
        BootChain::Nixos => {
            text!("{verb} \"{words}\" {joint} boot.kernelParams and run 'nixos-rebuild boot'.", verb, words, joint)
        }
    }
}

fn chain(facts: &Facts) -> Option<&BootChain> {
    facts.boot.get()?.chain.get()
}

/// That the boot loader is not known, with the distribution where that is.
fn unknown(facts: &Facts) -> Text {
    match facts.boot.get().and_then(|boot| boot.distribution.get()) {
        Some(system) if !system.name.is_empty() => text!(
            "this host runs {name}, but which boot loader decides its command line is not known.",
            name = system.name
        ),
        _ => "the boot loader of this host is not known.".into(),
    }
}

/// How vfio-pci gets into the initramfs, ahead of the drivers that it must be faster than.
fn early(facts: &Facts) -> Text {
    match facts.boot.get().and_then(|boot| boot.initramfs.get()) {
        Some(Initramfs::InitramfsTools) => "Write vfio, vfio_iommu_type1 and vfio_pci, one per line, in \
                                            /etc/initramfs-tools/modules and run 'update-initramfs -u -k all'."
            .into(),
        Some(Initramfs::Mkinitcpio) => text!(
            "Put vfio_pci, vfio and vfio_iommu_type1 first in MODULES in /etc/mkinitcpio.conf, make sure that HOOKS has \
             modconf, and run '{run}'.",
            run = match chain(facts) {
                Some(BootChain::Limine { update: Some(update), .. }) => update,
                _ => "mkinitcpio -P",
            }
        ),
        Some(Initramfs::Dracut) => "Write force_drivers+=\" vfio_pci vfio vfio_iommu_type1 \" in \
                                    /etc/dracut.conf.d/vfio.conf (the spaces matter) and run 'dracut -f \
                                    --regenerate-all'."
            .into(),
        Some(Initramfs::Nixos) | None => {
            "Add vfio_pci to the initramfs; the program that makes it on this host is not known.".into()
        }
    }
}

/// How devices with these ids are bound to vfio-pci at boot, ahead of `drivers`: all in one text, since of two settings of
/// one parameter the last alone counts.
pub(super) fn bind_ids(facts: &Facts, ids: &[String], drivers: &[String]) -> Text {
    let ids = ids.join(",");
    let on_line = format!("vfio-pci.ids={ids}");
    match chain(facts) {
        Some(BootChain::Nixos) => return bind_on_nixos(&ids, drivers),
        Some(BootChain::RpmOstree) => {
            return text!(
                "Run 'rpm-ostree kargs --append=rd.driver.pre=vfio-pci --append={on_line}' and reboot; 'vmbuild pci' then \
                 shows vfio-pci. To undo it, run the same with --delete.",
                on_line
            );
        }
        Some(BootChain::Unraid) => {
            let edit = edit(facts, &on_line, true);
            return text!(
                "{edit} Or tick the devices in Tools > System Devices. Reboot; 'vmbuild pci' then shows vfio-pci.",
                edit
            );
        }
        _ if facts.vfio.get().and_then(|vfio| vfio.module("vfio_pci")) == Some(ModuleState::Builtin) => {
            return text!("vfio-pci is part of this kernel. {add}", add = add(facts, &on_line));
        }
        _ => {}
    }
    let options = format!("'options vfio-pci ids={ids} disable_vga=1'");
    let lines = std::iter::once(options).chain(softdeps(drivers).map(|line| format!("'{line}'")));
    text!(
        "Write {lines} in /etc/modprobe.d/vfio.conf, each on its line. {early} Reboot; 'vmbuild pci' then shows vfio-pci. To \
         undo it, delete the file and rebuild the initramfs.",
        lines = Arg::all(lines),
        early = early(facts)
    )
}

fn softdeps(drivers: &[String]) -> impl Iterator<Item = String> {
    drivers.iter().map(|driver| format!("softdep {driver} pre: vfio-pci"))
}

/// NixOS makes /etc/modprobe.d itself, and takes what the initrd must know from this option alone.
fn bind_on_nixos(ids: &str, drivers: &[String]) -> Text {
    let options = format!("options vfio-pci ids={ids}");
    let lines: Vec<String> = std::iter::once(options).chain(softdeps(drivers)).collect();
    text!(
        "Set boot.extraModprobeConfig = \"{lines}\"; and boot.initrd.kernelModules = [ \"vfio_pci\" ]; in \
         /etc/nixos/configuration.nix and run 'nixos-rebuild boot'. Reboot; 'vmbuild pci' then shows vfio-pci. To undo it, \
         remove both lines.",
        lines = lines.join("\\n")
    )
}

/// How one function, and no other of its ids, is bound to vfio-pci.
pub(super) fn bind_address(facts: &Facts, address: PciAddress) -> Text {
    let how = match chain(facts) {
        Some(BootChain::Nixos) => text!(
            "boot.initrd.preDeviceCommands = \"echo vfio-pci > /sys/bus/pci/devices/{address}/driver_override\"; with \
             vfio_pci in boot.initrd.kernelModules, then 'nixos-rebuild boot'",
            address
        ),
        Some(BootChain::Unraid) => text!("tick {address} in Tools > System Devices and reboot", address),
        _ => text!(
            "'driverctl set-override {address} vfio-pci'; 'driverctl unset-override {address}' undoes it",
            address
        ),
    };
    text!("bind by address: {how}. Addresses change when cards are added or removed", how)
}

/// How a module gets a parameter.
pub(super) fn module_option(facts: &Facts, module: &'static str, option: &'static str) -> Text {
    let by_line = || add(facts, &format!("{module}.{option}"));
    let builtin = facts.vfio.get().and_then(|vfio| vfio.module(module)) == Some(ModuleState::Builtin);
    match chain(facts) {
        Some(BootChain::RpmOstree | BootChain::Unraid) => by_line(),
        _ if builtin => by_line(),
        Some(BootChain::Nixos) => {
            text!(
                "add 'options {module} {option}' to boot.extraModprobeConfig and run 'nixos-rebuild boot'",
                module,
                option
            )
        }
        _ => text!("set options {module} {option} in /etc/modprobe.d", module, option),
    }
}

/// Where modprobe's settings of this host are written.
pub(super) fn module_settings(facts: &Facts) -> &'static str {
    match chain(facts) {
        Some(BootChain::Nixos) => "boot.extraModprobeConfig",
        Some(BootChain::Unraid) => "/boot/config/modprobe.d",
        _ => "/etc/modprobe.d",
    }
}
