//! Pieces that several screens are made of.

pub(super) mod form;
pub(super) mod input;
pub(super) mod table;
pub(super) mod xml;
