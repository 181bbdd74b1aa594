//! The backend, simulated: what [`Backend`] promises, and no more than that.

use std::time::Duration;

use async_trait::async_trait;
use dreamrun::backend::tags::{ListedStore, StoreTags};
use dreamrun::backend::{
    Activity, Backend, BackendError, MemoryStore, PastMemory, Refusal, SessionListing, SessionQuery,
    SessionRequest, WhenLeft,
};
use dreamrun::dream::{Dream, DreamChange, DreamRequest};
use dreamrun::ids::{DeploymentId, DreamId, MemoryStoreId, SessionId};
use dreamrun::ledger::testimony::Testimony;
use dreamrun::memory::{ContentHash, Memory, MemoryWrite};
use dreamrun::snapshot::{Change, Snapshot, SnapshotIndex};
use jiff::Timestamp;

use super::faults::{Broken, Fault};
use super::invariants;
use super::process::Port;
use super::world::{CREATE, Created, InFlight, SETTLING, World, enter};

/// The backend as one process reaches it.
pub(crate) struct SimBackend(pub(crate) Port);

type Answer<T> = Result<T, BackendError>;

fn not_sent(action: &'static str) -> BackendError {
    BackendError::NotSent { action, reason: "a fault was injected".to_owned() }
}

fn unanswered(action: &'static str) -> BackendError {
    BackendError::Unanswered { action, reason: "a fault was injected".to_owned() }
}

fn refused(action: &'static str, kind: Refusal) -> BackendError {
    BackendError::Refused { action, kind, message: format!("{kind:?}") }
}

impl SimBackend {
    /// Lets a call through, or not. The world may move on before it and after it.
    async fn call<T>(&self, action: &'static str, act: impl FnOnce(&mut World) -> Answer<T>) -> Answer<T> {
        self.0.turn().await;
        let (answer, is_lost) = {
            let mut world = enter(&self.0.world);
            if world.meets(Fault::NotSent) {
                (Err(not_sent(action)), false)
            } else if world.meets(Fault::Refused) {
                (Err(refused(action, Refusal::Internal)), false)
            } else {
                (act(&mut world), world.meets(Fault::AnswerLost))
            }
        };
        self.0.tell(|| match &answer {
            Ok(_) if is_lost => format!("{action}: done, the answer is lost"),
            Ok(_) => action.to_owned(),
            Err(error) => format!("{action}: {error}"),
        });
        self.0.turn().await;
        if is_lost { Err(unanswered(action)) } else { answer }
    }

    async fn of_store<T>(
        &self,
        action: &'static str,
        id: &MemoryStoreId,
        look: impl FnOnce(&mut super::world::Store) -> T,
    ) -> Answer<T> {
        self.call(action, |world| {
            world.stores.get_mut(id).map(look).ok_or_else(|| refused(action, Refusal::NotFound))
        })
        .await
    }
}

fn find(world: &World, id: &DreamId) -> Answer<usize> {
    let at = world.dreams.iter().position(|dreaming| dreaming.dream.id == *id);
    at.ok_or_else(|| refused("look up a dream", Refusal::NotFound))
}

/// Performs one write, if what it expects is there or what it writes is there already.
fn write(world: &mut World, id: &MemoryStoreId, write: &MemoryWrite) -> Answer<()> {
    let action = "write to a memory store";
    let is_dropped = world.is_broken(Broken::CarryOver);
    let store = world.stores.get_mut(id).ok_or_else(|| refused(action, Refusal::NotFound))?;
    let held = store.now.get(write.path()).map(|memory| memory.hash);
    let (expected, content) = match write {
        MemoryWrite::Put { content, expected, .. } => (*expected, Some(content.clone())),
        MemoryWrite::Delete { expected, .. } => (Some(*expected), None),
    };
    if held == content.as_ref().map(|text| ContentHash::of(text.as_bytes())) {
        return Ok(());
    }
    if held != expected {
        return Err(refused(action, Refusal::Conflict));
    }
    if !is_dropped {
        let at = world.time();
        if let Some(store) = world.stores.get_mut(id) {
            store.set(write.path(), content, at);
        }
    }
    Ok(())
}

#[async_trait]
impl Backend for SimBackend {
    fn kind(&self) -> &'static str {
        "managed_agents"
    }

    async fn store(&self, id: &MemoryStoreId) -> Answer<MemoryStore> {
        let created_at = Timestamp::UNIX_EPOCH;
        self.of_store("look up a memory store", id, |_| MemoryStore {
            id: id.clone(),
            name: id.to_string(),
            created_at,
            archived_at: None,
        })
        .await
    }

    async fn snapshot(&self, id: &MemoryStoreId) -> Answer<Snapshot> {
        self.of_store("read a memory store", id, |store| {
            store.seen = store.changes.len();
            store.now.clone()
        })
        .await
    }

    async fn tag(&self, id: &MemoryStoreId, _: &StoreTags) -> Answer<()> {
        self.of_store("tag a memory store", id, |_| ()).await
    }

    async fn stores(&self) -> Answer<Vec<ListedStore>> {
        self.call("list memory stores", |world| {
            let listed = world.stores.keys().map(|id| ListedStore {
                store: MemoryStore {
                    id: id.clone(),
                    name: id.to_string(),
                    created_at: Timestamp::UNIX_EPOCH,
                    archived_at: None,
                },
                tags: None,
            });
            Ok(listed.collect())
        })
        .await
    }

    async fn index(&self, id: &MemoryStoreId) -> Answer<SnapshotIndex> {
        self.of_store("list a memory store", id, |store| store.now.index()).await
    }

    async fn index_at(&self, id: &MemoryStoreId, _: Timestamp) -> Answer<SnapshotIndex> {
        self.index(id).await
    }

    async fn versions(&self, id: &MemoryStoreId) -> Answer<Vec<PastMemory>> {
        self.of_store("list a store's past", id, |store| {
            let held = |change: &Change| Some(PastMemory::of(change.path.as_ref()?, change.holds.as_ref()?));
            store.changes.iter().rev().filter_map(held).collect()
        })
        .await
    }

    async fn changes(&self, id: &MemoryStoreId, since: &SnapshotIndex) -> Answer<Vec<Change>> {
        if enter(&self.0.world).is_broken(Broken::Past) {
            return Ok(Vec::new());
        }
        let tells_all = !enter(&self.0.world).is_broken(Broken::Erasures);
        self.of_store("read a store's past", id, |store| {
            let changes = store.changes.iter().rev().take_while(|change| !since.names(change));
            changes.filter(|change| tells_all || change.path.is_some()).cloned().collect()
        })
        .await
    }

    async fn contents(&self, id: &MemoryStoreId, wanted: &[PastMemory]) -> Answer<Vec<Memory>> {
        let is_wanted =
            |memory: &&Memory| wanted.iter().any(|one| one.path == memory.path && one.hash == memory.hash);
        self.of_store("read past memories", id, |store| {
            store.past.iter().filter(is_wanted).cloned().collect()
        })
        .await
    }

    async fn write(&self, id: &MemoryStoreId, writes: &[MemoryWrite]) -> Answer<()> {
        for one in writes {
            let is_torn = enter(&self.0.world).meets(Fault::WriteTorn);
            self.0.tell(|| format!("will write {id}{}", one.path()));
            self.call("write to a memory store", |world| write(world, id, one)).await?;
            if is_torn {
                return Err(unanswered("write to a memory store"));
            }
        }
        Ok(())
    }

    async fn delete_store(&self, _: &MemoryStoreId) -> Answer<()> {
        Err(refused("delete a memory store", Refusal::NotAuthorised))
    }

    async fn sessions(&self, _: &SessionQuery) -> Answer<SessionListing> {
        self.call("list sessions", |world| {
            Ok(SessionListing { sessions: world.sessions.clone(), ..SessionListing::default() })
        })
        .await
    }

    async fn testimony(&self, _: &[SessionId]) -> Answer<Testimony> {
        self.call("read sessions", |_| Ok(Testimony::default())).await
    }

    async fn create_dream(&self, request: &DreamRequest) -> Answer<Dream> {
        let action = "create a dream";
        self.0.turn().await;
        let late = {
            let mut world = enter(&self.0.world);
            if world.meets(Fault::CreateNotSent) {
                return Err(not_sent(action));
            }
            invariants::sent(&mut world, request);
            if world.meets(Fault::CreateRefused) {
                return Err(refused(action, Refusal::Limit));
            }
            if world.meets(Fault::CreateLost) {
                None
            } else if world.meets(Fault::CreateLate) {
                let at = world.now + world.rng.below(CREATE);
                world.in_flight.push(InFlight { at, request: request.clone() });
                None
            } else {
                let dream = world.start_dream(request);
                let slow = if world.meets(Fault::CreateSlow) { world.rng.below(CREATE) } else { 0 };
                (!world.meets(Fault::CreateAnswerLost)).then_some((dream, slow))
            }
        };
        match late {
            Some((dream, slow)) => {
                self.0.turn_in(slow).await;
                Ok(dream)
            }
            None => {
                self.0.tell(|| "create a dream: no answer".to_owned());
                let wait = {
                    let mut world = enter(&self.0.world);
                    if world.rng.chance(500) { world.rng.below(CREATE) } else { 0 }
                };
                self.0.turn_in(wait).await;
                Err(unanswered(action))
            }
        }
    }

    async fn dream(&self, id: &DreamId) -> Answer<Dream> {
        self.call("look up a dream", |world| Ok(world.dreams[find(world, id)?].dream.clone())).await
    }

    async fn next_change(&self, seen: &Dream) -> Answer<Dream> {
        for _ in 0..4 {
            self.0.turn_in(10_000).await;
            let world = enter(&self.0.world);
            let dream = world.dreams[find(&world, &seen.id)?].dream.clone();
            if dream != *seen {
                return Ok(dream);
            }
        }
        self.dream(&seen.id).await
    }

    fn activity(&self, _: &DreamId, _: usize) -> Vec<Activity> {
        Vec::new()
    }

    async fn dreams_since(&self, since: Timestamp) -> Answer<Vec<Dream>> {
        self.call("list dreams", |world| {
            let now = world.now;
            let is_listed = |dreaming: &&super::world::Dreaming| {
                dreaming.listed_at <= now && dreaming.dream.created_at >= since
            };
            Ok(world.dreams.iter().rev().filter(is_listed).map(|dreaming| dreaming.dream.clone()).collect())
        })
        .await
    }

    async fn cancel_dream(&self, id: &DreamId) -> Answer<Dream> {
        self.call("cancel a dream", |world| {
            let at = find(world, id)?;
            world.stop_dream(at);
            Ok(world.dreams[at].dream.clone())
        })
        .await
    }

    async fn dream_changes(&self, _: &DreamId) -> Answer<Vec<DreamChange>> {
        Ok(Vec::new())
    }

    async fn repoint(&self, id: &DeploymentId, from: &MemoryStoreId, to: &MemoryStoreId) -> Answer<()> {
        let action = "patch a deployment";
        self.call(action, |world| {
            let store = world.deployments.get_mut(id).ok_or_else(|| refused(action, Refusal::NotFound))?;
            if *store != *from && *store != *to {
                return Err(refused(action, Refusal::Conflict));
            }
            *store = to.clone();
            Ok(())
        })
        .await
    }

    async fn create_session(&self, request: &SessionRequest) -> Answer<SessionId> {
        let action = "create a session";
        self.0.turn().await;
        let session = {
            let mut world = enter(&self.0.world);
            if world.meets(Fault::CreateNotSent) {
                return Err(not_sent(action));
            }
            if world.meets(Fault::CreateLost) {
                None
            } else {
                let session = SessionId::parse(format!("sesn_made_{}", world.created.len())).unwrap();
                let lag = if world.meets(Fault::ListLags) { world.rng.below(SETTLING) } else { 0 };
                let listed_at = world.now + lag;
                world.created.push(Created { request: request.clone(), session: session.clone(), listed_at });
                world.tell(|| format!("backend: {session} is created for {}", request.run));
                invariants::session_created(&mut world, request);
                (!world.meets(Fault::CreateAnswerLost)).then_some(session)
            }
        };
        self.0.turn().await;
        session.ok_or_else(|| unanswered(action))
    }

    async fn sessions_for(&self, request: &SessionRequest) -> Answer<Vec<SessionId>> {
        self.call("list sessions created for a run", |world| {
            let now = world.now;
            let is_it = |one: &&Created| one.request == *request && one.listed_at <= now;
            Ok(world.created.iter().filter(is_it).map(|one| one.session.clone()).collect())
        })
        .await
    }

    async fn models(&self) -> Answer<Option<Vec<String>>> {
        Ok(None)
    }

    fn settling_time(&self) -> Duration {
        let is_broken = enter(&self.0.world).is_broken(Broken::Settling);
        Duration::from_millis(if is_broken { 0 } else { SETTLING })
    }

    fn create_time(&self) -> Duration {
        let is_broken = enter(&self.0.world).is_broken(Broken::Settling);
        Duration::from_millis(if is_broken { 0 } else { CREATE })
    }

    async fn leave(&self, _: &DreamId) -> Answer<WhenLeft> {
        Ok(WhenLeft::KeepsRunning)
    }
}
