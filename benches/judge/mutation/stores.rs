//! The stores that edits are made in.

use super::pieces::{Files, Piece, pieces};

/// One store, read once.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// What it is called in lists of errors.
    pub(crate) name: String,
    /// Its texts.
    pub(crate) files: Files,
    /// Its lines and sentences.
    pub(crate) pieces: Vec<Piece>,
}

impl Base {
    /// Reads a store.
    pub(crate) fn new(name: impl Into<String>, files: Files) -> Self {
        let pieces = pieces(&files);
        Self { name: name.into(), files, pieces }
    }
}

/// A store as a team's agents could have written it; every name in it is made up.
pub(crate) fn built_in() -> Base {
    let texts = [
        ("/people.md", include_str!("store/people.md")),
        ("/operations.md", include_str!("store/operations.md")),
        ("/preferences.md", include_str!("store/preferences.md")),
        ("/architecture.md", include_str!("store/architecture.md")),
        ("/notes/incidents.md", include_str!("store/incidents.md")),
        ("/notes/customers.md", include_str!("store/customers.md")),
        ("/notes/services.md", include_str!("store/services.md")),
        ("/notes/travel.md", include_str!("store/travel.md")),
    ];
    Base::new("built-in", texts.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect())
}
