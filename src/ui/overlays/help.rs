//! The keys of the focus: those of this place at the left, those of everywhere at the right.

use super::frame::{frame, more, place, rows};
use crate::app::App;
use crate::app::intent::Intent;
use crate::app::keys::Offer;
use crate::app::overlay::Help;
use crate::ui::StyleRole;
use crate::ui::canvas::Canvas;
use crate::ui::widgets::input;
use ratatui::layout::Rect;

/// Columns of the keys.
const KEYS: u16 = 14;

/// Draws the help.
pub(super) fn draw(app: &App, canvas: &mut Canvas, screen: Rect, help: &Help) {
    let needle = help.filter.value().to_lowercase();
    let wanted = |offer: &&Offer| {
        let text = format!("{} {}", offer.entry.label, offer.keys()).to_lowercase();
        text.contains(&needle)
    };
    let (here, everywhere): (Vec<&Offer>, Vec<&Offer>) =
        help.offers.iter().filter(wanted).filter(|offer| !is_further_step(offer)).partition(|offer| is_here(offer));
    // Where columns are few the keys of everywhere follow those of here, so that nothing is cut.
    let narrow = screen.width < 96;
    let all = if narrow { here.len() + everywhere.len() + 2 } else { here.len().max(everywhere.len()) };
    // The height follows from all keys, so that the box keeps its place while the filter is typed.
    let area = place(screen, 94, rows(help.offers.len()).min(if narrow { 30 } else { 20 }) + 5);
    let title = canvas.titled("Keys", app.step.title());
    let inner = frame(app, canvas, area, &title, "type to filter");
    canvas.put(inner.x, inner.y, 2, "/ ", StyleRole::Key);
    let width = inner.width.saturating_sub(2);
    let scroll = help.filter.visual_scroll(usize::from(width));
    let text = &help.filter;
    input::line(canvas, inner.x + 2, inner.y, width, text.value(), text.visual_cursor(), scroll);
    if narrow {
        let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
        let shown = usize::from(body.height);
        let first = help.top.min(all.saturating_sub(shown));
        one_column(canvas, body, &here, &everywhere, first);
        more(canvas, inner, first, shown, all);
        return;
    }
    let half = inner.width / 2;
    let left = Rect { y: inner.y + 2, width: half.saturating_sub(2), height: inner.height.saturating_sub(2), ..inner };
    let right = Rect { x: inner.x + half, width: inner.width - half, ..left };
    let shown = usize::from(left.height.saturating_sub(1));
    let first = help.top.min(all.saturating_sub(shown));
    column(canvas, left, "Here", &here, first);
    column(canvas, right, "Everywhere", &everywhere, first);
    more(canvas, inner, first, shown, all);
}

/// True for what belongs to this list or text alone, moving in it included.
fn is_here(offer: &Offer) -> bool {
    let entry = offer.entry;
    let global = matches!(entry.intent, Intent::Go(_) | Intent::Palette | Intent::Close);
    !entry.steps.is_empty() || entry.contexts.len() == 1 || !(entry.intent.is_command() || global)
}

/// The keys 1 to 9 are one line: that of the first.
fn is_further_step(offer: &Offer) -> bool {
    matches!(offer.entry.intent, Intent::Go(step) if step.number() > 1)
}

/// Both lists below one another, each below its heading.
fn one_column(canvas: &mut Canvas, area: Rect, here: &[&Offer], everywhere: &[&Offer], first: usize) {
    let part = |title: &'static str, offers: &[&Offer]| -> Vec<Result<Offer, &'static str>> {
        std::iter::once(Err(title)).chain(offers.iter().map(|offer| Ok((*offer).clone()))).collect()
    };
    let lines = part("Here", here).into_iter().chain(part("Everywhere", everywhere));
    for (y, line) in (area.y..area.bottom()).zip(lines.skip(first)) {
        match line {
            Err(title) => {
                canvas.put(area.x, y, area.width, title, StyleRole::Heading);
            }
            Ok(offer) => line_of(canvas, Rect { y, height: 1, ..area }, &offer),
        }
    }
}

fn column(canvas: &mut Canvas, area: Rect, title: &str, offers: &[&Offer], first: usize) {
    canvas.put(area.x, area.y, area.width, title, StyleRole::Heading);
    for (y, offer) in (area.y + 1..area.bottom()).zip(offers.iter().skip(first)) {
        line_of(canvas, Rect { y, height: 1, ..area }, offer);
    }
}

/// The keys of an offer, what they do, and why that cannot be done now.
fn line_of(canvas: &mut Canvas, area: Rect, offer: &Offer) {
    let y = area.y;
    let off = offer.why_not.is_some();
    let (keys, label) = match offer.entry.intent {
        Intent::Go(_) => ("1 to 9".to_owned(), "go to a step"),
        _ => (offer.keys(), offer.entry.label),
    };
    canvas.put(area.x + 1, y, KEYS, &keys, if off { StyleRole::Muted } else { StyleRole::Key });
    let x = area.x + KEYS + 2;
    let width = area.right().saturating_sub(x);
    let role = if off { StyleRole::Muted } else { StyleRole::Text };
    let used = canvas.put(x, y, width, label, role);
    if let Some(why) = &offer.why_not {
        canvas.put(x + used, y, width.saturating_sub(used), &format!(": {why}"), StyleRole::Muted);
    }
}
