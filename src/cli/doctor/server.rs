//! What a server says: whether it is there, what the key may do, and what its clock shows.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::backend::http::Reach;
use crate::backend::{BackendError, Refusal};
use crate::spec::project::RemoteSpec;
use crate::state::alias::Origin;

use super::{Check, Finding};
use crate::cli::Call;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::opened::{Address, address, connect, key, no_key};
use crate::cli::workspace::Workspace;

/// How far apart two clocks may be. Dreams whose request is in doubt are looked for from an hour before it
/// on; long before that is used up, something else is wrong with a clock that is off by so much.
const SKEW_LIMIT: SignedDuration = SignedDuration::from_mins(5);

/// Looks at a server, in four requests, and returns where stores are as far as it said.
pub(super) async fn look(
    call: &Call<'_>,
    workspace: &Workspace,
    settings: &RemoteSpec,
    checks: &mut Vec<Check>,
) -> Option<Origin> {
    let address = match address(call, settings) {
        Ok(address) => address,
        Err(error) => {
            checks.push(Check::of_error("server", error));
            return None;
        }
    };
    let here = Origin { base_url: address.url.clone(), organization: None, workspace: None };
    let Some(key) = key(call) else {
        let CliError { message, mut hints, .. } = no_key();
        // The other one names this very command.
        hints.truncate(1);
        checks.push(Check::good("server", format!("{}; not asked without a key", place(&address))));
        checks.push(Check { help: hints, ..Check::bad("key", ExitCode::NotAuthorised, message) });
        checks.extend(["stores", "sessions", "dreams", "model", "clock"].map(Check::unknown));
        return Some(here);
    };
    let variable = key.variable;
    let server = match connect(call, settings, &address, key) {
        Ok(server) => server,
        Err(error) => {
            let name = if error.code == ExitCode::NotAuthorised { "key" } else { "server" };
            checks.push(Check::of_error(name, error));
            return Some(here);
        }
    };
    let reach = server.check().await;
    let is_there =
        !matches!(&reach.stores, Err(BackendError::NotSent { .. } | BackendError::Unanswered { .. }));
    if !is_there {
        let error = reach.stores.err().map(|error| error.to_string()).unwrap_or_default();
        let check = Check::bad("server", ExitCode::RemoteFailed, format!("{}: {error}", place(&address)));
        checks.push(check.help(match address.named_by {
            Some(by) => {
                format!("The address is from `{by}`. Is the server up, and does a proxy let it through?")
            }
            None => "Does a proxy or a firewall stand in between?".to_owned(),
        }));
        checks.extend(["key", "stores", "sessions", "dreams", "model", "clock"].map(Check::unknown));
        return Some(here);
    }
    checks.push(Check::good("server", place(&address)));
    if let Some(error) = refused_key(&reach) {
        let check = Check::bad("key", ExitCode::NotAuthorised, error.to_string());
        checks.push(check.help(format!(
            "The key in `{variable}` is not one of this server's, was revoked or has expired."
        )));
        checks.extend(["stores", "sessions", "dreams", "model", "clock"].map(Check::unknown));
        return Some(here);
    }
    let mut of = Vec::new();
    of.extend(reach.organization.as_ref().map(|id| format!("organisation {id}")));
    of.extend(reach.workspace.as_ref().map(|id| format!("workspace {id}")));
    let of = if of.is_empty() { String::new() } else { format!(", of {}", of.join(", ")) };
    checks.push(Check::good("key", format!("`{variable}` is accepted{of}")));
    checks.push(access("stores", "memory stores can be read", Some(&reach.stores)));
    checks.push(access("sessions", "sessions can be read", reach.sessions.as_ref()));
    checks.push(dreams(reach.dreams.as_ref()));
    checks.push(models(workspace, reach.models.as_deref()));
    checks.push(clock(reach.skew));
    Some(Origin { organization: reach.organization, workspace: reach.workspace, ..here })
}

fn place(address: &Address) -> String {
    let by = match address.named_by {
        Some(by) => format!("as `{by}` says"),
        None => "the public one".to_owned(),
    };
    let way = if address.url.starts_with("https:") { "over TLS" } else { "on this machine, without TLS" };
    format!("{}, {by}, {way}", address.url)
}

/// Returns why the server does not know the key, if it does not.
fn refused_key(reach: &Reach) -> Option<&BackendError> {
    match &reach.stores {
        // What is asked after a refusal of the key itself is never asked.
        Err(error @ BackendError::Refused { kind: Refusal::NotAuthorised, .. }) if reach.dreams.is_none() => {
            Some(error)
        }
        _ => None,
    }
}

fn access(name: &'static str, can: &str, found: Option<&Result<(), BackendError>>) -> Check {
    match found {
        None => Check::unknown(name),
        Some(Ok(())) => Check::good(name, can),
        Some(Err(error)) => {
            let code = match error {
                BackendError::Refused { kind: Refusal::NotAuthorised | Refusal::NotFound, .. } => {
                    ExitCode::NotAuthorised
                }
                _ => ExitCode::RemoteFailed,
            };
            Check::bad(name, code, error.to_string())
        }
    }
}

fn dreams(found: Option<&Result<(), BackendError>>) -> Check {
    match found {
        Some(Err(error @ BackendError::Refused { kind: Refusal::NotAuthorised, .. })) => Check {
            error: Some(error.to_string()),
            ..Check::bad(
                "dreams",
                ExitCode::NotAuthorised,
                "this key has no access to Dreams, a research preview",
            )
            .help("Ask for it at https://claude.com/form/claude-managed-agents.")
            .help(
                "What needs no dream works all the same: plan --offline, status, diff, approve, reject, \
                     rollback, gc; and `backend: local` dreams without a key.",
            )
        },
        found => access("dreams", "dreams can be listed", found),
    }
}

fn models(workspace: &Workspace, listed: Option<&[String]>) -> Check {
    let wanted: BTreeSet<&str> =
        workspace.pipelines.values().map(|pipeline| pipeline.model.as_str()).collect();
    if wanted.is_empty() {
        return Check { finding: Finding::Unknown, ..Check::good("model", "no pipeline names one") };
    }
    let Some(listed) = listed else {
        return Check { finding: Finding::Unknown, ..Check::good("model", "the server lists no models") };
    };
    let missing: Vec<String> = wanted
        .iter()
        .filter(|model| crate::plan::unlisted(model, Some(listed)).is_some())
        .map(|model| format!("`{model}`"))
        .collect();
    if missing.is_empty() {
        let models: Vec<String> = wanted.iter().map(|model| format!("`{model}`")).collect();
        return Check::good("model", format!("{}, listed by the server", models.join(", ")));
    }
    Check::odd("model", format!("{} is not listed by the server", missing.join(", ")))
        .help("`dreamrun plan` names the nearest ones; whether a model can dream is seen when it is asked.")
}

fn clock(skew: Option<SignedDuration>) -> Check {
    let Some(skew) = skew else {
        return Check { finding: Finding::Unknown, ..Check::good("clock", "the server tells no time") };
    };
    let seconds = SignedDuration::from_secs(skew.as_secs());
    if skew.abs() <= SKEW_LIMIT {
        return Check::good("clock", "agrees with the server's");
    }
    let side = if skew.is_positive() { "behind" } else { "ahead of" };
    Check::odd("clock", format!("{:#} {side} the server's", seconds.abs()))
        .help("Set this machine's clock: a dream in doubt is looked for by its time.")
}
