//! What a build is given.

use crate::checks::Allowed;
use crate::host::Source;
use crate::journal::Builds;
use crate::plan::Plan;
use crate::spec::Spec;

/// What is built, and where.
#[derive(Clone, Debug)]
pub struct Order {
    /// The steps.
    pub plan: Plan,
    /// What the plan was made from: its cloud-init documents go into the seed, and its checks run again.
    pub spec: Spec,
    /// What is given up of what the host stands on.
    pub allowed: Allowed,
    /// The host.
    pub source: Source,
    /// Where builds are recorded; `None` for a user without a home.
    pub builds: Option<Builds>,
    /// The session of SSH by which the user came, in the form of SSH_CONNECTION.
    pub ssh: Option<String>,
}
