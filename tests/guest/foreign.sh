#!/usr/bin/env bash
# Downloads a Linux kernel of another architecture from its Debian package, once per cache folder. Nothing is installed, and
# the architectures of this machine's packages stay as they are.
#
#   foreign.sh CACHE   ->   CACHE/s390x-vmlinuz
set -euo pipefail
cache=$1
[ -e "$cache/s390x-vmlinuz" ] && exit 0
mkdir -p "$cache"
work=$(mktemp -d "$cache/fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p lists/partial cache/archives/partial
touch status
apt=(-q -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o Dir::State::status="$work/status"
    -o APT::Architecture=s390x -o APT::Architectures=s390x -o Acquire::Languages=none -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update >apt.log 2>&1 || { tail -n 5 apt.log >&2; exit 1; }
kernel=$(apt-cache "${apt[@]}" depends linux-image-s390x | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "no linux-image-s390x in the package lists" >&2; exit 1; }
apt-get "${apt[@]}" download "$kernel" >apt.log 2>&1 || { tail -n 5 apt.log >&2; exit 1; }
dpkg-deb --fsys-tarfile "$kernel"_*.deb | tar -xO --wildcards './boot/vmlinuz-*' >vmlinuz
mv vmlinuz "$cache/s390x-vmlinuz"
