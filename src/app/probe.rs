//! What a remote host's files contain, read over SSH: when that is offered, what is asked before, how far it is. Owns no
//! word of what is run; that comes with the start.

/// The probe of a remote host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Name of the host.
    pub host: String,
    /// The command that is run, as a person would type it.
    pub command: String,
    /// What the command is given to run there.
    pub script: &'static str,
    /// How far it is.
    pub state: ProbeState,
}

/// How far a probe is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProbeState {
    /// The user has not agreed to it yet.
    #[default]
    Offered,
    /// It runs.
    Running,
    /// Its answer is in the facts.
    Done,
    /// It ended without an answer.
    Failed {
        /// Why, with the fix.
        why: String,
    },
}
