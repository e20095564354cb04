//! Which hosts the options, the environment and the config file mean.

use super::args::GlobalOptions;
use super::exit::CommandFailure;
use super::store::config;
use crate::facts::Part;
use crate::host::{Source, Sysroot, observe};

/// The one host that a command works on.
pub fn source(options: &GlobalOptions) -> Result<Source, CommandFailure> {
    if let Some(file) = &options.facts {
        return recorded(Source::Record(file.clone()));
    }
    if options.demo {
        return Ok(Source::Demo);
    }
    let mut source = match (uri(options)?, tree(options)) {
        (None, Some(tree)) => Source::Tree(tree),
        (uri, tree) => behind(uri, tree),
    };
    if options.probe || agreed(&source)? {
        source.agree_to_probe();
    }
    Ok(source)
}

/// All hosts with their names: those of the config file, unless the options choose one; `None` for a host without a name
/// of ours.
pub fn sources(options: &GlobalOptions) -> Result<Vec<(Option<String>, Source)>, CommandFailure> {
    let chosen = options.connect.is_some() || options.host.is_some() || options.demo || options.facts.is_some();
    let hosts = if chosen || options.sysroot.is_some() { Vec::new() } else { config()?.hosts };
    if hosts.is_empty() {
        return Ok(vec![(options.host.clone(), source(options)?)]);
    }
    let source = |uri| {
        let mut source = Source::at(uri);
        if options.probe {
            source.agree_to_probe();
        }
        source
    };
    Ok(hosts.into_iter().map(|host| (Some(host.name), source(host.uri))).collect())
}

/// The session of SSH by which the user came, in the form of SSH_CONNECTION. A recorded tree is another host, which it does
/// not reach.
pub fn came_by(source: &Source) -> Option<String> {
    std::env::var("SSH_CONNECTION").ok().filter(|_| source.sysroot().is_real())
}

/// A record that cannot be used is a wrong use.
fn recorded(record: Source) -> Result<Source, CommandFailure> {
    match observe(&record, [] as [Part; 0]).unreachable {
        Some(error) => Err(CommandFailure::usage(error.message).remedy(error.remedy)),
        None => Ok(record),
    }
}

/// The tree that `--sysroot` names; `/` is the machine itself.
fn tree(options: &GlobalOptions) -> Option<Sysroot> {
    options.sysroot.clone().map(Sysroot::new).filter(|tree| !tree.is_real())
}

fn behind(uri: Option<String>, tree: Option<Sysroot>) -> Source {
    match (uri, tree) {
        (Some(uri), Some(tree)) => Source::with_tree(uri, tree),
        (Some(uri), None) => Source::at(uri),
        (None, _) => Source::default(),
    }
}

/// Whether the config file says that the files of this host may be read over ssh.
fn agreed(source: &Source) -> Result<bool, CommandFailure> {
    if source.login().is_none() {
        return Ok(false);
    }
    // The same host by any of its names: the URI is what is meant.
    Ok(config()?.hosts.iter().any(|host| host.probe && Source::at(&host.uri).uri() == source.uri()))
}

/// The URI that the options, the environment or the config file name, in this order. The config file is read only where it
/// decides: its default host is not the one that a tree was recorded on.
fn uri(options: &GlobalOptions) -> Result<Option<String>, CommandFailure> {
    if let Some(name) = &options.host {
        return named(name).map(Some);
    }
    if options.connect.is_some() {
        return Ok(options.connect.clone());
    }
    let environment = std::env::var("LIBVIRT_DEFAULT_URI").ok().filter(|uri| !uri.is_empty());
    if environment.is_some() || tree(options).is_some() {
        return Ok(environment);
    }
    Ok(config()?.default_host().map(|host| host.uri.clone()))
}

fn named(name: &str) -> Result<String, CommandFailure> {
    let config = config()?;
    config.host(name).map(|host| host.uri.clone()).ok_or_else(|| {
        let known: Vec<_> = config.hosts.iter().map(|host| host.name.as_str()).collect();
        let remedy = match known.as_slice() {
            [] => "It has no hosts yet; the README shows its form. For a host without a name, use --connect URI"
                .to_owned(),
            known => format!("It has {}. For a host without a name, use --connect URI", known.join(", ")),
        };
        CommandFailure::usage(format!("host '{name}' is not in the config file")).remedy(remedy)
    })
}
