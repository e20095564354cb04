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
        /// Standard VGA, for every guest.
        Std = "std",
        /// QXL, made for SPICE; virtio has replaced it.
        Qxl = "qxl",
        /// virtio-gpu, the best for Linux; Windows needs its driver.
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
        /// LSI SAS 1068; Windows has a driver for it.
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
        /// Watchdog of the ICH9, built into q35.
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
        /// The guest is reset.
        Reset = "reset",
        /// The guest is asked to shut down.
        Shutdown = "shutdown",
        /// The VM is powered off.
        Poweroff = "poweroff",
        /// The VM is paused.
        Pause = "pause",
        /// The guest's memory is dumped on the host.
        Dump = "dump",
        /// The guest gets an NMI.
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
        /// The host's own TPM, for one VM only.
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
    /// Version of the TPM standard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<TpmVersion>,
    /// Where the TPM comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<TpmBackend>,
    /// TPM device of the host, for passthrough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// One USB device of the host: by what it is, or by where it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UsbDevice {
    /// Vendor ID in hexadecimal, such as 046d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_id: Option<String>,
    /// Product ID in hexadecimal, such as c52b.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// Bus number as in lsusb; it changes with the port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bus: Option<u16>,
    /// Device number as in lsusb; it changes each time the device is connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<u16>,
    /// What happens if the device is missing when the VM starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup: Option<UsbStartup>,
}

/// A watchdog, which resets a guest that hangs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Watchdog {
    /// Emulated watchdog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<WatchdogModel>,
    /// What happens to a guest that hangs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<WatchdogAction>")]
    pub action: Option<String>,
}

/// Shared memory in which Looking Glass hands the guest's frames to the host's desktop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LookingGlass {
    /// The largest picture, such as 2560x1440; the size of the memory follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

/// What the guest reads of its maker and owner in SMBIOS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Smbios {
    /// Manufacturer of the system.
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
    /// Free strings (SMBIOS type 11) that the guest can read, for example as its configuration. No secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oem_strings: Option<Vec<String>>,
}
