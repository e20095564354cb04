// SPDX-License-Identifier: LGPL-2.1-or-later

//! The C API of libvirt with nothing linked: the library is opened on the first call.
//!
//! The items are those of `virt-sys` 0.3.2. Call [`load`] once before the first of them, on a thread that may wait 10 ms;
//! it says in words why libvirt is not there. See README.md for what a call does when a library or a function is absent.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]

#[macro_use]
mod lazy;
mod library;

pub use lazy::take_missing;
pub use library::{has, load, load_from, LoadError};

pub type _virTypedParameterValue = _virTypedParameter__bindgen_ty_1;

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
