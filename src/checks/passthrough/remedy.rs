//! Remedies: the one file, line and command of the boot chain that this host has, how to see that it worked, how to undo it.

use super::super::text::{Text, text};
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
    let Some(chain) = facts.boot.get().and_then(|boot| boot.chain.get()) else {
        return text!(
            "{verb} {words} {joint} the kernel command line; the boot loader of this host is not known.",
            verb,
            words,
            joint
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
        BootChain::Nixos => {
            text!("{verb} \"{words}\" {joint} boot.kernelParams and run 'nixos-rebuild boot'.", verb, words, joint)
        }
    }
}

/// How vfio-pci gets into the initramfs, ahead of the drivers that it must be faster than.
pub(super) fn early(facts: &Facts) -> Text {
    match facts.boot.get().and_then(|boot| boot.initramfs.get()) {
        Some(Initramfs::InitramfsTools) => "Write vfio, vfio_iommu_type1 and vfio_pci, one per line, in \
                                            /etc/initramfs-tools/modules and run 'update-initramfs -u -k all'."
            .into(),
        Some(Initramfs::Mkinitcpio) => "Put vfio_pci, vfio and vfio_iommu_type1 first in MODULES in \
                                        /etc/mkinitcpio.conf, make sure that HOOKS has modconf, and run 'mkinitcpio \
                                        -P'."
            .into(),
        Some(Initramfs::Dracut) => "Write force_drivers+=\" vfio_pci vfio vfio_iommu_type1 \" in \
                                    /etc/dracut.conf.d/vfio.conf (the spaces matter) and run 'dracut -f \
                                    --regenerate-all'."
            .into(),
        Some(Initramfs::Nixos) => "Put vfio_pci, vfio and vfio_iommu_type1 in boot.initrd.kernelModules and run \
                                   'nixos-rebuild boot'."
            .into(),
        None => "Add vfio_pci to the initramfs; the program that makes it on this host is not known.".into(),
    }
}

/// How devices with these ids are bound to vfio-pci at boot, ahead of `driver`.
pub(super) fn bind_ids(facts: &Facts, ids: &str, driver: &str) -> Text {
    let builtin = facts.vfio.get().and_then(|vfio| vfio.module("vfio_pci")) == Some(ModuleState::Builtin);
    if builtin {
        return text!("vfio-pci is part of this kernel. {add}", add = add(facts, &format!("vfio-pci.ids={ids}")));
    }
    text!(
        "Write 'options vfio-pci ids={ids} disable_vga=1' and 'softdep {driver} pre: vfio-pci' in \
         /etc/modprobe.d/vfio.conf. {early} Reboot; 'vmbuild pci' then shows vfio-pci. To undo it, delete the file and \
         rebuild the initramfs.",
        ids,
        driver,
        early = early(facts)
    )
}

/// How one function, and no other of its ids, is bound to vfio-pci.
pub(super) fn bind_address(address: PciAddress) -> Text {
    text!(
        "bind by address: 'driverctl set-override {address} vfio-pci'; 'driverctl unset-override {address}' undoes it. \
         Addresses change when cards are added or removed",
        address
    )
}
