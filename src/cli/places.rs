//! Where a pipeline's file sets what a run was held against.

use std::collections::BTreeMap;

use crate::journal::run_state::RunState;
use crate::plan::fingerprint::Fingerprint;
use crate::spec;

use super::workspace::{Workspace, read_source};

/// Returns where each gate and the budget of a run are set, such as `pipelines/tidy.yaml:12`; nothing if the
/// file is gone or says something else by now.
pub(super) fn set_at(workspace: &Workspace, state: &RunState) -> Option<BTreeMap<String, String>> {
    let pipeline = workspace.pipelines.get(&state.plan.pipeline)?;
    let edits = state.plan.fingerprint.explain(&Fingerprint::of(pipeline));
    // Of all settings, a run may have taken over a later budget.
    if edits.iter().any(|edit| !edit.starts_with("budget: ")) {
        return None;
    }
    let source = read_source(&workspace.root, &pipeline.file, &[]).ok()?;
    let file = pipeline.file.display();
    let place = |keys: &[&str]| spec::exact_line_of(&source, keys).map(|line| format!("{file}:{line}"));
    let verdicts = state.judgment.iter().flat_map(|judgment| &judgment.verdicts);
    let gates = verdicts
        .filter_map(|verdict| Some((verdict.gate.clone(), place(&["gates", verdict.gate.as_str()])?)));
    let budget = place(&["budget", "max_usd"]).map(|place| ("budget".to_owned(), place));
    Some(gates.chain(budget).collect())
}
