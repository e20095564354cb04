//! What becomes of each field of the spec in an engine, as a table.

use crate::spec::field;

/// The table of an engine: a row for each field of the spec, by its path with `[]` for a row of a list.
#[derive(Debug)]
pub enum Coverage {
    /// By field. A row that does not carry a group holds for all within.
    Fields(&'static [(&'static str, Support)]),
    /// The same for an engine of the domain XML: a field that names its part of it in the table of fields is carried; those
    /// that act in another way have rows.
    DomainXml(&'static [(&'static str, Support)]),
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It is expressed in the engine's own terms.
    Carried,
    /// It is expressed as raw text of the engine alone: why.
    Raw(&'static str),
    /// The engine has no such thing: what is lost, and what can be done. Nothing is rendered for use until that is accepted.
    Lost(&'static str),
    /// The engine cannot do it at all: why.
    Refused(&'static str),
}

impl Coverage {
    /// What becomes of the field at `path`; `None` where no row says it.
    pub fn support(&self, path: &str) -> Option<Support> {
        if matches!(self, Self::DomainXml(_)) && field::named(path).is_some_and(|field| !field.xml.is_empty()) {
            return Some(Support::Carried);
        }
        let own = self.rows().find(|(field, _)| *field == path).map(|(_, support)| support);
        own.or_else(|| {
            let group = |field: &str| path.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '[']));
            self.exceptions().find(|(field, _)| group(field)).map(|(_, support)| support)
        })
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, Support)> {
        let (Self::Fields(rows) | Self::DomainXml(rows)) = self;
        rows.iter().copied()
    }

    /// The rows that are not simply carried.
    pub fn exceptions(&self) -> impl Iterator<Item = (&'static str, Support)> {
        self.rows().filter(|(_, support)| *support != Support::Carried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ROWS: Coverage = Coverage::Fields(&[
        ("cpu.mode", Support::Carried),
        ("cpu", Support::Carried),
        ("smbios", Support::Lost("none")),
    ]);

    #[test]
    fn a_group_that_is_lost_is_lost_with_all_in_it_and_one_that_is_carried_says_nothing_of_the_rest() {
        assert_eq!(ROWS.support("cpu.mode"), Some(Support::Carried));
        assert_eq!(ROWS.support("cpu.model"), None);
        assert_eq!(ROWS.support("smbios.serial"), Some(Support::Lost("none")));
        assert_eq!(ROWS.support("smbioses"), None);
    }

    #[test]
    fn an_engine_of_the_domain_xml_carries_what_names_its_part_and_nothing_else_without_a_row() {
        let coverage = Coverage::DomainXml(&[("autostart", Support::Carried)]);
        assert_eq!(coverage.support("memory"), Some(Support::Carried));
        assert_eq!(coverage.support("autostart"), Some(Support::Carried));
        assert_eq!(coverage.support("cloud_init.user"), None);
    }
}
