//! What a test asks of the machine it runs on, and how it says that it was skipped. `tests/run.sh` (`make test`) sets
//! the variables named here and lists the skipped tests with their reasons.

#![allow(dead_code, reason = "each of the two test programs uses its own part of this module")]
#![allow(clippy::print_stderr, reason = "the reason of a skipped test goes where its other output goes")]
#![allow(clippy::expect_used, reason = "a skip that cannot be recorded must not pass silently")]

pub(crate) mod cases;
pub(crate) mod definition;
pub(crate) mod drives;
pub(crate) mod events;
pub(crate) mod golden;
pub(crate) mod machine;
pub(crate) mod pool_types;
pub(crate) mod program;
pub(crate) mod pty;
pub(crate) mod specs;
pub(crate) mod tree;
pub(crate) mod whole_machine;
pub(crate) mod wire;

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::thread;

/// A place for the journals of builds, below a folder of the test.
pub(crate) fn builds(folder: &std::path::Path) -> vmbuild::journal::Builds {
    vmbuild::journal::Builds::new(&vmbuild::store::Folders::below(folder))
}

/// URI of a libvirt that runs real guests, for tests that need one. `None`, recorded as a skip, where there is none.
///
/// ```ignore
/// let Some(uri) = support::system_uri() else { return };
/// ```
///
/// Name everything you create there with a prefix of your own test, and remove it when the test ends, failed or not.
pub(crate) fn system_uri() -> Option<String> {
    given("VMBUILD_TEST_URI", "needs a running libvirtd")
}

/// Folder with the test guest: `guest.iso` boots by UEFI, `vmlinuz` and `initrd.gz` directly; see `tests/guest/make.sh`.
/// `None`, recorded as a skip, where it could not be made.
pub(crate) fn guest() -> Option<PathBuf> {
    given("VMBUILD_TEST_GUEST", "needs the test guest").map(PathBuf::from)
}

/// Folder with kernels of other architectures; see `tests/guest/foreign.sh`. `None`, recorded as a skip, where they could not
/// be downloaded.
pub(crate) fn foreign() -> Option<PathBuf> {
    given("VMBUILD_TEST_FOREIGN", "needs a kernel of another architecture").map(PathBuf::from)
}

/// Huge pages of 2 MiB that are free for a guest. `None`, recorded as a skip, where there are none.
pub(crate) fn hugepages() -> Option<u64> {
    given("VMBUILD_TEST_HUGEPAGES", "needs huge pages")?.parse().ok()
}

/// Folder with the image of the IOMMU lab; see `tests/lab/make.sh`. `None`, recorded as a skip, where it could not be made.
pub(crate) fn lab() -> Option<PathBuf> {
    given("VMBUILD_TEST_LAB", "needs the IOMMU lab").map(PathBuf::from)
}

/// Records that the running test does not test anything, and why. The test returns after it.
pub(crate) fn skip(reason: &str) {
    // nextest runs a test in a process of its own, where its thread may be the main one.
    let name = env::var("NEXTEST_TEST_NAME").ok();
    let name = name.or_else(|| thread::current().name().map(str::to_owned)).unwrap_or_default();
    eprintln!("skipped: {name}: {reason}");
    if let Some(list) = env::var_os("VMBUILD_TEST_SKIPPED") {
        let mut list = OpenOptions::new().append(true).create(true).open(list).expect("the list of skipped tests");
        list.write_all(format!("{name}: {reason}\n").as_bytes()).expect("the list of skipped tests");
    }
}

/// The name by which a test program knows its `test` in `module` (`module_path!()`, which begins with the program's own).
pub(crate) fn name_of(module: &str, test: &str) -> String {
    format!("{}::{test}", module.split_once("::").map_or(module, |(_, module)| module))
}

/// The value of a variable that `tests/run.sh` sets, or a skip.
fn given(variable: &str, need: &str) -> Option<String> {
    if let Some(value) = env::var(variable).ok().filter(|value| !value.is_empty()) {
        return Some(value);
    }
    let why = env::var(format!("{variable}_WHY")).unwrap_or_else(|_| format!("{variable} is not set, run `make test`"));
    skip(&format!("{need}: {why}"));
    None
}
