# What vmbuild reads on a host that it reaches by ssh, run there by 'sh -s' as the user of the connection.
#
# It only reads: files and links of the kernel below /sys and /proc, and of /etc, /boot, /usr/lib and /lib what says how
# the host boots and which drivers it loads. It writes no file, changes nothing, opens no device and no expansion ROM, and
# leaves devices that sleep alone. Nothing in it comes from anybody's input.
#
# What it prints are the answers of ls, grep, sed and od to few calls for many files each, behind lines that begin with @:
#   @ vmbuild-probe 1      the first line that counts
#   @ session WORDS        SSH_CONNECTION
#   @ list                 lines of 'ls -lnd': what is there
#   @ folders              lines of 'ls -ln': folders with what counts in them
#   @ text                 PATH:LINE of files that were listed before
#   @ bytes                hexadecimal: the output of 'head -c' for several files
#   @ refused              messages of ls and grep, for those that end in 'denied'
#   @ end                  the last line: nothing was cut off
# Paths are relative to the root, which is the first argument, / without one.

say() { printf '@ %s\n' "$*"; }

# Tells what may not be read.
refused() {
    case $errors in
    *denied*) say refused; printf '%s\n' "$errors" ;;
    esac
}

# What the paths are.
list() {
    say list
    errors=$(ls -lnd -- "$@" 2>&1 >&3)
    refused
}

# The lines of files that match the pattern $1.
lines() {
    pattern=$1
    shift
    list "$@"
    say text
    errors=$(grep -aE -e "$pattern" -- "$@" /dev/null 2>&1 >&3)
    refused
}

# All lines of files.
text() { lines '' "$@"; }

# The lines of the file $1 as the script of sed $2 leaves them.
edited() {
    list "$1"
    say text
    [ ! -r "$1" ] || sed -n -e "$2" -e "s|^|$1:|p" "$1" 2>/dev/null
}

# The first 256 bytes of files.
bytes() {
    say bytes
    head -c 256 -- "$@" /dev/null 2>/dev/null | od -An -v -tx1
}

# The attributes named after $1, of everything that is called so.
each() {
    place=$1
    shift
    for attribute in "$@"; do
        # The names of devices have no blanks.
        text $place/$attribute
    done
}

kernel() {
    text proc/cmdline proc/meminfo proc/swaps proc/self/mountinfo proc/sys/kernel/osrelease proc/bus/input/devices \
        proc/net/vlan/config proc/net/fib_trie proc/net/if_inet6 proc/net/route proc/net/ipv6_route \
        proc/driver/nvidia/gpus/*/information sys/kernel/security/lockdown sys/class/dmi/id/board_name \
        sys/class/dmi/id/board_vendor sys/class/dmi/id/chassis_type sys/class/iommu/*/intel-iommu/cap \
        sys/module/kvm_intel/parameters/nested sys/module/kvm_amd/parameters/nested
    edited proc/cpuinfo '/^$/q'
    edited proc/interrupts 's/^[^:]*:[ 0-9]*/ /'
    for table in proc/net/tcp proc/net/tcp6; do
        edited $table '1!{/^ *[0-9]*: [0-9A-F]*:[0-9A-F]* [0-9A-F]*:[0-9A-F]* 01 /!d
}'
    done
    lines 'BOOTFB|efifb|simplefb|vesafb|simpledrm' proc/iomem
    list sys/firmware sys/firmware/efi sys/firmware/acpi/tables sys/firmware/acpi/tables/* sys/class/iommu/* dev/kvm \
        proc/spl/kstat/zfs/*
    bytes sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c \
        sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
}

boot() {
    list etc usr etc/NIXOS run/ostree-booted etc/kernel/proxmox-boot-uuids etc/kernelstub/configuration \
        usr/bin/kernelstub usr/sbin/grubby sbin/grubby usr/bin/grubby usr/sbin/update-grub sbin/update-grub \
        usr/bin/grub-mkconfig usr/sbin/grub-mkconfig boot/grub usr/sbin/grub2-mkconfig usr/bin/grub2-mkconfig \
        etc/unraid-version boot/limine.conf boot/limine/limine.conf efi/limine.conf boot/efi/limine.conf \
        etc/default/limine usr/bin/limine-mkinitcpio usr/bin/limine-dracut usr/bin/limine-update \
        etc/kernel/cmdline boot/loader/entries/* efi/loader/entries/* boot/efi/loader/entries/* \
        usr/sbin/mkinitramfs usr/bin/mkinitramfs usr/bin/mkinitcpio usr/bin/dracut usr/sbin/dracut sbin/dracut
    text etc/machine-id etc/mkinitcpio.d/* etc/initramfs-tools/modules etc/mkinitcpio.conf etc/mkinitcpio.conf.d/*.conf \
        etc/dracut.conf etc/dracut.conf.d/*.conf
    text etc/os-release usr/lib/os-release
    for folder in usr/lib/systemd usr/local/lib/systemd run/systemd etc/systemd; do
        text $folder/logind.conf $folder/logind.conf.d/*.conf $folder/sleep.conf $folder/sleep.conf.d/*.conf
        list $folder $folder/logind.conf.d $folder/sleep.conf.d $folder/system/sleep.target \
            $folder/system/suspend.target
    done
    list etc/modprobe.d run/modprobe.d usr/local/lib/modprobe.d usr/lib/modprobe.d lib/modprobe.d
    text etc/modprobe.d/*.conf run/modprobe.d/*.conf usr/local/lib/modprobe.d/*.conf usr/lib/modprobe.d/*.conf \
        lib/modprobe.d/*.conf
    release=
    [ ! -r proc/sys/kernel/osrelease ] || read -r release <proc/sys/kernel/osrelease
    case $release in
    '' | */*) ;;
    *) modules "$release" ;;
    esac
}

# Of the kernel $1: its options, and which modules are installed, as far as they decide something.
modules() {
    lines '^CONFIG_(AMD_IOMMU|DRM_SIMPLEDRM|FTRACE|INTEL_IOMMU|INTEL_IOMMU_DEFAULT_ON|INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF|IOMMUFD|IOMMU_DEFAULT_DMA_LAZY|IOMMU_DEFAULT_DMA_STRICT|IOMMU_DEFAULT_PASSTHROUGH|IRQ_REMAP|KPROBES|SYSFB_SIMPLEFB|VFIO|VFIO_DEVICE_CDEV|VFIO_IOMMU_TYPE1|VFIO_NOIOMMU|VFIO_PCI|VFIO_PCI_VGA|X86_X2APIC)=' \
        "boot/config-$1" "lib/modules/$1/config" "usr/lib/modules/$1/config"
    folder=lib/modules/$1
    [ -e "$folder/modules.dep" ] || folder=usr/lib/modules/$1
    lines '^[^:]*/(amdgpu|i915|iommufd|kvm[-_]amd|kvm[-_]intel|kvmfr|mlx5[-_]vfio[-_]pci|nouveau|nvidia|nvidia[-_]drm|nvidia[-_]modeset|nvidia[-_]uvm|nvme|radeon|snd[-_]hda[-_]intel|vendor[-_]reset|vfio|vfio[-_]iommu[-_]type1|vfio[-_]pci|vfio[-_]virqfd|xe|xhci[-_]pci)\.ko[.a-z0-9]*(:|$)' \
        "$folder/modules.dep" "$folder/modules.builtin"
}

drivers() {
    for module in amdgpu i915 iommufd kvm_amd kvm_intel kvmfr mlx5_vfio_pci nouveau nvidia nvidia_drm nvidia_modeset \
        nvidia_uvm nvme radeon snd_hda_intel vendor_reset vfio vfio_iommu_type1 vfio_pci vfio_virqfd xe xhci_pci; do
        [ ! -e sys/module/$module ] || text sys/module/$module sys/module/$module/initstate
    done
    text sys/module/vfio_iommu_type1/parameters/dma_entry_limit sys/module/nvidia_drm/parameters/modeset \
        sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts \
        sys/module/vfio/parameters/enable_unsafe_noiommu_mode sys/module/vfio_pci/parameters/disable_idle_d3 \
        sys/module/apparmor/parameters/enabled sys/fs/selinux/enforce
    text etc/apparmor.d/abstractions/libvirt-qemu etc/apparmor.d/local/abstractions/libvirt-qemu \
        etc/apparmor.d/abstractions/libvirt-qemu.d/* etc/libvirt/qemu.conf
    list sys/module
}

# PCI functions. What could wake a device is read only of those that are awake.
functions() {
    devices=sys/bus/pci/devices
    list $devices sys/bus/pci/slots
    list $devices/*
    for link in driver iommu_group physfn 'virtfn*' rom reset msi_irqs vfio-dev mdev_supported_types \
        secondary_bus_number current_link_speed 'resource[0-5]_resize'; do
        list $devices/*/$link
    done
    each "$devices/*" uevent class revision numa_node boot_vga resource power_state power/runtime_status d3cold_allowed \
        reset reset_method sriov_totalvfs removable irq driver_override label 'mdev_supported_types/*/name' \
        'mdev_supported_types/*/available_instances' nvidia/current_vgpu_type
    set -- $devices/*
    # Every kernel has these in uevent; recorded trees may not.
    [ -e "$1/uevent" ] || each "$devices/*" vendor device subsystem_vendor subsystem_device
    set --
    text sys/bus/pci/slots/*/address
    list sys/kernel/iommu_groups sys/kernel/iommu_groups/*
    each 'sys/kernel/iommu_groups/*' type reserved_regions
    awake=
    count=0
    for device in $devices/*; do
        state=
        if [ -r "$device/power_state" ]; then
            read -r state <"$device/power_state"
        elif [ -r "$device/power/runtime_status" ]; then
            # Kernels before 5.11 show no more than this.
            read -r state <"$device/power/runtime_status"
        fi
        case $state in
        D0 | active) awake="$awake $device" count=$((count + 1)) ;;
        esac
        [ $count -lt 128 ] || registers
    done
    registers
}

# Of the devices in $awake.
registers() {
    for device in $awake; do
        set -- "$@" "$device/config"
    done
    [ $count -eq 0 ] || bytes "$@"
    set --
    for device in $awake; do
        # A range that cannot be resized has no file of its own.
        set -- "$@" "$device"/current_link_[sw]* "$device"/max_link_[sw]* "$device"/resource[0-5]_resize
    done
    [ $count -eq 0 ] || text "$@"
    awake=
    count=0
}

processors() {
    cpu=sys/devices/system/cpu
    text $cpu/present $cpu/online sys/devices/cpu_core/cpus sys/devices/cpu_atom/cpus
    each "$cpu/cpu[0-9]*" topology/thread_siblings_list topology/core_cpus_list topology/physical_package_id \
        topology/die_id topology/core_id cache/index2/shared_cpu_list cache/index3/shared_cpu_list \
        cache/index2/size cache/index3/size \
        cpufreq/cpuinfo_max_freq cpu_capacity
    node=sys/devices/system/node
    list $node $node/node[0-9]* sys/kernel/mm/hugepages
    text $node/online
    each "$node/node[0-9]*" cpulist meminfo distance 'hugepages/*/nr_hugepages' 'hugepages/*/free_hugepages'
    text sys/kernel/mm/hugepages/*/nr_hugepages sys/kernel/mm/hugepages/*/free_hugepages
}

storage() {
    block=sys/class/block
    list $block $block/*
    list $block/*/partition $block/*/dm $block/*/md $block/*/slaves/*
    each "$block/*" dev size dm/name dm/uuid md/level loop/backing_file device/model device/serial
    lines '^(S:|E:ID_(MODEL|SERIAL_SHORT|FS_TYPE|FS_LABEL)=)' run/udev/data/b*
    list sys/class/nvme-subsystem/*/* sys/fs/btrfs/*/devices/*
    text sys/class/nvme-subsystem/*/*/address sys/class/iscsi_connection/*/address
}

network() {
    net=sys/class/net
    list $net $net/*
    list $net/*/bridge $net/*/brif/* $net/*/lower_*
    each "$net/*" address operstate uevent tun_flags bonding/slaves
    lines '^[[:space:]]*[Pp][Oo][Rr][Tt]' etc/ssh/sshd_config etc/ssh/sshd_config.d/*.conf
}

displays() {
    list sys/bus sys/class sys/class/drm/* sys/class/graphics/fb[0-9]*
    text sys/class/drm/*/status sys/class/graphics/fb[0-9]*/name sys/class/vtconsole/*/name sys/class/vtconsole/*/bind
    usb=sys/bus/usb/devices
    list $usb $usb/* $usb/*/net
    each "$usb/*" idVendor idProduct devnum bDeviceClass bInterfaceClass bInterfaceSubClass bInterfaceProtocol manufacturer product
    # Who holds a GPU or a group of VFIO open: only root sees it of all processes.
    say folders
    # A name more, so that every folder has its headline.
    errors=$({ ls -ln proc/[0-9]*/fd /dev/null 2>&4 |
        grep -aE '^proc/[0-9]*/fd:$| -> /dev/(dri/|nvidia|fb|kfd|vfio/)' >&3; } 4>&1)
    refused
    text proc/[0-9]*/comm
}

probe() {
    PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
    export PATH LC_ALL
    unset -v TIME_STYLE QUOTING_STYLE BLOCK_SIZE GREP_OPTIONS GREP_COLORS POSIXLY_CORRECT CDPATH
    cd -- "${1:-/}" || exit 1
    exec 3>&1
    say vmbuild-probe 1
    say session "$SSH_CONNECTION"
    kernel
    boot
    drivers
    functions
    processors
    storage
    network
    displays
    say end
}

# Only a script that arrived whole comes to this line, and what it starts finds nothing to read on standard input.
probe "$@" </dev/null
