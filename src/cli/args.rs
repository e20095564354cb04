//! The command line as data: commands, options and their help texts. Nothing is executed here.

use crate::checks::Allowed;
use crate::units::PciAddress;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Builds virtual machines through libvirt, GPU passthrough workstations above all.
///
/// Without a command the wizard starts. Every command below does one of its jobs without a screen.
#[derive(Debug, Parser)]
#[command(
    name = "vmbuild",
    version,
    max_term_width = 100,
    subcommand_help_heading = "Commands",
    after_help = EXIT_CODES
)]
pub struct Arguments {
    /// Which host, which output.
    #[command(flatten)]
    pub options: Options,
    /// What to do; the wizard if absent.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 unexpected, 2 usage, 3 findings that block (a spec that does not parse is one), \
4 host unreachable, 5 failed and fully undone, 6 failed and not fully undone, 7 differences (diff alone), \
130 cancelled.";

/// Options that every command takes.
#[derive(Args, Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is one switch of the command line.
pub struct Options {
    /// Libvirt connection URI [default: $LIBVIRT_DEFAULT_URI, the config file's default host, or qemu:///system].
    #[arg(short, long, global = true, value_name = "URI", group = "where", help_heading = "Host")]
    pub connect: Option<String>,
    /// A host that the config file names.
    #[arg(long, global = true, value_name = "NAME", group = "where", help_heading = "Host")]
    pub host: Option<String>,
    /// Use the recorded demo workstation on libvirt's test driver: no daemon, no root, nothing of this machine changes.
    #[arg(long, global = true, group = "where", help_heading = "Host")]
    pub demo: bool,
    /// Use facts that `vmbuild facts --json` wrote instead of asking a host.
    #[arg(long, global = true, value_name = "FILE", group = "where", help_heading = "Host")]
    pub facts: Option<PathBuf>,
    /// On a host that is reached by ssh, read what libvirt does not tell, too: run a script there that only reads
    /// [default: the config file's `probe` for the host].
    #[arg(long, global = true, help_heading = "Host")]
    pub probe: bool,
    /// Read /sys, /proc and /etc below this folder; what it lacks is unknown.
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "facts", help_heading = "Host")]
    pub sysroot: Option<PathBuf>,

    /// Take the defaults of this preset; may be given several times, later ones win, the spec wins over all.
    #[arg(long = "preset", global = true, value_name = "NAME", help_heading = "Spec")]
    pub presets: Vec<String>,

    /// Print JSON on standard output: one document, or for `build` one document per line.
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Colour of human output.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub color: ColorChoice,
    /// Only ASCII characters for marks and lines, as in a locale without UTF-8.
    #[arg(long, global = true, help_heading = "Output")]
    pub ascii: bool,
    /// Append what is asked, answered and done, with times, to this file; never what a spec holds.
    #[arg(long, global = true, env = "VMBUILD_LOG", value_name = "FILE", help_heading = "Output")]
    pub log: Option<PathBuf>,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the VM that a spec describes; undo everything if a step fails.
    Build(BuildArgs),
    /// Print the steps of a build with the undo of each; touch nothing.
    Plan(PlanArgs),
    /// Print the domain XML; touch nothing.
    Xml(SpecArgs),
    /// Compare the domain XML with a domain that is defined, a preset, a template or a file; touch nothing; exit code 7
    /// if they differ.
    ///
    /// Things are compared by what they are (a disk by its target, a passed device by its host address), not by order
    /// and spelling. What libvirt adds to every domain is left out and counted. Lines with - are of the other side, lines
    /// with + of the spec; each part says which fields made it.
    Diff(DiffArgs),
    /// Check a spec against the host; exit code 3 if something forbids a build.
    Check(CheckArgs),
    /// Print what is known of the host.
    Facts,
    /// Print the IOMMU groups with their PCI devices, or what taking some of them means.
    Pci {
        /// Take the cards at these addresses: what goes with them, and what stands in the way; exit code 3 if something
        /// forbids it.
        #[arg(long, value_name = "ADDRESS", num_args = 1.., value_delimiter = ',')]
        take: Vec<String>,
    },
    /// Check what passthrough needs of the host, in order; exit code 3 if something forbids it.
    Doctor,
    /// Print the storage pools.
    Pools,
    /// Print the installation media in the pools of all configured hosts, or of the one given.
    Isos,
    /// Presets: partial specs of your own.
    #[command(subcommand)]
    Preset(PresetCommand),
    /// Templates: partial specs that a spec names in its field `template`.
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Print the JSON Schema of the spec.
    Schema,
    /// Explain a finding by its code.
    Explain {
        /// Code such as DISK-SIZE; all codes if absent.
        code: Option<String>,
        /// All codes with their explanations as a document in Markdown.
        #[arg(long, conflicts_with = "code")]
        markdown: bool,
    },
}

/// A spec and whether the host is asked.
#[derive(Args, Clone, Debug)]
pub struct SpecArgs {
    /// File with the spec, or - for standard input.
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// Ask no host: what only the host can tell stays unknown.
    #[arg(long, conflicts_with_all = ["where", "sysroot"])]
    pub offline: bool,
}

/// What `diff` takes.
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// The other side: domain:NAME, preset:NAME, template:NAME, or a file with domain XML [default: the domain of the
    /// same name].
    #[arg(long, value_name = "OTHER")]
    pub with: Option<Beside>,
    /// Show what libvirt adds to every domain, and other words for the same, too.
    #[arg(long)]
    pub all: bool,
}

/// The other side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// A domain that is defined, by its name.
    Domain(String),
    /// A preset, by its name.
    Preset(String),
    /// A template, by its name.
    Template(String),
    /// A file with domain XML.
    File(PathBuf),
}

impl From<&str> for Beside {
    fn from(text: &str) -> Self {
        match text.split_once(':') {
            Some(("domain", name)) => Self::Domain(name.into()),
            Some(("preset", name)) => Self::Preset(name.into()),
            Some(("template", name)) => Self::Template(name.into()),
            _ => Self::File(text.into()),
        }
    }
}

/// What is taken from the host although the host stands on it.
#[derive(Args, Clone, Debug, Default)]
pub struct GiveUp {
    /// Give this function up although the host stands on it (root disk, default route, SSH session, console); its
    /// address in full; may be given several times.
    #[arg(long, value_name = "ADDRESS", value_parser = Allowed::typed)]
    pub give_up: Vec<PciAddress>,
}

/// What `check` takes.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// What the host loses.
    #[command(flatten)]
    pub give_up: GiveUp,
}

/// What `plan` takes.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Plan to start the VM, too.
    #[arg(long)]
    pub start: bool,
    /// What the host loses.
    #[command(flatten)]
    pub give_up: GiveUp,
}

/// What `build` takes.
#[derive(Args, Clone, Debug)]
pub struct BuildArgs {
    /// File with the spec, or - for standard input.
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// Start the VM when it is built.
    #[arg(long)]
    pub start: bool,
    /// Accept warnings without being asked; without a terminal nobody is asked anyway.
    #[arg(short, long)]
    pub yes: bool,
    /// What the host loses.
    #[command(flatten)]
    pub give_up: GiveUp,
}

/// What to do with presets.
#[derive(Debug, Subcommand)]
pub enum PresetCommand {
    /// List them.
    List,
    /// Print one as JSON.
    Show {
        /// Name of the preset.
        name: String,
    },
    /// Save a spec, or a part of one, as a preset.
    Save(SaveArgs),
    /// Delete one of your own.
    Delete {
        /// Name of the preset.
        name: String,
    },
    /// Write one to a file that `preset save` and `build` take, or to standard output.
    Export {
        /// Name of the preset.
        name: String,
        /// File to write; must not exist.
        file: Option<PathBuf>,
    },
}

/// What to do with templates.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// List them.
    List,
    /// Print one as JSON.
    Show {
        /// Name of the template.
        name: String,
    },
    /// Save a spec, or a part of one, as a template.
    Save(SaveArgs),
    /// Delete one of your own.
    Delete {
        /// Name of the template.
        name: String,
    },
}

/// What saving takes.
#[derive(Args, Clone, Debug)]
pub struct SaveArgs {
    /// Name to save it under.
    pub name: String,
    /// File with the spec, or - for standard input.
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// What it is for, one line.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Replace one of the same name.
    #[arg(long)]
    pub replace: bool,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for line in ["vmbuild --demo --json pci", "vmbuild pci --demo --json"] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert!(arguments.options.demo && arguments.options.json, "{line}");
        }
    }

    #[test]
    fn one_host_is_chosen_at_most() {
        for line in [
            "vmbuild --demo --connect test:///default",
            "vmbuild --host a --connect b pci",
            "vmbuild --facts f --sysroot / pci",
            "vmbuild xml s.json --offline --demo",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
