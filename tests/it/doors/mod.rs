//! Both doors of the house: what the command line and the wizard make of the same spec on the same host must be the same.

mod golden;
mod machines;
mod templates;
mod wizard;
