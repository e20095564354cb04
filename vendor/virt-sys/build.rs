// SPDX-License-Identifier: LGPL-2.1-or-later

//! Turns upstream's bindings into lazy ones: every `extern "C"` block becomes a call of the macro `lazy!` in src/lazy.rs.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=bindgen/bindings.rs");
    let bindings = fs::read_to_string("bindgen/bindings.rs").expect("bindgen/bindings.rs is part of this crate");
    // Blocks start at the beginning of a line; `unsafe extern "C" fn(..)` inside a type does not and stays as it is.
    let lazy = bindings.replace("\nextern \"C\" {\n", "\nlazy! {\n");
    assert!(lazy != bindings, "bindgen/bindings.rs has no extern block at the beginning of a line");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("bindings.rs"), lazy).expect("OUT_DIR is writable");
}
