//! What the wizard asks the host: what the case needs, and what is on screen in addition.

use super::comparison::Base;
use super::steps::pci;
use super::{App, StepId};
use crate::case::QueryScope;
use crate::facts::Part;

/// What is on screen, as far as it leads to questions.
pub(super) fn scope(app: &App) -> QueryScope {
    let beside = match &app.review.base {
        Base::Domain(name) if app.step == StepId::Review => Some(name.clone()),
        _ => None,
    };
    QueryScope {
        beside,
        functions: pci::on_screen(app),
        parts: if app.step == StepId::System { vec![Part::Systems] } else { Vec::new() },
        typing: app.editing().is_some(),
        ..QueryScope::default()
    }
}
