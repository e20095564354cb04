//! `vmbuild schema`: the JSON Schema of the spec.

use super::out::Out;
use crate::spec::schema::schema;
use std::io;

/// Prints it. There is no human form: a schema is JSON.
pub fn run(out: &mut Out) -> io::Result<()> {
    out.json(&schema())
}
