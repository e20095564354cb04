//! Partial specs that are laid over each other, each with where it comes from.

use super::Spec;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The template of this name.
    Template(String),
    /// The preset of this name.
    Preset(String),
    /// The spec file of this path; `-` for the standard input.
    File(String),
    /// Typed in the wizard.
    User,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(name) => write!(f, "template {name}"),
            Self::Preset(name) => write!(f, "preset {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::User => f.write_str("you"),
        }
    }
}

/// One partial spec of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Where it comes from.
    pub origin: Origin,
    /// What it says.
    pub spec: Spec,
}
