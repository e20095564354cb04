//! Where the facts about a host come from as a whole, and what can be done there. Nothing is opened here.

use super::remote::Login;
use super::{HostError, Sysroot};
use std::path::PathBuf;

/// The URI used where nobody names one: passthrough needs the system instance, whoever asks.
const SYSTEM: &str = "qemu:///system";

/// The host to observe and to build on, or what answers in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A host behind libvirt.
    Libvirt {
        /// Its URI, as the user wrote it.
        uri: String,
        /// True where the user lets vmbuild read the files of a remote host over ssh.
        probe: bool,
        /// A recorded tree in place of the host's own /sys, /proc and /etc.
        tree: Option<Sysroot>,
    },
    /// A recorded tree of /sys, /proc and /etc alone.
    Tree(Sysroot),
    /// A file of recorded facts, which answers every question.
    Record(PathBuf),
    /// The built-in demo host.
    Demo,
}

/// The libvirt of `LIBVIRT_DEFAULT_URI`, else the system instance of this machine.
impl Default for Source {
    fn default() -> Self {
        Self::at(std::env::var("LIBVIRT_DEFAULT_URI").ok().filter(|uri| !uri.is_empty()).unwrap_or(SYSTEM.into()))
    }
}

impl Source {
    /// The host behind `uri`.
    pub fn at(uri: impl Into<String>) -> Self {
        Self::Libvirt { uri: uri.into(), probe: false, tree: None }
    }

    /// The host behind `uri`, whose files are those of `tree`.
    pub fn with_tree(uri: impl Into<String>, tree: Sysroot) -> Self {
        Self::Libvirt { uri: uri.into(), probe: false, tree: Some(tree) }
    }

    /// The URI to open, with what keeps ssh from asking questions on the terminal; `None` where no URI leads there.
    pub fn uri(&self) -> Option<String> {
        match self {
            Self::Libvirt { uri, .. } => Some(without_prompts(uri)),
            Self::Tree(_) | Self::Record(_) | Self::Demo => None,
        }
    }

    /// What a person calls it: its URI, or the path of what was recorded.
    pub fn name(&self) -> String {
        match self {
            Self::Libvirt { uri, .. } => without_prompts(uri),
            Self::Tree(tree) => tree.root().display().to_string(),
            Self::Record(file) => file.display().to_string(),
            Self::Demo => super::demo::URI.to_owned(),
        }
    }

    /// The root below which files are read: that of the recorded tree, else that of this machine.
    pub fn sysroot(&self) -> Sysroot {
        match self {
            Self::Libvirt { tree: Some(tree), .. } | Self::Tree(tree) => tree.clone(),
            Self::Libvirt { tree: None, .. } | Self::Record(_) | Self::Demo => Sysroot::default(),
        }
    }

    /// The login by which files of a remote host can be read; `None` where they are at hand, or where no ssh leads there.
    pub fn login(&self) -> Option<Result<Login, HostError>> {
        if self.reads_sysfs() { None } else { Login::of(&self.uri()?) }
    }

    /// True where the user lets vmbuild read the files of a remote host over ssh.
    pub fn is_probed(&self) -> bool {
        matches!(self, Self::Libvirt { probe: true, .. })
    }

    /// The user lets vmbuild read the files of the host over ssh from now on.
    pub fn agree_to_probe(&mut self) {
        if let Self::Libvirt { probe, .. } = self {
            *probe = true;
        }
    }

    /// True where the files below [`Self::sysroot`] are those of the host. A recorded tree always counts.
    pub fn reads_sysfs(&self) -> bool {
        match self {
            Self::Libvirt { uri, tree, .. } => tree.is_some() || is_this_machine(uri),
            Self::Tree(_) => true,
            Self::Record(_) | Self::Demo => false,
        }
    }

    /// True where the host is this machine: what libvirt names by path can be looked at here, and the kernel is heard.
    pub fn shares_files(&self) -> bool {
        matches!(self, Self::Libvirt { uri, tree: None, .. } if is_this_machine(uri))
    }

    /// True where libvirt must answer; where there is a recorded tree, what libvirt would add is unknown and no error.
    pub fn needs_libvirt(&self) -> bool {
        !matches!(self, Self::Tree(_) | Self::Libvirt { tree: Some(_), .. })
    }

    /// False where what is known stays as it is.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Record(_))
    }

    /// True where a VM can be built.
    pub fn can_build(&self) -> bool {
        self.why_no_build().is_none()
    }

    /// Why nothing can be built, and what to do about it.
    pub fn why_no_build(&self) -> Option<&'static str> {
        match self {
            Self::Record(_) => Some("these are recorded facts, not a host; to build, leave out --facts"),
            Self::Tree(_) => Some("this is a recorded tree, not a host; to build, leave out --sysroot"),
            Self::Libvirt { .. } | Self::Demo => None,
        }
    }
}

/// A local URI has no host part and no transport but the unix socket; the test driver's host does not exist at all.
fn is_this_machine(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let (driver, transport) = scheme.split_once('+').unwrap_or((scheme, "unix"));
    transport == "unix" && rest.starts_with('/') && driver != "test"
}

/// ssh would ask for passwords and host keys on the terminal that the screen is drawn on.
fn without_prompts(uri: &str) -> String {
    let by_ssh = uri.split_once("://").is_some_and(|(scheme, _)| scheme.ends_with("+ssh"));
    if !by_ssh || uri.contains("no_tty=") {
        return uri.to_owned();
    }
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}no_tty=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Sysroot {
        Sysroot::new("/srv/fixture")
    }

    #[test]
    fn only_a_local_hypervisor_shares_sysfs() {
        for uri in ["qemu:///system", "qemu:///session", "qemu+unix:///system?socket=/tmp/s"] {
            assert!(Source::at(uri).reads_sysfs(), "{uri}");
        }
        for uri in ["qemu+ssh://hv03/system", "qemu+ssh:///system", "qemu://hv03/system", "test:///default", "nonsense"]
        {
            assert!(!Source::at(uri).reads_sysfs(), "{uri}");
        }
    }

    #[test]
    fn ssh_leads_to_a_remote_host_alone() {
        assert!(Source::at("qemu+ssh://hv03/system").login().is_some_and(|login| login.is_ok()));
        assert!(Source::at("qemu+ssh://-oX=y/system").login().is_some_and(|login| login.is_err()));
        for source in [
            Source::with_tree("qemu+ssh://hv03/system", tree()),
            Source::at("qemu:///system"),
            Source::at("qemu+tls://hv03/system"),
            Source::Tree(tree()),
            Source::Record("facts.json".into()),
            Source::Demo,
        ] {
            assert!(source.login().is_none(), "{source:?}");
        }
    }

    #[test]
    fn a_recorded_tree_is_read_whatever_the_uri_but_lends_no_files() {
        for source in [Source::with_tree("test:///default", tree()), Source::Tree(tree())] {
            assert!(source.reads_sysfs() && !source.shares_files() && !source.needs_libvirt(), "{source:?}");
            assert_eq!(source.sysroot(), tree());
        }
    }

    #[test]
    fn nothing_of_this_machine_is_told_of_the_demo_or_of_a_record() {
        for source in [Source::Record("facts.json".into()), Source::Demo] {
            assert!(!source.reads_sysfs() && !source.shares_files() && source.uri().is_none(), "{source:?}");
        }
    }

    #[test]
    fn what_was_recorded_cannot_be_built_on() {
        for source in [Source::Record("facts.json".into()), Source::Tree(tree())] {
            assert!(!source.can_build(), "{source:?}");
        }
        for source in [Source::Demo, Source::at("qemu:///system"), Source::with_tree("test:///default", tree())] {
            assert!(source.can_build(), "{source:?}");
        }
    }

    #[test]
    fn the_probe_is_agreed_to_for_a_libvirt_alone() {
        let (mut remote, mut demo) = (Source::at("qemu+ssh://hv03/system"), Source::Demo);
        remote.agree_to_probe();
        demo.agree_to_probe();
        assert!(remote.is_probed() && !demo.is_probed());
    }

    #[test]
    fn ssh_never_asks_on_the_terminal() {
        for (uri, opened) in [
            ("qemu+ssh://root@hv03/system", "qemu+ssh://root@hv03/system?no_tty=1"),
            ("qemu+ssh://hv03/system?keyfile=/k", "qemu+ssh://hv03/system?keyfile=/k&no_tty=1"),
            ("qemu+ssh://hv03/system?no_tty=0", "qemu+ssh://hv03/system?no_tty=0"),
            ("qemu:///system", "qemu:///system"),
        ] {
            assert_eq!(Source::at(uri).uri().as_deref(), Some(opened));
        }
    }
}
