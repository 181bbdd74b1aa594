//! The backend of a project, opened: the embedded one, or a server with the key that the environment gives.
//!
//! Nowhere else does a key come in, and it leaves only towards the server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use crate::backend::folder::{self, FolderError, FolderReport};
use crate::backend::http::{Credential, HttpBackend, HttpError, HttpOptions, KeyHeader};
use crate::backend::local::LocalBackend;
use crate::backend::{Backend, BackendError, Refusal};
use crate::ids::Alias;
use crate::snapshot::Snapshot;
use crate::spec;
use crate::spec::project::RemoteSpec;
use crate::spec::quantity;
use crate::state::alias::{AliasRecord, Origin};

use super::Call;
use super::exit::{CliError, ExitCode};
use super::reach::{self, Unreachable};

/// The server that is asked where neither the project nor the environment names one.
pub(super) const PUBLIC: &str = "https://api.anthropic.com";
/// The variable with the address of a server.
pub(super) const BASE_URL: &str = "ANTHROPIC_BASE_URL";
/// The variable with an API key.
const API_KEY: &str = "ANTHROPIC_API_KEY";
/// The variables that may hold a key or token, the first one first.
const KEYS: [&str; 2] = [API_KEY, "ANTHROPIC_AUTH_TOKEN"];
/// The variable with a file of certificates.
const CA_FILE: &str = "SSL_CERT_FILE";

/// The backend of a project.
pub(super) struct Opened {
    /// As runs see it.
    pub(super) backend: Arc<dyn Backend>,
    /// The embedded backend, if it is that.
    pub(super) local: Option<Arc<LocalBackend>>,
    /// The server, if it is that.
    pub(super) remote: Option<Arc<HttpBackend>>,
}

impl Opened {
    /// Reads a folder of Markdown as a store, and says what in it is no memory.
    pub(super) fn read_folder(
        &self,
        call: &Call<'_>,
        root: &Path,
        folder: &Path,
    ) -> Result<(Snapshot, FolderReport), CliError> {
        if let Some(local) = &self.local {
            let read = local.read_folder(folder);
            return read.map_err(|error| CliError::from(error.into_backend("read a folder")));
        }
        let real = match reach::inside(root, folder) {
            Ok(real) => real,
            Err(Unreachable::Io(error)) => return Err(CliError::io("read", folder, &error)),
            Err(Unreachable::Outside(real)) => {
                let mut allowed = call.global.allow_read.iter().map(|allowed| call.folder.join(allowed));
                if !allowed
                    .any(|allowed| allowed.canonicalize().is_ok_and(|allowed| real.starts_with(allowed)))
                {
                    return Err(CliError::usage(format!("`{}` lies outside the project", folder.display()))
                        .hint("Add `--allow-read DIR` to read it all the same."));
                }
                real
            }
        };
        let failed = |error: FolderError| CliError::caused(ExitCode::Unexpected, &error);
        folder::read(&real).map_err(failed)
    }

    /// Returns where its stores are, as far as the server has told; none for the embedded one.
    pub(super) fn origin(&self) -> Option<Origin> {
        let server = self.remote.as_ref()?;
        let (organization, workspace) = server.account();
        Some(Origin { base_url: server.base_url().to_owned(), organization, workspace })
    }

    /// Makes sure that an alias stands for stores of this backend.
    pub(super) fn check_origin(&self, alias: &Alias, record: &AliasRecord) -> Result<(), CliError> {
        if self.is_of(record) {
            return Ok(());
        }
        let place = |origin: Option<&Origin>| match origin {
            Some(origin) => format!("at {origin}"),
            None => "in the local backend of this project".to_owned(),
        };
        let words = format!(
            "state keeps `{alias}` for a store {}, and this is {}",
            place(record.origin.as_ref()),
            place(self.origin().as_ref())
        );
        Err(CliError::usage(words).hint(
            "Go back to that backend, or give this one a `state:` of its own, as a profile can: \
             `profiles: {staging: {backend: …, state: .dreamrun/staging.db}}`.",
        ))
    }

    /// Makes sure of it where state knows more of the place than the server has told by now: asks for the
    /// store, so that it tells.
    pub(super) async fn ask_origin(&self, alias: &Alias, record: &AliasRecord) -> Result<(), CliError> {
        self.learn_origin(record).await?;
        self.check_origin(alias, record)
    }

    /// Asks the server something, if it has not told yet what state knows of it.
    pub(super) async fn learn_origin(&self, record: &AliasRecord) -> Result<(), CliError> {
        let (Some(kept), Some(here)) = (&record.origin, self.origin()) else { return Ok(()) };
        let is_untold = (kept.organization.is_some() && here.organization.is_none())
            || (kept.workspace.is_some() && here.workspace.is_none());
        if kept.base_url != here.base_url || !is_untold {
            return Ok(());
        }
        match self.backend.store(&record.active).await {
            Ok(_) | Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Says whether an alias stands for stores of this backend.
    pub(super) fn is_of(&self, record: &AliasRecord) -> bool {
        match (&record.origin, self.origin()) {
            (None, None) => true,
            (Some(kept), Some(here)) => kept.fits(&here),
            _ => false,
        }
    }
}

/// A key, and the variable it came from.
pub(super) struct Key {
    /// The key.
    pub(super) secret: SecretString,
    /// The variable.
    pub(super) variable: &'static str,
}

/// Returns the key that the environment gives.
pub(super) fn key(call: &Call<'_>) -> Option<Key> {
    KEYS.into_iter().find_map(|variable| {
        let text = call.variable(variable)?;
        let text = text.trim();
        (!text.is_empty()).then(|| Key { secret: SecretString::from(text), variable })
    })
}

/// The address of a server, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Without a slash at its end.
    pub(super) url: String,
    /// `dreamrun.yaml`, the variable, or nobody: then it is the public one.
    pub(super) named_by: Option<&'static str>,
}

/// Returns the address of the server.
///
/// The project's own word is first: what is in the repository decides where a run's stores are. But a file
/// cannot grant itself a key: a server that is neither the public one nor on this machine needs the word of
/// whoever starts the command, and nobody's word is overruled.
pub(super) fn address(call: &Call<'_>, settings: &RemoteSpec) -> Result<Address, CliError> {
    let (url, named_by) = match (&settings.base_url, call.variable(BASE_URL)) {
        (Some(url), _) => (url.clone(), Some(super::workspace::PROJECT_FILE)),
        (None, Some(url)) => (url, Some(BASE_URL)),
        (None, None) => (PUBLIC.to_owned(), None),
    };
    quantity::server_url(&url).map_err(|wrong| {
        let by = named_by.unwrap_or_default();
        let error =
            CliError::usage(format!("the server's address in `{by}` cannot be used: {}", wrong.label));
        match wrong.help {
            Some(help) => error.hint(help),
            None => error,
        }
    })?;
    let url = url.trim_end_matches('/').to_owned();
    if settings.base_url.is_some() {
        check_granted(call, &url)?;
    }
    Ok(Address { url, named_by })
}

/// Makes sure that the key may be sent to a server that the project names.
fn check_granted(call: &Call<'_>, url: &str) -> Result<(), CliError> {
    let is_it = |granted: &str| granted.trim().trim_end_matches('/') == url;
    if call.global.allow_server.iter().any(|granted| is_it(granted)) {
        return Ok(());
    }
    let file = super::workspace::PROJECT_FILE;
    let flag = format!("If it is to get the key, add `--allow-server {url}` or set `{BASE_URL}` to it.");
    match call.variable(BASE_URL).filter(|named| !named.trim().is_empty()) {
        Some(named) if !is_it(&named) => Err(CliError::usage(format!(
            "`{file}` names the server `{url}`, and `{BASE_URL}` another one; the key was sent to neither"
        ))
        .hint(flag)),
        None if url != PUBLIC && !quantity::is_loopback(url) => Err(CliError::usage(format!(
            "`{file}` names the server `{url}`, and a file cannot say by itself where a key is sent"
        ))
        .hint(flag)),
        _ => Ok(()),
    }
}

/// Returns the error of an environment without a key.
pub(super) fn no_key() -> CliError {
    CliError::new(ExitCode::NotAuthorised, "there is no key for the Managed Agents API")
        .hint(format!(
            "Set `{}` (or `{}`) in the environment; no file of the project may hold a key.",
            KEYS[0], KEYS[1]
        ))
        .hint("`dreamrun doctor` says what a key can be used for; `dreamrun plan --offline` needs none.")
}

/// Opens the server that a project names.
pub(super) fn remote(call: &Call<'_>, settings: &RemoteSpec) -> Result<Opened, CliError> {
    let address = address(call, settings)?;
    let Some(key) = key(call) else { return Err(no_key()) };
    let server = Arc::new(connect(call, settings, &address, key)?);
    Ok(Opened { backend: call.parts.backend(server.clone()), local: None, remote: Some(server) })
}

/// Makes a client of a server. Asks it nothing yet.
pub(super) fn connect(
    call: &Call<'_>,
    settings: &RemoteSpec,
    address: &Address,
    key: Key,
) -> Result<HttpBackend, CliError> {
    let credential = match key.variable {
        API_KEY => Credential::ApiKey(key.secret),
        _ => Credential::Token(key.secret),
    };
    let mut options = HttpOptions::new(credential, call.parts.clock());
    options.base_url = Some(address.url.clone());
    options.workspace.clone_from(&settings.workspace);
    options.key_header = match settings.key_header {
        spec::project::KeyHeader::Bearer => KeyHeader::Bearer,
        spec::project::KeyHeader::XApiKey => KeyHeader::XApiKey,
    };
    let file = call.global.ca_file.clone().or_else(|| call.variable(CA_FILE).map(PathBuf::from));
    options.ca_file = file.map(|file| call.folder.join(file));
    let failed = |error: HttpError| {
        let code = match error {
            HttpError::Credential { .. } => ExitCode::NotAuthorised,
            _ => ExitCode::Usage,
        };
        let cli = CliError::caused(code, &error);
        match error {
            HttpError::Credential { .. } => {
                cli.hint(format!("It is what `{}` holds in the environment.", key.variable))
            }
            HttpError::Workspace => cli.hint("It is `backend.workspace` in dreamrun.yaml."),
            _ => cli,
        }
    };
    HttpBackend::new(call.parts.http(options)).map_err(failed)
}
