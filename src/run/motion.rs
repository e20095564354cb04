//! The shortest way for the cursor from one place to another. Uses only what a VT100 has, in a raw terminal.
//!
//! crossterm's moves name the place in full: 7 bytes for a step to the right, which here is 3.

use std::io::Write as _;

/// A place on the screen, from 0 at the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScreenPlace {
    pub(super) x: u16,
    pub(super) y: u16,
}

impl ScreenPlace {
    pub(super) const ORIGIN: Self = Self { x: 0, y: 0 };
}

/// Writes the shortest sequence that moves the cursor to `to`; `from` is where it is, if that is known.
pub(super) fn write(from: Option<ScreenPlace>, to: ScreenPlace, out: &mut Vec<u8>) {
    if from == Some(to) {
        return;
    }
    let start = out.len();
    absolute(to, out);
    let Some(from) = from else {
        return;
    };
    let middle = out.len();
    vertical(from.y, to.y, out);
    horizontal(from.x, to.x, out);
    if out.len() - middle <= middle - start {
        out.drain(start..middle);
    } else {
        out.truncate(middle);
    }
}

/// The move that names the place.
fn absolute(to: ScreenPlace, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail. A parameter of 1 can be left out.
    let _ = match to {
        ScreenPlace { x: 0, y: 0 } => write!(out, "\x1b[H"),
        ScreenPlace { x: 0, y } => write!(out, "\x1b[{}H", y + 1),
        ScreenPlace { x, y: 0 } => write!(out, "\x1b[;{}H", x + 1),
        ScreenPlace { x, y } => write!(out, "\x1b[{};{}H", y + 1, x + 1),
    };
}

/// The move within a column.
fn vertical(from: u16, to: u16, out: &mut Vec<u8>) {
    match (to.saturating_sub(from), from.saturating_sub(to)) {
        (0, 0) => {}
        // A raw terminal takes a line feed as just that.
        (down @ 1..=4, _) => out.extend(std::iter::repeat_n(b'\n', usize::from(down))),
        (down @ 5.., _) => relative(down, 'B', out),
        (0, 1) => out.extend_from_slice(b"\x1bM"),
        (0, up) => relative(up, 'A', out),
    }
}

/// The move within a row.
fn horizontal(from: u16, to: u16, out: &mut Vec<u8>) {
    match (to.saturating_sub(from), from.saturating_sub(to)) {
        (0, 0) => {}
        (right, 0) => relative(right, 'C', out),
        (_, back @ 1..=4) if to > 0 => out.extend(std::iter::repeat_n(b'\x08', usize::from(back))),
        // From the start of the line it may be nearer.
        (_, back) if to > back => relative(back, 'D', out),
        _ => {
            out.push(b'\r');
            if to > 0 {
                relative(to, 'C', out);
            }
        }
    }
}

/// `CSI count direction`; a count of 1 can be left out.
fn relative(count: u16, direction: char, out: &mut Vec<u8>) {
    let _ = if count == 1 { write!(out, "\x1b[{direction}") } else { write!(out, "\x1b[{count}{direction}") };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crossterm::cursor::MoveTo;
    use proptest::prelude::*;

    fn path(from: Option<(u16, u16)>, to: (u16, u16)) -> String {
        let mut out = Vec::new();
        write(from.map(|(x, y)| ScreenPlace { x, y }), ScreenPlace { x: to.0, y: to.1 }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_shortest_way_is_taken() {
        let cases = [
            (Some((5, 5)), (5, 5), ""),
            (None, (0, 0), "\x1b[H"),
            (None, (0, 7), "\x1b[8H"),
            (None, (3, 7), "\x1b[8;4H"),
            (Some((9, 3)), (0, 4), "\n\r"),
            (Some((9, 3)), (9, 5), "\n\n"),
            (Some((9, 3)), (9, 2), "\x1bM"),
            (Some((9, 3)), (7, 3), "\x08\x08"),
            (Some((90, 3)), (2, 3), "\r\x1b[2C"),
            (Some((9, 3)), (10, 3), "\x1b[C"),
            (Some((9, 3)), (40, 20), "\x1b[21;41H"),
        ];
        for (from, to, expected) in cases {
            assert_eq!(path(from, to), expected, "{from:?} to {to:?}");
        }
    }

    proptest! {
        #[test]
        fn every_way_leads_to_the_place(
            from in prop::option::of((0u16..120, 0u16..40)), to in (0u16..120, 0u16..40)
        ) {
            let mut parser = vt100::Parser::new(40.try_into().unwrap(), 120.try_into().unwrap(), 0);
            if let Some((x, y)) = from {
                parser.process(format!("\x1b[{};{}H", y + 1, x + 1).as_bytes());
            } else {
                parser.process(b"\x1b[17;17H");
            }
            let path = path(from, to);
            prop_assert!(path.len() <= MoveTo(to.0, to.1).to_string().len(), "crossterm's way is shorter");
            parser.process(path.as_bytes());
            prop_assert_eq!(parser.screen().cursor_position(), (to.1, to.0));
        }
    }
}
