//! Devices beside disks, interfaces and consoles, with what they are by default.

use super::{Chipset, Choice, Console, Guest, GuestSlot, display};
use crate::spec::devices::{
    ScsiModel, SoundModel, TpmBackend, TpmVersion, UsbController, UsbDevice, UsbStartup, WatchdogAction, WatchdogModel,
};
use crate::spec::{Place, Spec, filled};
use crate::units::{Bytes, MIB, shell_quote};

/// The small devices of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Devices {
    /// Model of every SCSI controller.
    pub scsi: Choice<ScsiModel>,
    /// Model of the USB controller; `None` for no USB.
    pub usb_controller: Choice<Option<UsbController>>,
    /// A pointer that follows the user's.
    pub tablet: Choice<bool>,
    /// The channel of the guest agent.
    pub guest_agent: Choice<bool>,
    /// Random numbers of the host.
    pub rng: Choice<bool>,
    /// Sound card.
    pub sound: Option<SoundModel>,
    /// Watchdog and what it does.
    pub watchdog: Option<(WatchdogModel, String)>,
    /// USB devices of the host, as asked for.
    pub usb: Vec<UsbHost>,
    /// Input devices of the host, by path.
    pub evdev: Vec<String>,
    /// Looking Glass' shared memory.
    pub looking_glass: Option<SharedMemory>,
    /// What kind of TPM.
    pub tpm: Tpm,
}

/// Memory of the host that the guest and a program of the host share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedMemory {
    /// Its name, which no other VM of the host may have: both would write into one memory.
    pub name: String,
    /// Its size.
    pub size: Bytes,
}

impl SharedMemory {
    /// The file that it is.
    pub fn path(&self) -> String {
        format!("{SHARED_MEMORY}/{}", self.name)
    }

    /// The command that shows on the host what the guest draws.
    pub fn client(&self) -> String {
        format!("looking-glass-client -f {}", shell_quote(&self.path()))
    }
}

/// Where the host keeps shared memory.
pub const SHARED_MEMORY: &str = "/dev/shm";

/// What kind of TPM a guest gets, where it gets one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tpm {
    /// Version of the standard.
    pub version: TpmVersion,
    /// Where it comes from.
    pub backend: TpmBackend,
    /// The host's device, for passthrough.
    pub path: String,
}

/// A USB device of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbHost {
    /// Row in `usb_devices`.
    pub row: usize,
    /// Which.
    pub named: UsbName,
    /// What happens when it is not there.
    pub startup: UsbStartup,
}

/// How a USB device is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsbName {
    /// By vendor and product: the first such device, wherever it is.
    Ids(u16, u16),
    /// By bus and device number.
    At(u16, u16),
}

pub(super) fn devices(
    spec: &Spec,
    chipset: Chipset,
    consoles: &[Console],
    slots: &[GuestSlot],
    guest: &Guest,
) -> Devices {
    let field = |name: &str| Place::root().key(name);
    let or = |asked: Option<bool>, name: &str, value: bool, why: &str| match asked {
        Some(asked) => Choice::asked(asked, field(name)),
        None => Choice::default(value, why),
    };
    let (tablet, why) = match consoles {
        [] => (false, "no graphical console for a pointer"),
        _ if display::is_mirrored(spec, slots) => {
            (false, "Looking Glass moves the mouse itself, which a tablet disturbs")
        }
        _ if !chipset.has_video() => (false, "this machine has no bus for a pointer"),
        _ => (true, "the pointer of a console follows yours"),
    };
    let paravirtual = !guest.is_old() && chipset.takes_devices();
    let (agent, random) = if paravirtual {
        ("the host asks the guest for addresses and clean stops", "guests start without waiting for randomness")
    } else {
        ("the guest has no driver for its channel", "the guest has no driver for it")
    };
    let watchdog = spec.watchdog.as_ref().and_then(|watchdog| {
        let model = watchdog.model.filter(|model| *model != WatchdogModel::None)?;
        Some((model, filled(watchdog.action.as_deref()).unwrap_or(WatchdogAction::Reset.name()).to_owned()))
    });
    let resolution = spec.looking_glass.as_ref().map(|shared| shared.resolution.as_deref());
    Devices {
        scsi: match spec.scsi_controller {
            Some(model) => Choice::asked(model, field("scsi_controller")),
            None => Choice::default(ScsiModel::VirtioScsi, "paravirtual, with discard and many disks"),
        },
        usb_controller: usb_controller(spec, chipset),
        tablet: or(spec.tablet, "tablet", tablet, why),
        guest_agent: or(spec.guest_agent, "guest_agent", paravirtual, agent),
        rng: or(spec.rng, "rng", paravirtual, random),
        sound: spec.sound.filter(|model| *model != SoundModel::None),
        watchdog,
        usb: spec.usb_devices.iter().flatten().enumerate().filter_map(|(row, asked)| usb(row, asked)).collect(),
        evdev: spec.evdev.iter().flatten().filter_map(|path| filled(Some(path))).map(ToOwned::to_owned).collect(),
        looking_glass: resolution
            .and_then(|asked| asked.map_or(Some((1920, 1080)), pixels))
            .map(|size| SharedMemory { name: looking_glass(spec), size: frame_memory(size) }),
        tpm: tpm(spec),
    }
}

/// The name of a VM's memory for Looking Glass.
fn looking_glass(spec: &Spec) -> String {
    format!("looking-glass-{}", spec.name.as_deref().unwrap_or_default().trim())
}

fn usb_controller(spec: &Spec, chipset: Chipset) -> Choice<Option<UsbController>> {
    match (spec.usb_controller, chipset) {
        (Some(asked), _) => {
            let model = Some(asked).filter(|model| *model != UsbController::None);
            Choice::asked(model, Place::root().key("usb_controller"))
        }
        (None, Chipset::Pc) => {
            Choice::default(Some(UsbController::Uhci), "built into the 440FX; every old guest has a driver")
        }
        (None, chipset) if !chipset.has_pci() => Choice::default(None, "this machine has no PCI bus for a controller"),
        (None, _) => Choice::default(Some(UsbController::QemuXhci), "USB 3"),
    }
}

/// Vendor and product where both read, else bus and device.
fn usb(row: usize, asked: &UsbDevice) -> Option<UsbHost> {
    let ids = id(asked.vendor_id.as_deref()).zip(id(asked.product_id.as_deref()));
    let at = asked.bus.zip(asked.device);
    let named = match (ids, at) {
        (_, Some((bus, device))) => UsbName::At(bus, device),
        (Some((vendor, product)), None) => UsbName::Ids(vendor, product),
        (None, None) => return None,
    };
    Some(UsbHost { row, named, startup: asked.startup.unwrap_or(UsbStartup::Optional) })
}

/// Four hexadecimal digits, with or without 0x.
pub fn id(text: Option<&str>) -> Option<u16> {
    let text = text?.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    (digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(())?;
    u16::from_str_radix(digits, 16).ok()
}

/// Width and height of `2560x1440`.
pub fn pixels(text: &str) -> Option<(u64, u64)> {
    let (width, height) = text.trim().split_once(['x', 'X', '×'])?;
    let read = |text: &str| text.trim().parse::<u64>().ok().filter(|pixels| (320..=16384).contains(pixels));
    Some((read(width)?, read(height)?))
}

/// What Looking Glass needs for three frames of four bytes per pixel, lines filled up to 256 bytes, and its own part;
/// shared memory comes in powers of two.
fn frame_memory((width, height): (u64, u64)) -> Bytes {
    let line = (width * 4).next_multiple_of(256);
    let needed = (line * height * 3).div_ceil(MIB) + 4;
    Bytes::mib(needed.next_power_of_two())
}

fn tpm(spec: &Spec) -> Tpm {
    let asked = spec.tpm_device.as_ref();
    Tpm {
        version: asked.and_then(|tpm| tpm.version).unwrap_or(TpmVersion::V2),
        backend: asked.and_then(|tpm| tpm.backend).unwrap_or(TpmBackend::Emulator),
        path: asked.and_then(|tpm| filled(tpm.path.as_deref())).unwrap_or("/dev/tpm0").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_common_sizes_need_what_the_makers_say() {
        for (size, mib) in
            [("1920x1080", 32), ("2560x1440", 64), ("3840x2160", 128), ("5120x2880", 256), ("7680x4320", 512)]
        {
            assert_eq!(pixels(size).map(frame_memory), Some(Bytes::mib(mib)), "{size}");
        }
        assert_eq!((pixels("1920"), pixels("0x0"), pixels("axb")), (None, None, None));
    }

    #[test]
    fn ids_are_four_hexadecimal_digits() {
        assert_eq!((id(Some("046d")), id(Some("0xC52B"))), (Some(0x046d), Some(0xc52b)));
        assert_eq!((id(Some("046dx")), id(Some("12345")), id(None)), (None, None, None));
    }
}
