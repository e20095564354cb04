#!/usr/bin/env bash
# Makes the IOMMU lab where it is not made yet, and runs its scenarios: a line for each with the seconds it took, and a
# summary. An argument runs only those with these words in their names: run.sh "(g)".
set -euo pipefail
cd "$(dirname "$0")/../.."
packaging/setup.sh test || [ $? = 3 ]
export VMBUILD_TEST_LAB=${XDG_CACHE_HOME:-$HOME/.cache}/vmbuild-lab VMBUILD_TEST_LAB_ONLY=${1-}
tests/lab/make.sh "$VMBUILD_TEST_LAB"
exec cargo test --locked --quiet --test host lab:: -- --nocapture --test-threads=1
