//! libvirt is opened on the first call: the program does not need it to start, and its absence is a sentence.

#![allow(unsafe_code, reason = "calls C functions that `virt` does not wrap")]

use crate::support;
use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs, ptr};

use virt::connect::Connect;
use virt_sys as sys;

/// Set in the processes that these tests start: the case to run in a process of its own, since what one process has
/// loaded stays loaded.
const CASE: &str = "VMBUILD_TEST_CHILD";

/// Runs the test `name` again, alone, in a process in which [`is_child`] is true.
fn in_child(name: &str, library_path: Option<&Path>) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &support::name_of(module_path!(), name), "--nocapture"]).env(CASE, "1");
    if let Some(path) = library_path {
        command.env("LD_LIBRARY_PATH", path);
    }
    command.output().unwrap()
}

fn is_child() -> bool {
    env::var_os(CASE).is_some()
}

fn assert_success(output: &Output) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {text}", output.status);
    assert!(text.contains("1 passed"), "the case did not run: {text}");
}

#[test]
fn the_test_driver_opens_and_lists_its_domain() {
    sys::load().expect("libvirt is installed where the tests run");
    let connection = Connect::open(Some("test:///default")).unwrap();
    let domains = connection.list_all_domains(0).unwrap();
    let names: Vec<String> = domains.iter().map(|domain| domain.name().unwrap()).collect();
    assert_eq!(names, ["test"]);
}

#[test]
fn the_qemu_functions_come_from_their_own_library() {
    assert!(sys::has("virDomainQemuAgentCommand"));
    assert!(sys::has("virConnectOpen"));
    assert!(!sys::has("virDomainGrowWings"));
    assert!(!sys::has("virConnect\0Open"));
}

#[test]
fn the_default_authentication_is_there_after_load() {
    sys::load().unwrap();
    // SAFETY: `load` is done; the pointer is to libvirt's own constant data.
    let auth = unsafe { sys::virConnectAuthPtrDefault };
    assert!(!auth.is_null());
    // SAFETY: as above.
    assert!(unsafe { (*auth).cb }.is_some(), "libvirt's default has a callback");
    // SAFETY: a NUL-terminated URI, libvirt's own authentication.
    let connection = unsafe { sys::virConnectOpenAuth(c"test:///default".as_ptr(), auth, 0) };
    assert!(!connection.is_null());
    // SAFETY: the connection just opened.
    assert_eq!(unsafe { sys::virConnectClose(connection) }, 0);
}

#[test]
fn an_absent_library_is_named_and_can_be_asked_for_again() {
    if is_child() {
        let error = sys::load_from(c"libvirt-absent.so.0").unwrap_err();
        assert_eq!(error.to_string(), "libvirt-absent.so.0 is not installed");
        assert_eq!(error.missing_file(), Some("libvirt-absent.so.0"));
        assert_eq!(error.library(), "libvirt-absent.so.0");
        sys::load().expect("a first failure does not stand in the way");
        assert!(sys::has("virConnectOpen"));
        return;
    }
    assert_success(&in_child("an_absent_library_is_named_and_can_be_asked_for_again", None));
}

#[test]
fn a_damaged_library_is_told_from_an_absent_one() {
    if is_child() {
        let error = sys::load().unwrap_err();
        assert_eq!(error.missing_file(), None);
        let text = error.to_string();
        assert!(text.starts_with("libvirt.so.0 cannot be loaded: "), "{text}");
        assert!(text.contains(error.reason()), "{text}");
        assert!(!sys::has("virConnectOpen"));
        assert!(Connect::open(Some("test:///default")).is_err(), "no crash, an error");
        assert_eq!(sys::take_missing(), Some("virGetLastError"), "the last call of `open`");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("libvirt.so.0"), "not a library").unwrap();
    assert_success(&in_child("a_damaged_library_is_told_from_an_absent_one", Some(folder.path())));
}

#[test]
fn a_function_that_the_library_lacks_fails_and_is_named() {
    if is_child() {
        // A library that is there and has none of the functions, as an old libvirt lacks some.
        sys::load_from(c"libm.so.6").unwrap();
        assert!(!sys::has("virConnectOpen"));
        // SAFETY: NULL is a valid name for the default host.
        let connection = unsafe { sys::virConnectOpen(ptr::null()) };
        assert!(connection.is_null());
        assert_eq!(sys::take_missing(), Some("virConnectOpen"));
        assert_eq!(sys::take_missing(), None);
        // SAFETY: the function is not there, so nothing looks at the arguments.
        assert_eq!(unsafe { sys::virEventRunDefaultImpl() }, -1);
        return;
    }
    assert_success(&in_child("a_function_that_the_library_lacks_fails_and_is_named", None));
}

#[test]
fn the_program_is_not_linked_with_libvirt() {
    for program in [Path::new(env!("CARGO_BIN_EXE_vmbuild")), &env::current_exe().unwrap()] {
        let bytes = fs::read(program).unwrap();
        let needed = needed_libraries(&bytes);
        assert!(needed.iter().any(|name| name.starts_with("libc.so")), "{program:?} needs {needed:?}");
        assert!(!needed.iter().any(|name| name.contains("virt")), "{program:?} needs {needed:?}");
    }
}

/// The NEEDED entries of a 64-bit little-endian ELF file.
fn needed_libraries(elf: &[u8]) -> Vec<String> {
    const SHT_DYNAMIC: u64 = 6;
    const DT_NEEDED: u64 = 1;
    let number = |at: u64, size: usize| {
        let at = usize::try_from(at).unwrap();
        elf[at..at + size].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    };
    assert_eq!(&elf[..6], b"\x7fELF\x02\x01");
    let (table, entry, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    let section = |index: u64| table + index * entry;
    let dynamic = (0..count).map(section).find(|at| number(at + 4, 4) == SHT_DYNAMIC).expect("a dynamic executable");
    let strings = number(section(number(dynamic + 0x28, 4)) + 0x18, 8);
    let (start, size) = (number(dynamic + 0x18, 8), number(dynamic + 0x20, 8));
    (start..start + size)
        .step_by(16)
        .filter(|at| number(*at, 8) == DT_NEEDED)
        .map(|at| {
            let name = usize::try_from(strings + number(at + 8, 8)).unwrap();
            elf[name..].iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
        })
        .collect()
}
