//! Claims that come too late, and listings that lag behind.

use std::sync::Arc;

use async_trait::async_trait;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::is_over;
use dreamrun::journal::run_state::Phase;
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};

use crate::world::World;

/// State whose listings lack everything.
struct Lagging(Arc<dyn StateStore>);

#[async_trait]
impl StateStore for Lagging {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.0.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        self.0.put(key, bytes, when).await
    }

    async fn list(&self, _: &str) -> Result<Vec<Key>, StateError> {
        Ok(Vec::new())
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.0.delete(key, version).await
    }
}

#[tokio::test]
async fn a_claim_that_comes_after_the_end_of_its_run_is_taken_back() {
    let world = World::one_dream().await;
    let mut late = world.begin().await;
    let mut journal = world.open(&late.run().clone()).await;
    world.record_event(&mut journal, JournalEvent::CancelAsked { by: "ada".to_owned() }).await;
    world.go(&mut journal).await.unwrap();
    assert!(journal.state().is_released);
    assert_eq!(world.go(&mut late).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((world.record().await.claim, late.state().phase.clone()), (None, Phase::Canceled));
}

#[tokio::test]
async fn a_listing_that_lags_behind_ends_no_run() {
    let world = World::one_dream().await;
    let journal = world.begin().await;
    let lagging = Lagging(Arc::clone(&world.state));
    assert!(!is_over(&lagging, journal.run()).await.unwrap());
}
