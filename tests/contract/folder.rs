//! A folder as a place of state.

use std::sync::Arc;

use dreamrun::state::StateStore;
use dreamrun::state::folder::FolderState;

use crate::state::Place;

pub(crate) struct FolderPlace(tempfile::TempDir);

impl Place for FolderPlace {
    const UPDATES: usize = 25;
    const ROUNDS: usize = 5;

    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(FolderState::open(&self.0.path().join("state")).await.unwrap())
    }
}
