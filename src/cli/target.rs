//! Which hosts the options, the environment and the config file mean.

use super::args::Options;
use super::exit::Failure;
use super::shelves::{folders, refused};
use crate::facts::Part;
use crate::host::{Sysroot, Target, observe};
use crate::store::Config;

/// The one host that a command works on.
pub fn target(options: &Options) -> Result<Target, Failure> {
    let mut target = at(uri(options)?, options);
    target.probe = options.probe || agreed(&target)?;
    if options.facts.is_some()
        && let Some(error) = observe(&target, [] as [Part; 0]).unreachable
    {
        return Err(Failure::usage(error.message).remedy(error.remedy));
    }
    Ok(target)
}

/// All hosts with their names: those of the config file, unless the options choose one; `None` for a host without a name
/// of ours.
pub fn targets(options: &Options) -> Result<Vec<(Option<String>, Target)>, Failure> {
    let chosen = options.connect.is_some() || options.host.is_some() || options.demo || options.facts.is_some();
    let hosts = if chosen { Vec::new() } else { config()?.hosts };
    if hosts.is_empty() {
        return Ok(vec![(options.host.clone(), target(options)?)]);
    }
    Ok(hosts.into_iter().map(|host| (Some(host.name), at(Some(host.uri), options))).collect())
}

fn at(uri: Option<String>, options: &Options) -> Target {
    let sysroot = options.sysroot.clone().map(Sysroot::new).unwrap_or_default();
    Target {
        uri,
        demo: options.demo,
        // A recorded tree is another host, which this session does not reach.
        ssh: std::env::var("SSH_CONNECTION").ok().filter(|_| sysroot.is_real()),
        sysroot,
        facts_file: options.facts.clone(),
        probe: options.probe,
    }
}

/// Whether the config file says that the files of this host may be read over ssh.
fn agreed(target: &Target) -> Result<bool, Failure> {
    if target.login().is_none() {
        return Ok(false);
    }
    // The same host by any of its names: the URI is what is meant.
    let uri = |uri: &str| Target { uri: Some(uri.to_owned()), ..Target::default() }.uri();
    Ok(config()?.hosts.iter().any(|host| host.probe && uri(&host.uri) == target.uri()))
}

/// The config file is read only where it decides.
fn uri(options: &Options) -> Result<Option<String>, Failure> {
    if let Some(name) = &options.host {
        return named(name).map(Some);
    }
    let environment = std::env::var_os("LIBVIRT_DEFAULT_URI").is_some_and(|uri| !uri.is_empty());
    if options.connect.is_some() || options.demo || options.facts.is_some() || environment {
        return Ok(options.connect.clone());
    }
    Ok(config()?.default_host().map(|host| host.uri.clone()))
}

fn named(name: &str) -> Result<String, Failure> {
    let config = config()?;
    config.host(name).map(|host| host.uri.clone()).ok_or_else(|| {
        let known: Vec<_> = config.hosts.iter().map(|host| host.name.as_str()).collect();
        let remedy = match known.as_slice() {
            [] => "It names no hosts yet; see the README for its form. A host without a name: --connect URI".to_owned(),
            known => format!("It names {}. A host without a name: --connect URI", known.join(", ")),
        };
        Failure::usage(format!("the config file names no host '{name}'")).remedy(remedy)
    })
}

/// The config file.
pub fn config() -> Result<Config, Failure> {
    Config::load(&folders()?).map_err(|error| refused(&error))
}
