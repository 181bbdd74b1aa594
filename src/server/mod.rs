//! The Managed Agents HTTP API over the embedded backend.
//!
//! One file per resource, each with its `routes()`; what they share is here: the router, keys and betas in
//! front of it, errors, bodies, queries and cursors. It keeps nothing of its own: what it has acknowledged
//! is in the backend's database.
//!
//! ```text
//! envelope (id, headers, trace) ─▶ faults ─▶ gate (key, version, betas, size) ─▶ resource ─▶ backend
//! ```

mod agents;
mod deployments;
mod dreams;
mod environments;
mod envelope;
mod error;
mod events;
mod extract;
mod faults;
mod gate;
mod keys;
mod line;
mod listing;
mod memories;
mod models;
mod page;
mod sessions;
mod stores;
mod versions;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::backend::local::{LocalBackend, LocalError, Serving};
use crate::price::PriceTable;

use envelope::Envelope;
use faults::Misbehaviour;
use gate::{BODY_LIMIT, Gate};
use line::{Line, Lines};

pub use error::ApiError;
pub use faults::{FaultError, Faults, GRAMMAR as FAULT_GRAMMAR, Latency};
pub use keys::{EmptyKey, Keys};

/// How soon a dream that could not be started is tried again.
const CATCH_UP: Duration = Duration::from_secs(1);

/// What a server is started with.
pub struct Options {
    /// Where everything lives.
    pub local: Arc<LocalBackend>,
    /// The mind that carries out every dream, whatever model it was asked of.
    pub mind: Arc<str>,
    /// How dreams are carried out.
    pub serving: Serving,
    /// The models a dream may be asked of.
    pub dream_models: Vec<String>,
    /// Who may ask.
    pub keys: Keys,
    /// The organisation the keys belong to.
    pub organization: Arc<str>,
    /// The workspace the keys act in.
    pub workspace: Arc<str>,
    /// Whether requests that open no beta are served all the same.
    pub accepts_without_beta: bool,
    /// Whether the keys have access to dreams.
    pub has_preview: bool,
    /// Whether callers may record what an agent did: its messages, its tool uses, its status.
    pub is_recording: bool,
    /// How it misbehaves.
    pub faults: Faults,
    /// How long requests may take to finish once the server is asked to stop.
    pub drain: Duration,
}

impl Options {
    /// Serves a backend as the API would, to whoever has one of the keys.
    pub fn new(local: Arc<LocalBackend>, keys: Keys) -> Self {
        Self {
            local,
            mind: "offline".into(),
            serving: Serving::default(),
            dream_models: dream_models(),
            keys,
            organization: "org_01local".into(),
            workspace: "wrkspc_01local".into(),
            accepts_without_beta: false,
            has_preview: true,
            is_recording: false,
            faults: Faults::default(),
            drain: Duration::from_secs(10),
        }
    }
}

/// Why a server ended, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody could get in.
    #[error("no key is configured")]
    NoKey,
    /// A name does not fit into a header.
    #[error("{what} `{name}` is not printable ASCII")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The backend failed before anybody was served.
    #[error("could not go on with unfinished dreams")]
    Backend(#[from] LocalError),
    /// The listener failed.
    #[error("could not go on listening")]
    Listener(#[source] io::Error),
}

/// What every request can use.
#[derive(Clone)]
pub(crate) struct Service {
    /// Where everything lives.
    pub(crate) local: Arc<LocalBackend>,
    /// The mind that carries out every dream, whatever model it was asked of.
    pub(crate) mind: Arc<str>,
    /// The models a dream may be asked of.
    pub(crate) dream_models: Arc<[String]>,
    /// Whether callers may record what an agent did.
    pub(crate) is_recording: bool,
    /// Turns true when the server is to stop.
    closing: watch::Receiver<bool>,
}

impl Service {
    /// Ends when the server is to stop. Whatever would stay open beyond one answer ends with it.
    pub(crate) fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closing = self.closing.clone();
        async move {
            // A sender that is gone stops the server as well.
            let _ = closing.wait_for(|is_closing| *is_closing).await;
        }
    }
}

/// Puts the resources together. Each file adds its `routes()` here.
fn router(service: Service) -> Router {
    Router::new()
        .merge(agents::routes())
        .merge(deployments::routes())
        .merge(dreams::routes())
        .merge(environments::routes())
        .merge(events::routes())
        .merge(models::routes())
        .merge(sessions::routes())
        .merge(stores::routes())
        .merge(memories::routes())
        .merge(versions::routes())
        .fallback(|| async { ApiError::nowhere() })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "method not allowed")
        })
        .with_state(service)
}

/// Serves until `shutdown` ends; then takes no more connections, ends open streams, and gives requests that
/// are being answered time to finish.
///
/// # Errors
///
/// Fails without serving anybody if no key is configured or a name does not fit into a header.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let Options { local, mind, mut serving, keys, organization, workspace, .. } = options;
    if keys.is_empty() {
        return Err(ServeError::NoKey);
    }
    let envelope = Envelope {
        organization: header_value("organisation", &organization)?,
        workspace: header_value("workspace", &workspace)?,
    };
    let gate = Gate {
        keys,
        workspace,
        accepts_without_beta: options.accepts_without_beta,
        has_preview: options.has_preview,
    };
    if let Some(fault) = options.faults.of_dreams() {
        serving.fault = Arc::new(fault);
    }
    local.serve_dreams(serving)?;
    let catcher = tokio::spawn(catch_up(Arc::clone(&local)));
    let (close, closing) = watch::channel(false);
    let dream_models = options.dream_models.into();
    let is_recording = options.is_recording;
    let service = Service { local, mind, dream_models, is_recording, closing };
    let mut router = router(service.clone())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(Arc::new(gate), gate::check));
    if !options.faults.is_empty() {
        let misbehaviour = Misbehaviour { faults: options.faults, service: service.clone() };
        router = router.layer(from_fn_with_state(Arc::new(misbehaviour), faults::misbehave));
    }
    let router = router.layer(from_fn_with_state(Arc::new(envelope), envelope::wrap));

    let serving = axum::serve(Lines(listener), router.into_make_service_with_connect_info::<Line>())
        .with_graceful_shutdown(service.closing());
    let late = async {
        service.closing().await;
        sleep(options.drain).await;
    };
    let stopper = tokio::spawn(async move {
        shutdown.await;
        // Whoever is gone needs no telling.
        let _ = close.send(true);
    });
    let ended = tokio::select! {
        ended = serving => ended.map_err(ServeError::Listener),
        () = late => {
            tracing::warn!("some requests were cut off");
            Ok(())
        }
    };
    stopper.abort();
    catcher.abort();
    // Only then has it let go of the backend.
    let _ = catcher.await;
    ended
}

/// Goes on with dreams that could not be started when they were asked for.
async fn catch_up(local: Arc<LocalBackend>) {
    let mut ticks = interval(CATCH_UP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        local.catch_up();
    }
}

/// Returns the models a dream may be asked of, unless a server is told otherwise: those documented for
/// dreams, those whose price is known, and the mind that calls none.
fn dream_models() -> Vec<String> {
    const DOCUMENTED: [&str; 6] = [
        "claude-opus-5",
        "claude-fable-5",
        "claude-opus-4-8",
        "claude-opus-4-7",
        "claude-sonnet-5",
        "claude-sonnet-4-6",
    ];
    let mut models: Vec<String> = DOCUMENTED.map(str::to_owned).to_vec();
    let prices = PriceTable::builtin();
    let others = prices.rows().map(|(model, _)| model).chain(["offline"]);
    for model in others {
        if !models.iter().any(|known| known == model) {
            models.push(model.to_owned());
        }
    }
    models
}

fn header_value(what: &'static str, name: &str) -> Result<HeaderValue, ServeError> {
    HeaderValue::from_str(name)
        .ok()
        .filter(|value| value.to_str().is_ok())
        .ok_or_else(|| ServeError::Name { what, name: name.to_owned() })
}
