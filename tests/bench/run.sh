#!/usr/bin/env bash
# Builds vmbuild, the floor and the harness in release mode and prints one table. `make bench` calls it; --quick shortens it.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --quiet
cargo build --release --quiet --manifest-path tests/bench/Cargo.toml
home=$(mktemp -d)
# A pool of its own, because a fresh libvirt has none. It is transient and leaves with this script.
pool="vmbuild-bench-$$"
clean_up() {
    virsh -q -c qemu:///system pool-destroy "$pool" >/dev/null 2>&1 || true
    rm -rf "$home"
}
trap clean_up EXIT
mkdir "$home/pool"
if timeout 10 virsh -q -c qemu:///system pool-create-as "$pool" dir --target "$home/pool" >/dev/null 2>&1; then
    export VMBUILD_BENCH_POOL=$pool
fi
target=${CARGO_TARGET_DIR:-}
"${target:-tests/bench/target}/release/vmbuild-bench" \
    "${target:-target}/release/vmbuild" "${target:-tests/bench/target}/release/floor" "$home" "$@"
