//! Details of single PCI functions. What could wake a sleeping device is read only of those that are awake: for `config`,
//! the link's attributes and the sizes of resizable ranges the kernel resumes a device from D3cold, and the bridges above
//! it from any sleep. `rom` is never opened.

use super::attribute::{Folder, hexadecimal, known};
use super::pci::{BEHIND, DEVICES};
use super::pci_config::ConfigSpace;
use super::pci_resources;
use crate::facts::Fact;
use crate::facts::pci_details::{HeaderType, Link, LinkPort, MdevType, PciDetails, PowerState, ResetMethod, SrIov};
use crate::host::Sysroot;
use crate::units::{Bytes, PciAddress};
use std::collections::HashMap;

const SLOTS: &str = "/sys/bus/pci/slots";

/// Names of physical slots by `domain:bus:slot`.
pub struct Slots {
    names: HashMap<String, String>,
    listed: bool,
}

impl Slots {
    /// Reads all slots that the firmware numbers.
    pub fn read(sysroot: &Sysroot) -> Self {
        let address = |slot: &String| sysroot.read(&format!("{SLOTS}/{slot}/address")).ok();
        let names = sysroot.names(SLOTS).into_iter();
        let names = names.filter_map(|slot| Some((address(&slot)?.trim().to_owned(), slot))).collect();
        Self { names, listed: sysroot.exists(SLOTS) }
    }

    /// The slot of a function.
    fn of(&self, address: PciAddress) -> Fact<Option<String>> {
        if !self.listed {
            return Fact::unknown(format!("There is no {SLOTS}."));
        }
        let PciAddress { domain, bus, slot, .. } = address;
        known(self.names.get(&format!("{domain:04x}:{bus:02x}:{slot:02x}")).cloned(), SLOTS)
    }
}

/// Details of the function at `address`; `None` where there is none.
pub fn read(sysroot: &Sysroot, address: PciAddress, slots: &Slots) -> Option<PciDetails> {
    let folder = Folder::open(sysroot, format!("{DEVICES}/{address}")).ok()?;
    let function = DetailFolder { complete: folder.has("resource"), folder };
    let power_state = function.folder.parsed("power_state", power_state);
    let awake = function.awake(&power_state);
    let config = match &awake {
        Ok(()) => ConfigSpace::read(&function.folder),
        Err(why) => Fact::unknown(why.clone()),
    };
    Some(PciDetails {
        header: function.header(&config),
        revision: function.folder.parsed("revision", |text| u8::try_from(hexadecimal(text)?).ok()),
        power_state,
        d3cold_allowed: function.folder.flag("d3cold_allowed"),
        resettable: function.presence("reset"),
        reset_methods: function.reset_methods(),
        bars: pci_resources::bars(&function.folder, function.complete, &awake),
        rom: function.rom(),
        link: function.link(&awake, || port(sysroot, address)),
        sriov: function.sriov(),
        physical_function: function.linked("physfn"),
        vfio: function.presence("vfio-dev"),
        removable: function.or_absent("removable", false, |text| Some(text == "removable")),
        upstream: upstream(sysroot, address),
        msi: function.msi(&config),
        interrupt_line: function.interrupt_line(&config),
        driver_override: function.or_absent("driver_override", None, |text| Some(name(text))),
        mdev_types: function.mdev_types(sysroot),
        vgpu_type: function.vgpu_type(),
        label: function.or_absent("label", None, |text| Some(name(text))),
        slot: slots.of(address),
    })
}

/// One function's folder.
struct DetailFolder {
    folder: Folder,
    /// Every kernel shows `resource`. A tree without it was recorded in part, and there an absent file tells nothing.
    complete: bool,
}

impl DetailFolder {
    /// `Err` with the reason where a look at the device itself would or could wake it.
    fn awake(&self, power_state: &Fact<PowerState>) -> Result<(), String> {
        match power_state.get() {
            Some(PowerState::D0) => Ok(()),
            Some(state) => Err(format!("The device sleeps ({}), and reading this could wake it.", state_name(*state))),
            // Kernels before 5.11 do not show the state, only whether the device was put to sleep.
            None => match self.folder.text("power/runtime_status").get().map(String::as_str) {
                Some("active") => Ok(()),
                _ => Err("Whether the device sleeps is unknown, and reading this could wake it.".into()),
            },
        }
    }

    /// The value of a file, or `absent` where the kernel shows none.
    fn or_absent<T>(&self, name: &str, absent: T, parse: impl FnOnce(&str) -> Option<T>) -> Fact<T> {
        if self.folder.has(name) || !self.complete {
            self.folder.parsed(name, parse)
        } else {
            known(absent, self.folder.path(name))
        }
    }

    /// Whether the kernel shows an entry.
    fn presence(&self, name: &str) -> Fact<bool> {
        if self.folder.has(name) || self.complete {
            known(self.folder.has(name), self.folder.path(name))
        } else {
            self.folder.flag(name)
        }
    }

    /// The function that a link leads to, if there is one.
    fn linked(&self, name: &str) -> Fact<Option<PciAddress>> {
        let target = self.folder.link(name).and_then(|target| target.parse().ok());
        if target.is_some() || self.complete {
            known(target, self.folder.path(name))
        } else {
            Fact::unknown(format!("There is no {}.", self.folder.path(name)))
        }
    }

    fn header(&self, config: &Fact<ConfigSpace>) -> Fact<HeaderType> {
        let by_class = || {
            self.folder.parsed("class", |text| {
                Some(match hexadecimal(text)? >> 8 {
                    0x0607 => HeaderType::CardBus,
                    0x0604 | 0x0609 => HeaderType::Bridge,
                    _ if self.folder.has(BEHIND) => HeaderType::Bridge,
                    _ => HeaderType::Endpoint,
                })
            })
        };
        match config.get().and_then(ConfigSpace::header) {
            Some(header) => known(header, self.folder.path("config")),
            None => by_class(),
        }
    }

    fn reset_methods(&self) -> Fact<Vec<ResetMethod>> {
        if !self.folder.has("reset_method") && self.folder.has("reset") {
            return Fact::unknown("Kernels before 5.15 do not say how they reset a device.");
        }
        self.or_absent("reset_method", Vec::new(), |text| Some(text.split_whitespace().map(reset_method).collect()))
    }

    fn rom(&self) -> Fact<Option<Bytes>> {
        if self.folder.has("rom") {
            self.folder.size("rom").map(|size| Some(Bytes(size)))
        } else {
            self.or_absent("rom", None, |_| None)
        }
    }

    /// The port above a device that is awake is awake, too.
    fn link(&self, awake: &Result<(), String>, port: impl FnOnce() -> Option<LinkPort>) -> Fact<Option<Link>> {
        if !self.folder.has("current_link_speed") {
            return self.or_absent("current_link_speed", None, |_| None);
        }
        if let Err(why) = awake {
            return Fact::unknown(why.clone());
        }
        let (max_speed, max_width) = most(&self.folder);
        let link = Link {
            speed: speed(&self.folder, "current_link_speed").unwrap_or(0),
            width: width(&self.folder, "current_link_width").unwrap_or(0),
            max_speed: max_speed.unwrap_or(0),
            max_width: max_width.unwrap_or(0),
            port: port(),
        };
        known(Some(link), self.folder.path("current_link_speed"))
    }

    fn sriov(&self) -> Fact<Option<SrIov>> {
        let mut functions: Vec<(u32, PciAddress)> = self
            .folder
            .names()
            .filter_map(|name| {
                let number = name.strip_prefix("virtfn")?.parse().ok()?;
                Some((number, self.folder.link(name)?.parse().ok()?))
            })
            .collect();
        functions.sort_unstable();
        let functions = functions.into_iter().map(|(_, address)| address).collect();
        self.or_absent("sriov_totalvfs", None, |text| Some(Some(SrIov { total: text.parse().ok()?, functions })))
    }

    fn msi(&self, config: &Fact<ConfigSpace>) -> Fact<bool> {
        if self.folder.has("msi_irqs") {
            return known(true, self.folder.path("msi_irqs"));
        }
        match config {
            Fact::Known { value, .. } => match value.signals_by_message() {
                Some(able) => known(able, self.folder.path("config")),
                None => Fact::Denied { why: "Only root may read the device's capabilities.".into() },
            },
            Fact::Pending => Fact::Pending,
            Fact::Unknown { why } => Fact::unknown(why.clone()),
            Fact::Denied { why } => Fact::Denied { why: why.clone() },
        }
    }

    fn interrupt_line(&self, config: &Fact<ConfigSpace>) -> Fact<Option<u32>> {
        if config.get().is_some_and(|config| !config.has_interrupt_pin()) {
            return known(None, self.folder.path("config"));
        }
        // With messages in use the kernel shows the first message's number here, which is no line.
        if self.folder.has("msi_irqs") {
            return Fact::unknown("The device signals by message now, and the kernel shows no line beside that.");
        }
        self.folder.parsed("irq", |text| Some(text.parse().ok().filter(|line| *line > 0)))
    }

    fn vgpu_type(&self) -> Fact<Option<u32>> {
        const FOLDER: &str = "nvidia";
        if self.folder.has(FOLDER) {
            self.folder.parsed(&format!("{FOLDER}/current_vgpu_type"), |text| Some(Some(text.parse().ok()?)))
        } else {
            self.or_absent(FOLDER, None, |_| None)
        }
    }

    fn mdev_types(&self, sysroot: &Sysroot) -> Fact<Vec<MdevType>> {
        const TYPES: &str = "mdev_supported_types";
        let path = self.folder.path(TYPES);
        if !self.folder.has(TYPES) {
            return self.or_absent(TYPES, Vec::new(), |_| None);
        }
        let read = |id: String| {
            let text = |name| sysroot.read(&format!("{path}/{id}/{name}")).ok().map(|text| text.trim().to_owned());
            let available = text("available_instances").and_then(|text| text.parse().ok());
            MdevType { name: text("name").filter(|name| !name.is_empty()), available, id }
        };
        known(sysroot.names(&path).into_iter().map(read).collect(), path.clone())
    }
}

/// Bridges on the way to a function, by the real place that its link names.
fn upstream(sysroot: &Sysroot, address: PciAddress) -> Fact<Vec<PciAddress>> {
    let path = format!("{DEVICES}/{address}");
    match sysroot.link(&path) {
        Ok(target) => {
            let mut way = pci_path(&target);
            way.pop();
            known(way, path)
        }
        Err(error) => Fact::unknown(format!("{path} is no link to the device's place: {error}.")),
    }
}

/// The upper end of a function's link.
fn port(sysroot: &Sysroot, address: PciAddress) -> Option<LinkPort> {
    let above = *upstream(sysroot, address).get()?.last()?;
    let folder = Folder::open(sysroot, format!("{DEVICES}/{above}")).ok()?;
    let (max_speed, max_width) = most(&folder);
    Some(LinkPort { max_speed: max_speed?, max_width: max_width? })
}

/// The fastest and the widest that an end of a link can do.
fn most(folder: &Folder) -> (Option<u32>, Option<u32>) {
    (speed(folder, "max_link_speed"), width(folder, "max_link_width"))
}

fn speed(folder: &Folder, name: &str) -> Option<u32> {
    folder.text(name).get().and_then(|text| transfers(text))
}

fn width(folder: &Folder, name: &str) -> Option<u32> {
    folder.text(name).get()?.parse().ok()
}

/// The PCI functions in a path of sysfs, the root port first.
pub(super) fn pci_path(path: &str) -> Vec<PciAddress> {
    path.split('/').filter_map(|part| part.parse().ok()).collect()
}

/// A name that stands for none where it is empty or the kernel's word for nothing.
fn name(text: &str) -> Option<String> {
    (!text.is_empty() && text != "(null)").then(|| text.to_owned())
}

/// `8.0 GT/s PCIe` in millions.
fn transfers(text: &str) -> Option<u32> {
    let (whole, tenths) = text.split_whitespace().next()?.split_once('.')?;
    Some(whole.parse::<u32>().ok()?.checked_mul(1000)? + tenths.get(..1)?.parse::<u32>().ok()? * 100)
}

fn power_state(text: &str) -> Option<PowerState> {
    Some(match text {
        "D0" => PowerState::D0,
        "D1" => PowerState::D1,
        "D2" => PowerState::D2,
        "D3hot" => PowerState::D3Hot,
        "D3cold" => PowerState::D3Cold,
        "unknown" | "error" => PowerState::Unknown,
        _ => return None,
    })
}

fn state_name(state: PowerState) -> &'static str {
    match state {
        PowerState::D0 => "D0",
        PowerState::D1 => "D1",
        PowerState::D2 => "D2",
        PowerState::D3Hot => "D3hot",
        PowerState::D3Cold => "D3cold",
        PowerState::Unknown => "state unknown",
    }
}

fn reset_method(word: &str) -> ResetMethod {
    match word {
        "device_specific" => ResetMethod::DeviceSpecific,
        "acpi" => ResetMethod::Acpi,
        "flr" => ResetMethod::Flr,
        "af_flr" => ResetMethod::AfFlr,
        "pm" => ResetMethod::Pm,
        "bus" => ResetMethod::Bus,
        "cxl_bus" => ResetMethod::CxlBus,
        other => ResetMethod::Other(other.into()),
    }
}
