//! Turns a frame into the fewest bytes that change the terminal from what it shows. Does no I/O and decides nothing.
//!
//! It keeps the screen that the terminal shows, the place of its cursor and its pen, compares them with the frame
//! cell by cell, and writes only what differs: short gaps are written over where that is shorter than moving, blank
//! ends of lines are erased, and a frame that changes nothing is no bytes at all.
//!
//! What a cell holds is not trusted: a control character (a volume may be named with one) never reaches the terminal.

use crossterm::cursor::{Hide, Show};
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{Command, queue};
use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::{Position, Size};

use super::capability::{Charset, Colours, TerminalCapabilities};
use super::motion::{self, ScreenPlace};
use super::pen::{self, Pen};

/// Fills the rest of a wide character's place.
const CONTINUED: &str = "";
/// Stands for what cannot be shown, as many as it is wide.
const REPLACEMENT: &str = "????????";
/// Frames up to this length fit one segment and need no 16 bytes that have the terminal show them at once.
const SYNCHRONIZE_ABOVE: usize = 256;
/// The length of "erase to the end of the line".
const ERASE_LENGTH: usize = 3;

/// What the terminal shows, and the frame on its way to it.
#[derive(Debug)]
pub(super) struct Encoder {
    size: Size,
    terminal: TerminalCapabilities,
    /// Row by row; a wide character is followed by [`CONTINUED`].
    shown: Vec<Cell>,
    /// The last frame as it was asked for: a row that is asked for again is not looked at.
    asked: Vec<Cell>,
    /// The terminal's cursor, unless the last thing written left it where terminals disagree.
    at: Option<ScreenPlace>,
    pen: Pen,
    cursor_shown: bool,
    /// Nothing is known of the screen; the next frame begins by clearing it.
    stale: bool,
    /// The frame so far.
    out: Vec<u8>,
    /// The places of one row that change; kept for its memory.
    changed: Vec<u16>,
}

/// How one place of the frame is to look.
#[derive(Debug, Clone, Copy)]
struct CellLook<'a> {
    symbol: &'a str,
    pen: Pen,
    /// In cells; 0 for the continuation of a wide character.
    width: u16,
}

impl CellLook<'_> {
    const BLANK: CellLook<'static> = CellLook { symbol: " ", pen: Pen::PLAIN, width: 1 };

    fn is_blank(&self) -> bool {
        self.symbol == " "
    }

    /// Nothing but the terminal's own background, so that erasing gives the same.
    fn is_erased(&self) -> bool {
        self.is_blank() && self.pen == Pen::PLAIN
    }

    /// Whether writing it with `pen` gives this look. A plain space does not show the foreground.
    fn suits(&self, pen: Pen) -> bool {
        pen == self.pen
            || (self.is_blank() && self.pen.is_plain_on_blank() && pen.is_plain_on_blank() && pen.bg == self.pen.bg)
    }

    /// One character, whose width terminals agree on.
    fn is_simple(&self) -> bool {
        self.symbol.chars().nth(1).is_none() || self.symbol.is_ascii()
    }

    fn matches(&self, shown: &Cell) -> bool {
        is_same_text(shown.symbol(), self.symbol)
            && shown.fg == self.pen.fg
            && shown.bg == self.pen.bg
            && shown.modifier == self.pen.attributes
    }

    fn store(&self, shown: &mut Cell) {
        if !is_same_text(shown.symbol(), self.symbol) {
            shown.set_symbol(self.symbol);
        }
        (shown.fg, shown.bg, shown.modifier) = (self.pen.fg, self.pen.bg, self.pen.attributes);
    }
}

/// Whether both cells look the same on every terminal. Five thousand are compared at every key; equal ones, as nearly all
/// are, by the comparison of ratatui, which is compiled for speed.
fn is_same(a: &Cell, b: &Cell) -> bool {
    a == b || (a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier && is_same_text(a.symbol(), b.symbol()))
}

/// Equality without a call where the texts are single letters, as nearly all are.
fn is_same_text(a: &str, b: &str) -> bool {
    match (a.as_bytes(), b.as_bytes()) {
        ([a], [b]) => a == b,
        (a, b) => a == b,
    }
}

impl Encoder {
    /// For a terminal of `size` of which nothing is known.
    pub(super) fn new(size: Size, terminal: &TerminalCapabilities) -> Self {
        let mut encoder = Self {
            size,
            terminal: *terminal,
            shown: Vec::new(),
            asked: Vec::new(),
            at: None,
            pen: Pen::PLAIN,
            cursor_shown: false,
            stale: true,
            out: Vec::with_capacity(1 << 13),
            changed: Vec::new(),
        };
        encoder.resize(size);
        encoder
    }

    /// Notes a new size; the next frame is drawn from nothing.
    pub(super) fn resize(&mut self, size: Size) {
        self.size = size;
        self.shown = vec![Cell::EMPTY; usize::from(size.width) * usize::from(size.height)];
        self.forget();
    }

    /// Forgets the screen, for when something else has written on it; the next frame is drawn from nothing.
    pub(super) fn forget(&mut self) {
        self.stale = true;
    }

    /// Starts a frame.
    pub(super) fn begin(&mut self) {
        self.out.clear();
        if self.stale {
            self.command(Hide);
            pen::reset(&mut self.out);
            motion::write(None, ScreenPlace::ORIGIN, &mut self.out);
            self.command(Clear(ClearType::FromCursorDown));
            self.shown.fill(Cell::EMPTY);
            self.asked.clear();
            self.at = Some(ScreenPlace::ORIGIN);
            self.pen = Pen::PLAIN;
            self.cursor_shown = false;
            self.stale = false;
        }
    }

    /// Adds what differs between the screen and `wanted`.
    pub(super) fn cells(&mut self, wanted: &Buffer) {
        let mut looks = Vec::with_capacity(usize::from(self.size.width));
        let width = usize::from(self.size.width);
        // Rows of a frame of another size are not those of this screen.
        let fits = wanted.area.as_size() == self.size;
        for (y, start) in (0..self.size.height).zip((0..).step_by(width.max(1))) {
            let asked = wanted.content.get(start..start + width).filter(|_| fits);
            if let (Some(asked), Some(known)) = (asked, self.asked.get(start..start + width))
                && asked.iter().zip(known).all(|(asked, known)| is_same(asked, known))
            {
                continue;
            }
            looks.clear();
            self.look_at_row(wanted, y, &mut looks);
            self.row(y, &looks);
            match (asked, self.asked.get_mut(start..start + width)) {
                (Some(asked), Some(known)) => known.clone_from_slice(asked),
                (Some(asked), None) => self.asked.extend_from_slice(asked),
                (None, _) => self.asked.clear(),
            }
        }
    }

    /// Ends the frame with the cursor shown at `cursor`, or hidden, and returns its bytes: none if nothing changed.
    pub(super) fn finish(&mut self, cursor: Option<Position>) -> &[u8] {
        match cursor {
            Some(Position { x, y }) if self.size.width > 0 && self.size.height > 0 => {
                let place = ScreenPlace { x: x.min(self.size.width - 1), y: y.min(self.size.height - 1) };
                self.travel(place, &[]);
                if !self.cursor_shown {
                    self.command(Show);
                }
                self.cursor_shown = true;
            }
            _ if self.cursor_shown => {
                self.command(Hide);
                self.cursor_shown = false;
            }
            _ => {}
        }
        if self.terminal.xterm && self.out.len() > SYNCHRONIZE_ABOVE {
            self.command(EndSynchronizedUpdate);
            let frame = self.out.len();
            self.command(BeginSynchronizedUpdate);
            self.out.rotate_left(frame);
        }
        &self.out
    }

    /// Adds one of crossterm's commands.
    fn command(&mut self, command: impl Command) {
        // Writing to a vector cannot fail.
        let _ = queue!(self.out, command);
    }

    /// How each place of row `y` is to look.
    fn look_at_row<'a>(&self, wanted: &'a Buffer, y: u16, looks: &mut Vec<CellLook<'a>>) {
        while let Some(room) = usize::from(self.size.width).checked_sub(looks.len()).filter(|room| *room > 0) {
            let x = self.size.width - u16::try_from(room).unwrap_or(self.size.width);
            let look = wanted.cell((x, y)).map_or(CellLook::BLANK, |cell| self.look(cell, room));
            looks.push(look);
            for _ in 1..look.width {
                looks.push(CellLook { symbol: CONTINUED, width: 0, ..look });
            }
        }
    }

    /// How `cell` is to look where `room` places are left on the line.
    fn look<'a>(&self, cell: &'a Cell, room: usize) -> CellLook<'a> {
        let (symbol, width) = self.symbol(cell, room);
        let pen = Pen {
            fg: pen::fit(cell.fg, self.terminal.colours),
            bg: pen::fit(cell.bg, self.terminal.colours),
            attributes: cell.modifier,
        };
        // One spelling for every space that looks the same.
        let pen = if symbol == " " && pen.is_plain_on_blank() { Pen { bg: pen.bg, ..Pen::PLAIN } } else { pen };
        CellLook { symbol, pen, width }
    }

    /// What is written for `cell`, and its width: never a control character, never wider than `room`, never 0.
    fn symbol<'a>(&self, cell: &'a Cell, room: usize) -> (&'a str, u16) {
        let symbol = cell.symbol();
        if symbol.len() == 1 && symbol.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return (symbol, 1);
        }
        if symbol.chars().any(char::is_control) {
            return ("?", 1);
        }
        let width = cell.cell_width();
        if width == 0 || usize::from(width) > room {
            return (" ", 1);
        }
        match REPLACEMENT.get(..usize::from(width)) {
            Some(replacement) if self.terminal.charset == Charset::Ascii && !symbol.is_ascii() => (replacement, width),
            _ => (symbol, width),
        }
    }

    /// Writes what differs in row `y`.
    fn row(&mut self, y: u16, looks: &[CellLook<'_>]) {
        let mut changed = std::mem::take(&mut self.changed);
        self.find_changed(y, looks, &mut changed);
        if !changed.is_empty() {
            let blank_from = looks.iter().rposition(|look| !look.is_erased()).map_or(0, |last| last + 1);
            let split = changed.partition_point(|x| usize::from(*x) < blank_from);
            let (body, tail) = changed.split_at(split);
            for &x in body {
                self.put(ScreenPlace { x, y }, looks);
            }
            match tail.first() {
                Some(&x) if blanks_cost(tail) > ERASE_LENGTH => self.erase(ScreenPlace { x, y }, looks),
                _ => tail.iter().for_each(|&x| self.put(ScreenPlace { x, y }, looks)),
            }
        }
        self.changed = changed;
    }

    /// Collects the places of row `y` that do not look as they should.
    ///
    /// A wide character that is half written over leaves its other half among them, since no frame asks for a half.
    fn find_changed(&self, y: u16, looks: &[CellLook<'_>], changed: &mut Vec<u16>) {
        changed.clear();
        let start = usize::from(y) * usize::from(self.size.width);
        let shown = self.shown.get(start..).unwrap_or_default();
        changed.extend(
            (0..).zip(looks.iter().zip(shown)).filter_map(|(x, (look, cell))| (!look.matches(cell)).then_some(x)),
        );
    }

    /// Writes one place.
    fn put(&mut self, place: ScreenPlace, looks: &[CellLook<'_>]) {
        let Some(look) = looks.get(usize::from(place.x)) else {
            return;
        };
        if look.width > 0 {
            self.travel(place, looks);
            self.write(look);
        }
        self.store(place, look);
    }

    /// Erases from `place` to the end of its line.
    fn erase(&mut self, place: ScreenPlace, looks: &[CellLook<'_>]) {
        self.travel(place, looks);
        self.take_pen_for(&CellLook::BLANK);
        self.command(Clear(ClearType::UntilNewLine));
        for x in place.x..self.size.width {
            self.store(ScreenPlace { x, ..place }, &CellLook::BLANK);
        }
    }

    /// Writes `look` where the cursor is.
    fn write(&mut self, look: &CellLook<'_>) {
        self.take_pen_for(look);
        self.out.extend_from_slice(look.symbol.as_bytes());
        self.at = match self.at {
            // After the last column terminals disagree about where the cursor is, and after what is more than one
            // character about how far it went.
            Some(ScreenPlace { x, y }) if look.is_simple() && x + look.width < self.size.width => {
                Some(ScreenPlace { x: x + look.width, y })
            }
            _ => None,
        };
    }

    /// Changes the pen if `look` needs another.
    fn take_pen_for(&mut self, look: &CellLook<'_>) {
        if !look.suits(self.pen) {
            self.pen.change(look.pen, self.terminal.xterm && self.terminal.colours != Colours::None, &mut self.out);
            self.pen = look.pen;
        }
    }

    /// Moves the cursor to `to`, over the unchanged cells of its row in `looks` if that is shorter.
    fn travel(&mut self, to: ScreenPlace, looks: &[CellLook<'_>]) {
        let start = self.out.len();
        motion::write(self.at, to, &mut self.out);
        let cost = self.out.len() - start;
        if let Some(from) = self.at.filter(|from| from.y == to.y && from.x < to.x)
            && let Some(gap) = looks.get(usize::from(from.x)..usize::from(to.x))
            && gap.iter().all(|look| look.width > 0 && look.is_simple() && look.suits(self.pen))
            && gap.iter().map(|look| look.symbol.len()).sum::<usize>() <= cost
        {
            self.out.truncate(start);
            for look in gap {
                self.out.extend_from_slice(look.symbol.as_bytes());
            }
        }
        self.at = Some(to);
    }

    /// Notes that `place` now looks like `look`.
    fn store(&mut self, place: ScreenPlace, look: &CellLook<'_>) {
        let index = usize::from(place.y) * usize::from(self.size.width) + usize::from(place.x);
        if let Some(cell) = self.shown.get_mut(index) {
            look.store(cell);
        }
    }
}

/// The bytes it takes to write blanks at the ascending places `xs`, about: short gaps are filled, long ones jumped.
fn blanks_cost(xs: &[u16]) -> usize {
    let gaps = xs.windows(2).map(|pair| match pair {
        [left, right] => usize::from(right - left - 1).min(4),
        _ => 0,
    });
    xs.len() + gaps.sum::<usize>()
}
