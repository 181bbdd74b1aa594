//! Tables of resources that are kept whole: a body under an id, in the order of arrival.

use jiff::Timestamp;
use rusqlite::types::Value as Column;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backend::Refusal;
use crate::backend::local::database::{as_column, parsed};
use crate::backend::local::error::Failure;

use super::{Bounds, written};

/// One such table.
pub(super) struct Shelf {
    table: &'static str,
    /// What is kept there, as people call it.
    what: &'static str,
    has_archive: bool,
}

pub(super) const AGENTS: Shelf = Shelf { table: "agents", what: "agent", has_archive: true };
pub(super) const ENVIRONMENTS: Shelf =
    Shelf { table: "environments", what: "environment", has_archive: true };
pub(super) const DEPLOYMENTS: Shelf = Shelf { table: "deployments", what: "deployment", has_archive: true };
pub(super) const RUNS: Shelf = Shelf { table: "deployment_runs", what: "deployment run", has_archive: false };

/// Which resources a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShelfFilter {
    /// By the time they were made.
    created: Bounds,
    /// Archived ones too.
    with_archived: bool,
    /// Those with these values in these columns.
    pub(super) equal: Vec<(&'static str, Column)>,
}

impl ShelfFilter {
    /// Shows those made within bounds.
    pub(crate) fn of(created: Bounds, with_archived: bool) -> Self {
        Self { created, with_archived, equal: Vec::new() }
    }
}

impl Shelf {
    /// Returns a resource, or refuses as the API does for one that is not there.
    pub(super) fn find<T: DeserializeOwned>(&self, db: &Connection, id: &str) -> Result<T, Failure> {
        db.prepare_cached(&format!("SELECT body FROM {} WHERE id = ?1", self.table))?
            .query_row([id], |row| parsed(row, 0, |text| serde_json::from_str(&text)))
            .optional()?
            .ok_or_else(|| Failure::refused(Refusal::NotFound, format!("there is no {} `{id}`", self.what)))
    }

    /// Says whether a resource is there.
    pub(super) fn has(&self, db: &Connection, id: &str) -> Result<bool, Failure> {
        Ok(db.prepare_cached(&format!("SELECT 1 FROM {} WHERE id = ?1", self.table))?.exists([id])?)
    }

    /// Adds a resource, with the columns that only this table has.
    pub(super) fn insert(
        &self,
        db: &Connection,
        id: &str,
        created_at: Timestamp,
        body: &impl Serialize,
        more: &[(&str, Column)],
    ) -> Result<(), Failure> {
        let columns: String = more.iter().map(|(name, _)| format!(", {name}")).collect();
        let marks = ", ?".repeat(more.len());
        let sql =
            format!("INSERT INTO {} (id, created_at, body{columns}) VALUES (?, ?, ?{marks})", self.table);
        let mut values: Vec<Column> =
            vec![id.to_owned().into(), created_at.as_microsecond().into(), written(body)?.into()];
        values.extend(more.iter().map(|(_, value)| value.clone()));
        db.prepare_cached(&sql)?.execute(params_from_iter(values))?;
        Ok(())
    }

    /// Writes back a resource that has changed.
    pub(super) fn save(
        &self,
        db: &Connection,
        id: &str,
        archived_at: Option<Timestamp>,
        body: &impl Serialize,
    ) -> Result<(), Failure> {
        let sql = format!("UPDATE {} SET body = ?2, archived_at = ?3 WHERE id = ?1", self.table);
        db.prepare_cached(&sql)?.execute(params![
            id,
            written(body)?,
            archived_at.map(Timestamp::as_microsecond)
        ])?;
        Ok(())
    }

    /// Takes a resource away.
    pub(super) fn remove(&self, db: &Connection, id: &str) -> Result<(), Failure> {
        db.prepare_cached(&format!("DELETE FROM {} WHERE id = ?1", self.table))?.execute([id])?;
        Ok(())
    }

    /// Returns a stretch of the resources with their numbers, newest first, older than the one of a number.
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        db: &Connection,
        filter: &ShelfFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<(i64, T)>, Failure> {
        let mut sql = format!("SELECT seq, body FROM {} WHERE true", self.table);
        let mut values: Vec<Column> = Vec::new();
        filter.created.restrict("created_at", &mut sql, &mut values);
        if self.has_archive && !filter.with_archived {
            sql += " AND archived_at IS NULL";
        }
        for (column, value) in &filter.equal {
            sql += &format!(" AND {column} = ?");
            values.push(value.clone());
        }
        if let Some(before) = before {
            sql += " AND seq < ?";
            values.push(before.into());
        }
        sql += " ORDER BY seq DESC LIMIT ?";
        values.push(as_column(limit).into());
        let mut select = db.prepare_cached(&sql)?;
        let rows = select.query_map(params_from_iter(values), |row| {
            Ok((row.get(0)?, parsed(row, 1, |text| serde_json::from_str(&text))?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
