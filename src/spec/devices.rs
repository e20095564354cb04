//! Devices beside disks, interfaces and consoles: firmware and TPM, video, sound, input, USB, shared memory, identity.

use super::words::words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

words! {
    /// What starts the guest.
    FirmwareKind {
        /// SeaBIOS.
        Bios = "bios",
        /// OVMF (edk2).
        Uefi = "uefi",
    }
}

words! {
    /// Emulated video cards.
    VideoModel {
        /// Standard VGA: every guest knows it.
        Std = "std",
        /// QXL, made for SPICE; superseded by virtio.
        Qxl = "qxl",
        /// virtio-gpu: the best for Linux; Windows needs its driver.
        Virtio = "virtio",
        /// VMware SVGA II.
        Vmware = "vmware",
        /// A frame buffer without VGA registers, for UEFI guests.
        Bochs = "bochs",
        /// No emulated card.
        None = "none",
    }
}

words! {
    /// Emulated SCSI controllers.
    ScsiModel {
        /// Paravirtual, fast; Windows needs its driver.
        VirtioScsi = "virtio-scsi",
        /// LSI 53C895A, for old guests.
        Lsi = "lsi",
        /// LSI SAS 1068, which Windows knows.
        LsiSas = "lsisas1068",
    }
}

words! {
    /// Emulated sound cards.
    SoundModel {
        /// No sound.
        None = "none",
        /// Intel HD Audio of the ICH9, which q35 has.
        Ich9 = "ich9",
        /// Intel HD Audio of the ICH6.
        Ich6 = "ich6",
        /// AC97, for old guests.
        Ac97 = "ac97",
        /// USB audio.
        Usb = "usb",
    }
}

words! {
    /// Emulated watchdogs.
    WatchdogModel {
        /// None.
        None = "none",
        /// Intel 6300ESB, a PCI card.
        I6300esb = "i6300esb",
        /// That of the ICH9, built into q35.
        Itco = "itco",
    }
}

words! {
    /// Emulated USB controllers.
    UsbController {
        /// No USB.
        None = "none",
        /// USB 3.
        QemuXhci = "qemu-xhci",
        /// USB 2.
        Ehci = "ich9-ehci1",
        /// USB 1, of the 440FX.
        Uhci = "piix3-uhci",
    }
}

words! {
    /// What a watchdog does to a guest that hangs.
    WatchdogAction {
        /// Resets it.
        Reset = "reset",
        /// Asks it to shut down.
        Shutdown = "shutdown",
        /// Ends it.
        Poweroff = "poweroff",
        /// Stops it.
        Pause = "pause",
        /// Writes its memory to the host.
        Dump = "dump",
        /// Sends it an NMI.
        InjectNmi = "inject-nmi",
        /// Nothing.
        None = "none",
    }
}

words! {
    /// What happens when a USB device is not there.
    UsbStartup {
        /// The VM does not start.
        Mandatory = "mandatory",
        /// The VM starts, but is not migrated to a host without it.
        Requisite = "requisite",
        /// The VM starts without it.
        Optional = "optional",
    }
}

words! {
    /// Where a TPM comes from.
    TpmBackend {
        /// swtpm, one per VM.
        Emulator = "emulator",
        /// The host's own, for one VM alone.
        Passthrough = "passthrough",
    }
}

words! {
    /// Versions of the TPM standard.
    TpmVersion {
        /// TPM 1.2.
        V1 = "1.2",
        /// TPM 2.0.
        V2 = "2.0",
    }
}

/// What kind of TPM the guest gets; that it gets one says `tpm`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TpmDevice {
    /// 1.2 or 2.0; 2.0 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<TpmVersion>,
    /// emulator or passthrough; emulator if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<TpmBackend>,
    /// The host's device for passthrough; /dev/tpm0 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// One USB device of the host: by what it is, or by where it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UsbDevice {
    /// Vendor id in hexadecimal, such as 046d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_id: Option<String>,
    /// Product id in hexadecimal, such as c52b.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// Bus number, as lsusb counts; changes with the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<u16>,
    /// Device number, as lsusb counts; changes whenever the device is plugged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<u16>,
    /// What happens when it is not there; the VM starts without it if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<UsbStartup>,
}

/// A watchdog, which resets a guest that hangs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Watchdog {
    /// The emulated card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<WatchdogModel>,
    /// reset, shutdown, poweroff, pause, dump, inject-nmi or none; reset if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// Shared memory in which Looking Glass hands the guest's frames to the host's desktop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LookingGlass {
    /// The largest picture, such as 2560x1440; decides the size of the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

/// What the guest reads of its maker and owner in SMBIOS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Smbios {
    /// Maker of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Name of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Version of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Free strings (type 11), which a guest may read its configuration from. No secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oem_strings: Option<Vec<String>>,
}
