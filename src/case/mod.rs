//! The one use case: layers, facts and what is permitted in; the VM and everything that follows from it out, and what else has
//! to be asked of the host. Command line, wizard and the look at the host before a build all judge here. Asks nothing itself.

mod asked;
mod scope;

pub use asked::Asked;
pub use scope::{Depth, QueryScope};

use crate::checks::{self, Accepted, Allowed, LeftBuild, Report};
use crate::engine::{self, Blueprint, Engine, PlanOptions, Rendered};
use crate::facts::{Facts, FactsPart, Query};
use crate::machine::{self, Machine};
use crate::plan::Plan;
use crate::spec::{Layer, Spec, Stacked, Template, stack};

/// What a case is made from, the host apart.
#[derive(Clone, Debug)]
pub struct CaseInput {
    stacked: Stacked,
    /// The addresses of host devices were settled by a review: none is looked for again.
    reviewed: bool,
    allowed: Allowed,
    start: bool,
    engine: &'static dyn Engine,
    /// Fields that the engine may lose.
    accepted: Accepted,
    /// What interrupted builds may have left on the host.
    left: Vec<LeftBuild>,
}

impl CaseInput {
    /// `layers`, the lowest first, over the template that they name; `templates` knows what there is.
    pub fn of(layers: &[Layer], templates: &dyn Fn(&str) -> Template) -> Self {
        Self::from(stack(layers, templates))
    }

    /// A spec that was reviewed, in which templates are merged and devices found.
    pub fn reviewed(spec: Spec) -> Self {
        Self { reviewed: true, ..Self::from(Stacked::from(spec)) }
    }

    /// The same where these uses of the host are given up.
    #[must_use]
    pub fn allowing(self, allowed: &Allowed) -> Self {
        Self { allowed: allowed.clone(), ..self }
    }

    /// The same on a host where interrupted builds may have left something.
    #[must_use]
    pub fn beside(self, left: &[LeftBuild]) -> Self {
        Self { left: left.to_vec(), ..self }
    }

    /// The same where the VM is started at the end of the build, or not.
    #[must_use]
    pub fn starting(self, start: bool) -> Self {
        Self { start, ..self }
    }

    /// The same for another engine than the usual one, which may lose the fields that are `accepted`.
    #[must_use]
    pub fn on(self, engine: &'static dyn Engine, accepted: Accepted) -> Self {
        Self { engine, accepted, ..self }
    }

    /// What all layers say together, before host devices are looked for.
    pub fn spec(&self) -> &Spec {
        &self.stacked.spec
    }

    /// The layers with the host's devices found, and the machine that they make.
    fn settle(&self, facts: &Facts) -> (Stacked, Machine) {
        let mut stack = self.stacked.clone();
        if !self.reviewed {
            stack.spec = machine::resolve(&stack.spec, facts);
        }
        let machine = machine::machine(&stack.spec, facts);
        (stack, machine)
    }
}

impl From<Stacked> for CaseInput {
    fn from(stacked: Stacked) -> Self {
        let (allowed, accepted) = (Allowed::default(), Accepted::NOTHING);
        let (start, left) = (false, Vec::new());
        Self { stacked, reviewed: false, allowed, start, engine: engine::usual(), accepted, left }
    }
}

/// A VM on a host with all that follows.
#[derive(Clone, Debug)]
pub struct Case {
    /// The spec with every host device found, the origin of each field, and the templates beneath.
    pub stack: Stacked,
    /// The machine with every default chosen.
    pub machine: Machine,
    /// What the checks found.
    pub report: Report,
    /// What the engine would write.
    pub preview: Rendered,
    /// What a build would do; meaningful only where nothing blocks, and empty where the engine only writes.
    pub plan: Plan,
}

impl Case {
    /// The spec as it would be built.
    pub fn spec(&self) -> &Spec {
        &self.stack.spec
    }
}

/// Judges `input` by what is known of the host.
pub fn judge(input: &CaseInput, facts: &Facts) -> Case {
    let (stack, machine) = input.settle(facts);
    let permitted = (&input.allowed, input.left.as_slice());
    let report = checks::report_on(input.engine, &input.accepted, &stack, facts, &machine, permitted, input.start);
    let blueprint = Blueprint { spec: &stack.spec, machine: &machine, facts };
    let preview = input.engine.render(&blueprint);
    let options = PlanOptions { start: input.start };
    let plan = input.engine.builder().map(|builder| Plan::of(builder, &blueprint, &preview, options));
    let plan = plan.unwrap_or_default();
    Case { stack, machine, report, preview, plan }
}

/// What would be written for `spec` on a host, without judging it: one side of a comparison.
pub fn preview(spec: &Spec, facts: &Facts) -> Rendered {
    let spec = machine::resolve(spec, facts);
    let machine = machine::machine(&spec, facts);
    engine::usual().render(&Blueprint { spec: &spec, machine: &machine, facts })
}

/// What else has to be asked of the host, beyond what was `asked` already; from now on it was. Empty once all is known.
pub fn queries(case: &Case, facts: &Facts, scope: &QueryScope, asked: &mut Asked) -> Vec<Query> {
    scope::queries(case.spec(), &case.machine, facts, scope, asked)
}

/// Asks until nothing more has to be known for `scope`, then judges. What one answer shows can lead to the next question: the
/// system of a medium, the devices that go with a card. `ask` blocks; what it cannot answer is not asked again.
pub fn complete(
    input: &CaseInput,
    facts: &mut Facts,
    scope: &QueryScope,
    mut ask: impl FnMut(Vec<Query>) -> Vec<FactsPart>,
) -> Case {
    let mut asked = Asked::default();
    loop {
        let (stack, machine) = input.settle(facts);
        let queries = scope::queries(&stack.spec, &machine, facts, scope, &mut asked);
        if queries.is_empty() {
            return judge(input, facts);
        }
        for part in ask(queries) {
            facts.absorb(part);
        }
    }
}
