//! Checks of graphics cards: those that are no good for a guest, and those that the host would miss.

use super::super::note::{Remedy, Topic};
use super::super::pci::place;
use super::super::text::{Text, text};
use super::super::wording::field;
use super::super::{Check, Notes, Subject};
use super::{DEVICE, detail, named, of_host, remedy, reset};
use crate::facts::pci_details::Bar;
use crate::facts::{PciClass, PciDevice};
use crate::machine::{Firmware, card, processor};
use crate::units::PciAddress;

pub(in super::super) static CHECKS: &[&Check] = &[
    &USE_BMC_VGA,
    &GPU_APU,
    &GPU_IGD,
    &USE_ONLY_GPU,
    &GPU_NO_DISPLAY,
    &HOST_VTCON,
    &HOST_CONSOLE_DRIVER,
    &GPU_LAPTOP,
    &ROM_ABSENT,
    &VM_MACHINE,
    &VM_FIRMWARE,
];

static USE_BMC_VGA: Check = Check {
    code: "USE-BMC-VGA",
    title: "remote console stays with the host",
    short: "remote console",
    explain: "This display belongs to the server's management controller (BMC) and feeds its remote console. It is of \
              no use to a guest, and the host would lose its remote console.",
    run: Some(bmc),
    ..DEVICE
};

static GPU_APU: Check = Check {
    code: "GPU-APU",
    title: "GPU is a card, not part of an AMD APU",
    short: "part of the processor",
    explain: "The graphics of an AMD processor (APU) have no reset of their own and no ROM that can be read: the video BIOS \
              is in the firmware of the board. Such guests start repeatedly with this recipe: \
              UEFI in the guest; the video BIOS of the processor as rom_file of the GPU (function 0); AMDGopDriver.rom as \
              rom_file of its sound (function 1), which makes the boot visible; RadeonResetBugFix in a Windows guest, \
              which turns the GPU off before the VM stops; on some boards also the board's sound (function 6), and the \
              security processor. vendor-reset has no APU. The processor's USB controllers stay with the host.",
    run: Some(apu),
    ..DEVICE
};

static GPU_IGD: Check = Check {
    code: "GPU-IGD",
    title: "GPU is a card, not Intel graphics",
    short: "part of the processor",
    explain: "The graphics of an Intel processor can be passed under conditions: for a screen at boot they must be at \
              00:02.0 of the guest; without one, q35 with UEFI works. If the driver supports SR-IOV, virtual functions \
              are better (GPU-SRIOV-IGPU); for those this check has nothing to say.",
    run: Some(igd),
    ..DEVICE
};

static USE_ONLY_GPU: Check = Check {
    code: "USE-ONLY-GPU",
    title: "host keeps a GPU",
    short: "the only GPU",
    explain: "This is the host's only graphics device. When the VM starts the host has no screen: make sure that you \
              can reach it by SSH or a serial console.",
    run: Some(only),
    ..DEVICE
};

static GPU_NO_DISPLAY: Check = Check {
    code: "GPU-NO-DISPLAY",
    title: "GPU has display outputs",
    explain: "A 3D controller has no outputs of its own: it is the GPU of a data centre, or of a laptop whose screen \
              is connected to the processor's graphics. The guest's picture comes over the network or shared memory. \
              Laptops keep the card's ROM in the firmware, so the guest may need it as a file.",
    run: Some(no_display),
    ..DEVICE
};

static HOST_VTCON: Check = Check {
    code: "HOST-VTCON",
    title: "kernel console is not on the GPUs",
    explain: "The kernel draws its console on the framebuffer of this GPU and keeps using it. If a host's only GPU is \
              passed, unbind the console first ('echo 0 > /sys/class/vtconsole/vtcon1/bind') and bind it again \
              afterwards, by a libvirt hook.",
    run: Some(console),
    ..DEVICE
};

pub(in super::super) static HOST_CONSOLE_DRIVER: Check = Check {
    code: "HOST-CONSOLE-DRIVER",
    title: "firmware framebuffer is not on the GPUs",
    short: "boot framebuffer",
    explain: "The firmware left a framebuffer in a BAR of this GPU, and the kernel still draws its console there \
              (efifb, simplefb, BOOTFB in /proc/iomem). Before Linux 6.0 vfio-pci then cannot reserve the BAR (\"BAR \
              1: can't reserve [mem ...]\") and the guest's screen stays black; from 6.0 on it evicts the console \
              automatically. Disable the framebuffer on the kernel command line: video=efifb:off, or \
              initcall_blacklist=sysfb_init if the kernel has it as a simple framebuffer (5.15 and later). The host \
              then has no console on this GPU.",
    run: Some(firmware_framebuffer),
    ..DEVICE
};

static GPU_LAPTOP: Check = Check {
    code: "GPU-LAPTOP",
    title: "host is a desktop or server",
    explain: "In laptops the firmware controls the power of the graphics card and the path to the screen, and the \
              card's driver expects laptop hardware around it. Passing it works for some models only.",
    run: Some(laptop),
    ..DEVICE
};

pub(in super::super) static ROM_ABSENT: Check = Check {
    code: "ROM-ABSENT",
    title: "GPU has a ROM, or rom_file is set",
    explain: "The device has no readable ROM, which should contain its video BIOS. It cannot show anything before the \
              guest's driver is loaded. Give the row a rom_file, dumped on another machine or from a slot where the \
              card is not the first GPU.",
    run: Some(rom),
    ..DEVICE
};

static VM_MACHINE: Check = Check {
    code: "VM-MACHINE",
    title: "guests with GPUs use PCI Express",
    short: "VM without PCI Express",
    explain: "The machine type pc has no PCI Express. Drivers of graphics cards look for their link and may refuse to \
              load, or run slowly. Use q35.",
    run: Some(machine),
    ..Check::VM
};

static VM_FIRMWARE: Check = Check {
    code: "VM-FIRMWARE",
    title: "guests with GPUs boot with UEFI",
    short: "VM without UEFI",
    explain: "With BIOS a passed graphics card shows a picture only if its ROM has a legacy video BIOS, and the \
              resizable BARs of newer cards do not fit. The newest GeForce cards may also fail to reset when such a VM \
              stops, and the host freezes. Use UEFI.",
    run: Some(firmware),
    ..Check::VM
};

/// The graphics of an Intel processor; functions beside the first are virtual ones.
pub(super) fn is_igd(device: &PciDevice) -> bool {
    let at = device.address;
    device.vendor == 0x8086 && (at.domain, at.bus, at.slot, at.function) == (0, 0, 2, 0)
}

fn is_gpu(device: &PciDevice) -> bool {
    device.kind() == PciClass::Gpu
}

fn bmc(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| is_gpu(leaving.device)) {
        notes.looked();
        if leaving.device.is_management_display() {
            let message =
                text!("{named} is the remote console of the server's management controller", named = named(&leaving));
            notes.blocker(leaving.topic(), message, "choose another GPU: this one is of no use to a guest");
        }
    }
}

fn apu(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed() {
        let Some(device) = row.device.filter(|device| is_gpu(device)) else { continue };
        notes.looked();
        if !processor::is_graphics(subject.facts, device) {
            continue;
        }
        let message =
            text!("{address} ({label}) is part of an AMD processor", address = row.address, label = device.label());
        notes.warning(row.place(), message, recipe(subject, row.address));
    }
}

/// What others do to get the graphics of a processor to work in a guest.
fn recipe(subject: &Subject, gpu: PciAddress) -> Text {
    let sound = processor::sound(subject.facts, gpu).map(|sound| sound.address);
    let sound = sound.map_or_else(|| "its sound".into(), |address| text!("{address}", address));
    let codec = processor::codec(subject.facts, gpu).map(|codec| codec.address);
    let codec = codec.filter(|address| subject.passed().all(|row| row.address != *address));
    let codec = codec.map(|address| {
        text!(
            "; also take {address}, the board's sound, if the picture has errors or the IOMMU reports faults",
            address
        )
    });
    text!(
        "use UEFI, with a ROM file each: the processor's video BIOS for {gpu}, AMDGopDriver.rom for {sound}; install \
         RadeonResetBugFix in a Windows guest{codec}",
        gpu,
        sound,
        codec = codec.unwrap_or_default()
    )
}

fn igd(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed() {
        let Some(device) = row.device.filter(|device| is_gpu(device)) else { continue };
        notes.looked();
        if is_igd(device) && !card::is_virtual(subject.facts, device.address) {
            let message = text!(
                "{address} ({label}) is part of an Intel processor",
                address = row.address,
                label = device.label()
            );
            notes.warning(row.place(), message, "use q35 with UEFI and no screen at boot, or a virtual function of it");
        }
    }
}

fn only(subject: &Subject, notes: &mut Notes) {
    let taken: Vec<_> = subject.leaving().into_iter().filter(|leaving| is_gpu(leaving.device)).collect();
    let Some(first) = taken.first() else { return };
    notes.looked();
    let stays = |device: &&PciDevice| taken.iter().all(|leaving| leaving.device.address != device.address);
    if !subject.facts.pci.items().iter().filter(|device| is_gpu(device)).any(|device| stays(&device)) {
        let message = text!("without {address} the host has no display left", address = first.device.address);
        notes.warning(
            Topic::from(place(first.row.row)).about(first.device.address),
            message,
            "make sure that you can reach it by SSH or a serial console",
        );
    }
}

fn no_display(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed() {
        let Some(device) = row.device.filter(|device| is_gpu(device)) else { continue };
        notes.looked();
        if device.class >> 8 != 0x0300 && !is_igd(device) {
            let message =
                text!("{address} ({label}) has no display outputs", address = row.address, label = device.label());
            notes.info(row.place(), message, "reach the guest's desktop over the network");
        }
    }
}

fn console(subject: &Subject, notes: &mut Notes) {
    let Some(displays) = subject.facts.displays.get() else { return };
    for leaving in subject.leaving().into_iter().filter(|leaving| is_gpu(leaving.device)) {
        notes.looked();
        let drawn = displays.framebuffers.iter().any(|buffer| buffer.function == Some(leaving.device.address));
        let bound = displays.consoles.iter().find(|console| console.bound && console.on.contains("frame buffer"));
        if let Some(console) = bound.filter(|_| drawn) {
            let message =
                text!("{named}: the kernel draws {console} on it", named = named(&leaving), console = console.name);
            let way_out = text!(
                "unbind it before the start: echo 0 > /sys/class/vtconsole/{console}/bind",
                console = console.name
            );
            notes.info(leaving.topic(), message, way_out);
        }
    }
}

/// From this kernel on vfio-pci takes the firmware's frame buffer off a GPU by itself.
const EVICTS: (u32, u32) = (6, 0);
/// From this kernel on the firmware's frame buffer can be a device of its own.
const SIMPLE: (u32, u32) = (5, 15);

fn firmware_framebuffer(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| is_gpu(leaving.device)) {
        let what = "whether the firmware framebuffer is off the GPUs";
        let Some(kernel) = of_host(subject, notes, &subject.facts.kernel, what) else { return };
        let Some(release) = of_host(subject, notes, &kernel.release, what) else { return };
        if kernel.version().is_some_and(|version| version >= EVICTS) {
            return;
        }
        let Some(displays) = of_host(subject, notes, &subject.facts.displays, what) else { return };
        let Some(buffer) = of_host(subject, notes, &displays.firmware_framebuffer, what) else { return };
        let Some((start, end)) = *buffer else { return };
        let Some(bars) = detail(subject, notes, &leaving, |details| &details.bars, "the BARs of") else { continue };
        let holds = |bar: &&Bar| bar.start <= end && start < bar.start.saturating_add(bar.size.0) && bar.size.0 > 0;
        if let Some(bar) = bars.iter().find(holds) {
            let message = text!(
                "{named}: the firmware framebuffer is in its BAR {index}, which kernel {release} does not release to \
                 vfio-pci",
                named = named(&leaving),
                index = bar.index,
                release
            );
            let simple = kernel.version().is_some_and(|version| version >= SIMPLE)
                && kernel.options.get().is_some_and(|options| options.contains_key("SYSFB_SIMPLEFB"));
            let word = if simple { "initcall_blacklist=sysfb_init" } else { "video=efifb:off" };
            let way_out =
                text!("{add} The host then has no console on this GPU.", add = remedy::add(subject.facts, word));
            notes.warning(leaving.topic(), message, way_out);
        }
    }
}

fn laptop(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| is_gpu(leaving.device) && !leaving.held) {
        let address = leaving.device.address;
        // Neither has to do with how the firmware of a laptop treats its own card.
        if card::is_virtual(subject.facts, address) || reset::is_removable(subject.facts, address) {
            continue;
        }
        let Some(portable) = subject.facts.kernel.get().and_then(crate::facts::Kernel::is_portable) else { continue };
        notes.looked();
        if portable {
            let message = text!("{named} is in a laptop", named = named(&leaving));
            notes.warning(leaving.topic(), message, "it works for some models only: look for reports on this one");
        }
    }
}

fn rom(subject: &Subject, notes: &mut Notes) {
    for leaving in subject.leaving().into_iter().filter(|leaving| is_gpu(leaving.device) && !leaving.held) {
        let device = leaving.device;
        if leaving.row.asked.rom_file.is_some() || device.class >> 8 != 0x0300 {
            continue;
        }
        // A virtual function has none and needs none; what a processor's graphics need, GPU-APU says.
        if card::is_virtual(subject.facts, device.address) || processor::is_graphics(subject.facts, device) {
            continue;
        }
        let rom = detail(subject, notes, &leaving, |details| &details.rom, "whether there is a ROM on");
        if rom == Some(&None) {
            let message = text!("{named} has no readable ROM", named = named(&leaving));
            notes.warning(leaving.topic(), message, "give it a rom_file if the guest's boot must be visible");
        }
    }
}

fn guest_gpu<'a>(subject: &'a Subject) -> Option<&'a super::super::subject::PciRow<'a>> {
    subject.passed().find(|row| row.device.is_some_and(is_gpu))
}

fn machine(subject: &Subject, notes: &mut Notes) {
    let Some(row) = guest_gpu(subject) else { return };
    notes.looked();
    if !subject.machine.chipset.is_pci_express() {
        let message = text!(
            "machine type {machine_type} has no PCI Express for {address}",
            machine_type = subject.machine.machine_type.value,
            address = row.address
        );
        notes.warning(row.place(), message, Remedy::from("use machine type q35").setting(field("machine"), "q35"));
    }
}

fn firmware(subject: &Subject, notes: &mut Notes) {
    let Some(row) = guest_gpu(subject) else { return };
    notes.looked();
    if subject.machine.firmware.value == Firmware::Bios {
        let message = text!("the guest boots with BIOS, in which {address} may show nothing", address = row.address);
        notes.warning(row.place(), message, Remedy::from("set uefi").setting(field("uefi"), true));
    }
}
