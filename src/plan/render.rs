//! A plan as text: numbered calls, each with what undoes it.

use super::Plan;
use std::fmt::{self, Write as _};

impl fmt::Display for Plan {
    /// One line per step, and below it what a failure or a cancel would undo.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.steps.len().to_string().len();
        let mut text = String::new();
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(text, "{number:digits$}  {}", step.terms)?;
            if let Some(undo) = self.undo(step) {
                writeln!(text, "{:digits$}  undo: {}", "", undo.words)?;
            }
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::libvirt::LibvirtCall;
    use crate::engine::{Call as AnyCall, Common, Step};
    use crate::plan::Plan;

    #[test]
    fn steps_are_numbered_and_show_what_undoes_them() {
        let step = |terms: &str, call: AnyCall| Step { terms: terms.into(), ..Step::new("", "", call) };
        let recheck = AnyCall::Any(Common::Recheck { functions: Vec::new(), files: Vec::new() });
        let volume = LibvirtCall::WriteSeed { pool: "p".into(), volume: "a".into() };
        let mut steps = vec![step("look again", recheck), step("make a", volume.into())];
        let plan = Plan { name: "ws".into(), steps: steps.clone(), ..Plan::default() };
        assert_eq!(plan.to_string(), "1  look again\n2  make a\n   undo: delete volume p/a\n");
        steps.extend((0..8).map(|_| step("go on", LibvirtCall::SetAutostart.into())));
        let text = Plan { name: "ws".into(), steps, ..Plan::default() }.to_string();
        assert!(text.starts_with(" 1  look again\n 2  make a\n    undo: delete volume p/a\n"), "{text}");
        assert!(text.ends_with("10  go on\n"), "{text}");
    }
}
