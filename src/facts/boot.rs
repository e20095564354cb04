//! How the host boots: which program puts the kernel command line together, and what loads modules early.

use super::Fact;
use serde::{Deserialize, Serialize};

/// How the host boots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostBoot {
    /// The distribution.
    pub distribution: Fact<Distribution>,
    /// What decides the kernel command line.
    pub chain: Fact<BootChain>,
    /// What makes the initramfs.
    pub initramfs: Fact<Initramfs>,
    /// Modules that the initramfs is told to load, in their order.
    pub early_modules: Fact<Vec<String>>,
}

/// A distribution by its os-release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distribution {
    /// Lower-case name, such as `debian`.
    pub id: String,
    /// Names of the distributions that it descends from.
    pub like: Vec<String>,
    /// Version, where it has one.
    pub version: Option<String>,
    /// Name for people.
    pub name: String,
}

/// What decides the kernel command line, and where it is edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootChain {
    /// Proxmox with its own boot partitions.
    ProxmoxBootTool,
    /// Fedora, RHEL and their kin.
    Grubby,
    /// Debian, Ubuntu and their kin.
    UpdateGrub,
    /// GRUB as Arch has it.
    GrubMkconfig {
        /// The file that is generated.
        output: String,
    },
    /// GRUB as openSUSE has it.
    Grub2Mkconfig {
        /// The file that is generated.
        output: String,
    },
    /// systemd-boot with hand-written entries.
    SystemdBootEntries {
        /// The entries, by path.
        entries: Vec<String>,
    },
    /// systemd-boot or a unified kernel image fed by kernel-install.
    KernelInstall,
    /// A unified kernel image made by mkinitcpio.
    MkinitcpioImage,
    /// Pop!_OS.
    Kernelstub,
    /// Silverblue, CoreOS and other ostree systems.
    RpmOstree,
    /// NixOS.
    Nixos,
    /// Limine, as CachyOS has it.
    Limine {
        /// Its configuration.
        file: String,
        /// The program that writes it from /etc/default/limine; `None` where it is written by hand.
        update: Option<String>,
    },
    /// Unraid.
    Unraid,
}

impl BootChain {
    /// Name for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ProxmoxBootTool => "Proxmox's boot partitions",
            Self::Grubby => "grubby",
            Self::UpdateGrub => "GRUB with update-grub",
            Self::GrubMkconfig { .. } => "GRUB with grub-mkconfig",
            Self::Grub2Mkconfig { .. } => "GRUB with grub2-mkconfig",
            Self::SystemdBootEntries { .. } => "systemd-boot with entries written by hand",
            Self::KernelInstall => "kernel-install",
            Self::MkinitcpioImage => "a unified kernel image of mkinitcpio",
            Self::Kernelstub => "kernelstub",
            Self::RpmOstree => "rpm-ostree",
            Self::Nixos => "the configuration of NixOS",
            Self::Limine { .. } => "Limine",
            Self::Unraid => "syslinux of Unraid",
        }
    }

    /// The file whose text decides, where there is one to edit.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::ProxmoxBootTool | Self::KernelInstall | Self::MkinitcpioImage => Some("/etc/kernel/cmdline"),
            Self::UpdateGrub | Self::GrubMkconfig { .. } | Self::Grub2Mkconfig { .. } => Some("/etc/default/grub"),
            Self::SystemdBootEntries { entries } => entries.first().map(String::as_str),
            Self::Nixos => Some("/etc/nixos/configuration.nix"),
            Self::Limine { update: Some(_), .. } => Some("/etc/default/limine"),
            Self::Limine { file, update: None } => Some(file),
            Self::Unraid => Some("/boot/syslinux/syslinux.cfg"),
            Self::Grubby | Self::Kernelstub | Self::RpmOstree => None,
        }
    }
}

/// Makers of an initramfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initramfs {
    /// Debian, Ubuntu and their kin.
    InitramfsTools,
    /// Arch and its kin.
    Mkinitcpio,
    /// Fedora, RHEL, SUSE and their kin.
    Dracut,
    /// NixOS makes it with the system.
    Nixos,
}

impl Initramfs {
    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::InitramfsTools => "initramfs-tools",
            Self::Mkinitcpio => "mkinitcpio",
            Self::Dracut => "dracut",
            Self::Nixos => "NixOS",
        }
    }
}
