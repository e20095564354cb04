//! Errors that have a code and that no check looks for: of specs and templates, of the connection, of builds.

use super::Check;

pub(super) static ERRORS: &[&Check] = &[
    &SPEC_INVALID,
    &XML_INVALID,
    &LIBVIRT_MISSING,
    &LIBVIRT_NOT_RUNNING,
    &LIBVIRT_DENIED,
    &BUILD_FAILED,
    &BUILD_UNVERIFIED,
    &BUILD_CANCELLED,
    &BUILD_UNRECORDED,
    &BUILD_RUNNING,
    &BUILD_OPEN,
];

/// A text is no spec.
pub static SPEC_INVALID: Check = Check {
    code: "SPEC-INVALID",
    title: "spec can be read",
    explain: "The text is not valid JSON, or it has unknown fields, wrong types or unknown words. Every problem is \
              printed with its line and column. `vmbuild schema` prints the schema of a spec, for editors that check \
              while you type.",
    ..Check::ERROR
};

/// A spec cannot become XML.
pub static XML_INVALID: Check = Check {
    code: "XML-INVALID",
    title: "domain XML can be written",
    explain: "A value of the spec cannot be part of an XML document, or custom_xml is not well-formed. The message \
              names the field and, for custom_xml, row and column.",
    ..Check::ERROR
};

/// libvirt's library is not installed.
pub static LIBVIRT_MISSING: Check = Check {
    code: "LIBVIRT-MISSING",
    title: "libvirt client library is installed",
    explain: "vmbuild loads the libvirt library when it first needs it and did not find it. Install it (Debian and \
              Ubuntu: libvirt0; Fedora: libvirt-libs; Arch: libvirt; openSUSE: libvirt-libs), or look around with \
              `vmbuild --demo`.",
    ..Check::ERROR
};

/// libvirt's daemon does not run.
pub static LIBVIRT_NOT_RUNNING: Check = Check {
    code: "LIBVIRT-NOT-RUNNING",
    title: "libvirt daemon is running",
    explain: "Nothing listens on the daemon's socket. Start libvirtd, or virtqemud if libvirt is split into several \
              daemons, or name another host with --connect.",
    ..Check::ERROR
};

/// libvirt's daemon refuses the user.
pub static LIBVIRT_DENIED: Check = Check {
    code: "LIBVIRT-DENIED",
    title: "this user may connect to libvirt",
    explain: "The daemon's socket rejects this user. Members of the group libvirt may use qemu:///system on most \
              systems; a new membership is effective from the next login.",
    ..Check::ERROR
};

/// A step of a build failed.
pub static BUILD_FAILED: Check = Check {
    code: "BUILD-FAILED",
    title: "every build step succeeds",
    explain: "A build step failed, and everything that the build had made was undone, newest first. What could not be \
              undone is printed with the reason and the command that removes it by hand, and the exit code is 6 \
              instead of 5. The message and libvirt's own error describe what failed.",
    ..Check::ERROR
};

/// A VM was made, and did not come up.
pub static BUILD_UNVERIFIED: Check = Check {
    code: "BUILD-UNVERIFIED",
    title: "VM passed the checks after its start",
    explain: "The VM was created and started, but a check after its start failed: a passed device is not on vfio-pci, \
              the VM ended or is paused, or QEMU or the kernel reported an error. Nothing is undone, so that you can \
              find the cause. What was created is printed with the commands that remove it, and the exit code is 6.",
    ..Check::ERROR
};

/// A build was ended by its user.
pub static BUILD_CANCELLED: Check = Check {
    code: "BUILD-CANCELLED",
    title: "build ran to its end",
    explain: "The user, or a signal, ended the build before it was complete. Everything that it had made was undone.",
    ..Check::ERROR
};

/// The journal of a build cannot be written.
pub static BUILD_UNRECORDED: Check = Check {
    code: "BUILD-UNRECORDED",
    title: "build can be recorded",
    explain: "Every build writes a journal in the state folder, ~/.local/state/vmbuild/builds: each step before it is \
              done, each thing once it exists. An interrupted build can then be finished or undone. Without a journal \
              no build starts. Make the folder writable, free space in it, or set XDG_STATE_HOME to a folder on a local \
              file system.",
    ..Check::ERROR
};

/// Another build makes the same thing now.
pub static BUILD_RUNNING: Check = Check {
    code: "BUILD-RUNNING",
    title: "no running build makes the same things",
    explain: "Another vmbuild of this user is building a VM of the same name, or a volume of the same pool and name. \
              Nothing was made. The message names that build; `vmbuild builds` lists all.",
    ..Check::ERROR
};

/// Another build of the same thing was interrupted.
pub static BUILD_OPEN: Check = Check {
    code: "BUILD-OPEN",
    title: "no interrupted build made the same things",
    explain: "A build was interrupted, by kill -9 or a power cut, and what it made has the names that the new VM needs. \
              Nothing was made. `vmbuild recover ID --resume` finishes the interrupted build, `vmbuild recover ID \
              --undo` removes all that it made; `vmbuild builds show ID` lists that.",
    ..Check::ERROR
};

/// A text was typed that the spec cannot hold.
pub static FIELD_VALUE: Check = Check {
    code: "FIELD-VALUE",
    title: "typed values can be stored",
    explain: "The text in a field of the wizard is not a valid value for the field, so the VM shown is not the one \
              that would be built. Correct the value, or empty the field to use the default.",
    ..Check::ERROR
};
