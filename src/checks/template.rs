//! Checks of the templates that a spec is laid over.

use super::text::{Arg, text};
use super::wording::field;
use super::{Check, Notes, Subject};
use crate::spec::StackError;

pub(super) static CHECKS: &[&Check] = &[&TEMPLATE_MISSING, &TEMPLATE_INVALID, &TEMPLATE_CIRCLE];

/// A spec names a template that is not there.
pub static TEMPLATE_MISSING: Check = Check {
    code: "TEMPLATE-MISSING",
    title: "template exists",
    explain: "The spec's field `template` names a template that this user has not saved. `vmbuild template list` lists \
              the templates; `vmbuild template save NAME SPEC` saves one.",
    contract: Some(1),
    run: Some(missing),
    ..Check::VM
};

static TEMPLATE_INVALID: Check = Check {
    code: "TEMPLATE-INVALID",
    title: "template can be read",
    explain: "The spec's field `template` names a template whose file is not a spec, or cannot be opened. The message \
              names file, line and column. Correct the file, save the template again with `vmbuild template save NAME \
              SPEC --replace`, or name another template.",
    contract: Some(2),
    run: Some(invalid),
    ..Check::VM
};

static TEMPLATE_CIRCLE: Check = Check {
    code: "TEMPLATE-CIRCLE",
    title: "template chain ends within 8 templates",
    explain: "A template can be based on another one by its own field `template`. If templates name each other in a \
              circle, or a chain of them is longer than 8, the origin of a value is no longer clear, so nothing is \
              built. Remove the field `template` from one of the templates in the message.",
    contract: Some(3),
    run: Some(circle),
    ..Check::VM
};

/// The check that tells of `error`.
pub fn check_of(error: &StackError) -> &'static Check {
    match error {
        StackError::Missing { .. } | StackError::Pending(_) => &TEMPLATE_MISSING,
        StackError::Unreadable { .. } => &TEMPLATE_INVALID,
        StackError::Circle(_) | StackError::TooDeep(_) => &TEMPLATE_CIRCLE,
    }
}

fn missing(subject: &Subject, notes: &mut Notes) {
    if let Some(StackError::Pending(name)) = subject.stack_error {
        let what = text!("whether there is a template '{name}'", name);
        notes.unknown(field("template"), &what, "the templates have not been read yet");
    } else {
        judge(&TEMPLATE_MISSING, subject, notes);
    }
}

fn invalid(subject: &Subject, notes: &mut Notes) {
    judge(&TEMPLATE_INVALID, subject, notes);
}

fn circle(subject: &Subject, notes: &mut Notes) {
    judge(&TEMPLATE_CIRCLE, subject, notes);
}

/// What the check `own` has to say of a spec that names a template.
fn judge(own: &Check, subject: &Subject, notes: &mut Notes) {
    match subject.stack_error {
        Some(StackError::Pending(_)) => {}
        Some(error) if check_of(error) == own => {
            let (message, remedy) = (Arg::shown(error), error.remedy());
            notes.blocker(field("template"), text!("{message}", message), text!("{remedy}", remedy));
        }
        _ if subject.spec.template.is_some() => notes.looked(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::fixture::{Asked, Said};
    use crate::spec::StackError;
    use serde_json::json;

    fn with(error: StackError) -> Asked {
        Asked::set("template", json!("web")).lacking_template(error)
    }

    #[test]
    fn a_template_that_is_not_there_is_named_with_those_that_are() {
        let missing = StackError::Missing { name: "web".into(), named_by: None, known: vec!["wep".into()] };
        let Said { remedy, .. } = with(missing.clone()).said("TEMPLATE-MISSING").blocker();
        assert_eq!(remedy, "did you mean 'wep'?");
        with(missing).blocks("TEMPLATE-MISSING", "template", "template 'web' not found").passes("TEMPLATE-CIRCLE");
        Asked::set("template", json!("web")).passes("TEMPLATE-MISSING");
        Asked::good().quiet("TEMPLATE-MISSING");
    }

    #[test]
    fn nothing_is_said_of_templates_before_they_were_read() {
        let pending = with(StackError::Pending("web".into()));
        pending.unknown("TEMPLATE-MISSING").quiet("TEMPLATE-INVALID").quiet("TEMPLATE-CIRCLE");
    }

    #[test]
    fn a_file_that_is_no_spec_and_a_chain_without_end_block() {
        let unreadable = StackError::Unreadable { name: "web".into(), why: "web.json:1:2: no".into() };
        let message = "template 'web' cannot be read: web.json:1:2: no";
        with(unreadable).blocks("TEMPLATE-INVALID", "template", message);
        for error in [StackError::Circle(vec!["a".into(), "a".into()]), StackError::TooDeep(vec!["a".into()])] {
            let message = error.to_string();
            with(error).blocks("TEMPLATE-CIRCLE", "template", &message).passes("TEMPLATE-MISSING");
        }
    }
}
