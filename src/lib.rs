//! vmbuild builds virtual machines by hand, GPU passthrough workstations above all.
//!
//! Folders are layers. A layer may import only what stands above it in this list:
//!
//! | layer | owns |
//! |---|---|
//! | [`units`] | sizes, PCI addresses, MAC addresses, names: parsing and printing |
//! | [`spec`] | what the user asks for: the JSON spec, templates, path rules |
//! | [`facts`] | what the host has, as plain serialisable data |
//! | [`machine`] | spec and facts in, the machine with every default chosen and every path resolved out |
//! | [`domain`] | machine in, libvirt domain XML out |
//! | [`engine`] | what an engine can express, writes and does: the steps of a build and the undo of each; libvirt first |
//! | [`checks`] | spec, facts, machine and what `custom_xml` makes of the domain in, findings out |
//! | [`plan`] | the steps of a build with their undo; its events, and what they say is there to undo |
//! | [`case`] | the one use case: layers, facts and what is permitted in, the judged VM and what else has to be asked out |
//! | [`host`] | the machine: libvirt connections, sysfs and procfs; facts come out, steps go in |
//! | [`store`] | our own files: config, presets, templates, drafts |
//! | [`journal`] | the journal of each build, written before and after each of its acts |
//! | [`build`] | runs a plan on a host |
//! | [`app`] | the wizard's state and its pure `update` |
//! | [`ui`] | pure drawing of the state |
//! | [`run`] | the event loop, the terminal, signals |
//! | [`cli`] | the headless commands |
//!
//! `units` to `case` do no I/O, read no clock, start no thread. `tests/layers` holds these rules.

pub mod units;

pub mod spec;

pub mod facts;

pub mod machine;

pub mod domain;

pub mod engine;

pub mod checks;

pub mod plan;

pub mod case;

pub mod host;

pub mod store;

pub mod journal;

pub mod build;

pub mod app;

pub mod ui;

pub mod run;

pub mod cli;
