//! `vmbuild explain`: what a code means.

use super::exit::CommandFailure;
use super::out::Out;
use super::table::Table;
use super::tone::Tone;
use crate::checks::{self, Check};
use crate::spec::suggest::nearest;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

/// Explains one code, or lists all.
pub fn run(code: Option<&str>, out: &mut Out) -> Result<(), CommandFailure> {
    let Some(code) = code else { return list(out) };
    let Some(Check { code, title, explain, .. }) = checks::explain(code) else {
        let near = nearest(&code.to_ascii_uppercase(), all().map(|known| known.code));
        let remedy = near.map_or("All codes: vmbuild explain".into(), |near| format!("Did you mean {near}?"));
        return Err(CommandFailure::usage(format!("code '{code}' does not exist")).remedy(remedy));
    };
    if out.is_json() {
        return Ok(out.json(&json!({ "code": code, "title": title, "explain": explain }))?);
    }
    out.spans(&[(Tone::Strong, code), (Tone::Plain, &format!("  {title}"))])?;
    out.line("")?;
    for line in wrapped(explain, 80) {
        out.line(&line)?;
    }
    Ok(())
}

/// The document of all codes, by chapter: CHECKS.md of the sources.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Codes\n\nEvery finding and error of vmbuild has a code; `vmbuild explain CODE` prints the same as below. This file is \
         written by\n`vmbuild explain --markdown > CHECKS.md`, and a test holds it to the program.\n\n",
    );
    let chapters = checks::chapters();
    text.extend(chapters.iter().map(|(title, _)| format!("- [{title}](#{})\n", anchor(title))));
    for (title, checks) in chapters {
        text.extend(["\n## ", title, "\n\n| code | good state |\n|---|---|\n"]);
        text.extend(
            checks
                .iter()
                .map(|Check { code, title, .. }| format!("| [{code}](#{}) | {} |\n", anchor(code), escaped(title))),
        );
        text.extend(checks.iter().map(|Check { code, title, explain, .. }| {
            let paragraphs: Vec<String> = explain.lines().map(escaped).collect();
            format!("\n### {code}\n\n*{}*\n\n{}\n", escaped(title), paragraphs.join("\n\n"))
        }));
    }
    text
}

/// Where a link to a heading leads.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

/// The text with what Markdown would take for mark-up, code in backticks left alone.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let mut code = false;
    for letter in text.chars() {
        code ^= letter == '`';
        if !code && "<>*_[]|".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn all() -> impl Iterator<Item = &'static Check> {
    checks::all().chain(checks::errors())
}

fn list(out: &mut Out) -> Result<(), CommandFailure> {
    if out.is_json() {
        let codes: Vec<_> = all().map(|Check { code, title, .. }| json!({ "code": code, "title": title })).collect();
        return Ok(out.json(&json!({ "codes": codes }))?);
    }
    let mut table = Table::new(&["CODE", "WHAT IS CHECKED"]);
    for Check { code, title, .. } in all() {
        table.row([(*code).into(), (*title).into()]);
    }
    Ok(table.print(out)?)
}

/// Lines of at most `width` cells, broken at blanks; line breaks of the text stay.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.width() + 1 + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_keep_paragraphs() {
        assert_eq!(wrapped("ab cd ef\n\ngh", 5), ["ab cd", "ef", "", "gh"]);
        assert_eq!(wrapped("abcdefgh i", 3), ["abcdefgh", "i"]);
    }

    #[test]
    fn what_markdown_would_take_for_mark_up_is_escaped() {
        assert_eq!(escaped("<rom> of `a_b` and c_d"), "\\<rom\\> of `a_b` and c\\_d");
    }

    #[test]
    fn no_code_means_two_things() {
        let mut codes: Vec<_> = all().map(|check| check.code).collect();
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
    }
}
