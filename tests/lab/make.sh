#!/usr/bin/env bash
# Makes the image of the IOMMU lab, once per cache folder: a Debian with libvirt, QEMU and sshd, run by QEMU with an
# emulated Intel VT-d, where the kernel builds real IOMMU groups and vfio-pci binds real (emulated) devices.
#
#   make.sh CACHE   ->   CACHE/lab.img CACHE/lab-vmlinuz CACHE/lab-initrd.gz CACHE/lab-key
#
# Needs root (for chroot and the owners in the image), debootstrap, mkfs.ext4, ssh-keygen, a Debian mirror, and 4 GiB on
# the disk of the cache while it works (1 GiB stays).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1
mkdir -p "$cache"
# One at a time; what an earlier one left when it was killed goes.
exec 9>"$cache/lab-lock"
flock 9
stamp=$(sha256sum "$here/make.sh" | cut -c1-16)
[ -e "$cache/lab-made-$stamp" ] && exit 0
mirror=http://deb.debian.org/debian
refuse() { echo "$1" >&2; exit 1; }
[ "$(id -u)" = 0 ] || refuse "only root can make the image"
for tool in debootstrap mkfs.ext4 ssh-keygen wget; do
    command -v "$tool" >/dev/null || refuse "$tool is not installed"
done
free=$(df --output=avail -m "$cache" | tail -n 1)
[ "$free" -ge 4096 ] || refuse "making the image needs 4096 MiB in $cache, and there are $((free))"
wget -q --spider --tries=1 --timeout=15 "$mirror/dists/bookworm/Release" || refuse "$mirror does not answer"

unmount() { if mountpoint -q "$root/proc"; then umount "$root/proc"; fi; }
for work in "$cache"/lab-making.*; do
    root=$work/root
    unmount
    rm -rf "$work"
done
work=$(mktemp -d "$cache/lab-making.XXXXXX")
root=$work/root
trap 'unmount; rm -rf "$work"' EXIT
log=$cache/lab-make.log
exec 3>&2 >"$log" 2>&1
trap 'unmount; rm -rf "$work"; echo "making the lab image failed, see $log" >&3' ERR

debootstrap --variant=minbase \
    --include=systemd-sysv,udev,kmod,iproute2,pciutils,dbus,procps,openssh-server,tmux,linux-image-amd64,ca-certificates \
    bookworm "$root" "$mirror"
mount -t proc proc "$root/proc"
export DEBIAN_FRONTEND=noninteractive
# No service is started in the folder.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
# Speed and size: the image is thrown away when the work is lost.
cat >"$root/etc/dpkg/dpkg.cfg.d/lab" <<'DPKG'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
DPKG
# polkitd cannot be configured before libpam-systemd is there.
chroot "$root" apt-get install -y --no-install-recommends libpam-systemd
chroot "$root" apt-get install -y --no-install-recommends libvirt-daemon-system libvirt-clients \
    libvirt-daemon-driver-qemu qemu-system-x86 qemu-utils ovmf
chroot "$root" apt-get clean
kernel=$(ls "$root/lib/modules")
# Half of the modules by size; the lab has none of these devices.
for folder in gpu/drm/amd gpu/drm/i915 gpu/drm/nouveau gpu/drm/radeon infiniband media net/wireless staging; do
    rm -rf "$root/lib/modules/$kernel/kernel/drivers/$folder"
done
chroot "$root" depmod "$kernel"
# A small initrd is unpacked in a second rather than ten.
printf 'MODULES=list\n' >"$root/etc/initramfs-tools/conf.d/lab"
printf 'nvme\next4\n' >>"$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u
unmount
rm -rf "$root/usr/sbin/policy-rc.d" "$root"/usr/share/{doc,man,locale} "$root"/var/lib/apt/lists/*

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
    dpkg-db-backup.timer e2scrub_reap.service || true
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
ExecStart=/bin/mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 lab /lab

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
