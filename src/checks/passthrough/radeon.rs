//! Checks of AMD's graphics cards: families that do not come back after a VM.

use super::super::subject::Leaving;
use super::super::text::text;
use super::super::{Check, Notes, Subject};
use super::{DEVICE, named};
use crate::facts::pci::AMD_GRAPHICS;
use crate::facts::pci_details::ResetMethod;
use crate::facts::{ModuleState, PciClass};
use crate::machine::processor;
use crate::machine::radeon_family::{family, newest};

pub(in super::super) static CHECKS: &[&Check] = &[&RESET_AMD_BUG, &RESET_NAVI];

static RESET_AMD_BUG: Check = Check {
    code: "RESET-AMD-BUG",
    title: "AMD GPU resets after VM shutdown",
    short: "AMD reset bug",
    explain: "The kernel alone cannot reset GPUs of these AMD families (Polaris, Vega, Navi 1x): the second start of a \
              VM gives a black screen or Code 43 until the host restarts. The module vendor-reset (by DKMS, to be \
              signed under Secure Boot) resets many of them. Its build failed with Linux 6.12 until it was patched, and \
              from 5.15 on the kernel uses it only if the card's reset_method is set to device_specific, after each boot \
              (a udev rule can do it). Without it, stop the VM rather than reboot it.",
    run: Some(old),
    ..DEVICE
};

static RESET_NAVI: Check = Check {
    code: "RESET-NAVI",
    title: "newer AMD GPU resets after VM shutdown",
    short: "reset uncertain",
    explain: "Reports of RDNA 3 and RDNA 4 cards (Navi 31, 32, 33, 44, 48) are mixed: many work again and again, others \
              hang the host when the VM stops. Upstream vendor-reset does not have them; a fork (branch navi-32) has \
              Navi 32. What helped some, in this order: keep the card off amdgpu and awake (bind it to vfio-pci at boot, \
              with disable_idle_d3=1), set rom_bar to off for both functions, suspend the host for a second between two \
              starts ('rtcwake -m mem -s 1'), use another kernel (6.15 broke what worked with 6.14 in one report). Save \
              the host's work before you stop the VM for the first time.",
    run: Some(navi),
    ..DEVICE
};

/// Of this family most reports are good.
const MOSTLY_GOOD: &str = "Navi 31";

/// Whether vendor-reset is or can be loaded, where that is known.
pub(super) fn vendor_reset(subject: &Subject) -> Option<bool> {
    subject.facts.vfio.get()?.module("vendor_reset").map(ModuleState::is_usable)
}

/// The AMD cards that the guest gets.
fn cards<'a>(subject: &'a Subject) -> impl Iterator<Item = Leaving<'a>> {
    let radeon = |leaving: &Leaving| {
        let device = leaving.device;
        device.vendor == AMD_GRAPHICS
            && device.kind() == PciClass::Gpu
            && !leaving.held
            && !processor::is_graphics(subject.facts, device)
    };
    subject.leaving().into_iter().filter(radeon)
}

fn old(subject: &Subject, notes: &mut Notes) {
    for leaving in cards(subject) {
        notes.looked();
        let address = leaving.device.address;
        let Some(family) = family(leaving.device) else { continue };
        if vendor_reset(subject) != Some(true) {
            let message = text!(
                "{named} is of the family {family}, which the kernel alone cannot reset",
                named = named(&leaving),
                family
            );
            let way_out = "install the module vendor-reset, or restart the host before each further start of the VM";
            notes.warning(leaving.topic(), message, way_out);
        } else if chooses_another(subject, &leaving) {
            let message = text!(
                "{named} ({family}) is not reset by vendor-reset: the kernel tries other ways first",
                named = named(&leaving),
                family
            );
            let way_out = text!(
                "run as root after each boot: echo device_specific > /sys/bus/pci/devices/{address}/reset_method",
                address
            );
            notes.warning(leaving.topic(), message, way_out);
        }
    }
}

/// True where vendor-reset is running and the kernel would use another way to reset the card before it.
fn chooses_another(subject: &Subject, leaving: &Leaving) -> bool {
    let loaded = subject.facts.vfio.get().and_then(|vfio| vfio.module("vendor_reset")) == Some(ModuleState::Loaded);
    let details = subject.facts.details.get(&leaving.device.address);
    let first = details.and_then(|details| details.reset_methods.get()).map(|methods| methods.first());
    loaded && first.is_some_and(|first| first != Some(&ResetMethod::DeviceSpecific))
}

fn navi(subject: &Subject, notes: &mut Notes) {
    for leaving in cards(subject) {
        notes.looked();
        let Some(family) = newest(leaving.device) else { continue };
        let message = text!(
            "{named} is of the family {family}, of which some hang the host when the VM stops; reports are mixed",
            named = named(&leaving),
            family
        );
        let way_out = "save the host's work before the VM first stops; if it hangs: bind the card to vfio-pci at boot with \
                       disable_idle_d3=1, set rom_bar to off, or suspend the host for a second between two starts";
        if family == MOSTLY_GOOD {
            notes.info(leaving.topic(), message, way_out);
        } else {
            notes.warning(leaving.topic(), message, way_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, known};
    use crate::facts::pci_details::ResetMethod;
    use crate::facts::{ModuleState, PciDetails, Vfio};

    /// The card of the tests as this one of AMD's.
    fn card(id: u16) -> Asked {
        Asked::pass(&["01:00.0", "01:00.1"]).devices(|device| {
            if device.address.to_string() == "0000:01:00.0" {
                (device.vendor, device.device) = (0x1002, id);
            }
        })
    }

    #[test]
    fn cards_that_may_hang_the_host_are_told_by_family() {
        for (id, family) in [(0x747e, "Navi 32"), (0x7480, "Navi 33"), (0x7550, "Navi 48"), (0x7590, "Navi 44")] {
            let said = card(id).said("RESET-NAVI").warning();
            assert!(said.message.contains(family) && said.message.contains("mixed"), "{}", said.message);
        }
        card(0x744c).said("RESET-NAVI").info();
        card(0x73bf).passes("RESET-NAVI");
        Asked::pass(&["01:00.0", "01:00.1"]).quiet("RESET-NAVI");
    }

    #[test]
    fn vendor_reset_helps_only_where_the_kernel_uses_it() {
        let with = |methods: &[ResetMethod]| {
            card(0x731f).facts(|facts| {
                let modules = [("vendor_reset".into(), known(ModuleState::Loaded))].into();
                facts.vfio = known(Vfio { modules, ..Vfio::default() });
                let details = PciDetails { reset_methods: known(methods.to_vec()), ..PciDetails::default() };
                facts.details.insert("01:00.0".parse().unwrap_or_else(|_| unreachable!()), details);
            })
        };
        let said = with(&[ResetMethod::Bus, ResetMethod::DeviceSpecific]).said("RESET-AMD-BUG").warning();
        assert!(said.remedy.contains("device_specific"), "{}", said.remedy);
        with(&[ResetMethod::DeviceSpecific]).passes("RESET-AMD-BUG");
    }
}
