//! Who shows what on the host's GPUs: cards with their sockets, frame buffers, consoles. Attributes of sockets are what the
//! driver remembers, so that reading them wakes nothing.

use super::attribute::{flag, known};
use super::holders;
use super::pci_details::pci_path;
use crate::facts::Fact;
use crate::facts::display::{Connector, DisplayCard, Displays, Framebuffer, KernelConsole};
use crate::host::Sysroot;
use crate::units::PciAddress;
use std::collections::BTreeMap;

const CARDS: &str = "/sys/class/drm";
const FRAMEBUFFERS: &str = "/sys/class/graphics";
const CONSOLES: &str = "/sys/class/vtconsole";
const MEMORY: &str = "/proc/iomem";
const NVIDIA: &str = "/proc/driver/nvidia/gpus";

/// The host's own use of its GPUs.
pub fn read(sysroot: &Sysroot) -> Fact<Displays> {
    if !sysroot.exists("/sys/class") {
        return Fact::unknown("There is no /sys/class.");
    }
    let displays = Displays {
        cards: cards(sysroot),
        framebuffers: framebuffers(sysroot),
        consoles: consoles(sysroot),
        firmware_framebuffer: firmware_framebuffer(sysroot),
        holders: holders::read(sysroot, &nodes(sysroot)),
    };
    known(displays, "/sys/class")
}

/// The function that an entry of a class hangs on.
fn function(sysroot: &Sysroot, class: &str, name: &str) -> Option<PciAddress> {
    pci_path(&sysroot.link(&format!("{class}/{name}")).ok()?).pop()
}

fn text(sysroot: &Sysroot, path: &str) -> Option<String> {
    sysroot.read(path).ok().map(|text| text.trim().to_owned())
}

fn cards(sysroot: &Sysroot) -> Vec<DisplayCard> {
    // Beside `card0` the class has its sockets, `card0-HDMI-A-1`, and `renderD128`.
    let names = sysroot.names(CARDS);
    let sockets = |card: &str| {
        let of = |name: &String| Some((name.clone(), name.strip_prefix(card)?.strip_prefix('-')?.to_owned()));
        let connector = |(entry, name)| {
            let status = text(sysroot, &format!("{CARDS}/{entry}/status"));
            let connected = match status.as_deref() {
                Some("connected") => Some(true),
                Some("disconnected") => Some(false),
                _ => None,
            };
            Connector { name, connected }
        };
        names.iter().filter_map(of).map(connector).collect()
    };
    let card = |name: &String| DisplayCard {
        function: function(sysroot, CARDS, name),
        connectors: sockets(name),
        name: name.clone(),
    };
    names.iter().filter(|name| is_numbered(name, "card")).map(card).collect()
}

/// `card0` for `card`.
fn is_numbered(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn framebuffers(sysroot: &Sysroot) -> Vec<Framebuffer> {
    let names = sysroot.names(FRAMEBUFFERS).into_iter().filter(|name| is_numbered(name, "fb"));
    let framebuffer = |name: String| Framebuffer {
        driver: text(sysroot, &format!("{FRAMEBUFFERS}/{name}/name")).filter(|driver| !driver.is_empty()),
        function: function(sysroot, FRAMEBUFFERS, &name),
        name,
    };
    names.map(framebuffer).collect()
}

fn consoles(sysroot: &Sysroot) -> Vec<KernelConsole> {
    let console = |name: String| {
        let on = text(sysroot, &format!("{CONSOLES}/{name}/name"))?;
        let bound = text(sysroot, &format!("{CONSOLES}/{name}/bind")).and_then(|text| flag(&text))?;
        Some(KernelConsole { name, on, bound })
    };
    sysroot.names(CONSOLES).into_iter().filter_map(console).collect()
}

/// `  6000000000-60007fffff : BOOTFB`. Who is not root sees zeros in place of addresses.
fn firmware_framebuffer(sysroot: &Sysroot) -> Fact<Option<(u64, u64)>> {
    let text = match sysroot.read(MEMORY) {
        Ok(text) => text,
        Err(error) => return super::attribute::failed(MEMORY, &error),
    };
    let is_display = |owner: &str| ["BOOTFB", "efifb", "simplefb", "vesafb", "simpledrm"].contains(&owner);
    let range = |line: &str| {
        let (range, owner) = line.split_once(" : ")?;
        let (start, end) = range.trim().split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        is_display(owner.trim()).then(|| number(start).zip(number(end)))?
    };
    match text.lines().find_map(range) {
        Some((0, 0)) => Fact::Denied { why: format!("Only root can read addresses in {MEMORY}.") },
        found => known(found, MEMORY),
    }
}

/// The function behind each device file that programs draw with.
fn nodes(sysroot: &Sysroot) -> BTreeMap<String, PciAddress> {
    let drm = sysroot.names(CARDS).into_iter().filter(|name| is_numbered(name, "card") || is_numbered(name, "renderD"));
    let drm = drm.filter_map(|name| Some((format!("/dev/dri/{name}"), function(sysroot, CARDS, &name)?)));
    let frames = sysroot.names(FRAMEBUFFERS).into_iter().filter(|name| is_numbered(name, "fb"));
    let frames = frames.filter_map(|name| Some((format!("/dev/{name}"), function(sysroot, FRAMEBUFFERS, &name)?)));
    let nvidia = sysroot.names(NVIDIA).into_iter().filter_map(|name| {
        let information = sysroot.read(&format!("{NVIDIA}/{name}/information")).ok()?;
        let minor = information.lines().find_map(|line| line.strip_prefix("Device Minor:"))?;
        Some((format!("/dev/nvidia{}", minor.trim()), name.parse().ok()?))
    });
    drm.chain(frames).chain(nvidia).collect()
}
