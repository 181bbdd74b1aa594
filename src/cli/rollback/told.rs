//! What is told of a rollback, to people and to programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::adoption::{Carry, Conflict, CopyState, Merged};
use crate::cli::answer::Answer;
use crate::cli::desk::Desk;
use crate::ids::{Alias, DeploymentId, MemoryStoreId, RunId, SessionId};
use crate::memory::MemoryPath;
use crate::report::words::{Paint, count, line};
use crate::run::rollback::RolledBack;
use crate::state::alias::{AliasRecord, Hold};

#[derive(Debug, Serialize)]
struct Answered {
    alias: Alias,
    record: AliasRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<TakenBack>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carry: Option<CarriedOver>,
    /// The deployments that name the earlier store again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deployments: Vec<DeploymentId>,
    /// Deployments that are left as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<PassedOver>,
    /// The session that the adoption had created, which keeps the store that gave way.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
}

/// A deployment that is left as it is.
#[derive(Debug, Serialize)]
struct PassedOver {
    deployment: DeploymentId,
    because: String,
}

/// What became of the entries that a run had copied into the store.
#[derive(Debug, Serialize)]
struct TakenBack {
    /// They are as they were before.
    restored: Vec<MemoryPath>,
    /// Agents changed them since; what the run had done to them is undone, and the agents' statements stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged: Vec<MemoryPath>,
    /// Agents changed them since; their version stays.
    conflicts: Vec<Conflict>,
    /// They stay, because something that may hold their text could not be restored.
    kept: Vec<MemoryPath>,
    /// Their text is not kept any more.
    missing: Vec<MemoryPath>,
}

impl From<CopyState> for TakenBack {
    fn from(copy: CopyState) -> Self {
        let CopyState { writes: _, written, merged, conflicts, kept, missing } = copy;
        Self { restored: written, merged, conflicts, kept, missing }
    }
}

/// What agents had written to the store that gave way, and how it came along.
#[derive(Debug, Serialize)]
struct CarriedOver {
    /// The live store holds them as agents left them, or merged.
    carried: Vec<MemoryPath>,
    /// Those whose statements were taken apart: the agents' stay, the dream's are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged: Vec<Merged>,
    /// Those that could not be taken apart.
    conflicts: Vec<Conflict>,
    /// Those that are not carried: somebody wrote there meanwhile, and that stays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<Conflict>,
}

impl From<Carry> for CarriedOver {
    fn from(carry: Carry) -> Self {
        let Carry { writes: _, carried, merged, conflicts, left } = carry;
        Self { carried, merged, conflicts, left }
    }
}

/// The store that gave way.
#[derive(Debug, Serialize)]
pub(super) struct Left {
    pub(super) store: MemoryStoreId,
    /// Whether agents wrote to it since its adoption; null if that cannot be told.
    pub(super) is_written: Option<bool>,
    /// The memories that agents wrote there and that the live store does not hold as they left them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) written: Vec<MemoryPath>,
}

pub(super) fn answered(alias: &Alias, done: RolledBack, left: Option<Left>) -> Answer {
    let RolledBack { record, copy, carry, deployments, passed_over, session } = done;
    let (copy, carry) = (copy.map(TakenBack::from), carry.map(CarriedOver::from));
    let passed_over =
        passed_over.into_iter().map(|(deployment, because)| PassedOver { deployment, because }).collect();
    let alias = alias.clone();
    Answer::new(
        "rolled_back",
        Answered { alias, record, left, copy, carry, deployments, passed_over, session },
    )
}

/// Answers for a hold that was taken off.
pub(super) fn released(alias: &Alias, record: AliasRecord) -> Answer {
    let answered = Answered {
        alias: alias.clone(),
        record,
        left: None,
        copy: None,
        carry: None,
        deployments: Vec::new(),
        passed_over: Vec::new(),
        session: None,
    };
    Answer::new("released", answered)
}

/// What is told of a rollback beside what it did.
pub(super) struct Told<'a> {
    pub(super) hold: &'a Hold,
    /// The run that is undone.
    pub(super) run: Option<&'a RunId>,
    /// Whether the alias moved just now.
    pub(super) is_new: bool,
    /// Whether what agents wrote can be carried over afterwards.
    pub(super) can_carry: bool,
}

pub(super) fn tell(desk: &Desk<'_>, alias: &Alias, done: &RolledBack, left: &Left, told: &Told<'_>) {
    let console = &desk.call.console;
    let paint = console.paint;
    let record = &done.record;
    let is_copy = done.copy.is_some();
    let say_note = |words: &str| console.say(&format!("  {} {words}\n", paint.warn("note:")));
    if told.is_new {
        console.say(&format!(
            "{} {alias} is {}{}, and on hold: {}\n",
            paint.good("rolled back:"),
            record.active,
            if is_copy { " as it was before the copy" } else { " again" },
            line(&told.hold.reason)
        ));
    } else {
        let from = &left.store;
        console.say(&format!(
            "{} from {from} to {}, which stays live\n",
            paint.good("carried:"),
            record.active
        ));
    }
    if let Some(copy) = &done.copy {
        console.say(&format!("  {} restored\n", memories(copy.written.len())));
        if !copy.merged.is_empty() {
            console.say(&format!(
                "  {} restored around what agents wrote since: {}\n",
                memories(copy.merged.len()),
                named(copy.merged.iter())
            ));
        }
        let rows: [(&str, Vec<&MemoryPath>); 3] = [
            ("changed by agents since, left as they are", conflicting(&copy.conflicts)),
            ("kept, since a memory that may hold their text was left", copy.kept.iter().collect()),
            ("not restored, since the backend keeps their text no longer", copy.missing.iter().collect()),
        ];
        for (what, paths) in rows.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            say_note(&format!("{} {what}: {}", memories(paths.len()), named(paths.into_iter())));
        }
    } else if told.is_new {
        console.say(&format!("  {} gave way and is kept\n", left.store));
    }
    if let Some(carry) = &done.carry {
        console.say(&carried_text(carry, &left.store, paint));
    }
    if !done.deployments.is_empty() {
        let deployments = count(done.deployments.len() as u64, "deployment", "deployments");
        console.say(&format!("  {deployments} patched back\n"));
    }
    for (deployment, because) in &done.passed_over {
        say_note(&format!("{deployment} is left as it is: {}", line(because)));
    }
    let mut commands = Vec::new();
    if let Some(session) = &done.session {
        console.say(&format!("  {session}, which was created for it, keeps {}\n", left.store));
        if done.carry.is_some() {
            say_note("what it goes on to write there stays there until it is carried over as well");
        }
    }
    let is_left = left.is_written == Some(true) && !is_copy && done.carry.is_none();
    if is_left && left.written.is_empty() {
        say_note("agents wrote to it since it was adopted, and what they wrote is not live any more");
    } else if is_left {
        let paths = named(left.written.iter());
        say_note(&format!("agents wrote to it since, and that is not live any more: {paths}"));
    }
    if told.can_carry && is_left || done.session.is_some() && done.carry.is_some() {
        commands.push((format!("dreamrun rollback {alias} --carry"), "carries it over to the live store"));
    }
    let is_short = |carry: &Carry| !carry.conflicts.is_empty() || !carry.left.is_empty();
    let has_conflicts = done.carry.as_ref().is_some_and(is_short);
    if is_left || has_conflicts {
        commands
            .push((format!("dreamrun diff {} {}", record.active, left.store), "shows what is left behind"));
    }
    if let (Some(copy), Some(run)) = (&done.copy, told.run)
        && let (Some(first), true) = (copy.conflicts.first(), told.hold.carrying.is_none())
    {
        let command = format!("dreamrun rollback {alias} --path {} --run {run} --carry", first.path);
        commands.push((command, "undoes what the run did there, around what agents wrote"));
    }
    commands.push((format!("dreamrun rollback {alias} --release"), "lets runs start again"));
    for (command, what) in commands {
        console.say(&format!("  {command:<44} {}\n", paint.dim(what)));
    }
}

/// Says what agents had written to a store and how it came along.
fn carried_text(carry: &Carry, from: &MemoryStoreId, paint: Paint) -> String {
    let mut text = String::new();
    if carry.carried.is_empty() && carry.conflicts.is_empty() && carry.left.is_empty() {
        return "  agents wrote nothing since that would have been left behind\n".to_owned();
    }
    if !carry.carried.is_empty() {
        let paths = named(carry.carried.iter());
        let _ = writeln!(
            text,
            "  {} that agents wrote since carried over: {paths}",
            memories(carry.carried.len())
        );
    }
    if !carry.merged.is_empty() {
        let paths = named(carry.merged.iter().map(|merged| &merged.path));
        let _ = writeln!(
            text,
            "  {} of them without what the dream did, statement by statement: {paths}",
            carry.merged.len()
        );
    }
    let (whole, blocked): (Vec<&Conflict>, Vec<&Conflict>) =
        carry.conflicts.iter().partition(|conflict| conflict.collides_with.is_none());
    let (kept, gone): (Vec<&Conflict>, Vec<&Conflict>) =
        whole.into_iter().partition(|conflict| conflict.ours.is_some());
    for (what, conflicts) in [
        ("as agents left it, with what the dream did there", kept),
        ("that agents took away and the dream had changed is back as it was before", gone),
        ("left behind, since another memory stands in the way", blocked),
    ] {
        if !conflicts.is_empty() {
            let paths = named(conflicts.iter().map(|conflict| &conflict.path));
            let _ = writeln!(text, "  {} {} {what}: {paths}", paint.warn("note:"), memories(conflicts.len()));
        }
    }
    if !carry.left.is_empty() {
        let paths = named(carry.left.iter().map(|one| &one.path));
        let stays = if carry.left.len() == 1 { "stays" } else { "stay" };
        let _ = writeln!(
            text,
            "  {} {} {stays} as somebody wrote it meanwhile; the agents' version is in {from}: {paths}",
            paint.warn("note:"),
            memories(carry.left.len())
        );
    }
    text
}

fn memories(count_of: usize) -> String {
    count(count_of as u64, "memory", "memories")
}

fn named<'p>(paths: impl Iterator<Item = &'p MemoryPath>) -> String {
    line(&paths.map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn conflicting(conflicts: &[Conflict]) -> Vec<&MemoryPath> {
    conflicts.iter().map(|conflict| &conflict.path).collect()
}
