//! Cursors: opaque to callers, and good for the list and order they came from alone.

use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::extract::Query;

const PREFIX: &str = "page_";

/// A place in a list, after or before an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The list, with its order where it has several.
    #[serde(rename = "l")]
    list: String,
    /// The key of the item.
    #[serde(rename = "k")]
    pub(super) key: String,
    /// Whether the page lies before the item.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_before: bool,
}

impl Cursor {
    /// Makes the cursor of the page after an item.
    pub(super) fn after(list: &str, key: impl ToString) -> Self {
        Self { list: list.to_owned(), key: key.to_string(), is_before: false }
    }

    /// Makes the cursor of the page before an item.
    pub(super) fn before(list: &str, key: impl ToString) -> Self {
        Self { is_before: true, ..Self::after(list, key) }
    }

    /// Returns the text that callers send back.
    pub(super) fn text(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        json.iter().fold(PREFIX.to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Reads the `page` of a query.
    pub(super) fn of(query: &Query, list: &str) -> Result<Option<Self>, ApiError> {
        let Some(text) = query.one("page").filter(|text| !text.is_empty()) else { return Ok(None) };
        let invalid = Self::unknown;
        let digits =
            text.strip_prefix(PREFIX).filter(|d| d.is_ascii() && d.len() % 2 == 0).ok_or_else(invalid)?;
        let bytes: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16))
            .collect::<Result<_, _>>()
            .map_err(|_| invalid())?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        if cursor.list == list { Ok(Some(cursor)) } else { Err(invalid()) }
    }

    /// 400: the `page` of a query leads nowhere in this list.
    pub(super) fn unknown() -> ApiError {
        ApiError::invalid("page: not a cursor of this list")
    }

    /// Cuts what was asked for with one item more down to a page, and returns the text of the cursor that
    /// leads on from its last item; none at the end of the list.
    pub(super) fn cut<T>(items: &mut Vec<T>, limit: usize, of: impl FnOnce(&T) -> Self) -> Option<String> {
        if items.len() <= limit {
            return None;
        }
        items.truncate(limit);
        items.last().map(|last| of(last).text())
    }
}
