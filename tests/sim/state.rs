//! State, simulated: one map for all processes, and every way in which a write or a look can fail.

use async_trait::async_trait;
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};

use super::faults::{Broken, Fault};
use super::process::Port;
use super::world::{World, enter};

/// State as one process reaches it.
pub(crate) struct SimState(pub(crate) Port);

fn unavailable(action: &'static str) -> StateError {
    let (place, reason) = ("the simulator".to_owned(), "a fault was injected".to_owned());
    StateError::Unavailable { action, place, reason }
}

fn in_doubt(key: &Key) -> StateError {
    let (place, reason) = ("the simulator".to_owned(), "a fault was injected".to_owned());
    StateError::InDoubt { key: key.clone(), place, reason }
}

impl SimState {
    async fn look<T>(&self, look: impl FnOnce(&mut World) -> T) -> Result<T, StateError> {
        self.0.turn().await;
        let mut world = enter(&self.0.world);
        if world.meets(Fault::GetFailed) {
            return Err(unavailable("read"));
        }
        Ok(look(&mut world))
    }
}

fn found(world: &World, key: &Key) -> Option<Versioned> {
    let object = world.objects.get(key.as_str())?;
    Some(Versioned { bytes: object.bytes.clone(), version: Version(object.version.to_string()) })
}

/// Says whether the condition of a write holds.
fn holds(world: &World, key: &Key, when: &PutIf) -> bool {
    let object = world.objects.get(key.as_str());
    match when {
        PutIf::Absent => object.is_none() || world.is_broken(Broken::Fence),
        PutIf::Version(Version(version)) => {
            world.is_broken(Broken::Versions)
                || object.is_some_and(|object| object.version.to_string() == *version)
        }
    }
}

#[async_trait]
impl StateStore for SimState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.look(|world| found(world, key)).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        self.0.turn().await;
        let kind = event_kind(key, bytes);
        let (answer, is_lost) = {
            let mut world = enter(&self.0.world);
            if world.meets(Fault::PutFailed) {
                (Err(unavailable("write")), false)
            } else if !holds(&world, key, &when)
                || (matches!(when, PutIf::Version(_)) && world.meets(Fault::PutConflict))
            {
                (Err(StateError::Conflict { key: key.clone() }), false)
            } else if world.is_broken(Broken::Intents) && kind == "dream_requested" {
                (Ok(Version("0".to_owned())), false)
            } else {
                world.writer = self.0.process;
                let version = world.keep(key, bytes.to_vec());
                (Ok(Version(version.to_string())), world.meets(Fault::PutLost))
            }
        };
        self.0.tell(|| match &answer {
            Ok(_) if is_lost => format!("put {key} {kind}: written, the answer is lost"),
            Ok(_) => format!("put {key} {kind}"),
            Err(error) => format!("put {key} {kind}: {error}"),
        });
        self.0.turn().await;
        if is_lost { Err(in_doubt(key)) } else { answer }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.look(|world| world.listed(prefix)).await
    }

    async fn read(&self, prefix: &str) -> Result<Vec<(Key, Versioned)>, StateError> {
        let keys = self.list(prefix).await?;
        // What is read is what is there by now.
        self.look(|world| {
            keys.into_iter().filter_map(|key| Some((key.clone(), found(world, &key)?))).collect()
        })
        .await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.0.turn().await;
        let mut world = enter(&self.0.world);
        if !holds(&world, key, &PutIf::Version(version.clone())) {
            return Err(StateError::Conflict { key: key.clone() });
        }
        world.objects.remove(key.as_str());
        Ok(())
    }
}

/// Returns the kind of an event, or nothing for another object.
fn event_kind(key: &Key, bytes: &[u8]) -> String {
    if !key.as_str().starts_with("runs/") {
        return String::new();
    }
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    value["event"]["kind"].as_str().unwrap_or_default().to_owned()
}
