#!/usr/bin/env bash
# Boots the lab with QEMU in software emulation and stays in the foreground until it powers off.
#
#   boot.sh CACHE SHARE SSH_PORT [iommu|iommu-off|no-iommu]
#
# SHARE is mounted at /lab inside. SHARE/monitor.sock is QEMU's monitor, SHARE/console.log the serial console.
# sshd of the lab answers on 127.0.0.1:SSH_PORT with the key CACHE/lab-key.
#
# The topology decides the IOMMU groups:
#   00:02.0  the display of the firmware and of the console                            its own group
#   port 1   a display and an audio function on one slot, like a graphics card         its own group
#   port 2   a conventional PCI bridge with a NIC and a USB controller with keyboard   the bad group
#   port 3   the NIC of the SSH session               } ports of one slot without ACS, as on many
#   port 4   the NVMe drive of the root file system   } desktops: one group, in which only the last
#   port 5   a NIC that nothing uses                  } could be given away
#   port 6   a NIC with SR-IOV
#   port 7   empty, for hot-plug
#   port 8   a second NVMe drive that nothing uses
set -euo pipefail
cache=$1 share=$2 port=$3 mode=${4:-iommu}
words="console=ttyS0 root=LABEL=lab rw net.ifnames=1 quiet"
iommu=(-device "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on")
# Guests run only where there is an IOMMU.
memory=1024
case $mode in
iommu) memory=2048 words="$words intel_iommu=on iommu=pt" ;;
iommu-off) words="$words intel_iommu=off" ;;
no-iommu) iommu=() ;;
*) echo "boot.sh: unknown mode '$mode', use iommu, iommu-off or no-iommu" >&2; exit 2 ;;
esac
# Root port $1 at the address $2, with further properties $3.
root_port() { echo "pcie-root-port,id=port$1,chassis=$1,slot=$1,bus=pcie.0,addr=$2${3-}"; }
joined=,multifunction=on,disable-acs=on
[ -e "$share/spare.img" ] || truncate -s 64M "$share/spare.img"

exec qemu-system-x86_64 -nodefaults -display none -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" \
    -M q35,kernel-irqchip=split "${iommu[@]}" -device VGA,addr=2 \
    -device "$(root_port 1 10)" -device "$(root_port 2 11)" -device "$(root_port 3 12.0 $joined)" \
    -device "$(root_port 4 12.1 $joined)" -device "$(root_port 5 12.2 $joined)" -device "$(root_port 6 13)" \
    -device "$(root_port 7 14)" -device "$(root_port 8 15)" \
    -device secondary-vga,bus=port1,addr=0.0,multifunction=on -device intel-hda,bus=port1,addr=0.1 \
    -device pcie-pci-bridge,id=conventional,bus=port2 -device e1000,bus=conventional,addr=1 \
    -device qemu-xhci,id=usb,bus=conventional,addr=2 -device usb-kbd,bus=usb.0 \
    -netdev "user,id=ssh,hostfwd=tcp:127.0.0.1:$port-:22" -device e1000e,netdev=ssh,bus=port3 \
    -drive "file=$cache/lab.img,if=none,id=root,format=raw,snapshot=on" -device nvme,drive=root,serial=root,bus=port4 \
    -device e1000e,id=idle,bus=port5 -device igb,bus=port6 \
    -drive "file=$share/spare.img,if=none,id=spare,format=raw" -device nvme,drive=spare,serial=spare,bus=port8 \
    -fsdev "local,id=lab,path=$share,security_model=none" -device virtio-9p-pci,fsdev=lab,mount_tag=lab \
    -chardev "file,id=console,path=$share/console.log" -serial chardev:console \
    -monitor "unix:$share/monitor.sock,server=on,wait=off" \
    -kernel "$cache/lab-vmlinuz" -initrd "$cache/lab-initrd.gz" -append "$words" -no-reboot
