//! The attributes a terminal writes with, and the shortest sequence from one set to another. Knows no position.
//!
//! crossterm's commands change one thing each, write the sixteen colours in the form for 256, which old terminals do
//! not take, and write none where `NO_COLOR` is set, whatever `--color` asks for.

use std::io::Write as _;

use crossterm::style::Attribute;
use ratatui::style::{Color, Modifier};

use super::capability::Colours;

/// What can be seen of a space without a background.
const SEEN_ON_BLANK: Modifier =
    Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT).union(Modifier::HIDDEN);

/// The attributes with what switches each on, and what switches it off.
const ATTRIBUTES: [(Modifier, Attribute, Attribute); 9] = [
    (Modifier::BOLD, Attribute::Bold, Attribute::NormalIntensity),
    (Modifier::DIM, Attribute::Dim, Attribute::NormalIntensity),
    (Modifier::ITALIC, Attribute::Italic, Attribute::NoItalic),
    (Modifier::UNDERLINED, Attribute::Underlined, Attribute::NoUnderline),
    (Modifier::SLOW_BLINK, Attribute::SlowBlink, Attribute::NoBlink),
    (Modifier::RAPID_BLINK, Attribute::RapidBlink, Attribute::NoBlink),
    (Modifier::REVERSED, Attribute::Reverse, Attribute::NoReverse),
    (Modifier::HIDDEN, Attribute::Hidden, Attribute::NoHidden),
    (Modifier::CROSSED_OUT, Attribute::CrossedOut, Attribute::NotCrossedOut),
];

/// How a cell is written: its colours, already fitted to the terminal, and its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pen {
    pub(super) fg: Color,
    pub(super) bg: Color,
    pub(super) attributes: Modifier,
}

impl Pen {
    /// The terminal's own colours and no attribute.
    pub(super) const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, attributes: Modifier::empty() };

    /// Whether only the background of a space written with this pen can be seen.
    pub(super) fn is_plain_on_blank(self) -> bool {
        !self.attributes.intersects(SEEN_ON_BLANK)
    }

    /// Writes the shortest sequence that turns this pen into `to`.
    ///
    /// `switch_off`: the terminal can end attributes one by one (VT220 and later); otherwise only all at once.
    pub(super) fn change(self, to: Self, switch_off: bool, out: &mut Vec<u8>) {
        if self == to {
            return;
        }
        let start = out.len();
        let ends_some = !(self.attributes - to.attributes).is_empty();
        if switch_off || !ends_some {
            self.step(to, out);
        }
        let middle = out.len();
        out.extend_from_slice(b"\x1b[");
        Self::PLAIN.parameters(to, b";", out);
        if middle == start || out.len() - middle < middle - start {
            out.drain(start..middle);
        } else {
            out.truncate(middle);
        }
    }

    /// The sequence that changes only what differs.
    fn step(self, to: Self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\x1b[");
        let mut separator: &[u8] = b"";
        let mut from = self;
        for (attribute, _, off) in ATTRIBUTES {
            if (from.attributes - to.attributes).contains(attribute) {
                out.extend_from_slice(separator);
                separator = b";";
                out.extend_from_slice(off.sgr().as_bytes());
                // One code ends bold and dim together, and both kinds of blinking.
                for (also, _, same) in ATTRIBUTES {
                    if same == off {
                        from.attributes.remove(also);
                    }
                }
            }
        }
        from.parameters(to, separator, out);
    }

    /// The parameters that add to this pen what `to` has more, and the final `m`.
    fn parameters(self, to: Self, first: &[u8], out: &mut Vec<u8>) {
        let mut separator = first;
        for (attribute, on, _) in ATTRIBUTES {
            if (to.attributes - self.attributes).contains(attribute) {
                out.extend_from_slice(separator);
                separator = b";";
                out.extend_from_slice(on.sgr().as_bytes());
            }
        }
        for (was, is, base) in [(self.fg, to.fg, 30), (self.bg, to.bg, 40)] {
            if was != is {
                out.extend_from_slice(separator);
                separator = b";";
                colour(is, base, out);
            }
        }
        out.push(b'm');
    }
}

/// Ends every attribute and colour, whatever the pen was.
pub(super) fn reset(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b[m");
}

/// Writes the parameters of a colour; `base` is 30 for the foreground and 40 for the background.
fn colour(colour: Color, base: u8, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = match (colour, palette_index(colour)) {
        (_, Some(index @ 0..8)) => write!(out, "{}", base + index),
        (_, Some(index @ 8..16)) => write!(out, "{}", base + 60 + index - 8),
        (_, Some(index)) => write!(out, "{};5;{index}", base + 8),
        (Color::Rgb(red, green, blue), _) => write!(out, "{};2;{red};{green};{blue}", base + 8),
        _ => write!(out, "{}", base + 9),
    };
}

/// The place of `colour` in the terminal's palette, if it is one of it.
fn palette_index(colour: Color) -> Option<u8> {
    Some(match colour {
        Color::Reset | Color::Rgb(..) => return None,
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    })
}

/// The nearest colour to `wanted` that may be written.
///
/// Palette colours come out as [`Color::Indexed`], so that the two spellings of one colour are equal.
pub(super) fn fit(wanted: Color, colours: Colours) -> Color {
    let index = palette_index(wanted);
    match (colours, wanted, index) {
        (Colours::None, _, _) | (_, Color::Reset, _) => Color::Reset,
        (Colours::Ansi16, _, Some(index @ 16..)) => Color::Indexed(nearest(palette_rgb(index), 0..16)),
        (_, _, Some(index)) => Color::Indexed(index),
        (Colours::Full, rgb, None) => rgb,
        (Colours::Indexed256, Color::Rgb(red, green, blue), None) => {
            Color::Indexed(nearest((red, green, blue), 16..=255))
        }
        (Colours::Ansi16, Color::Rgb(red, green, blue), None) => Color::Indexed(nearest((red, green, blue), 0..16)),
        (_, other, None) => other,
    }
}

/// The usual values of the first sixteen colours; terminals differ, which is why they are never chosen for others.
const ANSI_RGB: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// The red, green and blue of a palette colour: sixteen by convention, a cube of 6, and 24 greys.
fn palette_rgb(index: u8) -> (u8, u8, u8) {
    let step = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
    match index {
        0..16 => ANSI_RGB.get(usize::from(index)).copied().unwrap_or_default(),
        16..232 => (step((index - 16) / 36), step((index - 16) / 6 % 6), step((index - 16) % 6)),
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// The colour among `candidates` that is nearest to `rgb`.
fn nearest(rgb: (u8, u8, u8), candidates: impl Iterator<Item = u8>) -> u8 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    candidates
        .min_by_key(|&index| {
            let (red, green, blue) = palette_rgb(index);
            // Green weighs most for the eye, blue least.
            3 * square(rgb.0, red) + 4 * square(rgb.1, green) + 2 * square(rgb.2, blue)
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::style::{Colored, SetForegroundColor};

    fn change(from: Pen, to: Pen, switch_off: bool) -> String {
        let mut out = Vec::new();
        from.change(to, switch_off, &mut out);
        String::from_utf8_lossy(&out).replace('\x1b', "")
    }

    fn pen(fg: u8, attributes: Modifier) -> Pen {
        Pen { fg: Color::Indexed(fg), bg: Color::Reset, attributes }
    }

    #[test]
    fn the_shorter_way_between_two_pens_is_taken() {
        let bold = Modifier::BOLD;
        let cases = [
            (Pen::PLAIN, Pen::PLAIN, ""),
            (Pen::PLAIN, pen(1, Modifier::empty()), "[31m"),
            (Pen::PLAIN, pen(9, bold), "[1;91m"),
            (Pen::PLAIN, pen(100, Modifier::empty()), "[38;5;100m"),
            (pen(9, bold), Pen::PLAIN, "[m"),
            (pen(9, Modifier::empty()), Pen::PLAIN, "[m"),
            (pen(9, bold), pen(9, Modifier::empty()), "[22m"),
            (pen(9, bold | Modifier::UNDERLINED), pen(9, bold), "[24m"),
            (pen(9, bold | Modifier::DIM), pen(9, bold), "[22;1m"),
            (pen(1, bold), pen(2, Modifier::empty()), "[;32m"),
            (pen(1, Modifier::empty()), pen(2, Modifier::empty()), "[32m"),
        ];
        for (from, to, expected) in cases {
            assert_eq!(change(from, to, true), expected, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn an_old_terminal_is_only_told_to_end_all_attributes() {
        assert_eq!(change(pen(9, Modifier::BOLD), pen(9, Modifier::empty()), false), "[;91m");
        assert_eq!(change(Pen::PLAIN, pen(9, Modifier::BOLD), false), "[1;91m");
    }

    #[test]
    fn a_colour_of_the_sixteen_is_shorter_than_by_crossterm_and_for_every_terminal() {
        Colored::set_ansi_color_disabled(false);
        let crossterm = SetForegroundColor(crossterm::style::Color::Red).to_string();
        assert_eq!(crossterm.replace('\x1b', ""), "[38;5;9m");
        assert_eq!(change(Pen::PLAIN, pen(9, Modifier::empty()), true), "[91m");
    }

    #[test]
    fn colours_are_fitted_to_what_may_be_written() {
        let rgb = Color::Rgb(250, 5, 5);
        assert_eq!(fit(rgb, Colours::None), Color::Reset);
        assert_eq!(fit(rgb, Colours::Ansi16), Color::Indexed(9));
        assert_eq!(fit(rgb, Colours::Indexed256), Color::Indexed(196));
        assert_eq!(fit(rgb, Colours::Full), rgb);
        assert_eq!(fit(Color::Indexed(244), Colours::Ansi16), Color::Indexed(8));
        assert_eq!(fit(Color::LightRed, Colours::Full), Color::Indexed(9));
        assert_eq!(fit(Color::Reset, Colours::Full), Color::Reset);
    }
}
