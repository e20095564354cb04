//! The last line: the keys of the focus from the key table, or a short message.

use super::StyleRole;
use super::canvas::{Canvas, cells, count, wrap};
use crate::app::App;
use crate::app::focus::EditTarget;
use crate::app::form::Field;
use crate::app::intent::Intent;
use crate::app::keys::{Context, Offer};
use crate::app::offers;
use ratatui::layout::Rect;

/// Draws the line.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Rect, fields: &[Field]) {
    let end = area.right().saturating_sub(1);
    let end = end.saturating_sub(tail(app, canvas, area.y, end, fields));
    if let Some(text) = &app.toast {
        toast(canvas, area, end.saturating_sub(area.x + 2), text);
        return;
    }
    // The keys of an overlay are on its lower line.
    if !app.overlays.is_empty() {
        return;
    }
    let shown: Vec<Offer> = offers::offers(app).into_iter().filter(|offer| is_shown(app, offer)).collect();
    let all: u16 = shown.iter().map(columns).sum();
    // Where not all fit, the key for the next step stays.
    let is_next = |offer: &&Offer| offer.entry.intent == Intent::NextStep;
    let next = shown.iter().find(is_next).filter(|_| area.x + 1 + all > end + 2);
    let end = end.saturating_sub(next.map_or(0, columns));
    let mut x = area.x + 1;
    for offer in shown.iter().filter(|offer| next.is_none() || !is_next(offer)) {
        if x + columns(offer) > end + 2 {
            break;
        }
        x += hint(canvas, x, area.y, offer);
    }
    if let Some(next) = next {
        hint(canvas, x, area.y, next);
    }
}

/// A message; one that is longer than the line takes those above it, until the next key.
fn toast(canvas: &mut Canvas, area: Rect, room: u16, text: &str) {
    let whole = area.width.saturating_sub(2);
    let lines = if cells(text) <= room { vec![text.to_owned()] } else { wrap(text, whole) };
    let top = area.y.saturating_sub(count(lines.len()) - 1);
    if lines.len() > 1 || cells(text) > room {
        canvas.fill(Rect { y: top, height: count(lines.len()), ..area }, StyleRole::Text);
    }
    for (y, line) in (top..=area.y).zip(&lines) {
        canvas.put(area.x + 1, y, whole, line, StyleRole::Value);
    }
}

/// In a text there is no letter for the next step, so its other key is shown.
fn is_shown(app: &App, offer: &Offer) -> bool {
    let steps = matches!(offer.entry.intent, Intent::NextStep | Intent::PreviousStep);
    offer.entry.hint || (steps && (app.editing().is_some() || app.focus.is_filling()))
}

/// Columns of a hint and of the gap behind it.
fn columns(offer: &Offer) -> u16 {
    cells(&key(offer)) + cells(short(offer)) + 3
}

/// One hint. What is off keeps its place, dimmed; pressing it shows why.
fn hint(canvas: &mut Canvas, x: u16, y: u16, offer: &Offer) -> u16 {
    let (key_role, role) =
        if offer.why_not.is_some() { (StyleRole::Muted, StyleRole::Muted) } else { (StyleRole::Key, StyleRole::Text) };
    let wide = columns(offer);
    canvas.put_all(x, y, wide, &[(&key(offer), key_role), (" ", role), (short(offer), role)]);
    wide
}

/// What the key does, in short; the help has the rest.
fn short(offer: &Offer) -> &'static str {
    offer.entry.label.split(':').next().unwrap_or_default()
}

/// The name of the key that the hint shows.
pub(super) fn key(offer: &Offer) -> String {
    offer.entry.keys.first().map(ToString::to_string).unwrap_or_default()
}

/// The right end: the field being edited, the keys for commands and help. Returns its columns.
fn tail(app: &App, canvas: &mut Canvas, y: u16, end: u16, fields: &[Field]) -> u16 {
    let what = match app.focus.target() {
        Some(target) if app.overlays.is_empty() => match target {
            EditTarget::Field(place) => {
                let label = fields
                    .iter()
                    .find(|field| field.place == *place)
                    .map_or_else(String::new, |field| field.label.to_string());
                format!("editing {label}")
            }
            EditTarget::Filter => "typing a filter".into(),
            EditTarget::Search => "typing a search".into(),
        },
        _ if app.focus.is_filling() && app.overlays.is_empty() => "filling in the form".into(),
        _ => String::new(),
    };
    let context = offers::context(app);
    let pieces: &[(&str, &str)] = match context {
        Context::Text | Context::Form | Context::Lines => &[("F1", " help")],
        Context::Rows | Context::Fields | Context::Checks | Context::Xml => &[(":", " commands   "), ("?", " help")],
        Context::List | Context::Help | Context::Map | Context::Ask | Context::Prompt | Context::Notice => &[],
    };
    let keys: u16 = pieces.iter().map(|(key, label)| cells(key) + cells(label)).sum();
    let gap = if what.is_empty() { 0 } else { cells(&what) + 3 };
    let start = end.saturating_sub(keys + gap);
    canvas.put(start, y, gap, &what, StyleRole::Muted);
    let mut x = start + gap;
    for (key, label) in pieces {
        x += canvas.put_all(x, y, keys, &[(key, StyleRole::Key), (label, StyleRole::Text)]);
    }
    keys + gap + 2
}
