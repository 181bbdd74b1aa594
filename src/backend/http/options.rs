//! What it takes to talk to a server, and why that may not do.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::rate::Limits;
use crate::clock::Clock;
use crate::tls::TlsError;

/// What proves who asks.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key.
    ApiKey(SecretString),
    /// An OAuth or federated token; always sent as a bearer.
    Token(SecretString),
}

impl Credential {
    pub(super) fn secret(&self) -> &SecretString {
        match self {
            Self::ApiKey(secret) | Self::Token(secret) => secret,
        }
    }

    /// Returns a text without the secret, should a server have put it there.
    pub(super) fn masked_in(&self, text: &str) -> String {
        match self.secret().expose_secret() {
            "" => text.to_owned(),
            secret => text.replace(secret, "[key]"),
        }
    }
}

/// Which header carries an API key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyHeader {
    /// `Authorization: Bearer`, as current SDKs send it.
    #[default]
    Bearer,
    /// `x-api-key`, as older SDKs and some compatible servers have it.
    XApiKey,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A connection.
    pub connect: Duration,
    /// An answer, from the request to its last byte.
    pub answer: Duration,
    /// The answer to a create. Giving up early leaves it in doubt, so this is long.
    pub create: Duration,
    /// The next bytes of a stream of events; servers send something every 15 to 30 seconds.
    pub silence: Duration,
    /// Before the second attempt at a request; it doubles with each further one, up to sixteen times.
    pub retry: Duration,
    /// Between two looks at a dream, at first; it becomes up to thirty times as long while nothing changes.
    pub poll: Duration,
    /// How long after a create its dream or session is sure to be listed. The API says nothing of it; a
    /// minute is long beside what its lists are known to lag behind, and short beside a dream.
    pub settling: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            create: Duration::from_secs(180),
            silence: Duration::from_secs(75),
            retry: Duration::from_millis(500),
            poll: Duration::from_secs(2),
            settling: Duration::from_secs(60),
        }
    }
}

/// How much text is kept unless somebody says otherwise: a large store, and what a dream makes of it.
const KEPT_BYTES: usize = 256 << 20;

/// What it takes to talk to a server.
#[derive(Clone)]
pub struct HttpOptions {
    /// Where it is; the public service if left out.
    pub base_url: Option<String>,
    /// What proves who asks.
    pub credential: Credential,
    /// Which header carries an API key.
    pub key_header: KeyHeader,
    /// The workspace, for a credential that can act in several.
    pub workspace: Option<String>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Certificates to trust beside the machine's own, in PEM form.
    pub ca_file: Option<PathBuf>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How fast to ask. Left out: what the public service documents, or, for a server on this machine,
    /// without limit; a server's own `retry-after` is kept in any case.
    pub limits: Option<Limits>,
    /// How much text that was read is kept, so that it need not be read again.
    pub kept_bytes: usize,
}

impl HttpOptions {
    /// Asks the public service, as current SDKs do.
    pub fn new(credential: Credential, clock: Arc<dyn Clock>) -> Self {
        Self {
            base_url: None,
            credential,
            key_header: KeyHeader::default(),
            workspace: None,
            clock,
            ca_file: None,
            timeouts: Timeouts::default(),
            limits: None,
            kept_bytes: KEPT_BYTES,
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Why a server cannot be talked to at all. Found before anything is sent.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be used.
    #[error("the base URL `{url}` cannot be used: {reason}")]
    BaseUrl {
        /// The address, without what may be secret.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The credential cannot be sent.
    #[error("the credential cannot be used: {reason}")]
    Credential {
        /// Why not.
        reason: &'static str,
    },
    /// The workspace id cannot be sent.
    #[error("the workspace id holds a character that no id has")]
    Workspace,
    /// Nobody can be believed on the other side.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client could not be set up.
    #[error("could not set up the HTTP client: {reason}")]
    Client {
        /// Why not.
        reason: String,
    },
}
