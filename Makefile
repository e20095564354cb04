# run: installs what is missing, builds and starts vmbuild. test: runs every test that can run here. lab: those that need
# an IOMMU alone, in an emulated machine that has one. fuzz: ten minutes of any bytes for each reader, or SECONDS=60.
.PHONY: run test lab bench fuzz
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

fuzz:
	tests/fuzz/run.sh $(SECONDS)
