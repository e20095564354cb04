//! `vmbuild` without a command: the options as the wizard takes them, and how it ended as the shell takes it.

use super::args::{ColorChoice, GlobalOptions};
use super::exit::{CommandEnd, CommandFailure, ExitStatus};
use super::out::Out;
use super::source::{came_by, source};
use super::store::{config, refused};
use crate::app::ExitReason;
use crate::run::capability::{ColourChoice, Colours, LookFlags};
use crate::run::{WizardError, WizardOptions, wizard};
use crate::store::{Color, Config, Folders, presets};

/// Runs the wizard and prints what remains to be said on the normal screen.
pub fn run(options: &GlobalOptions, out: &mut Out) -> CommandEnd {
    if options.json {
        return Err(CommandFailure::usage("--json needs a command").remedy("vmbuild --help lists them."));
    }
    // A user without a home can look around; nothing is kept, and a preset that is named is an error as everywhere.
    let folders = Folders::of_user().ok();
    let layers = match (&folders, options.presets.as_slice()) {
        (_, []) => Vec::new(),
        (Some(folders), names) => {
            presets::layers(&presets::presets(folders), names).map_err(|error| refused(&error))?
        }
        (None, _) => return Err(CommandFailure::usage("presets need a home folder; HOME is not set")),
    };
    let config = if folders.is_some() { config()? } else { Config::default() };
    let source = source(options)?;
    let exit = wizard(WizardOptions {
        ssh: came_by(&source),
        source,
        layers,
        folders,
        look: look(options, &config),
        theme: config.theme,
    });
    let exit = exit.map_err(|error| failure(&error))?;
    for line in &exit.lines {
        out.line(line)?;
    }
    Ok(match exit.reason {
        ExitReason::Left | ExitReason::Built => ExitStatus::Done,
        ExitReason::BuildUndone => ExitStatus::Undone,
        ExitReason::BuildNotUndone => ExitStatus::NotUndone,
        ExitReason::BuildCancelled | ExitReason::Signal => ExitStatus::Cancelled,
    })
}

/// The command line wins over the environment, that over the config file.
fn look(options: &GlobalOptions, config: &Config) -> LookFlags {
    let environment = std::env::var_os("VMBUILD_COLOR").is_some_and(|value| !value.is_empty());
    let colour = match options.color {
        ColorChoice::Never => Some(ColourChoice::Only(Colours::None)),
        ColorChoice::Always => Some(ColourChoice::Only(Colours::Ansi16)),
        ColorChoice::Auto if environment => None,
        ColorChoice::Auto => config.color.map(chosen),
    };
    LookFlags { colour, ascii: options.ascii || config.ascii == Some(true) }
}

fn chosen(color: Color) -> ColourChoice {
    match color {
        Color::Auto => ColourChoice::Auto,
        Color::Never => ColourChoice::Only(Colours::None),
        Color::Ansi16 => ColourChoice::Only(Colours::Ansi16),
        Color::Indexed256 => ColourChoice::Only(Colours::Indexed256),
        Color::Full => ColourChoice::Only(Colours::Full),
    }
}

/// What is wrong with the terminal or the options is told as a wrong use, with the commands that need no screen.
fn failure(error: &WizardError) -> CommandFailure {
    match error {
        WizardError::System(_) => CommandFailure::new(ExitStatus::Unexpected, "UNEXPECTED", error.to_string()),
        _ => CommandFailure::usage(error.to_string()),
    }
}
