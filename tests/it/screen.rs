//! What the screen writes, read back by a terminal emulator: every cell as asked, and no byte too many.

use std::io::{self, Write};
use std::time::Duration;

use proptest::prelude::*;
use ratatui::buffer::{Buffer, CellWidth as _};
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use vmbuild::run::capability::{Charset, Colours, TerminalCapabilities};
use vmbuild::run::screen::Screen;

/// Keeps each write by itself.
#[derive(Debug, Default)]
struct Wire(Vec<Vec<u8>>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SIZE: Size = Size { width: 40, height: 10 };

const fn terminal(colours: Colours) -> TerminalCapabilities {
    TerminalCapabilities {
        colours,
        charset: Charset::Unicode,
        ssh: false,
        escape_hold: Duration::ZERO,
        full_screen: true,
        xterm: true,
    }
}

const OLD: TerminalCapabilities =
    TerminalCapabilities { charset: Charset::Ascii, xterm: false, ..terminal(Colours::None) };

struct Bench {
    screen: Screen<Wire>,
    emulator: vt100::Parser,
}

impl Bench {
    fn new(size: Size, terminal: &TerminalCapabilities) -> Self {
        let mut emulator = parser(size);
        // Whatever stood there before must not matter.
        emulator.process(b"\x1b[41;1mjunk\r\njunk\x1b[?25h");
        Self { screen: Screen::new(Wire::default(), size, terminal), emulator }
    }

    /// Draws, shows it to the emulator, and returns the bytes.
    fn draw(&mut self, paint: impl Fn(&mut Buffer), cursor: Option<Position>) -> Vec<u8> {
        let length = self
            .screen
            .draw(|frame| {
                paint(frame.buffer_mut());
                if let Some(cursor) = cursor {
                    frame.set_cursor_position(cursor);
                }
            })
            .unwrap();
        let writes = std::mem::take(&mut self.screen.sink_mut().0);
        assert_eq!(writes.len(), usize::from(length > 0), "one write for each frame that changes something");
        let bytes = writes.concat();
        assert_eq!(bytes.len(), length);
        self.emulator.process(&bytes);
        bytes
    }

    fn show(&mut self, text: &str) -> String {
        let bytes = self.draw(|buffer| write_lines(buffer, text), None);
        String::from_utf8(bytes).unwrap().replace('\x1b', "")
    }
}

fn parser(size: Size) -> vt100::Parser {
    vt100::Parser::new(size.height.try_into().unwrap(), size.width.try_into().unwrap(), 0)
}

fn write_lines(buffer: &mut Buffer, text: &str) {
    for (y, line) in (0..).zip(text.lines()) {
        buffer.set_string(0, y, line, Style::default());
    }
}

/// One thing painted on a frame.
#[derive(Debug, Clone)]
enum Stroke {
    Text(u16, u16, String, Style),
    Restyle(Rect, Style),
    Symbol(u16, u16, String),
}

fn paint(strokes: &[Stroke], buffer: &mut Buffer) {
    for stroke in strokes {
        match stroke {
            Stroke::Text(x, y, text, style) if buffer.area.contains(Position::new(*x, *y)) => {
                buffer.set_string(*x, *y, text, *style);
            }
            Stroke::Restyle(area, style) => buffer.set_style(area.intersection(buffer.area), *style),
            Stroke::Symbol(x, y, symbol) => {
                if let Some(cell) = buffer.cell_mut((*x, *y)) {
                    cell.set_symbol(symbol);
                }
            }
            Stroke::Text(..) => {}
        }
    }
}

fn colour() -> impl Strategy<Value = Color> {
    prop_oneof![
        3 => Just(Color::Reset),
        2 => prop::sample::select(vec![Color::Black, Color::Red, Color::Gray, Color::DarkGray, Color::LightCyan, Color::White]),
        1 => (16u8..).prop_map(Color::Indexed),
        1 => any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    // The emulator holds bold and dim to be one thing, so only one of them at a time.
    let attributes = prop::sample::select(vec![
        Modifier::empty(),
        Modifier::empty(),
        Modifier::BOLD,
        Modifier::DIM,
        Modifier::REVERSED,
        Modifier::UNDERLINED,
        Modifier::ITALIC,
        Modifier::BOLD | Modifier::UNDERLINED,
        Modifier::DIM | Modifier::REVERSED,
    ]);
    (colour(), colour(), attributes)
        .prop_map(|(fg, bg, attributes)| Style::reset().fg(fg).bg(bg).add_modifier(attributes))
}

fn text_stroke() -> impl Strategy<Value = Stroke> {
    let place = (0..SIZE.width + 5, 0..SIZE.height + 2);
    prop_oneof![
        4 => (place.clone(), "[a-c 漢字─é ]{1,12}", style())
            .prop_map(|((x, y), text, style)| Stroke::Text(x, y, text, style)),
        1 => (place.clone(), " {1,40}", style()).prop_map(|((x, y), text, style)| Stroke::Text(x, y, text, style)),
        1 => (place, 1u16..30, 1u16..4, style())
            .prop_map(|((x, y), w, h, style)| Stroke::Restyle(Rect::new(x, y, w, h), style)),
    ]
}

fn stroke() -> impl Strategy<Value = Stroke> {
    let place = (0..SIZE.width + 5, 0..SIZE.height + 2);
    let odd = vec!["\x1b", "\x1b[2J", "\n", "", "\u{301}", "e\u{301}", "a\u{9b}b"];
    prop_oneof![
        6 => text_stroke(),
        1 => (place, prop::sample::select(odd)).prop_map(|((x, y), symbol)| Stroke::Symbol(x, y, symbol.to_owned())),
    ]
}

/// What happens between two frames.
#[derive(Debug, Clone)]
enum Event {
    Add(Vec<Stroke>),
    Remove(usize),
    Replace(Vec<Stroke>),
    Resize(u16, u16),
    Disturb,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => prop::collection::vec(stroke(), 1..3).prop_map(Event::Add),
        3 => (0usize..20).prop_map(Event::Remove),
        1 => prop::collection::vec(stroke(), 0..15).prop_map(Event::Replace),
        1 => (3..SIZE.width + 4, 1..SIZE.height + 2).prop_map(|(width, height)| Event::Resize(width, height)),
        1 => Just(Event::Disturb),
    ]
}

/// Compares the emulator's screen with the frame, place by place.
fn assert_shows(emulator: &vt100::Parser, frame: &Buffer, colours: Colours) {
    for y in 0..frame.area.height {
        let mut x = 0;
        while x < frame.area.width {
            x += assert_place(emulator, frame, x, y, colours);
        }
    }
}

/// Compares one place and returns how wide it is.
fn assert_place(emulator: &vt100::Parser, frame: &Buffer, x: u16, y: u16, colours: Colours) -> u16 {
    let wanted = &frame[(x, y)];
    let cell = emulator.screen().cell(y, x).unwrap();
    let contents = if cell.contents().is_empty() { " " } else { cell.contents() };
    let control = wanted.symbol().chars().any(char::is_control);
    let width = if control { 1 } else { wanted.cell_width() };
    let visible = width > 0 && x + width <= frame.area.width;
    let symbol = if control {
        "?"
    } else if visible {
        wanted.symbol()
    } else {
        " "
    };
    assert_eq!(contents, symbol, "at {x},{y}");
    assert_eq!(cell.is_wide(), visible && width == 2, "width at {x},{y}");
    let expect = |colour| if colours == Colours::None { vt100::Color::Default } else { emulated(colour) };
    let attributes = wanted.modifier;
    assert_eq!(cell.bgcolor(), expect(wanted.bg), "background at {x},{y}");
    assert_eq!(cell.inverse(), attributes.contains(Modifier::REVERSED), "reverse at {x},{y}");
    assert_eq!(cell.underline(), attributes.contains(Modifier::UNDERLINED), "underline at {x},{y}");
    // A space in its own right shows no more than that.
    if symbol != " " || attributes.intersects(Modifier::REVERSED | Modifier::UNDERLINED) {
        assert_eq!(cell.fgcolor(), expect(wanted.fg), "foreground at {x},{y}");
        assert_eq!(cell.bold(), attributes.contains(Modifier::BOLD), "bold at {x},{y}");
        assert_eq!(cell.dim(), attributes.contains(Modifier::DIM), "dim at {x},{y}");
        assert_eq!(cell.italic(), attributes.contains(Modifier::ITALIC), "italic at {x},{y}");
    }
    width.clamp(1, frame.area.width - x)
}

fn emulated(colour: Color) -> vt100::Color {
    match colour {
        Color::Reset => vt100::Color::Default,
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Black => vt100::Color::Idx(0),
        Color::Red => vt100::Color::Idx(1),
        Color::Gray => vt100::Color::Idx(7),
        Color::DarkGray => vt100::Color::Idx(8),
        Color::LightCyan => vt100::Color::Idx(14),
        Color::White => vt100::Color::Idx(15),
        other => panic!("the tests do not paint with {other:?}"),
    }
}

fn run(events: &[(Event, Option<(u16, u16)>)], terminal: &TerminalCapabilities) {
    let mut bench = Bench::new(SIZE, terminal);
    let mut strokes = Vec::new();
    for (event, cursor) in events {
        match event {
            Event::Add(more) => strokes.extend(more.iter().cloned()),
            Event::Remove(index) if *index < strokes.len() => drop(strokes.remove(*index)),
            Event::Remove(_) => {}
            Event::Replace(new) => strokes.clone_from(new),
            Event::Resize(width, height) => {
                bench.emulator.screen_mut().set_size((*height).try_into().unwrap(), (*width).try_into().unwrap());
                bench.screen.resize(Size::new(*width, *height));
            }
            Event::Disturb => {
                bench.emulator.process(b"\x1b[2J\x1b[3;3Ha shell was here\x1b[7m");
                bench.screen.forget();
            }
        }
        let size = bench.screen.size();
        let cursor = cursor.map(|(x, y)| Position::new(x % size.width, y % size.height));
        bench.draw(|buffer| paint(&strokes, buffer), cursor);
        let mut wanted = Buffer::empty(Rect::from((Position::ORIGIN, size)));
        paint(&strokes, &mut wanted);
        assert_shows(&bench.emulator, &wanted, terminal.colours);
        assert_eq!(bench.emulator.screen().hide_cursor(), cursor.is_none());
        if let Some(cursor) = cursor {
            assert_eq!(bench.emulator.screen().cursor_position(), (cursor.y, cursor.x));
        }
        let again = bench.draw(|buffer| paint(&strokes, buffer), cursor);
        assert_eq!(again, b"", "a frame that changes nothing is no bytes");
    }
}

fn events() -> impl Strategy<Value = Vec<(Event, Option<(u16, u16)>)>> {
    prop::collection::vec((event(), prop::option::of((0..SIZE.width, 0..SIZE.height))), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_terminal_shows_what_the_frames_say(events in events()) {
        run(&events, &terminal(Colours::Full));
    }

    #[test]
    fn without_colours_text_and_attributes_stay(events in events()) {
        run(&events, &terminal(Colours::None));
    }

    #[test]
    fn few_bytes_are_spent_on_anything_but_the_change(
        before in prop::collection::vec(text_stroke(), 0..12), more in prop::collection::vec(text_stroke(), 1..3)
    ) {
        let mut bench = Bench::new(SIZE, &terminal(Colours::Full));
        bench.draw(|buffer| paint(&before, buffer), None);
        let after = [before.clone(), more.clone()].concat();
        let spent = bench.draw(|buffer| paint(&after, buffer), None).len();
        let [mut old, mut new] = [(); 2].map(|()| Buffer::empty(Rect::from((Position::ORIGIN, SIZE))));
        paint(&before, &mut old);
        paint(&after, &mut new);
        let bound = most(&old.diff(&new));
        prop_assert!(spent <= bound, "{spent} bytes where {bound} are allowed");
    }
}

/// What a change may cost: its characters, for each stretch of neighbours a move, for each change of style a pen.
fn most(changed: &[(u16, u16, &ratatui::buffer::Cell)]) -> usize {
    let characters: usize = changed.iter().map(|(_, _, cell)| cell.symbol().len()).sum();
    let (mut moves, mut pens) = (1, 1);
    for pair in changed.windows(2) {
        if let [(x, y, a), (next_x, next_y, b)] = pair {
            moves += usize::from((*next_x, *next_y) != (x + a.cell_width(), *y));
            pens += usize::from(a.style() != b.style());
        }
    }
    let longest_move = "\x1b[10;40H".len();
    let longest_pen = "\x1b[22;24;27;1;4;38;2;255;255;255;48;2;255;255;255m".len();
    let synchronized = 16;
    // Erasing the end of a line may need the plain pen once more.
    characters + moves * (longest_move + "\x1b[m".len()) + pens * longest_pen + synchronized
}

#[test]
fn a_typed_character_is_one_byte() {
    let mut bench = Bench::new(SIZE, &terminal(Colours::Ansi16));
    let at = |x| Some(Position::new(x, 1));
    bench.draw(|buffer| write_lines(buffer, "name\ngpu-"), at(4));
    assert_eq!(bench.draw(|buffer| write_lines(buffer, "name\ngpu-w"), at(5)), b"w");
    assert_eq!(bench.draw(|buffer| write_lines(buffer, "name\ngpu-"), at(4)), b"\x08 \x08");
}

#[test]
fn short_gaps_are_written_over_and_long_ones_jumped() {
    let mut bench = Bench::new(SIZE, &terminal(Colours::Ansi16));
    bench.show("a.b..c.................d");
    assert_eq!(bench.show("A.B..C.................D"), "\rA.B..C[17CD");
}

#[test]
fn a_blank_end_is_erased_where_that_is_shorter() {
    let mut bench = Bench::new(SIZE, &terminal(Colours::Ansi16));
    bench.show("one two three\nlast");
    assert_eq!(bench.show("one two\nlast"), "[;9H[K");
    // Three spaces are as short as erasing.
    assert_eq!(bench.show("one\nlast"), "\u{8}\u{8}\u{8}\u{8}   ");
    assert_eq!(bench.show("one\n"), "\n\r[K");
}

#[test]
fn what_terminals_measure_differently_does_not_shift_the_rest_of_the_line() {
    let mut bench = Bench::new(SIZE, &terminal(Colours::Ansi16));
    let frame = bench.show("e\u{301}tude");
    assert!(frame.ends_with("e\u{301}[;2Htude"), "{frame}");
}

#[test]
fn only_large_frames_are_bracketed_and_only_where_that_is_understood() {
    let long = "x".repeat(40) + "\n" + &"y".repeat(40) + "\n";
    let long = long.repeat(5);
    let mut bench = Bench::new(SIZE, &terminal(Colours::Ansi16));
    let frame = bench.show(&long);
    assert!(frame.starts_with("[?2026h") && frame.ends_with("[?2026l"), "{frame}");
    assert!(!bench.show(&long.replacen('x', "z", 3)).contains("2026"));
    assert!(!Bench::new(SIZE, &OLD).show(&long).contains("2026"));
}

#[test]
fn an_old_terminal_gets_ascii_and_only_what_a_vt100_has() {
    let mut bench = Bench::new(SIZE, &OLD);
    let style = Style::default().fg(Color::Red).bg(Color::Blue).add_modifier(Modifier::BOLD | Modifier::REVERSED);
    let bytes = bench.draw(
        |buffer| {
            buffer.set_string(0, 0, "é漢─x", style);
            buffer.set_string(0, 1, "plain", Style::default().add_modifier(Modifier::UNDERLINED));
        },
        None,
    );
    let text = String::from_utf8(bytes).unwrap().replace('\x1b', "");
    assert_eq!(text, "[?25l[m[H[J[1;7m????x\n\r[;4mplain");
}

#[test]
fn sixteen_colours_are_written_in_the_short_form() {
    let mut bench = Bench::new(SIZE, &terminal(Colours::Ansi16));
    let bytes = bench.draw(
        |buffer| {
            buffer.set_string(0, 0, "a", Style::default().fg(Color::LightRed));
            buffer.set_string(1, 0, "b", Style::default().fg(Color::Rgb(0, 200, 0)).bg(Color::Indexed(231)));
        },
        None,
    );
    let text = String::from_utf8(bytes).unwrap().replace('\x1b', "");
    assert!(text.ends_with("[91ma[32;107mb"), "{text}");
}

#[test]
fn after_a_failed_write_the_frame_is_drawn_from_nothing() {
    struct Broken(bool, Vec<u8>);
    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::take(&mut self.0) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut screen = Screen::new(Broken(true, Vec::new()), SIZE, &terminal(Colours::Ansi16));
    assert!(screen.draw(|frame| write_lines(frame.buffer_mut(), "text")).is_err());
    screen.draw(|frame| write_lines(frame.buffer_mut(), "text")).unwrap();
    assert!(String::from_utf8_lossy(&screen.sink_mut().1).contains("text"));
}
