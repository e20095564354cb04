//! Where ssh has to go, from libvirt's URI: as arguments of the program, never as a line for a shell.

use crate::host::{Cause, HostError};

/// Seconds that a host may take to answer at all.
const CONNECT: u32 = 10;

/// A login by ssh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Name or address.
    pub host: String,
    user: Option<String>,
    port: Option<u16>,
    key_file: Option<String>,
    known_hosts: Option<String>,
    no_verify: bool,
}

impl Login {
    /// The login that libvirt makes for `uri`; `None` where it does not go by ssh, an error where ssh cannot be told.
    pub fn of(uri: &str) -> Option<Result<Self, HostError>> {
        let (scheme, rest) = uri.split_once("://")?;
        let (_, transport) = scheme.split_once('+')?;
        ["ssh", "libssh", "libssh2"].contains(&transport).then(|| Self::read(rest))
    }

    fn read(rest: &str) -> Result<Self, HostError> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = place.split('/').next().unwrap_or_default();
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (Some(user), server),
            None => (None, authority),
        };
        let (host, port) = match server.strip_prefix('[').and_then(|server| server.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
        };
        let mut login = Self {
            host: plain("host", &decoded(host), ".-_:%")?,
            user: user.map(|user| plain("user", &decoded(user), ".-_@\\+$")).transpose()?,
            port: port.filter(|port| !port.is_empty()).map(number).transpose()?,
            ..Self::default()
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            match name {
                "keyfile" => login.key_file = Some(path("keyfile", value)?),
                "known_hosts" => login.known_hosts = Some(path("known_hosts", value)?),
                "no_verify" => login.no_verify = value != "0",
                "command" => {
                    let why = format!("The URI names its own program for SSH ({value}), which vmbuild does not run.");
                    return Err(HostError::new(Cause::Unsupported, why, "Leave 'command' out of the URI."));
                }
                _ => {}
            }
        }
        Ok(login)
    }

    /// Arguments of ssh, up to the program that it runs there.
    pub(super) fn arguments(&self) -> Vec<String> {
        let connect = format!("ConnectTimeout={CONNECT}");
        // Nobody answers questions, nothing is forwarded, and what the user's configuration runs there is not run.
        let mut options = vec![
            "BatchMode=yes",
            &connect,
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
            "ClearAllForwardings=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
            "RequestTTY=no",
            "Compression=yes",
            "LogLevel=ERROR",
        ];
        options.extend(self.no_verify.then_some("StrictHostKeyChecking=no"));
        let mut words: Vec<String> = options.iter().flat_map(|option| ["-o", option]).map(str::to_owned).collect();
        let known_hosts = self.known_hosts.iter().map(|file| ("-o", format!("UserKnownHostsFile={file}")));
        let user = self.user.iter().map(|user| ("-l", user.clone()));
        let port = self.port.iter().map(|port| ("-p", port.to_string()));
        let key = self.key_file.iter().map(|file| ("-i", file.clone()));
        for (option, value) in known_hosts.chain(user).chain(port).chain(key) {
            words.extend([option.to_owned(), value]);
        }
        words.extend(["--".to_owned(), self.host.clone()]);
        words
    }

    /// The command line as a person would type it.
    pub fn shown(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let port = self.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        format!("ssh {port}{user}{} sh -s", self.host)
    }
}

/// A name that no program takes for an option and no shell for anything else.
fn plain(what: &str, text: &str, also: &str) -> Result<String, HostError> {
    let known = |c: char| c.is_alphanumeric() || also.contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(known) {
        return Ok(text.to_owned());
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    let why = match shown.as_str() {
        "" => format!("The URI names no {what} for ssh."),
        shown => format!("ssh is not given '{shown}' as its {what}: it could be taken for something else."),
    };
    Err(HostError::new(Cause::Unsupported, why, format!("Give the {what} another name in ~/.ssh/config.")))
}

fn path(what: &str, text: String) -> Result<String, HostError> {
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '"' || c == '\'') || text.is_empty() {
        let why = format!("The URI's {what} is no path that ssh can be given.");
        return Err(HostError::new(Cause::Unsupported, why, "Name the file in ~/.ssh/config instead."));
    }
    Ok(text)
}

fn number(text: &str) -> Result<u16, HostError> {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(20).collect();
    let why = format!("The URI's port '{shown}' is no number up to 65535.");
    text.parse().map_err(|_| HostError::new(Cause::Unsupported, why, "Correct the URI."))
}

/// `%41` is A.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = after.get(if byte.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(uri: &str) -> Vec<String> {
        let words = Login::of(uri).unwrap().unwrap().arguments();
        let options = words.iter().position(|word| word == "LogLevel=ERROR").unwrap();
        words[options + 1..].to_vec()
    }

    #[test]
    fn what_the_uri_says_reaches_ssh_word_by_word() {
        assert_eq!(words("qemu+ssh://hv03/system"), ["--", "hv03"]);
        assert_eq!(words("qemu+ssh://root@hv03:2222/system"), ["-l", "root", "-p", "2222", "--", "hv03"]);
        assert_eq!(words("qemu+ssh://[fd00::2]:22/system"), ["-p", "22", "--", "fd00::2"]);
        let more = "qemu+ssh://hv03/system?keyfile=/home/a%2Bb/k&no_verify=1&no_tty=1&known_hosts=/k";
        let expected =
            ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/k", "-i", "/home/a+b/k", "--", "hv03"];
        assert_eq!(words(more), expected);
    }

    #[test]
    fn what_could_be_taken_for_an_option_or_a_command_is_refused() {
        for uri in [
            "qemu+ssh://-oProxyCommand=x/system",
            "qemu+ssh://%2doProxyCommand=x/system",
            "qemu+ssh://-lroot@hv03/system",
            "qemu+ssh://a;b/system",
            "qemu+ssh://$(x)@hv03/system",
            "qemu+ssh://hv03:22x/system",
            "qemu+ssh:///system",
            "qemu+ssh://hv03/system?command=/tmp/x",
            "qemu+ssh://hv03/system?known_hosts=/a%20b",
            "qemu+ssh://a%0ab/system",
        ] {
            assert!(Login::of(uri).unwrap().is_err(), "{uri}");
        }
    }

    #[test]
    fn only_ssh_is_a_way_for_the_probe() {
        for uri in ["qemu:///system", "qemu+tls://hv03/system", "qemu+tcp://hv03/system", "test:///default", "odd"] {
            assert!(Login::of(uri).is_none(), "{uri}");
        }
        assert_eq!(Login::of("qemu+libssh2://hv03/system").unwrap().unwrap().shown(), "ssh hv03 sh -s");
    }
}
