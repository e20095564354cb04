#!/usr/bin/env bash
# Makes the image of the IOMMU lab, once per cache folder: a Debian with libvirt, QEMU and sshd, run by QEMU with an
# emulated Intel VT-d, where the kernel builds real IOMMU groups and vfio-pci binds real (emulated) devices.
#
#   make.sh CACHE   ->   CACHE/lab.img CACHE/lab-vmlinuz CACHE/lab-initrd.gz CACHE/lab-key
#
# Needs root (for chroot and the owners in the image), debootstrap, mkfs.ext4, ssh-keygen.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1
mkdir -p "$cache"
stamp=$(sha256sum "$here/make.sh" | cut -c1-16)
[ -e "$cache/lab-made-$stamp" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "the lab image can only be made by root" >&2; exit 1; }

work=$(mktemp -d "$cache/lab-making.XXXXXX")
root=$work/root
unmount() { mountpoint -q "$root/proc" && umount "$root/proc"; return 0; }
trap 'unmount; rm -rf "$work"' EXIT
log=$cache/lab-make.log
exec 3>&2 >"$log" 2>&1
trap 'unmount; rm -rf "$work"; echo "making the lab image failed, see $log" >&3' ERR

debootstrap --variant=minbase \
    --include=systemd-sysv,udev,kmod,iproute2,pciutils,dbus,procps,openssh-server,tmux,linux-image-amd64,ca-certificates \
    bookworm "$root"
mount -t proc proc "$root/proc"
export DEBIAN_FRONTEND=noninteractive
# polkitd cannot be configured before libpam-systemd is there.
chroot "$root" apt-get install -y --no-install-recommends libpam-systemd
chroot "$root" apt-get install -y --no-install-recommends libvirt-daemon-system libvirt-clients \
    libvirt-daemon-driver-qemu qemu-system-x86 qemu-utils ovmf
chroot "$root" apt-get clean
unmount

echo lab >"$root/etc/hostname"
echo 'LABEL=lab / ext4 defaults 0 1' >"$root/etc/fstab"
cat >"$root/etc/systemd/network/lab.network" <<'NETWORK'
[Match]
Type=ether

[Network]
DHCP=ipv4
NETWORK
chroot "$root" systemctl enable systemd-networkd ssh
chroot "$root" systemctl disable libvirt-guests apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer \
    dpkg-db-backup.timer || true
chroot "$root" passwd -d root
# The share of the run: the program comes in and results go out.
cat >"$root/etc/systemd/system/lab-share.service" <<'UNIT'
[Unit]
Description=Share with the machine that runs the lab
Before=ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mkdir -p /lab
ExecStart=/bin/mount -t 9p -o trans=virtio,version=9p2000.L lab /lab

[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl enable lab-share
ssh-keygen -q -t ed25519 -N '' -C lab -f "$work/lab-key"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$work/lab-key.pub" "$root/root/.ssh/authorized_keys"
printf '9p\n9pnet_virtio\nvfio_pci\n' >"$root/etc/modules-load.d/lab.conf"

cp "$root"/boot/vmlinuz-* "$work/lab-vmlinuz"
cp "$root"/boot/initrd.img-* "$work/lab-initrd.gz"
truncate -s 3G "$work/lab.img"
mkfs.ext4 -q -F -L lab -d "$root" "$work/lab.img"
mv "$work"/lab.img "$work"/lab-vmlinuz "$work"/lab-initrd.gz "$work"/lab-key "$work"/lab-key.pub "$cache/"
rm -f "$cache"/lab-made-*
touch "$cache/lab-made-$stamp"
