//! The address of state: a word of a project file that says where state lives.
//!
//! A file is data from a pull request, so an address names a place and nothing that opens it: a password,
//! a key, an account or a remote's URL in it is refused.

use std::path::{Component, Path};

use super::codes::Code;
use super::path;
use super::project::{BucketService, PostgresSpec, StateSpec};
use super::quantity::Wrong;

/// The remote that keeps a branch of state unless the address names another one.
const DEFAULT_REMOTE: &str = "origin";

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not usable.
    Wrong(Code, Wrong),
    /// It holds what no file may hold, and is not to be shown.
    Secret(Wrong),
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(Code::StateAddress, wrong)
    }
}

/// What `state` may be.
const PLACES: &str =
    "use a SQLite file, `git:BRANCH`, `s3://…`, `gs://…`, `az://…`, `file:FOLDER` or `postgres://…`";

/// Reads an address; nothing if it is a plain path.
pub fn state(text: &str) -> Option<Result<StateSpec, Refused>> {
    let (scheme, rest) = text.split_once(':')?;
    let is_ours = matches!(scheme, "git" | "file" | "s3" | "gs" | "az" | "postgres" | "postgresql");
    if !is_ours && !rest.starts_with("//") && !rest.contains("://") {
        return None;
    }
    if let Some(wrong) = secret(scheme, rest) {
        return Some(Err(Refused::Secret(wrong)));
    }
    let after = |slashes: &str| {
        rest.strip_prefix(slashes)
            .ok_or_else(|| Refused::from(Wrong::new(format!("`{scheme}:` is followed by `{slashes}`"))))
    };
    Some(match scheme {
        "git" => git(rest),
        "file" => folder(rest),
        "s3" => after("//").and_then(|rest| bucket(BucketService::S3, rest)),
        "gs" => after("//").and_then(|rest| bucket(BucketService::Gcs, rest)),
        "az" => after("//").and_then(|rest| bucket(BucketService::Azure, rest)),
        "postgres" | "postgresql" => after("//").and_then(postgres),
        _ => Err(Wrong::new(format!("state cannot be kept in `{scheme}`")).help(PLACES).into()),
    })
}

/// Says why an address is not to be shown: it holds what may be a password, a token or an account. It is asked
/// before anything else is, since whatever else is wrong is told by showing it.
fn secret(scheme: &str, rest: &str) -> Option<Wrong> {
    let lower = rest.to_lowercase();
    let before = lower.rsplit_once('@').map(|(before, _)| before);
    let has_password = lower.contains("password=")
        || before
            .is_some_and(|before| before.contains(':') || before.contains("%3a") || rest.contains("://"));
    let is_url = rest.starts_with("//") && !rest.starts_with("///");
    let (is_secret, label, help) = match scheme {
        "git" => (
            rest.contains(':') || rest.matches('@').count() > 1 || is_url && before.is_some(),
            "the address of state holds a remote's own address, and no file may hold what opens it",
            "name the remote as `git remote` lists it: `git:dreamrun-state@origin`",
        ),
        "s3" | "gs" | "az" => (
            rest.contains(['@', ':']),
            "the address of state holds credentials or an account, and no file may hold them",
            "write `s3://BUCKET/PREFIX`, or so with `gs` or `az`; the rest comes from the environment",
        ),
        "postgres" | "postgresql" => (
            has_password,
            "the address of state holds a password, and no file may hold one",
            "remove it, and change it if others have seen it; it comes from `PGPASSWORD` or `PGPASSFILE`",
        ),
        "file" => (
            has_password || is_url && before.is_some(),
            "the address of state holds a user or a password, and no file may hold one",
            "write `file:FOLDER` or `file:///ABSOLUTE/PATH`",
        ),
        _ => (
            has_password || before.is_some(),
            "the address of state holds a user or a password, and no file may hold one",
            PLACES,
        ),
    };
    if is_secret {
        return Some(Wrong::new(label).help(help));
    }
    rest.contains(['?', '#']).then(|| {
        Wrong::new("an address of state has neither `?` nor `#`, and what follows may be a secret")
            .help("settings and credentials come from the environment; docs/state.md lists them")
    })
}

/// Reads `BRANCH` or `BRANCH@REMOTE`.
fn git(rest: &str) -> Result<StateSpec, Refused> {
    let (branch, remote) = rest.rsplit_once('@').unwrap_or((rest, DEFAULT_REMOTE));
    if branch.is_empty() {
        return Err(Wrong::new("this names no branch").help("write `git:dreamrun-state`").into());
    }
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let is_branch = branch != "HEAD"
        && !branch.starts_with(['-'])
        && !branch.starts_with("refs/")
        && !branch.ends_with('.')
        && !branch.contains("..")
        && branch.split('/').all(is_part)
        && !branch.contains(|c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\@{}".contains(c));
    if !is_branch {
        return Err(Wrong::new(format!("`{branch}` is no name of a branch")).into());
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if remote.starts_with(['-', '.']) || remote.is_empty() || !remote.chars().all(is_word) {
        let wrong = Wrong::new("a remote is given by its name, not by its address");
        return Err(wrong.help("name it as `git remote` lists it: `git:dreamrun-state@origin`").into());
    }
    Ok(StateSpec::Git { branch: branch.to_owned(), remote: remote.to_owned() })
}

/// Reads a folder: `FOLDER` of the project, or `///ABSOLUTE`.
fn folder(rest: &str) -> Result<StateSpec, Refused> {
    if let Some(rest) = rest.strip_prefix("//") {
        let path = Path::new(rest);
        let is_plain =
            path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
                && !rest.contains(|c: char| c.is_control());
        return match path.is_absolute() && is_plain && path.file_name().is_some() {
            true => Ok(StateSpec::Folder(path.components().collect())),
            false => Err(Wrong::new("after `file://` comes an absolute path without `..`")
                .help("a folder of the project is `file:FOLDER`")
                .into()),
        };
    }
    let inside = path::inside(rest).map_err(|(code, wrong)| match code {
        Code::OutsideProject => {
            Refused::Wrong(code, wrong.help("a folder elsewhere is `file:///ABSOLUTE/PATH`"))
        }
        _ => Refused::Wrong(code, wrong),
    })?;
    match inside.iter().next().and_then(|part| part.to_str()) {
        None | Some("pipelines" | ".git" | ".github") => {
            Err(Refused::Wrong(Code::InvalidPath, Wrong::new("state needs a folder of its own")))
        }
        Some(_) => Ok(StateSpec::Folder(inside)),
    }
}

/// Reads `BUCKET` or `BUCKET/PREFIX`.
fn bucket(service: BucketService, rest: &str) -> Result<StateSpec, Refused> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    let is_bucket = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if bucket.is_empty() || bucket.starts_with(['.', '-']) || !bucket.chars().all(is_bucket) {
        return Err(Wrong::new(format!("`{bucket}` is no name of a bucket")).into());
    }
    let is_segment = |part: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || "._-=".contains(c);
        !part.is_empty() && part != "." && part != ".." && part.chars().all(is_letter)
    };
    if !prefix.is_empty() && !prefix.split('/').all(is_segment) {
        let wrong = Wrong::new(format!("`{prefix}` cannot begin the names of objects"));
        return Err(wrong.help("use letters, digits, `.`, `_`, `-` and `=`, with `/` between them").into());
    }
    Ok(StateSpec::Bucket { service, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

/// Reads `[USER@][HOST[:PORT]][/DATABASE]`.
fn postgres(rest: &str) -> Result<StateSpec, Refused> {
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']').ok_or_else(|| Wrong::new("a `]` is missing"))?;
            (host, rest.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        None => None,
        Some(port) => Some(port.parse().map_err(|_| Wrong::new(format!("`{port}` is no port")))?),
    };
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    for (what, text) in [("user", user.unwrap_or_default()), ("database", database)] {
        if !is_word(text) {
            return Err(Wrong::new(format!("`{text}` is no name of a {what}")).into());
        }
    }
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c)) {
        return Err(Wrong::new(format!("`{host}` is no name of a host")).into());
    }
    let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let user = user.and_then(named);
    Ok(StateSpec::Postgres(PostgresSpec { user, host: named(host), port, database: named(database) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match state(text) {
            None => "a path".to_owned(),
            Some(Ok(spec)) => spec.to_string(),
            Some(Err(Refused::Wrong(_, wrong))) => format!("refused: {}", wrong.label),
            Some(Err(Refused::Secret(wrong))) => format!("secret: {}", wrong.label),
        }
    }

    #[test]
    fn every_kind_of_place_has_an_address_that_reads_back() {
        for (typed, address) in [
            ("git:dreamrun-state", "git:dreamrun-state@origin"),
            ("git:ci/state@upstream", "git:ci/state@upstream"),
            ("s3://bucket", "s3://bucket"),
            ("s3://my.bucket-1/team/dreams/", "s3://my.bucket-1/team/dreams"),
            ("gs://bucket/a=b", "gs://bucket/a=b"),
            ("az://container/state", "az://container/state"),
            ("file:.dreamrun/state", "file:.dreamrun/state"),
            ("file:./a/../b", "file:b"),
            ("file:///mnt/shared/state/", "file:///mnt/shared/state"),
            ("postgres://db.example.com/dreams", "postgres://db.example.com/dreams"),
            ("postgresql://me@db:5433/dreams", "postgres://me@db:5433/dreams"),
            ("postgres://[::1]:5433/dreams", "postgres://[::1]:5433/dreams"),
            ("postgres:///dreams", "postgres:///dreams"),
            ("file:///mnt/a@b", "file:///mnt/a@b"),
            ("file:a@b", "file:a@b"),
            (".dreamrun/state.db", "a path"),
            ("c:/state.db", "a path"),
            ("a:b@c?.db", "a path"),
        ] {
            assert_eq!(shown(typed), address, "{typed}");
        }
    }

    #[test]
    fn no_address_holds_a_secret() {
        for secret in [
            "postgres://me:hunter2@db/dreams",
            "postgres://me:hun/ter2@db/x",
            "postgres://me%3Ahunter2@db/x",
            "postgres:me:hunter2@db/x",
            "postgres://me@hunter2://x",
            "postgres://db/dreams?password=hunter2",
            "postgres://db/x?host=elsewhere.example",
            "postgres://db/dreams#hunter2",
            "git:state@https://x-access-token:hunter2@github.com/o/r.git",
            "git:state@https://elsewhere.example/x.git",
            "git:state@me:hunter2@github.com/o/r.git",
            "git:state@hunter2@github.com",
            "git:https://hunter2/x.git",
            "git://hunter2@github.com/o/r.git",
            "s3://AKIA:hunter2@bucket/state",
            "s3://AKIA:hunter2/state",
            "s3:AKIA:hunter2@bucket",
            "s3://bucket?X-Amz-Signature=hunter2",
            "s3://bucket?endpoint=https://elsewhere.example",
            "s3://bucket/state@hunter2",
            "gs://hunter2@bucket",
            "az://container?sv=2024-11-04&sig=hunter2",
            "file://me:hunter2@nas/x",
            "file://hunter2@nas/x",
            "redis://me:hunter2@cache",
            "redis://hunter2@cache",
            "mysql://db/x?password=hunter2",
            "mysql://db/x;password=hunter2",
            "jdbc:postgresql://me:hunter2@db/x",
            " postgres://me:hunter2@db/x",
        ] {
            let Some(Err(Refused::Secret(wrong))) = state(secret) else {
                panic!("{secret}: {}", shown(secret))
            };
            let told = format!("{} {}", wrong.label, wrong.help.unwrap_or_default());
            assert!(!told.contains("hun") && !told.contains("ter2"), "{secret}: {told}");
        }
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for wrong in [
            "git:",
            "git:HEAD",
            "git:refs/heads/main",
            "git:-x",
            "git:a..b",
            "git:a b",
            "git:a.lock",
            "git:a/.b",
            "git:a@../x",
            "git:a@--upload-pack=x",
            "s3:bucket",
            "s3://",
            "s3://bucket/../x",
            "s3://bucket/a//b",
            "file:",
            "file:../x",
            "file:/x",
            "file:pipelines/x",
            "file://host/x",
            "file:///",
            "file:///a/../b",
            "postgres://db:port/x",
            "postgres://db/x y",
            "redis://db",
            "jdbc:postgresql://db/x",
        ] {
            assert!(shown(wrong).starts_with("refused: "), "{wrong}: {}", shown(wrong));
        }
    }
}
