//! A plan as text: numbered calls, each with what undoes it.

use super::Plan;
use std::fmt::{self, Write as _};

impl fmt::Display for Plan {
    /// One line per step, and below it what a failure or a cancel would undo.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.steps.len().to_string().len();
        let mut text = String::new();
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(text, "{number:digits$}  {}", step.call)?;
            if let Some(undo) = &step.undo {
                writeln!(text, "{:digits$}  undo: {undo}", "")?;
            }
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{Action, Plan, Step};

    #[test]
    fn steps_are_numbered_and_show_what_undoes_them() {
        let step = |call: &str, undo: Option<&str>| Step {
            title: String::new(),
            detail: String::new(),
            call: call.into(),
            undo: undo.map(Into::into),
            by_hand: None,
            action: Action::Recheck { functions: Vec::new() },
        };
        let mut steps = vec![step("look again", None), step("make a", Some("delete a"))];
        let plan = Plan { name: "ws".into(), steps: steps.clone() };
        assert_eq!(plan.to_string(), "1  look again\n2  make a\n   undo: delete a\n");
        steps.extend((0..8).map(|_| step("go on", None)));
        let text = Plan { name: "ws".into(), steps }.to_string();
        assert!(text.starts_with(" 1  look again\n 2  make a\n    undo: delete a\n") && text.ends_with("10  go on\n"));
    }
}
