//! What the wizard asks the host: what the case needs, and what is on screen besides.

use super::against::Base;
use super::steps::pci;
use super::{App, Effect, StepId};
use crate::case::{self, Scope};
use crate::facts::Part;

impl App {
    /// Asks what is not known yet and was not asked for; the answers come later, and may lead to more questions.
    pub(super) fn ask(&mut self) -> Option<Effect> {
        let scope = self.scope();
        let queries = case::queries(&self.case, &self.facts, &scope, &mut self.asked);
        (!queries.is_empty()).then_some(Effect::Ask(queries))
    }

    fn scope(&self) -> Scope {
        let beside = match &self.review.base {
            Base::Domain(name) if self.step == StepId::Review => Some(name.clone()),
            _ => None,
        };
        Scope {
            beside,
            functions: pci::on_screen(self),
            parts: if self.step == StepId::System { vec![Part::Systems] } else { Vec::new() },
            typing: self.editing.is_some(),
            ..Scope::default()
        }
    }
}
