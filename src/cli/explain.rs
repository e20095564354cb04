//! `vmbuild explain`: what a code means.

use super::exit::Failure;
use super::out::{Out, Tone};
use super::table::Table;
use crate::checks;
use crate::spec::suggest::nearest;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

/// Codes of errors that no check stands behind: code, title, explanation.
const ERRORS: [(&str, &str, &str); 8] = [
    (
        "SPEC-INVALID",
        "the spec can be read",
        "The text is no JSON, or has fields, types or words that no spec has. Every problem is printed with its line and \
         column. `vmbuild schema` prints what a spec may hold, for editors that check while you type.",
    ),
    (
        "XML-INVALID",
        "the domain XML can be written",
        "A value of the spec cannot be part of an XML document, or custom_xml is not well-formed. The message names the \
         field and, for custom_xml, row and column.",
    ),
    (
        "LIBVIRT-MISSING",
        "the libvirt client library is installed",
        "vmbuild opens libvirt's library when it first needs it and did not find it. Install it (Debian and Ubuntu: \
         libvirt0; Fedora: libvirt-libs; Arch: libvirt; openSUSE: libvirt-libs), or look around with `vmbuild --demo`.",
    ),
    (
        "LIBVIRT-NOT-RUNNING",
        "libvirt's daemon answers",
        "Nothing listens at the daemon's socket. Start libvirtd, or virtqemud where libvirt is split into several \
         daemons, or name another host with --connect.",
    ),
    (
        "LIBVIRT-DENIED",
        "libvirt lets this user in",
        "The daemon's socket refuses this user. Members of the group libvirt may use qemu:///system on most systems; the \
         membership counts from the next login on.",
    ),
    (
        "BUILD-FAILED",
        "every step of the build works",
        "A step of the build failed, and what the build had made was undone: only that, newest first. What could not be \
         undone is printed with the reason and the command that removes it by hand, and the exit code is 6 instead of 5. \
         The error and libvirt's own words tell what failed.",
    ),
    (
        "BUILD-UNVERIFIED",
        "the VM came up as it must",
        "The VM was made and started, and the look after its start found something that is not as it must be: a passed \
         device that is not on vfio-pci, a VM that ended or stands still, or an error of QEMU or the kernel. Nothing is \
         undone, so that the cause can be found; what there is is printed with the commands that remove it, and the exit \
         code is 6.",
    ),
    (
        "BUILD-CANCELLED",
        "the build was not cancelled",
        "The user, or a signal, ended the build before it was done. What it had made was undone: the host is as it was.",
    ),
];

/// Explains one code, or lists all.
pub fn run(code: Option<&str>, out: &mut Out) -> Result<(), Failure> {
    let Some(code) = code else { return list(out) };
    let Some((code, title, text)) = all().find(|(known, ..)| known.eq_ignore_ascii_case(code)) else {
        let near = nearest(&code.to_ascii_uppercase(), all().map(|(known, ..)| known));
        let remedy = near.map_or("All codes: vmbuild explain".into(), |near| format!("Did you mean {near}?"));
        return Err(Failure::usage(format!("there is no code '{code}'")).remedy(remedy));
    };
    if out.is_json() {
        return Ok(out.json(&json!({ "code": code, "title": title, "explain": text }))?);
    }
    out.spans(&[(Tone::Strong, code), (Tone::Plain, &format!("  {title}"))])?;
    out.line("")?;
    for line in wrapped(&text, 80) {
        out.line(&line)?;
    }
    Ok(())
}

/// The document of all codes: CHECKS.md of the sources.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Codes\n\nEvery finding and error of vmbuild has a code; `vmbuild explain CODE` prints the same as below. This file is \
         written by\n`vmbuild explain --markdown > CHECKS.md`, and a test holds it to the program.\n\n\
         | code | what is checked |\n|---|---|\n",
    );
    let all: Vec<_> = all().collect();
    let row = |(code, title, _): &(&str, &str, String)| {
        format!("| [{code}](#{}) | {} |\n", code.to_ascii_lowercase(), escaped(title))
    };
    let chapter = |(code, title, explain): &(&str, &str, String)| {
        let paragraphs: Vec<String> = explain.lines().map(escaped).collect();
        format!("\n## {code}\n\n*{}*\n\n{}\n", escaped(title), paragraphs.join("\n\n"))
    };
    text.extend(all.iter().map(row));
    text.extend(all.iter().map(chapter));
    text
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

fn all() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    let errors = ERRORS.map(|(code, title, explain)| (code, title, explain.to_owned()));
    let checks = checks::all().map(|check| (check.code, check.title, check.explain.to_owned()));
    checks.chain(checks::failure::unforeseen()).chain(errors)
}

fn list(out: &mut Out) -> Result<(), Failure> {
    if out.is_json() {
        let codes: Vec<_> = all().map(|(code, title, _)| json!({ "code": code, "title": title })).collect();
        return Ok(out.json(&json!({ "codes": codes }))?);
    }
    let mut table = Table::new(&["CODE", "WHAT IS CHECKED"]);
    for (code, title, _) in all() {
        table.row([code.into(), title.into()]);
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
        let mut codes: Vec<_> = all().map(|(code, ..)| code).collect();
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
    }
}
