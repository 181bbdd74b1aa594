//! The Managed Agents HTTP API over the embedded backend.
//!
//! One file per resource, each with its `routes()`; what they share is here: the router, keys and betas in
//! front of it, errors, bodies, queries and cursors. It keeps nothing of its own: what it has acknowledged
//! is in the backend's database.

mod dreams;
mod error;
mod extract;
mod page;

use std::sync::Arc;

use axum::Router;

use crate::backend::local::LocalBackend;
use crate::clock::Clock;

pub use error::ApiError;

/// What every request can use.
#[derive(Clone)]
pub(crate) struct Service {
    /// Where everything lives.
    pub(crate) local: Arc<LocalBackend>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The mind that carries out every dream, whatever model it was asked of.
    pub(crate) mind: Arc<str>,
}

/// Puts the resources together.
fn router(service: Service) -> Router {
    Router::new().with_state(service)
}
