// SPDX-License-Identifier: LGPL-2.1-or-later

//! Opens libvirt's shared libraries and finds symbols in them; when and for whom is the business of `lazy`.

use std::error::Error;
use std::ffi::{c_void, CStr, CString};
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A shared library that is opened once and never closed: libvirt starts threads and keeps thread-local data.
struct Library {
    name: &'static CStr,
    handle: AtomicPtr<c_void>,
}

static LIBVIRT: Library = Library::new(c"libvirt.so.0");
static LIBVIRT_QEMU: Library = Library::new(c"libvirt-qemu.so.0");

impl Library {
    const fn new(name: &'static CStr) -> Self {
        Self { name, handle: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The handle, opening `name` if the library is not open yet. A failure is not remembered: the user may install
    /// the package and try again.
    fn open(&self, name: &CStr) -> Result<*mut c_void, LoadError> {
        let known = self.handle.load(Ordering::Acquire);
        if !known.is_null() {
            return Ok(known);
        }
        // SAFETY: `name` ends with a NUL. Two threads that race here get the same handle, since dlopen counts.
        let opened = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
        if opened.is_null() {
            return Err(LoadError { library: name.to_string_lossy().into_owned(), reason: last_dl_error() });
        }
        self.handle.store(opened, Ordering::Release);
        Ok(opened)
    }

    fn symbol(&self, name: &CStr) -> Option<*mut c_void> {
        let handle = self.open(self.name).ok()?;
        // SAFETY: the handle is open for ever and `name` ends with a NUL.
        let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }
}

/// What dlopen says about its last failure on this thread.
fn last_dl_error() -> String {
    // SAFETY: dlerror returns NULL or a string that stays valid until the next dl call of this thread.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return "the dynamic loader gave no reason".into();
    }
    // SAFETY: not NULL, see above.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

/// Address of a libvirt function or variable, if this machine's libvirt has it.
pub(crate) fn symbol(name: &CStr) -> Option<*mut c_void> {
    // Every function of libvirt-qemu.so, and no other, has `Qemu` in its name.
    if name.to_bytes().windows(4).any(|part| part == b"Qemu") {
        return if cfg!(feature = "qemu") { LIBVIRT_QEMU.symbol(name) } else { None };
    }
    LIBVIRT.symbol(name)
}

/// Opens libvirt, and reads its variables. Cheap when it is open already.
pub fn load() -> Result<(), LoadError> {
    load_from(LIBVIRT.name)
}

/// [`load`] with another file in place of `libvirt.so.0`: a soname or a path. Does nothing if libvirt is open already.
/// Meant for tests of hosts without libvirt.
pub fn load_from(name: &CStr) -> Result<(), LoadError> {
    LIBVIRT.open(name)?;
    crate::lazy::read_variables();
    Ok(())
}

/// Whether the libvirt of this machine is loadable and has the function or variable `symbol`.
pub fn has(symbol: &str) -> bool {
    CString::new(symbol).is_ok_and(|name| self::symbol(&name).is_some())
}

/// Why libvirt could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    library: String,
    reason: String,
}

impl LoadError {
    /// The library that was asked for, such as `libvirt.so.0`.
    pub fn library(&self) -> &str {
        &self.library
    }

    /// The words of the dynamic loader.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The file that was not found: the library, or another one that it needs. `None` if the file is there and
    /// cannot be used (wrong architecture, damaged, no permission).
    pub fn missing_file(&self) -> Option<&str> {
        // glibc's words; another C library's are shown through `reason` alone.
        let (file, rest) = self.reason.split_once(": ")?;
        rest.ends_with("No such file or directory").then_some(file)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.missing_file() {
            Some(file) if file == self.library => write!(f, "{} is not installed", self.library),
            Some(file) => write!(f, "{} cannot be loaded: {file}, which it needs, is not installed", self.library),
            None => write!(f, "{} cannot be loaded: {}", self.library, self.reason),
        }
    }
}

impl Error for LoadError {}
