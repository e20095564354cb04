//! A row of the table of failures.

use crate::checks::Check;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Failure {
    /// What it can mean, the likeliest first: that of a finding at hand is preferred.
    pub(super) checks: &'static [&'static Check],
    /// Any of these is said. The parts of one stand in this order with anything between.
    pub(super) words: &'static [&'static [&'static str]],
    pub(super) cause: &'static str,
    pub(super) remedy: &'static str,
    pub(super) stops: bool,
}

/// One that keeps the VM from running.
pub(super) const fn stops(
    checks: &'static [&'static Check],
    words: &'static [&'static [&'static str]],
    cause: &'static str,
    remedy: &'static str,
) -> Failure {
    Failure { checks, words, cause, remedy, stops: true }
}
