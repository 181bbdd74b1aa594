//! Lists whose items are numbered as they arrive, newest first.

use crate::backend::local::LocalError;
use crate::backend::local::recorded::{Bounds, ShelfFilter};
use crate::backend::wire::Page;

use super::error::ApiError;
use super::extract::Query;
use super::page::Cursor;

/// Answers one page of such a list. `find` is given the number to stay below and how many to return.
pub(super) fn page<T>(
    query: &Query,
    list: &str,
    limits: (usize, usize),
    find: impl FnOnce(Option<i64>, usize) -> Result<Vec<(i64, T)>, LocalError>,
) -> Result<Page<T>, ApiError> {
    let limit = query.limit(limits.0, limits.1)?;
    let before = match Cursor::of(query, list)? {
        None => None,
        Some(cursor) => {
            Some(cursor.key.parse().map_err(|_| ApiError::invalid("page: not a cursor of this list"))?)
        }
    };
    let mut found = find(before, limit + 1)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_page = found.last().filter(|_| has_more).map(|(number, _)| Cursor::after(list, number).text());
    Ok(Page { data: found.into_iter().map(|(_, item)| item).collect(), next_page })
}

/// Reads the four bounds on a time.
pub(super) fn bounds(query: &Query, name: &str) -> Result<Bounds, ApiError> {
    let one = |bound: &str| query.time(&format!("{name}[{bound}]"));
    Ok(Bounds { gt: one("gt")?, gte: one("gte")?, lt: one("lt")?, lte: one("lte")? })
}

/// Reads what most lists can be filtered by.
pub(super) fn filter(query: &Query) -> Result<ShelfFilter, ApiError> {
    Ok(ShelfFilter::of(bounds(query, "created_at")?, query.flag("include_archived")?))
}
