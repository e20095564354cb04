#!/usr/bin/env bash
# Installs what vmbuild needs from the packages of this system. Does nothing, silently, where everything is there;
# never removes or downgrades a package.
#
#   setup.sh run     to build and run vmbuild: a C linker, libvirt with its daemon, QEMU, UEFI firmware, TPM emulator
#   setup.sh test    the same, and what the tests use
#
# Exit: 0 all there · 1 vmbuild cannot be built here (cargo, C linker) · 2 usage · 3 packages missing; vmbuild can be
# built and says itself what it cannot do without them.
set -euo pipefail
export LC_ALL=C.UTF-8

minimum_rust=1.88

say() { printf 'setup: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# ---- which packages -----------------------------------------------------------------------------------------------

find_package_tool() {
    local tool
    for tool in apt-get dnf pacman zypper; do
        if have "$tool"; then echo "$tool"; return; fi
    done
}

# The packages of set $2 (run, test) under the names that the distributions of package tool $1 give them.
packages() {
    have cc || echo gcc
    case $1 in
    apt-get)
        have cc || echo libc6-dev
        echo libvirt0 libvirt-clients libvirt-daemon-system qemu-system-x86 qemu-utils ovmf \
            swtpm swtpm-tools dnsmasq-base
        [ "$2" = run ] || echo binutils busybox-static cpio debootstrap dosfstools e2fsprogs genisoimage libxml2-utils \
            mtools osinfo-db openssh-client pciutils qemu-efi-aarch64 qemu-system strace tmux virtinst
        ;;
    dnf)
        echo libvirt-libs libvirt-client libvirt-daemon-kvm libvirt-daemon-config-network qemu-kvm qemu-img \
            edk2-ovmf swtpm swtpm-tools
        [ "$2" = run ] || echo binutils busybox cpio debootstrap dosfstools e2fsprogs genisoimage libxml2 mtools \
            openssh-clients osinfo-db pciutils qemu-system-aarch64-core qemu-system-riscv-core qemu-system-s390x-core \
            edk2-aarch64 strace tmux virt-install
        ;;
    pacman)
        echo libvirt qemu-base edk2-ovmf swtpm dnsmasq
        [ "$2" = run ] || echo binutils busybox cpio debootstrap dosfstools cdrtools e2fsprogs libxml2 mtools openssh \
            osinfo-db pciutils qemu-system-aarch64 qemu-system-riscv qemu-system-s390x edk2-aarch64 strace tmux virt-install
        ;;
    zypper)
        echo libvirt-libs libvirt-client libvirt-daemon-qemu libvirt-daemon-config-network qemu-x86 qemu-tools \
            qemu-ovmf-x86_64 swtpm
        [ "$2" = run ] || echo binutils busybox-static cpio dosfstools mkisofs libxml2-tools mtools openssh-clients \
            osinfo-db pciutils qemu-arm qemu-extra qemu-s390x qemu-uefi-aarch64 strace tmux virt-install
        ;;
    esac
}

# Those of the packages $2.. that are not installed.
missing() {
    local tool=$1 package
    shift
    case $tool in
    apt-get)
        for package; do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
        done
        ;;
    dnf | zypper)
        for package; do rpm -q --whatprovides "$package" >/dev/null 2>&1 || echo "$package"; done
        ;;
    pacman) pacman -T "$@" || true ;;
    esac
}

# ---- how to install -----------------------------------------------------------------------------------------------

log=

# Runs a command as root, its output in the log; the log is shown when the command fails.
as_root() {
    : >"$log"
    "${root[@]}" "$@" </dev/null >>"$log" 2>&1 && return
    tail -n 15 "$log" >&2
    say "failed: $*"
    return 1
}

root=()
# Finds out how to become root. Asks for a password only where somebody can type one.
find_root() {
    [ "$(id -u)" = 0 ] && root=(env) && return
    have sudo || return 1
    if sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ] && sudo -v; }; then root=(sudo); else return 1; fi
}

apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends --no-remove -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold)

# Whether apt can install the packages without removing or downgrading one, given options such as `-t SUITE`.
apt_can() { "${apt[@]}" -s install "$@" >/dev/null 2>&1; }

# Fetches package lists only when those at hand do not do: they may be absent or old, or the system offline and its
# cache complete.
apt_install() {
    apt_can "$@" && as_root "${apt[@]}" install "$@" 2>/dev/null && return
    as_root apt-get update -q && as_root "${apt[@]}" install "$@"
}

# libvirt and QEMU depend on parts of their own exact version, so all of them come from one suite.
of_the_family() { [[ $1 == libvirt* || $1 == qemu-* ]]; }

# Whether a package of the family is installed from backports. (A `grep -q` at the end of a pipe would break the pipe
# now and then, which counts as a failure here.)
family_is_backported() {
    local installed
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 2>/dev/null) || true
    grep -Eq '^installed (libvirt|qemu-).*~bpo' <<<"$installed"
}

# The name of the backports suite of this release, also on a distribution made from Debian or Ubuntu.
backports() (
    # shellcheck source=/dev/null
    . /etc/os-release
    echo "${DEBIAN_CODENAME:-${UBUNTU_CODENAME:-${VERSION_CODENAME:-}}}-backports"
)

suite_is_known() { grep -q "n=$1," <<<"$(apt-cache policy)"; }

# Adds the suite $1 in a file of its own, from the mirror and with the key that this system uses for its main suite.
add_suite() {
    local mirror key=/usr/share/keyrings/debian-archive-keyring.gpg file=/etc/apt/sources.list.d/vmbuild-backports.sources
    # apt fills these in, not the shell.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v codename="${1%-backports}" '$1 == codename && !found { print $2; found = 1 }')
    say "adding the suite $1 in $file, since QEMU or libvirt is installed from it"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "${mirror:-http://deb.debian.org/debian}" "$1" >"$work/suite"
    [ -e "$key" ] && printf 'Signed-By: %s\n' "$key" >>"$work/suite"
    as_root install -m 0644 "$work/suite" "$file"
}

install_apt() {
    local package suite
    local family=() others=()
    for package; do
        if of_the_family "$package"; then family+=("$package"); else others+=("$package"); fi
    done
    if family_is_backported; then
        suite=$(backports)
        suite_is_known "$suite" || { add_suite "$suite" && as_root apt-get update -q; } || return
        [ ${#family[@]} = 0 ] || apt_install -t "$suite" "${family[@]}" || return
    else
        others=("$@")
    fi
    [ ${#others[@]} = 0 ] || apt_install "${others[@]}"
}

install_packages() {
    local tool=$1
    shift
    case $tool in
    apt-get) install_apt "$@" ;;
    dnf) as_root dnf install -y -q --setopt=install_weak_deps=False "$@" ;;
    # Without -y: a refreshed package list and old packages are the partial upgrade that Arch warns of.
    pacman) as_root pacman -S --needed --noconfirm "$@" ;;
    zypper) as_root zypper --non-interactive --quiet install --no-recommends "$@" ;;
    esac
}

# The command that a user would type to install the packages.
by_hand() {
    case $1 in
    apt-get)
        if family_is_backported; then set -- "$1" -t "$(backports)" "${@:2}"; fi
        echo "sudo apt-get install --no-install-recommends ${*:2}"
        ;;
    dnf) echo "sudo dnf install ${*:2}" ;;
    pacman) echo "sudo pacman -S --needed ${*:2}" ;;
    zypper) echo "sudo zypper install ${*:2}" ;;
    esac
}

# ---- the two parts ------------------------------------------------------------------------------------------------

ensure_packages() {
    local tool list
    tool=$(find_package_tool)
    if [ -z "$tool" ]; then
        say "none of apt-get, dnf, pacman, zypper is here: install libvirt, QEMU, OVMF and swtpm by your system's means"
        return 3
    fi
    # The names have neither spaces nor patterns.
    # shellcheck disable=SC2046
    list=$(missing "$tool" $(packages "$tool" "$1"))
    [ -n "$list" ] || return 0
    mapfile -t list <<<"$list"
    if ! find_root; then
        say "not installed: ${list[*]}"
        say "this needs root: $(by_hand "$tool" "${list[@]}")"
        return 3
    fi
    say "installing ${list[*]}"
    install_packages "$tool" "${list[@]}" && return
    say "to see why, or to install them yourself: $(by_hand "$tool" "${list[@]}")"
    return 3
}

# Whether version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

check_cargo() {
    local found remedy
    if have rustup; then remedy="run 'rustup update stable'"; else remedy="see https://rustup.rs, distributions are often older"; fi
    if ! have cargo; then
        say "cargo $minimum_rust or newer is needed to build vmbuild, and none is in PATH: $remedy"
        return 1
    fi
    found=$(cargo --version | awk '{ print $2 }')
    at_least "${found%%-*}" "$minimum_rust" && return
    say "cargo $minimum_rust or newer is needed to build vmbuild, $(command -v cargo) is $found: $remedy"
    return 1
}

case ${1-} in
run | test) ;;
*)
    echo "usage: setup.sh run|test" >&2
    exit 2
    ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
status=0
ensure_packages "$1" || status=$?
check_cargo || exit 1
have cc || { say "a C compiler is needed to link vmbuild: install gcc"; exit 1; }
exit $status
