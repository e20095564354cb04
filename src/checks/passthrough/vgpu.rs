//! Checks of GPUs and accelerators that are shared as functions: NVIDIA's vGPUs on virtual functions, accelerators of which
//! only virtual functions survive a VM.

use super::super::subject::{Leaving, PciRow};
use super::super::text::text;
use super::super::{Check, Notes, Subject};
use super::{DEVICE, named};
use crate::facts::pci::AMD_GRAPHICS;
use crate::facts::{PciClass, PciDevice};
use crate::machine::card;

pub(in super::super) static CHECKS: &[&Check] = &[&GPU_VGPU, &ACCEL_PHYSICAL];

static GPU_VGPU: Check = Check {
    code: "GPU-VGPU",
    title: "vGPUs keep their driver and have a type",
    short: "vGPU without type",
    explain: "From NVIDIA vGPU 17 and Linux 6.8 on, the vGPUs of newer GPUs are virtual functions, not mediated devices. \
              They stay on the driver nvidia, and their type is written to nvidia/current_vgpu_type in the function's \
              folder; nvidia/creatable_vgpu_types lists the types. vmbuild passes such a function unmanaged \
              (managed='no'): binding vfio-pci would end the vGPU. libvirt 10.1 and later recognise it.",
    run: Some(vgpu),
    ..DEVICE
};

static ACCEL_PHYSICAL: Check = Check {
    code: "ACCEL-PHYSICAL",
    title: "accelerators are passed as virtual functions",
    short: "may be lost at reset",
    explain: "Some data-centre accelerators do not survive the reset that VFIO does when a VM ends: the physical function \
              then reads as ones only until the host restarts. Their vendors' drivers make virtual functions instead \
              (AMD Instinct: GIM, with sriov_numvfs), which can be reset and passed.",
    run: Some(physical),
    ..DEVICE
};

fn vgpu(subject: &Subject, notes: &mut Notes) {
    for row in subject.passed() {
        let Some(device) = row.device.filter(|device| card::is_vgpu(subject.facts, device)) else { continue };
        notes.looked();
        let details = subject.facts.details.get(&device.address);
        match details.and_then(|details| *details.vgpu_type.get()?) {
            Some(0) => without_type(notes, row),
            Some(number) => {
                let message = text!(
                    "{address} is a vGPU of type {number} (current_vgpu_type): it stays on nvidia, and rebinding would \
                     end it",
                    address = row.address,
                    number
                );
                notes.info(row.place(), message, "");
            }
            None => {
                let message = text!(
                    "{address} is a virtual function on nvidia and stays there, as rebinding ends a vGPU; its type is not \
                     known",
                    address = row.address
                );
                let way_out = text!(
                    "make sure that /sys/bus/pci/devices/{address}/nvidia/current_vgpu_type is not 0 before the VM starts",
                    address = row.address
                );
                notes.warning(row.place(), message, way_out);
            }
        }
    }
}

fn without_type(notes: &mut Notes, row: &PciRow) {
    let message = text!("{address} is a virtual function for a vGPU that has no type yet", address = row.address);
    let way_out = text!(
        "write a type of nvidia/creatable_vgpu_types to /sys/bus/pci/devices/{address}/nvidia/current_vgpu_type",
        address = row.address
    );
    notes.blocker(row.place(), message, way_out);
}

/// AMD's Instinct of class "display": MI200 and MI300.
const INSTINCT: [std::ops::RangeInclusive<u16>; 2] = [0x7408..=0x740f, 0x74a0..=0x74bf];

fn is_accelerator(device: &PciDevice) -> bool {
    let instinct = device.vendor == AMD_GRAPHICS && INSTINCT.iter().any(|ids| ids.contains(&device.device));
    device.computes() && (device.kind() != PciClass::Gpu || instinct)
}

fn physical(subject: &Subject, notes: &mut Notes) {
    let accelerators = |leaving: &Leaving| !leaving.held && is_accelerator(leaving.device);
    for leaving in subject.leaving().into_iter().filter(accelerators) {
        notes.looked();
        let details = subject.facts.details.get(&leaving.device.address);
        let sriov = details.and_then(|details| details.sriov.get()?.as_ref());
        // While it has some, NET-PF-WITH-VFS blocks it.
        let Some(sriov) = sriov.filter(|sriov| sriov.total > 0 && sriov.functions.is_empty()) else { continue };
        let message = text!(
            "{named} may be lost until the host restarts once VFIO has reset it; it can have {total} virtual functions",
            named = named(&leaving),
            total = sriov.total
        );
        notes.warning(leaving.topic(), message, "pass a virtual function that the vendor's driver makes (AMD: GIM)");
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, known};
    use crate::facts::PciDetails;
    use crate::facts::pci_details::SrIov;

    /// The GPU of the tests as a virtual function of the drive's, with the type of a vGPU.
    fn vgpu(kind: Option<u32>) -> Asked {
        Asked::pass(&["01:00.0"]).facts(|facts| {
            let physical = "03:00.0".parse().ok();
            let own =
                PciDetails { physical_function: known(physical), vgpu_type: known(kind), ..PciDetails::default() };
            facts.details.extend("01:00.0".parse().ok().map(|address| (address, own)));
        })
    }

    #[test]
    fn a_vgpu_stays_on_its_driver_and_needs_a_type() {
        vgpu(Some(0)).said("GPU-VGPU").blocker();
        vgpu(Some(1147)).said("GPU-VGPU").info();
        let said = vgpu(None).said("GPU-VGPU").warning();
        assert!(said.remedy.contains("current_vgpu_type") && said.message.contains("rebinding ends"), "{said:?}");
        vgpu(Some(1147)).quiet("PCI-DRIVER");
        Asked::pass(&["01:00.0"]).quiet("GPU-VGPU");
    }

    #[test]
    fn an_accelerator_is_better_passed_in_parts() {
        let accelerator = |total| {
            let asked = Asked::pass(&["01:00.0", "01:00.1"]).facts(|facts| {
                let sriov = known(Some(SrIov { total, functions: Vec::new() }));
                let own = PciDetails { sriov, ..PciDetails::default() };
                facts.details.extend("01:00.0".parse().ok().map(|address| (address, own)));
            });
            asked.devices(|device| {
                if device.address.to_string() == "0000:01:00.0" {
                    device.class = 0x12_00_00;
                }
            })
        };
        assert!(accelerator(8).said("ACCEL-PHYSICAL").warning().message.contains("8 virtual functions"));
        accelerator(0).passes("ACCEL-PHYSICAL");
        Asked::pass(&["01:00.0"]).quiet("ACCEL-PHYSICAL");
    }
}
