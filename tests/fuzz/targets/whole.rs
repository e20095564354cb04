//! Any spec on a recorded host, from the text to the plan: never a panic, never long; what no check refuses has a domain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use vmbuild::checks::{self, Allowed};
use vmbuild::engine::libvirt::Libvirt;
use vmbuild::engine::{Blueprint, Engine as _, PlanOptions};
use vmbuild::facts::Facts;
use vmbuild::machine::{machine, resolve};
use vmbuild::plan::Plan;
use vmbuild::{domain, spec};

static HOSTS: LazyLock<[Facts; 3]> = LazyLock::new(|| {
    let workstation = include_str!("../../golden/facts/workstation.json");
    let servers = include_str!("../../golden/facts/server-without-kvm.json");
    let read = |text: &str| serde_json::from_str(text).expect("recorded facts");
    [read(workstation), read(servers), Facts::default()]
});

/// Far beyond what any spec needs, and short enough to be seen while typing.
const LONGEST: Duration = Duration::from_secs(2);

fuzz_target!(|text: &str| {
    let Ok(asked) = spec::parse(text) else { return };
    for facts in &*HOSTS {
        let began = Instant::now();
        let spec = resolve(&asked, facts);
        let machine = machine(&spec, facts);
        let report = checks::report(&spec, facts, &machine, &Allowed::default());
        let blueprint = Blueprint { spec: &spec, machine: &machine, facts };
        let rendered = Libvirt.render(&blueprint);
        let fault = &rendered.fault;
        assert!(report.blockers().next().is_some() || fault.is_none(), "permitted, and there is no domain: {fault:?}");
        let xml = rendered.text();
        assert!(fault.is_some() || domain::parse(&xml).is_ok(), "{xml}");
        let plan = Plan::of(&Libvirt, &blueprint, &rendered, PlanOptions { start: true });
        assert!(!plan.to_string().is_empty());
        assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
    }
});
