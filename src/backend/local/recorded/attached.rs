//! What a session has attached, as its row shows it.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::backend::MemoryStore;
use crate::backend::local::error::Failure;
use crate::backend::wire::Object;

use super::object;

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
