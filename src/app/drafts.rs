//! Drafts that earlier sessions left behind: which are offered, in what words, and what taking one up means.

use super::age::age;
use super::history::Content;
use super::outcome::{Go, Outcome, Turn};
use super::overlay::{Answer, Ask, Overlay};
use super::{App, Draft, Effect, LeftDraft, StepId};
use crate::spec::{Layer, Origin, Spec};

/// As many drafts are offered at once, the newest; the others stay for later.
const OFFERED: usize = 5;

/// Offers the drafts of earlier sessions, unless the user has begun something else.
pub(super) fn offer(app: &App, mut left: Vec<LeftDraft>) -> Outcome {
    left.retain(|left| !is_empty(&left.draft));
    if app.history.can_undo(&app.content) || left.is_empty() {
        return Outcome::default();
    }
    left.sort_by_key(|left| std::cmp::Reverse(left.draft.saved_at));
    let older = left.len().saturating_sub(OFFERED);
    left.truncate(OFFERED);
    let ask = match <[LeftDraft; 1]>::try_from(left) {
        Ok([one]) => of_one(app, one),
        Err(several) => of_several(app, several, older),
    };
    Outcome::show(Overlay::Ask(ask))
}

fn of_one(app: &App, left: LeftDraft) -> Ask {
    let title = match name(&left.draft) {
        Some(name) => format!("Continue the draft of {name}?"),
        None => "Continue the draft without a name?".into(),
    };
    let age = age(app.clock.saturating_sub(left.draft.saved_at));
    let mut lines = match left.draft.uri.as_str() {
        "" => vec![format!("It was saved {age}.")],
        uri => vec![format!("It was saved {age}, for {uri}.")],
    };
    lines.extend(elsewhere(app, &left.draft));
    let forget = Answer::ForgetDrafts(vec![left.path.clone()]);
    let answers = vec![
        ("Continue".into(), Answer::TakeDraft(Box::new(left))),
        ("Start fresh, keep the draft".into(), Answer::Stay),
        ("Start fresh, delete the draft".into(), forget),
    ];
    Ask { title, lines, answers, row: 0 }
}

/// What goes on here was made for another host: its pools and devices may be missing.
fn elsewhere(app: &App, draft: &Draft) -> Option<String> {
    (!draft.uri.is_empty() && draft.uri != app.uri).then(|| format!("This session works on {}.", app.uri))
}

fn of_several(app: &App, left: Vec<LeftDraft>, older: usize) -> Ask {
    let title = format!("Continue one of {} drafts?", left.len() + older);
    let mut lines = vec![format!("None of them is open in another vmbuild. This session works on {}.", app.uri)];
    if older > 0 {
        lines.push(format!("{older} older drafts are offered after these."));
    }
    let forget = Answer::ForgetDrafts(left.iter().map(|left| left.path.clone()).collect());
    let width = left.iter().map(|left| label(&left.draft).chars().count()).max().unwrap_or_default();
    let offer = |left: LeftDraft| {
        let age = age(app.clock.saturating_sub(left.draft.saved_at));
        let uri = if left.draft.uri.is_empty() { "host not recorded" } else { &left.draft.uri };
        (format!("{:width$}  {uri}, {age}", label(&left.draft)).into(), Answer::TakeDraft(Box::new(left)))
    };
    let shown = left.len();
    let mut answers: Vec<_> = left.into_iter().map(offer).collect();
    answers.push(("Start fresh, keep the drafts".into(), Answer::Stay));
    answers.push((format!("Start fresh, delete these {shown}").into(), forget));
    Ask { title, lines, answers, row: 0 }
}

fn is_empty(draft: &Draft) -> bool {
    draft.spec == Spec::default() && draft.layers.is_empty() && draft.pending.is_empty()
}

fn name(draft: &Draft) -> Option<&str> {
    draft.spec.name.as_deref().filter(|name| !name.is_empty())
}

fn label(draft: &Draft) -> &str {
    name(draft).unwrap_or("without a name")
}

/// Goes on with a draft; its file becomes that of this session.
pub(super) fn take(left: Box<LeftDraft>) -> Outcome {
    let Draft { spec: own, layers, pending, start, .. } = left.draft.clone();
    let content = without_templates(Content { own, layers, pending, start });
    let go = Some(Go::Step(StepId::System));
    Outcome { go, effects: vec![Effect::TakeDraft(left)], ..Outcome::turn(Turn::Draft(content.into())) }
}

/// A draft of an older version also has the templates among its layers. Those that are named are looked up now.
fn without_templates(mut content: Content) -> Content {
    let is_template = |layer: &Layer| matches!(layer.origin, Origin::Template(_));
    let mut presets = content.layers.iter().filter(|layer| !is_template(layer));
    if content.own.template.is_some() || presets.any(|layer| layer.spec.template.is_some()) {
        content.layers.retain(|layer| !is_template(layer));
    }
    content
}
