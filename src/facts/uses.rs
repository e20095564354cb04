//! Why the host cannot do without a PCI function: disks, network, console and keyboard traced down to it, pools included.

use super::storage::Mount;
use super::{BlockKind, Facts, HostStorage, Networking, PciClass, Pool, UsbRole};
use crate::units::PciAddress;
use core::net::IpAddr;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One use that the host makes of a PCI function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// The root file system lies on it.
    Root {
        /// The block device that is mounted.
        device: String,
    },
    /// What the host boots from lies on it.
    Boot {
        /// Mount point: /boot, /boot/efi, /efi.
        point: String,
    },
    /// The host swaps to it.
    Swap {
        /// The block device or file.
        device: String,
    },
    /// Another mounted file system lies on it.
    Mount {
        /// Mount point.
        point: String,
    },
    /// A storage pool of libvirt lies on it.
    Pool {
        /// The pool's name.
        name: String,
    },
    /// A ZFS pool lies on it.
    Zfs {
        /// The pool's name.
        name: String,
    },
    /// A volume group of LVM lies on it.
    VolumeGroup {
        /// Its name.
        name: String,
    },
    /// An array of md lies on it.
    Raid {
        /// Its name below /dev.
        name: String,
    },
    /// A mapping of the device mapper lies on it: an opened encrypted device, several paths to one disk.
    Mapping {
        /// Its name below /dev/mapper.
        name: String,
    },
    /// It is part of something that is not assembled now.
    Member {
        /// What udev found on it, such as `LVM2_member`.
        kind: String,
    },
    /// The session of SSH in which vmbuild was asked goes through it.
    OwnSession {
        /// The interface that has the session's address, or by which its answers leave.
        interface: String,
        /// The session's address on this host.
        address: IpAddr,
    },
    /// Another session of SSH goes through it.
    Session {
        /// The interface.
        interface: String,
        /// The session's address on this host.
        address: IpAddr,
    },
    /// The default route leaves by it.
    DefaultRoute {
        /// The interface that the route names.
        interface: String,
    },
    /// A network interface with addresses of the host lies on it.
    Addresses {
        /// The interface that has them.
        interface: String,
    },
    /// A file system of another machine, or on a disk of one, is reached by it.
    Remote {
        /// Mount point.
        point: String,
        /// The interface.
        interface: String,
    },
    /// The firmware shows itself on it.
    BootDisplay,
    /// A monitor is plugged in.
    Monitor {
        /// The socket.
        connector: String,
    },
    /// The kernel's console is drawn on it.
    Console {
        /// The frame buffer.
        framebuffer: String,
    },
    /// A program has it open.
    HeldBy {
        /// The program.
        program: String,
        /// Number of its process.
        pid: u32,
    },
    /// A keyboard of the host hangs on it.
    Keyboard {
        /// The keyboard.
        name: String,
        /// True where the host has no other.
        only: bool,
    },
    /// Another USB device hangs on it.
    Usb {
        /// The device.
        name: String,
        /// What it is good for.
        roles: Vec<UsbRole>,
    },
}

impl Use {
    /// Why the host cannot do without the function, in words that follow its name; `None` for uses that only change when
    /// it goes: a monitor then shows the guest.
    pub fn stands_on(&self) -> Option<String> {
        Some(match self {
            Self::Root { device } => format!("carries the root file system ({device})"),
            Self::Boot { point } | Self::Mount { point } => format!("carries {point}"),
            Self::Swap { device } => format!("carries the swap space {device}"),
            Self::Pool { name } => format!("carries the storage pool '{name}'"),
            Self::Zfs { name } => format!("carries the ZFS pool '{name}'"),
            Self::VolumeGroup { name } => format!("carries the volume group '{name}'"),
            Self::Raid { name } => format!("carries the array {name}"),
            Self::Mapping { name } => format!("carries the mapping {name}"),
            Self::Member { kind } => format!("is a member of an array or group that is not assembled ({kind})"),
            Self::OwnSession { interface, .. } => format!("carries your SSH session ({interface})"),
            Self::Session { interface, .. } => format!("carries an SSH session ({interface})"),
            Self::DefaultRoute { interface } => format!("carries the default route ({interface})"),
            Self::Addresses { interface } => format!("carries addresses of the host ({interface})"),
            Self::Remote { point, .. } => format!("leads to the disks behind {point}"),
            Self::Console { framebuffer } => format!("shows the console of the host ({framebuffer})"),
            Self::HeldBy { program, pid } => format!("is held open by {program} (process {pid})"),
            Self::Keyboard { name, only: true } => format!("carries the only keyboard ({name})"),
            Self::BootDisplay | Self::Monitor { .. } | Self::Keyboard { .. } | Self::Usb { .. } => return None,
        })
    }
}

impl Use {
    /// What a mounted file system makes of its device.
    pub fn of_mount(mount: &Mount) -> Self {
        match mount.point.as_str() {
            "/" => Self::Root { device: mount.source.clone() },
            point @ ("/boot" | "/boot/efi" | "/efi" | "/boot/firmware") => Self::Boot { point: point.into() },
            point => Self::Mount { point: point.into() },
        }
    }
}

/// Everything that the host does with each PCI function, as far as the facts tell.
pub fn uses(facts: &Facts) -> BTreeMap<PciAddress, BTreeSet<Use>> {
    let mut found = FoundUse::default();
    if let Some(storage) = facts.storage.get() {
        found.storage(storage, facts.pools.items());
    }
    if let Some(networking) = facts.networking.get() {
        found.networking(networking);
        if let Some(storage) = facts.storage.get() {
            found.remote(storage, networking);
        }
    }
    found.displays(facts);
    found.usb(facts);
    found.0
}

#[derive(Default)]
struct FoundUse(BTreeMap<PciAddress, BTreeSet<Use>>);

impl FoundUse {
    fn add(&mut self, function: PciAddress, used: Use) {
        self.0.entry(function).or_default().insert(used);
    }

    fn on(&mut self, functions: impl IntoIterator<Item = PciAddress>, used: &Use) {
        functions.into_iter().for_each(|function| self.add(function, used.clone()));
    }

    fn storage(&mut self, storage: &HostStorage, pools: &[Pool]) {
        for mount in storage.mounts.items() {
            let used = Use::of_mount(mount);
            self.on(storage.functions_of(mount), &used);
        }
        for swap in storage.swaps.items() {
            let used = Use::Swap { device: swap.clone() };
            self.on(storage.functions_at(swap), &used);
        }
        for pool in storage.zfs.items() {
            let used = Use::Zfs { name: pool.name.clone() };
            self.on(pool.devices.items().iter().flat_map(|device| storage.functions(device)), &used);
        }
        for device in &storage.devices {
            let used = match &device.kind {
                BlockKind::Lvm { group, .. } => Use::VolumeGroup { name: group.clone() },
                BlockKind::Raid { .. } => Use::Raid { name: device.name.clone() },
                _ => continue,
            };
            self.on(storage.functions(&device.name), &used);
        }
        for pool in pools {
            let used = Use::Pool { name: pool.name.clone() };
            self.on(storage.functions_of_pool(pool), &used);
        }
    }

    fn networking(&mut self, networking: &Networking) {
        for interface in networking.default_interfaces() {
            self.on(networking.functions(interface), &Use::DefaultRoute { interface: interface.into() });
        }
        for session in networking.ssh.items() {
            for interface in networking.interfaces_of(session) {
                let (address, name) = (session.server, interface.to_owned());
                let used = if session.own {
                    Use::OwnSession { interface: name, address }
                } else {
                    Use::Session { interface: name, address }
                };
                self.on(networking.functions(interface), &used);
            }
        }
        for interface in networking.interfaces.iter().filter(|interface| interface.has_routable_address()) {
            self.on(networking.functions(&interface.name), &Use::Addresses { interface: interface.name.clone() });
        }
    }

    fn remote(&mut self, storage: &HostStorage, networking: &Networking) {
        for mount in storage.mounts.items() {
            for server in storage.servers_of(mount) {
                for interface in networking.interfaces_to(server) {
                    let used = Use::Remote { point: mount.point.clone(), interface: interface.into() };
                    self.on(networking.functions(interface), &used);
                }
            }
        }
    }

    fn displays(&mut self, facts: &Facts) {
        let gpus = facts.pci.items().iter().filter(|device| device.kind() == PciClass::Gpu);
        for device in gpus.clone().filter(|device| device.boot_vga == Some(true)) {
            self.add(device.address, Use::BootDisplay);
        }
        let Some(displays) = facts.displays.get() else { return };
        for card in &displays.cards {
            for connector in card.connectors.iter().filter(|connector| connector.connected == Some(true)) {
                self.on(card.function, &Use::Monitor { connector: connector.name.clone() });
            }
        }
        let primary = |function| gpus.clone().any(|gpu| function == Some(gpu.address) && gpu.boot_vga == Some(true));
        let map = facts.kernel.get().and_then(|kernel| console_map(kernel.words("fbcon").last()?));
        for framebuffer in displays.framebuffers.iter().filter(|_| displays.draws_console()) {
            let on = match &map {
                Some(map) => map.contains(&framebuffer.name),
                // The first; or the firmware's display, which some kernels look for.
                None => framebuffer.name == "fb0" || primary(framebuffer.function),
            };
            if on {
                self.on(framebuffer.function, &Use::Console { framebuffer: framebuffer.name.clone() });
            }
        }
        for holder in displays.holders.get().into_iter().flat_map(|holders| &holders.seen) {
            self.on(holder.function, &Use::HeldBy { program: holder.program.clone(), pid: holder.pid });
        }
    }

    fn usb(&mut self, facts: &Facts) {
        let Some(usb) = facts.usb.get() else { return };
        let keyboards = usb.keyboards.items();
        let only = |function| keyboards.iter().all(|keyboard| keyboard.function == function);
        for keyboard in keyboards {
            let used = Use::Keyboard { name: keyboard.name.clone(), only: only(keyboard.function) };
            self.on(keyboard.function, &used);
        }
        let others = usb.devices.items().iter().filter(|device| !device.roles.contains(&UsbRole::Hub));
        for device in others.filter(|device| !device.roles.contains(&UsbRole::Keyboard)) {
            self.on(device.controller, &Use::Usb { name: device.name.clone(), roles: device.roles.clone() });
        }
    }
}

/// The frame buffers that `fbcon=map:01` gives to the consoles, a digit for each in turn.
fn console_map(word: &str) -> Option<BTreeSet<String>> {
    let digits = word.strip_prefix("fbcon=")?.split(',').find_map(|option| option.strip_prefix("map:"))?;
    Some(digits.chars().map(|digit| format!("fb{digit}")).collect())
}
