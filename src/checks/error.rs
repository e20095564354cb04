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
];

/// A text is no spec.
pub static SPEC_INVALID: Check = Check {
    code: "SPEC-INVALID",
    title: "the spec can be read",
    explain: "The text is no JSON, or has fields, types or words that no spec has. Every problem is printed with its \
              line and column. `vmbuild schema` prints what a spec may hold, for editors that check while you type.",
    ..Check::ERROR
};

/// A spec cannot become XML.
pub static XML_INVALID: Check = Check {
    code: "XML-INVALID",
    title: "the domain XML can be written",
    explain: "A value of the spec cannot be part of an XML document, or custom_xml is not well-formed. The message \
              names the field and, for custom_xml, row and column.",
    ..Check::ERROR
};

/// libvirt's library is not installed.
pub static LIBVIRT_MISSING: Check = Check {
    code: "LIBVIRT-MISSING",
    title: "the libvirt client library is installed",
    explain: "vmbuild opens libvirt's library when it first needs it and did not find it. Install it (Debian and \
              Ubuntu: libvirt0; Fedora: libvirt-libs; Arch: libvirt; openSUSE: libvirt-libs), or look around with \
              `vmbuild --demo`.",
    ..Check::ERROR
};

/// libvirt's daemon does not run.
pub static LIBVIRT_NOT_RUNNING: Check = Check {
    code: "LIBVIRT-NOT-RUNNING",
    title: "libvirt's daemon answers",
    explain: "Nothing listens at the daemon's socket. Start libvirtd, or virtqemud where libvirt is split into several \
              daemons, or name another host with --connect.",
    ..Check::ERROR
};

/// libvirt's daemon refuses the user.
pub static LIBVIRT_DENIED: Check = Check {
    code: "LIBVIRT-DENIED",
    title: "libvirt lets this user in",
    explain: "The daemon's socket refuses this user. Members of the group libvirt may use qemu:///system on most \
              systems; the membership counts from the next login on.",
    ..Check::ERROR
};

/// A step of a build failed.
pub static BUILD_FAILED: Check = Check {
    code: "BUILD-FAILED",
    title: "every step of the build works",
    explain: "A step of the build failed, and what the build had made was undone: only that, newest first. What could \
              not be undone is printed with the reason and the command that removes it by hand, and the exit code is 6 \
              instead of 5. The error and libvirt's own words tell what failed.",
    ..Check::ERROR
};

/// A VM was made, and did not come up.
pub static BUILD_UNVERIFIED: Check = Check {
    code: "BUILD-UNVERIFIED",
    title: "the VM came up as it must",
    explain: "The VM was made and started, and the look after its start found something that is not as it must be: a \
              passed device that is not on vfio-pci, a VM that ended or stands still, or an error of QEMU or the \
              kernel. Nothing is undone, so that the cause can be found; what there is is printed with the commands \
              that remove it, and the exit code is 6.",
    ..Check::ERROR
};

/// A build was ended by its user.
pub static BUILD_CANCELLED: Check = Check {
    code: "BUILD-CANCELLED",
    title: "the build was not cancelled",
    explain: "The user, or a signal, ended the build before it was done. What it had made was undone: the host is as \
              it was.",
    ..Check::ERROR
};

/// A text was typed that the spec cannot hold.
pub static FIELD_VALUE: Check = Check {
    code: "FIELD-VALUE",
    title: "what was typed can be stored",
    explain: "The text in a field of the wizard is not a value that the field can have, so what is seen is not what would \
              be built. Correct the value, or empty the field to take the default.",
    ..Check::ERROR
};
