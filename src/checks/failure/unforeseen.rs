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
    explain: "The device has managed='no', so libvirt expects it to be on vfio-pci already, but it is not. Remove \
              managed='no' from custom_xml, or detach the device first: 'virsh nodedev-detach pci_DDDD_BB_SS_F'.",
    ..Check::ERROR
};

pub(super) static VFIO_DMA_ENTRIES: Check = Check {
    code: "VFIO-DMA-ENTRIES",
    title: "VFIO has enough DMA mappings",
    explain: "The guest's memory is mapped in more pieces than VFIO allows at once (65,535). Use huge pages, or raise \
              dma_entry_limit of the module vfio_iommu_type1.",
    ..Check::ERROR
};

pub(super) static VFIO_GROUP_FILE: Check = Check {
    code: "VFIO-GROUP-FILE",
    title: "IOMMU group has its file below /dev/vfio",
    explain: "The group has no file below /dev/vfio, because none of its devices is on vfio-pci. Leave the binding to \
              libvirt (managed='yes'), or bind the device to vfio-pci before the start.",
    ..Check::ERROR
};

pub(super) static VFIO_WRITE: Check = Check {
    code: "VFIO-WRITE",
    title: "guest can access the device",
    explain: "QEMU could not forward an access of the guest to the device: a BAR is reserved by another driver. Kernel \
              messages of the same second name the BAR; usually the host's console uses it.",
    ..Check::ERROR
};

pub(super) static VFIO_SLOW: Check = Check {
    code: "VFIO-SLOW",
    title: "guest accesses the device directly",
    explain: "QEMU could not map a BAR of the device, so each access goes through QEMU. The device works, but slowly. \
              Kernel messages of the same second name the driver that reserves the BAR.",
    ..Check::ERROR
};

pub(super) static DMA_FAULT: Check = Check {
    code: "DMA-FAULT",
    title: "device DMA stays in the guest's memory",
    explain: "The IOMMU blocked an access of the device to memory outside the guest. A few at the start come from a \
              device that was not reset; if they continue, its driver or its reset is the cause.",
    ..Check::ERROR
};

/// A VM that was started stands still.
pub static VM_PAUSED: Check = Check {
    code: "VM-PAUSED",
    title: "VM keeps running after its start",
    explain: "The VM was started and is paused. libvirt pauses a guest whose disk reports an I/O error, and QEMU one \
              that crashed. The reason is in QEMU's log, /var/log/libvirt/qemu/NAME.log; 'virsh resume NAME' continues \
              it.",
    ..Check::ERROR
};

/// A VM that was started has ended.
pub static VM_STOPPED: Check = Check {
    code: "VM-STOPPED",
    title: "VM does not end after its start",
    explain: "The VM was started and ended within seconds. QEMU's last messages are in /var/log/libvirt/qemu/NAME.log. \
              The VM and its disks are left as they are, so that you can start it again with 'virsh start NAME'.",
    ..Check::ERROR
};
