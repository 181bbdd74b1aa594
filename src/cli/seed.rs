//! `serve --seed`: a world read from a file, and put into the folder of the server.

use std::path::Path;

use crate::backend::local::{LocalBackend, SeedError, World};
use crate::report::words::count;
use crate::spec::problem::Problem;
use crate::spec::source::{FILE_BYTES_LIMIT, SourceFile};

use super::exit::{CliError, ExitCode};
use super::{Call, files};

/// Reads the file that a world is in.
pub(super) fn read(call: &Call<'_>, file: &Path) -> Result<World, CliError> {
    let bytes = files::read(call, file, FILE_BYTES_LIMIT as u64 + 1)?;
    let source =
        SourceFile::from_bytes(file, bytes).map_err(|problem| bad_world(call, vec![*problem], &[]))?;
    World::read(source.clone()).map_err(|problems| bad_world(call, problems, &[source]))
}

/// Shows what is wrong with a world.
fn bad_world(call: &Call<'_>, problems: Vec<Problem>, sources: &[SourceFile]) -> CliError {
    super::problems::show(call, &call.folder, &problems, sources);
    let mut error = CliError::new(ExitCode::InvalidFiles, "the world was not loaded");
    error.problems = problems;
    error
}

/// Puts a world into the database, and says how much it was.
pub(super) fn sow(call: &Call<'_>, local: &LocalBackend, world: &World) -> Result<(), CliError> {
    let seeded = local.seed(world).map_err(|error| match error {
        SeedError::Invalid(problem) => bad_world(call, vec![*problem], &[world.file().clone()]),
        SeedError::Local(error) => CliError::caused(ExitCode::Unexpected, &error),
    })?;
    let counts = [
        (seeded.agents, "agent", "agents"),
        (seeded.environments, "environment", "environments"),
        (seeded.stores, "store", "stores"),
        (seeded.memories, "memory", "memories"),
        (seeded.deployments, "deployment", "deployments"),
        (seeded.sessions, "session", "sessions"),
        (seeded.events, "event", "events"),
    ];
    let made = counts.iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| count(*n, one, many));
    let made: Vec<String> = made.collect();
    let made = if made.is_empty() { "nothing new".to_owned() } else { made.join(", ") };
    let known = seeded.known;
    let file = world.file().path().display();
    call.console.say(&format!("Loaded from {file}: {made}; {known} already there.\n"));
    Ok(())
}
