//! Themes: what each role of the screen looks like, read from TOML. Which theme is taken is decided elsewhere.

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::BTreeMap;

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal,)*) => {
        /// What a piece of the screen is, so that themes speak of meanings and not of widgets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum StyleRole { $($(#[$doc])* $role,)* }

        impl StyleRole {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$role,)*];

            /// Its name in theme files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$role => $name,)* }
            }
        }
    };
}

roles! {
    /// Running text.
    Text = "text",
    /// What matters less: units, summaries, rules.
    Muted = "muted",
    /// Titles.
    Heading = "heading",
    /// The current step, the row of the cursor, the running step.
    Accent = "accent",
    /// Keys in hints and help.
    Key = "key",
    /// Names of fields.
    Label = "label",
    /// Values of fields.
    Value = "value",
    /// What holds where a field is empty.
    Placeholder = "placeholder",
    /// The chosen row of a list.
    Selection = "selection",
    /// The field that has the focus.
    Focus = "focus",
    /// Lines.
    Border = "border",
    /// Good.
    Ok = "ok",
    /// Findings that warn.
    Warn = "warn",
    /// Findings that block.
    Error = "error",
    /// Findings that are notes.
    Info = "info",
    /// Left out.
    Skipped = "skipped",
    /// Added lines.
    DiffAdd = "diff_add",
    /// Removed lines.
    DiffDel = "diff_del",
    /// Changed lines.
    DiffChange = "diff_change",
    /// XML tags.
    XmlTag = "xml_tag",
    /// XML attribute names.
    XmlName = "xml_name",
    /// XML attribute values.
    XmlValue = "xml_value",
    /// The done part of a bar.
    BarDone = "bar_done",
    /// The rest of a bar.
    BarLeft = "bar_left",
    /// The line under the cursor in a text.
    CursorLine = "cursor_line",
    /// The ground of overlays.
    Overlay = "overlay",
}

/// A style for each role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: Vec<Style>,
}

/// Why a theme cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    /// It is not TOML of the right shape.
    #[error("theme '{name}': {source}")]
    Syntax {
        /// Theme.
        name: String,
        /// Line, column and cause.
        source: Box<toml::de::Error>,
    },
    /// It names something that does not exist.
    #[error("theme '{name}': {what}")]
    Unknown {
        /// Theme.
        name: String,
        /// What it names, and what there is.
        what: String,
    },
}

/// The themes that come with the program.
const SHIPPED: [(&str, &str); 4] = [
    ("ansi", include_str!("../../themes/ansi.toml")),
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inherits: Option<String>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<String, RoleStyle>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of the file")]
struct RoleStyle {
    fg: Option<String>,
    bg: Option<String>,
    bold: bool,
    dim: bool,
    reverse: bool,
    underline: bool,
}

impl Theme {
    /// Names of the themes that come with the program.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A theme that comes with the program.
    pub fn named(name: &str) -> Result<Self, ThemeError> {
        let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) else {
            let known = Self::shipped().collect::<Vec<_>>().join(", ");
            return Err(unknown(name, format!("not found; the themes are {known}")));
        };
        Self::parse(name, text)
    }

    /// Reads a theme file; `name` is for messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, ThemeError> {
        let file: File = toml::from_str(text)
            .map_err(|source| ThemeError::Syntax { name: name.to_owned(), source: Box::new(source) })?;
        let mut theme = match file.inherits.as_deref() {
            Some(base) if base == name => return Err(unknown(name, "it inherits from itself".into())),
            Some(base) => Self::named(base)?,
            None => Self { styles: vec![Style::new(); StyleRole::ALL.len()] },
        };
        for (role, entry) in &file.roles {
            let Some(index) = StyleRole::ALL.iter().position(|known| known.name() == role) else {
                let known = StyleRole::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
                return Err(unknown(name, format!("role '{role}' does not exist; the roles are {known}")));
            };
            if let Some(style) = theme.styles.get_mut(index) {
                *style = entry.style(name, &file.palette)?;
            }
        }
        Ok(theme)
    }

    /// The style of a role.
    pub fn style(&self, role: StyleRole) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

impl RoleStyle {
    fn style(&self, theme: &str, palette: &BTreeMap<String, String>) -> Result<Style, ThemeError> {
        let mut style = Style::new();
        style.fg = self.fg.as_deref().map(|name| colour(theme, name, palette)).transpose()?;
        style.bg = self.bg.as_deref().map(|name| colour(theme, name, palette)).transpose()?;
        for (wanted, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.reverse, Modifier::REVERSED),
            (self.underline, Modifier::UNDERLINED),
        ] {
            if wanted {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }
}

/// A palette entry, a colour name, an index, or `#rrggbb`.
fn colour(theme: &str, name: &str, palette: &BTreeMap<String, String>) -> Result<Color, ThemeError> {
    let text = palette.get(name).map_or(name, String::as_str);
    text.parse()
        .map_err(|_| unknown(theme, format!("'{text}' is not a colour; use a name, a number up to 255, or #rrggbb")))
}

fn unknown(name: &str, what: String) -> ThemeError {
    ThemeError::Unknown { name: name.to_owned(), what }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(rgb: [f64; 3]) -> f64 {
        let linear = rgb.map(|c| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn rgb(colour: Option<Color>) -> [f64; 3] {
        match colour {
            Some(Color::Rgb(r, g, b)) => [r, g, b].map(|c| f64::from(c) / 255.0),
            other => panic!("{other:?} is not a 24-bit colour"),
        }
    }

    /// What a person without green cones sees (Viénot, Brettel and Mollon 1999, on linear light).
    fn deuteranopia([r, g, b]: [f64; 3]) -> [f64; 3] {
        [0.292_75 * r + 0.707_25 * g, 0.292_75 * r + 0.707_25 * g, -0.022_34 * r + 0.022_34 * g + b]
    }

    #[test]
    fn every_shipped_theme_is_read() {
        for name in Theme::shipped() {
            Theme::named(name).unwrap_or_else(|error| panic!("{error}"));
        }
        assert!(Theme::named("pink").unwrap_err().to_string().contains("ansi, dark, light, mono"));
    }

    #[test]
    fn every_role_of_truecolor_themes_is_readable() {
        for name in ["dark", "light"] {
            let theme = Theme::named(name).unwrap();
            for role in StyleRole::ALL {
                let style = theme.style(*role);
                // Overlays put their own ground under the same colours.
                for ground in [style.bg, theme.style(StyleRole::Overlay).bg, theme.style(StyleRole::Selection).bg] {
                    let contrast = contrast(rgb(style.fg), rgb(ground));
                    assert!(contrast >= 4.5, "{name}: {} has contrast {contrast:.2}", role.name());
                }
            }
        }
    }

    #[test]
    fn additions_deletions_and_changes_differ_without_green_cones() {
        for name in ["dark", "light"] {
            let theme = Theme::named(name).unwrap();
            let seen = [StyleRole::DiffAdd, StyleRole::DiffDel, StyleRole::DiffChange]
                .map(|r| deuteranopia(rgb(theme.style(r).fg)));
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                let distance: f64 = (0..3).map(|i| (seen[a][i] - seen[b][i]).powi(2)).sum::<f64>().sqrt();
                assert!(distance > 0.1, "{name}: {a} and {b} are {distance:.2} apart");
            }
        }
    }

    #[test]
    fn mono_has_no_colour_and_default_no_background() {
        let mono = Theme::named("mono").unwrap();
        assert!(StyleRole::ALL.iter().all(|role| mono.style(*role).fg.is_none() && mono.style(*role).bg.is_none()));
        let ansi = Theme::named("ansi").unwrap();
        assert!(StyleRole::ALL.iter().all(|role| ansi.style(*role).bg.is_none()));
    }

    #[test]
    fn a_wrong_theme_says_what_is_wrong() {
        for (text, wanted) in [
            ("[roles]\ntexxt = {}", "role 'texxt' does not exist"),
            ("[roles]\ntext = { fg = \"bluish\" }", "'bluish' is not a colour"),
            ("inherits = \"x\"", "it inherits from itself"),
            ("[role]", "unknown field"),
        ] {
            assert!(Theme::parse("x", text).unwrap_err().to_string().contains(wanted), "{text}");
        }
    }
}
