//! Stores, memories and writes.

use std::sync::Arc;

use dreamrun::backend::{PastMemory, Refusal};
use dreamrun::clock::Clock;
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::{ContentHash, MEMORY_BYTES_LIMIT, MemoryWrite};
use dreamrun::snapshot::{Change, SnapshotIndex};
use jiff::SignedDuration;

use crate::support::NamedMinds;
use crate::world::{World, held, path, refusal};

fn put(at: &str, content: &str, expected: Option<&str>) -> MemoryWrite {
    MemoryWrite::Put { path: path(at), content: Arc::from(content), expected: expected.map(ContentHash::of) }
}

fn delete(at: &str, expected: &str) -> MemoryWrite {
    MemoryWrite::Delete { path: path(at), expected: ContentHash::of(expected) }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect()
}

fn open<W: World>() -> W {
    W::open(NamedMinds::default())
}

pub(crate) async fn a_snapshot_holds_what_was_written<W: World>() {
    let world: W = open();
    let store = world.store(&[("/b.md", "two"), ("/a/x.md", ""), ("/ü.md", "nul \0 and 🦀")]).await;
    let snapshot = world.backend().snapshot(&store).await.unwrap();
    assert_eq!(held(&snapshot), pairs(&[("/a/x.md", ""), ("/b.md", "two"), ("/ü.md", "nul \0 and 🦀")]));
    for memory in snapshot.iter() {
        assert_eq!(memory.hash, ContentHash::of(memory.content.as_bytes()));
        assert!(memory.version.is_some());
    }
    assert_eq!(world.backend().store(&store).await.unwrap().id, store);
    let nowhere = MemoryStoreId::parse("memstore_none").unwrap();
    assert_eq!(refusal(world.backend().snapshot(&nowhere).await), Refusal::NotFound);
    assert_eq!(refusal(world.backend().store(&nowhere).await), Refusal::NotFound);
    assert_eq!(refusal(world.backend().write(&nowhere, &[put("/a", "x", None)]).await), Refusal::NotFound);
}

pub(crate) async fn a_snapshot_is_not_moved_by_later_writes<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one"), ("/b", "two")]).await;
    let before = world.backend().snapshot(&store).await.unwrap();
    let writes = [put("/a", "changed", Some("one")), delete("/b", "two"), put("/c", "new", None)];
    world.backend().write(&store, &writes).await.unwrap();
    let after = world.backend().snapshot(&store).await.unwrap();
    assert_eq!(held(&before), pairs(&[("/a", "one"), ("/b", "two")]));
    assert_eq!(held(&after), pairs(&[("/a", "changed"), ("/c", "new")]));
    assert_ne!(before.get(&path("/a")).unwrap().version, after.get(&path("/a")).unwrap().version);
}

pub(crate) async fn a_put_needs_what_it_expects<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one")]).await;
    for write in [put("/a", "mine", None), put("/a", "mine", Some("other")), put("/b", "mine", Some("one"))] {
        assert_eq!(refusal(world.backend().write(&store, &[write]).await), Refusal::Conflict);
    }
    world.backend().write(&store, &[put("/a", "mine", Some("one"))]).await.unwrap();
    assert_eq!(held(&world.backend().snapshot(&store).await.unwrap()), pairs(&[("/a", "mine")]));
}

pub(crate) async fn a_delete_needs_what_it_expects<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one")]).await;
    assert_eq!(refusal(world.backend().write(&store, &[delete("/a", "other")]).await), Refusal::Conflict);
    world.backend().write(&store, &[delete("/a", "one")]).await.unwrap();
    assert!(world.backend().snapshot(&store).await.unwrap().is_empty());
}

pub(crate) async fn writes_stop_at_the_first_conflict_and_keep_the_earlier<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one")]).await;
    let writes = [put("/b", "kept", None), put("/a", "mine", Some("other")), put("/c", "never", None)];
    assert_eq!(refusal(world.backend().write(&store, &writes).await), Refusal::Conflict);
    assert_eq!(
        held(&world.backend().snapshot(&store).await.unwrap()),
        pairs(&[("/a", "one"), ("/b", "kept")])
    );
}

pub(crate) async fn a_repeated_write_succeeds<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one"), ("/b", "two")]).await;
    let writes = [put("/a", "changed", Some("one")), delete("/b", "two"), put("/c", "new", None)];
    world.backend().write(&store, &writes).await.unwrap();
    let once = world.backend().snapshot(&store).await.unwrap();
    world.backend().write(&store, &writes).await.unwrap();
    assert_eq!(world.backend().snapshot(&store).await.unwrap(), once);
}

pub(crate) async fn no_memory_is_the_folder_of_another<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a/b/c", "x"), ("/a/b0", "y"), ("/d", "z")]).await;
    for at in ["/a", "/a/b", "/a/b/c/d/e", "/d/e"] {
        let result = world.backend().write(&store, &[put(at, "no", None)]).await;
        assert_eq!(refusal(result), Refusal::Conflict, "{at}");
    }
    // Once the place is free it can be taken.
    world.backend().write(&store, &[delete("/a/b/c", "x"), put("/a/b", "yes", None)]).await.unwrap();
}

pub(crate) async fn a_memory_has_a_largest_size<W: World>() {
    let world: W = open();
    let store = world.store(&[]).await;
    let largest = "x".repeat(MEMORY_BYTES_LIMIT);
    world.backend().write(&store, &[put("/a", &largest, None)]).await.unwrap();
    let result = world.backend().write(&store, &[put("/b", &(largest + "x"), None)]).await;
    assert_eq!(refusal(result), Refusal::Invalid);
}

pub(crate) async fn past_contents_can_be_had<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one"), ("/b", "two")]).await;
    let writes = [put("/a", "changed", Some("one")), delete("/b", "two")];
    world.backend().write(&store, &writes).await.unwrap();
    let wanted = [("/a", "one"), ("/b", "two"), ("/a", "changed"), ("/a", "never"), ("/b", "one")];
    let wanted = wanted.map(|(at, content)| PastMemory {
        path: path(at),
        hash: ContentHash::of(content),
        version: None,
    });
    let found = world.backend().contents(&store, &wanted).await.unwrap();
    let found: Vec<_> = found.iter().map(|m| (m.path.to_string(), m.content.to_string())).collect();
    assert_eq!(found, pairs(&[("/a", "one"), ("/b", "two"), ("/a", "changed")]));
}

pub(crate) async fn a_store_of_several_pages_is_read_whole<W: World>() {
    let world: W = open();
    let many: Vec<(String, String)> = (0..230).map(|n| (format!("/m/{n}"), format!("text {n}"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    let store = world.store(&many).await;
    let index = world.backend().index(&store).await.unwrap();
    assert_eq!(index.entries.len(), 230);
    assert_eq!(index, world.backend().snapshot(&store).await.unwrap().index());
    world
        .backend()
        .write(&store, &[put("/m/7", "changed", Some("text 7")), delete("/m/8", "text 8")])
        .await
        .unwrap();
    let snapshot = world.backend().snapshot(&store).await.unwrap();
    assert_eq!(snapshot.len(), 229);
    assert_eq!(&*snapshot.get(&path("/m/7")).unwrap().content, "changed");
    assert_eq!(world.backend().index(&store).await.unwrap(), snapshot.index());
}

pub(crate) async fn a_deleted_store_is_gone<W: World>() {
    let world: W = open();
    let gone = world.store(&[("/a", "shared"), ("/b", "alone")]).await;
    let stays = world.store(&[("/a", "shared")]).await;
    world.backend().delete_store(&gone).await.unwrap();
    world.backend().delete_store(&gone).await.unwrap();
    assert_eq!(refusal(world.backend().store(&gone).await), Refusal::NotFound);
    assert_eq!(held(&world.backend().snapshot(&stays).await.unwrap()), pairs(&[("/a", "shared")]));
}

pub(crate) async fn an_index_is_a_snapshot_without_its_text<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one"), ("/b/c", ""), ("/ü", "🦀")]).await;
    world.backend().write(&store, &[put("/a", "two", Some("one")), delete("/b/c", "")]).await.unwrap();
    let snapshot = world.backend().snapshot(&store).await.unwrap();
    let index = world.backend().index(&store).await.unwrap();
    assert_eq!(index, snapshot.index());
    assert!(index.entries.values().all(|entry| entry.version.is_some()));
    let empty = world.store(&[]).await;
    assert!(world.backend().index(&empty).await.unwrap().entries.is_empty());
    let nowhere = MemoryStoreId::parse("memstore_none").unwrap();
    assert_eq!(refusal(world.backend().index(&nowhere).await), Refusal::NotFound);
}

pub(crate) async fn the_past_of_a_store_can_be_listed<W: World>() {
    let world: W = open();
    let began = world.clock().now();
    let minute = SignedDuration::from_mins(1);
    world.clock().advance(minute);
    let store = world.store(&[("/a", "one"), ("/b", "two")]).await;
    let mut seen = vec![(world.clock().now(), world.backend().index(&store).await.unwrap())];
    let changes: [&[MemoryWrite]; 4] = [
        &[put("/a", "changed", Some("one"))],
        &[delete("/b", "two"), put("/b/c", "below", None)],
        &[put("/a", "one", Some("changed")), delete("/b/c", "below")],
        &[put("/b", "two", None)],
    ];
    for writes in changes {
        world.clock().advance(minute);
        world.backend().write(&store, writes).await.unwrap();
        seen.push((world.clock().now(), world.backend().index(&store).await.unwrap()));
    }
    world.clock().advance(minute);
    for (at, index) in &seen {
        for at in [*at, *at + SignedDuration::from_secs(59)] {
            assert_eq!(world.backend().index_at(&store, at).await.unwrap(), *index, "{at}");
        }
    }
    assert!(world.backend().index_at(&store, began).await.unwrap().entries.is_empty());
    let versions = world.backend().versions(&store).await.unwrap();
    let mut kept: Vec<_> = versions.iter().map(|past| (past.path.as_str(), past.hash)).collect();
    kept.sort();
    let texts = ["changed", "one", "one", "two", "two", "below"].map(ContentHash::of);
    let paths = ["/a", "/a", "/a", "/b", "/b", "/b/c"];
    let mut expected: Vec<_> = paths.into_iter().zip(texts).collect();
    expected.sort();
    assert_eq!(kept, expected, "what was deleted since is kept too");
    assert_eq!(world.backend().contents(&store, &versions).await.unwrap().len(), versions.len());
    let told = |changes: Vec<Change>| -> Vec<String> {
        let name = |change: &Change| {
            let text = ["changed", "one", "two", "below"]
                .into_iter()
                .find(|text| change.holds.as_ref().is_some_and(|held| held.hash == ContentHash::of(text)));
            format!("{} {}", change.path.as_ref().unwrap(), text.unwrap_or("-"))
        };
        changes.iter().rev().map(name).collect()
    };
    let all = ["/a one", "/b two", "/a changed", "/b -", "/b/c below", "/a one", "/b/c -", "/b two"];
    let newest = [6, 5, 3, 1, 0];
    for (count, (at, index)) in newest.into_iter().zip(&seen) {
        let changes = world.backend().changes(&store, index).await.unwrap();
        assert!(changes.iter().take(count).all(|change| change.at > *at), "{changes:?}");
        // What was taken away before the last version that the index names is among them, too.
        let told = told(changes);
        assert!(told.len() >= count && told == all[all.len() - told.len()..], "{told:?}");
    }
    assert_eq!(told(world.backend().changes(&store, &SnapshotIndex::default()).await.unwrap()), all);
    let nowhere = MemoryStoreId::parse("memstore_none").unwrap();
    assert_eq!(refusal(world.backend().index_at(&nowhere, began).await), Refusal::NotFound);
    assert_eq!(refusal(world.backend().versions(&nowhere).await), Refusal::NotFound);
    assert_eq!(
        refusal(world.backend().changes(&nowhere, &SnapshotIndex::default()).await),
        Refusal::NotFound
    );
}

pub(crate) async fn past_contents_can_be_had_by_their_versions<W: World>() {
    let world: W = open();
    let store = world.store(&[("/a", "one"), ("/b", "two"), ("/same", "one")]).await;
    let before = world.backend().index(&store).await.unwrap();
    let writes = [
        put("/a", "changed", Some("one")),
        put("/a", "one", Some("changed")),
        delete("/b", "two"),
        put("/same", "other", Some("one")),
    ];
    world.backend().write(&store, &writes).await.unwrap();
    let wanted: Vec<PastMemory> = before
        .entries
        .iter()
        .map(|(path, entry)| PastMemory {
            path: path.clone(),
            hash: entry.hash,
            version: entry.version.clone(),
        })
        .collect();
    let found = world.backend().contents(&store, &wanted).await.unwrap();
    let texts: Vec<_> = found.iter().map(|m| (m.path.to_string(), m.content.to_string())).collect();
    assert_eq!(texts, pairs(&[("/a", "one"), ("/b", "two"), ("/same", "one")]));
    for (memory, wanted) in found.iter().zip(&wanted) {
        assert_eq!(memory.hash, wanted.hash);
    }
}
