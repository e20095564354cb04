#!/usr/bin/env bash
# Runs every check and test that can run on this machine, and says which could not, and why. Quiet where all is well;
# the last line is the test runner's summary. What it makes stays outside of the repository.
#
# For the tests (tests/support/mod.rs) it sets
#   VMBUILD_TEST_URI      a libvirt that runs real guests      (or VMBUILD_TEST_URI_WHY: why there is none)
#   VMBUILD_TEST_GUEST    folder with the test guest           (or VMBUILD_TEST_GUEST_WHY)
#   VMBUILD_TEST_FOREIGN  folder with kernels of other architectures (or VMBUILD_TEST_FOREIGN_WHY)
#   VMBUILD_TEST_HUGEPAGES  free huge pages of 2 MiB           (or VMBUILD_TEST_HUGEPAGES_WHY)
#   VMBUILD_TEST_LAB      folder with the IOMMU lab            (or VMBUILD_TEST_LAB_WHY)
#   VMBUILD_TEST_SKIPPED  file to which a test that is skipped appends its name and the reason
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/vmbuild-tests
lab=${XDG_CACHE_HOME:-$HOME/.cache}/vmbuild-lab
pages=/sys/kernel/mm/hugepages/hugepages-2048kB
work=$(mktemp -d)
started=()
not_run=()
failed=()
have() { command -v "$1" >/dev/null 2>&1; }

# Stops the daemons that were started here, the last one first, and waits for their end.
finish() {
    local index pid
    if [ -n "${lab_maker-}" ]; then kill "$lab_maker" 2>/dev/null || true; fi
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        pid=$(cat "${started[index]}" 2>/dev/null) || continue
        kill "$pid" 2>/dev/null || continue
        timeout 20 tail --pid="$pid" -f /dev/null || true
    done
    if [ -n "${mounted-}" ]; then umount "$mounted" && rmdir "$mounted"; fi || true
    if [ -n "${pages_before-}" ]; then echo "$pages_before" >"$pages/nr_hugepages" || true; fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Runs a check and shows what it printed only when it fails. The rest runs all the same: one run tells everything.
check() {
    "$@" >"$work/check.log" 2>&1 </dev/null && return
    cat "$work/check.log"
    failed+=("$*")
}

# ---- checks of the sources ----------------------------------------------------------------------------------------

check_sources() {
    if cargo fmt --version >/dev/null 2>&1; then
        check cargo fmt --check
        check cargo fmt --check --manifest-path tests/bench/Cargo.toml
        check cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
    else
        not_run+=("cargo fmt: the component rustfmt is not installed")
    fi
    if cargo clippy --version >/dev/null 2>&1; then
        check cargo clippy --locked --quiet --all-targets -- -D warnings
    else
        not_run+=("cargo clippy: the component clippy is not installed")
    fi
    RUSTDOCFLAGS='-D warnings' check cargo doc --locked --quiet --no-deps --document-private-items
    check_oldest_rust
    check_licences
}

# Builds with the Rust that Cargo.toml promises; clippy already reports what came later than it.
check_oldest_rust() {
    local rust
    rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    if ! have rustup || ! rustup run "$rust" rustc --version >/dev/null 2>&1; then
        not_run+=("build with Rust $rust: that toolchain is not installed")
    else
        check env CARGO_TARGET_DIR="$work/oldest" rustup run "$rust" cargo check --locked --quiet --all-targets
    fi
}

# A cargo-deny that is not there is built once, beside the other things that the tests keep.
find_cargo_deny() {
    export PATH=$cache/tools/bin:$PATH
    cargo deny --version >/dev/null 2>&1 && return
    cargo install --quiet --locked --root "$cache/tools" cargo-deny >"$work/deny.log" 2>&1 </dev/null
}

check_licences() {
    if ! find_cargo_deny; then
        not_run+=("cargo deny: cargo-deny is not installed, and building it failed: $(tail -n 1 "$work/deny.log")")
    elif ! cargo metadata --locked --format-version 1 >/dev/null 2>&1; then
        not_run+=("cargo deny: the crates of other systems cannot be downloaded")
    else
        check cargo deny --log-level error check licenses bans sources
    fi
}

# ---- what the tests need ------------------------------------------------------------------------------------------

libvirt_answers() { timeout 20 virsh -c qemu:///system uri >/dev/null 2>&1 </dev/null; }

# Starts a daemon that puts itself into the background, its warnings and errors in a file.
start_daemon() {
    LIBVIRT_LOG_OUTPUTS="3:file:$work/$1.log" "$1" -d -p "$work/$1.pid" >"$work/$1.out" 2>&1 </dev/null || return
    started+=("$work/$1.pid")
}

# Finds a libvirtd, or starts one where no init does. What it says goes to the tests.
find_libvirt() {
    local why='' tries
    if ! have virsh; then
        why="virsh is not installed"
    elif libvirt_answers; then
        :
    elif [ -d /run/systemd/system ]; then
        why="qemu:///system does not answer: systemctl start libvirtd, and be root or in the group libvirt"
    elif [ "$(id -u)" != 0 ]; then
        why="qemu:///system does not answer, and only root can start libvirtd"
    elif ! have libvirtd; then
        why="libvirtd is not installed"
    else
        pgrep -x virtlogd >/dev/null || start_daemon virtlogd || true
        if start_daemon libvirtd; then
            for ((tries = 0; tries < 100; tries++)); do
                if libvirt_answers; then break; fi
                sleep 0.2
            done
        fi
        libvirt_answers || why="libvirtd was started and does not answer: $(cat "$work"/libvirtd.{out,log} 2>/dev/null | tail -n 1)"
    fi
    if [ -n "$why" ]; then
        export VMBUILD_TEST_URI='' VMBUILD_TEST_URI_WHY=$why
    else
        export VMBUILD_TEST_URI=qemu:///system
    fi
}

# A guest's worth of huge pages, set aside until the end where the host has none, and the mount that libvirtd looks for
# at its start. Comes before libvirtd does.
find_hugepages() {
    local why='' wanted=96 free
    free=$(cat "$pages/free_hugepages" 2>/dev/null) || why="the kernel has no huge pages of 2 MiB"
    if [ -z "$why" ] && ! grep -q ' hugetlbfs ' /proc/mounts; then
        if libvirt_answers; then
            why="libvirtd was started while hugetlbfs was not mounted"
        elif ! mkdir -p /dev/hugepages || ! mount -t hugetlbfs hugetlbfs /dev/hugepages; then
            why="hugetlbfs is not mounted, and cannot be here"
        else
            mounted=/dev/hugepages
        fi
    fi 2>/dev/null
    if [ -z "$why" ] && [ "$free" -lt "$wanted" ]; then
        pages_before=$(cat "$pages/nr_hugepages")
        if ! echo $((pages_before + wanted - free)) >"$pages/nr_hugepages"; then pages_before=''; fi
        free=$(cat "$pages/free_hugepages")
        [ "$free" -ge "$wanted" ] || why="$free of $wanted huge pages are free, and no more can be set aside"
    fi 2>/dev/null
    if [ -n "$why" ]; then
        export VMBUILD_TEST_HUGEPAGES='' VMBUILD_TEST_HUGEPAGES_WHY=$why
    else
        export VMBUILD_TEST_HUGEPAGES=$free
    fi
}

make_guest() { timeout 600 tests/guest/make.sh "$cache" >"$work/guest.log" 2>&1 </dev/null; }

find_guest() {
    mkdir -p "$cache"
    # Package lists may be absent, or too old to download from.
    if make_guest || { [ "$(id -u)" = 0 ] && have apt-get && apt-get update -q >/dev/null 2>&1 && make_guest; }; then
        export VMBUILD_TEST_GUEST=$cache
    else
        VMBUILD_TEST_GUEST_WHY="making it failed: $(tail -n 1 "$work/guest.log")"
        export VMBUILD_TEST_GUEST='' VMBUILD_TEST_GUEST_WHY
    fi
}

find_foreign() {
    if timeout 600 tests/guest/foreign.sh "$cache" >"$work/foreign.log" 2>&1 </dev/null; then
        export VMBUILD_TEST_FOREIGN=$cache
    else
        VMBUILD_TEST_FOREIGN_WHY="downloading it failed: $(tail -n 1 "$work/foreign.log")"
        export VMBUILD_TEST_FOREIGN='' VMBUILD_TEST_FOREIGN_WHY
    fi
}

# Making the lab takes some minutes, mostly of waiting, which the compiler uses.
begin_lab() { timeout 1200 tests/lab/make.sh "$lab" >"$work/lab.log" 2>&1 </dev/null & lab_maker=$!; }

find_lab() {
    if wait "$lab_maker"; then
        export VMBUILD_TEST_LAB=$lab
    else
        VMBUILD_TEST_LAB_WHY="making it failed: $(tail -n 1 "$work/lab.log")"
        export VMBUILD_TEST_LAB='' VMBUILD_TEST_LAB_WHY
    fi
}

# ---- the tests ----------------------------------------------------------------------------------------------------

# Prints what failed beside the tests, and the reasons for what was not run, one a line. $1: how the summary counts
# the tests that skipped themselves.
say_beside() {
    local line
    [ ${#failed[@]} = 0 ] || printf 'failed: %s\n' "${failed[@]}"
    [ ${#not_run[@]} = 0 ] || printf 'not run: %s\n' "${not_run[@]}"
    [ -s "$VMBUILD_TEST_SKIPPED" ] || return 0
    echo "skipped, $1 in the summary:"
    sort -u "$VMBUILD_TEST_SKIPPED" | while read -r line; do echo "  $line"; done
}

with_nextest() {
    local status=0
    # nextest does not run the examples in the documentation.
    check cargo test --locked --quiet --doc
    cargo nextest run --locked --config-file tests/nextest.toml --cargo-quiet --color never >"$work/tests.log" 2>&1 </dev/null || status=$?
    if [ "$status" != 0 ]; then cat "$work/tests.log"; fi
    say_beside 'counted as passed'
    grep -E '^ *Summary \[' "$work/tests.log" | tail -n 1 || true
    return "$status"
}

with_cargo_test() {
    local status=0 skipped=0
    cargo test --locked --quiet --no-fail-fast >"$work/tests.log" 2>&1 </dev/null || status=$?
    if [ "$status" != 0 ]; then cat "$work/tests.log"; fi
    say_beside 'counted as skipped'
    if [ -s "$VMBUILD_TEST_SKIPPED" ]; then skipped=$(sort -u "$VMBUILD_TEST_SKIPPED" | wc -l); fi
    # One line for all test programs; a test that skipped itself is not one that passed.
    awk -v skipped="$skipped" '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
        END { printf "%d passed, %d failed, %d skipped\n", passed - skipped, failed, ignored + skipped }' "$work/tests.log"
    return "$status"
}

# Nothing but builds that are killed, as many as $1 says.
cut_builds() {
    find_libvirt
    if [ -z "$VMBUILD_TEST_URI" ]; then
        echo "not run: $VMBUILD_TEST_URI_WHY"
        return 1
    fi
    VMBUILD_TEST_CUTS=$1 cargo test --locked --quiet --test host -- --exact cuts::a_build_cut_at_any_moment_is_taken_back_or_finished
}

packaging/setup.sh test || [ $? = 3 ]
if [ "${1-}" = cuts ]; then
    cut_builds "${2:-100}"
    exit
fi
begin_lab
check_sources
find_hugepages
find_libvirt
find_guest
find_foreign
find_lab
export VMBUILD_TEST_SKIPPED=$work/skipped
# Whatever a test forgets to redirect does not reach the files of the user.
for kind in CONFIG DATA STATE CACHE; do export "XDG_${kind}_HOME=$work/$kind"; done
if cargo nextest --version >/dev/null 2>&1; then with_nextest; else with_cargo_test; fi
[ ${#failed[@]} = 0 ]
