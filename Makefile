# run: installs what is missing, builds and starts vmbuild. test: runs every test that can run here. lab: those that need
# an IOMMU alone, in an emulated machine that has one. fuzz: ten minutes of any bytes for each reader, or SECONDS=60.
# cuts: kills as many builds as CUTS=100 says on a real libvirtd and recovers each.
# fixtures: writes golden output, screens, facts and generated pages again; the diff is to be read before it is committed.
.PHONY: run test lab bench fuzz cuts fixtures
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

cuts:
	tests/run.sh cuts $(CUTS)

fixtures:
	UPDATE_GOLDEN=1 INSTA_UPDATE=always cargo test --locked --quiet --test it
