//! Errors of a start that name something of the host which is not there, or which QEMU cannot open.

use super::super::{cpu_feature, devices, firmware, graphics, holding, hypervisor, network, usb};
use super::kind::{Failure, stops};

pub(super) static NAMED: [Failure; 14] = [
    stops(
        &[&network::INTERFACE_MISSING],
        &[&["Unable to get index for interface "]],
        "The host has no network interface of this name.",
        "'ip -br link' lists the interfaces; name one of them as source of the interface of type direct.",
    ),
    stops(
        &[&firmware::NVRAM_FOLDER],
        &[&["Failed to create file '", ".new'"]],
        "The folder of the file of UEFI variables does not exist, or libvirt may not write there.",
        "Create the folder, or leave nvram out.",
    ),
    stops(
        &[&cpu_feature::CPU_FEATURE],
        &[&["unknown CPU feature"]],
        "libvirt does not have a CPU feature of this name.",
        "Remove it from cpu.features, or write it as 'virsh cpu-models' and /usr/share/libvirt/cpu_map do.",
    ),
    stops(
        &[&graphics::GRAPHICS_ADDRESS],
        &[&["Failed to bind socket", "Cannot assign requested address"]],
        "The host does not have the address that a console listens on.",
        "Listen on 127.0.0.1, or on an address that 'ip -br address' shows.",
    ),
    stops(
        &[&holding::SHARED_NAME],
        &[
            &["Failed to bind socket", "Address already in use"],
            &["Failed to reserve port "],
            &["unable to set guest cid", "Address already in use"],
            &["Unable to create tap device", "Device or resource busy"],
        ],
        "Another VM or program of the host has this port, socket, number or name.",
        "Stop the other one, or choose another value; a port that is left out is chosen by libvirt.",
    ),
    stops(
        &[&devices::LOOKING_GLASS],
        &[
            &["backing store size ", " is too small for 'size' option"],
            &["backing store size ", "does not match 'size' option"],
            &["can't open backing store /dev/shm/"],
        ],
        "The file of the shared memory is there from before, and it is too small or belongs to another user.",
        "Remove it below /dev/shm while no VM uses it.",
    ),
    stops(
        &[&usb::USB_GONE],
        &[
            &["Did not find USB device "],
            &["Multiple USB devices for "],
            &["cannot open directory '/sys/bus/usb/devices'"],
        ],
        "The host has no such USB device, or several of the same IDs.",
        "lsusb lists the devices; identify one of several by bus and device.",
    ),
    stops(
        &[&usb::USB_GONE],
        &[&["USB device ", " is in use by driver "], &["USB device ", "is already in use"]],
        "Another running VM has the USB device.",
        "Stop that VM, or detach the device from it.",
    ),
    stops(
        &[&devices::EVDEV_PATH],
        &[&["Path '/dev/input/", "is not accessible"]],
        "The input device is not there.",
        "'ls /dev/input/by-id' lists the devices that are plugged in.",
    ),
    stops(
        &[&devices::TPM_DEVICE],
        &[&["Could not open TPM device"]],
        "The host does not have this TPM, or another program uses it.",
        "Use the emulator, or enable the TPM in the host's firmware.",
    ),
    stops(
        &[&hypervisor::MACHINE_UNKNOWN],
        &[&["machine type '", "does not support ACPI"], &["ACPI requires UEFI on this architecture"]],
        "This machine type, or the machine without UEFI, does not have ACPI.",
        "Remove <acpi/> from custom_xml.",
    ),
    stops(
        &[&hypervisor::ARCH_UNKNOWN],
        &[
            &["could not find capabilities for arch="],
            &["No emulator found for arch"],
            &["is not supported by hypervisor"],
        ],
        "QEMU for the guest's architecture is not installed.",
        "Install it: qemu-system-arm, qemu-system-misc or qemu-system-riscv, qemu-system-s390x, qemu-system-ppc on Debian \
         and Ubuntu; qemu-system-aarch64 and its like on Fedora.",
    ),
    stops(
        &[&hypervisor::MACHINE_UNKNOWN],
        &[&["unsupported machine type"], &["Emulator", "does not support machine type"]],
        "This QEMU does not have the machine type.",
        "Leave machine out, or name one that 'virsh capabilities' lists.",
    ),
    stops(
        &[&network::BRIDGE_MISSING, &network::NET_BRIDGE],
        &[&["Cannot get interface MTU on", "No such device"], &["Unable to add bridge ", "No such device"]],
        "The host has no bridge of this name.",
        "Create it first, or name another one.",
    ),
];
