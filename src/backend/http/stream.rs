//! A session's stream of events: bounded in how long it may be silent and in how large an event may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use sse_stream::SseByteStream;

use super::HttpBackend;
use super::outcome::Failed;
use super::page;
use super::request::{Call, Family};
use crate::backend::wire::Object;
use jiff::Timestamp;

/// The most bytes of one event, with what surrounds it.
const EVENT: usize = 8 << 20;
/// The most events of a page; what the official SDKs ask for.
const EVENTS: usize = 1_000;

/// Events as they happen. Ends when the server or the network ends it.
pub(super) type Events = std::pin::Pin<Box<dyn Stream<Item = Result<Object, StreamLost>> + Send + Sync>>;

/// A stream that cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamLost {
    #[error("nothing came for {} seconds", .0.as_secs())]
    Silent(Duration),
    #[error("an event is too large")]
    TooLarge,
    #[error("it broke off")]
    BrokeOff,
    #[error("it does not hold events")]
    Malformed,
}

impl HttpBackend {
    /// Opens the stream of a session. Only what happens from now on is in it.
    pub(super) async fn open_events(&self, session: &str) -> Result<Events, Failed> {
        let call = Call::get(Family::Agents, &["sessions", session, "events", "stream"]);
        let response = self.api.open(&call).await?;
        let silence = self.timeouts.silence;
        let pending = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pending);
        let bytes = stream::try_unfold(response, move |mut response| {
            let count = Arc::clone(&count);
            async move {
                match tokio::time::timeout(silence, response.chunk()).await {
                    Err(_) => Err(StreamLost::Silent(silence)),
                    Ok(Err(_)) => Err(StreamLost::BrokeOff),
                    Ok(Ok(None)) => Ok(None),
                    Ok(Ok(Some(chunk))) => {
                        // Comments keep a stream alive and belong to no event, so some are forgiven.
                        if count.fetch_add(chunk.len(), Ordering::Relaxed) > EVENT {
                            return Err(StreamLost::TooLarge);
                        }
                        Ok(Some((chunk, response)))
                    }
                }
            }
        });
        let events = SseByteStream::new(Box::pin(bytes)).filter_map(move |block| {
            pending.store(0, Ordering::Relaxed);
            std::future::ready(match block {
                Ok(block) => block.data.as_deref().and_then(|data| serde_json::from_str(data).ok()).map(Ok),
                Err(sse_stream::Error::Body(_)) => Some(Err(StreamLost::BrokeOff)),
                Err(_) => Some(Err(StreamLost::Malformed)),
            })
        });
        Ok(Box::pin(events))
    }

    /// Lists the events of a session so far, or those from an instant on.
    pub(super) async fn past_events(
        &self,
        session: &str,
        from: Option<Timestamp>,
    ) -> Result<Vec<Object>, Failed> {
        let mut call =
            Call::list(Family::Agents, &["sessions", session, "events"], EVENTS).with("order", "asc");
        if let Some(from) = from {
            call = call.with("created_at[gte]", from.to_string());
        }
        page::all(&self.api, call).await
    }
}
