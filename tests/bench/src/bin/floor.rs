//! The floor: what a bare ratatui and crossterm program with a screen of our size costs, with no host behind it.
//! It drains pending keys before it draws and blocks otherwise, so it is a fair floor and not a straw man.

use crossterm::event::{self, Event, KeyCode};
use ratatui::{
    Frame,
    layout::{Constraint, Layout},
    style::Stylize,
    text::Line,
    widgets::{Block, List, ListState, Paragraph},
};
use std::{io, time::Duration};

struct Floor {
    row: usize,
    name: String,
}

impl Floor {
    /// False when the program shall end.
    fn key(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Esc => return false,
            KeyCode::Down => self.row = (self.row + 1) % 60,
            KeyCode::Up => self.row = (self.row + 59) % 60,
            KeyCode::Char(c) => self.name.push(c),
            _ => {}
        }
        true
    }

    fn draw(&self, frame: &mut Frame) {
        let [head, body, hints] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(1), Constraint::Length(1)]).areas(frame.area());
        let [rail, list, preview] =
            Layout::horizontal([Constraint::Length(24), Constraint::Fill(1), Constraint::Fill(1)]).areas(body);
        frame.render_widget(Line::from(format!(" floor  name: {}", self.name)), head);
        let steps = (1..=9).map(|n| Line::from(format!(" {n}  Step {n}"))).collect::<Vec<_>>();
        frame.render_widget(Paragraph::new(steps).block(Block::bordered()), rail);
        let rows = (0..60).map(|n| format!("0000:{n:02x}:00.0  group {:2}  vfio-pci", n / 2));
        let mut state = ListState::default().with_selected(Some(self.row));
        frame.render_stateful_widget(
            List::new(rows).highlight_style(ratatui::style::Style::new().reversed()),
            list,
            &mut state,
        );
        let xml = format!("<domain type='kvm'>\n  <name>{}</name>\n  <vcpu>{}</vcpu>\n</domain>", self.name, self.row);
        frame.render_widget(Paragraph::new(xml).block(Block::bordered()), preview);
        frame.render_widget(Line::from(" Esc leave ").dim(), hints);
    }
}

fn main() -> io::Result<()> {
    let mut terminal = ratatui::init();
    let mut floor = Floor { row: 0, name: String::new() };
    'drawing: loop {
        terminal.draw(|frame| floor.draw(frame))?;
        loop {
            if let Event::Key(key) = event::read()?
                && !floor.key(key.code)
            {
                break 'drawing;
            }
            if !event::poll(Duration::ZERO)? {
                break;
            }
        }
    }
    ratatui::restore();
    Ok(())
}
