//! Lists, page by page.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::outcome::Failed;
use super::request::{Api, Call};
use crate::backend::wire::Page;

/// The most pages of one list. A list this long is not one we were meant to read.
const PAGES: usize = 20_000;

/// Where a list goes on.
pub(super) struct Pages {
    first: Call,
    next: Option<String>,
    seen: BTreeSet<String>,
    is_begun: bool,
}

impl Pages {
    /// Begins with the first page.
    pub(super) fn of(first: Call) -> Self {
        Self { first, next: None, seen: BTreeSet::new(), is_begun: false }
    }

    /// Says whether there is another page.
    pub(super) fn goes_on(&self) -> bool {
        !self.is_begun || self.next.is_some()
    }

    /// Reads the next page, if there is one.
    ///
    /// # Errors
    ///
    /// Refuses a cursor that was met before: such a list never ends.
    pub(super) async fn next<T: DeserializeOwned>(&mut self, api: &Api) -> Result<Option<Vec<T>>, Failed> {
        if !self.goes_on() {
            return Ok(None);
        }
        let call = match &self.next {
            None => self.first.clone(),
            Some(cursor) => self.first.clone().with("page", cursor),
        };
        let page: Page<T> = api.ask(&call).await?;
        self.is_begun = true;
        self.next = page.next_page.filter(|cursor| !cursor.is_empty());
        if let Some(cursor) = &self.next
            && (!self.seen.insert(cursor.clone()) || self.seen.len() > PAGES)
        {
            return Err(Failed::unusable("the list goes in a circle: a page's cursor came again"));
        }
        Ok(Some(page.data))
    }
}

/// Reads a whole list.
pub(super) async fn all<T: DeserializeOwned>(api: &Api, first: Call) -> Result<Vec<T>, Failed> {
    let mut pages = Pages::of(first);
    let mut items = Vec::new();
    while let Some(page) = pages.next(api).await? {
        items.extend(page);
    }
    Ok(items)
}
