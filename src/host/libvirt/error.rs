//! libvirt's error numbers and words, turned into a cause and a way out.

use crate::host::{Cause, HostError};
use virt::error::{Error, ErrorNumber};

/// Why `uri` could not be opened. It is named as the user wrote it.
pub(super) fn opening(uri: &str, error: &Error) -> HostError {
    let uri = as_written(uri);
    let words = error.message().trim().to_owned();
    let cause = cause_of_refusal(error);
    let (message, remedy) = match cause {
        Cause::DaemonDown if is_remote(uri) => (
            format!("libvirt's daemon does not answer at {uri}."),
            "Start it on that host, with the transport that the URI names; qemu+ssh://HOST/system needs only ssh.".to_owned(),
        ),
        Cause::DaemonDown => (
            format!("libvirt's daemon does not answer at {uri}."),
            "Start it with 'sudo systemctl start libvirtd.socket' (virtqemud.socket where libvirt is split into several \
             daemons), or look around with 'vmbuild --demo'."
                .to_owned(),
        ),
        Cause::Denied if is_remote(uri) => (
            format!("{uri} refuses this user."),
            "Give ssh a key that this host accepts ('ssh-copy-id'), for a user in its group libvirt.".to_owned(),
        ),
        Cause::Denied => (
            format!("This user may not use {uri}."),
            "Join the group that may with 'sudo usermod -aG libvirt $USER' and log in again, or run vmbuild as root."
                .to_owned(),
        ),
        Cause::HostUnreachable => (
            format!("The host of {uri} cannot be reached."),
            "Check its name and that 'ssh' to it works without a question.".to_owned(),
        ),
        Cause::UnknownDriver => (
            format!("This libvirt has no driver for {uri}."),
            "Use qemu:///system, or qemu+ssh://HOST/system for another host; the driver's package may be missing.".to_owned(),
        ),
        _ => (format!("{uri} cannot be opened: {words}"), String::new()),
    };
    HostError { cause, message, remedy, code: error.code().to_raw(), original: words }
}

/// Without the `no_tty=1` that vmbuild adds.
fn as_written(uri: &str) -> &str {
    uri.strip_suffix("?no_tty=1").or_else(|| uri.strip_suffix("&no_tty=1")).unwrap_or(uri)
}

/// A call that failed on an open connection. `what` completes "could not ...".
pub(super) fn calling(what: &str, error: &Error) -> HostError {
    let words = error.message().trim().to_owned();
    let cause = cause_of_failure(error);
    let remedy = match cause {
        Cause::Lost => "The connection was cut; the next request makes it again.",
        _ => "",
    };
    let message = format!("Could not {what}: {words}{}", if words.ends_with('.') { "" } else { "." });
    HostError { cause, message, remedy: remedy.into(), code: error.code().to_raw(), original: words }
}

/// A document of libvirt that is not what it should be.
pub(super) fn unreadable(what: &str, why: &str) -> HostError {
    HostError::new(Cause::Other, format!("libvirt's {what} cannot be read: {why}."), "")
}

/// True where each call costs a trip over a network.
pub(super) fn is_remote(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let transport = scheme.split_once('+').map_or("unix", |(_, transport)| transport);
    transport != "unix" || !rest.starts_with('/')
}

fn cause_of_refusal(error: &Error) -> Cause {
    let words = error.message();
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    let code = error.code();
    let denied = [
        ErrorNumber::AuthFailed,
        ErrorNumber::AuthUnavailable,
        ErrorNumber::AuthCancelled,
        ErrorNumber::AccessDenied,
        ErrorNumber::OperationDenied,
    ];
    if denied.iter().any(|known| code.is(*known))
        || says(&["Permission denied", "authentication", "polkit", "system bus connection"])
    {
        Cause::Denied
    } else if code.is(ErrorNumber::NoConnect) || says(&["no connection driver available", "no QEMU URI path"]) {
        Cause::UnknownDriver
    } else if says(&["resolve", "Host key verification", "No route to host", "timed out", "Network is unreachable"]) {
        Cause::HostUnreachable
    } else if says(&["Failed to connect socket", "Connection refused", "unable to connect to server"]) {
        Cause::DaemonDown
    } else {
        Cause::Other
    }
}

fn cause_of_failure(error: &Error) -> Cause {
    let words = error.message();
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    match error.code().known() {
        Some(ErrorNumber::StorageVolExist | ErrorNumber::DomExist) => Cause::Exists,
        Some(
            ErrorNumber::NoDomain
            | ErrorNumber::NoStoragePool
            | ErrorNumber::NoStorageVolume
            | ErrorNumber::NoNetwork
            | ErrorNumber::NoNodeDevice,
        ) => Cause::NotFound,
        Some(ErrorNumber::NoSupport | ErrorNumber::ArgumentUnsupported) => Cause::Unsupported,
        Some(ErrorNumber::OperationDenied | ErrorNumber::AccessDenied) => Cause::Denied,
        // The test driver, and libvirt's file back ends, say it in words only.
        _ if says(&["already exists", "exists already", "already defined"]) => Cause::Exists,
        _ if says(&["storage volume name"]) && says(&["already in use"]) => Cause::Exists,
        _ if says(&["unsupported flags"]) => Cause::Unsupported,
        _ if says(&[
            "client socket is closed",
            "End of file while reading data",
            "Cannot write data",
            "Cannot recv data",
        ]) =>
        {
            Cause::Lost
        }
        _ => Cause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_reads_as_it_was_written() {
        assert_eq!(as_written("qemu+ssh://hv03/system?no_tty=1"), "qemu+ssh://hv03/system");
        assert_eq!(as_written("qemu+ssh://hv03/system?keyfile=/k&no_tty=1"), "qemu+ssh://hv03/system?keyfile=/k");
    }
}
