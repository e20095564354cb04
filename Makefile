# run: installs what is missing, builds and starts vmbuild. test: runs every test that can run here. lab: those that need
# an IOMMU alone, in an emulated machine that has one.
.PHONY: run test lab bench
.SILENT:

# Status 3: packages are missing that cannot be installed; vmbuild starts and says what it cannot do without them.
run:
	packaging/setup.sh run || [ $$? = 3 ]
	cargo build --release
	exec "$${CARGO_TARGET_DIR:-target}/release/vmbuild"

test:
	tests/run.sh

lab:
	tests/lab/run.sh

bench:
	tests/bench/run.sh
