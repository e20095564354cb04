//! The fields themselves, in the order of the document, which is that of findings: path, group, grammar, label, what holds
//! where it is absent, where it goes in the domain XML, and whether its value may be a secret.
//!
//! Parts of the XML are written as in `tests/versions/since.txt`, which tells the libvirt that each of them needs.

use super::row::{FieldGroup, SpecField};
use crate::spec::grammar::Grammar;

macro_rules! fields {
    ($($path:literal $group:ident $grammar:ident $label:literal $default:literal [$($xml:literal),*] $($secret:ident)?;)+) => {
        &[$(SpecField {
            path: $path,
            group: FieldGroup::$group,
            grammar: Grammar::$grammar,
            label: $label,
            default: $default,
            xml: &[$($xml),*],
            secret: fields!(@ $($secret)?),
        },)+]
    };
    (@ secret) => { true };
    (@) => { false };
}

/// Every field of the spec.
#[rustfmt::skip]
pub const FIELDS: &[SpecField] = fields! {
    "name"                                Guest     Name       "Name" "required to build" ["name"];
    "template"                            Template  Text       "Template" "none"
        ["metadata/vmbuild:vm/vmbuild:template"];
    "memory"                              Guest     Memory     "Memory" "required to build" ["memory", "currentMemory"];
    "max_memory"                          Memory    Memory     "Most memory" "`memory`: it cannot grow"
        ["maxMemory", "memory"];
    "memory_hotplug"                      Memory    Members    "Memory hot-plug" "" [];
    "memory_hotplug.by"                   Memory    Word       "Added as" "dimm" ["devices/memory/@model=virtio-mem"];
    "memory_hotplug.slots"                Memory    Count      "Slots" "16" ["maxMemory/@slots"];
    "memory_backing"                      Memory    Members    "Memory backing" "" [];
    "memory_backing.hugepages"            Memory    PageSize   "Huge pages" "none" ["memoryBacking/hugepages"];
    "memory_backing.locked"               Memory    Switch     "Locked" "false" ["memoryBacking/locked"];
    "memory_backing.shared"               Memory    Switch     "Shared" "true with a virtiofs share, else false"
        ["memoryBacking/source/@type=memfd", "memoryBacking/access/@mode=shared"];
    "vcpus"                               Guest     Count      "CPUs" "required to build" ["vcpu"];
    "max_vcpus"                           Cpu       Count      "Most CPUs" "`vcpus`: none can be added"
        ["vcpu", "vcpus"];
    "cpu"                                 Cpu       Members    "CPU" "" [];
    "cpu.mode"                            Cpu       Word       "CPU mode"
        "custom with a `model`; else host-passthrough with KVM, maximum without" ["cpu/@mode"];
    "cpu.model"                           Cpu       Text       "CPU model" "none" ["cpu/model"];
    "cpu.features"                        Cpu       List       "Features" "those of the mode" ["cpu/feature"];
    "cpu.topology"                        Cpu       Members    "Topology" "" ["cpu/topology"];
    "cpu.topology.sockets"                Cpu       Count      "Sockets" "1" ["cpu/topology/@sockets"];
    "cpu.topology.dies"                   Cpu       Count      "Dies" "1" ["cpu/topology/@dies"];
    "cpu.topology.clusters"               Cpu       Count      "Clusters" "1" ["cpu/topology/@clusters"];
    "cpu.topology.cores"                  Cpu       Count      "Cores" "what remains of the vCPUs"
        ["cpu/topology/@cores"];
    "cpu.topology.threads"                Cpu       Count      "Threads" "1, or those of the proposed pinning"
        ["cpu/topology/@threads"];
    "cpu.cache"                           Cpu       Word       "Cache"
        "passthrough with the mode host-passthrough, else left to QEMU" ["cpu/cache/@mode"];
    "cpu.limit"                           Cpu       CpuTime    "CPU limit" "none"
        ["cputune/global_quota", "cputune/global_period"];
    "cpu.nested"                          Cpu       Switch     "Nested" "as the host's CPU offers it" ["cpu/feature"];
    "cpu.pinning"                         Pinning   Members    "Pinning" "" [];
    "cpu.pinning.auto"                    Pinning   Switch     "Pin CPUs" "false" [];
    "cpu.pinning.reserve"                 Pinning   Whole      "Host keeps" "1" [];
    "cpu.pinning.vcpus"                   Pinning   Positions  "CPU" "any, or the proposal" ["cputune/vcpupin"];
    "cpu.pinning.emulator"                Pinning   CpuSet     "QEMU itself" "any, or the proposal"
        ["cputune/emulatorpin"];
    "cpu.pinning.iothreads"               Pinning   Positions  "I/O thread" "any, or the proposal"
        ["cputune/iothreadpin"];
    "iothreads"                           Cpu       Count      "I/O threads" "none" ["iothreads"];
    "numa"                                Memory    Members    "NUMA" "" [];
    "numa.mode"                           Memory    Word       "Node policy" "strict" ["numatune/memory/@mode"];
    "numa.nodes"                          Memory    CpuSet     "Host nodes" "any, or that of the proposed pinning"
        ["numatune/memory/@nodeset"];
    "numa.cells"                          Memory    Cells      "Guest nodes" "one, not written" ["cpu/numa/cell"];
    "numa.cells[].vcpus"                  Memory    CpuSet     "CPUs" "required" ["cpu/numa/cell/@cpus"];
    "numa.cells[].memory"                 Memory    Memory     "Memory" "required" ["cpu/numa/cell/@memory"];
    "numa.cells[].node"                   Memory    Whole      "Host node" "any" ["numatune/memnode"];
    "numa.cells[].hugepages"              Memory    PageSize   "Huge pages" "those of `memory_backing`"
        ["memoryBacking/hugepages/page/@nodeset"];
    "numa.expander_buses"                 Memory    Switch     "Expander buses"
        "true where the guest's nodes are on several host nodes" ["devices/controller/@model=pcie-expander-bus"];
    "storage"                             Pool      Members    "Storage" "required to build" [];
    "storage.default_pool"                Pool      Text       "Default pool" "required to build" [];
    "storage.boot_iso"                    Disk      Text       "ISO" "none" ["devices/disk/@device=cdrom"];
    "storage.disks"                       Disk      Rows       "Disks" "required to build: at least one"
        ["devices/disk"];
    "storage.disks[].action"              Disk      Word       "Action" "required" [];
    "storage.disks[].size"                Disk      DiskSize   "Size"
        "required for `create`; the size of the source for `clone`" [];
    "storage.disks[].format"              Disk      Word       "Format" "qcow2 for new disks, as it is for others"
        ["devices/disk/driver/@type"];
    "storage.disks[].bus"                 Disk      Word       "Bus" "virtio, or a model for which the guest has a driver"
        ["devices/disk/target/@bus"];
    "storage.disks[].storage_pool"        Disk      Text       "Pool" "`default_pool`" [];
    "storage.disks[].target"              Disk      Text       "Target" "the first free one of the bus"
        ["devices/disk/target/@dev"];
    "storage.disks[].path"                Disk      Text       "Image"
        "required for `attach` unless `host_address` is given"
        ["devices/disk/source/@file", "devices/disk/source/@dev"];
    "storage.disks[].host_address"        Disk      PciAddress "NVMe drive" "none"
        ["devices/disk/@type=nvme", "devices/disk/source/address"];
    "storage.disks[].namespace"           Disk      Count      "Namespace" "1" ["devices/disk/source/@namespace"];
    "storage.disks[].clone_from"          Disk      Text       "Source" "required for `clone`" [];
    "storage.disks[].device"              Disk      Word       "Drive" "disk" ["devices/disk/@device"];
    "storage.disks[].readonly"            Disk      Switch     "Read-only" "false; a CD-ROM always is"
        ["devices/disk/readonly"];
    "storage.disks[].cache"               Served    Word       "Cache" "chosen by QEMU; none for new disks"
        ["devices/disk/driver/@cache"];
    "storage.disks[].io"                  Served    Word       "I/O" "chosen by QEMU" ["devices/disk/driver/@io"];
    "storage.disks[].discard"             Served    Switch     "Discard" "true" ["devices/disk/driver/@discard"];
    "storage.disks[].detect_zeroes"       Served    Word       "Zeros" "off" ["devices/disk/driver/@detect_zeroes"];
    "storage.disks[].iothread"            Served    Count      "I/O thread" "none" ["devices/disk/driver/@iothread"];
    "storage.disks[].serial"              Served    Text       "Serial" "none" ["devices/disk/serial"];
    "storage.disks[].ssd"                 Served    Switch     "Seen as SSD" "false"
        ["devices/disk/target/@rotation_rate"];
    "storage.disks[].root"                Served    Switch     "Root disk" "the first disk" [];
    "storage.disks[].boot_order"          Disk      Count      "Boot order" "by `boot.order`"
        ["devices/disk/boot/@order"];
    "os_type"                             Guest     Text       "Family" "that of `os_variant`, else linux"
        ["metadata/vmbuild:vm/vmbuild:os/@type"];
    "os_variant"                          Guest     Text       "Guest system" "what the label of the boot ISO says"
        ["metadata/libosinfo:libosinfo", "metadata/vmbuild:vm/vmbuild:os/@variant"];
    "virtio_win"                          Disk      Switch     "virtio-win"
        "true where Windows is installed and a pool has that CD" ["devices/disk/@device=cdrom"];
    "architecture"                        Guest     Text       "Architecture" "x86_64" ["os/type/@arch"];
    "machine"                             Guest     Text       "Machine" "q35 on PCs" ["os/type/@machine"];
    "virt_type"                           Guest     Word       "Runs on" "kvm where the host has it" ["@type"];
    "uefi"                                Guest     Switch     "UEFI" "by guest system" ["os/@firmware=efi"];
    "secure_boot"                         Guest     Switch     "Secure Boot" "true for Windows 11 where the host has it"
        ["os/firmware/feature/@name=secure-boot", "os/loader/@secure", "features/smm"];
    "firmware"                            Firmware  Word       "Firmware" "by `uefi`" ["os/@firmware=efi"];
    "enrolled_keys"                       Firmware  Switch     "Vendors' keys" "as Secure Boot needs it"
        ["os/firmware/feature/@name=enrolled-keys"];
    "nvram"                               Firmware  Text       "NVRAM file" "chosen by libvirt, one for each VM"
        ["os/nvram"];
    "tpm"                                 Extras    Switch     "TPM"
        "true for Windows 11 where the host can emulate one" ["devices/tpm"];
    "tpm_device"                          Extras    Members    "TPM device" "" [];
    "tpm_device.version"                  Extras    Word       "TPM version" "2.0" ["devices/tpm/backend/@version"];
    "tpm_device.backend"                  Extras    Word       "TPM from" "emulator" ["devices/tpm/backend/@type"];
    "tpm_device.path"                     Extras    Text       "TPM device" "/dev/tpm0"
        ["devices/tpm/backend/device/@path"];
    "video"                               Devices   Word       "Video" "chosen by guest and firmware"
        ["devices/video/model/@type"];
    "scsi_controller"                     Devices   Word       "SCSI" "virtio-scsi" ["devices/controller/@type=scsi"];
    "usb_controller"                      Devices   Word       "USB" "qemu-xhci; piix3-uhci on machine pc"
        ["devices/controller/@type=usb"];
    "tablet"                              Devices   Switch     "Tablet" "true with a console"
        ["devices/input/@type=tablet"];
    "guest_agent"                         Devices   Switch     "Guest agent" "true" ["devices/channel/@type=unix"];
    "rng"                                 Devices   Switch     "Random numbers" "true" ["devices/rng"];
    "sound"                               Devices   Word       "Sound" "none" ["devices/sound/@model"];
    "watchdog"                            Devices   Members    "Watchdog" "" ["devices/watchdog"];
    "watchdog.model"                      Devices   Word       "Watchdog" "none" ["devices/watchdog/@model"];
    "watchdog.action"                     Devices   Word       "When it barks" "reset" ["devices/watchdog/@action"];
    "usb_devices"                         Devices   Usb        "USB devices" "none" ["devices/hostdev/@type=usb"];
    "usb_devices[].vendor_id"             Devices   Text       "Vendor" "required unless `bus` and `device` are given"
        ["devices/hostdev/source/vendor/@id"];
    "usb_devices[].product_id"            Devices   Text       "Product" "required unless `bus` and `device` are given"
        ["devices/hostdev/source/product/@id"];
    "usb_devices[].bus"                   Devices   Whole      "Bus" "none" ["devices/hostdev/source/address/@bus"];
    "usb_devices[].device"                Devices   Whole      "Device" "none"
        ["devices/hostdev/source/address/@device"];
    "usb_devices[].startup"               Devices   Word       "Startup" "optional"
        ["devices/hostdev/source/@startupPolicy"];
    "evdev"                               Devices   List       "Host input" "none" ["devices/input/@type=evdev"];
    "looking_glass"                       Devices   Members    "Looking Glass" "none" ["devices/shmem"];
    "looking_glass.resolution"            Devices   Text       "Looking Glass" "1920x1080" ["devices/shmem/size"];
    "shares"                              Devices   Shares     "Folders" "none" ["devices/filesystem"];
    "shares[].path"                       Devices   Text       "Folder" "required" ["devices/filesystem/source/@dir"];
    "shares[].tag"                        Devices   Text       "Tag" "the name of the folder"
        ["devices/filesystem/target/@dir"];
    "shares[].driver"                     Devices   Word       "Driver"
        "virtiofs where libvirt supports the share with it, else 9p" ["devices/filesystem/driver/@type=virtiofs"];
    "shares[].readonly"                   Devices   Switch     "Read-only" "false" ["devices/filesystem/readonly"];
    "smbios"                              Identity  Members    "SMBIOS" "" ["os/smbios", "sysinfo"];
    "smbios.manufacturer"                 Identity  Text       "Maker" "QEMU's"
        ["sysinfo/system/entry/@name=manufacturer"];
    "smbios.product"                      Identity  Text       "Product" "QEMU's"
        ["sysinfo/system/entry/@name=product"];
    "smbios.version"                      Identity  Text       "Version" "QEMU's"
        ["sysinfo/system/entry/@name=version"];
    "smbios.serial"                       Identity  Text       "Serial" "QEMU's" ["sysinfo/system/entry/@name=serial"];
    "smbios.oem_strings"                  Identity  List       "OEM strings" "none" ["sysinfo/oemStrings"];
    "boot"                                Boot      Members    "Boot" "" [];
    "boot.kernel"                         Boot      Text       "Kernel" "none: the firmware finds one" ["os/kernel"];
    "boot.initrd"                         Boot      Text       "Initrd" "none" ["os/initrd"];
    "boot.args"                           Boot      Text       "Arguments" "none" ["os/cmdline"];
    "boot.order"                          Boot      List       "Boot order" "disk, cdrom"
        ["devices/disk/boot/@order", "devices/interface/boot/@order"];
    "boot.menu"                           Boot      Switch     "Boot menu" "false" ["os/bootmenu"];
    "networks"                            Network   Rows       "Networks" "one interface with NAT"
        ["devices/interface"];
    "networks[].type"                     Network   Word       "Type" "network" ["devices/interface/@type"];
    "networks[].source"                   Network   Text       "Network"
        "default for the type network; required for bridge and direct"
        ["devices/interface/source/@network", "devices/interface/source/@bridge", "devices/interface/source/@dev"];
    "networks[].host_address"             Network   PciAddress "Function" "required for the type hostdev"
        ["devices/interface/source/address"];
    "networks[].vlan"                     Network   Count      "VLAN" "none" ["devices/interface/vlan"];
    "networks[].model"                    Network   Word       "Card" "virtio, or a model for which the guest has a driver"
        ["devices/interface/model/@type"];
    "networks[].mac"                      Network   Mac        "MAC address" "set by libvirt, which keeps it"
        ["devices/interface/mac/@address"];
    "networks[].mode"                     Network   Word       "Mode" "bridge" ["devices/interface/source/@mode"];
    "networks[].mtu"                      Network   Count      "MTU" "that of the network"
        ["devices/interface/mtu/@size"];
    "networks[].queues"                   Network   Count      "Queues" "1" ["devices/interface/driver/@queues"];
    "networks[].boot_order"               Network   Count      "Boot order" "by `boot.order`"
        ["devices/interface/boot/@order"];
    "graphics"                            Console   Rows       "Consoles" "one: VNC, for this host only"
        ["devices/graphics"];
    "graphics[].type"                     Console   Word       "Console" "vnc" ["devices/graphics/@type"];
    "graphics[].listen"                   Console   Text       "Listens on" "127.0.0.1"
        ["devices/graphics/listen/@address"];
    "graphics[].port"                     Console   Port       "Port" "chosen by libvirt" ["devices/graphics/@port"];
    "graphics[].password_file"            Console   Text       "Password file" "none" [];
    "pci_devices"                         Pci       Rows       "PCI devices" "none" ["devices/hostdev"];
    "pci_devices[].host_address"          Pci       PciAddress "Device" "required unless `match` finds the device"
        ["devices/hostdev/source/address"];
    "pci_devices[].match"                 Pci       Members    "Match" "" [];
    "pci_devices[].match.address"         Pci       PciAddress "Address" "any" [];
    "pci_devices[].match.ids"             Pci       PciIds     "Ids" "any" [];
    "pci_devices[].match.subsystem"       Pci       PciIds     "Subsystem" "any" [];
    "pci_devices[].match.kind"            Pci       Word       "Kind" "any" [];
    "pci_devices[].match.any"             Pci       Switch     "Any" "false" [];
    "pci_devices[].match.group"           Pci       Rows       "IOMMU group" "any" [];
    "pci_devices[].match.group[].address" Pci       PciAddress "Address" "any" [];
    "pci_devices[].match.group[].ids"     Pci       PciIds     "Ids" "any" [];
    "pci_devices[].role"                  Pci       Word       "Role" "pass"
        ["devices/hostdev/address/@type=unassigned"];
    "pci_devices[].guest_address"         Pci       PciAddress "Guest address"
        "a free slot; the functions of a card share one" ["devices/hostdev/address"];
    "pci_devices[].rom_file"              Pci       Text       "ROM file" "the card's own ROM"
        ["devices/hostdev/rom/@file"];
    "pci_devices[].rom_bar"               Pci       Word       "ROM BAR" "auto" ["devices/hostdev/rom/@bar"];
    "pci_devices[].multifunction"         Pci       Switch     "Multifunction"
        "true on function 0 of a slot with several functions" ["devices/hostdev/address/@multifunction"];
    "pci_devices[].primary_gpu"           Pci       Switch     "Primary GPU" "false" [];
    "pci_devices[].boot_order"            Pci       Count      "Boot order" "not booted from"
        ["devices/hostdev/boot/@order"];
    "mediated_devices"                    Devices   Mediated   "Mediated" "none" ["devices/hostdev/@type=mdev"];
    "mediated_devices[].uuid"             Devices   Text       "UUID" "required"
        ["devices/hostdev/source/address/@uuid"];
    "mediated_devices[].display"          Devices   Switch     "Display" "false" ["devices/hostdev/@display"];
    "mediated_devices[].ramfb"            Devices   Switch     "Boot display" "false" ["devices/hostdev/@ramfb"];
    "cloud_init"                          CloudInit Members    "Cloud-init" "none" ["devices/disk"];
    "cloud_init.hostname"                 CloudInit Text       "Host name" "the name of the VM" [];
    "cloud_init.user"                     CloudInit Text       "User" "none" [];
    "cloud_init.ssh_authorized_keys"      CloudInit List       "SSH keys" "none" [];
    "cloud_init.password_file"            CloudInit Text       "Password file" "none: no login by password" [];
    "cloud_init.password_hash"            CloudInit Text       "Password hash" "none, or that of `password_file`" [] secret;
    "cloud_init.packages"                 CloudInit List       "Packages" "none" [];
    "cloud_init.runcmd"                   CloudInit List       "Commands" "none" [] secret;
    "cloud_init.timezone"                 CloudInit Text       "Time zone" "that of the image" [];
    "cloud_init.locale"                   CloudInit Text       "Locale" "that of the image" [];
    "cloud_init.addresses"                CloudInit List       "Addresses" "by DHCP" [];
    "cloud_init.gateway"                  CloudInit Text       "Gateway" "none" [];
    "cloud_init.nameservers"              CloudInit List       "Name servers" "none" [];
    "cloud_init.user_data"                CloudInit Text       "user-data" "made from the fields above" [] secret;
    "cloud_init.meta_data"                CloudInit Text       "meta-data" "made from the fields above" [] secret;
    "cloud_init.network_config"           CloudInit Text       "network-config" "made from the fields above" [] secret;
    "autostart"                           Extras    Switch     "Autostart" "false" [];
    "custom_xml"                          Besides   Text       "Custom XML" "none" [];
    "metadata"                            Besides   Pairs      "Metadata" "none" ["metadata/vmbuild:vm/vmbuild:entry"];
};
