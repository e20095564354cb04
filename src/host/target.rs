//! Which host is meant: URI, root of sysfs and procfs, demo, recorded facts. Nothing is opened here.

use super::remote::Login;
use super::{HostError, Sysroot};
use std::path::PathBuf;

/// The URI used where nobody names one: passthrough needs the system instance, whoever asks.
const SYSTEM: &str = "qemu:///system";

/// The host to observe and to build on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// libvirt URI; `None` for `LIBVIRT_DEFAULT_URI`, else `qemu:///system`.
    pub uri: Option<String>,
    /// Root below which /sys, /proc and /etc are read.
    pub sysroot: Sysroot,
    /// The built-in demo host instead of a real one.
    pub demo: bool,
    /// The session of SSH in which vmbuild was asked, in the form of SSH_CONNECTION.
    pub ssh: Option<String>,
    /// True where the user lets vmbuild read the files of a remote host over ssh.
    pub probe: bool,
    /// Recorded facts that answer every question instead of a host.
    pub facts_file: Option<PathBuf>,
}

impl Target {
    /// The URI to open, with what keeps ssh from asking questions on the terminal.
    pub fn uri(&self) -> String {
        let uri = match &self.uri {
            Some(uri) => uri.clone(),
            None => std::env::var("LIBVIRT_DEFAULT_URI").ok().filter(|uri| !uri.is_empty()).unwrap_or(SYSTEM.into()),
        };
        without_prompts(uri)
    }

    /// The login by which files of a remote host can be read; `None` where they are at hand, or where no ssh leads there.
    pub fn login(&self) -> Option<Result<Login, HostError>> {
        let elsewhere = !self.demo && self.facts_file.is_none() && !self.reads_sysfs();
        elsewhere.then(|| Login::of(&self.uri())).flatten()
    }

    /// True where sysfs below `sysroot` and the hypervisor behind the URI are one machine. A given sysroot always counts.
    pub fn reads_sysfs(&self) -> bool {
        !self.demo && (!self.sysroot.is_real() || is_this_machine(&self.uri()))
    }

    /// True where paths that libvirt names can be looked at in this machine's file system.
    pub fn shares_files(&self) -> bool {
        !self.demo && self.sysroot.is_real() && is_this_machine(&self.uri())
    }
}

/// A local URI has no host part and no transport but the unix socket; the test driver's host does not exist at all.
fn is_this_machine(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let (driver, transport) = scheme.split_once('+').unwrap_or((scheme, "unix"));
    transport == "unix" && rest.starts_with('/') && driver != "test"
}

/// ssh would ask for passwords and host keys on the terminal that the screen is drawn on.
fn without_prompts(uri: String) -> String {
    let by_ssh = uri.split_once("://").is_some_and(|(scheme, _)| scheme.ends_with("+ssh"));
    if !by_ssh || uri.contains("no_tty=") {
        return uri;
    }
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}no_tty=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uri: &str) -> Target {
        Target { uri: Some(uri.into()), ..Target::default() }
    }

    #[test]
    fn only_a_local_hypervisor_shares_sysfs() {
        for uri in ["qemu:///system", "qemu:///session", "qemu+unix:///system?socket=/tmp/s"] {
            assert!(at(uri).reads_sysfs(), "{uri}");
        }
        for uri in ["qemu+ssh://hv03/system", "qemu+ssh:///system", "qemu://hv03/system", "test:///default", "nonsense"]
        {
            assert!(!at(uri).reads_sysfs(), "{uri}");
        }
    }

    #[test]
    fn ssh_leads_to_a_remote_host_alone() {
        assert!(at("qemu+ssh://hv03/system").login().is_some_and(|login| login.is_ok()));
        assert!(at("qemu+ssh://-oX=y/system").login().is_some_and(|login| login.is_err()));
        let recorded = Target { sysroot: Sysroot::new("/srv/fixture"), ..at("qemu+ssh://hv03/system") };
        for target in [recorded, at("qemu:///system"), at("qemu+tls://hv03/system")] {
            assert!(target.login().is_none(), "{target:?}");
        }
    }

    #[test]
    fn a_given_sysroot_is_read_whatever_the_uri_but_lends_no_files() {
        let target = Target { sysroot: Sysroot::new("/srv/fixture"), ..at("test:///default") };
        assert!(target.reads_sysfs() && !target.shares_files());
    }

    #[test]
    fn ssh_never_asks_on_the_terminal() {
        assert_eq!(at("qemu+ssh://root@hv03/system").uri(), "qemu+ssh://root@hv03/system?no_tty=1");
        assert_eq!(at("qemu+ssh://hv03/system?keyfile=/k").uri(), "qemu+ssh://hv03/system?keyfile=/k&no_tty=1");
        assert_eq!(at("qemu+ssh://hv03/system?no_tty=0").uri(), "qemu+ssh://hv03/system?no_tty=0");
        assert_eq!(at("qemu:///system").uri(), "qemu:///system");
    }
}
