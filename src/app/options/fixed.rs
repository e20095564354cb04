//! Known values that are the same on every host, each with a few words.

use super::Fixed;

const fn fixed(value: &'static str, note: &'static str) -> Fixed {
    Fixed { value, note }
}

/// What becomes of a disk.
pub const DISK_ACTIONS: &[Fixed] = &[
    fixed("create", "a new, empty volume"),
    fixed("clone", "a copy of an image"),
    fixed("attach", "an image that exists, as it is"),
];

/// Image formats.
pub const DISK_FORMATS: &[Fixed] = &[
    fixed("qcow2", "grows on demand, allows snapshots"),
    fixed("raw", "plain bytes, fastest"),
    fixed("vmdk", "VMware, for attached images"),
    fixed("vdi", "VirtualBox, for attached images"),
];

/// Disk buses.
pub const DISK_BUSES: &[Fixed] = &[
    fixed("virtio", "fastest; Windows needs its driver"),
    fixed("scsi", "virtio-scsi: many disks, discard"),
    fixed("sata", "works everywhere"),
    fixed("ide", "old guests, machine pc only"),
    fixed("usb", "removable"),
];

/// Kinds of drives.
pub const DISK_DEVICES: &[Fixed] = &[fixed("disk", "hard disk"), fixed("cdrom", "CD-ROM drive, read-only")];

/// Kinds of networks.
pub const NETWORK_KINDS: &[Fixed] = &[
    fixed("network", "a network of libvirt"),
    fixed("bridge", "a bridge of the host: on the LAN"),
    fixed("direct", "a host interface (macvtap): on the LAN"),
    fixed("user", "NAT inside QEMU, no incoming connections"),
    fixed("hostdev", "a virtual function of a card (SR-IOV)"),
];

/// Network cards.
pub const NETWORK_MODELS: &[Fixed] = &[
    fixed("virtio", "fastest; Windows needs its driver"),
    fixed("e1000e", "Intel gigabit, PCI Express"),
    fixed("e1000", "Intel gigabit, PCI"),
    fixed("rtl8139", "Realtek 100 Mbit, old guests"),
];

/// Consoles.
pub const GRAPHICS_KINDS: &[Fixed] = &[
    fixed("vnc", "any VNC viewer"),
    fixed("spice", "sound, USB and clipboard"),
    fixed("none", "no console and no emulated card"),
];

/// How instructions are run.
pub const VIRT_TYPES: &[Fixed] =
    &[fixed("kvm", "hardware virtualisation"), fixed("qemu", "emulation: runs anywhere, slowly")];

/// Families of guest systems.
pub const OS_TYPES: &[Fixed] = &[fixed("linux", ""), fixed("windows", "clock and Hyper-V defaults"), fixed("bsd", "")];

/// What the guest sees as its CPU.
pub const CPU_MODES: &[Fixed] = &[
    fixed("host-passthrough", "the host's CPU as it is; KVM only"),
    fixed("host-model", "the named model nearest to the host's"),
    fixed("custom", "the model named below"),
    fixed("maximum", "all features that can be offered"),
];

/// Which caches the guest sees.
pub const CPU_CACHES: &[Fixed] =
    &[fixed("passthrough", "the host's own"), fixed("emulate", "those that QEMU makes up"), fixed("disable", "none")];

/// What added memory comes as.
pub const HOTPLUG_KINDS: &[Fixed] =
    &[fixed("dimm", "whole DIMMs, hard to take out"), fixed("virtio-mem", "blocks of 2 MiB, both ways")];

/// How binding the choice of nodes is.
pub const NUMA_MODES: &[Fixed] = &[
    fixed("strict", "only these; the start fails where they lack memory"),
    fixed("preferred", "these first"),
    fixed("interleave", "in turn from all of them"),
    fixed("restrictive", "only these, changeable while the guest runs"),
];

/// Firmware by name.
pub const FIRMWARE: &[Fixed] = &[fixed("uefi", "OVMF"), fixed("bios", "SeaBIOS")];

/// Host cache of a disk.
pub const DISK_CACHES: &[Fixed] = &[
    fixed("none", "past the host's cache"),
    fixed("writeback", "the host's cache; flushes are kept"),
    fixed("writethrough", "written at once, read through the cache"),
    fixed("directsync", "past the cache, each write flushed"),
    fixed("unsafe", "flushes are ignored: may be lost"),
];

/// How QEMU does a disk's input and output.
pub const DISK_IO: &[Fixed] = &[
    fixed("native", "Linux AIO; past the cache only"),
    fixed("threads", "a pool of threads"),
    fixed("io_uring", "io_uring"),
];

/// What becomes of zeros that the guest writes.
pub const DETECT_ZEROES: &[Fixed] =
    &[fixed("off", "they are written"), fixed("on", "written as a hole"), fixed("unmap", "given back, with discard")];

/// How direct interfaces share a host interface.
pub const DIRECT_MODES: &[Fixed] = &[
    fixed("bridge", "guests on it reach each other"),
    fixed("vepa", "through a switch that sends back"),
    fixed("private", "they do not reach each other"),
    fixed("passthrough", "the interface is the guest's alone"),
];

/// Emulated video cards.
pub const VIDEO_MODELS: &[Fixed] = &[
    fixed("virtio", "best for Linux; Windows needs its driver"),
    fixed("std", "standard VGA: every guest knows it"),
    fixed("qxl", "made for SPICE"),
    fixed("vmware", "VMware SVGA II"),
    fixed("bochs", "a frame buffer for UEFI guests"),
    fixed("none", "no emulated card"),
];

/// Emulated SCSI controllers.
pub const SCSI_MODELS: &[Fixed] = &[
    fixed("virtio-scsi", "fast; Windows needs its driver"),
    fixed("lsi", "for old guests"),
    fixed("lsisas1068", "Windows knows it"),
];

/// Emulated USB controllers.
pub const USB_CONTROLLERS: &[Fixed] =
    &[fixed("qemu-xhci", "USB 3"), fixed("ich9-ehci1", "USB 2"), fixed("piix3-uhci", "USB 1"), fixed("none", "no USB")];

/// Emulated sound cards.
pub const SOUND_MODELS: &[Fixed] = &[
    fixed("none", "no sound"),
    fixed("ich9", "Intel HD Audio of q35"),
    fixed("ich6", "Intel HD Audio"),
    fixed("ac97", "for old guests"),
    fixed("usb", "USB audio"),
];

/// Emulated watchdogs.
pub const WATCHDOGS: &[Fixed] =
    &[fixed("none", "no watchdog"), fixed("itco", "built into q35"), fixed("i6300esb", "a PCI card")];

/// What a watchdog does to a guest that hangs.
pub const WATCHDOG_ACTIONS: &[Fixed] = &[
    fixed("reset", "resets it"),
    fixed("shutdown", "asks it to shut down"),
    fixed("poweroff", "ends it"),
    fixed("pause", "stops it"),
    fixed("dump", "writes its memory to the host"),
    fixed("inject-nmi", "sends it an NMI"),
    fixed("none", "nothing"),
];

/// Versions of the TPM.
pub const TPM_VERSIONS: &[Fixed] = &[fixed("2.0", "what Windows 11 asks for"), fixed("1.2", "for old guests")];

/// Where a TPM comes from.
pub const TPM_BACKENDS: &[Fixed] =
    &[fixed("emulator", "swtpm, one per VM"), fixed("passthrough", "the host's own, for this VM alone")];
