//! What libvirt, QEMU and the kernel say when a VM does not come up, read backwards: the words, the finding they belong
//! to, the cause and the way out. One table for errors of calls, QEMU's log and the kernel's messages.

mod kind;
mod named;
pub mod unforeseen;

use super::check::Check;
use super::finding::Finding;
use super::text::Wording;
use super::{
    firmware, graphics, hypervisor, image, image_sharing, iommu, memory, network, passthrough, pci, rom, space, target,
    usb, virtual_function,
};
use kind::{Failure, stops};
use serde::{Deserialize, Serialize};

/// What stands behind somebody's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The code of a check, or of a failure that no check foresees; `vmbuild explain` knows both.
    pub code: String,
    /// Why it failed, a sentence.
    pub cause: String,
    /// The way out, a sentence or two.
    pub remedy: String,
    /// False where the VM may work all the same.
    pub stops: bool,
}

/// The rows; the first that fits counts, so the narrower stand before the wider.
static TABLE: [&[Failure]; 5] = [&TAKING, &RUNNING, &KERNEL, &named::NAMED, &DOMAIN];

/// libvirt takes the functions from the host.
static TAKING: [Failure; 14] = [
    stops(
        &[&iommu::IOMMU_GROUP],
        &[&["group ", "is not viable"], &["error getting device from group", "Device or resource busy"]],
        "Another device of the IOMMU group is still bound to a host driver, and VFIO passes whole groups only.",
        "Also pass or hold the other devices of the group; 'vmbuild pci' shows them with their drivers.",
    ),
    stops(
        &[&pci::PCI_IN_USE],
        &[
            &["PCI device ", " is in use by driver ", ", domain "],
            &["PCI device ", " is already in use"],
            &["PCI device ", " is in use"],
        ],
        "A running VM uses this device, or another one of its IOMMU group.",
        "Stop that VM first, or remove the device from one of the two.",
    ),
    Failure {
        checks: &[&unforeseen::VFIO_UNMANAGED],
        words: &[&["Unmanaged PCI device ", "must be manually detached"]],
        cause: "The device has managed='no', so libvirt expects it to be on vfio-pci already, but it is not.",
        remedy: "Remove managed='no' from custom_xml, or detach the device first: 'virsh nodedev-detach \
                 pci_DDDD_BB_SS_F'.",
        stops: true,
    },
    stops(
        &[&pci::PCI_SAME, &usb::USB_SAME],
        &[&["Hostdev already exists in the domain configuration"], &["device is already in the domain configuration"]],
        "A device of the host is in the domain twice.",
        "Remove one of the two, in pci_devices, usb_devices or custom_xml.",
    ),
    stops(
        &[&pci::PCI_BRIDGE],
        &[&["Non-endpoint PCI devices cannot be assigned"]],
        "The address is that of a bridge, which stays with the host.",
        "Pass the card behind the bridge.",
    ),
    stops(
        &[&passthrough::reset::DEV_DEAD],
        &[&["Unknown PCI header type '127'"], &["Unknown PCI header type '255'"]],
        "The device does not respond: it has no power, or its last reset failed.",
        "Write 1 to /sys/bus/pci/devices/ADDRESS/remove and then to /sys/bus/pci/rescan; if that does not help, power \
         the machine off completely.",
    ),
    stops(
        &[&passthrough::reset::RESET_BUS_ONLY],
        &[&["Active ", " devices on bus with ", "not doing bus reset"], &["Cannot reset device", "which is not owned"]],
        "The device can be reset only with its whole bus, and other devices on that bus are in use.",
        "Also pass or hold the other functions of the bus.",
    ),
    stops(
        &[&passthrough::reset::RESET_NONE],
        &[&["Unable to reset PCI device", "no FLR, PM reset or bus reset available"]],
        "The device has no reset method, and libvirt does not pass a device that cannot be reset.",
        "Bind it to vfio-pci at boot: libvirt then leaves the reset to VFIO. For some AMD GPUs the module vendor-reset \
         helps.",
    ),
    stops(
        &[&pci::PCI_DRIVER],
        &[&["Failed to unbind PCI device", " from "]],
        "The host driver does not release the device: it is still in use.",
        "Stop what uses it (display manager, nvidia-persistenced, a mounted disk), or bind it to vfio-pci at boot.",
    ),
    stops(
        &[&passthrough::kernel::VFIO_BLACKLISTED],
        &[&["Failed to load PCI driver module", "administratively prohibited"]],
        "modprobe's configuration forbids vfio-pci.",
        "Remove the line 'blacklist vfio-pci' or 'install vfio-pci' from /etc/modprobe.d.",
    ),
    stops(
        &[&passthrough::kernel::VFIO_MODULE],
        &[&["Failed to load PCI driver module"], &["Failed to add driver", "driver_override"]],
        "vfio-pci could not be loaded, or did not take the device.",
        "Try 'modprobe vfio-pci' on the host; Ubuntu's cloud kernels need linux-modules-extra.",
    ),
    stops(
        &[&iommu::IOMMU_OFF, &iommu::IOMMU_VFIO],
        &[
            &["host doesn't support passthrough of host PCI devices"],
            &["host doesn't support VFIO PCI interface"],
            &["no iommu_group found"],
        ],
        "The host has no IOMMU groups, or vfio-pci is not loaded: libvirt reports the same for both.",
        "'vmbuild doctor' shows which of the two it is, and how to fix it on this host.",
    ),
    stops(
        &[&pci::PCI_MISSING],
        &[&["Device ", " not found: could not access "], &["no node device with matching name"]],
        "There is no longer a PCI function at this address.",
        "'vmbuild pci' lists the devices; addresses change when cards are added or firmware settings change.",
    ),
    Failure {
        checks: &[&virtual_function::NET_VF_ONLY],
        words: &[&["Interface type hostdev is currently supported on SR-IOV Virtual Functions only"]],
        cause: "libvirt passes only SR-IOV virtual functions as interfaces, and this is a whole network card.",
        remedy: "Name a virtual function, or pass the card under pci_devices.",
        stops: true,
    },
];

/// QEMU gives them to the guest.
static RUNNING: [Failure; 13] = [
    stops(
        &[&memory::MEM_PINNED],
        &[
            &["VFIO_MAP_DMA", "Cannot allocate memory"],
            &["VFIO_MAP_DMA", "= -12 "],
            &["vfio_dma_map(", "Cannot allocate memory"],
            &["vfio_container_dma_map(", "Cannot allocate memory"],
            &["cannot limit locked memory of process"],
        ],
        "The guest's memory could not be pinned: too little is free, or QEMU may lock less than the guest has.",
        "Request less memory or stop other VMs. Without the system instance: '@kvm - memlock unlimited' in \
         /etc/security/limits.d. A <hard_limit> in custom_xml has the same effect.",
    ),
    stops(
        &[&passthrough::space::HOST_PHYSBITS],
        &[
            &["VFIO_MAP_DMA", "Invalid argument"],
            &["vfio_dma_map(", "Invalid argument"],
            &["vfio_container_dma_map(", "Invalid argument"],
        ],
        "The guest placed a BAR where the host's IOMMU does not reach.",
        "Limit the guest's addresses in custom_xml: <maxphysaddr mode='passthrough' limit='39'/> in the element cpu.",
    ),
    stops(
        &[&passthrough::space::BAR_LARGE],
        &[&["Address space limit ", "phys-bits too low"]],
        "The guest's memory and BARs need more address bits than its CPU has.",
        "Keep the host's CPU (cpu mode host-passthrough), or pass devices with smaller BARs.",
    ),
    stops(
        &[&passthrough::group::NET_PF_WITH_VFS],
        &[&["VF token required"], &["VF token incorrectly provided"]],
        "The physical function of this virtual function is itself on vfio-pci, which requires a token.",
        "Return the physical function to its driver, and pass only its virtual functions.",
    ),
    Failure {
        checks: &[&passthrough::reset::RESET_NONE],
        words: &[&["Cannot reset device", "no available reset mechanism"]],
        cause: "QEMU has no method to reset this device, which keeps the state of its last user.",
        remedy: "If it does not work in the guest, restart the host. For some AMD GPUs the module vendor-reset helps.",
        stops: false,
    },
    Failure {
        checks: &[&unforeseen::VFIO_DMA_ENTRIES],
        words: &[&["VFIO_MAP_DMA", "No space left"], &["vfio_dma_map(", "No space left"]],
        cause: "The guest's memory is mapped in more pieces than VFIO allows at once (65,535).",
        remedy: "Use huge pages, or raise dma_entry_limit of the module vfio_iommu_type1.",
        stops: true,
    },
    stops(
        &[&passthrough::kernel::IOMMU_INTREMAP, &passthrough::group::RMRR_DIRECT],
        &[
            &["failed to set iommu for container", "Operation not permitted"],
            &["failed to set iommu type", "Operation not permitted"],
            &["No interrupt remapping support"],
        ],
        "The kernel does not release the group: interrupts are not remapped, or the firmware reserves memory for the \
         device.",
        "The kernel log shows which; 'vmbuild doctor' checks for both. Update the firmware and enable x2APIC there.",
    ),
    stops(
        &[&passthrough::group::RMRR_DIRECT],
        &[&["ineligible for IOMMU domain attach", "RMRR"]],
        "The firmware accesses this device at fixed addresses, so the kernel does not release it.",
        "HPE's setup tools can exclude the slot from shared memory; elsewhere use another slot or card.",
    ),
    stops(
        &[&pci::PCI_SESSION],
        &[&["/dev/vfio/", "Permission denied"]],
        "QEMU may not open the group's file: it runs as a user without permission, or a security module forbids it.",
        "Use the system instance, qemu:///system. AppArmor and SELinux messages are in the kernel log.",
    ),
    Failure {
        checks: &[&unforeseen::VFIO_GROUP_FILE],
        words: &[&["/dev/vfio/", "No such file or directory"]],
        cause: "The group has no file below /dev/vfio, because none of its devices is on vfio-pci.",
        remedy: "Leave the binding to libvirt (managed='yes'), or bind the device to vfio-pci before the start.",
        stops: true,
    },
    stops(
        &[&rom::ROM_UNREADABLE],
        &[&["failed to find romfile"], &["failed to load romfile"], &["failed to open romfile"]],
        "QEMU cannot open the ROM file.",
        "Install it where QEMU may read it: 'install -m 0644 FILE /usr/share/vgabios/'.",
    ),
    Failure {
        checks: &[&unforeseen::VFIO_WRITE],
        words: &[&["vfio_region_write", "failed"], &["vfio_region_read", "failed"]],
        cause: "QEMU could not forward an access of the guest to the device: a BAR is reserved by another driver.",
        remedy: "Kernel messages of the same second name the BAR; usually the host's console uses it.",
        stops: true,
    },
    Failure {
        checks: &[&unforeseen::VFIO_SLOW],
        words: &[&["Failed to mmap", "BAR"]],
        cause: "QEMU could not map a BAR of the device, so each access goes through QEMU.",
        remedy: "The device works, but slowly. Kernel messages of the same second name the driver that reserves the \
                 BAR.",
        stops: false,
    },
];

/// The kernel's messages, and what QEMU repeats of them.
static KERNEL: [Failure; 6] = [
    stops(
        &[&passthrough::reset::DEV_DEAD],
        &[&["not ready ", "giving up"]],
        "The device no longer responds after its reset.",
        "Power the machine off completely. If it happens again, choose another reset method (reset_method in sysfs).",
    ),
    Failure {
        checks: &[&passthrough::gpu::HOST_CONSOLE_DRIVER],
        words: &[&["BAR ", "can't reserve"]],
        cause: "The host's console, or the firmware framebuffer, still uses a BAR of the GPU.",
        remedy: "Kernels before 6.0: add video=efifb:off to the kernel command line, with simpledrm \
                 initcall_blacklist=sysfb_init. The host then has no console on this GPU.",
        stops: true,
    },
    Failure {
        checks: &[&unforeseen::DMA_FAULT],
        words: &[&["DMAR:", "[DMA "], &["AMD-Vi:", "IO_PAGE_FAULT"]],
        cause: "The IOMMU blocked an access of the device to memory outside the guest.",
        remedy: "A few at the start come from a device that was not reset; if they continue, its driver or its reset \
                 is the cause.",
        stops: false,
    },
    Failure {
        checks: &[&passthrough::gpu::ROM_ABSENT],
        words: &[
            &["Invalid PCI ROM header signature"],
            &["Invalid PCI ROM data signature"],
            &["Device option ROM contents are probably invalid"],
        ],
        cause: "The card's ROM cannot be read: the card is the firmware's own display, or asleep.",
        remedy: "If the guest shows nothing before its driver is loaded, give the row a rom_file that was dumped while \
                 the card was not the first GPU.",
        stops: false,
    },
    stops(
        &[&passthrough::reset::POWER_D3COLD],
        &[&["Unable to change power state"], &["Refused to change power state"], &["stuck in D3"]],
        "The device does not wake up.",
        "Write 'options vfio-pci disable_idle_d3=1' in /etc/modprobe.d/vfio.conf, and power the machine off once.",
    ),
    stops(
        &[&passthrough::space::BAR_NOT_ASSIGNED],
        &[&["BAR ", "no space for"], &["BAR ", "failed to assign"], &["BAR ", "can't assign"]],
        "A BAR of the device has no address.",
        "Enable \"Above 4G Decoding\" in the firmware.",
    ),
];

/// What stops domains with and without passthrough.
static DOMAIN: [Failure; 11] = [
    stops(
        &[&graphics::GRAPHICS_KIND],
        &[&["spice graphics are not supported with this QEMU"]],
        "This QEMU is built without SPICE.",
        "Use graphics of type vnc.",
    ),
    stops(
        &[&firmware::UEFI_MISSING, &firmware::SECURE_BOOT_MISSING],
        &[&["Unable to find", "firmware that is compatible"], &["could not find any suitable firmware"]],
        "No installed firmware has everything that is requested (UEFI, Secure Boot, enrolled keys).",
        "Install the UEFI package of the guest's architecture (PC: ovmf or edk2-ovmf; ARM: qemu-efi-aarch64 or \
         edk2-aarch64; RISC-V: qemu-efi-riscv64 or edk2-riscv64), or request less.",
    ),
    stops(
        &[&firmware::TPM_MISSING],
        &[&["Unable to find 'swtpm"], &["TPM version '2.0' is not supported"]],
        "The host has no program that emulates a TPM.",
        "Install swtpm and swtpm-tools, or set tpm to false.",
    ),
    stops(
        &[&hypervisor::VIRT_KVM],
        &[
            &["Could not access KVM kernel module"],
            &["failed to initialize kvm"],
            &["Domain requires KVM, but it is not available"],
        ],
        "The host does not run guests on hardware virtualisation.",
        "Enable VT-x or SVM in the firmware and load kvm_intel or kvm_amd; virt_type qemu works without, slowly.",
    ),
    stops(
        &[&target::BUS_IDE],
        &[&["IDE controllers are unsupported for this QEMU binary or machine type"]],
        "This machine type does not support IDE.",
        "Use sata or virtio as the bus, or the machine type pc.",
    ),
    stops(
        &[&memory::MEM_HOST],
        &[&["cannot set up guest memory"], &["unable to map backing store for guest RAM"]],
        "The host does not have enough free memory, or huge pages, for the guest.",
        "Request less memory, stop other VMs, or reserve more huge pages.",
    ),
    stops(
        &[&space::DISK_SPACE],
        &[&["No space left on device"], &["not enough space"], &["insufficient free space"]],
        "The pool is full.",
        "Free space in it, or choose another pool.",
    ),
    stops(
        &[&image_sharing::DISK_IN_USE],
        &[
            &["Failed to get \"write\" lock"],
            &["Failed to get shared \"write\" lock"],
            &["Is another process using the image"],
        ],
        "Another VM or program has the image open.",
        "Stop it, or clone the image.",
    ),
    stops(
        &[&image::IMAGE_MISSING],
        &[&["Cannot access storage file"], &["Could not open '", "No such file or directory"]],
        "An image does not exist, or QEMU's user cannot reach it.",
        "Check its path; QEMU's user must be able to enter every folder above it.",
    ),
    stops(
        &[&network::NET_INACTIVE],
        &[&["network '", "' is not active"]],
        "The network is not started.",
        "Start it with 'virsh net-start NAME', and enable it at boot: 'virsh net-autostart NAME'.",
    ),
    stops(
        &[&network::NET_MISSING],
        &[&["Network not found"], &["no network with matching name"]],
        "libvirt has no network of this name.",
        "'virsh net-list --all' lists the networks.",
    ),
];

/// What stands behind `words`; `None` where they are not known. Where a check has a finding of the same code, its remedy
/// is taken: it is made for this host.
pub fn diagnose(words: &str, findings: &[Finding]) -> Option<Diagnosis> {
    let row = TABLE.into_iter().flatten().find(|row| row.words.iter().any(|parts| says(words, parts)))?;
    let found = |check: &&&Check| findings.iter().any(|finding| finding.check == **check);
    let check = row.checks.iter().find(found).or(row.checks.first())?;
    let own = findings.iter().find(|finding| finding.check == *check && !finding.remedy.text.is_empty());
    Some(Diagnosis {
        code: check.code.to_owned(),
        cause: row.cause.to_owned(),
        remedy: own.map_or_else(|| row.remedy.to_owned(), |finding| finding.remedy(Wording::Full)),
        stops: row.stops,
    })
}

/// True where `text` has all `parts` one behind the other, on one line, in any case.
fn says(text: &str, parts: &[&str]) -> bool {
    let after = |rest: String, part: &&str| {
        let (_, after) = rest.split_once(&part.to_ascii_lowercase())?;
        Some(after.to_owned())
    };
    text.lines().any(|line| parts.iter().try_fold(line.to_ascii_lowercase(), after).is_some())
}

#[cfg(test)]
mod tests;
