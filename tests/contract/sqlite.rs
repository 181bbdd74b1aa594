//! A SQLite file as a place of state.

use std::sync::Arc;

use dreamrun::state::StateStore;
use dreamrun::state::sqlite::SqliteState;

use crate::state::Place;

pub(crate) struct SqlitePlace(tempfile::TempDir);

impl Place for SqlitePlace {
    const UPDATES: usize = 25;
    const ROUNDS: usize = 5;

    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(SqliteState::open(&self.0.path().join("state.db")).unwrap())
    }
}
