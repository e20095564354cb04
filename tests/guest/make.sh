#!/usr/bin/env bash
# Makes the test guest from Debian packages, once per cache folder: an ISO that boots by UEFI, and its kernel and initrd
# for direct boot. The packages are unpacked below the cache, never installed on the host.
#
#   make.sh CACHE   ->   CACHE/guest.iso CACHE/vmlinuz CACHE/initrd.gz CACHE/agent.gz
#
# agent.gz behind initrd.gz, in one file, is the guest with the guest agent.
#
# Needs: apt-get (for the download), busybox-static, cpio, strings, objdump, mtools, dosfstools, genisoimage.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1
mkdir -p "$cache"
stamp=$(cat "$here/init" "$here/make.sh" | sha256sum | cut -c1-16)
[ -e "$cache/made-$stamp" ] && exit 0

work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# apt drops privileges for downloads and warns where it cannot write; the folder is ours and short-lived.
# Not the kernel for clouds: that one has no 9p.
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "no linux-image-amd64 in the package lists: run apt-get update" >&2; exit 1; }
apt-get download -q "$kernel" shim-signed grub-efi-amd64-signed >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in shim-signed grub-efi-amd64-signed; do dpkg-deb -x "$package"_*.deb root; done
# Of the kernel's four hundred megabytes a few are needed.
wanted=(--wildcards './boot/vmlinuz-*')
for part in fs/9p fs/netfs fs/fscache fs/fuse fs/efivarfs fs/ext4 fs/jbd2 fs/mbcache.ko net/9p net/core block lib crypto \
    drivers/virtio drivers/block/virtio_blk.ko drivers/net drivers/scsi drivers/cdrom drivers/char; do
    wanted+=("./lib/modules/*/kernel/$part*")
done
dpkg-deb --fsys-tarfile "$kernel"_*.deb | tar -x -C root "${wanted[@]}" 2>tar.log || grep -q "Not found in archive" tar.log || { cat tar.log >&2; exit 1; }
cp root/boot/vmlinuz-* vmlinuz

mkdir -p initrd/bin initrd/proc initrd/sys initrd/dev initrd/mnt initrd/share initrd/modules
cp "$(command -v busybox)" initrd/bin/busybox
install -m 0755 "$here/init" initrd/init
# A module after those it depends on; what a kernel has built in is not there and not missed.
add_module() {
    local module=$1 file depends dependency
    grep -qx "$module.ko" initrd/modules/order && return
    file=$(find root -name "$module.ko" -print -quit)
    [ -n "$file" ] || return 0
    depends=$(strings -a "$file" | sed -n 's/^depends=//p' | head -n 1)
    for dependency in ${depends//,/ }; do add_module "${dependency//-/_}"; add_module "${dependency//_/-}"; done
    cp "$file" "initrd/modules/$module.ko"
    echo "$module.ko" >>initrd/modules/order
}
touch initrd/modules/order
for module in virtio_pci virtio_blk virtio_net virtio_scsi sd_mod sr_mod efivarfs crc32c_generic ext4 virtiofs 9pnet_virtio 9p virtio_console virtio-rng \
    tpm_crb tpm_tis; do add_module "$module"; done
pack() { (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --owner=0:0) | gzip -9n >"$1.gz"; }
pack initrd

# The guest agent and the libraries it needs, of those that its packages depend on.
agent_packages=(qemu-guest-agent)
for ((at = 0; at < ${#agent_packages[@]}; at++)); do
    for package in $(apt-cache depends -i "${agent_packages[at]}" | sed -n 's/.*Depends: \(lib[a-z0-9.+-]*\|zlib[a-z0-9.+-]*\)$/\1/p'); do
        [[ " ${agent_packages[*]} " = *" $package "* ]] || agent_packages+=("$package")
    done
done
mkdir agent-packages
(cd agent-packages && apt-get download -q "${agent_packages[@]}") >download.log 2>&1 || { cat download.log >&2; exit 1; }
for package in agent-packages/*.deb; do dpkg-deb -x "$package" agent-root; done
# What a program or library is linked with, and those in turn.
add_libraries() {
    local library file
    for library in $(objdump -p "$1" | sed -n 's/^ *NEEDED *//p'); do
        [ ! -e "agent/lib/$library" ] || continue
        file=$(find agent-root -name "$library" -print -quit)
        [ -n "$file" ] || { echo "no package of the guest agent has $library" >&2; exit 1; }
        cp -L "$file" "agent/lib/$library"
        add_libraries "$file"
    done
}
mkdir -p agent/lib agent/lib64 agent/sbin agent/usr/sbin agent/var/run agent/run
cp agent-root/usr/sbin/qemu-ga agent/usr/sbin/qemu-ga
add_libraries agent/usr/sbin/qemu-ga
mv agent/lib/ld-linux-x86-64.so.2 agent/lib64/
# What the agent runs when it is told to shut the guest down.
printf '#!/bin/busybox sh\n/bin/busybox poweroff -f\n' >agent/sbin/shutdown
chmod 0755 agent/sbin/shutdown
pack agent

# Debian's shim, GRUB and kernel, each signed, so that Secure Boot lets them run. The firmware finds the first two on a
# FAT image; GRUB looks for a medium with /.disk/info, and for its configuration there.
mkdir -p iso/.disk iso/boot/grub
echo vmbuild >iso/.disk/info
cat >iso/boot/grub/grub.cfg <<'END'
linux /vmlinuz console=ttyS0 panic=-1 quiet
initrd /initrd.gz
boot
END
cp vmlinuz initrd.gz iso/
truncate -s 8M iso/efi.img
mkfs.vfat iso/efi.img >/dev/null
mmd -i iso/efi.img ::EFI ::EFI/BOOT
mcopy -i iso/efi.img root/usr/lib/shim/shimx64.efi.signed ::EFI/BOOT/BOOTX64.EFI
mcopy -i iso/efi.img root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ::EFI/BOOT/grubx64.efi
genisoimage -quiet -r -V VMBUILD_TEST -e efi.img -no-emul-boot -o guest.iso iso
chmod 0644 guest.iso vmlinuz initrd.gz agent.gz
mv guest.iso vmlinuz initrd.gz agent.gz "$cache/"
rm -f "$cache"/made-*
touch "$cache/made-$stamp"
