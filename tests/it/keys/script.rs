//! A desk with the wizard on it: types key scripts, answers as the outside would, and tells what came of it.
//!
//! A script is words and quoted texts: `2 Tab 'gpu-ws-01' Enter`. Words are keys as the hints write them; a quoted text
//! is typed letter by letter; `paste'...'` is pasted.

use serde_json::Value;
use vmbuild::app::model::Start;
use vmbuild::app::{App, Effect, Key, Msg, Probe, Saved, StoreReply, Zone, update};
use vmbuild::facts::{Facts, FactsPart, Part, Query};
use vmbuild::spec::{Place, Spec};

pub(crate) struct Desk {
    pub(crate) app: App,
    /// Everything the wizard asked for, oldest first.
    pub(crate) effects: Vec<Effect>,
}

impl Desk {
    /// A wizard that has just started; the host has not answered.
    pub(crate) fn new() -> Self {
        let (app, effects) = App::new(Start { uri: "qemu:///system".into(), size: (100, 30), ..Start::default() });
        Self { app, effects }
    }

    /// A wizard on a remote host, of which libvirt has told what it can.
    pub(crate) fn remote() -> Self {
        let probe =
            Probe { host: "hv03".into(), command: "ssh hv03 sh -s".into(), script: "# a\nls\n", ..Probe::default() };
        let uri = "qemu+ssh://hv03/system".into();
        let (app, effects) = App::new(Start { uri, size: (100, 30), probe: Some(probe), ..Start::default() });
        let mut desk = Self { app, effects };
        desk.know(&read_facts("workstation"));
        desk
    }

    /// A wizard whose host has answered.
    pub(crate) fn on(facts: &str) -> Self {
        let mut desk = Self::new();
        desk.know(&read_facts(facts));
        desk
    }

    /// On the workstation of the golden cases.
    pub(crate) fn workstation() -> Self {
        Self::on("workstation")
    }

    /// The host answers.
    pub(crate) fn know(&mut self, facts: &Facts) {
        for part in parts(facts.clone()) {
            self.tell(Msg::Facts(part));
        }
    }

    pub(crate) fn tell(&mut self, msg: Msg) -> &mut Self {
        let effects = update(&mut self.app, msg);
        self.effects.extend(effects);
        self
    }

    /// Plays a script; forgets older effects, so that `effects` is what this script asked for.
    pub(crate) fn keys(&mut self, script: &str) -> &mut Self {
        self.effects.clear();
        for msg in messages(script) {
            self.tell(msg);
        }
        self
    }

    /// The spec as it stands, as JSON.
    pub(crate) fn spec(&self) -> Value {
        serde_json::to_value(self.app.spec()).unwrap()
    }

    /// The value at a JSON pointer of the spec; null where there is none.
    pub(crate) fn at(&self, pointer: &str) -> Value {
        self.spec().pointer(pointer).cloned().unwrap_or_default()
    }

    /// The label of the field that has the focus; empty where none has.
    pub(crate) fn field(&self) -> String {
        self.app.field().map_or_else(String::new, |field| field.label.into_owned())
    }

    /// Where the focus is: `Rows 2`, `Fields Name`, `Text Name`, `Checks 0`, `Xml 5`.
    pub(crate) fn focus(&self) -> String {
        match self.app.zone() {
            Zone::Rows => format!("Rows {}", self.app.cursor().row),
            Zone::Fields if self.app.editing().is_some() => format!("Text {}", self.field()),
            Zone::Fields => format!("Fields {}", self.field()),
            Zone::Checks => format!("Checks {}", self.app.checks_row),
            Zone::Xml => format!("Xml {}", self.app.xml.row),
        }
    }

    pub(crate) fn toast(&self) -> &str {
        self.app.toast.as_deref().unwrap_or_default()
    }

    /// Everything that the host was asked, as far as effects are remembered.
    pub(crate) fn asked(&self) -> Vec<&Query> {
        let asks =
            self.effects.iter().filter_map(|effect| if let Effect::Ask(all) = effect { Some(all) } else { None });
        asks.flatten().collect()
    }

    /// True where every part of the host was asked for.
    pub(crate) fn asked_for_everything(&self) -> bool {
        let mut parts = Part::ALL.into_iter().filter(|part| *part != Part::Files);
        parts.all(|part| self.asked().contains(&&Query::Part(part)))
    }

    /// Codes of the findings.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.app.case.report.findings.iter().map(vmbuild::checks::Finding::code).collect()
    }

    /// A spec that can be built, typed as a user would.
    pub(crate) fn complete(&mut self) -> &mut Self {
        self.set("name", "ws-01").set("vcpus", "4").set("memory", "8 GiB");
        self.keys("3 g Enter 4 a Enter ^U '40 GiB' Esc Esc")
    }

    /// Starts from a spec.
    pub(crate) fn load(&mut self, spec: Value) -> &mut Self {
        self.app.set(&Place::root(), Some(spec));
        assert_eq!(self.app.content.pending, [].into(), "a spec");
        self.tell(Msg::Clock(0))
    }

    /// Types `text` into the field of the step on screen whose place is `place`.
    pub(crate) fn set(&mut self, place: &str, text: &str) -> &mut Self {
        self.app.go_to(&place.parse().unwrap());
        assert_eq!(self.app.field().map(|field| field.place.to_string()).as_deref(), Some(place));
        self.keys(&format!("Enter Home ^K '{text}' Esc"))
    }
}

pub(crate) fn read_facts(name: &str) -> Facts {
    serde_json::from_value(recorded(name)).unwrap()
}

/// A file of facts. One that is `like` another says only which parts differ.
fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/golden/facts/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let facts: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let Some(like) = facts["like"].as_str() else { return facts };
    let mut base = recorded(like);
    base.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
    base
}

/// The facts as they arrive, part by part.
pub(crate) fn parts(facts: Facts) -> Vec<FactsPart> {
    vec![
        FactsPart::Host { host: facts.host, memory: facts.memory, kvm: facts.kvm },
        FactsPart::Cpus { cpus: facts.cpus, nodes: facts.nodes },
        FactsPart::Pools(facts.pools),
        FactsPart::Networks { networks: facts.networks, bridges: facts.bridges },
        FactsPart::Domains(facts.domains),
        FactsPart::Pci { pci: facts.pci, iommu: facts.iommu },
        FactsPart::Capabilities { capabilities: facts.capabilities, domain_capabilities: facts.domain_capabilities },
        FactsPart::Roms { roms: facts.roms, confinement: Box::new(facts.confinement) },
        FactsPart::Files(facts.files),
    ]
}

pub(crate) fn saved(name: &str, spec: Value) -> Saved {
    let spec: Spec = serde_json::from_value(spec).unwrap();
    Saved { name: name.into(), description: String::new(), shipped: false, spec: Ok(spec) }
}

pub(crate) fn templates(list: Vec<Saved>) -> Msg {
    Msg::Stored(StoreReply::Templates(list))
}

pub(crate) fn presets(list: Vec<Saved>) -> Msg {
    Msg::Stored(StoreReply::Presets(list))
}

/// The messages of a script.
fn messages(script: &str) -> Vec<Msg> {
    let mut out = Vec::new();
    let mut rest = script.trim_start();
    while !rest.is_empty() {
        let paste = rest.starts_with("paste'");
        if let Some(text) = rest.strip_prefix("paste").filter(|_| paste).unwrap_or(rest).strip_prefix('\'') {
            let (text, after) = text.split_once('\'').expect("a closing quote");
            if paste {
                out.push(Msg::Paste(text.to_owned()));
            } else {
                out.extend(text.chars().map(|c| Msg::Key(Key::char(c))));
            }
            rest = after.trim_start();
        } else {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            out.push(Msg::Key(word.parse().unwrap_or_else(|error| panic!("{error}"))));
            rest = after.trim_start();
        }
    }
    out
}
