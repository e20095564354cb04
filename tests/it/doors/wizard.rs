//! The wizard without a screen, on a host that answers: each effect is answered as the program answers it.

use crate::support::program::Home;
use serde_json::Value;
use std::sync::mpsc::{Receiver, channel};
use vmbuild::app::model::Start;
use vmbuild::app::{App, Effect, Msg, Saved, StoreReply, update};
use vmbuild::engine::Step;
use vmbuild::facts::Query;
use vmbuild::host::{self, Request, Source, Worker};
use vmbuild::spec::Place;
use vmbuild::store::{Folders, Owner, Templates};

/// A wizard whose questions have all been answered.
pub(crate) struct Wizard {
    pub(crate) app: App,
    worker: Worker,
    answers: Receiver<host::HostReply>,
    templates: Vec<Saved>,
}

impl Wizard {
    /// With the templates of `home`, on the host `source`, and `spec` typed in.
    pub(crate) fn of(home: &Home, source: Source, spec: Value) -> Self {
        let folders = Folders { data: home.path().join(".local/share/vmbuild"), ..Folders::below(home.path()) };
        let saved = Templates::new(&folders).list().unwrap().into_iter().map(|entry| Saved {
            name: entry.name,
            description: entry.description,
            shipped: entry.owner == Owner::Shipped,
            spec: entry.spec,
        });
        let (sender, answers) = channel();
        let worker = Worker::spawn_without_news(source, None, move |reply| drop(sender.send(reply)));
        let (app, effects) = App::new(Start { uri: "test".into(), size: (100, 30), ..Start::default() });
        let mut wizard = Self { app, worker, answers, templates: saved.collect() };
        wizard.perform(effects);
        wizard.app.set(&Place::root(), Some(spec));
        assert_eq!(wizard.app.content.pending, [].into(), "a spec");
        wizard.tell(Msg::Clock(0));
        wizard
    }

    /// Tells the wizard something, and answers what it asks until it asks nothing more.
    pub(crate) fn tell(&mut self, msg: Msg) {
        let effects = update(&mut self.app, msg);
        self.perform(effects);
    }

    /// The findings as the command line prints them.
    pub(crate) fn findings(&self) -> Value {
        serde_json::to_value(&self.app.case.report.findings).unwrap()
    }

    /// The domain that is shown.
    pub(crate) fn xml(&self) -> String {
        self.app.case.preview.text()
    }

    /// The steps of a build as the command line prints them.
    pub(crate) fn steps(&self) -> Value {
        let plan = &self.app.case.plan;
        let step = |step: &Step| {
            let (mut body, undo) = (serde_json::to_value(step).unwrap(), plan.undo(step));
            body["undo"] = undo.as_ref().map(|undo| undo.words.clone()).into();
            body["by_hand"] = undo.map(|undo| undo.command.to_string()).into();
            body
        };
        plan.steps.iter().map(step).collect()
    }

    /// Has the VM started at the end of the build.
    pub(crate) fn start_after_build(&mut self) {
        self.app.model.content.start = true;
        let name = self.app.spec().name.clone().map(Value::from);
        self.app.set(&"name".parse().unwrap(), name);
        self.tell(Msg::Clock(1));
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask(queries) => queries.into_iter().for_each(|query| self.ask(query)),
                Effect::ListTemplates => self.tell(Msg::Stored(StoreReply::Templates(self.templates.clone()))),
                Effect::ListPresets | Effect::SaveDraft(_) | Effect::DiscardDraft => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn ask(&mut self, query: Query) {
        self.worker.ask(Request::Ask(query, 0));
        loop {
            match self.answers.recv().unwrap() {
                host::HostReply::Facts(_, part) => return self.tell(Msg::Facts(part)),
                host::HostReply::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
    }
}
