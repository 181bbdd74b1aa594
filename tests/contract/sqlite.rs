//! A SQLite file as a place of state.

use std::sync::Arc;

use dreamrun::state::StateStore;
use dreamrun::state::sqlite::SqliteState;

use crate::state::Place;

pub(crate) struct SqlitePlace(tempfile::TempDir);

impl Place for SqlitePlace {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(SqliteState::open(&self.0.path().join("state.db")).unwrap())
    }
}
