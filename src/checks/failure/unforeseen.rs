//! Failures that no check foresees: they are known only when a VM is started.

use crate::checks::Check;

pub(in crate::checks) static UNFORESEEN: &[&Check] = &[
    &VFIO_UNMANAGED,
    &VFIO_DMA_ENTRIES,
    &VFIO_GROUP_FILE,
    &VFIO_WRITE,
    &VFIO_SLOW,
    &DMA_FAULT,
    &VM_PAUSED,
    &VM_STOPPED,
];

pub(super) static VFIO_UNMANAGED: Check = Check {
    code: "VFIO-UNMANAGED",
    title: "libvirt may rebind the devices",
    explain: "The device has managed='no', so libvirt expects it on vfio-pci already, and it is not. Take managed='no' \
              out of custom_xml, or detach it before: 'virsh nodedev-detach pci_DDDD_BB_SS_F'.",
    ..Check::ERROR
};

pub(super) static VFIO_DMA_ENTRIES: Check = Check {
    code: "VFIO-DMA-ENTRIES",
    title: "VFIO maps memory in as many pieces as it may",
    explain: "The guest's memory is mapped in more pieces than VFIO allows at once (65,535). Use huge pages, or raise \
              dma_entry_limit of the module vfio_iommu_type1.",
    ..Check::ERROR
};

pub(super) static VFIO_GROUP_FILE: Check = Check {
    code: "VFIO-GROUP-FILE",
    title: "the IOMMU group has its file",
    explain: "The group has no file below /dev/vfio, because none of its devices is on vfio-pci. Leave the binding to \
              libvirt (managed='yes'), or bind the device to vfio-pci before the start.",
    ..Check::ERROR
};

pub(super) static VFIO_WRITE: Check = Check {
    code: "VFIO-WRITE",
    title: "the guest reaches the device",
    explain: "QEMU could not pass an access of the guest on to the device: a window is held by somebody else. The \
              kernel's messages of the same second name the window; mostly it is the host's console.",
    ..Check::ERROR
};

pub(super) static VFIO_SLOW: Check = Check {
    code: "VFIO-SLOW",
    title: "the guest reaches the device without detours",
    explain: "QEMU could not map a window of the device, so each access goes through QEMU. It works slowly. The \
              kernel's messages of the same second name who holds the window.",
    ..Check::ERROR
};

pub(super) static DMA_FAULT: Check = Check {
    code: "DMA-FAULT",
    title: "the devices stay within the guest's memory",
    explain: "The IOMMU stopped an access of the device to memory that is not the guest's. A few at the start come \
              from a device that was not reset; if they go on, its driver or its reset is at fault.",
    ..Check::ERROR
};

/// A VM that was started stands still.
pub static VM_PAUSED: Check = Check {
    code: "VM-PAUSED",
    title: "the VM runs on after its start",
    explain: "The VM was started and stands still. libvirt pauses a guest whose disk gives an I/O error, and QEMU one \
              that crashed. The reason is in QEMU's log, /var/log/libvirt/qemu/NAME.log; 'virsh resume NAME' lets it \
              go on.",
    ..Check::ERROR
};

/// A VM that was started has ended.
pub static VM_STOPPED: Check = Check {
    code: "VM-STOPPED",
    title: "the VM is still there after its start",
    explain: "The VM was started and ended within seconds. What QEMU said last is in /var/log/libvirt/qemu/NAME.log. \
              The VM and its disks are left as they are, so that 'virsh start NAME' can try again.",
    ..Check::ERROR
};
