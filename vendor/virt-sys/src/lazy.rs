// SPDX-License-Identifier: LGPL-2.1-or-later

//! What stands in place of each C function: a trampoline that looks the function up on its first call.

use std::cell::Cell;
use std::ffi::{c_void, CStr};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::library;

/// The address of one function, looked up once it is needed.
pub(crate) struct Entry {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

thread_local! {
    static MISSING: Cell<Option<&'static str>> = const { Cell::new(None) };
}

impl Entry {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The function, or `None` (and its name noted for [`take_missing`]) if there is no such function.
    #[inline]
    pub(crate) fn address(&self) -> Option<*mut c_void> {
        let known = self.address.load(Ordering::Acquire);
        if known.is_null() {
            self.look_up()
        } else {
            Some(known)
        }
    }

    #[cold]
    fn look_up(&self) -> Option<*mut c_void> {
        let found = library::symbol(self.name);
        match found {
            Some(address) => self.address.store(address, Ordering::Release),
            None => MISSING.set(self.name.to_str().ok()),
        }
        found
    }
}

/// The name of the last function this thread called in vain, because the library is absent or older than the
/// function; asking forgets it. Such a call returns what libvirt returns for an error (-1, NULL, 0 for an amount of
/// memory) while `virGetLastError` stays silent, so a caller that got an error without words asks here.
pub fn take_missing() -> Option<&'static str> {
    MISSING.take()
}

/// What a libvirt function of this return type returns when it fails.
pub(crate) trait Failure {
    const FAILURE: Self;
}

impl Failure for () {
    const FAILURE: Self = ();
}

/// Status codes and counts.
impl Failure for i32 {
    const FAILURE: Self = -1;
}

/// Domain ids.
impl Failure for u32 {
    const FAILURE: Self = u32::MAX;
}

/// Amounts of memory.
impl Failure for u64 {
    const FAILURE: Self = 0;
}

impl<T> Failure for *mut T {
    const FAILURE: Self = ptr::null_mut();
}

impl<T> Failure for *const T {
    const FAILURE: Self = ptr::null();
}

/// Takes the contents of an `extern "C"` block as bindgen writes it and defines the same items, found at run time.
macro_rules! lazy {
    // libvirt's only variable: a copy of it, filled in by `load`.
    (pub static mut virConnectAuthPtrDefault: $type:ty;) => {
        /// The default callbacks for `virConnectOpenAuth`; NULL until [`load`] has succeeded.
        pub static mut virConnectAuthPtrDefault: $type = ::std::ptr::null_mut();
    };
    (pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $return:ty)?;) => {
        /// The function of this name in libvirt's C API.
        ///
        /// # Safety
        /// As libvirt documents it; pointers must be valid for its purpose.
        pub unsafe extern "C" fn $name($($arg: $type),*) $(-> $return)? {
            static ENTRY: lazy::Entry = {
                const NAME: &str = concat!(stringify!($name), "\0");
                match ::std::ffi::CStr::from_bytes_with_nul(NAME.as_bytes()) {
                    Ok(name) => lazy::Entry::new(name),
                    Err(_) => unreachable!(),
                }
            };
            let Some(address) = ENTRY.address() else {
                return lazy::Failure::FAILURE;
            };
            // SAFETY: the symbol of this name has this signature, which bindgen read from libvirt's headers.
            let function = ::std::mem::transmute::<
                *mut ::std::ffi::c_void,
                unsafe extern "C" fn($($type),*) $(-> $return)?,
            >(address);
            function($($arg),*)
        }
    };
}

/// Copies libvirt's variables into the statics of the same names.
pub(crate) fn read_variables() {
    if let Some(address) = library::symbol(c"virConnectAuthPtrDefault") {
        // SAFETY: the symbol is a variable of this type that libvirt never changes. Concurrent callers store the same
        // value; readers come after `load`, as documented there.
        unsafe {
            let value = *address.cast::<crate::virConnectAuthPtr>();
            let copy = ptr::addr_of_mut!(crate::virConnectAuthPtrDefault);
            AtomicPtr::from_ptr(copy).store(value, Ordering::Release);
        }
    }
}
