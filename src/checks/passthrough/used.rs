//! The lock-out guard: devices that the host itself stands on, asked for or drawn along.

use super::super::subject::Leaving;
use super::super::text::{Arg, Text, text};
use super::super::{Check, Notes, Subject};
use super::{DEVICE, named};
use crate::facts::{Fact, PciClass, UsbRole, Use};
use crate::machine::card;

pub(in super::super) static CHECKS: &[&Check] = &[
    &USE_ROOT_DISK,
    &USE_SATA_HOST,
    &USE_DISK_UNKNOWN,
    &USE_NET_SSH,
    &USE_NET_ROUTE,
    &USE_GPU_DISPLAY,
    &USE_USB_INPUT,
];

static USE_ROOT_DISK: Check = Check {
    code: "USE-ROOT-DISK",
    title: "host does not use the drives",
    short: "host's disk",
    explain: "The drive has file systems, swap, a volume group, an array or a storage pool of the host. libvirt would \
              take it from the running host without asking: everything on it stops at once, including the host itself \
              if / is on it. Move the data first, or choose another drive.",
    run: Some(drives),
    ..DEVICE
};

static USE_SATA_HOST: Check = Check {
    code: "USE-SATA-HOST",
    title: "host uses no disk of the controllers",
    short: "host's disk",
    explain: "The controller has disks that the host uses: file systems, swap, arrays, volume groups, pools. All its \
              disks go to the guest with it. To give a guest one disk, use the disk and not the controller.",
    run: Some(controllers),
    ..DEVICE
};

static USE_DISK_UNKNOWN: Check = Check {
    code: "USE-DISK-UNKNOWN",
    title: "contents of remote disks are known",
    short: "disks not read",
    explain: "The drive or controller belongs to a remote host, and libvirt does not report what is mounted there: the \
              root file system, swap, an array or a volume group may be on it. libvirt would take it without asking. \
              Let vmbuild read the host's files over SSH (the key P in the PCI step, --probe on the command line, \
              probe = true in config.toml) with a script that only reads. If you are sure that the host has nothing on \
              it, type its address instead.",
    run: Some(unseen),
    ..DEVICE
};

static USE_NET_SSH: Check = Check {
    code: "USE-NET-SSH",
    title: "SSH sessions use other NICs",
    short: "SSH session",
    explain: "Your SSH session, or another one, goes through this network device, directly or below a bridge, a bond \
              or a VLAN. When the VM starts the session ends and the host may be unreachable. Choose another port.",
    run: Some(sessions),
    ..DEVICE
};

static USE_NET_ROUTE: Check = Check {
    code: "USE-NET-ROUTE",
    title: "host network uses other NICs",
    short: "host's network",
    explain: "The host's default route, or one of its addresses, is on this network device. When the VM starts the \
              host loses it. Move the host to another port first.",
    run: Some(routes),
    ..DEVICE
};

static USE_GPU_DISPLAY: Check = Check {
    code: "USE-GPU-DISPLAY",
    title: "passed GPUs are idle on the host",
    short: "host's display",
    explain: "A desktop, a console or a program of the host has this GPU open. Taking it away ends them, hangs the \
              driver, or both. Stop what uses it first (display manager, nvidia-persistenced), or bind the GPU to \
              vfio-pci at boot.",
    run: Some(displays),
    ..DEVICE
};

static USE_USB_INPUT: Check = Check {
    code: "USE-USB-INPUT",
    title: "host needs no device on the USB controller",
    short: "host's keyboard or USB",
    explain: "Keyboards, disks, network adapters and security keys on this USB controller go to the guest with it. The \
              host needs its only keyboard, a mounted stick and the adapter of an SSH session. Plug them into another \
              controller, or pass a single USB device instead.",
    run: Some(usb),
    ..DEVICE
};

/// What the host does with a function.
fn uses<'a>(subject: &'a Subject, leaving: &Leaving) -> impl Iterator<Item = &'a Use> + use<'a> {
    subject.uses.get(&leaving.device.address).into_iter().flatten()
}

fn say(notes: &mut Notes, leaving: &Leaving, done: &Text, way_out: &'static str) {
    notes.lock_out(
        leaving.row.place(),
        leaving.device.address,
        text!("{named} {done}", named = named(leaving), done),
        way_out,
    );
}

/// The fact, or the note that the host's use of this function is not known.
fn known<'a, T>(notes: &mut Notes, leaving: &Leaving, fact: &'a Fact<T>) -> Option<&'a T> {
    let what = text!("what the host does with {address}", address = leaving.device.address);
    notes.known(fact, || leaving.row.place(), &what)
}

fn of_disk(used: &Use) -> Option<Text> {
    Some(match used {
        Use::Root { device } => text!("the root file system ({device})", device),
        Use::Boot { point } | Use::Mount { point } => text!("{point}", point),
        Use::Swap { device } => text!("the swap space {device}", device),
        Use::Pool { name } => text!("the storage pool '{name}'", name),
        Use::Zfs { name } => text!("the ZFS pool '{name}'", name),
        Use::VolumeGroup { name } => text!("the volume group '{name}'", name),
        Use::Raid { name } => text!("the array {name}", name),
        Use::Mapping { name } => text!("the mapping {name}", name),
        Use::Member { kind } => text!("a member of an array or group that is not assembled ({kind})", kind),
        _ => return None,
    })
}

fn disks(subject: &Subject, notes: &mut Notes, wanted: fn(PciClass) -> bool) {
    for leaving in subject.leaving().into_iter().filter(|leaving| wanted(leaving.device.kind())) {
        // Pools alone tell something even where the disks are not known.
        let carried: Vec<Text> = uses(subject, &leaving).filter_map(of_disk).collect();
        if !carried.is_empty() {
            say(
                notes,
                &leaving,
                &text!("carries {carried}", carried = Arg::all(carried)),
                "choose another one, or move the data first",
            );
            continue;
        }
        // Of other kinds hardly any carries disks: a card reader, an adapter of a storage network.
        if !matches!(leaving.device.kind(), PciClass::Nvme | PciClass::Storage) {
            continue;
        }
        let Some(storage) = known(notes, &leaving, &subject.facts.storage) else { continue };
        let _ = known(notes, &leaving, &storage.traced());
    }
}

fn drives(subject: &Subject, notes: &mut Notes) {
    disks(subject, notes, |kind| kind == PciClass::Nvme);
}

fn controllers(subject: &Subject, notes: &mut Notes) {
    // USB has a check of its own.
    disks(subject, notes, |kind| !matches!(kind, PciClass::Nvme | PciClass::Usb));
}

/// Controllers in use of which nobody sees what for. This machine's own disks can always be looked at.
fn unseen(subject: &Subject, notes: &mut Notes) {
    let Some(host) = subject.facts.host.get().filter(|host| !host.local) else { return };
    let carries = |kind| matches!(kind, PciClass::Nvme | PciClass::Storage);
    for leaving in subject.leaving().into_iter().filter(|leaving| carries(leaving.device.kind())) {
        notes.looked();
        let said = uses(subject, &leaving).any(|used| of_disk(used).is_some());
        if said || subject.facts.storage.get().is_some() || !card::is_bound(leaving.device) {
            continue;
        }
        let done = text!(
            "may have the root file system of {hostname}: its disks have not been read",
            hostname = host.hostname
        );
        let way_out = if host.uri.contains("+ssh:") {
            "let vmbuild read the host's files over SSH (P in the PCI step, or --probe); or type its address if the \
             host has nothing on it"
        } else {
            "connect to the host by qemu+ssh, so that its files can be read; or type its address if the host has \
             nothing on it"
        };
        say(notes, &leaving, &done, way_out);
    }
}

fn sessions(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let own = |used: &&Use| matches!(used, Use::OwnSession { .. });
        let session = uses(subject, &leaving)
            .find(own)
            .or_else(|| uses(subject, &leaving).find(|used| matches!(used, Use::Session { .. })));
        match session {
            Some(Use::OwnSession { interface, address }) => {
                let done = text!("carries your SSH session ({interface}, {address})", interface, address);
                say(notes, &leaving, &done, "choose another port: the session would end when the VM starts");
            }
            Some(Use::Session { interface, address }) => {
                let done = text!("carries an SSH session ({interface}, {address})", interface, address);
                say(notes, &leaving, &done, "choose another port, or end the session first");
            }
            _ if leaving.device.kind() == PciClass::Nic => {
                let Some(networking) = known(notes, &leaving, &subject.facts.networking) else { continue };
                let _ = known(notes, &leaving, &networking.ssh);
            }
            _ => {}
        }
    }
}

fn routes(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving() {
        let route = uses(subject, &leaving).find_map(|used| match used {
            Use::DefaultRoute { interface } => Some(interface),
            _ => None,
        });
        let mounts: Vec<String> = uses(subject, &leaving)
            .filter_map(|used| match used {
                Use::Remote { point, .. } => Some(point.clone()),
                _ => None,
            })
            .collect();
        let address = uses(subject, &leaving).find_map(|used| match used {
            Use::Addresses { interface } => Some(interface),
            _ => None,
        });
        if let Some(interface) = route {
            let done = text!("carries the default route of the host ({interface})", interface);
            say(notes, &leaving, &done, "choose another port, or move the host's network first");
        } else if !mounts.is_empty() {
            let done = text!(
                "connects to the disks of other machines that the host has mounted: {mounts}",
                mounts = Arg::all(mounts)
            );
            say(notes, &leaving, &done, "choose another port, or unmount them first");
        } else if let Some(interface) = address {
            let message =
                text!("{named} carries addresses of the host ({interface})", named = named(&leaving), interface);
            notes.warning(leaving.topic(), message, "the host loses them when the VM starts");
        } else if leaving.device.kind() == PciClass::Nic {
            let Some(networking) = known(notes, &leaving, &subject.facts.networking) else { continue };
            let _ = known(notes, &leaving, &networking.routes);
        }
    }
}

fn displays(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| leaving.device.kind() == PciClass::Gpu) {
        let mut seen: Vec<Text> = Vec::new();
        let mut monitors: Vec<String> = Vec::new();
        for used in uses(subject, &leaving) {
            match used {
                Use::Console { framebuffer } => {
                    seen.push(text!("the console of the host is on it ({framebuffer})", framebuffer));
                }
                Use::HeldBy { program, pid } => seen.push(text!("{program} (process {pid}) has it open", program, pid)),
                Use::Monitor { connector } => monitors.push(connector.clone()),
                _ => {}
            }
        }
        if !seen.is_empty() {
            let done = text!("is in use: {seen}", seen = Arg::all(seen));
            say(notes, &leaving, &done, "stop what uses it first, or bind it to vfio-pci at boot");
        } else if !monitors.is_empty() {
            let message =
                text!("{named} has a monitor on {monitors}", named = named(&leaving), monitors = Arg::all(monitors));
            notes.warning(leaving.topic(), message, "the monitor will show the guest");
        } else {
            let Some(displays) = known(notes, &leaving, &subject.facts.displays) else { continue };
            let _ = known(notes, &leaving, &displays.holders);
        }
    }
}

fn usb(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| leaving.device.kind() == PciClass::Usb) {
        let (mut needed, mut others) = (Vec::new(), Vec::new());
        for used in uses(subject, &leaving) {
            match used {
                Use::Keyboard { name, only: true } => needed.push(text!("the only keyboard ({name})", name)),
                Use::Keyboard { name, .. } => others.push(name.clone()),
                Use::Usb { name, roles } if !roles.iter().all(|role| *role == UsbRole::Hub) => {
                    others.push(name.clone());
                }
                used => needed.extend(of_disk(used)),
            }
        }
        if !needed.is_empty() {
            say(
                notes,
                &leaving,
                &text!("carries {needed}", needed = Arg::all(needed)),
                "plug it into another controller first",
            );
        } else if !others.is_empty() {
            let message = text!("{named} carries {others}", named = named(&leaving), others = Arg::all(others));
            let whither = if leaving.held {
                "neither the host nor the guest can use them while the VM runs"
            } else {
                "they go to the guest"
            };
            notes.warning(leaving.topic(), message, text!("{whither}; plug what the host needs elsewhere", whither));
        } else {
            let Some(usb) = known(notes, &leaving, &subject.facts.usb) else { continue };
            let _ = known(notes, &leaving, &usb.devices);
            let _ = known(notes, &leaving, &usb.keyboards);
        }
    }
}
