//! Checks of the guest around a passed GPU: what its drivers and its life cycle make of it.

use super::super::subject::PciRow;
use super::super::text::text;
use super::super::wording::field;
use super::super::{Check, Notes, Subject};
use super::radeon;
use crate::facts::pci::{AMD_GRAPHICS, NVIDIA};
use crate::facts::{PciClass, PciDevice};
use crate::machine::{Firmware, card, radeon_family};

pub(in super::super) static CHECKS: &[&Check] =
    &[&GPU_CODE43, &GPU_AMD_HV, &VM_DUAL_DISPLAY, &VM_SB_LINUX, &VM_SAVEVM, &VM_ONREBOOT];

static GPU_CODE43: Check = Check {
    code: "GPU-CODE43",
    title: "KVM is hidden from old NVIDIA drivers",
    explain: "GeForce drivers for Windows before version 465 (2021) refuse to run in a VM with Code 43. Hiding KVM \
              from the guest costs nothing and is done by default. Newer drivers accept a VM; then Code 43 has another \
              cause: the ROM, the reset, a laptop.",
    run: Some(code43),
    ..Check::VM
};

static GPU_AMD_HV: Check = Check {
    code: "GPU-AMD-HV",
    title: "AMD driver works under a hypervisor",
    explain: "Windows drivers of the newest AMD cards (RDNA 3 and 4) are slow or misbehave in a guest unless the vendor of \
              the hypervisor is that of the CPU (AuthenticAMD, GenuineIntel). vmbuild writes it (hyperv vendor_id). To \
              hide the hypervisor altogether (<feature policy='disable' name='hypervisor'/>) is the older advice: it \
              costs Windows its Hyper-V features and most of its speed.",
    run: Some(amd),
    ..Check::VM
};

static VM_DUAL_DISPLAY: Check = Check {
    code: "VM-DUAL-DISPLAY",
    title: "guest has one display",
    explain: "With an emulated card in addition to the passed one the guest has two displays. Windows shows its \
              desktop on the one it takes for the first, systems with Wayland on the first they find. This helps \
              during the installation and confuses afterwards: remove the emulated card with graphics of type none.",
    run: Some(displays),
    ..Check::VM
};

static VM_SB_LINUX: Check = Check {
    code: "VM-SB-LINUX",
    title: "Secure Boot allows the guest's GPU driver",
    explain: "Under Secure Boot a Linux guest loads only signed modules. An NVIDIA driver that is built in the guest \
              (DKMS) must be signed with a key that is enrolled at its first start (MOK), which is difficult without a \
              screen. Leave Secure Boot off for such guests.",
    run: Some(secure_boot),
    ..Check::VM
};

static VM_SAVEVM: Check = Check {
    code: "VM-SAVEVM",
    title: "VM is not saved on host shutdown",
    explain: "The state of a passed device cannot be saved: no managed save, no snapshot with memory, no migration. If \
              the host saves its VMs when it shuts down (libvirt-guests with ON_SHUTDOWN=suspend), saving this one \
              fails and the VM is killed. Set ON_SHUTDOWN=shutdown there.",
    run: Some(save),
    ..Check::VM
};

static VM_ONREBOOT: Check = Check {
    code: "VM-ONREBOOT",
    title: "GPU works after a guest reboot",
    explain: "When the guest reboots, the card is reset, which this card does not survive: the guest has a black \
              screen. Shut it off and start it again instead, or let libvirt end the VM at a reboot: \
              <on_reboot>destroy</on_reboot> in custom_xml.",
    run: Some(reboot),
    ..Check::VM
};

/// The rows that pass a display.
fn gpus<'a>(subject: &'a Subject) -> impl Iterator<Item = (&'a PciRow<'a>, &'a PciDevice)> {
    let passed = subject.pci.iter().filter(|row| !row.asked.is_held());
    passed.filter_map(|row| Some((row, row.device?))).filter(|(_, device)| device.kind() == PciClass::Gpu)
}

fn code43(subject: &Subject, notes: &mut Notes) {
    for (row, device) in gpus(subject).filter(|_| subject.machine.windows) {
        notes.looked();
        if device.vendor == NVIDIA && device.class >> 8 == 0x0300 {
            let hidden = subject.machine.hide_kvm.value;
            let done =
                if hidden { "KVM is hidden from the guest for them" } else { "KVM is not hidden from the guest" };
            let message = text!(
                "{address} ({label}): drivers before 465 refuse to run in VMs; {done}",
                address = row.address,
                label = device.label(),
                done
            );
            notes.info(row.place(), message, "install a current driver in the guest");
        }
    }
}

fn amd(subject: &Subject, notes: &mut Notes) {
    for (row, device) in gpus(subject).filter(|_| subject.machine.windows) {
        notes.looked();
        if device.vendor != AMD_GRAPHICS || radeon_family::newest(device).is_none() {
            continue;
        }
        let card = text!("{address} ({label})", address = row.address, label = device.label());
        if let Some(vendor) = &subject.machine.hypervisor_vendor.value {
            let message =
                text!("{card}: Windows is told the hypervisor vendor {vendor}, which its driver needs", card, vendor);
            notes.info(row.place(), message, "");
        } else {
            let message =
                text!("{card}: its driver needs the CPU's vendor as hypervisor vendor, which is not known", card);
            let way_out =
                "add <vendor_id state='on' value='AuthenticAMD'/> (or GenuineIntel) to <hyperv> in custom_xml";
            notes.info(row.place(), message, way_out);
        }
    }
}

fn displays(subject: &Subject, notes: &mut Notes) {
    // Beside a virtual function the emulated card stays: the guest's boot shows on nothing else.
    let whole = |device: &PciDevice| !card::is_virtual(subject.facts, device.address);
    let Some((row, device)) = gpus(subject).find(|(_, device)| whole(device)) else { return };
    notes.looked();
    if let Some(model) = &subject.machine.video.value {
        let message = text!(
            "the guest has two displays: {address} ({label}) and an emulated one ({model})",
            address = row.address,
            label = device.label(),
            model
        );
        notes.info(field("graphics"), message, "set graphics to type none once the guest's driver is installed");
    }
}

fn secure_boot(subject: &Subject, notes: &mut Notes) {
    for (row, device) in gpus(subject).filter(|_| !subject.machine.windows) {
        notes.looked();
        if device.vendor == NVIDIA && subject.machine.firmware.value == (Firmware::Uefi { secure_boot: true }) {
            let message = text!(
                "{address} ({label}): under Secure Boot its driver must be signed with a key enrolled in the guest",
                address = row.address,
                label = device.label()
            );
            notes.warning(field("secure_boot"), message, "leave secure_boot off, unless the guest is prepared for it");
        }
    }
}

fn save(subject: &Subject, notes: &mut Notes) {
    if !subject.machine.passes_devices() {
        return;
    }
    notes.looked();
    if subject.machine.autostart {
        let message = "the VM starts with the host and cannot be saved when the host shuts down";
        notes.warning(field("autostart"), message, "set ON_SHUTDOWN=shutdown for libvirt-guests");
    }
}

fn reboot(subject: &Subject, notes: &mut Notes) {
    for (row, device) in gpus(subject).filter(|(_, device)| device.vendor == AMD_GRAPHICS) {
        notes.looked();
        if let Some(family) = radeon_family::family(device).filter(|_| radeon::vendor_reset(subject) != Some(true)) {
            let message = text!(
                "{address} ({family}) does not work again after the guest reboots",
                address = row.address,
                family
            );
            notes.info(row.place(), message, "shut the guest off and start it again instead of rebooting it");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::Asked;
    use crate::facts::Fact;
    use serde_json::{Value, json};

    const GPU: &str = "0000:01:00.0";

    fn asked(patch: &Value) -> Asked {
        let mut spec = json!({"uefi": true, "pci_devices": [{"host_address": GPU}, {"host_address": "0000:01:00.1"}]});
        for (field, value) in patch.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        Asked::with(spec)
    }

    /// The card as one of AMD's.
    fn radeon(asked: Asked, id: u16) -> Asked {
        asked.devices(|device| {
            if device.address.to_string() == GPU {
                (device.vendor, device.device) = (0x1002, id);
            }
        })
    }

    #[test]
    fn windows_and_its_drivers_are_told_apart() {
        let windows = || asked(&json!({"os_type": "windows"}));
        assert!(windows().said("GPU-CODE43").info().message.contains("KVM is hidden"));
        asked(&json!({})).quiet("GPU-CODE43");
        radeon(windows(), 0x744c).passes("GPU-CODE43").said("GPU-AMD-HV").info();
        radeon(windows(), 0x73bf).passes("GPU-AMD-HV");
        radeon(asked(&json!({})), 0x744c).quiet("GPU-AMD-HV");
    }

    #[test]
    fn two_displays_are_pointed_out() {
        asked(&json!({"graphics": [{"type": "vnc"}]})).said("VM-DUAL-DISPLAY").info();
        asked(&json!({"graphics": [{"type": "none"}]})).passes("VM-DUAL-DISPLAY");
        Asked::good().quiet("VM-DUAL-DISPLAY");
    }

    #[test]
    fn secure_boot_keeps_unsigned_drivers_of_linux_out() {
        asked(&json!({"secure_boot": true})).said("VM-SB-LINUX").warning();
        asked(&json!({"secure_boot": false})).passes("VM-SB-LINUX");
        asked(&json!({"secure_boot": true, "os_type": "windows"})).quiet("VM-SB-LINUX");
        radeon(asked(&json!({"secure_boot": true})), 0x73bf).passes("VM-SB-LINUX");
    }

    #[test]
    fn a_vm_that_cannot_be_saved_may_not_start_with_the_host_unseen() {
        asked(&json!({"autostart": true})).said("VM-SAVEVM").warning();
        asked(&json!({})).passes("VM-SAVEVM");
        Asked::set("autostart", json!(true)).quiet("VM-SAVEVM");
    }

    #[test]
    fn a_card_that_does_not_survive_a_reset_does_not_survive_a_reboot() {
        let polaris = radeon(asked(&json!({})), 0x67df).facts(|facts| facts.vfio = Fact::default());
        polaris.said("VM-ONREBOOT").info();
        radeon(asked(&json!({})), 0x73bf).passes("VM-ONREBOOT");
        asked(&json!({})).quiet("VM-ONREBOOT");
    }
}
