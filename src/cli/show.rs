//! `dreamrun show`: one run, whole.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::journal::event::Recorded;
use crate::journal::run_state::Phase;
use crate::journal::{self, Journal};
use crate::report::gates_text::verdicts_text;
use crate::report::run_text::{Screen, run_text};
use crate::report::run_view::RunView;
use crate::report::three_way::{ThreeWay, has_three_ways, three_ways_text};
use crate::report::words::line;
use crate::run::past::Past;

use super::answer::Answer;
use super::console::Volume;
use super::exit::CliError;
use super::workspace::Workspace;
use super::{Call, diff, places, reports, runs, watch};

/// Options of `show`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The run: its id, an unambiguous beginning of it, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    run: String,
    /// Tell what its dream reads and writes until it ends, whoever drives the run
    #[arg(long)]
    follow: bool,
    /// Write a report to a file: one page of HTML that needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a comment for a pull request to a file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the gates' verdicts to a file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Let memory text into the comment, redacted
    #[arg(long, requires = "markdown")]
    content: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    run: RunView,
    /// The memories that both agents and the dream changed, three ways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    three_way: Vec<ThreeWay>,
    events: Vec<Recorded>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_project(call)?;
    let state = workspace.state_read_only(call).await?;
    let state = state.as_deref();
    let mut journal = runs::find(state, &options.run).await?;
    if let Some(state) = state.filter(|_| options.follow) {
        journal = watch::watch(call, &workspace, state, journal).await?;
    }
    let view = RunView::of(journal.run(), journal.state());
    let console = &call.console;
    let is_whole = console.volume == Volume::Verbose;
    let set_at = places::set_at(&workspace, journal.state());
    console.say(&run_text(&view, journal.state(), &Screen { paint: console.paint, is_whole, set_at }));
    // Of a run that waits for a person, what stands in the way says more than what does not.
    let waits = matches!(journal.state().phase, Phase::AwaitingReview(_) | Phase::Blocked(_));
    if !view.verdicts.is_empty() && (is_whole || !waits) {
        console.say("\n");
        console.say(&verdicts_text(&view.verdicts, console.paint));
    }
    let three_way = three_way(call, &workspace, &journal).await;
    console.say(&three_ways_text(&three_way, is_whole, console.paint));
    let files = reports::Files {
        html: options.html.as_deref(),
        markdown: options.markdown.as_deref(),
        junit: options.junit.as_deref(),
        has_content: options.content,
    };
    reports::write(call, &workspace, state, &journal, &view, &files).await?;
    let events = match state {
        Some(state) => journal::read(state, journal.run()).await?,
        None => Vec::new(),
    };
    if is_whole {
        console.say("\n");
        for recorded in &events {
            console.say(&format!("  {:>4}  {:.0}  {}\n", recorded.seq, recorded.at, recorded.event.name()));
        }
    }
    Ok(Answer::new(view.phase, Shown { run: view, three_way, events }))
}

/// Gathers what both agents and the dream changed. What a run did is told from its journal also where the
/// backend cannot be asked; then this is left out and that is said.
async fn three_way(call: &Call<'_>, workspace: &Workspace, journal: &Journal) -> Vec<ThreeWay> {
    if !has_three_ways(journal.state()) {
        return Vec::new();
    }
    let archive = workspace.archive();
    let gathered = async {
        let opened = workspace.backend(call, false)?;
        let past = Past { backend: opened.backend.as_ref(), archive: archive.as_ref() };
        diff::three_way(past, journal.state()).await
    };
    gathered.await.unwrap_or_else(|error| {
        let console = &call.console;
        let words = format!("what both sides changed cannot be shown: {error}");
        console.say(&format!("\n{} {}\n", console.paint.warn("note:"), line(&words)));
        Vec::new()
    })
}
