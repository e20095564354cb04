//! The words of others, as they say them.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::checks::explain;
use crate::checks::note::{Level, Topic};
use crate::checks::text::Text;

/// Words as libvirt 11.3, QEMU 10.0 and Linux 6.12 say them.
const SAID: &[(&str, &str)] = &[
    ("XML error: Hostdev already exists in the domain configuration", "PCI-SAME"),
    ("Unable to get index for interface enp9s0: No such device", "INTERFACE-MISSING"),
    ("Failed to create file '/opt/vms/nv/a_VARS.fd.new': No such file or directory", "NVRAM-FOLDER"),
    ("unsupported configuration: unknown CPU feature: nosuch", "CPU-FEATURE"),
    (
        "qemu-system-x86_64: -vnc 10.99.99.99:0: Failed to bind socket: Cannot assign requested address",
        "GRAPHICS-ADDRESS",
    ),
    ("qemu-system-x86_64: -vnc 127.0.0.1:7: Failed to bind socket: Address already in use", "SHARED-NAME"),
    (
        "qemu-system-x86_64: shmmem-shmem0 backing store size 0x100000 is too small for 'size' option 0x2000000 plus \
         'offset' option 0x0",
        "LOOKING-GLASS",
    ),
    (
        "qemu-system-x86_64: can't open backing store /dev/shm/looking-glass-a for guest RAM: Permission denied",
        "LOOKING-GLASS",
    ),
    ("internal error: Failed to reserve port 5907", "SHARED-NAME"),
    ("unable to set guest cid: Address already in use", "SHARED-NAME"),
    ("Unable to create tap device web-0: Device or resource busy", "SHARED-NAME"),
    ("shmmem-shmem0 backing store size 0x100000 does not match 'size' option 0x2000000", "LOOKING-GLASS"),
    ("internal error: Did not find USB device 46d:c52b", "USB-GONE"),
    ("Requested operation is not valid: USB device 001:004 is in use by driver QEMU, domain web", "USB-GONE"),
    ("Requested operation is not valid: USB device 001:004 is already in use", "USB-GONE"),
    ("unsupported configuration: ACPI requires UEFI on this architecture", "MACHINE-UNKNOWN"),
    ("invalid argument: could not find capabilities for arch=riscv64", "ARCH-UNKNOWN"),
    ("unsupported configuration: No emulator found for arch 'riscv64'", "ARCH-UNKNOWN"),
    ("unsupported configuration: architecture riscv64 is not supported by hypervisor", "ARCH-UNKNOWN"),
    ("qemu-system-x86_64: unsupported machine type: pc-q35-99.0", "MACHINE-UNKNOWN"),
    ("invalid argument: Emulator '/usr/bin/qemu' does not support machine type 'pc-q35-99.0'", "MACHINE-UNKNOWN"),
    ("Unable to add bridge br7 port vnet0: No such device", "BRIDGE-MISSING"),
    ("cannot open directory '/sys/bus/usb/devices': No such file or directory", "USB-GONE"),
    ("operation failed: Multiple USB devices for 46d:c52b were found, please use <address> to specify one", "USB-GONE"),
    ("Path '/dev/input/by-id/none-kbd' is not accessible: No such file or directory", "EVDEV-PATH"),
    ("Could not open TPM device /dev/tpm9: No such file or directory", "TPM-DEVICE"),
    ("unsupported configuration: machine type 's390-ccw-virtio-10.0' does not support ACPI", "MACHINE-UNKNOWN"),
    (
        "internal error: QEMU unexpectedly closed the monitor (vm='ws'): 2026-11-21T11:02:07.1Z qemu-system-x86_64: -device \
         {\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\"}: vfio 0000:01:00.0: group 2 is not viable\nPlease ensure all devices \
         within the iommu_group are bound to their vfio bus driver.",
        "IOMMU-GROUP",
    ),
    (
        "Requested operation is not valid: PCI device 0000:01:00.0 is in use by driver QEMU, domain gpu-ws-02",
        "PCI-IN-USE",
    ),
    (
        "Requested operation is not valid: Unmanaged PCI device 0000:01:00.0 must be manually detached from the host",
        "VFIO-UNMANAGED",
    ),
    (
        "unsupported configuration: Non-endpoint PCI devices cannot be assigned to guests for device '0000:00:01.0'",
        "PCI-BRIDGE",
    ),
    ("internal error: Unknown PCI header type '127' for device '0000:01:00.0'", "DEV-DEAD"),
    ("internal error: Unable to reset PCI device 0000:03:00.0: no FLR, PM reset or bus reset available", "RESET-NONE"),
    (
        "internal error: Unable to reset PCI device 0000:03:00.0: internal error: Active 0000:03:00.1 devices on bus with \
         0000:03:00.0, not doing bus reset",
        "RESET-BUS-ONLY",
    ),
    ("Failed to unbind PCI device '0000:01:00.0' from nvidia: Device or resource busy", "PCI-DRIVER"),
    (
        "Failed to add driver 'vfio-pci' to driver_override  interface of PCI device '0000:01:00.0': No such device",
        "VFIO-MODULE",
    ),
    ("internal error: Failed to load PCI driver module vfio_pci: administratively prohibited", "VFIO-BLACKLISTED"),
    ("internal error: Failed to load PCI driver module vfio_pci", "VFIO-MODULE"),
    ("unsupported configuration: host doesn't support passthrough of host PCI devices", "IOMMU-OFF"),
    (
        "Device 0000:09:00.0 not found: could not access /sys/bus/pci/devices/0000:09:00.0/config: No such file or directory",
        "PCI-MISSING",
    ),
    (
        "unsupported configuration: Interface type hostdev is currently supported on SR-IOV Virtual Functions only",
        "NET-VF-ONLY",
    ),
    ("qemu-system-x86_64: VFIO_MAP_DMA failed: Cannot allocate memory", "MEM-PINNED"),
    ("vfio_container_dma_map(0x55d0, 0x0, 0x80000000, 0x7f00) = -12 (Cannot allocate memory)", "MEM-PINNED"),
    ("qemu-system-x86_64: VFIO_MAP_DMA failed: Invalid argument", "HOST-PHYSBITS"),
    ("vfio_container_dma_map(0x55d0, 0x383800000000, 0x10000000, 0x7f00) = -22 (Invalid argument)", "HOST-PHYSBITS"),
    ("qemu-system-x86_64: VFIO_MAP_DMA failed: No space left on device", "VFIO-DMA-ENTRIES"),
    (
        "vfio 0000:01:00.0: failed to setup container for group 2: Failed to set iommu for container: Operation not permitted",
        "IOMMU-INTREMAP",
    ),
    (
        "vfio 0000:01:00.0: failed to setup container for group 2: failed to set iommu for container: Operation not permitted",
        "IOMMU-INTREMAP",
    ),
    (
        "vfio-pci 0000:04:00.0: Device is ineligible for IOMMU domain attach due to platform RMRR requirement.  Contact your \
         platform vendor.",
        "RMRR-DIRECT",
    ),
    ("vfio 0000:01:00.0: failed to open /dev/vfio/2: Permission denied", "PCI-SESSION"),
    ("vfio 0000:01:00.0: failed to open /dev/vfio/2: No such file or directory", "VFIO-GROUP-FILE"),
    ("vfio-pci 0000:01:00.0: BAR 1: can't reserve [mem 0xe0000000-0xefffffff 64bit pref]", "HOST-CONSOLE-DRIVER"),
    ("vfio-pci 0000:01:00.0: Invalid PCI ROM header signature: expecting 0xaa55, got 0xffff", "ROM-ABSENT"),
    ("vfio: Cannot reset device 0000:03:00.0, depends on group 13 which is not owned.", "RESET-BUS-ONLY"),
    ("unsupported configuration: spice graphics are not supported with this QEMU", "GRAPHICS-KIND"),
    (
        "operation failed: Unable to find 'efi' firmware that is compatible with the current configuration",
        "UEFI-MISSING",
    ),
    ("DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault addr 0x7c000000 [fault reason 0x06]", "DMA-FAULT"),
    ("AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0012 address=0x0 flags=0x0000]", "DMA-FAULT"),
    ("vfio-pci 0000:03:00.0: Unable to change power state from D3cold to D0, device inaccessible", "POWER-D3COLD"),
    ("vfio_region_write(0000:01:00.0:region1+0x9c, 0x0,4) failed: Device or resource busy", "VFIO-WRITE"),
    ("Failed to mmap 0000:01:00.0 BAR 2. Performance may be slow", "VFIO-SLOW"),
    ("cannot write data to file '/p/a.qcow2': No space left on device", "DISK-SPACE"),
    ("Requested operation is not valid: network 'default' is not active", "NET-INACTIVE"),
    ("VFIO group is not viable", "IOMMU-GROUP"),
    (
        "vfio 0000:01:00.0: error getting device from group 14: Device or resource busy\nVerify all devices in group 14 are \
         bound to vfio-<bus> or pci-stub and not already in use",
        "IOMMU-GROUP",
    ),
    ("Requested operation is not valid: PCI device 0000:01:00.0 is in use", "PCI-IN-USE"),
    (
        "internal error: PCI device 0000:05:10.1 allocated from network vfs is already in use by domain web",
        "PCI-IN-USE",
    ),
    ("internal error: Hostdev already exists in the domain configuration", "PCI-SAME"),
    ("operation failed: device is already in the domain configuration", "PCI-SAME"),
    ("internal error: Unknown PCI header type '255' for device '0000:01:00.0'", "DEV-DEAD"),
    ("unsupported configuration: host doesn't support VFIO PCI interface", "IOMMU-OFF"),
    ("vfio 0000:01:00.0: no iommu_group found: No such file or directory", "IOMMU-OFF"),
    ("Node device not found: no node device with matching name 'pci_0000_09_00_0'", "PCI-MISSING"),
    ("vfio_dma_map(0x55d0, 0x0, 0x80000000, 0x7f00) = -12 (Cannot allocate memory)", "MEM-PINNED"),
    ("qemu-system-x86_64: VFIO_MAP_DMA failed: vfio_dma_map(0x55, 0x0) = -12 (nomem)", "MEM-PINNED"),
    ("cannot limit locked memory of process 4711 to 9663676416: Operation not permitted", "MEM-PINNED"),
    ("vfio_dma_map(0x55d0, 0x383800000000, 0x10000000, 0x7f00) = -22 (Invalid argument)", "HOST-PHYSBITS"),
    ("qemu-system-x86_64: Address space limit 0xffffffffff < 0x303fffffffff phys-bits too low (40)", "BAR-LARGE"),
    ("vfio-pci 0000:05:10.1: VF token required to access device", "NET-PF-WITH-VFS"),
    ("vfio-pci 0000:05:10.1: VF token incorrectly provided, PF not bound to vfio-pci", "NET-PF-WITH-VFS"),
    ("vfio: Cannot reset device 0000:03:00.0, no available reset mechanism.", "RESET-NONE"),
    ("vfio: Cannot reset device 0000:03:00.0, depends on device 0000:03:00.1 which is not owned.", "RESET-BUS-ONLY"),
    ("vfio_dma_map(0x55d0, 0x0, 0x1000, 0x7f00) = -28 (No space left on device)", "VFIO-DMA-ENTRIES"),
    ("vfio: failed to set iommu type: Operation not permitted", "IOMMU-INTREMAP"),
    (
        "vfio_iommu_type1_attach_group: No interrupt remapping support.  Use the module param \"allow_unsafe_interrupts\" to \
         enable VFIO IOMMU support on this platform",
        "IOMMU-INTREMAP",
    ),
    ("qemu-system-x86_64: -device vfio-pci: failed to find romfile \"/root/vbios.rom\"", "ROM-UNREADABLE"),
    ("qemu-system-x86_64: -device vfio-pci: failed to load romfile \"/srv/vbios.rom\"", "ROM-UNREADABLE"),
    ("qemu-system-x86_64: failed to open romfile \"/srv/vbios.rom\": Permission denied", "ROM-UNREADABLE"),
    ("vfio_region_read(0000:01:00.0:region1+0x9c, 4) failed: Device or resource busy", "VFIO-WRITE"),
    ("vfio-pci 0000:01:00.0: Invalid PCI ROM data signature: expecting 0x52494350, got 0x1a1a1a1a", "ROM-ABSENT"),
    ("Device option ROM contents are probably invalid (check dmesg).", "ROM-ABSENT"),
    ("vfio: Unable to power on device, stuck in D3", "POWER-D3COLD"),
    ("vfio-pci 0000:03:00.0: Refused to change power state, currently in D3", "POWER-D3COLD"),
    ("vfio-pci 0000:03:00.0: not ready 65535ms after FLR; giving up", "DEV-DEAD"),
    ("pci 0000:03:00.0: BAR 0: no space for [mem size 0x400000000 64bit pref]", "BAR-NOT-ASSIGNED"),
    ("pci 0000:03:00.0: BAR 0: failed to assign [mem size 0x400000000 64bit pref]", "BAR-NOT-ASSIGNED"),
    ("pci 0000:03:00.0: BAR 0 [mem size 0x400000000 64bit pref]: can't assign; no space", "BAR-NOT-ASSIGNED"),
    ("operation failed: could not find any suitable firmware", "UEFI-MISSING"),
    ("operation failed: Unable to find 'swtpm' binary in $PATH", "TPM-MISSING"),
    ("unsupported configuration: TPM version '2.0' is not supported", "TPM-MISSING"),
    ("Could not access KVM kernel module: No such file or directory", "VIRT-KVM"),
    ("qemu-system-x86_64: failed to initialize kvm: Permission denied", "VIRT-KVM"),
    (
        "unsupported configuration: Domain requires KVM, but it is not available. Check that virtualization is enabled in the \
         host BIOS, and host configuration is setup to load the kvm modules.",
        "VIRT-KVM",
    ),
    ("unsupported configuration: IDE controllers are unsupported for this QEMU binary or machine type", "BUS-IDE"),
    ("qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory", "MEM-HOST"),
    ("qemu-system-x86_64: unable to map backing store for guest RAM: Cannot allocate memory", "MEM-HOST"),
    ("internal error: Not enough space left in storage pool", "DISK-SPACE"),
    ("internal error: insufficient free space in pool", "DISK-SPACE"),
    ("Failed to get \"write\" lock\nIs another process using the image [/srv/a.qcow2]?", "DISK-IN-USE"),
    ("Failed to get shared \"write\" lock", "DISK-IN-USE"),
    ("Cannot access storage file '/srv/a.qcow2' (as uid:64055, gid:993): Permission denied", "IMAGE-MISSING"),
    ("qemu-system-x86_64: Could not open '/srv/a.qcow2': No such file or directory", "IMAGE-MISSING"),
    ("Network not found: no network with matching name 'lan'", "NET-MISSING"),
    ("no network with matching name 'lan'", "NET-MISSING"),
    ("Cannot get interface MTU on 'br7': No such device", "BRIDGE-MISSING"),
];

#[test]
fn each_word_of_others_has_its_code() {
    for (words, code) in SAID {
        assert_eq!(diagnose(words, &[]).map(|diagnosis| diagnosis.code).as_deref(), Some(*code), "{words}");
    }
}

#[test]
fn what_is_not_known_is_not_guessed() {
    for words in ["", "internal error: something", "group 2 is viable", "BAR 1 is not\nreserved: can't tell"] {
        assert_eq!(diagnose(words, &[]), None, "{words}");
    }
}

#[test]
fn every_code_can_be_explained_and_every_row_is_said_by_somebody() {
    for row in TABLE.into_iter().flatten() {
        for check in row.checks {
            assert_eq!(explain(check.code), Some(*check));
        }
        assert!(row.cause.ends_with('.') && row.remedy.ends_with('.'), "{:?}", row.checks);
        for parts in row.words {
            let said =
                |(words, code): &(&str, &str)| row.checks.iter().any(|check| check.code == *code) && says(words, parts);
            assert!(SAID.iter().any(said), "nobody says {parts:?}");
        }
    }
}

#[test]
fn the_remedy_of_this_host_and_the_code_that_its_checks_found_are_preferred() {
    let finding = |check| {
        let (level, message) = (Level::Warning, Text::default());
        Finding { check, level, topic: Topic::default(), message, remedy: "Load it.".into() }
    };
    let words = "unsupported configuration: host doesn't support passthrough of host PCI devices";
    let diagnosis = diagnose(words, &[finding(&iommu::IOMMU_VFIO)]).unwrap();
    assert_eq!((diagnosis.code.as_str(), diagnosis.remedy.as_str()), ("IOMMU-VFIO", "Load it."));
    assert_eq!(diagnose(words, &[finding(&unforeseen::DMA_FAULT)]).unwrap().code, "IOMMU-OFF");
}
