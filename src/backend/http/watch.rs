//! Waiting for a dream.

use std::time::Duration;

use super::HttpBackend;
use super::outcome::Failed;
use crate::dream::Dream;

/// How often a dream is looked at.
const POLL: Duration = Duration::from_secs(2);

impl HttpBackend {
    pub(super) async fn wait_for_change(&self, seen: &Dream) -> Result<Dream, Failed> {
        if seen.status.is_final() {
            return Ok(seen.clone());
        }
        for _ in 0..5 {
            let dream = self.look_up_dream(&seen.id).await?;
            if dream != *seen {
                return Ok(dream);
            }
            tokio::time::sleep(POLL).await;
        }
        self.look_up_dream(&seen.id).await
    }
}
