//! Known values that are the same on every host, each with a few words.

use super::known::Fixed;
use crate::spec::devices::{
    FirmwareKind, ScsiModel, SoundModel, TpmBackend, TpmVersion, UsbController, VideoModel, WatchdogAction,
    WatchdogModel,
};
use crate::spec::{
    CpuCache, CpuMode, DetectZeroes, DirectMode, DiskAction, DiskBus, DiskCache, DiskDevice, DiskFormat, DiskIo,
    GraphicsKind, HotplugKind, NetworkKind, NetworkModel, NumaMode, OsFamily, RomBar, VirtType,
};

const fn fixed(value: &'static str, note: &'static str) -> Fixed {
    Fixed { value, note }
}

/// What becomes of a disk.
pub const DISK_ACTIONS: &[Fixed] = &[
    fixed(DiskAction::Create.name(), "a new, empty volume"),
    fixed(DiskAction::Clone.name(), "a copy of an image"),
    fixed(DiskAction::Attach.name(), "an image that exists, as it is"),
];

/// Image formats.
pub const DISK_FORMATS: &[Fixed] = &[
    fixed(DiskFormat::Qcow2.name(), "grows on demand, allows snapshots"),
    fixed(DiskFormat::Raw.name(), "plain bytes, fastest"),
    fixed(DiskFormat::Vmdk.name(), "VMware, for attached images"),
    fixed(DiskFormat::Vdi.name(), "VirtualBox, for attached images"),
];

/// Disk buses.
pub const DISK_BUSES: &[Fixed] = &[
    fixed(DiskBus::Virtio.name(), "fastest; Windows needs its driver"),
    fixed(DiskBus::Scsi.name(), "virtio-scsi: many disks, discard"),
    fixed(DiskBus::Sata.name(), "works everywhere"),
    fixed(DiskBus::Ide.name(), "old guests, machine pc only"),
    fixed(DiskBus::Usb.name(), "removable"),
];

/// Kinds of drives.
pub const DISK_DEVICES: &[Fixed] =
    &[fixed(DiskDevice::Disk.name(), "hard disk"), fixed(DiskDevice::Cdrom.name(), "CD-ROM drive, read-only")];

/// Kinds of networks.
pub const NETWORK_KINDS: &[Fixed] = &[
    fixed(NetworkKind::Network.name(), "a libvirt network"),
    fixed(NetworkKind::Bridge.name(), "a host bridge: on the LAN"),
    fixed(NetworkKind::Direct.name(), "a host interface (macvtap): on the LAN"),
    fixed(NetworkKind::User.name(), "NAT inside QEMU, no incoming connections"),
    fixed(NetworkKind::Hostdev.name(), "a virtual function of a card (SR-IOV)"),
];

/// Network cards.
pub const NETWORK_MODELS: &[Fixed] = &[
    fixed(NetworkModel::Virtio.name(), "fastest; Windows needs its driver"),
    fixed(NetworkModel::E1000e.name(), "Intel gigabit, PCI Express"),
    fixed(NetworkModel::E1000.name(), "Intel gigabit, PCI"),
    fixed(NetworkModel::Rtl8139.name(), "Realtek 100 Mbit, old guests"),
];

/// Consoles.
pub const GRAPHICS_KINDS: &[Fixed] = &[
    fixed(GraphicsKind::Vnc.name(), "any VNC viewer"),
    fixed(GraphicsKind::Spice.name(), "sound, USB and clipboard"),
    fixed(GraphicsKind::None.name(), "no console and no emulated card"),
];

/// How instructions are run.
pub const VIRT_TYPES: &[Fixed] = &[
    fixed(VirtType::Kvm.name(), "hardware virtualisation"),
    fixed(VirtType::Qemu.name(), "emulation: runs anywhere, slowly"),
];

/// Families of guest systems.
pub const OS_TYPES: &[Fixed] = &[
    fixed(OsFamily::Linux.name(), ""),
    fixed(OsFamily::Windows.name(), "clock and Hyper-V defaults"),
    fixed(OsFamily::Bsd.name(), ""),
];

/// What the guest sees as its CPU.
pub const CPU_MODES: &[Fixed] = &[
    fixed(CpuMode::HostPassthrough.name(), "the host's CPU as it is; KVM only"),
    fixed(CpuMode::HostModel.name(), "the named model nearest to the host's"),
    fixed(CpuMode::Custom.name(), "the model named below"),
    fixed(CpuMode::Maximum.name(), "all features that can be offered"),
];

/// Which caches the guest sees.
pub const CPU_CACHES: &[Fixed] = &[
    fixed(CpuCache::Passthrough.name(), "the host's own"),
    fixed(CpuCache::Emulate.name(), "those that QEMU makes up"),
    fixed(CpuCache::Disable.name(), "none"),
];

/// What added memory comes as.
pub const HOTPLUG_KINDS: &[Fixed] = &[
    fixed(HotplugKind::Dimm.name(), "whole DIMMs, hard to remove"),
    fixed(HotplugKind::VirtioMem.name(), "blocks of 2 MiB, both ways"),
];

/// How binding the choice of nodes is.
pub const NUMA_MODES: &[Fixed] = &[
    fixed(NumaMode::Strict.name(), "only these; the start fails where they lack memory"),
    fixed(NumaMode::Preferred.name(), "these first"),
    fixed(NumaMode::Interleave.name(), "in turn from all of them"),
    fixed(NumaMode::Restrictive.name(), "only these, changeable while the guest runs"),
];

/// Whether the guest sees the option ROM of a device.
pub const ROM_BARS: &[Fixed] = &[
    fixed(RomBar::Auto.name(), "by kind of device"),
    fixed(RomBar::On.name(), "the guest sees the ROM"),
    fixed(RomBar::Off.name(), "hidden: for a ROM that hangs the guest or the host"),
];

/// Firmware by name.
pub const FIRMWARE: &[Fixed] = &[fixed(FirmwareKind::Uefi.name(), "OVMF"), fixed(FirmwareKind::Bios.name(), "SeaBIOS")];

/// Host cache of a disk.
pub const DISK_CACHES: &[Fixed] = &[
    fixed(DiskCache::None.name(), "past the host's cache"),
    fixed(DiskCache::Writeback.name(), "the host's cache; flushes are kept"),
    fixed(DiskCache::Writethrough.name(), "written at once, read through the cache"),
    fixed(DiskCache::Directsync.name(), "past the cache, each write flushed"),
    fixed(DiskCache::Unsafe.name(), "flushes are ignored: may be lost"),
];

/// How QEMU does a disk's input and output.
pub const DISK_IO: &[Fixed] = &[
    fixed(DiskIo::Native.name(), "Linux AIO; past the cache only"),
    fixed(DiskIo::Threads.name(), "a pool of threads"),
    fixed(DiskIo::IoUring.name(), "io_uring"),
];

/// What becomes of zeros that the guest writes.
pub const DETECT_ZEROES: &[Fixed] = &[
    fixed(DetectZeroes::Off.name(), "they are written"),
    fixed(DetectZeroes::On.name(), "written as a hole"),
    fixed(DetectZeroes::Unmap.name(), "given back, with discard"),
];

/// How direct interfaces share a host interface.
pub const DIRECT_MODES: &[Fixed] = &[
    fixed(DirectMode::Bridge.name(), "guests on it reach each other"),
    fixed(DirectMode::Vepa.name(), "through a switch that sends back"),
    fixed(DirectMode::Private.name(), "they do not reach each other"),
    fixed(DirectMode::Passthrough.name(), "the interface is the guest's alone"),
];

/// Emulated video cards.
pub const VIDEO_MODELS: &[Fixed] = &[
    fixed(VideoModel::Virtio.name(), "best for Linux; Windows needs its driver"),
    fixed(VideoModel::Std.name(), "standard VGA: works in every guest"),
    fixed(VideoModel::Qxl.name(), "made for SPICE"),
    fixed(VideoModel::Vmware.name(), "VMware SVGA II"),
    fixed(VideoModel::Bochs.name(), "a frame buffer for UEFI guests"),
    fixed(VideoModel::None.name(), "no emulated card"),
];

/// Emulated SCSI controllers.
pub const SCSI_MODELS: &[Fixed] = &[
    fixed(ScsiModel::VirtioScsi.name(), "fast; Windows needs its driver"),
    fixed(ScsiModel::Lsi.name(), "for old guests"),
    fixed(ScsiModel::LsiSas.name(), "Windows has its driver"),
];

/// Emulated USB controllers.
pub const USB_CONTROLLERS: &[Fixed] = &[
    fixed(UsbController::QemuXhci.name(), "USB 3"),
    fixed(UsbController::Ehci.name(), "USB 2"),
    fixed(UsbController::Uhci.name(), "USB 1"),
    fixed(UsbController::None.name(), "no USB"),
];

/// Emulated sound cards.
pub const SOUND_MODELS: &[Fixed] = &[
    fixed(SoundModel::None.name(), "no sound"),
    fixed(SoundModel::Ich9.name(), "Intel HD Audio of q35"),
    fixed(SoundModel::Ich6.name(), "Intel HD Audio"),
    fixed(SoundModel::Ac97.name(), "for old guests"),
    fixed(SoundModel::Usb.name(), "USB audio"),
];

/// Emulated watchdogs.
pub const WATCHDOGS: &[Fixed] = &[
    fixed(WatchdogModel::None.name(), "no watchdog"),
    fixed(WatchdogModel::Itco.name(), "built into q35"),
    fixed(WatchdogModel::I6300esb.name(), "a PCI card"),
];

/// What a watchdog does to a guest that hangs.
pub const WATCHDOG_ACTIONS: &[Fixed] = &[
    fixed(WatchdogAction::Reset.name(), "resets it"),
    fixed(WatchdogAction::Shutdown.name(), "asks it to shut down"),
    fixed(WatchdogAction::Poweroff.name(), "ends it"),
    fixed(WatchdogAction::Pause.name(), "stops it"),
    fixed(WatchdogAction::Dump.name(), "writes its memory to the host"),
    fixed(WatchdogAction::InjectNmi.name(), "sends it an NMI"),
    fixed(WatchdogAction::None.name(), "nothing"),
];

/// Versions of the TPM.
pub const TPM_VERSIONS: &[Fixed] =
    &[fixed(TpmVersion::V2.name(), "required by Windows 11"), fixed(TpmVersion::V1.name(), "for old guests")];

/// Where a TPM comes from.
pub const TPM_BACKENDS: &[Fixed] = &[
    fixed(TpmBackend::Emulator.name(), "swtpm, one per VM"),
    fixed(TpmBackend::Passthrough.name(), "the host's own, for this VM alone"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The words of an enum.
    macro_rules! all {
        ($name:ident) => {
            $name::ALL.iter().map(|word| word.name()).collect::<BTreeSet<_>>()
        };
    }

    #[test]
    fn every_word_of_a_field_is_offered() {
        for (offered, words) in [
            (DISK_ACTIONS, all!(DiskAction)),
            (DISK_FORMATS, all!(DiskFormat)),
            (DISK_BUSES, all!(DiskBus)),
            (DISK_DEVICES, all!(DiskDevice)),
            (DISK_CACHES, all!(DiskCache)),
            (DISK_IO, all!(DiskIo)),
            (DETECT_ZEROES, all!(DetectZeroes)),
            (NETWORK_KINDS, all!(NetworkKind)),
            (NETWORK_MODELS, all!(NetworkModel)),
            (DIRECT_MODES, all!(DirectMode)),
            (GRAPHICS_KINDS, all!(GraphicsKind)),
            (VIRT_TYPES, all!(VirtType)),
            (CPU_MODES, all!(CpuMode)),
            (CPU_CACHES, all!(CpuCache)),
            (HOTPLUG_KINDS, all!(HotplugKind)),
            (NUMA_MODES, all!(NumaMode)),
            (ROM_BARS, all!(RomBar)),
            (FIRMWARE, all!(FirmwareKind)),
            (VIDEO_MODELS, all!(VideoModel)),
            (SCSI_MODELS, all!(ScsiModel)),
            (USB_CONTROLLERS, all!(UsbController)),
            (SOUND_MODELS, all!(SoundModel)),
            (WATCHDOGS, all!(WatchdogModel)),
            (WATCHDOG_ACTIONS, all!(WatchdogAction)),
            (TPM_VERSIONS, all!(TpmVersion)),
            (TPM_BACKENDS, all!(TpmBackend)),
        ] {
            assert_eq!(offered.iter().map(|known| known.value).collect::<BTreeSet<_>>(), words);
        }
        let families = all!(OsFamily);
        assert!(OS_TYPES.iter().all(|known| families.contains(known.value)), "few people install the others");
    }
}
