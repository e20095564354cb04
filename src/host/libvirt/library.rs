//! libvirt's client library: opened by the first connection, not by the program's start.

use crate::host::{Cause, HostError, Sysroot};
use std::sync::Once;
use virt::sys;

/// Loads the library and silences its error printer. Cheap when done already.
pub(super) fn prepare() -> Result<(), HostError> {
    static ONCE: Once = Once::new();
    sys::load().map_err(|error| HostError {
        original: error.reason().to_owned(),
        ..HostError::new(Cause::LibraryMissing, missing(&error), remedy())
    })?;
    // libvirt's default handler prints every error to stderr, into the middle of the screen.
    ONCE.call_once(virt::error::clear_error_callback);
    Ok(())
}

fn missing(error: &sys::LoadError) -> String {
    format!("libvirt's client library {error}.").replacen("library libvirt.so.0 is", "library (libvirt.so.0) is", 1)
}

/// The command that installs it, by the package tool that is here.
fn remedy() -> String {
    let here = Sysroot::default();
    let has = |tool: &str| here.exists(&format!("/usr/bin/{tool}"));
    let command = if has("apt-get") {
        "sudo apt install libvirt0"
    } else if has("dnf") {
        "sudo dnf install libvirt-libs"
    } else if has("pacman") {
        "sudo pacman -S libvirt"
    } else if has("zypper") {
        "sudo zypper install libvirt-libs"
    } else {
        return "Install your distribution's package with libvirt.so.0.".into();
    };
    format!("Install it with '{command}'.")
}
