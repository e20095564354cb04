//! Our own files: config, presets, templates, drafts. Found through the XDG folders, written whole or not at all, and
//! readable by the user alone. Knows nothing of hosts and screens.

pub mod config;
pub mod drafts;
pub mod error;
pub(crate) mod file;
pub mod folders;
pub mod presets;
pub mod shelf;
pub mod templates;

pub use config::{Color, Config, NamedHost};
pub use drafts::{Drafts, OfferedDraft};
pub use error::{StoreError, StoredKind};
pub use folders::Folders;
pub use presets::presets;
pub use shelf::{Owner, Shelf, ShelfEntry};
pub use templates::Templates;
