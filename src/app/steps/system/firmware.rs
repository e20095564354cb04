//! The machine, its firmware, and what it boots.

use super::super::page::top;
use crate::app::Model;
use crate::app::form::{Field, why, yes};
use crate::app::options::{FIRMWARE, KnownValues, VIRT_TYPES};
use crate::machine::Firmware;
use crate::spec::devices::FirmwareKind;

/// The fields that not every VM needs, with their headings.
pub(super) fn fields(model: &Model) -> impl Iterator<Item = Field> {
    firmware(model).into_iter().chain(boot())
}

/// What the guest is started as.
pub(super) fn machine(model: &Model) -> [Field; 5] {
    let machine = &model.case.machine;
    let uefi = machine.firmware.value.is_uefi();
    let secure = matches!(machine.firmware.value, Firmware::Uefi { secure_boot: true });
    [
        Field::free(top("architecture"), KnownValues::Architectures)
            .default(machine.arch.value.clone(), why(&machine.arch)),
        Field::free(top("machine"), KnownValues::Machines(machine.arch.value.clone()))
            .default(machine.machine_type.value.clone(), why(&machine.machine_type))
            .help("q35 has PCI Express, which passthrough needs; pc is for old guests."),
        Field::choice(top("virt_type"), KnownValues::Fixed(VIRT_TYPES))
            .default(machine.virt_type.value.name(), runs_on(model)),
        Field::toggle(top("uefi")).default(yes(uefi), why(&machine.firmware)).help("Boot by OVMF, not SeaBIOS."),
        Field::toggle(top("secure_boot"))
            .default(yes(secure), "")
            .disabled((!uefi).then(|| "Secure Boot needs UEFI: switch UEFI on first".to_owned()))
            .help("With the vendors' keys enrolled; Windows 11 requires it."),
    ]
}

fn firmware(model: &Model) -> [Field; 3] {
    let uefi = model.case.machine.firmware.value.is_uefi();
    let bios = || (!uefi).then(|| "only with UEFI".to_owned());
    [
        Field::choice(top("firmware"), KnownValues::Fixed(FIRMWARE))
            .default(if uefi { FirmwareKind::Uefi } else { FirmwareKind::Bios }.name(), "from the field UEFI")
            .help("By its name; the same as the field UEFI."),
        Field::toggle(top("enrolled_keys"))
            .default(yes(uefi), "")
            .disabled(bios())
            .help("Off: the guest enrols keys of its own before Secure Boot holds."),
        Field::text(top("nvram"))
            .default("chosen by libvirt", "")
            .disabled(bios())
            .help("Where the firmware keeps its variables: an absolute path."),
    ]
    .map(Field::more)
}

fn boot() -> [Field; 5] {
    let at = |field: &str| top("boot").key(field);
    [
        Field::lines(at("order"))
            .default("by disk and interface", "")
            .help("cdrom, disk, network: one per line, the first one first."),
        Field::toggle(at("menu")).default("no", "").help("The firmware waits 3 s for a key."),
        Field::text(at("kernel"))
            .default("none", "the firmware finds one")
            .help("A kernel image of the host, started directly: an absolute path."),
        Field::text(at("initrd")).default("none", "").help("Its initial RAM disk."),
        Field::text(at("args"))
            .default("none", "")
            .help("Kernel command line; root= is added for the disk that is marked as root."),
    ]
    .map(Field::more)
}

/// Why the guest runs as it does. libvirt's test driver, on which the demo host lives, runs nothing.
fn runs_on(model: &Model) -> String {
    if model.case.machine.is_only_a_test() && model.facts.host.get().is_some() {
        return "as on real hosts; this is libvirt's test driver, which runs nothing".into();
    }
    why(&model.case.machine.virt_type)
}
