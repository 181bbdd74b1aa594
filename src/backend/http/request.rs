//! The one place that builds a request, sends it, and sorts what became of it.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, Url};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome::{Failed, Refused, clean, http_date};
use super::rate::{Class, Rate};
use super::retry::{Effect, next_wait};
use super::{Credential, HttpError, HttpOptions, KeyHeader, Timeouts};
use crate::backend::Refusal;
use crate::backend::wire::{self, beta, header};
use crate::clock::Clock;
use crate::tls;

/// The most bytes of an answer that holds one thing.
const ONE: usize = 1 << 20;
/// The most bytes of a page: twenty memories of 100 kB each, in the longest way JSON can write them, and
/// room beside.
pub(super) const PAGE: usize = 64 << 20;
/// The most bytes of a refusal that are read.
const REFUSAL: usize = 64 << 10;
/// How long an unused connection is kept. Short, because a server that closes one in the moment it is used
/// again leaves a create in doubt.
const IDLE_CONNECTION: Duration = Duration::from_secs(15);

/// Which endpoints, and so which beta header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Dreams,
    Memories,
    /// Sessions, agents, environments and deployments.
    Agents,
    Models,
}

impl Family {
    fn beta(self) -> Option<&'static str> {
        match self {
            Self::Dreams => Some(beta::DREAMING),
            Self::Memories => Some(beta::AGENT_MEMORY),
            Self::Agents => Some(beta::MANAGED_AGENTS),
            Self::Models => None,
        }
    }
}

/// A request, as often as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    family: Family,
    effect: Effect,
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    most: usize,
}

impl Call {
    fn new(family: Family, effect: Effect, method: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Self { family, effect, method, path, query: Vec::new(), body: None, most: ONE }
    }

    /// Reads something.
    pub(super) fn get(family: Family, path: &[&str]) -> Self {
        Self::new(family, Effect::Reads, Method::GET, path)
    }

    /// Reads a page of a list.
    pub(super) fn list(family: Family, path: &[&str], limit: usize) -> Self {
        let mut call = Self::get(family, path).with("limit", limit.to_string());
        call.most = PAGE;
        call
    }

    /// Changes something in a way that may be repeated.
    pub(super) fn settle(family: Family, method: Method, path: &[&str]) -> Self {
        Self::new(family, Effect::Settles, method, path)
    }

    /// Puts what was read before in the place of whatever is there now. It is sent once.
    pub(super) fn overwrite(family: Family, path: &[&str]) -> Self {
        Self::new(family, Effect::Overwrites, Method::POST, path)
    }

    /// Creates something that must not be created twice.
    pub(super) fn create(family: Family, path: &[&str]) -> Self {
        Self::new(family, Effect::Creates, Method::POST, path)
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a body.
    pub(super) fn send(mut self, body: &impl Serialize) -> Self {
        // Every body is one of the wire's shapes, which have no keys but text and no failing parts.
        self.body = Some(serde_json::to_vec(body).unwrap_or_default());
        self
    }

    fn class(&self) -> Class {
        match self.effect {
            Effect::Reads => Class::Reads,
            Effect::Settles | Effect::Overwrites | Effect::Creates => Class::Creates,
        }
    }
}

/// What an answer says beside its body.
#[derive(Debug, Clone, Default)]
pub(super) struct Meta {
    /// When the server sent it, by its own clock, to the second.
    pub(super) date: Option<Timestamp>,
    /// The workspace the credential resolved to.
    pub(super) workspace: Option<String>,
    /// The organisation of the credential.
    pub(super) organization: Option<String>,
}

/// A connection to one server with one credential.
pub(super) struct Api {
    client: Client,
    base: Url,
    rate: Rate,
    timeouts: Timeouts,
    clock: Arc<dyn Clock>,
    credential: Credential,
    /// What the last answer said beside its body, and how far the server's clock was ahead then.
    seen: Mutex<(Meta, Option<SignedDuration>)>,
}

impl Api {
    /// Checks what was given. Asks nobody.
    pub(super) fn new(options: &HttpOptions) -> Result<Self, HttpError> {
        let base = base(options.base_url.as_deref().unwrap_or(wire::PUBLIC_BASE_URL))?;
        let tls = tls::config(options.ca_file.as_deref(), base.scheme() == "https")?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .default_headers(headers(options)?)
            .user_agent(concat!("dreamrun/", env!("CARGO_PKG_VERSION")))
            // A redirect could take the key elsewhere; a base URL that needs one is wrong.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(options.timeouts.connect)
            .pool_idle_timeout(IDLE_CONNECTION)
            .tcp_keepalive(Duration::from_secs(60));
        let is_here = is_loopback(&base);
        if is_here {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| HttpError::Client { reason: in_full(&error) })?;
        let limits = options.limits.or((!is_here).then_some(super::Limits::PUBLIC));
        Ok(Self {
            client,
            base,
            rate: Rate::new(limits),
            timeouts: options.timeouts,
            clock: Arc::clone(&options.clock),
            credential: options.credential.clone(),
            seen: Mutex::default(),
        })
    }

    /// Returns what answers said so far beside their bodies, and how far the server's clock is ahead of ours,
    /// to the second.
    pub(super) fn seen(&self) -> (Meta, Option<SignedDuration>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn see(&self, meta: &Meta) {
        let ahead = meta.date.map(|date| date.duration_since(self.now()));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, _) = std::mem::take(&mut *seen);
        let now = Meta {
            date: meta.date,
            workspace: meta.workspace.clone().or(before.workspace),
            organization: meta.organization.clone().or(before.organization),
        };
        *seen = (now, ahead);
    }

    /// Returns the address, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Returns the time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a request, as often as it may be and needs to be repeated, and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Failed> {
        self.ask_more(call).await.map(|(value, _)| value)
    }

    /// As [`Api::ask`], with what the answer says beside its body.
    pub(super) async fn ask_more<T: DeserializeOwned>(&self, call: &Call) -> Result<(T, Meta), Failed> {
        let mut attempt = 1;
        loop {
            self.rate.take(call.class()).await;
            let outcome =
                self.attempt(call, attempt).await.and_then(|(body, meta)| Ok((self.read(&body)?, meta)));
            let failed = match outcome {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if let Failed::Refused(refused) = &failed
                && refused.status == 429
                && let Some(wait) = refused.retry_after.filter(|wait| *wait <= super::retry::PATIENCE)
            {
                self.rate.pause(call.class(), wait);
            }
            let Some(wait) = next_wait(call.effect, &failed, attempt, self.timeouts.retry, chance()) else {
                return Err(doubted(call.effect, failed));
            };
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// Waits after an overwrite that failed, if it may be tried again once what it overwrites has been read
    /// again. Says whether it may.
    pub(super) async fn rest(&self, failed: &Failed, attempt: u32) -> bool {
        match next_wait(Effect::Settles, failed, attempt, self.timeouts.retry, chance()) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }

    /// Sends once. The answer is a success, and whole.
    async fn attempt(&self, call: &Call, attempt: u32) -> Result<(Vec<u8>, Meta), Failed> {
        let started = Instant::now();
        let limit = match call.effect {
            Effect::Creates => self.timeouts.create,
            Effect::Reads | Effect::Settles | Effect::Overwrites => self.timeouts.answer,
        };
        let exchange = async {
            let response = self.send(call, false).await?;
            let meta = meta(response.headers());
            self.see(&meta);
            let body = body(response, call.most).await?;
            Ok((body, meta))
        };
        let result = match tokio::time::timeout(limit, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Failed::unanswered(format!("no answer within {} seconds", limit.as_secs()))),
        };
        let path = call.path.join("/");
        let took = started.elapsed().as_millis();
        match &result {
            Ok(_) => tracing::debug!(method = %call.method, path, attempt, took, "answered"),
            Err(failed) => {
                let status = failed.status();
                tracing::debug!(method = %call.method, path, attempt, took, status, "not answered");
            }
        }
        result
    }

    /// Opens a stream of events. It has no deadline; whoever reads it minds how long it is silent.
    pub(super) async fn open(&self, call: &Call) -> Result<reqwest::Response, Failed> {
        self.rate.take(call.class()).await;
        let opened = tokio::time::timeout(self.timeouts.answer, self.send(call, true)).await;
        opened.unwrap_or_else(|_| Err(Failed::unanswered("the stream did not open in time")))
    }

    async fn send(&self, call: &Call, is_stream: bool) -> Result<reqwest::Response, Failed> {
        let url = self.url(call)?;
        let mut request = self.client.request(call.method.clone(), url);
        if let Some(beta) = call.family.beta() {
            request = request.header(header::BETA, beta);
        }
        request = request.header(ACCEPT, if is_stream { "text/event-stream" } else { "application/json" });
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        } else if call.method == Method::POST {
            request = request.body(Vec::new());
        }
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            return Err(self.redirected(&response));
        }
        let headers = response.headers().clone();
        // A refusal whose text is torn is still a refusal.
        let body = part(response, REFUSAL).await;
        let mask = |text: &str| self.credential.masked_in(text);
        Err(Failed::Refused(Refused::of(status.as_u16(), &headers, &body, self.clock.now(), mask).into()))
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failed> {
        // A repeated request may be answered in full; so a body that cannot be read counts as torn.
        serde_json::from_slice(body).map_err(|error| {
            let why = self.clean(&error.to_string(), 200);
            Failed::unanswered(format!("the answer is not what the API promises: {why}"))
        })
    }

    /// Makes a server's text fit to be shown.
    fn clean(&self, text: &str, limit: usize) -> String {
        clean(&self.credential.masked_in(text), limit)
    }

    fn url(&self, call: &Call) -> Result<Url, Failed> {
        // These would be taken for a place above.
        if let Some(part) = call.path.iter().find(|part| matches!(part.as_str(), "" | "." | "..")) {
            return Err(Failed::refused(Refusal::NotFound, format!("`{part}` is not an id")));
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(&call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    fn redirected(&self, response: &reqwest::Response) -> Failed {
        let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let to = self.clean(to.unwrap_or("an address it does not name"), 200);
        let message = format!(
            "the server at `{}` sends requests on to {to}, where the key was not sent; set the base URL to the \
             address that answers itself",
            self.base()
        );
        let status = response.status().as_u16();
        Failed::Refused(Refused { status, message, ..Refused::default() }.into())
    }
}

/// A failure of the server's may have come after the effect: a create is then in doubt. So it is when the
/// server would have it repeated, which is no refusal; but for 429, which says that nothing was done.
fn doubted(effect: Effect, failed: Failed) -> Failed {
    match failed {
        Failed::Refused(refused) if effect == Effect::Creates && refused.status != 429 => {
            let is_trouble = refused.status >= 500 || refused.status == 408;
            match is_trouble || refused.should_retry == Some(true) {
                true => Failed::unanswered(refused.to_string()),
                false => Failed::Refused(refused),
            }
        }
        other => other,
    }
}

fn base(text: &str) -> Result<Url, HttpError> {
    let refuse = |reason: &str| HttpError::BaseUrl { url: clean(text, 200), reason: reason.to_owned() };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        let reason = "a user or password in it would end up in logs".to_owned();
        return Err(HttpError::BaseUrl { url: url.host_str().unwrap_or_default().to_owned(), reason });
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("it must begin with https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must end with the path"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn headers(options: &HttpOptions) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::VERSION, HeaderValue::from_static(wire::API_VERSION));
    let (name, text) = match (&options.credential, options.key_header) {
        (Credential::ApiKey(key), KeyHeader::XApiKey) => (header::API_KEY, key.expose_secret().to_owned()),
        (Credential::ApiKey(key), KeyHeader::Bearer) | (Credential::Token(key), _) => {
            (AUTHORIZATION.as_str(), format!("Bearer {}", key.expose_secret()))
        }
    };
    if options.credential.secret().expose_secret().is_empty() {
        return Err(HttpError::Credential { reason: "it is empty" });
    }
    let unfit = HttpError::Credential { reason: "it holds a character that no key has" };
    let mut value = HeaderValue::from_str(&text).map_err(|_| unfit)?;
    value.set_sensitive(true);
    headers.insert(name, value);
    if let Some(workspace) = &options.workspace {
        let value = HeaderValue::from_str(workspace).map_err(|_| HttpError::Workspace)?;
        headers.insert(header::WORKSPACE, value);
    }
    Ok(headers)
}

fn meta(headers: &HeaderMap) -> Meta {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Meta {
        date: text(DATE.as_str()).and_then(http_date),
        workspace: text(header::WORKSPACE).map(|id| clean(id, 100)),
        organization: text(header::ORGANIZATION).map(|id| clean(id, 100)),
    }
}

/// Sorts a request that brought no response: before anything was written, or after.
fn lost(error: reqwest::Error) -> Failed {
    let reason = in_full(&error);
    if error.is_connect() {
        Failed::not_sent(reason)
    } else if error.is_builder() {
        Failed::NotSent { reason, is_passing: false }
    } else {
        Failed::unanswered(reason)
    }
}

/// Returns an error with its causes and without the address.
fn in_full(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.ends_with(&words) {
            text = if text.is_empty() { words } else { format!("{text}: {words}") };
        }
        cause = inner.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { clean(&text, 300) }
}

async fn body(mut response: reqwest::Response, most: usize) -> Result<Vec<u8>, Failed> {
    let too_large = || Failed::unusable(format!("the answer is larger than {most} bytes"));
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > most => return Err(too_large()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => {
                return Err(Failed::unanswered(format!("the answer broke off: {}", in_full(&error))));
            }
        }
    }
}

/// Reads as much of a body as there is, up to a limit.
async fn part(mut response: reqwest::Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < most {
        let Ok(Some(chunk)) = response.chunk().await else { break };
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
    }
    body
}

/// Returns a number from 0 to 1, different each time. Nothing depends on which.
pub(super) fn chance() -> f64 {
    let bits = std::hash::RandomState::new().build_hasher().finish() >> 11;
    bits as f64 / (1_u64 << 53) as f64
}
