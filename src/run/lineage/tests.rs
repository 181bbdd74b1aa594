//! Aliases told from stores and dreams, clear and unclear.

use super::*;
use crate::backend::MemoryStore;
use crate::dream::Usage;
use crate::ids::RunId;
use crate::memory::ContentHash;

fn store(id: &str) -> MemoryStoreId {
    MemoryStoreId::parse(id).unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn sessions(ids: &[&str]) -> BTreeSet<SessionId> {
    ids.iter().map(|id| SessionId::parse(*id).unwrap()).collect()
}

fn alias() -> Alias {
    Alias::parse("notes").unwrap()
}

/// The world of an alias that began with `a`.
#[derive(Default)]
struct World {
    stores: Vec<ListedStore>,
    dreams: Vec<Dream>,
    known: BTreeSet<DreamId>,
}

impl World {
    fn untagged(mut self, id: &str) -> Self {
        let store =
            MemoryStore { id: store(id), name: id.to_owned(), created_at: second(0), archived_at: None };
        self.stores.push(ListedStore { store, tags: None });
        self
    }

    fn tagged(self, id: &str, role: Role, generation: u64, run: Option<u32>) -> Self {
        let mut world = self.untagged(id);
        let since = second(100 * i64::try_from(generation).unwrap());
        let adoption = run.map(|number| Adoption {
            run: RunId::new(PipelineName::parse("tidy").unwrap(), number),
            at: since,
            hash: ContentHash::of(id),
        });
        let tags = StoreTags { alias: alias(), root: store("a"), role, generation, since, adoption };
        world.stores.last_mut().unwrap().tags = Some(tags);
        world
    }

    /// Adds a dream named after what it wrote, newest first.
    fn dream(mut self, from: &str, to: &str, status: DreamStatus, read: &[&str]) -> Self {
        let dream = Dream {
            id: DreamId::parse(format!("drm-{to}")).unwrap(),
            status,
            store: store(from),
            sessions: sessions(read).into_iter().collect(),
            model: "m".to_owned(),
            instructions: None,
            output: Some(store(to)),
            usage: Usage::default(),
            error: None,
            created_at: second(0),
            ended_at: None,
            progress: None,
        };
        self.dreams.insert(0, dream);
        self
    }

    fn trace(&self) -> Result<Option<Lineage>, Unclear> {
        let (alias, root) = (alias(), store("a"));
        let Self { stores, dreams, known } = self;
        trace(&Traces { alias: &alias, root: &root, stores, dreams, known })
    }

    fn told(&self) -> Lineage {
        self.trace().unwrap().unwrap()
    }
}

const DONE: DreamStatus = DreamStatus::Completed;

/// Two adoptions, the second by a chain of two dreams.
fn twice_adopted() -> World {
    World::default()
        .untagged("a")
        .dream("a", "b", DONE, &["1"])
        .tagged("b", Role::Live, 1, Some(1))
        .dream("b", "b2", DONE, &["2"])
        .untagged("b2")
        .dream("b2", "c", DONE, &["3"])
        .tagged("c", Role::Live, 2, Some(2))
}

#[test]
fn the_newest_generation_is_live_and_what_led_to_it_was_read() {
    let lineage = twice_adopted().told();
    assert_eq!((lineage.active.as_str(), lineage.generation), ("c", 2));
    assert_eq!(lineage.read, sessions(&["1", "2", "3"]));
    let previous: Vec<_> = lineage.previous.iter().map(|p| (p.store.as_str(), p.retired_at)).collect();
    assert_eq!(previous, [("b", second(200)), ("a", second(100))]);
    assert_eq!(lineage.previous[0].read, sessions(&["1"]));
    assert_eq!(lineage.adoption.unwrap().run.number(), 2);
    assert_eq!(lineage.finished.values().collect::<Vec<_>>(), [&second(200)]);
    assert_eq!((lineage.loose.len(), lineage.presumed, lineage.brought_back_at), (0, 0, None));
}

#[test]
fn after_a_rollback_what_only_the_store_that_gave_way_holds_is_unread() {
    let mut world = twice_adopted();
    world.stores.retain(|listed| listed.store.id != store("b"));
    let lineage = world.tagged("b", Role::BroughtBack, 3, Some(1)).told();
    assert_eq!((lineage.active.as_str(), lineage.brought_back_at), ("b", Some(second(300))));
    assert_eq!(lineage.read, sessions(&["1"]));
    let previous: Vec<_> = lineage.previous.iter().map(|previous| previous.store.as_str()).collect();
    assert_eq!(previous, ["c", "a"]);
    assert!(lineage.loose.is_empty(), "what was rolled back is not offered again");
}

#[test]
fn dreams_that_changed_nothing_were_copied_or_are_gone_have_been_read_and_declined_ones_have_not() {
    let lineage = twice_adopted()
        .dream("c", "same", DONE, &["4"])
        .tagged("same", Role::Unchanged, 2, None)
        .dream("c", "into", DONE, &["5"])
        .tagged("into", Role::Copied, 2, None)
        .dream("c", "deleted", DONE, &["6"])
        .dream("c", "no", DONE, &["7"])
        .tagged("no", Role::Declined, 2, None)
        .dream("c", "bad", DreamStatus::Failed, &["8"])
        .told();
    assert_eq!(lineage.read, sessions(&["1", "2", "3", "4", "5", "6"]));
    assert_eq!((lineage.presumed, lineage.loose.len()), (1, 0));
}

#[test]
fn what_was_found_unchanged_upon_a_store_that_was_rolled_back_is_unread() {
    let mut world = twice_adopted().dream("c", "same", DONE, &["4"]).tagged("same", Role::Unchanged, 2, None);
    world.stores.retain(|listed| listed.store.id != store("b"));
    assert_eq!(world.tagged("b", Role::BroughtBack, 3, Some(1)).told().read, sessions(&["1"]));
}

#[test]
fn a_chain_that_nobody_adopted_is_offered_whole() {
    let world = twice_adopted()
        .dream("c", "d", DONE, &["4"])
        .untagged("d")
        .dream("d", "e", DreamStatus::Running, &["5"])
        .untagged("e");
    let names = |lineage: &Lineage| {
        let chain = |chain: &Vec<Dream>| chain.iter().map(|d| d.id.to_string()).collect::<Vec<_>>();
        lineage.loose.iter().map(chain).collect::<Vec<_>>()
    };
    assert_eq!(names(&world.told()), [["drm-d", "drm-e"]]);
    let known = BTreeSet::from([DreamId::parse("drm-d").unwrap()]);
    assert!(World { known, ..world }.told().loose.is_empty(), "a run has it");
}

#[test]
fn without_tags_and_dreams_there_is_nothing_to_rebuild() {
    assert_eq!(World::default().untagged("a").trace(), Ok(None));
    let other = World::default().untagged("a").dream("x", "y", DONE, &["1"]).untagged("y");
    assert_eq!(other.trace(), Ok(None), "somebody else's dream");
}

#[test]
fn an_alias_of_the_same_name_that_began_elsewhere_is_somebody_elses() {
    let mut world = twice_adopted();
    for listed in &mut world.stores {
        if let Some(tags) = &mut listed.tags {
            tags.root = store("z");
        }
    }
    world.dreams.clear();
    assert_eq!(world.trace(), Ok(None));
}

#[test]
fn what_is_not_clear_is_named() {
    let twice = twice_adopted().tagged("d", Role::Live, 2, Some(9));
    let mut archived = twice_adopted();
    archived.stores.last_mut().unwrap().store.archived_at = Some(second(1));
    let mut running = twice_adopted();
    running.dreams[0].status = DreamStatus::Running;
    let table = [
        (twice, "`c` and `d` both say that they are generation 2 of `notes`"),
        (archived, "`c`, the last live store of `notes`, is archived"),
        (running, "`c` says that it is live as `notes`, and dream `drm-c`, which wrote it, is running"),
    ];
    for (world, words) in table {
        assert_eq!(world.trace().unwrap_err().to_string(), words);
    }
}
