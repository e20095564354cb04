//! The command line as data: commands, options and their help texts. Nothing is executed here.

use super::exit::{EXIT_CODES, ExitStatus};
use crate::checks::HostDevice;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Builds virtual machines through libvirt, and GPU passthrough workstations in particular.
///
/// Without a command, starts the wizard. Each command below does one of its jobs without a screen.
#[derive(Debug, Parser)]
#[command(
    name = "vmbuild",
    version,
    max_term_width = 100,
    subcommand_help_heading = "Commands",
    after_help = exit_codes()
)]
pub struct Arguments {
    /// Which host, which output.
    #[command(flatten)]
    pub options: GlobalOptions,
    /// What to do; the wizard if absent.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
}

/// The table of exit codes, as the help prints it.
fn exit_codes() -> String {
    let line = |(exit, meaning): (ExitStatus, &str)| format!("  {:3}  {meaning}", exit as u8);
    format!("Exit codes:\n{}", EXIT_CODES.map(line).join("\n"))
}

/// Options that every command takes.
#[derive(Args, Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is one switch of the command line.
pub struct GlobalOptions {
    /// Connect to this libvirt URI [default: $LIBVIRT_DEFAULT_URI, the config file's default host, or qemu:///system].
    #[arg(short, long, global = true, value_name = "URI", group = "where", help_heading = "Host")]
    pub connect: Option<String>,
    /// Use this host from the config file.
    #[arg(long, global = true, value_name = "NAME", group = "where", help_heading = "Host")]
    pub host: Option<String>,
    /// Use the recorded demo workstation on libvirt's test driver; needs no daemon and no root, and changes nothing here.
    #[arg(long, global = true, group = "where", help_heading = "Host")]
    pub demo: bool,
    /// Use facts that `vmbuild facts --json` recorded, instead of asking a host.
    #[arg(long, global = true, value_name = "FILE", group = "where", help_heading = "Host")]
    pub facts: Option<PathBuf>,
    /// On a host reached over SSH, also read what libvirt does not report, by a script that only reads [default: the
    /// host's `probe` in the config file].
    #[arg(long, global = true, help_heading = "Host")]
    pub probe: bool,
    /// Read /sys, /proc and /etc below this folder; what is missing there is unknown, and so is what libvirt would tell,
    /// unless --connect or --host names one.
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "facts", help_heading = "Host")]
    pub sysroot: Option<PathBuf>,

    /// Put this preset under the spec; can be repeated: later presets override earlier ones, the spec overrides all.
    #[arg(long = "preset", global = true, value_name = "NAME", help_heading = "Spec")]
    pub presets: Vec<String>,

    /// Print JSON on standard output: one document, for `build` one document per line.
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// Colour the output for humans.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub color: ColorChoice,
    /// Use only ASCII characters for marks and lines, as in a locale without UTF-8.
    #[arg(long, global = true, help_heading = "Output")]
    pub ascii: bool,
    /// Append requests, answers and actions with times to this file; never the contents of a spec.
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
pub enum CliCommand {
    /// Build the VM that a spec describes; undo everything if a step fails.
    Build(BuildArgs),
    /// List builds, show what one made, or print its events again.
    Builds {
        /// What to do; list if absent.
        #[command(subcommand)]
        command: Option<BuildsCommand>,
    },
    /// Finish an interrupted build, or remove all that it made.
    ///
    /// The host is asked what exists. What another made, or changed since, is left alone and listed (exit code 6).
    Recover(RecoverArgs),
    /// Print the steps of a build with the undo of each; change nothing.
    Plan(PlanArgs),
    /// Print the domain XML; change nothing.
    Xml(SpecArgs),
    /// Print the command line of another tool that makes the same VM; touch nothing.
    ///
    /// A field that the tool cannot express is a finding. One whose value would be lost blocks (exit code 3), and nothing
    /// is printed, until its loss is accepted with --accept-loss.
    Export(ExportArgs),
    /// Compare the domain XML with a domain on the host, a preset, a template or a file; change nothing.
    ///
    /// Devices are matched by identity (a disk by its target, a passed device by its host address), not by order and
    /// spelling. What libvirt adds to every domain is left out and counted. Lines with - come from the other side, lines
    /// with + from the spec; each part names the fields that made it. The exit code is 7 if the two differ.
    Diff(DiffArgs),
    /// Check a spec against the host; exit code 3 if a finding blocks the build.
    Check(CheckArgs),
    /// Print the facts about the host.
    Facts,
    /// Print the IOMMU groups with their PCI devices, or what passing some of them involves.
    Pci {
        /// Show what passing the cards at these addresses involves: what must go with them, and what prevents it; exit
        /// code 3 if something does.
        #[arg(long, value_name = "ADDRESS", num_args = 1.., value_delimiter = ',')]
        take: Vec<String>,
    },
    /// Check what passthrough needs on the host, in order; exit code 3 if something prevents it.
    Doctor,
    /// Print the storage pools.
    Pools,
    /// Print the installation media in the pools of all configured hosts, or of the given one.
    Isos,
    /// List, show, save, delete or export presets: partial specs to start from.
    #[command(subcommand)]
    Preset(PresetCommand),
    /// List, show, save or delete templates: partial specs that a spec names in its field `template`.
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Print the JSON Schema of the spec.
    Schema,
    /// Explain a finding by its code.
    Explain {
        /// Code such as DISK-SIZE [default: all codes].
        code: Option<String>,
        /// Print all codes with their explanations as a Markdown document.
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
    /// Ask no host; what only the host can tell stays unknown.
    #[arg(long, conflicts_with_all = ["where", "sysroot"])]
    pub offline: bool,
}

/// What `export` takes.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// The tool.
    #[arg(long, value_enum, value_name = "TOOL")]
    pub to: ExportTool,
    /// Accept that the value of this field is lost, such as cloud_init or metadata; "all" accepts every loss; may be given
    /// several times.
    #[arg(long, value_name = "FIELD")]
    pub accept_loss: Vec<String>,
}

/// A tool that makes VMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportTool {
    /// virt-install 4.0 or newer.
    VirtInstall,
}

/// What `diff` takes.
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Compare with domain:NAME, preset:NAME, template:NAME, or a file with domain XML [default: the domain of the same
    /// name].
    #[arg(long, value_name = "OTHER")]
    pub with: Option<Beside>,
    /// Also show what libvirt adds to every domain, and different words for the same value.
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

/// What is taken from the host although the host uses it.
#[derive(Args, Clone, Debug, Default)]
pub struct GiveUp {
    /// Give up this PCI function or drive although the host uses it (root disk, default route, SSH session, console); its
    /// full address, or its path; can be repeated.
    #[arg(long, value_name = "DEVICE", value_parser = HostDevice::typed)]
    pub give_up: Vec<HostDevice>,
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
    /// Also start the VM.
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
    /// Accept warnings without a question; they are asked about only on a terminal.
    #[arg(short, long)]
    pub yes: bool,
    /// What the host loses.
    #[command(flatten)]
    pub give_up: GiveUp,
}

/// What to do with builds.
#[derive(Debug, Subcommand)]
pub enum BuildsCommand {
    /// List them, the newest first.
    List {
        /// Only those that were interrupted and may have left something.
        #[arg(long)]
        open: bool,
    },
    /// Show the steps of one, what it made, and what of that exists now.
    Show {
        /// The beginning of its ID, or the name of the VM.
        id: String,
    },
    /// Print the events of one again; ask no host.
    Replay {
        /// The beginning of its ID, or the name of the VM.
        id: String,
    },
}

/// What `recover` takes.
#[derive(Args, Clone, Debug)]
pub struct RecoverArgs {
    /// The beginning of the ID of the build, or the name of the VM [default: the only interrupted build].
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Do what remains to be done.
    #[arg(long, conflicts_with = "undo")]
    pub resume: bool,
    /// Remove what the build made.
    #[arg(long)]
    pub undo: bool,
    /// Ask no question, and also remove what is only likely to be of this build.
    #[arg(short, long)]
    pub yes: bool,
    /// The spec of the build, whose secrets are not recorded; needed to resume where the cloud-init seed is not written.
    #[arg(long, value_name = "SPEC", requires = "resume")]
    pub spec: Option<PathBuf>,
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
    /// Write one to a file that `preset save` and `build` accept.
    Export {
        /// Name of the preset.
        name: String,
        /// File to write; it must not exist [default: standard output].
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
    /// Name of the preset or template.
    pub name: String,
    /// File with the spec, or - for standard input.
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// Describe it in one line.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Replace an existing one of the same name.
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
    fn options_come_before_or_after_the_command() {
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
