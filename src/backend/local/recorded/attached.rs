//! What a session has attached, as its row shows it.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::backend::MemoryStore;
use crate::backend::local::error::Failure;
use crate::backend::local::{mint, stores};
use crate::backend::wire::Object;
use crate::ids::MemoryStoreId;

use super::object;
use super::rules::{invalid, length, only, text, text_opt, word};

/// The most stores of one session.
const STORES_LIMIT: usize = 8;

/// Returns where an agent finds a store.
pub(in crate::backend::local) fn mount_path(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    match slug.trim_matches('-') {
        "" => "/mnt/memory/store".to_owned(),
        slug => format!("/mnt/memory/{slug}"),
    }
}

/// Returns a store as the resource of a session, with its name and description as they are now.
pub(super) fn store_resource(
    db: &Connection,
    store: &MemoryStore,
    access: &str,
    instructions: Option<&str>,
) -> Result<Object, Failure> {
    let description: String = db
        .prepare_cached("SELECT description FROM stores WHERE id = ?1")?
        .query_row(params![store.id.as_str()], |row| row.get(0))?;
    let mut resource = object(json!({
        "type": "memory_store", "memory_store_id": store.id, "access": access,
        "name": store.name, "description": description, "mount_path": mount_path(&store.name),
    }));
    resource.insert("instructions".to_owned(), instructions.map_or(Value::Null, Value::from));
    Ok(resource)
}

/// Checks resources as a request gives them: what they are, and that the stores among them can be attached.
pub(super) fn check(db: &Connection, resources: &[Object], is_self_hosted: bool) -> Result<(), Failure> {
    check_new(db, resources, &[], is_self_hosted)
}

/// As [`check`], of resources that take the place of others: a store that was there before can stay,
/// whatever has become of it.
pub(super) fn check_new(
    db: &Connection,
    resources: &[Object],
    before: &[Object],
    is_self_hosted: bool,
) -> Result<(), Failure> {
    let mut named: Vec<&str> = Vec::new();
    for (at, resource) in resources.iter().enumerate() {
        let place = format!("resources[{at}]");
        let kind = text(&place, resource, "type")?;
        word(&format!("{place}.type"), kind, &["memory_store", "file", "github_repository"])?;
        if is_self_hosted && kind != "memory_store" {
            return Err(invalid(format!("{place}: a self-hosted environment takes memory stores only")));
        }
        match kind {
            "memory_store" => {
                only(&place, resource, &["type", "memory_store_id", "access", "instructions"])?;
                let access = text_opt(&place, resource, "access")?.unwrap_or("read_write");
                word(&format!("{place}.access"), access, &["read_write", "read_only"])?;
                let instructions = text_opt(&place, resource, "instructions")?.unwrap_or_default();
                length(&format!("{place}.instructions"), instructions, 0, 4_096)?;
                let id = text(&place, resource, "memory_store_id")?;
                if named.contains(&id) {
                    return Err(invalid(format!("{place}.memory_store_id: `{id}` is attached twice")));
                }
                named.push(id);
                let is_it = |kept: &Object| kept.get("memory_store_id").and_then(Value::as_str) == Some(id);
                if !before.iter().any(is_it) && store(db, &place, id)?.archived_at.is_some() {
                    let message = format!("{place}.memory_store_id: memory store `{id}` is archived");
                    return Err(invalid(message));
                }
            }
            "file" => {
                only(&place, resource, &["type", "file_id", "mount_path"])?;
                length(&format!("{place}.file_id"), text(&place, resource, "file_id")?, 1, 256)?;
                text_opt(&place, resource, "mount_path")?;
            }
            _ => {
                let fields = ["type", "url", "authorization_token", "checkout", "mount_path"];
                only(&place, resource, &fields)?;
                length(&format!("{place}.url"), text(&place, resource, "url")?, 1, 2_048)?;
                text_opt(&place, resource, "authorization_token")?;
                text_opt(&place, resource, "mount_path")?;
                checkout(&place, resource)?;
            }
        }
    }
    if named.len() > STORES_LIMIT {
        return Err(invalid(format!(
            "resources cannot contain more than {STORES_LIMIT} memory_store entries"
        )));
    }
    Ok(())
}

fn store(db: &Connection, place: &str, id: &str) -> Result<MemoryStore, Failure> {
    let id =
        MemoryStoreId::parse(id).map_err(|error| invalid(format!("{place}.memory_store_id: {error}")))?;
    stores::find(db, &id)
}

fn checkout(place: &str, resource: &Object) -> Result<(), Failure> {
    let place = format!("{place}.checkout");
    match resource.get("checkout") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(checkout)) => match text(&place, checkout, "type")? {
            "branch" => {
                only(&place, checkout, &["type", "name"]).and(text(&place, checkout, "name").map(drop))
            }
            "commit" => only(&place, checkout, &["type", "sha"]).and(text(&place, checkout, "sha").map(drop)),
            _ => Err(invalid(format!("{place}.type: must be one of branch, commit"))),
        },
        Some(_) => Err(invalid(format!("{place}: must be an object"))),
    }
}

/// Returns a checked resource as a session shows it.
pub(super) fn shown(db: &Connection, resource: &Object, now: Timestamp) -> Result<Object, Failure> {
    let given = |name: &str| resource.get(name).and_then(Value::as_str);
    let file_id = given("file_id").unwrap_or_default();
    Ok(match given("type") {
        Some("memory_store") => {
            let store = store(db, "resources", given("memory_store_id").unwrap_or_default())?;
            store_resource(db, &store, given("access").unwrap_or("read_write"), given("instructions"))?
        }
        Some("file") => object(json!({
            "type": "file", "id": mint::session_resource(), "file_id": file_id,
            "mount_path": given("mount_path").map_or_else(|| format!("/mnt/session/uploads/{file_id}"), str::to_owned),
            "created_at": now, "updated_at": now,
        })),
        _ => {
            let url = given("url").unwrap_or_default();
            let name = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let name = name.strip_suffix(".git").unwrap_or(name);
            object(json!({
                "type": "github_repository", "id": mint::session_resource(), "url": url,
                "checkout": resource.get("checkout"),
                "mount_path": given("mount_path").map_or_else(|| format!("/workspace/{name}"), str::to_owned),
                "created_at": now, "updated_at": now,
            }))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_mounted_under_its_name_made_plain() {
        assert_eq!(mount_path("Support: EU & US"), "/mnt/memory/support-eu-us");
        assert_eq!(mount_path("  notes!"), "/mnt/memory/notes");
        assert_eq!(mount_path("日本"), "/mnt/memory/store");
    }
}
