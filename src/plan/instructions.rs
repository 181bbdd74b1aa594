//! Instructions: rendered per batch, strictly, and kept out of state by their type.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::ContentHash;

/// Rendered instructions.
///
/// Written down, they are only their hash and length; read back, the text is gone and has to be
/// rendered again. That is what keeps instructions out of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instructions {
    /// The hash of the text.
    pub sha256: ContentHash,
    /// Its length in characters.
    pub chars: u64,
    #[serde(skip)]
    text: Option<String>,
}

impl Instructions {
    /// Takes a rendered text.
    pub fn new(text: String) -> Self {
        Self { sha256: ContentHash::of(&text), chars: text.chars().count() as u64, text: Some(text) }
    }

    /// Returns the text, unless this came out of state.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}
